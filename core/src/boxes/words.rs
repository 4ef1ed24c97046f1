//! Changing and writing the fields of entries that are words of 32 bits.

use super::u32_at;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_of_each_entry_changes() {
        let mut entries = [0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 2, 255, 255, 255, 255];
        change_words::<8>(&mut entries, 4, |word| word.wrapping_add(1));
        assert_eq!(entries, [0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 2, 0, 0, 0, 0]);
    }

    #[test]
    fn words_without_room_are_left_out() {
        let mut out = [9; 7];
        put_words(&mut out, &[1, 2]);
        assert_eq!(out, [0, 0, 0, 1, 9, 9, 9]);
    }
}
