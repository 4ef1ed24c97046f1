//! `stco` and `co64` (8.7.5): where each chunk stands in the file.

use std::ops::Range;
use std::sync::OnceLock;

use super::{BoxHeader, FormatError, READ_AHEAD, Reader, Table, TableReader, read_words, u32_at, u64_at};
use crate::source::ReadAt;

/// The offsets of a track's chunks.
#[derive(Debug, Clone)]
pub struct ChunkOffsets {
    table: Table,
    /// Of all offsets, once it is needed.
    order: OnceLock<Order>,
}

/// How the chunks stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Whether no chunk stands before the one before it.
    pub is_ascending: bool,
    /// The lowest offset.
    pub lowest: u64,
    /// The highest offset.
    pub highest: u64,
}

impl Order {
    const EMPTY: Self = Self { is_ascending: true, lowest: u64::MAX, highest: 0 };

    /// Chunks that follow those seen so far.
    fn see<T: Copy + Ord + Into<u64>>(&mut self, offsets: &[T]) {
        let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else { return };
        let next = offsets.iter().skip(1);
        let rises = offsets.iter().zip(next).fold(true, |all, (one, next)| all & (one <= next));
        self.is_ascending &= rises && first.into() >= self.highest;
        if self.is_ascending {
            self.lowest = self.lowest.min(first.into());
            self.highest = last.into();
        } else {
            for &offset in offsets {
                self.lowest = self.lowest.min(offset.into());
                self.highest = self.highest.max(offset.into());
            }
        }
    }
}

/// Offsets that are looked at side by side.
const BLOCK: usize = 256;

/// Chunks that are looked at anew each time rather than the whole table once.
const FEW: u32 = 1024;

impl ChunkOffsets {
    /// Reads an `stco` or `co64`.
    ///
    /// # Errors
    /// When the box is malformed or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let entry_size = if &header.box_type.0 == b"co64" { 8 } else { 4 };
        let table = Table::read(reader, header, 0, entry_size)?;
        Ok(Self { table, order: OnceLock::new() })
    }

    /// How all chunks stand in the file; `None` without chunks.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn order<R: ReadAt>(&self, source: &R) -> Result<Option<Order>, FormatError> {
        if self.table.count == 0 {
            return Ok(None);
        }
        if let Some(order) = self.order.get() {
            return Ok(Some(*order));
        }
        let order = self.order_of(source, 0..self.table.count)?;
        Ok(Some(*self.order.get_or_init(|| order)))
    }

    /// Whether in a range of chunks none stands before the one before it; of a long range it may say no because
    /// others are out of order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_ascending<R: ReadAt>(&self, source: &R, range: Range<u32>) -> Result<bool, FormatError> {
        if range.end.saturating_sub(range.start) < FEW {
            return Ok(self.order_of(source, range)?.is_ascending);
        }
        Ok(self.order(source)?.is_none_or(|o| o.is_ascending))
    }

    fn order_of<R: ReadAt>(&self, source: &R, range: Range<u32>) -> Result<Order, FormatError> {
        let mut order = Order::EMPTY;
        let mut chunks = TableReader::new(source, self.table, READ_AHEAD.min(range.end - range.start));
        let mut index = range.start;
        while index < range.end {
            let size = usize::from(self.table.entry_size);
            let b = chunks.entries(index)?;
            let b = b.get(..b.len().min((range.end - index) as usize * size)).unwrap_or_default();
            for block in b.chunks(BLOCK * size) {
                if size == 8 {
                    order.see(&block.chunks_exact(8).map(|c| u64_at(c, 0)).collect::<Vec<_>>());
                } else {
                    order.see(read_words(block, &mut [0; BLOCK]));
                }
            }
            index += u32::try_from(b.len() / size).unwrap_or(range.end);
        }
        Ok(order)
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
