//! `cmov` (QuickTime File Format, "Compressed movie resources"): the whole `moov` in one zlib
//! stream.

use super::{BoxHeader, FormatError, Reader, read_exact};
use crate::limits;
use crate::source::ReadAt;

/// Bytes of the `cmvd` before the stream: the size of what is compressed, which is not needed.
const UNCOMPRESSED_SIZE: u64 = 4;

/// A `moov` up to this size may be compressed to any ratio.
const SMALL: usize = 1 << 16;

/// The bytes of the `moov` that a `moov` holds compressed; `None` when it is not compressed.
///
/// # Errors
/// When it is compressed in another way than with zlib, too large, or damaged; or cannot be read.
pub fn read_cmov<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    moov: &BoxHeader,
) -> Result<Option<Vec<u8>>, FormatError> {
    let children = reader.children(moov.payload(), moov.end())?;
    let Some(cmov) = children.iter().find(|b| &b.box_type.0 == b"cmov") else { return Ok(None) };
    let children = reader.children(cmov.payload(), cmov.end())?;
    let part = |t: &[u8; 4]| children.iter().find(|b| &b.box_type.0 == t);
    if let Some(dcom) = part(b"dcom") {
        if reader.payload(dcom, 4)? != b"zlib" {
            // QuickTime File Format, "Compressed movie resources": zlib is the only algorithm in
            // use.
            return Err(dcom.error("compressed with something other than zlib"));
        }
    }
    // The same: `cmov` holds a `dcom` and a `cmvd`.
    let cmvd = part(b"cmvd").ok_or_else(|| cmov.error("no compressed data (cmvd) in it"))?;
    if cmvd.payload_len() < UNCOMPRESSED_SIZE || cmvd.payload_len() > limits::UNPACKED_MOOV as u64 {
        // The same: the size comes before the stream. The longest is our own limit.
        return Err(cmvd.error("too short, or longer than we take"));
    }
    let mut packed = vec![0; usize::try_from(cmvd.payload_len() - UNCOMPRESSED_SIZE).unwrap_or(0)];
    read_exact(reader.source(), &mut packed, cmvd.payload() + UNCOMPRESSED_SIZE)?;
    let most = packed.len().saturating_mul(limits::UNPACKED_RATIO).clamp(SMALL, limits::UNPACKED_MOOV);
    let unpacked = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&packed, most);
    unpacked.map(Some).map_err(|e| cmvd.error(format!("cannot be unpacked: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::write_box;

    fn read(algorithm: &[u8], cmvd: &[u8]) -> Result<Option<Vec<u8>>, FormatError> {
        let mut file = Vec::new();
        write_box(&mut file, b"moov", |out| {
            write_box(out, b"cmov", |out| {
                write_box(out, b"dcom", |out| out.extend_from_slice(algorithm));
                write_box(out, b"cmvd", |out| out.extend_from_slice(cmvd));
            });
        });
        let len = file.len() as u64;
        let mut reader = Reader::new(&file, len);
        let moov = reader.header(0, len)?.unwrap();
        read_cmov(&mut reader, &moov)
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        [&[0; 4][..], &miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6)].concat()
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        assert_eq!(read(b"zlib", &packed(b"a moov")).unwrap().unwrap(), b"a moov");
    }

    #[test]
    fn other_algorithms_and_damage_are_refused() {
        assert!(read(b"adec", &packed(b"a moov")).unwrap_err().to_string().contains("other than zlib"));
        assert!(read(b"zlib", &[0; 3]).unwrap_err().to_string().contains("too short"));
        assert!(read(b"zlib", &[0; 30]).unwrap_err().to_string().contains("unpacked"));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        read(b"zlib", &packed(&[0; SMALL])).unwrap().unwrap();
        read(b"zlib", &packed(&[0; 1 << 20])).unwrap_err();
    }

    #[test]
    fn a_moov_that_is_not_compressed_has_none() {
        let file = b"\0\0\0\x10moov\0\0\0\x08free".to_vec();
        let mut reader = Reader::new(&file, 16);
        let moov = reader.header(0, 16).unwrap().unwrap();
        assert_eq!(read_cmov(&mut reader, &moov).unwrap(), None);
    }
}
