//! `----`, a freeform tag in the `ilst` of iTunes: `mean` (who defines the tag), `name` and `data`.

use super::{BoxHeader, FormatError, Reader};
use crate::source::ReadAt;

/// Bytes of version and flags, which stand before the text in `mean` and `name`.
const FLAGS: usize = 4;

/// The name of a freeform tag. `None` when it has none, or cannot be taken apart.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn read_freeform_name<'r, R: ReadAt>(
    reader: &'r mut Reader<'_, R>,
    tag: &BoxHeader,
) -> Result<Option<&'r [u8]>, FormatError> {
    let parts = match reader.children(tag.payload(), tag.end()) {
        Err(e) if e.is_unread() => return Err(e),
        parts => parts.unwrap_or_default(),
    };
    let Some(name) = parts.iter().find(|part| &part.box_type.0 == b"name") else { return Ok(None) };
    Ok(Some(reader.payload(name, 0)?.get(FLAGS..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn name(payload: &[u8]) -> Option<Vec<u8>> {
        let file = make_box(b"----", payload);
        read_box(file, |reader, tag| read_freeform_name(reader, tag).unwrap().map(<[u8]>::to_vec))
    }

    #[test]
    fn the_name_follows_its_flags() {
        let mean = make_box(b"mean", b"\0\0\0\0com.apple.iTunes");
        let named = [&mean[..], &make_box(b"name", b"\0\0\0\0iTunSMPB")].concat();
        assert_eq!(name(&named).as_deref(), Some(&b"iTunSMPB"[..]));
        assert_eq!(name(&mean), None);
        assert_eq!(name(&named[..named.len() - 1]), None);
        assert_eq!(name(&make_box(b"name", b"\0\0")).as_deref(), Some(&b""[..]));
    }
}
