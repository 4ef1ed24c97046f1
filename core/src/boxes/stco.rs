//! `stco` and `co64` (8.7.5): where each chunk stands in the file.

use std::ops::Range;
use std::rc::Rc;

use super::segments::{SEGMENT, Segments};
use super::write::{PLAIN, TableHead};
use super::{BoxHeader, FormatError, READ_AHEAD, Reader, Table, TableReader, u32_at, u64_at};
use crate::source::ReadAt;

/// The offsets of a track's chunks.
#[derive(Debug, Clone)]
pub struct ChunkOffsets {
    table: Table,
    /// Of the chunks of each segment.
    order: Segments<Order>,
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

    /// Chunks that follow those taken so far.
    fn take<T: Copy + Ord + Into<u64>>(&mut self, offsets: &[T]) {
        let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else { return };
        let next = offsets.iter().skip(1);
        let rises = offsets.iter().zip(next).fold(true, |all, (one, next)| all & (one <= next));
        let (lowest, highest) = if rises {
            (first.into(), last.into())
        } else {
            let bounds = (offsets.iter().min().unwrap_or(&first), offsets.iter().max().unwrap_or(&last));
            ((*bounds.0).into(), (*bounds.1).into())
        };
        self.follow(&Self { is_ascending: rises, lowest, highest });
    }

    /// Takes in the chunks of a range that follows.
    fn follow(&mut self, next: &Self) {
        self.is_ascending &= next.is_ascending && next.lowest >= self.highest;
        self.lowest = self.lowest.min(next.lowest);
        self.highest = self.highest.max(next.highest);
    }
}

/// What a request knows of the chunks from one on, up to `end`.
struct Known {
    end: u32,
    is_ascending: bool,
}

/// Offsets that are looked at side by side.
const BLOCK: usize = 256;

/// Chunks that are looked at again each time, rather than the segments they are in once.
const FEW: u32 = 1024;

