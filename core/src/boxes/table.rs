//! A table of fixed-size entries on disk, read in windows.

use std::ops::Range;
use std::rc::Rc;

use super::{BoxHeader, FormatError, Reader, u32_at};
use crate::source::{Page, ReadAt};

/// Where a table's entries stand in the file. Checked to lie inside its box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Offset of the first entry.
    pub offset: u64,
    /// Number of entries.
    pub count: u32,
    /// Bytes of one entry.
    pub entry_size: u8,
}

impl Table {
    /// The table of a full box whose payload is version and flags, `skip` bytes,
    /// the entry count, then the entries.
    ///
    /// # Errors
    /// When the box is too short for the entries it claims.
    pub fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
        skip: u8,
        entry_size: u8,
    ) -> Result<Self, FormatError> {
        let before = 8 + u64::from(skip);
        if header.payload_len() < before {
            // 4.2.2: version and flags. The syntax of each such box has its count before the
            // entries.
            return Err(header.error("too short for an entry count"));
        }
        let count = u32_at(reader.bytes(header.payload() + 4 + u64::from(skip), 4)?, 0);
        let table = Self { offset: header.payload() + before, count, entry_size };
        let room = header.payload_len() - before;
        if table.bytes() > room {
            return Err(
                header.error(format!("{count} entries of {entry_size} bytes do not fit in {room} bytes"))
            );
        }
        Ok(table)
    }

    /// Bytes of all entries.
    pub fn bytes(&self) -> u64 {
        u64::from(self.count) * u64::from(self.entry_size)
    }

    /// Offset of entry `index`.
    pub fn entry_offset(&self, index: u32) -> u64 {
        self.offset + u64::from(index) * u64::from(self.entry_size)
    }

    /// Fills `out` with entries from `index` on.
    ///
    /// # Errors
    /// When the table has not as many, or the file cannot be read.
    pub fn read_entries<R: ReadAt>(&self, source: &R, index: u32, out: &mut [u8]) -> Result<(), FormatError> {
        let offset = self.entry_offset(index);
        let io = |e| FormatError::read(offset, e);
        if offset + out.len() as u64 > self.entry_offset(self.count) {
            return Err(io(std::io::ErrorKind::UnexpectedEof.into()));
        }
        source.read_exact_at(out, offset).map_err(io)
    }
}

/// Reads a table's entries, one window at a time.
pub struct TableReader<'a, R: ReadAt> {
    source: &'a R,
    table: Table,
    window: Window,
    first: u32,
    held: u32,
    target: u32,
}

/// Some entries in a row.
enum Window {
    Read(Vec<u8>),
    /// Bytes of a page of the source.
    Lent(Rc<Vec<u8>>, Range<usize>),
}

impl Window {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Read(bytes) => bytes,
            Self::Lent(page, range) => page.get(range.clone()).unwrap_or_default(),
        }
    }
}

/// Windows up to this size are lent by a source that keeps pages.
const LENT: usize = 4096;

/// Entries of a window when the caller reads on and on, or knows that all of a table will be
/// needed.
pub const READ_AHEAD: u32 = 8192;

impl<'a, R: ReadAt> TableReader<'a, R> {
    /// A reader that begins with windows of `entries` and doubles them as it reads on.
    pub fn new(source: &'a R, table: Table, entries: u32) -> Self {
        Self { source, table, window: Window::Read(Vec::new()), first: 0, held: 0, target: entries.max(1) }
    }

    /// The bytes of entry `index`.
    ///
    /// # Errors
    /// When the index is outside the table or the file cannot be read.
    pub fn entry(&mut self, index: u32) -> Result<&[u8], FormatError> {
        let size = usize::from(self.table.entry_size);
        if index < self.first || index - self.first >= self.held {
            self.fill(index)?;
        }
        let at = (index - self.first) as usize * size;
        Ok(self.window.bytes().get(at..at + size).unwrap_or_default())
    }

