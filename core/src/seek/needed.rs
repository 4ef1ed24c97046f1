//! The samples that the edits of a scene need.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::numbers::{Numbers, SampleNumber};
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime};

use super::hidden::{Hidden, Joint};
use super::lead_in::{LeadIn, Until};
use super::multiplier::MAX_GAP;
use super::play::Play;

/// The beginning of a frame that is cut off in milliseconds, if it is longer. Less is not: a clip begins
/// with a whole frame.
pub(super) const SLIDE: u32 = 100;

/// How a range begins that no other one precedes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
    /// The edit list hides what leads in to it.
    Hidden,
    /// As it does, of the only scene of a clip. If that begins long after its first frame does (a slide),
    /// the frame keeps only the rest of its duration: libavformat shows nothing of a frame that begins
    /// before its edit, and who looks at no edit list would show it for all of its time.
    AmidFrame,
    /// What leads in to it is presented just before the first sample that is to be (see `joints`).
    WithHidden,
}

/// A range of samples that edits need.
pub(super) struct NeededRange<'a> {
    pub(super) samples: Range<SampleNumber>,
    /// When its decoding begins and ends, in media ticks of the file.
    pub(super) decode: Range<MediaTime>,
    /// The edits that need it.
    pub(super) plays: &'a [&'a Play],
    pub(super) hidden: Option<Hidden>,
}

impl NeededRange<'_> {
    /// The times of its first samples where no other range precedes it, if they differ from the file.
    pub(super) fn lead_in<R: ReadAt>(
        &self,
        track: &Track,
        source: &R,
        (until, beginning): (Until, Beginning),
        multiplier: u32,
    ) -> Result<Option<LeadIn>, FormatError> {
        let hidden = match beginning {
            Beginning::WithHidden => {
                let most = ClipTime(i64::MAX / 4);
                return Ok(self.lead_in_at_joint(track, source, (until, most), multiplier)?.0);
            }
            Beginning::AmidFrame => self.cut_off(track, source)?.or(self.hidden),
            Beginning::Hidden => self.hidden,
        };
        hidden.map_or(Ok(None), |hidden| self.times(track, source, hidden, until, multiplier))
    }

    /// The times that these hidden samples make.
    fn times<R: ReadAt>(
        &self,
        track: &Track,
        source: &R,
        hidden: Hidden,
        until: Until,
        multiplier: u32,
    ) -> Result<Option<LeadIn>, FormatError> {
        hidden.lead_in(&track.samples, source, &self.samples, self.decode.end, until, multiplier)
    }

    /// Its hidden samples where it begins amid its first presented one, see [`Beginning::AmidFrame`].
    fn cut_off<R: ReadAt>(&self, track: &Track, source: &R) -> Result<Option<Hidden>, FormatError> {
        let first = self.plays.iter().min_by_key(|play| play.media_time);
        let first = first.filter(|first| first.rate == ElstEntry::NORMAL_RATE && &track.handler.0 == b"vide");
        let shown = self.first_shown();
        let into = first.map_or(MediaTime(0), |first| first.media_time - shown);
        if into <= MediaTime::of_millis(SLIDE, track.mdhd.timescale) {
            return Ok(None);
        }
        let hidden = match self.hidden {
            Some(hidden) => hidden,
            None => Hidden::none(track, shown).before_later(track, source, &self.samples)?,
        };
        let least = self.count_to(track, source, shown)?;
        Ok(Some(hidden.cut_off(Joint { delay: None, into, least })))
    }

    /// The composition time of the first sample that is presented.
    fn first_shown(&self) -> MediaTime {
        self.plays.iter().map(|play| play.first_shown).min().unwrap_or_default()
    }

    /// The times of its first samples where the presentation goes on from another range (see
    /// `joints`), if they differ from the file; and how long before that its decoding begins, which is
    /// no more than `most`.
    pub(super) fn lead_in_at_joint<R: ReadAt>(
        &self,
        track: &Track,
        source: &R,
        (until, most): (Until, ClipTime),
        multiplier: u32,
    ) -> Result<(Option<LeadIn>, ClipTime), FormatError> {
        let first = self.first_shown();
        let (hidden, lead) = match self.hidden {
            Some(hidden) => (hidden, track.samples.extreme_offsets().1),
            None => (Hidden::none(track, first), first - self.decode.start),
        };
        let lead = lead.in_clip(multiplier);
        let begins = self.plays.iter().map(|p| p.media_time).min().unwrap_or_default();
        let into = (begins - first).max(MediaTime(0));
        let is_video = &track.handler.0 == b"vide";
        let is_moved = into > MediaTime(0) || track.samples.ctts.is_some() && most < lead;
        if self.hidden.is_none() && !(is_video && is_moved) {
            return Ok((None, lead));
        }
        let lead = lead.min(most).max(ClipTime(0) - until.raised.in_clip(multiplier));
        let least = if into > MediaTime(0) { self.count_to(track, source, first)? } else { 0 };
        let hidden = hidden.at_joint(Joint { delay: Some(lead), into, least });
        Ok((self.times(track, source, hidden, until, multiplier)?, lead))
    }

    /// How many samples there are up to the one with this composition time.
    fn count_to<R: ReadAt>(&self, track: &Track, source: &R, shown: MediaTime) -> Result<u32, FormatError> {
        let found = track.samples.presented(source, shown, shown.next())?;
        let all = self.samples.count();
        Ok(found.map_or(all, |found| (found.start.next() - self.samples.start).min(all)))
    }

    /// When the last of its edits ends.
    pub(super) fn media_end(&self) -> MediaTime {
        self.plays.iter().map(|p| p.media_end).max().unwrap_or(self.decode.start)
    }
}

/// The ranges that these edits need. The edits are in the order of their first samples.
pub(super) fn needed_ranges<'a, R: ReadAt>(
    track: &Track,
    source: &R,
    plays: &'a [&'a Play],
    most: usize,
) -> Result<Vec<NeededRange<'a>>, FormatError> {
    let mut rest = plays;
    let mut out = Vec::new();
    for samples in joined_ranges(track, plays, most) {
        let (here, later) = rest.split_at(rest.partition_point(|p| p.samples.start < samples.end));
        rest = later;
        let from = track.samples.dts(source, samples.start)?;
        let decode = from..track.samples.decode_end_of(source, &samples)?;
        let hidden = hidden(track, source, &samples, here)?;
        out.push(NeededRange { samples, decode, plays: here, hidden });
    }
    Ok(out)
}

/// The sample ranges of edits, joined where they touch, and where there would be more than `most` of
/// them.
fn joined_ranges(track: &Track, plays: &[&Play], most: usize) -> Vec<Range<SampleNumber>> {
    let mut ranges: Vec<_> = plays.iter().map(|p| p.samples.clone()).collect();
    close_holes(&mut ranges, 0);
    if let Some(excess) = ranges.len().checked_sub(most).filter(|&n| n > 0) {
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
