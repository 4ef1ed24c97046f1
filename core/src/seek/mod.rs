//! Finds the samples and the edits of each track for a range of presentation time.
//!
//! The times of a request are presentation times. The edit list of a track maps them to media
//! times, and the composition offsets map these to samples. The samples are cut in decode order.
//!
//! ```text
//! timescale   of the clip's movie, a multiple of those that matter  timescale
//! timeline    of each track: its edit list in that timescale        timeline
//! tracks      that the request asks for, and the one it is cut by   tracks, language
//! start, end  moved onto frames of that track                       snap
//! each track  what its edits present between start and end          cut_track, play, hold
//!             the sample that decoding begins with                  audio_preroll, bit_reservoir,
//!                                                                   open_gop
//!             the samples, laid out one range after the other       lay_out, placed, multiplier
//!             the times of the first and the last samples           hidden, trim, ending, opus
//! ```

mod audio_preroll;
mod bit_reservoir;
mod clip;
mod cut_track;
mod ending;
mod hidden;
mod hold;
mod kind;
mod language;
mod lay_out;
mod lead_in;
mod multiplier;
mod open_gop;
mod opus;
mod placed;
mod play;
mod snap;
mod sync_points;
mod timeline;
mod timescale;
mod tracks;
mod trim;

use crate::boxes::FormatError;
use crate::describe::track_kind;
use crate::index::{Film, Index, Track};
use crate::request::{ClipRequest, Format, RequestError, Restriction, Time};
use crate::time::MovieTime;

pub use clip::{Clip, Cut, SampleRange, TrackClip};
pub use ending::Retimed;
pub use lead_in::LeadIn;
pub use sync_points::sync_points;
pub use timeline::{Segment, segments};
pub use tracks::reference_track;

use cut_track::cut_track;
use kind::holds_on;
use snap::{Clock, snap_end, snap_start};
use timeline::Timeline;
use timescale::{Waiting, movie_timescale};
use tracks::chosen_tracks;

/// Why a file cannot be cut.
#[derive(Debug, thiserror::Error)]
pub enum SeekError {
    /// The clip would begin at or past the end of the movie.
    #[error("start {start} is at or past the end of the film, {end} seconds")]
    PastEnd {
        /// When the clip would begin, in seconds.
        start: String,
        /// When the movie ends, in seconds.
        end: String,
    },
    /// The file has none of the tracks.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The file is malformed, or cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Finds what a request asks for.
///
/// # Errors
/// When the clip would begin past the end of the movie, or the file cannot be read.
pub fn seek(film: &Film<'_>, request: &ClipRequest) -> Result<Cut, SeekError> {
    let index = film.index;
    if request.is_plain() && !index.is_fragmented {
        return Ok(Cut::Whole);
    }
    let chosen = chosen_tracks(index, request)?;
    let reference = reference_track(index, |n| chosen.get(n) == Some(&true));
    let timescale = movie_timescale(index, reference, &[]);
    let cut = cut_film(film, request, &chosen, reference, timescale)?;
    let other = match Waiting::of(index, &cut) {
        Waiting::No => timescale,
        Waiting::Video(waiting) => movie_timescale(index, reference, &waiting),
        // libavformat counts the samples it skips in the media timescale, which for audio is the
        // sampling rate. The media timescale therefore stays.
        Waiting::Audio(timescale) => timescale,
    };
    if other == timescale { Ok(cut) } else { cut_film(film, request, &chosen, reference, other) }
}

/// Cuts a movie, counting in this movie timescale.
fn cut_film(
    film: &Film<'_>,
    request: &ClipRequest,
    chosen: &[bool],
    reference: Option<usize>,
    timescale: u32,
) -> Result<Cut, SeekError> {
    let Film { index, source } = film;
    let mut lines: Vec<_> =
        index.tracks.iter().map(|t| Timeline::of(t, index.mvhd.timescale, timescale)).collect();
    let film_end = film_end(index, &lines, chosen);
    for (_, line) in index.tracks.iter().zip(&mut lines).filter(|(track, _)| holds_on(track)) {
        line.hold_until(film_end);
    }
    let clock = Clock { timescale };
    let start = clock.ticks(request.start);
    if clock.exact(request.start) >= film_end.exact() {
        let seconds = |time: MovieTime| format!("{:.3}", time.seconds(timescale));
        return Err(SeekError::PastEnd { start: seconds(start), end: seconds(film_end) });
    }
    check_length(clock, request, film_end)?;
    let past_end = |end: Time| clock.exact(end) >= film_end.exact();
    let end = request.end.filter(|&end| !past_end(end));
    let all_tracks = request.tracks.is_empty() && request.lang.is_none();
    let may_be_whole = !index.is_fragmented && request.format != Format::Fragmented;
    if request.start.nanos() == 0 && end.is_none() && all_tracks && may_be_whole {
        return Ok(Cut::Whole);
    }
    let guide = reference.and_then(|r| Some((index.tracks.get(r)?, lines.get(r)?)));
    let start = match guide {
        Some((track, line)) => snap_start(track, line, source, clock, request)?,
        None => start,
    };
    let end = match (end, guide) {
        (None, _) => film_end,
        (Some(end), Some((track, line))) => snap_end(track, line, source, clock, end)?,
        (Some(end), None) => clock.ticks(end),
    };
    let end = end.max(start + MovieTime(1));
    let mut tracks = index
        .tracks
        .iter()
        .zip(&lines)
        .zip(chosen)
        .map(|((track, line), chosen)| chosen.then(|| cut_track(track, line, source, start..end)).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    leave_out_empty(&mut tracks);
    let video = guide.and_then(|(track, _)| {
        let held = tracks.get(reference?)?.as_ref().filter(|_| &track.handler.0 == b"vide")?;
        opus::lead_of(track, held)
    });
    for (track, held) in index.tracks.iter().zip(&mut tracks) {
        if let Some(held) = held {
            opus::shorten(track, held, source, video.unwrap_or(opus::Lead::NONE))?;
        }
    }
    Ok(Cut::Clip(Clip { timescale, start, duration: end - start, tracks }))
}

/// Refuses a clip that is longer than the configuration allows. Its length is that of the times that
/// were asked for: a clip may begin with a key frame before them.
fn check_length(clock: Clock, request: &ClipRequest, film_end: MovieTime) -> Result<(), RequestError> {
    let Some(longest) = request.allowed.longest else { return Ok(()) };
    let end = request.end.map_or(film_end.exact(), |end| clock.exact(end).min(film_end.exact()));
    if end > clock.exact(request.start) + clock.exact(longest) {
        return Err(Restriction::Long(longest).into());
    }
    Ok(())
}

/// Leaves out the tracks that have no samples in the clip, because Chromium fails to seek in a
/// movie with such a track. If no track has samples, all of them stay: a movie has tracks.
fn leave_out_empty(tracks: &mut [Option<TrackClip>]) {
    let is_empty = |held: &TrackClip| held.ranges.is_empty();
    if tracks.iter().flatten().all(is_empty) {
        return;
    }
    for track in tracks {
        *track = track.take().filter(|held| !is_empty(held));
    }
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
