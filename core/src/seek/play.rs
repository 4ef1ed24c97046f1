//! What an edit of the source presents in a clip, and the samples that it needs.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::source::ReadAt;

use super::audio_preroll::lead_in;
use super::kind::{holds_on, is_still};
use super::open_gop;
use super::timeline::{Rounding, Segment, Timeline, scale};

/// What one edit of the source presents in a clip.
pub(super) struct Play {
    pub(super) movie: Range<u64>,
    pub(super) media_time: i64,
    pub(super) media_end: i64,
    /// 16.16 fixed point.
    pub(super) rate: u32,
    /// Composition time of the first sample that is presented.
    pub(super) first_shown: i64,
    /// The first sample in decode order that is presented.
    pub(super) first_presented: u32,
    /// What must be decoded for it.
    pub(super) samples: Range<u32>,
    /// As of [`SampleRange`].
    pub(super) joined_until: u32,
}

pub(super) fn play<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    segment: &Segment,
    movie: Range<u64>,
) -> Result<Option<Play>, FormatError> {
    let rate = i32::from_be_bytes(segment.rate.to_be_bytes());
    let at_rate = |ticks: i64| match segment.rate {
        ElstEntry::NORMAL_RATE => ticks,
        _ => i64::try_from((i128::from(ticks) * i128::from(rate).abs()) >> 16).unwrap_or(i64::MAX / 4),
    };
    let into = |t: u64, rounding| segment.media_time.saturating_add(at_rate(line.to_media(t, rounding)));
    let (from, to) = match rate {
        // Played backwards, from its end.
        ..0 => (segment.end - movie.end, segment.end - movie.start),
        _ => (movie.start - segment.start, movie.end - segment.start),
    };
    let mut media_time = into(from, Rounding::Nearest);
    let mut media_end = into(to, Rounding::Up);
    if line.is_coarse() && &track.handler.0 == b"vide" && segment.rate == ElstEntry::NORMAL_RATE {
        let near = |time| near_frame(track, line, source, time);
        media_time = near(media_time)?.unwrap_or(media_time).max(segment.media_time);
        media_end = near(into(to, Rounding::Nearest))?.unwrap_or(media_end);
    }
    media_end = media_end.max(media_time.saturating_add(1)).min(track.samples.end);
    if is_still(track) || holds_on(track) {
        // There is no later part of it to begin at, and libavformat shows nothing of a frame that begins
        // before its edit.
        media_time = media_time.min(line.media_start);
        media_end = media_end.max(media_time.saturating_add(1));
    }
    let mut start = movie.start;
    let first = line.shown_at(segment, line.media_start);
    if (media_time < line.media_start || start < first) && segment.rate == ElstEntry::NORMAL_RATE {
        // Nothing is on screen yet: a gap, which is an empty edit in the clip.
        start = start.max(first);
        media_time = line.media_start;
    }
    if start >= movie.end || media_time >= media_end {
        return Ok(None);
    }
    let shown = track.samples.on_screen(source, media_time)?.unwrap_or(line.media_start);
    if segment.rate == 0 {
        // A frame may be on screen for longer than the clip says it lasts.
        media_time = shown.min(media_time);
        media_end = media_time.saturating_add(1);
    }
    let first_shown = shown.min(media_time);
    let Some(needed) = track.samples.presented(source, first_shown, media_end)? else {
        return Ok(None);
    };
    let lead_in = lead_in(track, source, needed.start, media_time)?;
    let latest = if lead_in < needed.start { i64::MAX } else { shown };
    let sync = track.samples.preceding_sync(source, lead_in, latest)?;
    let first = open_gop::closed_before(track, source, sync)?;
    let samples = on_packets(track, source, first..needed.end)?;
    Ok(Some(Play {
        movie: start..movie.end,
        media_time,
        media_end,
        rate: segment.rate,
        first_shown,
        first_presented: needed.start,
        samples,
        joined_until: if first < sync { sync + 1 } else { 0 },
    }))
}

/// When the frame begins that begins at a media time, as far as movie ticks tell it.
pub(super) fn near_frame<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    time: i64,
) -> Result<Option<i64>, FormatError> {
    // Half a movie tick, and what is rounded.
    let off = scale(1, line.media_timescale, line.timescale, Rounding::Up) / 2 + 1;
    let frame = track.samples.on_screen(source, time.saturating_add(off))?;
    Ok(frame.filter(|frame| time.saturating_sub(*frame) <= off))
}

/// Widens a range of PCM frames to whole packets.
pub(super) fn on_packets<R: ReadAt>(
    track: &Track,
    source: &R,
    range: Range<u32>,
) -> Result<Range<u32>, FormatError> {
    let packet = track.samples.sizes.samples_per_packet();
    if packet == 1 {
        return Ok(range);
    }
    let first = track.samples.chunk_of(source, range.start)?;
    let start = range.start - (range.start - first.first_sample) % packet;
    let last = track.samples.chunk_of(source, range.end - 1)?;
    let into = (range.end - last.first_sample).div_ceil(packet).saturating_mul(packet);
    let end = last.first_sample.saturating_add(into.min(last.samples));
    Ok(start..end.min(track.samples.count))
}
