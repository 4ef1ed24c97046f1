//! Lays out the samples that the edits of a track need, one range after the other.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError, Runs};
use crate::index::Track;
use crate::limits;
use crate::source::ReadAt;

use super::audio_preroll::beside;
use super::clip::SampleRange;
use super::ending::Ending;
use super::kind::{holds_on, is_still};
use super::lead_in::Hidden;
use super::multiplier::{MAX_GAP, multiplier};
use super::play::Play;
use super::timeline::{Rounding, Timeline};

/// A stretch of samples and its place in the clip.
pub(super) struct Stretch {
    pub(super) range: SampleRange,
    /// Decode time of the first sample in the clip.
    pub(super) to: i64,
    /// A media time of the film …
    pub(super) origin: i64,
    /// … and the same in the clip, counted from `to`.
    pub(super) origin_at: i64,
    pub(super) multiplier: u32,
    /// Time from the first sample to the end of the last, in the clip.
    pub(super) len: i64,
}

impl Stretch {
    /// A media time of the film in the media time of the clip. It is not that of a hidden sample.
    pub(super) fn in_clip(&self, time: i64) -> i64 {
        self.to + self.since_start(time)
    }

    pub(super) fn since_start(&self, time: i64) -> i64 {
        self.origin_at + (time - self.origin).saturating_mul(self.multiplier.into())
    }

    /// Lets the samples of the last range end with their edit.
    pub(super) fn end_with(&mut self, ending: &Ending) {
        let held = self.range.len();
        let since_start = |time| self.since_start(time);
        if let Some(before) = self.range.lead_in.as_ref().and_then(|lead_in| lead_in.all_but_last(held)) {
            // The last sample is one of the lead-in.
            let lasts = since_start(ending.end) - since_start(ending.last_composition());
            let last_duration = u32::try_from(lasts.max(1)).unwrap_or(u32::MAX >> 1);
            self.len = before + i64::from(last_duration);
            self.range.lead_in.iter_mut().for_each(|lead_in| lead_in.last_duration = last_duration);
            return;
        }
        let lead_in = self.range.lead_in.map_or(0, |lead_in| lead_in.len);
        let (retimed, decode_end) = ending.retimed(lead_in, self.multiplier, since_start);
        self.len = decode_end.unwrap_or(self.len);
        self.range.ending = retimed;
    }
}

/// Puts the samples of all edits one after the other, in the order of the film, each of them once. Gives the multiplier
/// of their media time, too. `waits_in` is the movie timescale where there are empty edits.
pub(super) fn lay_out<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    plays: &[Play],
    waits_in: Option<u32>,
) -> Result<(Vec<Stretch>, u32), FormatError> {
    let samples = &track.samples;
    let mut plays: Vec<_> = plays.iter().collect();
    plays.sort_unstable_by_key(|p| (p.samples.start, p.samples.end));
    let mut ranges: Vec<_> = plays.iter().map(|p| p.samples.clone()).collect();
    close_holes(&mut ranges, 0);
    if let Some(excess) = ranges.len().checked_sub(limits::SAMPLE_RANGES).filter(|&n| n > 0) {
        let after = ranges.iter().skip(1);
        let mut holes: Vec<_> = ranges.iter().zip(after).map(|(a, b)| b.start - a.end).collect();
        let (_, &mut widest, _) = holes.select_nth_unstable(excess - 1);
        close_holes(&mut ranges, widest);
    }
    let (lowest, highest) = samples.ctts.as_ref().map_or((0, 0), Runs::extremes);
    if highest - lowest > MAX_GAP {
        close_holes(&mut ranges, u32::MAX);
    }
    let mut parts = Vec::new();
    let mut rest = plays.as_slice();
    for range in ranges {
        let (here, later) = rest.split_at(rest.partition_point(|p| p.samples.start < range.end));
        rest = later;
        let hidden = hidden(track, source, &range, here)?;
        parts.push((range, here, hidden));
    }
    let ending = match parts.last() {
        Some((range, here, _)) => ending(track, line, source, range, here)?,
        None => None,
    };
    let hidden = parts.iter().filter_map(|(.., hidden)| hidden.as_ref());
    let has_late = ending.as_ref().is_some_and(Ending::has_hidden);
    let multiplier = multiplier(track, hidden, has_late, waits_in);
    let mut out: Vec<Stretch> = Vec::new();
    let count = parts.len();
    for (n, (samples_here, here, hidden)) in parts.into_iter().enumerate() {
        let from = samples.dts(source, samples_here.start)?;
        let end = samples.decode_end_of(source, &samples_here)?;
        let trim = match here {
            [only] if hidden.is_none() => trim(track, source, only, from)?,
            _ => 0,
        };
        let ending = ending.as_ref().filter(|_| n + 1 == count);
        let until = ending.map_or((i64::MAX, 0), |ending| (ending.end, ending.margin));
        let lead_in =
            hidden.map(|hidden| hidden.lead_in(samples, source, &samples_here, end, until, multiplier));
        let lead_in = lead_in.transpose()?;
        let (to, place) = out.last().map_or((0, 0), |b| (b.to + b.len, b.range.place + b.range.len()));
        let (origin, origin_at) = match &lead_in {
            Some(lead_in) => (lead_in.first_presented, lead_in.presented_at),
            None => (from + i64::from(trim), 0),
        };
        let joined_until = here.first().map_or(0, |first| first.joined_until);
        let range = SampleRange {
            samples: samples_here,
            place,
            joined_until,
            lead_in,
            trim,
            gap: 0,
            ending: Vec::new(),
        };
        let mut stretch = Stretch { range, to, origin, origin_at, multiplier, len: 0 };
        stretch.len = stretch.since_start(end);
        if let Some(ending) = ending {
            stretch.end_with(ending);
            out.push(stretch);
            continue;
        }
        // How long frames that are reordered are on screen is not how long they are decoded.
        let media_end = here.iter().map(|p| p.media_end).max().unwrap_or(from);
        let missing = match n + 1 < count {
            // The last presented of one stretch comes before the first of the next, whatever their offsets, and
            // before what is hidden there.
            true => (highest - lowest.min(0)).max(media_end - end - lowest.min(0)),
            false => {
                let last = stretch.range.samples.end - 1;
                let begun = stretch.range.samples.start + lead_in.map_or(0, |l| l.len);
                // What the lead-in has of presented samples may last shorter than in the film.
                match samples.end_of(source, &(begun.min(last)..last + 1))? < media_end {
                    true => media_end - end + samples.dts(source, last)? - samples.cts(source, last)?,
                    false => 0,
                }
            }
        };
        let gap = u32::try_from(missing.clamp(0, MAX_GAP)).unwrap_or(0);
        stretch.range.gap = gap;
        stretch.len = stretch.len.saturating_add(i64::from(gap).saturating_mul(multiplier.into()));
        let held = stretch.range.len();
        let all = stretch.range.lead_in.as_mut().and_then(|l| Some((l.all_but_last(held)?, l)));
        if let Some((before, lead_in)) = all {
            // The last sample of the range is one of the lead-in.
            lead_in.last_duration = u32::try_from((stretch.len - before).max(1)).unwrap_or(u32::MAX >> 1);
            stretch.len = before + i64::from(lead_in.last_duration);
        }
        out.push(stretch);
    }
    Ok((out, multiplier))
}

