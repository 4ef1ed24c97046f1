//! `dref` (8.7.2): the data references, which say in which file the media lies.

use super::{BoxHeader, FormatError, Reader, u32_at};
use crate::source::ReadAt;

/// Bytes of version, flags and `entry_count`.
const HEAD: u64 = 8;

/// The media data is in the same file as the box.
const SELF_CONTAINED: u32 = 1;

/// The longest content of an entry that names no place: flags, and the zero that ends an empty
/// string.
const NO_LOCATION: u64 = 5;

/// The `dref` in a `dinf` (8.7.1).
///
/// # Errors
/// When the file cannot be read.
pub fn find_dref<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    dinf: &BoxHeader,
) -> Result<Option<BoxHeader>, FormatError> {
    let (children, _) = reader.readable_children(dinf.payload(), dinf.end())?;
    Ok(children.into_iter().find(|b| &b.box_type.0 == b"dref"))
}

/// Of each entry whether the media that refers to it lies in this file.
///
/// # Errors
/// When the file cannot be read.
pub fn read_dref<R: ReadAt>(reader: &mut Reader<'_, R>, dref: &BoxHeader) -> Result<Vec<bool>, FormatError> {
    let mut out = Vec::new();
    for entry in reader.readable_children(dref.payload().saturating_add(HEAD), dref.end())?.0 {
        // An entry that names no place can only mean this file, whatever its flags say.
        let is_here = entry.payload_len() <= NO_LOCATION
            || u32_at(reader.bytes(entry.payload(), 4)?, 0) & SELF_CONTAINED != 0;
        out.push(is_here);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::write_box;

    fn read(entries: &[&[u8]]) -> Vec<bool> {
        let mut file = Vec::new();
        write_box(&mut file, b"dinf", |out| {
            write_box(out, b"dref", |out| {
                out.extend_from_slice(&[0; 8]);
                entries.iter().for_each(|e| write_box(out, b"url ", |out| out.extend_from_slice(e)));
            });
        });
        let len = file.len() as u64;
        let mut reader = Reader::new(&file, len);
        let dinf = reader.header(0, len).unwrap().unwrap();
        let dref = find_dref(&mut reader, &dinf).unwrap().unwrap();
        read_dref(&mut reader, &dref).unwrap()
    }

    #[test]
    fn an_entry_that_names_another_place_is_elsewhere() {
        assert_eq!(read(&[&[0, 0, 0, 1], b"\0\0\0\0film\0", b"\0\0\0\x01film\0"]), [true, false, true]);
    }

    #[test]
    fn an_entry_that_names_no_place_is_here() {
        assert_eq!(read(&[&[0; 4], &[0; 5], &[]]), [true; 3]);
    }
}
