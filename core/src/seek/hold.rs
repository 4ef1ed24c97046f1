//! A picture that has ended before the clip begins, while the film goes on.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::source::ReadAt;

use super::play::{Play, play};
use super::timeline::{Rounding, Segment, Timeline};

/// The last frame of a track of pictures that ends at or before the start of the clip, presented at the start of the clip
/// for as long as it was. Chromium and Firefox keep the last frame on screen for as long as the film goes on, and after
/// a seek past its end too. The track of the clip ends early, as that of the film does, so that a clip of the clip
/// begins at no frame either.
pub(super) fn hold_last<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clip: &Range<u64>,
) -> Result<Option<Play>, FormatError> {
    let last = line.segments.last().filter(|s: &&Segment| s.end <= clip.start && s.start < s.end);
    let Some(last) = last.filter(|_| &track.handler.0 == b"vide") else { return Ok(None) };
    // Its last tick of media.
    let tick = u64::try_from(line.to_movie(1, Rounding::Up)).unwrap_or(0).max(1);
    let at_end = last.end.saturating_sub(tick).max(last.start)..last.end;
    let Some(end) = play(track, line, source, last, at_end)? else { return Ok(None) };
    let shown = track.samples.on_screen(source, end.media_time)?.unwrap_or(end.media_time);
    let (media_time, media_end) = match last.rate {
        0 => (end.media_time, end.media_time.saturating_add(1)),
        _ => (shown, end.media_time.max(shown).saturating_add(1)),
    };
    let length = match last.rate {
        0 => last.end - last.start,
        _ => u64::try_from(line.to_movie(media_end - media_time, Rounding::Up)).unwrap_or(0).max(1),
    };
    let movie = clip.start..clip.end.min(clip.start.saturating_add(length));
    let rate = if last.rate == 0 { 0 } else { ElstEntry::NORMAL_RATE };
    Ok(Some(Play { movie, media_time, media_end, rate, ..end }))
}
