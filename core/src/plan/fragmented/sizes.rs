//! How many bytes the samples of a track have.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::numbers::{Numbers, SampleNumber};

use super::clip_track::ClipTrack;

/// Samples that are walked through rather than looked up.
const FEW: u32 = 1024;

impl ClipTrack<'_> {
    /// Bytes of some samples.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn bytes(&self, samples: Range<SampleNumber>) -> Result<u64, FormatError> {
        let mut bytes = 0u64;
        self.each_part(samples, |_, part| {
            bytes = bytes.saturating_add(self.table.bytes(&self.source, part)?);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// The one of these samples that a byte of their media is in, or one that is not far before it;
    /// and where that one begins. Byte and place are counted from the first of the samples.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn near_byte(
        &self,
        samples: Range<SampleNumber>,
        byte: u64,
    ) -> Result<(SampleNumber, u64), FormatError> {
        let (mut low, mut high, mut before) = (samples.start, samples.end, 0);
        // What has no size of its own cannot be looked up.
        if self.table.sizes.samples_per_packet() > 1 {
            return Ok((low, before));
        }
        while high - low > FEW {
            let middle = low + (high - low) / 2;
            let until = before + self.bytes(low..middle)?;
            if until <= byte {
                (low, before) = (middle, until);
            } else {
                high = middle;
            }
        }
        Ok((low, before))
    }

    /// Bytes of the samples from each of these to the next. They are in order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn bytes_between(&self, cuts: &[SampleNumber]) -> Result<Vec<u64>, FormatError> {
        let mut bytes = vec![0u64; cuts.len().saturating_sub(1)];
        let (Some(&first), Some(&end)) = (cuts.first(), cuts.last()) else { return Ok(bytes) };
        let mut ends = bytes.iter_mut().zip(cuts.iter().skip(1));
        let mut open = ends.next();
        let mut at = first;
        self.each_part(first..end, |_, part| {
            let mut sizes = self.table.sizes.reader(&self.source, part.units());
            let mut left = part.count();
            while left > 0 {
                let Some((sum, end)) = &mut open else { break };
                let taken = left.min(end.0.saturating_sub(at.0));
                if taken == 0 {
                    open = ends.next();
                    continue;
                }
                **sum = sum.saturating_add(sizes.sum(taken)?);
                (at, left) = (at + taken, left - taken);
            }
            Ok(())
        })?;
        Ok(bytes)
    }
}
