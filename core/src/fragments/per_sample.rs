//! The `sdtp` (8.6.4) and `subs` (8.7.7) of fragments, put together.

use crate::boxes::{BoxHeader, FormatError, Reader, SubsEntries, SubsEntry, read_sdtp, write_box};
use crate::limits;
use crate::source::ReadAt;

/// What the samples of a track depend on: a byte for each.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    pub(crate) bytes: Vec<u8>,
}

impl Dependencies {
    /// Adds what a fragment says of its `count` samples, the first of which is number `first` (0-based);
    /// of samples before it that nothing was said of, nothing is known.
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &Reader<'_, R>,
        sdtp: &BoxHeader,
        first: usize,
        count: u32,
    ) -> Result<(), FormatError> {
        if sdtp.payload_len() < 4 + u64::from(count) {
            return Err(sdtp.error("fewer entries than the fragment has samples"));
        }
        self.bytes.resize(first + count as usize, 0);
        read_sdtp(reader, sdtp, self.bytes.get_mut(first..).unwrap_or_default())
    }
}

/// The parts of samples: of each kind (version and flags) a list of its own.
#[derive(Debug, Default)]
pub(crate) struct Subsamples {
    lists: Vec<List>,
}

#[derive(Debug)]
struct List {
    head: [u8; 4],
    /// The sample (1-based) of the last entry.
    last: u32,
    count: u32,
    entries: Vec<u8>,
}

impl Subsamples {
    /// As [`Dependencies::add`]. `false` when there is more of it than we cut.
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        subs: &BoxHeader,
        first: u32,
        count: u32,
    ) -> Result<bool, FormatError> {
        let malformed = || subs.error("its entries do not fit");
        let (head, entries) = SubsEntries::of(reader.payload(subs, 8)?).ok_or_else(malformed)?;
        let at = self.lists.iter().position(|l| l.head == head).unwrap_or(self.lists.len());
        if at == self.lists.len() {
            if at == limits::GROUPINGS {
                return Ok(false);
            }
            self.lists.push(List { head, last: 0, count: 0, entries: Vec::new() });
        }
        let Some(list) = self.lists.get_mut(at) else { return Ok(false) };
        for entry in entries {
            let SubsEntry { sample_number, parts } = entry.ok_or_else(malformed)?;
            if sample_number == 0 || sample_number > count {
                break;
            }
            let sample = first + sample_number;
            list.entries.extend_from_slice(&sample.saturating_sub(list.last).to_be_bytes());
            list.entries.extend_from_slice(parts);
            list.last = sample;
            list.count += 1;
        }
        Ok(list.entries.len() < limits::SMALL_BOX)
    }

    /// Writes the boxes of a flat film.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for list in self.lists.iter().filter(|l| l.count > 0) {
            write_box(out, b"subs", |out| {
                out.extend_from_slice(&list.head);
                out.extend_from_slice(&list.count.to_be_bytes());
                out.extend_from_slice(&list.entries);
            });
        }
    }
}
