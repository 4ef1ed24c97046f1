//! The `sdtp` (8.6.4) and `subs` (8.7.7) of fragments, put together.

use crate::boxes::{BoxHeader, FormatError, Reader, SubsEntries, SubsEntry, SubsWriter, read_sdtp};
use crate::limits;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

/// What the samples of a track depend on: a byte for each.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    pub(crate) bytes: Vec<u8>,
}

impl Dependencies {
    /// Adds what a fragment says of its `count` samples, the first of which is `first` of those
    /// that are put together here. Nothing is known of samples before it that no box speaks of.
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &Reader<'_, R>,
        sdtp: &BoxHeader,
        first: SampleNumber,
        count: u32,
    ) -> Result<(), FormatError> {
        self.bytes.resize(first.place(), 0);
        read_sdtp(reader, sdtp, count, &mut self.bytes)
    }
}

/// The parts of samples: of each kind (version and flags) a list of its own.
#[derive(Debug, Default)]
pub(crate) struct Subsamples {
    lists: Vec<SubsWriter>,
}

impl Subsamples {
    /// As [`Dependencies::add`]. `false` when there is more of it than we cut.
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        subs: &BoxHeader,
        first: SampleNumber,
        count: u32,
    ) -> Result<bool, FormatError> {
        let malformed = || subs.error("its entries do not fit");
        let (head, entries) = SubsEntries::of(reader.payload(subs, 8)?).ok_or_else(malformed)?;
        let at = self.lists.iter().position(|l| l.head() == head).unwrap_or(self.lists.len());
        if at == self.lists.len() {
            if at == limits::GROUPINGS {
                return Ok(false);
            }
            self.lists.push(SubsWriter::new(head));
        }
        let Some(list) = self.lists.get_mut(at) else { return Ok(false) };
        for entry in entries {
            let SubsEntry { sample, parts } = entry.ok_or_else(malformed)?;
            let Some(sample) = sample.filter(|sample| sample.0 < count) else { break };
            list.push(first + (sample - SampleNumber::FIRST), parts);
        }
        Ok(list.len() < limits::SMALL_BOX)
    }

    /// Writes the boxes of a flat movie.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.lists.iter().filter(|list| !list.is_empty()).for_each(|list| list.write(out));
    }
}
