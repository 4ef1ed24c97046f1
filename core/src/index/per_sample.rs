//! The `sdtp` (8.6.4) and `subs` (8.7.7) of fragments, put together.

use crate::boxes::{BoxHeader, FormatError, Reader, u16_at, u32_at, write_box};
use crate::limits;
use crate::source::ReadAt;

/// What the samples of a track depend on: a byte for each.
#[derive(Debug, Default)]
pub(super) struct Dependencies {
    pub(super) bytes: Vec<u8>,
}

impl Dependencies {
    /// Adds what a fragment says of its `count` samples, the first of which is number `first` (0-based);
    /// of samples before it that nothing was said of, nothing is known.
    pub(super) fn add<R: ReadAt>(
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
        let offset = sdtp.payload() + 4;
        let out = self.bytes.get_mut(first..).unwrap_or_default();
        reader.source().read_exact_at(out, offset).map_err(|source| FormatError::Io { offset, source })
    }
}

/// The parts of samples: of each kind (version and flags) a list of its own.
#[derive(Debug, Default)]
pub(super) struct Subsamples {
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
    pub(super) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        subs: &BoxHeader,
        first: u32,
        count: u32,
    ) -> Result<bool, FormatError> {
        let b = reader.payload(subs, 8)?;
        let mut head = [0; 4];
        head.copy_from_slice(b.get(..4).unwrap_or_default());
        let at = self.lists.iter().position(|l| l.head == head).unwrap_or(self.lists.len());
        if at == self.lists.len() {
            if at == limits::GROUPINGS {
                return Ok(false);
            }
            self.lists.push(List { head, last: 0, count: 0, entries: Vec::new() });
        }
        let Some(list) = self.lists.get_mut(at) else { return Ok(false) };
        let part = if head.first() == Some(&1) { 10 } else { 8 };
        let mut rest = b.get(8..).unwrap_or_default();
        let mut number = 0u32;
        for _ in 0..u32_at(b, 4) {
            let parts = usize::from(u16_at(rest, 4));
            let Some((entry, more)) = rest.split_at_checked(6 + parts * part) else {
                return Err(subs.error("its entries do not fit"));
            };
            rest = more;
            number = number.saturating_add(u32_at(entry, 0));
            if number == 0 || number > count {
                break;
            }
            let sample = first + number;
            list.entries.extend_from_slice(&sample.saturating_sub(list.last).to_be_bytes());
            list.entries.extend_from_slice(entry.get(4..).unwrap_or_default());
            list.last = sample;
            list.count += 1;
        }
        Ok(list.entries.len() < limits::SMALL_BOX)
    }

    /// Writes the boxes of a flat film.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for list in self.lists.iter().filter(|l| l.count > 0) {
            write_box(out, b"subs", |out| {
                out.extend_from_slice(&list.head);
                out.extend_from_slice(&list.count.to_be_bytes());
                out.extend_from_slice(&list.entries);
            });
        }
    }
}
