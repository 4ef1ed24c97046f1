//! Which chunk a sample is in, and where it lies in the file.

use std::ops::Range;

use crate::boxes::{FormatError, Run};
use crate::source::ReadAt;

use super::table::SampleTable;

/// The chunk that holds a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its index.
    pub index: u32,
    /// Its first sample.
    pub first_sample: u32,
    /// Its number of samples.
    pub samples: u32,
    /// Its sample description, 1-based.
    pub description_index: u32,
}

impl SampleTable {
    /// The chunk that holds `sample`.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn chunk_of<R: ReadAt>(&self, source: &R, sample: u32) -> Result<Chunk, FormatError> {
        let run = self.stsc.at_sum(source, u64::from(sample))?;
        let samples = run.samples_per_chunk();
        let into = u64::from(sample).saturating_sub(run.sum).checked_div(u64::from(samples)).unwrap_or(0);
        let into = u32::try_from(into).unwrap_or(u32::MAX).min(run.count.saturating_sub(1));
        Ok(chunk_in(&run, run.unit + into))
    }

    /// Chunk `index`.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn chunk<R: ReadAt>(&self, source: &R, index: u32) -> Result<Chunk, FormatError> {
        Ok(chunk_in(&self.stsc.at_unit(source, index)?, index))
    }

    /// Where the bytes of `sample` lie in the file. `chunk` is that of a sample looked up before, and
    /// becomes that of this one.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub(crate) fn place_of<R: ReadAt>(
        &self,
        source: &R,
        chunk: &mut Chunk,
        sample: u32,
    ) -> Result<Range<u64>, FormatError> {
        if !(chunk.first_sample..chunk.first_sample.saturating_add(chunk.samples)).contains(&sample) {
            *chunk = self.chunk_of(source, sample)?;
        }
        let offset = self.offset_in(source, chunk, sample)?;
        let size = self.sizes.bytes(source, sample..sample + 1)?;
        Ok(offset..offset.saturating_add(size))
    }

    /// Offset in the file of `sample`, which lies in `chunk`.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn offset_in<R: ReadAt>(&self, source: &R, chunk: &Chunk, sample: u32) -> Result<u64, FormatError> {
        let start = self.offsets.get(source, chunk.index)?;
        let before = self.sizes.bytes(source, chunk.first_sample..sample)?;
        start
            .checked_add(before)
            .ok_or_else(|| FormatError::Film(format!("chunk {} ends past 64 bits", chunk.index + 1)))
    }
}

fn chunk_in(run: &Run, index: u32) -> Chunk {
    let samples = run.samples_per_chunk();
    let first = run.sum + u64::from(index - run.unit) * u64::from(samples);
    Chunk {
        index,
        first_sample: u32::try_from(first).unwrap_or(u32::MAX),
        samples,
        description_index: run.description_index(),
    }
}
