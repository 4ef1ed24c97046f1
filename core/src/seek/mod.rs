//! Finds the samples and the edits of each track for a range of presentation time.
//!
//! The times of a request are presentation times. The edit list of a track maps them to media
//! times, and the composition offsets map these to samples. The samples are cut in decode order.
//!
//! ```text
//! timescale   of the clip's movie, a multiple of those that matter  timescale
//! timeline    of each track: its edit list in that timescale        timeline
//! tracks      that the request asks for, and the one it is cut by   tracks, language
//! scenes      start and end of each moved onto frames of that track  scenes, snap
//! each track  what its edits present in each scene                   cut_track, play, hold
//!             the sample that decoding begins with                  audio_preroll, bit_reservoir,
//!                                                                   open_gop
//!             the samples, laid out one range after the other       lay_out, placed, multiplier
//!             the times of the first and the last samples           hidden, trim, ending, opus,
//!                                                                   scene_start
//! all tracks  as much hidden between two scenes                     in_step
//!             or nothing, where one edit has to do                  joints
//! ```

mod audio_preroll;
mod bit_reservoir;
mod clip;
mod cut_track;
mod ending;
mod error;
mod hidden;
mod hold;
mod in_step;
mod joints;
mod kind;
mod language;
mod lay_out;
mod lead_in;
mod multiplier;
mod needed;
mod open_gop;
mod opus;
mod placed;
mod play;
mod scene_start;
mod scenes;
mod snap;
mod sync_points;
mod timeline;
mod timescale;
mod tracks;
mod trim;

use std::ops::Range;

use crate::boxes::FormatError;
use crate::describe::track_kind;
use crate::index::{Film, Index, Track};
use crate::request::{ClipRequest, Format, Mode, RequestError, Restriction, Time};
use crate::time::MovieTime;

pub use clip::{Clip, Cut, PlacedScene, SampleRange, TrackClip};
pub use ending::Retimed;
pub use error::SeekError;
pub use lead_in::LeadIn;
pub use sync_points::sync_points;
pub use timeline::{Segment, segments};
pub use tracks::reference_track;

use cut_track::{cut_track, plays_of_scenes};
use in_step::keep_in_step;
use joints::{EditsSeen, Joints, is_played, may_be_joined};
use kind::holds_on;
use scenes::{Guide, scenes};
use snap::Clock;
use timeline::Timeline;
use timescale::{Waiting, movie_timescale};
use tracks::chosen_tracks;

/// Finds what a request asks for.
///
/// # Errors
/// When the clip would begin past the end of the movie, or have no samples, or the file cannot be read.
pub fn seek(film: &Film<'_>, request: &ClipRequest) -> Result<Cut, SeekError> {
    seek_with(film, request, EditsSeen::All)
}

/// As [`seek`], for players of segments. They look at no edit but the first of a track, and not at
/// its end: what is decoded for other samples and presented after the end precedes the last frame,
/// and scenes follow one another in the media, too, where that can be.
///
/// # Errors
/// As for [`seek`].
pub fn seek_for_segments(film: &Film<'_>, request: &ClipRequest) -> Result<Cut, SeekError> {
    seek_with(film, request, EditsSeen::First)
}

fn seek_with(film: &Film<'_>, request: &ClipRequest, edits: EditsSeen) -> Result<Cut, SeekError> {
    let index = film.index;
    if request.is_plain() && !index.is_fragmented {
        return Ok(Cut::Whole);
    }
    let chosen = chosen_tracks(index, request)?;
    let reference = reference_track(index, |n| chosen.get(n) == Some(&true));
    let timescale = movie_timescale(index, reference, &[]);
    let cut = cut_film(film, request, &chosen, (reference, edits), timescale)?;
    let other = match Waiting::of(index, &cut) {
        Waiting::No => timescale,
        Waiting::Video(waiting) => movie_timescale(index, reference, &waiting),
        // libavformat counts the samples it skips in the media timescale, which for audio is the
        // sampling rate. The media timescale therefore stays.
        Waiting::Audio(timescale) => timescale,
    };
    if other == timescale { Ok(cut) } else { cut_film(film, request, &chosen, (reference, edits), other) }
}

