//! Cuts one track: its sample ranges and its edit list.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError, Runs};
use crate::index::Track;
use crate::source::ReadAt;

use super::clip::TrackClip;
use super::hold;
use super::lay_out::lay_out;
use super::multiplier::MAX_GAP;
use super::play::{Play, play};
use super::timeline::Timeline;

pub(super) fn cut_track<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clip: Range<u64>,
) -> Result<TrackClip, FormatError> {
    let mut plays = Vec::new();
    for segment in &line.segments {
        let from = segment.start.max(clip.start);
        let to = segment.end.min(clip.end);
        if from < to {
            plays.extend(play(track, line, source, segment, from..to)?);
        }
    }
    if plays.is_empty() {
        plays.extend(hold::hold_last(track, line, source, &clip)?);
    }
    // Whether something is not presented from the start of the clip on, or with a gap between.
    let follows =
        plays.iter().try_fold(clip.start, |end, p: &Play| (p.movie.start <= end).then_some(p.movie.end));
    let waits_in = follows.is_none().then_some(line.timescale);
    let (stretches, multiplier) = lay_out(track, line, source, &plays, waits_in)?;
    let Some(last) = stretches.last() else { return Ok(TrackClip::empty()) };
    let media_duration = u64::try_from(last.to + last.len).unwrap_or(0);
    let mut edits = Edits::default();
    for play in &plays {
        let holding = stretches.partition_point(|s| s.range.samples.start <= play.samples.start);
        let Some(stretch) = holding.checked_sub(1).and_then(|n| stretches.get(n)) else { continue };
        edits.wait_until(play.movie.start - clip.start);
        edits.push(ElstEntry {
            segment_duration: play.movie.end - play.movie.start,
            media_time: Some(stretch.in_clip(play.media_time)),
            media_rate: play.rate,
        });
    }
    let earliest = edits.list.iter().filter_map(|e| e.media_time).min().unwrap_or(0);
    let mut offset_shift = (-earliest).max(0);
    if stretches.iter().any(|s| s.range.lead_in.is_some()) {
        offset_shift = offset_shift.max(negative_offset(track, multiplier));
    }
    for edit in &mut edits.list {
        edit.media_time = edit.media_time.map(|t| t + offset_shift);
    }
    let ranges = stretches.into_iter().map(|s| s.range).collect();
    Ok(TrackClip { ranges, edits: edits.list, multiplier, offset_shift, media_duration, pre_skip: None })
}

/// By how much composition offsets are negative, if they can be moved. libavformat does not look for negative ones at
/// the end of a track, if those before are not.
pub(super) fn negative_offset(track: &Track, multiplier: u32) -> i64 {
    let (lowest, highest) = track.samples.ctts.as_ref().map_or((0, 0), Runs::extremes);
    let scaled = |offset: i64| offset.saturating_mul(multiplier.into());
    let shift = scaled(-lowest.min(0));
    if scaled(highest).saturating_add(shift) <= MAX_GAP { shift } else { 0 }
}

#[derive(Default)]
pub(super) struct Edits {
    pub(super) list: Vec<ElstEntry>,
    /// Where the last of them ends.
    pub(super) elapsed: u64,
}

impl Edits {
    /// Fills the time up to `movie_time` of the clip with an empty edit.
    pub(super) fn wait_until(&mut self, movie_time: u64) {
        if movie_time > self.elapsed {
            self.push(ElstEntry {
                segment_duration: movie_time - self.elapsed,
                media_time: None,
                media_rate: ElstEntry::NORMAL_RATE,
            });
        }
    }

    pub(super) fn push(&mut self, edit: ElstEntry) {
        self.elapsed += edit.segment_duration;
        self.list.push(edit);
    }
}
