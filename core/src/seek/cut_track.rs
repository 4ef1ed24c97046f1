//! Cuts one track: its sample ranges and its edit list.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::limits;
use crate::request::RequestError;
use crate::source::ReadAt;
use crate::time::{ClipTime, MovieTime};

use super::clip::{TrackClip, placed_scenes};
use super::error::SeekError;
use super::hold;
use super::in_step::SceneIn;
use super::joints::{EditsSeen, Joints, leave_out_unheard, whole_packets};
use super::lay_out::lay_out;
use super::multiplier::negative_offset;
use super::placed::PlacedRange;
use super::play::{Play, play};
use super::timeline::Timeline;

/// Cuts the scenes of a track.
///
/// ```text
/// plays   what it presents in each scene, when the clip presents it
/// ranges  the samples that these need, laid out one after the other, scene by scene
/// edits   one for each play, with an empty edit before it if there is a pause; without joints, one
/// shift   added to edits and composition offsets alike, so that none is negative
/// ```
pub(super) fn cut_track<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    mut scenes: Vec<Vec<Play>>,
    (seen, joints): (EditsSeen, Joints),
) -> Result<(TrackClip, Vec<SceneIn>), FormatError> {
    if &track.handler.0 == b"soun" {
        if seen == EditsSeen::First {
            // Without joints, `whole_packets` chooses what the later ones begin with.
            let led_in = if joints == Joints::None { 1 } else { scenes.len() };
            leave_out_unheard(track, line, source, scenes.iter_mut().filter(|s| !s.is_empty()).take(led_in))?;
        }
        if joints == Joints::None {
            whole_packets(track, line, source, &mut scenes)?;
        }
    }
    // Whether the track waits at the start of the clip, or between two edits.
    let mut all = scenes.iter().flatten();
    let follows = all.try_fold(MovieTime(0), |end, p| (p.movie.start <= end).then_some(p.movie.end));
    let waits_in = follows.is_none().then_some(line.scales.movie);
    let (placed, multiplier) = lay_out(track, line, source, &scenes, (waits_in, seen, joints))?;
    let Some(last) = placed.iter().flatten().next_back() else {
        return Ok((TrackClip::empty(), Vec::new()));
    };
    let media_duration = ClipTime((last.start + last.len).0.max(0));
    let (mut edits, begun) = edit_list(&scenes, &placed);
    if joints == Joints::None {
        join(&mut edits);
    }
    let earliest = edits.iter().filter_map(|e| e.media_time).min().unwrap_or(0);
    let mut offset_shift = ClipTime(0) - ClipTime(earliest.min(0));
    if placed.iter().flatten().any(|p| p.range.lead_in.is_some()) {
        offset_shift = offset_shift.max(negative_offset(track).in_clip(multiplier));
    }
    offset_shift = offset_shift.max(line.raised.in_clip(multiplier));
    for edit in &mut edits {
        edit.media_time = edit.media_time.map(|t| (ClipTime(t) + offset_shift).0);
    }
    let ranges = placed.into_iter().flatten().map(|p| p.range).collect();
    Ok((TrackClip { ranges, edits, multiplier, offset_shift, media_duration, pre_skip: None }, begun))
}

/// What a track presents in each scene, at times of the clip: what each segment of its timeline has
/// there, or else its last frame.
pub(super) fn plays_of_scenes<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    scenes: &[Range<MovieTime>],
) -> Result<Vec<Vec<Play>>, SeekError> {
    let mut all = Vec::with_capacity(scenes.len());
    let mut count = 0;
    for scene in placed_scenes(scenes) {
        let mut plays = plays(track, line, source, &scene.movie)?;
        count += plays.len();
        if count > limits::EDITS {
            return Err(RequestError::TooManyEdits { most: limits::EDITS }.into());
        }
        for play in &mut plays {
            play.movie = scene.in_clip(play.movie.start)..scene.in_clip(play.movie.end);
        }
        all.push(plays);
    }
    Ok(all)
}

/// What each segment of the timeline presents in a scene.
fn plays<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    scene: &Range<MovieTime>,
) -> Result<Vec<Play>, FormatError> {
    let mut plays = Vec::new();
    for segment in &line.segments {
        let from = segment.start.max(scene.start);
        let to = segment.end.min(scene.end);
        if from < to {
            plays.extend(play(track, line, source, segment, from..to)?);
        }
    }
    if plays.is_empty() {
        plays.extend(hold::hold_last(track, line, source, scene)?);
    }
    Ok(plays)
}

/// The edit list of a clip, and where its scenes begin.
fn edit_list(scenes: &[Vec<Play>], placed: &[Vec<PlacedRange>]) -> (Vec<ElstEntry>, Vec<SceneIn>) {
    let mut edits = Edits::default();
    let (mut begun, mut range) = (Vec::new(), 0);
    for (scene, (plays, placed)) in scenes.iter().zip(placed).enumerate() {
        let mut is_first = true;
        for play in plays {
            let holding = placed.partition_point(|p| p.range.samples.start <= play.samples.start);
            let Some(held) = holding.checked_sub(1).and_then(|n| placed.get(n)) else { continue };
            edits.wait_until(play.movie.start);
            if is_first {
                let (edit, presented) = (edits.list.len(), play.movie.start);
                begun.push(SceneIn { scene, range, edit, presented });
                is_first = false;
            }
            edits.push(ElstEntry {
                segment_duration: (play.movie.end - play.movie.start).0,
                media_time: Some(held.edit_at(play.media_time).0),
                media_rate: play.rate,
            });
        }
        range += placed.len();
    }
    (edits.list, begun)
}

/// Makes all edits from the first that presents something on one.
fn join(edits: &mut Vec<ElstEntry>) {
    let Some(first) = edits.iter().position(|edit| edit.media_time.is_some()) else { return };
    let later: u64 = edits.drain(first + 1..).map(|edit| edit.segment_duration).sum();
    edits.iter_mut().skip(first).for_each(|edit| edit.segment_duration += later);
}

/// The edit list of a clip as it grows.
#[derive(Default)]
struct Edits {
    list: Vec<ElstEntry>,
    /// Where the last edit ends, in the clip's movie time.
    elapsed: MovieTime,
}

impl Edits {
    /// Fills the time up to `movie_time` with an empty edit.
    fn wait_until(&mut self, movie_time: MovieTime) {
        if movie_time > self.elapsed {
            self.push(ElstEntry {
                segment_duration: (movie_time - self.elapsed).0,
                media_time: None,
                media_rate: ElstEntry::NORMAL_RATE,
            });
        }
    }

    fn push(&mut self, edit: ElstEntry) {
        self.elapsed = self.elapsed + MovieTime(edit.segment_duration);
        self.list.push(edit);
    }
}
