//! `sinf` (8.12.1) and `tenc` (ISO/IEC 23001-7, 8.2): how the samples of a description are
//! encrypted.

use crate::boxes::{BoxHeader, BoxType, FormatError, Reader};
use crate::source::ReadAt;

use super::prefix;

/// PIFF 1.1, 5.3.3: the `uuid` box that became `tenc`.
const PIFF_TENC: [u8; 16] =
    [0x89, 0x74, 0xdb, 0xce, 0x7b, 0xe7, 0x4c, 0x51, 0x84, 0xf9, 0x71, 0x48, 0xf9, 0x88, 0x25, 0x54];

/// How samples are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtectionScheme {
    /// `frma`: the coding under the encryption.
    pub original_format: Option<BoxType>,
    /// `schm`: `cenc`, `cbcs` …
    pub scheme: Option<BoxType>,
    /// `default_KID`.
    pub key_id: Option<[u8; 16]>,
}

impl ProtectionScheme {
    /// Reads it from the boxes of a description of this type; `None` if that is not encrypted.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        format: BoxType,
        boxes: &[BoxHeader],
    ) -> Result<Option<Self>, FormatError> {
        // 8.12.1, and what Apple encrypts.
        let is_known =
            matches!(&format.0, b"encv" | b"enca" | b"enct" | b"encs" | b"encm" | b"drms" | b"drmi");
        let sinf = boxes.iter().find(|b| &b.box_type.0 == b"sinf");
        let mut this = Self { original_format: None, scheme: None, key_id: None };
        let Some(sinf) = sinf else { return Ok(is_known.then_some(this)) };
        for child in reader.readable_children(sinf.payload(), sinf.end())?.0 {
            match &child.box_type.0 {
                b"frma" => this.original_format = four(prefix(reader, &child)?, 0),
                // After version and flags.
                b"schm" => this.scheme = four(prefix(reader, &child)?, 4),
                b"schi" => this.key_id = key_id(reader, &child)?,
                _ => {}
            }
        }
        Ok(Some(this))
    }
}

fn four(b: &[u8], at: usize) -> Option<BoxType> {
    b.get(at..)?.first_chunk().map(|four| BoxType(*four))
}

/// The `default_KID` in a `schi`.
fn key_id<R: ReadAt>(reader: &mut Reader<'_, R>, schi: &BoxHeader) -> Result<Option<[u8; 16]>, FormatError> {
    for child in reader.readable_children(schi.payload(), schi.end())?.0 {
        let content = prefix(reader, &child)?;
        let tenc = match &child.box_type.0 {
            b"tenc" => Some(content),
            b"uuid" => content.strip_prefix(&PIFF_TENC),
            _ => None,
        };
        // Version and flags, four bytes of which the last is the size of the vector, the key.
        if let Some(key) = tenc.and_then(|tenc| tenc.get(8..)?.first_chunk()) {
            return Ok(Some(*key));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    const KEY: [u8; 16] = *b"0123456789abcdef";

    fn read(format: &[u8; 4], boxes: &[u8]) -> Option<ProtectionScheme> {
        read_box(make_box(format, boxes), |reader, entry| {
            let boxes = reader.children(entry.payload(), entry.end()).unwrap();
            ProtectionScheme::read(reader, entry.box_type, &boxes).unwrap()
        })
    }

    fn sinf(schi: &[u8]) -> Vec<u8> {
        let frma = make_box(b"frma", b"avc1");
        let schm = make_box(b"schm", b"\0\0\0\0cbcs\0\x01\0\0");
        make_box(b"sinf", [&frma[..], &schm, &make_box(b"schi", schi)].concat())
    }

    #[test]
    fn scheme_and_key_are_read() {
        let tenc = [&[0, 0, 0, 0, 0, 0, 1, 8][..], &KEY].concat();
        let piff = make_box(b"uuid", [&PIFF_TENC[..], &tenc].concat());
        for schi in [make_box(b"tenc", &tenc), piff] {
            let read = read(b"encv", &sinf(&schi)).unwrap();
            assert_eq!(read.original_format, Some(BoxType(*b"avc1")));
            assert_eq!((read.scheme, read.key_id), (Some(BoxType(*b"cbcs")), Some(KEY)));
        }
    }

    #[test]
    fn one_that_does_not_say_how_is_encrypted_all_the_same() {
        let unknown = ProtectionScheme { original_format: None, scheme: None, key_id: None };
        assert_eq!(read(b"encv", &[]), Some(unknown));
        assert_eq!(read(b"encv", &sinf(&make_box(b"tenc", [0; 23]))).unwrap().key_id, None);
        assert_eq!(read(b"avc1", &[]), None);
    }
}
