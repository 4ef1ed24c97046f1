//! When the presentation of a track begins and ends.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::table::SampleTable;

impl SampleTable {
    /// When the sample presented first begins, when the one presented last does, and when that
    /// ends.
    pub(super) fn find_ends<R: ReadAt>(
        &self,
        source: &R,
    ) -> Result<(MediaTime, MediaTime, MediaTime), FormatError> {
        let Some(last_sample) = self.end_number().previous() else { return Ok(<_>::default()) };
        let total = i64::try_from(self.stts.sum()).ok().filter(|&t| t < i64::MAX / 4);
        let total = total.map(MediaTime).ok_or(FormatError::DurationOverflow)?;
        let (lowest, highest) = self.offset_bounds();
        let (_, longest) = self.extreme_durations();
        let mut start = MediaTime::MAX;
        for run in self.joint_from(source, self.base)? {
            let run = run?;
            if run.dts + lowest > start {
                break;
            }
            start = start.min(run.cts(0));
        }
        // When the last sample with an offset within the bounds has been decoded.
        let decoded = match self.bounded_at_or_before(last_sample) {
            Some(last) if last < last_sample => self.dts(source, last.next())?,
            Some(_) => self.base + total,
            None => self.base,
        };
        let (mut last, mut end) = (MediaTime::MIN, MediaTime::MIN);
        for run in self.joint_from(source, decoded + lowest - highest - longest)? {
            let run = run?;
            last = last.max(run.cts(run.count - 1));
            end = end.max(run.cts(run.count - 1) + run.delta);
        }
        self.each_outlier(source, |run| {
            start = start.min(run.cts(0));
            last = last.max(run.cts(run.count - 1));
            end = end.max(run.cts(run.count - 1) + run.delta);
        })?;
        // How long the last is on screen is not how long it is decoded, where frames that last
        // unequally are reordered: all are shown for as long as all are decoded.
        end = end.max((start + total).min(last + longest));
        Ok((start, last, end))
    }

    /// Presents the last audio or video sample for the mean duration of the others, if the file
    /// does not say how long it lasts. (A writer learns how long a sample lasts when the next one
    /// comes.)
    pub(super) fn present_last(&mut self) {
        let sum = MediaTime::of_duration(self.stts.sum()).0;
        let (shortest, _) = self.extreme_durations();
        let mean = sum.checked_div(i64::from(self.count) - 1).unwrap_or(0);
        if shortest == MediaTime(0) && self.end == self.last {
            self.end = self.end + MediaTime(mean);
        }
    }

    /// When the presentation of these samples, which are not none, has ended by their own
    /// durations. Offsets out of the bounds are not looked for.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn end_of<R: ReadAt>(
        &self,
        source: &R,
        samples: &Range<SampleNumber>,
    ) -> Result<MediaTime, FormatError> {
        let (lowest, highest) = self.offset_bounds();
        let (shortest, longest) = self.extreme_durations();
        let last = self.dts(source, samples.end - 1)?;
        if shortest == longest && highest == lowest {
            return Ok(last + highest + longest);
        }
        let mut end = MediaTime::MIN;
        for run in self.joint_from(source, last + lowest - highest - longest)? {
            let run = run?;
            if run.sample >= samples.end {
                break;
            }
            if run.end() > samples.start {
                end = end.max(run.cts(run.count.min(samples.end - run.sample) - 1) + run.delta);
            }
        }
        Ok(end)
    }
}
