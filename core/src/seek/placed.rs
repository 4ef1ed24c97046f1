//! A range of samples and its place in the media time of the clip.

use crate::boxes::FormatError;
use crate::index::SampleTable;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime};

use super::clip::SampleRange;
use super::ending::{Ending, Retimed};
use super::lead_in::LeadIn;
use super::multiplier::MAX_GAP;

/// A range of samples and its place in the clip.
#[derive(Clone)]
pub(super) struct PlacedRange {
    pub(super) range: SampleRange,
    /// Decode time of the first sample in the clip.
    pub(super) start: ClipTime,
    /// A media time of the file.
    pub(super) origin: MediaTime,
    /// The media time of the clip that is the same as `origin`, counted from `start`.
    pub(super) origin_at: ClipTime,
    pub(super) multiplier: u32,
    /// Time from the first sample to the end of the last, in the clip.
    pub(super) len: ClipTime,
}

impl PlacedRange {
    /// The media time of the clip for one of the file. It does not hold for hidden samples.
    pub(super) fn in_clip(&self, time: MediaTime) -> ClipTime {
        self.start + self.since_start(time)
    }

    /// Where an edit begins that presents the range from a media time of the file on. What leads in
    /// to the first range may be presented, too (see `joints`).
    pub(super) fn edit_at(&self, time: MediaTime) -> ClipTime {
        match self.range.lead_in {
            Some(LeadIn { is_joined: true, delay, .. }) if self.range.place == SampleNumber::FIRST => {
                self.start + delay
            }
            _ => self.in_clip(time),
        }
    }

    /// As [`Self::in_clip`], counted from the first sample.
    pub(super) fn since_start(&self, time: MediaTime) -> ClipTime {
        self.origin_at + (time - self.origin).in_clip(self.multiplier)
    }

    /// Gives the last samples times with which they end with their edit.
    pub(super) fn end_with(&mut self, ending: &Ending) {
        let since_start = |time| self.since_start(time);
        let lead_in = self.range.lead_in;
        if let Some((lead_in, before)) = lead_in.and_then(|lead_in| Some((lead_in, lead_in.all_but_last()?)))
        {
            let last = ending.last_composition();
            let begins = since_start(last);
            let begins = match lead_in.earliest.filter(|_| last >= lead_in.first_presented) {
                Some(earliest) => begins.max(earliest),
                None => begins,
            };
            self.end_lead_in(before, since_start(ending.end) - begins);
            return;
        }
        let lead_in = self.range.lead_in.map_or(0, |lead_in| lead_in.len);
        let (retimed, decode_end) = ending.retimed(lead_in, self.multiplier, since_start);
        self.len = decode_end.unwrap_or(self.len);
        self.range.ending = retimed;
    }

    /// Lets the last sample, whose scene ends, last until another scene may follow. What is presented
    /// last of this one, hidden samples included, comes before all of that, even where that has
    /// composition offsets as low as `lowest`.
    pub(super) fn last_until(&mut self, ending: &Ending, lowest: MediaTime) {
        let ends = self.since_start(ending.end + ending.margin) + ending.hidden_ticks();
        let begins = ends - lowest.min(MediaTime(0)).in_clip(self.multiplier);
        let missing = ClipTime((begins - self.len).0.clamp(0, MAX_GAP.0));
        if let Some(last) = self.range.ending.last_mut() {
            let duration = (last.duration + missing).in_field();
            self.len = self.len + (duration - last.duration);
            last.duration = duration;
        } else if let Some(before) = self.range.lead_in.and_then(|lead_in| lead_in.all_but_last()) {
            self.end_lead_in(before, self.len + missing - before);
        } else {
            self.lengthen((missing + ClipTime(i64::from(self.multiplier) - 1)).in_file(self.multiplier));
        }
    }

    /// Lets the last sample last until a media time of the clip.
    pub(super) fn end_at<R: ReadAt>(
        &mut self,
        samples: &SampleTable,
        source: &R,
        time: ClipTime,
    ) -> Result<(), FormatError> {
        let len = time - self.start;
        if let Some(last) = self.range.ending.last_mut() {
            let begins = self.len - last.duration;
            last.duration = (len - begins).max(ClipTime(1)).in_field();
            self.len = begins + last.duration;
        } else if let Some(before) = self.range.lead_in.and_then(|lead_in| lead_in.all_but_last()) {
            self.end_lead_in(before, len - before);
        } else {
            let last = self.range.samples.end - 1;
            let decode = samples.dts(source, last)?;
            // Of the first sample, a part may be taken off.
            let begins = self.since_start(decode).max(ClipTime(0));
            let duration = (len - begins).max(ClipTime(1)).in_field();
            let offset = (samples.cts(source, last)? - decode).in_clip(self.multiplier);
            self.range.ending = vec![Retimed { duration, offset }];
            self.len = begins + duration;
        }
        Ok(())
    }

    /// Lets the last sample last longer by so much.
    pub(super) fn lengthen(&mut self, missing: MediaTime) {
        let gap = missing.clamp(MediaTime(0), MAX_GAP);
        self.range.gap = gap;
        self.len = self.len + gap.in_clip(self.multiplier);
        if let Some(before) = self.range.lead_in.and_then(|lead_in| lead_in.all_but_last()) {
            self.end_lead_in(before, self.len - before);
        }
    }

    /// Gives the last sample of the range, which is one of the lead-in, a duration. All others are
    /// decoded for `before`.
    fn end_lead_in(&mut self, before: ClipTime, lasts: ClipTime) {
        let last_duration = lasts.max(ClipTime(1)).in_field();
        self.len = before + last_duration;
        self.range.lead_in.iter_mut().for_each(|lead_in| lead_in.last_duration = last_duration);
    }
}

/// Lets the last sample of a range last longer by so many ticks of the clip, to within one of the
/// file. Returns by how many it does.
pub(super) fn lengthen_last(range: &mut SampleRange, ticks: ClipTime, multiplier: u32) -> ClipTime {
    let longer = |duration: ClipTime| (duration + ticks).in_field();
    if let Some(last) = range.ending.last_mut() {
        let before = last.duration;
        last.duration = longer(before);
        return last.duration - before;
    }
    if let Some(lead_in) = range.lead_in.as_mut().filter(|lead_in| lead_in.all_but_last().is_some()) {
        let before = lead_in.last_duration;
        lead_in.last_duration = longer(before);
        return lead_in.last_duration - before;
    }
    let before = range.gap;
    let half = ClipTime(i64::from(multiplier / 2));
    range.gap = (before + (ticks + half).in_file(multiplier)).clamp(MediaTime(0), MAX_GAP);
    (range.gap - before).in_clip(multiplier)
}