impl ChunkOffsets {
    /// Reads an `stco` or `co64`.
    ///
    /// # Errors
    /// When the box is malformed or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let entry_size = offset_size(&header.box_type.0 == b"co64");
        Ok(Self::of_table(Table::read(reader, header, 0, entry_size)?))
    }

    /// Offsets of 4 or 8 bytes whose place is known.
    pub fn of_table(table: Table) -> Self {
        Self { table, order: Segments::new(table.count) }
    }

    /// How all chunks stand in the file; `None` without chunks.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn order<R: ReadAt>(&self, source: &R) -> Result<Option<Order>, FormatError> {
        let all = 0..self.table.count;
        if all.is_empty() { Ok(None) } else { self.order_of_segments(source, all).map(Some) }
    }

    /// Whether in a range of chunks none stands before the one before it; of a long range it may
    /// say no because others, close to it, are out of order.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_ascending<R: ReadAt>(&self, source: &R, range: Range<u32>) -> Result<bool, FormatError> {
        let count = range.end.saturating_sub(range.start);
        if count >= FEW {
            return Ok(self.order_of_segments(source, range)?.is_ascending);
        }
        if self.is_known_to_ascend(&range) {
            return Ok(true);
        }
        // A request asks for the same chunks more than once.
        let (memo, offset) = (source.memo(), self.table.entry_offset(range.start));
        let known = memo.and_then(|memo| memo.get::<Known>(offset)).filter(|known| known.end == range.end);
        if let Some(known) = known {
            return Ok(known.is_ascending);
        }
        let end = range.end;
        let order = self.order_of(&mut TableReader::new(source, self.table, count), range)?;
        if let Some(memo) = memo {
            memo.keep(offset, Rc::new(Known { end, is_ascending: order.is_ascending }));
        }
        Ok(order.is_ascending)
    }

    /// Whether no chunk stands before the one before it in all segments that have one of the range,
    /// as far as is known.
    fn is_known_to_ascend(&self, range: &Range<u32>) -> bool {
        let mut all = Order::EMPTY;
        (range.start / SEGMENT..range.end.div_ceil(SEGMENT)).all(|n| {
            let known = self.order.known(n);
            known.iter().for_each(|known| all.follow(known));
            known.is_some() && all.is_ascending
        })
    }

    /// How the chunks of all segments stand that have one of the range.
    fn order_of_segments<R: ReadAt>(&self, source: &R, range: Range<u32>) -> Result<Order, FormatError> {
        let mut all = Order::EMPTY;
        let mut reader = TableReader::new(source, self.table, READ_AHEAD);
        for n in range.start / SEGMENT..range.end.div_ceil(SEGMENT) {
            all.follow(self.order.get(n, |chunks| self.order_of(&mut reader, chunks))?);
        }
        Ok(all)
    }

    fn order_of<R: ReadAt>(
        &self,
        reader: &mut TableReader<'_, R>,
        range: Range<u32>,
    ) -> Result<Order, FormatError> {
        let mut order = Order::EMPTY;
        let size = usize::from(self.table.entry_size);
        let end = range.end.min(self.table.count);
        let mut index = range.start;
        while index < end {
            let b = reader.entries(index)?;
            let b = b.get(..b.len().min((end - index) as usize * size)).unwrap_or_default();
            for block in b.chunks(BLOCK * size) {
                if size == 8 {
                    order.take(&block.chunks_exact(8).map(|c| u64_at(c, 0)).collect::<Vec<_>>());
                } else {
                    order.take(read_narrow_offsets(block, &mut [0; BLOCK]));
                }
            }
            index += u32::try_from(b.len() / size).unwrap_or(end);
        }
        Ok(order)
    }

    /// The table of the offsets.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Whether offsets have 64 bits.
    pub fn is_wide(&self) -> bool {
        self.table.entry_size == offset_size(true)
    }

    /// Number of chunks.
    pub fn count(&self) -> u32 {
        self.table.count
    }

    /// Memory that what is known of segments holds.
    pub fn heap_size(&self) -> usize {
        self.order.heap_size()
    }

    /// Reads offsets in order from chunk `index` on.
    pub fn reader<'a, R: ReadAt>(&self, source: &'a R, window: u32) -> OffsetReader<'a, R> {
        OffsetReader { reader: TableReader::new(source, self.table, window), wide: self.is_wide() }
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
        let mut offsets = self.reader(source, range.end.saturating_sub(range.start).min(FEW));
        while low < high {
            let middle = low + (high - low) / 2;
            if offsets.get(middle)? < offset {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// What an `stco` has before its entries, or a `co64`, whose offsets are wide: they have 64 bits.
pub fn chunk_offsets_head(is_wide: bool) -> TableHead {
    TableHead::counted(if is_wide { b"co64" } else { b"stco" }, PLAIN, offset_size(is_wide))
}

/// Bytes of an offset of 64 or 32 bits.
#[inline]
pub fn offset_size(is_wide: bool) -> u8 {
    if is_wide { 8 } else { 4 }
}

/// Reads offsets of 32 bits: as many as there are, and as there is room for.
pub fn read_narrow_offsets<'a>(b: &[u8], out: &'a mut [u32]) -> &'a [u32] {
    let n = (b.len() / 4).min(out.len());
    for (out, word) in out.iter_mut().zip(b.chunks_exact(4)) {
        *out = u32_at(word, 0);
    }
    out.get(..n).unwrap_or_default()
}

/// Writes an offset in as many bytes as there are, 4 or 8. Of 4, it has to fit in them.
#[inline]
pub fn put_offset(out: &mut [u8], offset: u64) {
    let bytes = offset.to_be_bytes();
    out.copy_from_slice(bytes.get(8 - out.len().min(8)..).unwrap_or_default());
}

/// Appends an offset to `out`. See [`put_offset`].
pub fn write_offset(out: &mut Vec<u8>, offset: u64, is_wide: bool) {
    let start = out.len();
    out.resize(start + usize::from(offset_size(is_wide)), 0);
    put_offset(out.get_mut(start..).unwrap_or_default(), offset);
}

