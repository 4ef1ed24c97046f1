//! A video track that has ended before the clip begins, while the movie goes on.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::source::ReadAt;
use crate::time::{MovieTime, Rounding};

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
    let has_ended = line.segments.last().is_some_and(|s: &Segment| s.end <= clip.start);
    if !has_ended || &track.handler.0 != b"vide" {
        return Ok(None);
    }
    // The last ones may lie before the first frame, and present nothing.
    let segments = line.segments.iter().rev().filter(|s| s.start < s.end);
    segments
        .map(|segment| last_of(track, line, source, segment, clip))
        .find_map(Result::transpose)
        .transpose()
}

/// The last frame that a segment presents.
fn last_of<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    last: &Segment,
    clip: &Range<MovieTime>,
) -> Result<Option<Play>, FormatError> {
    // The last media tick of the segment, of which it may present no more than a part. Rounded to
    // ticks of the movie, a segment may end after its media.
    let ticks = line.scales.to_media(last.end - last.start, Rounding::Up);
    let ticks = match last.rate {
        ElstEntry::NORMAL_RATE => ticks.min(track.samples.end - last.media_time),
        _ => ticks,
    };
    let latest = last.start + line.scales.to_movie(ticks.previous(), Rounding::Up);
    let latest = latest.min(last.end - MovieTime(1));
    let from = |time: MovieTime| play(track, line, source, last, time.max(last.start)..last.end);
    // Rounded to ticks of the media, a tick of the movie that is coarser may begin where that ends.
    let end = match from(latest)? {
        None => from(latest - MovieTime(1))?,
        end => end,
    };
    let Some(end) = end else { return Ok(None) };
    let shown = track.samples.on_screen(source, end.media_time)?.unwrap_or(end.media_time);
    let (media_time, media_end) = match last.rate {
        0 => (end.media_time, end.media_time.next()),
        _ => (shown, end.media_end.max(shown.next())),
    };
    let length = match last.rate {
        0 => last.end - last.start,
        _ => line.scales.to_movie(media_end - media_time, Rounding::Up).max(MovieTime(1)),
    };
    let movie = clip.start..clip.end.min(clip.start + length);
    let rate = if last.rate == 0 { 0 } else { ElstEntry::NORMAL_RATE };
    Ok(Some(Play { movie, media_time, media_end, rate, ..end }))
}
