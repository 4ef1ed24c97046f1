//! `sdtp` (8.6.4): what samples depend on, a byte for each.

use super::{BoxHeader, FormatError, Reader, read_exact};
use crate::source::ReadAt;

/// Fills `out` with the entries of the first samples.
///
/// # Errors
/// When there are fewer entries, or the file cannot be read.
pub fn read_sdtp<R: ReadAt>(
    reader: &Reader<'_, R>,
    header: &BoxHeader,
    out: &mut [u8],
) -> Result<(), FormatError> {
    if header.payload_len() < 4 + out.len() as u64 {
        // 8.6.4.2: one byte for each sample of the track fragment.
        return Err(header.error("fewer entries than the fragment has samples"));
    }
    read_exact(reader.source(), out, header.payload() + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_follow_the_flags() {
        let file = b"\0\0\0\x0fsdtp\0\0\0\0\x10\x20\x30".to_vec();
        let mut reader = Reader::new(&file, file.len() as u64);
        let header = reader.header(0, file.len() as u64).unwrap().unwrap();
        let mut out = [0; 3];
        read_sdtp(&reader, &header, &mut out).unwrap();
        assert_eq!(out, [0x10, 0x20, 0x30]);
        read_sdtp(&reader, &header, &mut [0; 4]).unwrap_err();
    }
}
