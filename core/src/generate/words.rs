//! Reading and writing the fields of entries.

use crate::boxes::u32_at;

/// Changes the word at `at` of each entry of `SIZE` bytes.
#[inline]
pub(super) fn change_words<const SIZE: usize>(entries: &mut [u8], at: usize, change: impl Fn(u32) -> u32) {
    for entry in entries.chunks_exact_mut(SIZE) {
        let word = change(u32_at(entry, at));
        put_words(entry.get_mut(at..).unwrap_or_default(), &[word]);
    }
}

/// Writes words of 32 bits, as many as there is room for.
#[inline]
pub(super) fn put_words(out: &mut [u8], words: &[u32]) {
    for (out, word) in out.chunks_exact_mut(4).zip(words) {
        out.copy_from_slice(&word.to_be_bytes());
    }
}

/// Writes a chunk offset in 4 or 8 bytes.
#[inline]
pub(super) fn put_offset(out: &mut [u8], offset: u64) {
    let bytes = offset.to_be_bytes();
    out.copy_from_slice(bytes.get(8 - out.len().min(8)..).unwrap_or_default());
}
