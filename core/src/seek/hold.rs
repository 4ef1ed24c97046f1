//! A video track that has ended before the clip begins, while the movie goes on.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::source::ReadAt;
use crate::time::{MediaTime, MovieTime, Rounding};

use super::play::{Play, play};
use super::timeline::{Segment, Timeline};

/// The last frame of a video track that ends at or before the start of the clip, presented from the
/// start of the clip on for as long as in the file. Chromium and Firefox keep the last frame on
/// screen for as long as the movie goes on, even after a seek past its end. The track of the clip
/// ends early, like that of the file, so that a clip of the clip holds the same frame.
pub(super) fn hold_last<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clip: &Range<MovieTime>,
) -> Result<Option<Play>, FormatError> {
    let last = line.segments.last().filter(|s: &&Segment| s.end <= clip.start && s.start < s.end);
    let Some(last) = last.filter(|_| &track.handler.0 == b"vide") else { return Ok(None) };
    // The last media tick of the segment.
    let tick = line.scales.to_movie(MediaTime(1), Rounding::Up).max(MovieTime(1));
    let at_end = (last.end - tick).max(last.start)..last.end;
    let Some(end) = play(track, line, source, last, at_end)? else { return Ok(None) };
    let shown = track.samples.on_screen(source, end.media_time)?.unwrap_or(end.media_time);
    let (media_time, media_end) = match last.rate {
        0 => (end.media_time, end.media_time.next()),
        _ => (shown, end.media_time.max(shown).next()),
    };
    let length = match last.rate {
        0 => last.end - last.start,
        _ => line.scales.to_movie(media_end - media_time, Rounding::Up).max(MovieTime(1)),
    };
    let movie = clip.start..clip.end.min(clip.start + length);
    let rate = if last.rate == 0 { 0 } else { ElstEntry::NORMAL_RATE };
    Ok(Some(Play { movie, media_time, media_end, rate, ..end }))
}
