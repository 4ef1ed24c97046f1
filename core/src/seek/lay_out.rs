//! Lays out the samples that the edits of a track need, one range after the other.
//!
//! ```text
//! needed      the sample ranges of all edits, in decode order, joined where they touch or overlap
//!             more ranges than allowed: joined across the narrowest holes
//!             composition offsets too far apart to move: all joined
//! hidden      the samples of each range that are decoded and not presented
//! ending      how the last range ends with its edit
//! multiplier  the finer media timescale that hidden samples, ending and empty edits need
//!
//! for each needed range, in order:
//!   place it after the previous one
//!   its hidden samples get the times of a lead-in, or its first sample is trimmed
//!   if it is the last: its last samples end with the edit
//!   else:              its last sample lasts until the next range may be presented
//! ```

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::limits;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime, MovieTime, Rounding};

use super::clip::SampleRange;
use super::ending::Ending;
use super::hidden::Hidden;
use super::kind::{holds_on, is_still};
use super::lead_in::Until;
use super::multiplier::{MAX_GAP, multiplier};
use super::placed::PlacedRange;
use super::play::Play;
use super::timeline::Timeline;
use super::trim::first_sample_trim;

/// A range of samples that edits need.
struct NeededRange<'a> {
    samples: Range<SampleNumber>,
    /// When its decoding begins and ends, in media ticks of the file.
    decode: Range<MediaTime>,
    /// The edits that need it.
    plays: &'a [&'a Play],
    hidden: Option<Hidden>,
}

/// The samples of all edits, each of them once, in the order of the file, and the multiplier of
/// their media time. `waits_in` is the movie timescale if the clip has empty edits for the track.
pub(super) fn lay_out<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    plays: &[Play],
    waits_in: Option<u32>,
) -> Result<(Vec<PlacedRange>, u32), FormatError> {
    let mut plays: Vec<_> = plays.iter().collect();
    plays.sort_unstable_by_key(|p| (p.samples.start, p.samples.end));
    let all = needed_ranges(track, source, &plays)?;
    let ending = match all.last() {
        Some(last) => ending(track, line, source, last)?,
        None => None,
    };
    let hidden = all.iter().filter_map(|needed| needed.hidden.as_ref());
    let has_late = ending.as_ref().is_some_and(Ending::has_hidden);
    let multiplier = multiplier(track, hidden, has_late, waits_in);
    let mut out: Vec<PlacedRange> = Vec::with_capacity(all.len());
    for (n, needed) in all.iter().enumerate() {
        let is_last = n + 1 == all.len();
        let ending = ending.as_ref().filter(|_| is_last);
        let mut placed = place(track, source, needed, out.last(), ending, multiplier)?;
        match ending {
            Some(ending) => placed.end_with(ending),
            None if is_last => placed.lengthen(missing_at_end(track, source, needed, &placed)?),
            None => placed.lengthen(missing_before_next(track, needed)),
        }
        out.push(placed);
    }
    Ok((out, multiplier))
}

/// The ranges that these edits need. The edits are in the order of their first samples.
fn needed_ranges<'a, R: ReadAt>(
    track: &Track,
    source: &R,
    plays: &'a [&'a Play],
) -> Result<Vec<NeededRange<'a>>, FormatError> {
    let mut rest = plays;
    let mut out = Vec::new();
    for samples in joined_ranges(track, plays) {
        let (here, later) = rest.split_at(rest.partition_point(|p| p.samples.start < samples.end));
        rest = later;
        let from = track.samples.dts(source, samples.start)?;
        let decode = from..track.samples.decode_end_of(source, &samples)?;
        let hidden = hidden(track, source, &samples, here)?;
        out.push(NeededRange { samples, decode, plays: here, hidden });
    }
    Ok(out)
}

/// The sample ranges of edits, joined where they touch, and where there would be too many of them.
fn joined_ranges(track: &Track, plays: &[&Play]) -> Vec<Range<SampleNumber>> {
    let mut ranges: Vec<_> = plays.iter().map(|p| p.samples.clone()).collect();
    close_holes(&mut ranges, 0);
    if let Some(excess) = ranges.len().checked_sub(limits::SAMPLE_RANGES).filter(|&n| n > 0) {
        let after = ranges.iter().skip(1);
        let mut holes: Vec<_> = ranges.iter().zip(after).map(|(a, b)| b.start - a.end).collect();
        let (_, &mut widest, _) = holes.select_nth_unstable(excess - 1);
        close_holes(&mut ranges, widest);
    }
    let (lowest, highest) = track.samples.extreme_offsets();
    if highest - lowest > MAX_GAP {
        close_holes(&mut ranges, u32::MAX);
    }
    ranges
}

/// Joins neighbours that are at most so many samples apart.
fn close_holes(ranges: &mut Vec<Range<SampleNumber>>, hole: u32) {
    ranges.dedup_by(|next, last| {
        let joined = next.start <= last.end + hole;
        if joined {
            last.end = last.end.max(next.end);
        }
        joined
    });
}

