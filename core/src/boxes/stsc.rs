//! `stsc` (8.7.4): how many samples each chunk has. [`Runs`](super::Runs) reads its entries.

use super::u32_at;
use super::words::{change_words, put_words};
use super::write::{PLAIN, TableHead};
use crate::numbers::ChunkNumber;

/// Bytes of an entry.
pub const STSC_ENTRY_SIZE: u8 = 12;

/// What an `stsc` has before its entries.
pub fn stsc_head() -> TableHead {
    TableHead::counted(b"stsc", PLAIN, STSC_ENTRY_SIZE)
}

/// An entry: `first_chunk`, `samples_per_chunk`, `sample_description_index`.
pub fn stsc_entry(first: ChunkNumber, samples: u32, description_index: u32) -> [u8; 12] {
    let mut out = [0; STSC_ENTRY_SIZE as usize];
    put_stsc_entry(&mut out, first, samples, description_index);
    out
}

/// Writes an entry. See [`stsc_entry`].
#[inline]
pub fn put_stsc_entry(out: &mut [u8], first: ChunkNumber, samples: u32, description_index: u32) {
    put_words(out, &[first.one_based(), samples, description_index]);
}

/// Writes the `first_chunk` of an entry, and leaves its other fields.
#[inline]
pub fn put_first_chunk(entry: &mut [u8], first: ChunkNumber) {
    put_words(entry, &[first.one_based()]);
}

/// Moves the `first_chunk` of entries, so that `from` becomes `to`.
#[inline]
pub fn move_first_chunks(entries: &mut [u8], from: ChunkNumber, to: ChunkNumber) {
    // As the box counts them, both from 1.
    let (from, to) = (from.one_based(), to.one_based());
    change_words::<{ STSC_ENTRY_SIZE as usize }>(entries, 0, |chunk| {
        chunk.wrapping_sub(from).wrapping_add(to)
    });
}

/// The `first_chunk` of an entry, as the box counts it: from 1.
#[inline]
pub(super) fn first_chunk(entry: &[u8]) -> u32 {
    u32_at(entry, 0)
}

/// The `samples_per_chunk` and the `sample_description_index` of an entry.
#[inline]
pub(super) fn of_each_chunk(entry: &[u8]) -> (u32, u32) {
    (u32_at(entry, 4), u32_at(entry, 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{RunKind, Runs};
    use crate::testing::read_box;

    #[test]
    fn what_is_written_is_read() {
        let mut file = Vec::new();
        let entries = [stsc_entry(ChunkNumber(0), 5, 1), stsc_entry(ChunkNumber(2), 3, 2)];
        stsc_head().write(&mut file, |out| out.extend_from_slice(&entries.concat()));
        let read = read_box(file.clone(), |reader, header| Runs::read(reader, header, RunKind::Stsc, 4));
        let read = read.unwrap();
        let of = |chunk| {
            let run = read.at_unit(&file, chunk).unwrap();
            (run.samples_per_chunk(), run.description_index())
        };
        assert_eq!([0, 1, 2, 3].map(of), [(5, 1), (5, 1), (3, 2), (3, 2)]);
    }

    #[test]
    fn chunks_are_moved() {
        let mut entries = [stsc_entry(ChunkNumber(7), 5, 1), stsc_entry(ChunkNumber(9), 3, 2)].concat();
        move_first_chunks(&mut entries, ChunkNumber(8), ChunkNumber(2));
        assert_eq!(entries, [stsc_entry(ChunkNumber(1), 5, 1), stsc_entry(ChunkNumber(3), 3, 2)].concat());
        put_first_chunk(&mut entries, ChunkNumber(0));
        assert_eq!(entries[..12], stsc_entry(ChunkNumber(0), 5, 1));
        assert_eq!((first_chunk(&entries), of_each_chunk(&entries)), (1, (5, 1)));
    }
}
