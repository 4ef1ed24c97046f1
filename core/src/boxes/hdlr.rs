//! `hdlr` (8.4.3): what kind of media a track holds.

use super::{BoxHeader, BoxType, FormatError, Reader};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, read_box};

    #[test]
    fn the_handler_type_is_read() {
        let vide = u32::from_be_bytes(*b"vide");
        assert_eq!(read_box(full_box(b"hdlr", 0, [0, vide, 0, 0, 0]), read_hdlr).unwrap().0, *b"vide");
        read_box(full_box(b"hdlr", 0, [0]), read_hdlr).unwrap_err();
    }
}
