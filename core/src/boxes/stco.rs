//! `stco` and `co64` (8.7.5): where each chunk stands in the file.

use std::ops::Range;

use super::{BoxHeader, FormatError, Reader, Table, TableReader, u32_at, u64_at};
use crate::source::ReadAt;

/// The offsets of a track's chunks.
#[derive(Debug, Clone, Copy)]
pub struct ChunkOffsets {
    table: Table,
    /// Whether no chunk stands before the one before it.
    ascending: bool,
    lowest: u64,
    highest: u64,
}

impl ChunkOffsets {
    /// Reads an `stco` or `co64`.
    ///
    /// # Errors
    /// When the box is malformed or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let entry_size = if &header.box_type.0 == b"co64" { 8 } else { 4 };
        let table = Table::read(reader, header, 0, entry_size)?;
        let mut this = Self { table, ascending: true, lowest: u64::MAX, highest: 0 };
        let mut last = 0;
        let mut chunks = TableReader::new(reader.source(), table, 2048);
        let mut index = 0;
        while index < table.count {
            let b = chunks.entries(index)?;
            index += u32::try_from(b.len() / usize::from(entry_size)).unwrap_or(table.count);
            let mut see = |offset| {
                this.ascending &= offset >= last;
                this.lowest = this.lowest.min(offset);
                this.highest = this.highest.max(offset);
                last = offset;
            };
            if entry_size == 8 {
                b.chunks_exact(8).for_each(|c| see(u64_at(c, 0)));
            } else {
                b.chunks_exact(4).for_each(|c| see(u64::from(u32_at(c, 0))));
            }
        }
        Ok(this)
    }

    /// The table of the offsets.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Whether offsets have 64 bits.
    pub fn is_wide(&self) -> bool {
        self.table.entry_size == 8
    }

    /// Number of chunks.
    pub fn count(&self) -> u32 {
        self.table.count
    }

    /// Whether no chunk stands before the one before it.
    pub fn is_ascending(&self) -> bool {
        self.ascending
    }

    /// The lowest and the highest offset; `None` without chunks.
    pub fn span(&self) -> Option<(u64, u64)> {
        (self.table.count > 0).then_some((self.lowest, self.highest))
    }

    /// Reads offsets in order from chunk `index` on.
    pub fn reader<'a, R: ReadAt>(&self, source: &'a R, window: u32) -> OffsetReader<'a, R> {
        OffsetReader {
            reader: TableReader::new(source, self.table, window),
            wide: self.table.entry_size == 8,
        }
    }

    /// Offset of chunk `index`, 0-based.
    ///
    /// # Errors
    /// When there is no such chunk or the file cannot be read.
    pub fn get<R: ReadAt>(&self, source: &R, index: u32) -> Result<u64, FormatError> {
        self.reader(source, 1).get(index)
    }

    /// The first chunk of `range` that stands at or after `offset`, in an ascending
    /// table; `range.end` when none does. O(log n).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn first_from<R: ReadAt>(
        &self,
        source: &R,
        range: Range<u32>,
        offset: u64,
    ) -> Result<u32, FormatError> {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(source, middle)? < offset {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// Reads chunk offsets, best in order.
pub struct OffsetReader<'a, R: ReadAt> {
    reader: TableReader<'a, R>,
    wide: bool,
}

impl<R: ReadAt> OffsetReader<'_, R> {
    /// Gives the offsets from chunk `index` on, at most `count` and at least one, and says how many.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn each(&mut self, index: u32, count: u32, mut give: impl FnMut(u64)) -> Result<u32, FormatError> {
        let size = if self.wide { 8 } else { 4 };
        let b = self.reader.entries(index)?;
        let b = b.get(..b.len().min(count as usize * size)).unwrap_or_default();
        if self.wide {
            b.chunks_exact(8).for_each(|c| give(u64_at(c, 0)));
        } else {
            b.chunks_exact(4).for_each(|c| give(u64::from(u32_at(c, 0))));
        }
        Ok(u32::try_from(b.len() / size).unwrap_or(count))
    }

    /// Offset of chunk `index`, 0-based.
    ///
    /// # Errors
    /// When there is no such chunk or the file cannot be read.
    pub fn get(&mut self, index: u32) -> Result<u64, FormatError> {
        let b = self.reader.entry(index)?;
        Ok(if self.wide { u64_at(b, 0) } else { u64::from(u32_at(b, 0)) })
    }
}
