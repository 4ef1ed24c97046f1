//! The `codecs` parameter of RFC 6381, as manifests and `MediaSource.isTypeSupported` have it.

mod audio;
mod text;
mod video;

use crate::boxes::descriptions::SampleDescription;
use crate::boxes::{BoxType, FormatError, Reader};
use crate::source::ReadAt;

use super::track::VideoDescription;

/// The parameter for a sample description: that of the coding under an encryption. Where the
/// configuration of a coding cannot be read, it is the four-character code alone.
pub(super) fn codec<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &SampleDescription,
    video: Option<&VideoDescription>,
) -> Result<Option<String>, FormatError> {
    let full = match video {
        Some(video) => video::codec(reader, entry, video)?,
        None if entry.sound.is_some() => audio::codec(reader, entry)?,
        None => text::codec(reader, entry)?,
    };
    Ok(full.or_else(|| plain(entry.coding)))
}

/// A four-character code of which all characters may stand in the parameter as they are (RFC 6381,
/// 3.2). Codes of others, which have spaces or control characters, are for no player.
fn plain(coding: BoxType) -> Option<String> {
    let is_plain = coding.0.iter().all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+'));
    is_plain.then(|| coding.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_no_parameter_can_have_are_none() {
        assert_eq!(plain(BoxType(*b"ec-3")).as_deref(), Some("ec-3"));
        for coding in [b"raw ", b"\0\0\0\0", b"a\"b,", b"ms\0\x11", b"\xa9abc", b"a.bc"] {
            assert_eq!(plain(BoxType(*coding)), None, "{coding:?}");
        }
    }
}
