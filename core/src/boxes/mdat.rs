//! `mdat` (8.1.1): the media.

use super::write::{LARGE_SIZE, long_box_head};
use super::{BoxHeader, BoxType, FormatError, Reader};
use crate::source::ReadAt;

/// The header of an `mdat` with `len` bytes of media. Its size has 64 bits where 32 are not enough.
pub fn mdat_header(len: u64) -> Vec<u8> {
    long_box_head(BoxType(*b"mdat"), len)
}

/// The `mdat` at `at` of a file whose end is missing, with the size that is there. `None` when
/// there is another box.
///
/// # Errors
/// When the file cannot be read, or has less than 8 bytes there.
pub fn read_cut_off_mdat<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    at: u64,
) -> Result<Option<BoxHeader>, FormatError> {
    let left = reader.file_len().saturating_sub(at);
    let b = reader.bytes(at, 8)?;
    let header_len = if b.starts_with(&LARGE_SIZE) { 16 } else { 8 };
    let is_mdat = b.ends_with(b"mdat") && left >= u64::from(header_len);
    Ok(is_mdat.then_some(BoxHeader { box_type: BoxType(*b"mdat"), offset: at, header_len, size: left }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_has_as_many_bits_as_it_needs() {
        assert_eq!(mdat_header(4), b"\0\0\0\x0cmdat");
        assert_eq!(mdat_header(u64::from(u32::MAX) - 8), b"\xff\xff\xff\xffmdat");
        assert_eq!(mdat_header(u64::from(u32::MAX) - 7), b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\x08");
    }

    #[test]
    fn one_that_is_cut_off_has_the_size_that_is_there() {
        let read = |film: &[u8]| {
            let film = film.to_vec();
            read_cut_off_mdat(&mut Reader::new(&film, film.len() as u64), 0)
        };
        let of =
            |header_len, size| Some(BoxHeader { box_type: BoxType(*b"mdat"), offset: 0, header_len, size });
        assert_eq!(read(&[&mdat_header(100)[..], &[0; 5]].concat()).unwrap(), of(8, 13));
        assert_eq!(read(&[&mdat_header(1 << 40)[..], &[0; 5]].concat()).unwrap(), of(16, 21));
        assert_eq!(read(&mdat_header(1 << 40)[..12]).unwrap(), None);
        assert_eq!(read(b"\0\0\0\x64free").unwrap(), None);
        read(b"\0\0\0").unwrap_err();
    }
}