/// Places a range after the `previous` one, with the times of its first samples.
fn place<R: ReadAt>(
    track: &Track,
    source: &R,
    needed: &NeededRange<'_>,
    previous: Option<&PlacedRange>,
    ending: Option<&Ending>,
    multiplier: u32,
) -> Result<PlacedRange, FormatError> {
    let NeededRange { samples, decode, plays, hidden } = needed;
    let trim = match plays {
        [only] if hidden.is_none() => first_sample_trim(track, source, only, decode.start)?,
        _ => MediaTime(0),
    };
    let until = ending.map_or(Until::NEVER, |ending| Until { end: ending.end, margin: ending.margin });
    let lead_in =
        hidden.map(|hidden| hidden.lead_in(&track.samples, source, samples, decode.end, until, multiplier));
    let lead_in = lead_in.transpose()?;
    let (origin, origin_at) = match &lead_in {
        Some(lead_in) => (lead_in.first_presented, lead_in.presented_at),
        None => (decode.start + trim, ClipTime(0)),
    };
    let range = SampleRange {
        samples: samples.clone(),
        place: previous.map_or(SampleNumber::FIRST, |previous| previous.range.place + previous.range.len()),
        joined_until: plays.first().map_or(SampleNumber::FIRST, |first| first.joined_until),
        lead_in,
        first_sample_trim: trim,
        gap: MediaTime(0),
        ending: Vec::new(),
    };
    let start = previous.map_or(ClipTime(0), |previous| previous.start + previous.len);
    let mut placed = PlacedRange { range, start, origin, origin_at, multiplier, len: ClipTime(0) };
    placed.len = placed.since_start(decode.end);
    Ok(placed)
}

/// How much longer the last sample of a range must last so that all of the range is presented
/// before the next one, in media ticks of the file. Whatever their offsets are, the sample
/// presented last comes before the first of the next range, and before the hidden samples there.
fn missing_before_next(track: &Track, needed: &NeededRange<'_>) -> MediaTime {
    let (lowest, highest) = track.samples.extreme_offsets();
    let earliest = lowest.min(MediaTime(0));
    (highest - earliest).max(needed.media_end() - needed.decode.end - earliest)
}

/// How much longer the last sample of a track must last so that it is presented until the last edit
/// ends, in media ticks of the file. (How long reordered frames are on screen is not how long they
/// are decoded.)
fn missing_at_end<R: ReadAt>(
    track: &Track,
    source: &R,
    needed: &NeededRange<'_>,
    placed: &PlacedRange,
) -> Result<MediaTime, FormatError> {
    let samples = &track.samples;
    let media_end = needed.media_end();
    let last = needed.samples.end - 1;
    // A presented sample of the lead-in may last shorter than in the file.
    let begun = needed.samples.start + placed.range.lead_in.map_or(0, |lead_in| lead_in.len);
    let shown_until = samples.end_of(source, &(begun.min(last)..last.next()))?;
    if shown_until >= media_end {
        return Ok(MediaTime(0));
    }
    let offset = samples.cts(source, last)? - samples.dts(source, last)?;
    Ok(media_end - needed.decode.end - offset)
}

impl NeededRange<'_> {
    /// When the last of its edits ends.
    fn media_end(&self) -> MediaTime {
        self.plays.iter().map(|p| p.media_end).max().unwrap_or(self.decode.start)
    }
}

/// The hidden samples of a range. Audio has none, because all audio samples keep their times: from
/// these a player knows how much of the decoded audio it drops.
fn hidden<R: ReadAt>(
    track: &Track,
    source: &R,
    range: &Range<SampleNumber>,
    plays: &[&Play],
) -> Result<Option<Hidden>, FormatError> {
    let first = plays.iter().map(|p| (p.first_shown, p.first_presented)).min();
    let Some((first_shown, _)) = first.filter(|_| &track.handler.0 != b"soun") else { return Ok(None) };
    let presented = plays.iter().map(|p| p.first_presented).min().unwrap_or(range.start);
    Hidden::of(track, source, range, first_shown, presented)
}

/// How the last range of a track ends, if its samples may get other times there: video that is
/// presented at the usual rate.
fn ending<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    last: &NeededRange<'_>,
) -> Result<Option<Ending>, FormatError> {
    let is_usual = |p: &&Play| p.rate == ElstEntry::NORMAL_RATE;
    let plays = last.plays;
    let end = plays.iter().map(|p| p.media_end).max().filter(|_| plays.iter().all(is_usual));
    let moves = &track.handler.0 == b"vide" && !is_still(track) && !holds_on(track);
    let Some(end) = end.filter(|_| moves) else { return Ok(None) };
    // Rounded to ticks of the movie, an edit may end this much too late.
    let margin =
        if line.scales.is_coarse() { line.scales.to_media(MovieTime(1), Rounding::Up) } else { MediaTime(0) };
    Ending::of(&track.samples, source, &last.samples, end, margin).map(Some)
}
