//! Copies the sample auxiliary information of some samples.

use std::ops::Range;

use crate::boxes::{FormatError, read_exact};
use crate::movie::samples::SampleTable;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

use super::auxiliary::{AuxiliaryPlace, LocatedAuxiliary};

impl LocatedAuxiliary {
    /// Fills `out` with the information of the samples in `range`, from its byte `skip` on.
    /// `samples` are those of the track, whose chunks locate the information.
    ///
    /// # Errors
    /// When the file cannot be read, or has changed.
    pub fn read_at<R: ReadAt>(
        &self,
        source: &R,
        samples: &SampleTable,
        range: &Range<SampleNumber>,
        skip: u64,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let offsets = match &self.place {
            AuxiliaryPlace::Range(start) => {
                let offset = start + self.sizes.bytes(source, 0..range.start.0)? + skip;
                return read_exact(source, out, offset);
            }
            AuxiliaryPlace::Chunks { offsets, .. } => offsets,
        };
        // The sample that has the first byte.
        let (mut low, mut high) = (range.start.0, range.end.0);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.sizes.bytes(source, range.start.0..middle)? <= skip {
                low = middle;
            } else {
                high = middle;
            }
        }
        let chunk = samples.chunk_of(source, SampleNumber(low))?;
        let before = self.sizes.bytes(source, chunk.first_sample.0..low)?;
        let mut skip = before + skip.saturating_sub(self.sizes.bytes(source, range.start.0..low)?);
        let end = range.start.0 + self.covered(range);
        let mut sizes = self.sizes.reader(source, chunk.first_sample.0..end);
        let mut places = offsets.reader(source, 64);
        let mut rest = out;
        for run in samples.stsc.pieces_from(source, chunk.number.0)? {
            let run = run?;
            for index in run.unit..run.end() {
                if rest.is_empty() {
                    return Ok(());
                }
                let len = sizes.sum(run.samples_per_chunk())?.saturating_sub(skip);
                let (now, later) =
                    rest.split_at_mut(usize::try_from(len).unwrap_or(usize::MAX).min(rest.len()));
                if !now.is_empty() {
                    read_exact(source, now, places.get(index)?.saturating_add(skip))?;
                }
                (rest, skip) = (later, 0);
            }
        }
        read_exact(source, rest, u64::MAX)
    }
}
