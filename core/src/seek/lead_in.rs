//! The times that the first samples of a range get, if some of them are hidden. See `hidden` for
//! how they are found.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::index::SampleTable;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime};

/// The times that the first samples of a range get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeadIn {
    /// How many samples get such times: the hidden ones, and the presented ones that are decoded
    /// among or soon after them.
    pub len: u32,
    /// Duration of each but the last.
    pub step: ClipTime,
    /// Duration of the last of them.
    pub last_duration: ClipTime,
    /// Whether composition times are decode times: nothing is reordered.
    pub in_order: bool,
    /// Composition time in the file of the first presented sample.
    pub first_presented: MediaTime,
    /// That time in the clip, counted from the decode time of the first sample of the range.
    pub presented_at: ClipTime,
    /// When the first presented sample is presented, counted alike, where its beginning may be cut off.
    pub(super) earliest: Option<ClipTime>,
    /// Whether the range goes on from another one, or begins as if it did (see `joints`).
    pub(super) is_joined: bool,
    /// How many samples decode order may be from composition order, at most.
    pub(super) reorder: u32,
    /// When the first of the hidden samples is presented, counted like `presented_at`.
    pub(super) delay: ClipTime,
    pub(super) multiplier: u32,
    /// Which samples are presented after the end of the clip.
    pub(super) until: Until,
    /// Samples of the range.
    pub(super) held: u32,
}

/// Where the edit of a range ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Until {
    /// The composition time in the file from which on samples are not presented.
    pub(super) end: MediaTime,
    /// How much later the first of them is in the clip; less than 0 where no edit hides it.
    pub(super) later: MediaTime,
    /// By how many ticks it is earlier than that.
    pub(super) earlier: ClipTime,
    /// How long before it is decoded a sample may be presented: all composition offsets are raised by
    /// that.
    pub(super) raised: MediaTime,
}

impl Until {
    /// All samples are presented.
    pub(super) const NEVER: Self =
        Self { end: MediaTime::MAX, later: MediaTime(0), earlier: ClipTime(0), raised: MediaTime(0) };

    /// When the first sample that is not presented comes, where the edit ends at `end` of the clip.
    pub(super) fn late_from(&self, end: ClipTime, multiplier: u32) -> ClipTime {
        end + self.later.in_clip(multiplier) - self.earlier
    }
}

/// Composition times that are held at once, where samples are reordered over less than a third of
/// as many.
const HELD: usize = 64;

impl LeadIn {
    /// A lead-in of `len` samples in composition order. All but the last are a tick long. The first
    /// presented sample has the composition time `first_presented` in the file and `presented_at`
    /// in the clip.
    pub(super) fn in_order(
        len: u32,
        last_duration: ClipTime,
        first_presented: MediaTime,
        presented_at: ClipTime,
        held: u32,
    ) -> Self {
        Self {
            len,
            step: ClipTime(1),
            last_duration,
            in_order: true,
            first_presented,
            presented_at,
            earliest: None,
            is_joined: false,
            reorder: 0,
            delay: ClipTime(0),
            multiplier: 1,
            until: Until::NEVER,
            held,
        }
    }

    /// How long all samples but the last are decoded, where these are all of the range.
    pub(super) fn all_but_last(&self) -> Option<ClipTime> {
        (self.len == self.held).then(|| self.step.times(self.len - 1))
    }

    /// Gives the composition offset of each sample of `part`. The range begins with sample `start`
    /// of the file. `part` counts samples from there, so that 0 is that sample: it holds places
    /// within the range, not numbers of the file or of the clip.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn each_offset<R: ReadAt>(
        &self,
        samples: &SampleTable,
        source: &R,
        start: SampleNumber,
        part: Range<u32>,
        mut put: impl FnMut(ClipTime),
    ) -> Result<(), FormatError> {
        // Composition times of the samples from `held_from` of the range on.
        let mut held = Vec::with_capacity(HELD);
        let mut held_from = part.start.saturating_sub(self.reorder);
        let mut following = samples.joint_at(source, start + held_from)?.samples();
        for n in part {
            // Those that may be reordered with the one at hand.
            let first = n.saturating_sub(self.reorder);
            let end = (u64::from(n) + u64::from(self.reorder) + 1).min(self.held.into());
            if held.len() >= HELD.max(3 * self.reorder as usize) {
                held.drain(..(first - held_from) as usize);
                held_from = first;
            }
            while held.len() as u64 + u64::from(held_from) < end {
                match following.next() {
                    Some(sample) => held.push(sample?.cts(0)),
                    None => break,
                }
            }
            let window = held.get((first - held_from) as usize..).unwrap_or_default();
            let place = (n - first) as usize;
            let time = *window.get(place).ok_or(FormatError::Changed)?;
            put(self.composed(time, n, window.split_at(place)) - self.step.times(n));
        }
        Ok(())
    }

    /// The composition time in the clip of sample `n` of the range, whose one in the file is
    /// `time`. The slices have those of the samples before it that it may be reordered with, and of
    /// itself and the ones after it.
    fn composed(&self, time: MediaTime, n: u32, around: (&[MediaTime], &[MediaTime])) -> ClipTime {
        let soonest = self.step.times(n) - self.until.raised.in_clip(self.multiplier);
        let in_clip =
            |time: MediaTime| self.presented_at + (time - self.first_presented).in_clip(self.multiplier);
        // How many of the samples that come no earlier than `from` precede this one.
        let (before, after) = around;
        let rank = |from: MediaTime| {
            let count = |n, is_counted| n + u32::from(is_counted);
            let earlier = before.iter().map(|&t| from <= t && t <= time).fold(0, count);
            after.iter().map(|&t| from <= t && t < time).fold(earlier, count)
        };
        let Until { end, .. } = self.until;
        if time >= end {
            let late = self.until.late_from(in_clip(end), self.multiplier);
            (late + ClipTime(rank(end).into())).max(soonest)
        } else if time >= self.first_presented {
            self.earliest.map_or(in_clip(time), |earliest| in_clip(time).max(earliest))
        } else {
            let presented_at = self.earliest.unwrap_or(self.presented_at);
            let first = n.saturating_sub(u32::try_from(before.len()).unwrap_or(n));
            let rank = first.saturating_add(rank(MediaTime::MIN));
            (self.delay + self.step.times(rank)).min(presented_at - ClipTime(1)).max(soonest)
        }
    }
}
