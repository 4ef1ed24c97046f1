//! The entries of `stts`, `ctts` and `sbgp`: how many samples, and what is said of each of them.

use crate::boxes::u32_at;
use crate::boxes::words::{change_words, put_words};

/// Bytes of an entry.
pub const RUN_ENTRY_SIZE: u8 = 8;

/// An entry: `sample_count`, and the duration, the composition offset or the group.
pub fn run_entry(sample_count: u32, value: u32) -> [u8; 8] {
    let mut out = [0; RUN_ENTRY_SIZE as usize];
    put_run_entry(&mut out, sample_count, value);
    out
}

/// Writes an entry. See [`run_entry`].
#[inline]
pub fn put_run_entry(out: &mut [u8], sample_count: u32, value: u32) {
    put_words(out, &[sample_count, value]);
}

/// Changes the values of entries, and leaves the numbers of samples.
#[inline]
pub fn change_run_values(entries: &mut [u8], change: impl Fn(u32) -> u32) {
    change_words::<{ RUN_ENTRY_SIZE as usize }>(entries, 4, change);
}

/// The number of samples of an entry, and the value.
#[inline]
pub(in crate::boxes) fn run_fields(entry: &[u8]) -> (u32, u32) {
    (u32_at(entry, 0), u32_at(entry, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut entries = [run_entry(3, 40), run_entry(1, u32::MAX)].concat();
        let read = |entries: &[u8]| entries.chunks_exact(8).map(run_fields).collect::<Vec<_>>();
        assert_eq!(read(&entries), [(3, 40), (1, u32::MAX)]);
        change_run_values(&mut entries, |value| value.wrapping_add(2));
        assert_eq!(read(&entries), [(3, 42), (1, 1)]);
    }
}