/// Reads chunk offsets, best in order.
pub struct OffsetReader<'a, R: ReadAt> {
    reader: TableReader<'a, R>,
    wide: bool,
}

impl<R: ReadAt> OffsetReader<'_, R> {
    /// Gives the offsets from chunk `index` on, at most `count` and at least one, and says how
    /// many.
    ///
    /// # Errors
    /// As [`Self::get`], and those of `give`.
    pub fn each(
        &mut self,
        index: u32,
        count: u32,
        mut give: impl FnMut(u64) -> Result<(), FormatError>,
    ) -> Result<u32, FormatError> {
        let size = if self.wide { 8 } else { 4 };
        let b = self.reader.entries(index)?;
        let b = b.get(..b.len().min(count as usize * size)).unwrap_or_default();
        if self.wide {
            b.chunks_exact(8).try_for_each(|c| give(u64_at(c, 0)))?;
        } else {
            b.chunks_exact(4).try_for_each(|c| give(u64::from(u32_at(c, 0))))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, read_box};

    #[test]
    fn offsets_have_32_or_64_bits() {
        let get = |box_type: &[u8; 4], words: &[u32]| {
            let file = full_box(box_type, 0, words.iter().copied());
            let offsets = read_box(file.clone(), ChunkOffsets::read)?;
            Ok::<_, FormatError>((offsets.count(), offsets.get(&file, 1)?))
        };
        assert_eq!(get(b"stco", &[2, 5, 6]).unwrap(), (2, 6));
        assert_eq!(get(b"co64", &[2, 0, 5, 1, 6]).unwrap(), (2, (1 << 32) + 6));
        get(b"co64", &[2, 0, 5]).unwrap_err();
    }

    #[test]
    fn what_is_written_is_read() {
        for (is_wide, offsets) in [(false, [5, u64::from(u32::MAX)]), (true, [5, 1 << 40])] {
            let mut file = Vec::new();
            chunk_offsets_head(is_wide).write(&mut file, |out| {
                offsets.iter().for_each(|&offset| write_offset(out, offset, is_wide));
            });
            let read = read_box(file.clone(), ChunkOffsets::read).unwrap();
            assert_eq!((read.count(), read.is_wide()), (2, is_wide));
            assert_eq!([0, 1].map(|n| read.get(&file, n).unwrap()), offsets);
            let mut narrow = [0; 2];
            if !is_wide {
                let narrow = read_narrow_offsets(&file[16..], &mut narrow);
                assert!(narrow.iter().map(|&offset| u64::from(offset)).eq(offsets));
            }
        }
    }

    #[test]
    fn the_order_is_known_in_any_range() {
        for size in [4, 8] {
            let count = 40_000;
            // Two are out of order: one inside a segment, one where a segment begins.
            let offset = |n: u32| if n == 5000 || n == 2 * SEGMENT { 7 } else { 100 + n };
            let offsets: Vec<u32> = (0..count).map(offset).collect();
            let bytes = offsets.iter().flat_map(|&o| u64::from(o).to_be_bytes().into_iter().skip(8 - size));
            let source: Vec<u8> = bytes.collect();
            let table = Table { offset: 0, count, entry_size: u8::try_from(size).unwrap() };
            let chunks = ChunkOffsets::of_table(table);
            let order = chunks.order(&source).unwrap().unwrap();
            assert_eq!(order, Order { is_ascending: false, lowest: 7, highest: 100 + u64::from(count) - 1 });
            let is_ascending = |range| chunks.is_ascending(&source, range).unwrap();
            for (range, expected) in [
                (4000..5000, true),
                (4500..5001, false),
                (5000..5900, true),
                (SEGMENT..2 * SEGMENT, true),
                (SEGMENT + 5..2 * SEGMENT + 1, false),
                (2 * SEGMENT..count, true),
                (0..0, true),
            ] {
                assert_eq!(is_ascending(range.clone()), expected, "{range:?}");
            }
        }
    }
}
