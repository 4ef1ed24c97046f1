//! Which chunk a sample is in, and where it lies in the file.

use std::ops::Range;

use crate::boxes::{FormatError, Run};
use crate::numbers::{ChunkNumber, SampleNumber};
use crate::offsets::FileOffset;
use crate::source::ReadAt;

use super::table::SampleTable;

/// The chunk that holds a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its number.
    pub number: ChunkNumber,
    /// Its first sample.
    pub first_sample: SampleNumber,
    /// Its number of samples.
    pub samples: u32,
    /// Its sample description, 1-based.
    pub description_index: u32,
}

impl Chunk {
    /// The sample after its last one.
    pub fn end_sample(&self) -> SampleNumber {
        self.first_sample + self.samples
    }
}

impl SampleTable {
    /// The chunk that holds `sample`.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn chunk_of<R: ReadAt>(&self, source: &R, sample: SampleNumber) -> Result<Chunk, FormatError> {
        let run = self.stsc.at_sum(source, u64::from(sample.0))?;
        let samples = run.samples_per_chunk();
        let into = u64::from(sample.0).saturating_sub(run.sum).checked_div(u64::from(samples)).unwrap_or(0);
        let into = u32::try_from(into).unwrap_or(u32::MAX).min(run.count.saturating_sub(1));
        Ok(chunk_in(&run, ChunkNumber(run.unit) + into))
    }

    /// The chunk of a number.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn chunk<R: ReadAt>(&self, source: &R, number: ChunkNumber) -> Result<Chunk, FormatError> {
        Ok(chunk_in(&self.stsc.at_unit(source, number.0)?, number))
    }

    /// Where the bytes of `sample` lie in the file. `chunk` is that of a sample looked up before,
    /// and becomes that of this one.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub(crate) fn place_of<R: ReadAt>(
        &self,
        source: &R,
        chunk: &mut Chunk,
        sample: SampleNumber,
    ) -> Result<Range<FileOffset>, FormatError> {
        if !(chunk.first_sample..chunk.end_sample()).contains(&sample) {
            *chunk = self.chunk_of(source, sample)?;
        }
        let offset = self.offset_in(source, chunk, sample)?;
        let size = self.bytes(source, sample..sample.next())?;
        Ok(offset..offset + size)
    }

    /// Offset in the file of `sample`, which lies in `chunk`.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn offset_in<R: ReadAt>(
        &self,
        source: &R,
        chunk: &Chunk,
        sample: SampleNumber,
    ) -> Result<FileOffset, FormatError> {
        let start = self.offsets.get(source, chunk.number.0)?;
        let before = self.bytes(source, chunk.first_sample..sample)?;
        start.checked_add(before).map(FileOffset).ok_or(FormatError::ChunkOverflow(chunk.number.one_based()))
    }
}

fn chunk_in(run: &Run, number: ChunkNumber) -> Chunk {
    let samples = run.samples_per_chunk();
    let first = run.sum + u64::from(number - ChunkNumber(run.unit)) * u64::from(samples);
    Chunk {
        number,
        first_sample: SampleNumber(u32::try_from(first).unwrap_or(u32::MAX)),
        samples,
        description_index: run.description_index(),
    }
}
