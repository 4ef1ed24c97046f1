//! Where chunks and auxiliary information are in the answer: `stco`, `co64`, `saio`.

use std::ops::Range;

use crate::boxes::{ChunkOffsets, FormatError, offset_size, put_offset, read_narrow_offsets};
use crate::extents::Places;
use crate::offsets::FileOffset;
use crate::plan::ChunkRange;

use super::context::Generator;

impl Generator<'_> {
    /// A look-up of places in the answer.
    pub(super) fn positions(&self) -> Positions<'_> {
        let places = self.plan.extents.places(self.film);
        Positions {
            places,
            metadata_len: self.plan.metadata_len,
            known: FileOffset(0)..FileOffset(0),
            shift: 0,
        }
    }

    /// Entries of an `stco` or `co64`, from entry `index` of the range's on.
    pub(super) fn write_chunk_offsets(
        &self,
        offsets: &ChunkOffsets,
        range: &ChunkRange,
        is_wide: bool,
        index: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let mut positions = self.positions();
        let mut chunk = range.chunks.start + index;
        let mut out = out;
        if let Some(first) = range.first_offset.filter(|_| index == 0) {
            let (entry, rest) = out.split_at_mut(usize::from(offset_size(is_wide)).min(out.len()));
            put_offset(entry, positions.of(first)?);
            (out, chunk) = (rest, chunk.next());
        }
        if is_wide || offsets.is_wide() {
            self.write_offsets(offsets, chunk.0, is_wide, &mut positions, out)
        } else {
            offsets.table().read_entries(&self.film.source, chunk.0, out)?;
            positions.move_narrow(out)
        }
    }

    /// Offsets that have 64 bits in the source, in the answer, or in both: those of the table from
    /// index `first` on.
    pub(super) fn write_offsets(
        &self,
        offsets: &ChunkOffsets,
        first: u32,
        is_wide: bool,
        positions: &mut Positions<'_>,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let size = usize::from(offset_size(is_wide));
        let count = u32::try_from(out.len() / size).unwrap_or(u32::MAX);
        let mut reader = offsets.reader(&self.film.source, count);
        let mut entries = out.chunks_exact_mut(size);
        let mut done = 0;
        while done < count {
            let put = |offset| {
                let entry = entries.next().unwrap_or_default();
                put_offset(entry, positions.of(FileOffset(offset))?);
                Ok(())
            };
            done += reader.each(first.saturating_add(done), count - done, put)?;
        }
        Ok(())
    }
}

/// Where offsets of the source are in the answer. Offsets that follow one another are mostly in the
/// same extent, which is remembered.
pub(super) struct Positions<'a> {
    places: Places<'a>,
    /// Length of the metadata.
    metadata_len: u64,
    /// The extent that was found last, in the source.
    known: Range<FileOffset>,
    /// What is added to an offset in it, in wrapping arithmetic: the answer may have it earlier.
    shift: u64,
}

impl Positions<'_> {
    /// The offset in the answer of an offset of the source.
    fn of(&mut self, offset: FileOffset) -> Result<u64, FormatError> {
        if !self.known.contains(&offset) {
            let Some(extent) = self.places.holding(offset)? else {
                // A chunk without bytes may have any offset. It gets that of the media's first
                // byte.
                return Ok(self.metadata_len);
            };
            self.known = extent.offset..extent.end();
            self.shift = extent.position.in_answer(self.metadata_len).wrapping_sub(extent.offset.0);
        }
        Ok(offset.0.wrapping_add(self.shift))
    }

    /// Moves offsets of 32 bits, in place.
    fn move_narrow(&mut self, offsets: &mut [u8]) -> Result<(), FormatError> {
        for block in offsets.chunks_mut(BLOCK) {
            let mut words = [0; BLOCK / 4];
            let words = read_narrow_offsets(block, &mut words);
            let entries = block.chunks_exact_mut(offset_size(false).into());
            self.of(FileOffset(words.first().copied().unwrap_or(0).into()))?;
            let word = |offset: FileOffset| u32::try_from(offset.0).unwrap_or(u32::MAX);
            let start = word(self.known.start);
            let len = word(self.known.end) - start;
            if words.iter().fold(true, |all, o| all & (o.wrapping_sub(start) < len)) {
                // The plan has checked that the moved offsets have 32 bits.
                let shift = word(FileOffset(self.shift & 0xffff_ffff));
                for (entry, offset) in entries.zip(words) {
                    put_offset(entry, offset.wrapping_add(shift).into());
                }
            } else {
                for (entry, &offset) in entries.zip(words) {
                    put_offset(entry, self.of(FileOffset(offset.into()))?);
                }
            }
        }
        Ok(())
    }
}

/// Bytes of offsets that are moved at once if they are in one extent.
const BLOCK: usize = 256;