/// What a range has of hidden samples. Of sound all samples keep their times: how much of what is decoded is not
/// heard is told by them.
pub(super) fn hidden<R: ReadAt>(
    track: &Track,
    source: &R,
    range: &Range<u32>,
    plays: &[&Play],
) -> Result<Option<Hidden>, FormatError> {
    let first = plays.iter().map(|p| (p.first_shown, p.first_presented)).min();
    let Some((first_shown, _)) = first.filter(|_| &track.handler.0 != b"soun") else { return Ok(None) };
    let presented = plays.iter().map(|p| p.first_presented).min().unwrap_or(range.start);
    Hidden::of(track, source, range, first_shown, presented)
}

/// How the last range of a track ends, where its samples may be told to end with their edit: pictures that are
/// presented one after the other.
pub(super) fn ending<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    range: &Range<u32>,
    plays: &[&Play],
) -> Result<Option<Ending>, FormatError> {
    let is_usual = |p: &&Play| p.rate == ElstEntry::NORMAL_RATE;
    let end = plays.iter().map(|p| p.media_end).max().filter(|_| plays.iter().all(is_usual));
    let moves = &track.handler.0 == b"vide" && !is_still(track) && !holds_on(track);
    let Some(end) = end.filter(|_| moves) else { return Ok(None) };
    // An edit may end so much later than it should, rounded to ticks of the movie.
    let margin = if line.is_coarse() { line.to_media(1, Rounding::Up) } else { 0 };
    Ending::of(&track.samples, source, range, end, margin).map(Some)
}

/// Joins neighbours that are no more than so many samples apart.
pub(super) fn close_holes(ranges: &mut Vec<Range<u32>>, hole: u32) {
    ranges.dedup_by(|next, last| {
        let joined = next.start <= last.end.saturating_add(hole);
        if joined {
            last.end = last.end.max(next.end);
        }
        joined
    });
}

/// Where a clip begins inside a subtitle or a chapter, what is left of it becomes all of it: libavformat
/// takes such an edit to begin with the next sample, and shows that too early. (A time code says
/// what the time is where its sample begins, so it keeps its length.) Where sound begins with a
/// packet that is said to last longer than those beside it, and the edit begins past that, it is given their duration as far as it is
/// hidden: libavformat drops as much of what is decoded as is said.
///
/// How much of the first sample, which decodes at `from`, is taken off.
pub(super) fn trim<R: ReadAt>(track: &Track, source: &R, play: &Play, from: i64) -> Result<u32, FormatError> {
    let is_text = matches!(&track.handler.0, b"text" | b"sbtl" | b"subt" | b"clcp" | b"subp" | b"meta");
    let is_sound = &track.handler.0 == b"soun" && play.samples.len() > 1;
    if !(is_text || is_sound) || track.samples.ctts.is_some() || play.rate != ElstEntry::NORMAL_RATE {
        return Ok(0);
    }
    let duration = track.samples.stts.at_unit(source, play.samples.start)?.value;
    let into = u32::try_from(play.media_time - from).unwrap_or(0);
    if is_text {
        return Ok(if u64::from(into) >= duration { 0 } else { into });
    }
    let others = beside(track, source, play.samples.start)?;
    let longer = u32::try_from(duration.saturating_sub(others)).unwrap_or(0);
    let past = u64::from(into).saturating_sub(others);
    Ok(if others > 0 { longer.min(u32::try_from(past).unwrap_or(u32::MAX)) } else { 0 })
}
