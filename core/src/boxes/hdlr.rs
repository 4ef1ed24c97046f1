//! `hdlr` (8.4.3): what kind of media a track holds.

use super::{BoxHeader, BoxType, FormatError, Reader};
use crate::limits;
use crate::source::ReadAt;

/// The handler type: `vide`, `soun`, `text` …
///
/// # Errors
/// When the box is too short or cannot be read.
pub fn read_hdlr<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<BoxType, FormatError> {
    if header.payload_len() < 12 {
        // 8.4.3.2: version and flags, `pre_defined`, `handler_type`.
        return Err(header.error("too short for a handler type"));
    }
    let b = reader.bytes(header.payload() + 8, 4)?;
    let mut handler = BoxType([0; 4]);
    handler.0.copy_from_slice(b);
    Ok(handler)
}

/// The name of the handler; `None` where there is none. It ends at a zero. In QuickTime it begins
/// with its length.
///
/// # Errors
/// When the file cannot be read.
pub fn read_handler_name<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<Option<String>, FormatError> {
    // 8.4.3.2: version and flags, `pre_defined`, `handler_type`, three reserved words.
    let len = header.payload_len().saturating_sub(24).min(limits::NAME as u64);
    if len == 0 {
        return Ok(None);
    }
    let name = reader.bytes(header.payload() + 24, usize::try_from(len).unwrap_or(0))?;
    let counted = name.split_first().and_then(|(len, rest)| {
        let text = rest.get(..usize::from(*len))?;
        // Text of ISO/IEC 14496-12 that begins with such a byte goes on behind the length.
        rest.get(usize::from(*len)..)?.iter().all(|&b| b == 0).then_some(text)
    });
    let text = counted.unwrap_or(name).split(|&b| b == 0).next().unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(text).into_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, make_box, read_box};

    #[test]
    fn the_handler_type_is_read() {
        let vide = u32::from_be_bytes(*b"vide");
        assert_eq!(read_box(full_box(b"hdlr", 0, [0, vide, 0, 0, 0]), read_hdlr).unwrap().0, *b"vide");
        read_box(full_box(b"hdlr", 0, [0]), read_hdlr).unwrap_err();
    }

    #[test]
    fn a_name_ends_at_a_zero_or_has_a_length() {
        let name = |name: &[u8]| {
            read_box(make_box(b"hdlr", [&[0; 24][..], name].concat()), read_handler_name).unwrap()
        };
        assert_eq!(name(b"VideoHandler\0").as_deref(), Some("VideoHandler"));
        assert_eq!(name(b"Commentary").as_deref(), Some("Commentary"));
        assert_eq!(name(b"\x0aCommentary").as_deref(), Some("Commentary"));
        assert_eq!(name(b"\x0aCommentary\0").as_deref(), Some("Commentary"));
        assert_eq!((name(b"\0"), name(b""), name(b"\0\0")), (None, None, None));
        assert_eq!(name(&[b'x'; 5000]).map(|name| name.len()), Some(limits::NAME));
        assert_eq!(read_box(make_box(b"hdlr", [0; 7]), read_handler_name).unwrap(), None);
    }
}
