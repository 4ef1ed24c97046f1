//! `elng` (8.4.6): the extended language tag.

use super::{BoxHeader, FormatError, Reader};
use crate::source::ReadAt;

/// Bytes of version and flags.
const FLAGS: usize = 4;

/// The longest tag that is kept. RFC 5646 asks for 35 characters.
const LONGEST: usize = 64;

/// Reads the tag, up to its terminating zero.
///
/// # Errors
/// When the box is too short for its flags, or cannot be read.
pub fn read_elng<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<String, FormatError> {
    let tag = reader.payload(header, FLAGS)?.get(FLAGS..).unwrap_or_default();
    let tag = tag.split(|&b| b == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(tag.get(..tag.len().min(LONGEST)).unwrap_or_default()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(payload: &[u8]) -> Result<String, FormatError> {
        read_box(make_box(b"elng", payload), read_elng)
    }

    #[test]
    fn the_tag_ends_at_a_zero_or_with_the_box() {
        assert_eq!(read(b"\0\0\0\0zh-Hant\0rest").unwrap(), "zh-Hant");
        assert_eq!(read(b"\0\0\0\0de").unwrap(), "de");
        assert_eq!(read(b"\0\0\0\0").unwrap(), "");
    }

    #[test]
    fn a_long_one_is_cut_and_a_short_one_refused() {
        let long = [&[0; 4][..], &[b'x'; 100]].concat();
        assert_eq!(read(&long).unwrap(), "x".repeat(LONGEST));
        read(b"\0\0\0").unwrap_err();
    }
}