    /// The bytes of as many entries from `index` on as the window holds: at least one.
    ///
    /// # Errors
    /// As [`Self::entry`].
    pub fn entries(&mut self, index: u32) -> Result<&[u8], FormatError> {
        if index < self.first || index - self.first >= self.held {
            self.fill(index)?;
        }
        let at = (index - self.first) as usize * usize::from(self.table.entry_size);
        Ok(self.window.bytes().get(at..).unwrap_or_default())
    }

    fn fill(&mut self, index: u32) -> Result<(), FormatError> {
        let offset = self.table.entry_offset(index);
        let io = |e| FormatError::read(offset, e);
        let left = self.table.count.checked_sub(index).filter(|&n| n > 0);
        let left = left.ok_or_else(|| io(std::io::ErrorKind::UnexpectedEof.into()))?;
        let want = left.min(self.target);
        let reads_on = self.held == 0 || index == self.first.saturating_add(self.held);
        self.held = 0;
        let size = usize::from(self.table.entry_size);
        let len = want as usize * size;
        let page = if len > LENT { None } else { self.source.page(offset, size).map_err(io)? };
        // An entry that lies across two pages is read alone. Those after it are lent again.
        let is_across = page.is_none() && len <= LENT && self.source.page(offset, 1).map_err(io)?.is_some();
        let len = if is_across { size } else { len };
        if reads_on && !is_across {
            self.target = self.target.saturating_mul(2).min(READ_AHEAD.max(self.target));
        }
        self.first = index;
        let held = match page {
            Some(page) => self.borrow(page, offset, len),
            None => {
                let mut bytes = match std::mem::replace(&mut self.window, Window::Read(Vec::new())) {
                    Window::Read(bytes) => bytes,
                    Window::Lent(..) => Vec::new(),
                };
                bytes.resize(len, 0);
                self.source.read_exact_at(&mut bytes, offset).map_err(io)?;
                self.window = Window::Read(bytes);
                len
            }
        };
        self.held = u32::try_from(held / size).unwrap_or(want);
        Ok(())
    }

    /// Takes the entries that `page` has whole, up to `len` bytes from `offset` on. The one at
    /// `offset` is `self.first`, which becomes the first of all. Returns how many bytes they are.
    fn borrow(&mut self, page: Page, offset: u64, len: usize) -> usize {
        let size = u64::from(self.table.entry_size);
        let before = (offset - page.start.max(self.table.offset)) / size;
        let start = offset - before * size;
        self.first -= u32::try_from(before).unwrap_or(0);
        let end = (page.start + page.bytes.len() as u64).min(offset + len as u64);
        let len = (end - start) / size * size;
        let in_page = |at: u64| usize::try_from(at - page.start).unwrap_or(usize::MAX);
        let range = in_page(start)..in_page(start + len);
        let held = range.len();
        self.window = Window::Lent(page.bytes, range);
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, read_box};

    #[test]
    fn entries_are_read_in_windows() {
        let file = full_box(b"stss", 0, [3, 7, 8, 9]);
        let table = read_box(file.clone(), |reader, header| Table::read(reader, header, 0, 4)).unwrap();
        assert_eq!((table.offset, table.count, table.bytes()), (16, 3, 12));
        let mut reader = TableReader::new(&file, table, 2);
        assert_eq!(reader.entry(1).unwrap(), [0, 0, 0, 8]);
        assert_eq!(reader.entries(1).unwrap(), [0, 0, 0, 8, 0, 0, 0, 9]);
        assert_eq!(reader.entry(0).unwrap(), [0, 0, 0, 7]);
        reader.entry(3).unwrap_err();
        table.read_entries(&file, 2, &mut [0; 8]).unwrap_err();
    }

    #[test]
    fn a_box_too_short_for_its_entries_is_refused() {
        for words in [&[][..], &[2, 1]] {
            let file = full_box(b"stss", 0, words.iter().copied());
            read_box(file, |reader, header| Table::read(reader, header, 0, 4)).unwrap_err();
        }
    }
}