/// Cuts a movie, counting in this movie timescale.
fn cut_film(
    film: &Film<'_>,
    request: &ClipRequest,
    chosen: &[bool],
    (reference, edits): (Option<usize>, EditsSeen),
    timescale: u32,
) -> Result<Cut, SeekError> {
    let Film { index, source } = film;
    let mut lines = timelines(index, timescale);
    let film_end = film_end(index, &lines, chosen);
    for (_, line) in index.tracks.iter().zip(&mut lines).filter(|(track, _)| holds_on(track)) {
        line.hold_until(film_end);
    }
    let clock = Clock::new(timescale, index.mvhd.timescale);
    let seen_from = if request.mode == Mode::Keyframe { request.allowed.from } else { Time::default() };
    lines.iter_mut().for_each(|line| line.seen_from = clock.seen_from(seen_from));
    let guide = reference.and_then(|r| Some((index.tracks.get(r)?, lines.get(r)?)));
    let guide = Guide { track: guide, source, clock, film_end };
    check_length(clock, request, film_end)?;
    let all_tracks = request.tracks.is_empty() && request.lang.is_none();
    let may_be_whole = !index.is_fragmented && request.format != Format::Fragmented;
    if all_tracks && may_be_whole && guide.is_whole(request) {
        return Ok(Cut::Whole);
    }
    let scenes = scenes(&guide, request)?;
    let plays = index
        .tracks
        .iter()
        .zip(&lines)
        .zip(chosen)
        .map(|((track, line), chosen)| {
            chosen.then(|| plays_of_scenes(track, line, source, &scenes)).transpose()
        })
        .collect::<Result<Vec<_>, SeekError>>()?;
    // Few players do well with more than one edit of a track. In the mode that is for those without
    // edit lists, scenes need no more.
    let has_scenes = scenes.len() > 1;
    let wants_one_edit = edits == EditsSeen::First || has_scenes && request.mode == Mode::Keyframe;
    let joins = |n: usize, track: &Track| match edits {
        EditsSeen::First => is_played(track),
        // What other tracks show (subtitles, slides) may not go on through a pause.
        EditsSeen::All => Some(n) == reference || &track.handler.0 == b"soun",
    };
    let mut is_joined = false;
    if wants_one_edit {
        for (track, line) in index.tracks.iter().zip(&mut lines) {
            line.raise(track, source, index.is_recording())?;
        }
        is_joined = has_scenes && may_be_joined(&index.tracks, &lines, &plays, joins);
        if !is_joined && edits == EditsSeen::All {
            lines.iter_mut().for_each(Timeline::lower);
        }
    }
    let mut tracks = index
        .tracks
        .iter()
        .zip(&lines)
        .zip(plays)
        .enumerate()
        .map(|(n, ((track, line), plays))| {
            let joints = if is_joined && joins(n, track) { Joints::None } else { Joints::Edits };
            plays.map(|plays| cut_track(track, line, source, plays, (edits, joints))).transpose()
        })
        .collect::<Result<Vec<_>, FormatError>>()?;
    if !is_joined {
        keep_in_step(&index.tracks, &mut tracks, scenes.len(), timescale);
    }
    let mut tracks: Vec<_> = tracks.into_iter().map(|held| held.map(|(clip, _)| clip)).collect();
    leave_out_empty(&mut tracks);
    if tracks.iter().flatten().next().is_none() {
        return Err(presents_nothing(&scenes, timescale));
    }
    let video = reference.and_then(|reference| {
        let track = index.tracks.get(reference).filter(|track| &track.handler.0 == b"vide")?;
        opus::lead_of(track, tracks.get(reference)?.as_ref()?)
    });
    for (track, held) in index.tracks.iter().zip(&mut tracks) {
        if let Some(held) = held {
            opus::shorten(track, held, source, video.unwrap_or(opus::Lead::NONE))?;
        }
    }
    Ok(Cut::Clip(Clip { timescale, scenes, is_joined, seen_from, tracks }))
}

/// Refuses a clip that is longer than the configuration allows. Its length is that of the times that
/// were asked for: a scene may begin with a key frame before them.
fn check_length(clock: Clock, request: &ClipRequest, film_end: MovieTime) -> Result<(), RequestError> {
    let Some(longest) = request.allowed.longest else { return Ok(()) };
    let mut total = MovieTime(0).exact();
    for scene in request.scenes() {
        let end = scene.end.map_or(film_end.exact(), |end| clock.exact(end).min(film_end.exact()));
        total = total + end.since(clock.exact(scene.start));
        if total > clock.exact(longest) {
            return Err(Restriction::Long(longest).into());
        }
    }
    Ok(())
}

/// Leaves out the tracks that have no samples in the clip, because Chromium fails to seek in a
/// movie with such a track.
fn leave_out_empty(tracks: &mut [Option<TrackClip>]) {
    for track in tracks {
        *track = track.take().filter(|held| !held.ranges.is_empty());
    }
}

/// That no track has samples in these scenes: before a movie begins that its edit lists delay, or in a
/// pause of it.
fn presents_nothing(scenes: &[Range<MovieTime>], timescale: u32) -> SeekError {
    let seconds = |time: Option<MovieTime>| format!("{:.3}", time.unwrap_or_default().seconds(timescale));
    let start = scenes.iter().map(|scene| scene.start).min();
    SeekError::Empty { start: seconds(start), end: seconds(scenes.iter().map(|scene| scene.end).max()) }
}

/// What each track presents when, counted in this movie timescale.
fn timelines(index: &Index, timescale: u32) -> Vec<Timeline> {
    index.tracks.iter().map(|track| Timeline::of(track, index.mvhd.timescale, timescale)).collect()
}

/// When the movie ends as it is presented, in seconds.
pub fn presented_end(index: &Index) -> f64 {
    let reference = reference_track(index, |_| true);
    let timescale = movie_timescale(index, reference, &[]);
    let lines = timelines(index, timescale);
    film_end(index, &lines, &vec![true; lines.len()]).seconds(timescale)
}

/// When the last audio, video or text track ends. Data tracks (time codes, telemetry) may last
/// longer. They count only if there is no other track.
fn film_end(index: &Index, lines: &[Timeline], chosen: &[bool]) -> MovieTime {
    let ends = |of: fn(&Track) -> bool| {
        let tracks = index.tracks.iter().zip(lines).zip(chosen);
        tracks
            .filter(move |((track, _), chosen)| **chosen && of(track))
            .map(|((_, line), _)| line.end())
            .max()
    };
    let presented = ends(|t| track_kind(t.handler).is_some()).filter(|&end| end > MovieTime(0));
    presented.or_else(|| ends(|_| true)).unwrap_or_default()
}
