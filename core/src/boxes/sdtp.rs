//! `sdtp` (8.6.4): what samples depend on, a byte for each.

use super::{BoxHeader, FormatError, Reader, read_exact};
use crate::source::ReadAt;

/// Bytes of version and flags.
const FLAGS: u64 = 4;

/// Appends the entries of the first `samples` samples to `out`.
///
/// # Errors
/// When there are fewer entries, or the file cannot be read.
pub fn read_sdtp<R: ReadAt>(
    reader: &Reader<'_, R>,
    header: &BoxHeader,
    samples: u32,
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    if header.payload_len() < FLAGS + u64::from(samples) {
        // 8.6.4.2: one byte for each sample of the track fragment.
        return Err(header.error("fewer entries than the fragment has samples"));
    }
    let start = out.len();
    out.resize(start + samples as usize, 0);
    read_exact(reader.source(), out.get_mut(start..).unwrap_or_default(), header.payload() + FLAGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_follow_the_flags() {
        let file = b"\0\0\0\x0fsdtp\0\0\0\0\x10\x20\x30".to_vec();
        let mut reader = Reader::new(&file, file.len() as u64);
        let header = reader.header(0, file.len() as u64).unwrap().unwrap();
        let mut out = vec![9];
        read_sdtp(&reader, &header, 3, &mut out).unwrap();
        assert_eq!(out, [9, 0x10, 0x20, 0x30]);
        read_sdtp(&reader, &header, 4, &mut out).unwrap_err();
    }
}
