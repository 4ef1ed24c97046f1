//! `tfdt` (8.8.12): the decode time of a track fragment's first sample; and `tfxd`, the `uuid` box
//! that Smooth Streaming had before it.

use super::{BoxHeader, FormatError, Reader, u32_at, u64_at};
use crate::source::ReadAt;
use crate::time::MediaTime;

/// Reads `baseMediaDecodeTime`. One of more than 63 bits becomes the greatest.
///
/// # Errors
/// When the box is too short for its version, or cannot be read.
pub fn read_tfdt<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<MediaTime, FormatError> {
    let b = reader.payload(header, 8)?;
    let is_wide = b.first() == Some(&1);
    if is_wide && b.len() < 12 {
        // 8.8.12.2: `baseMediaDecodeTime` has 64 bits in version 1.
        return Err(header.error("too short for its version"));
    }
    let time = if is_wide { u64_at(b, 4) } else { u64::from(u32_at(b, 4)) };
    Ok(MediaTime::of_duration(time))
}

/// The extended type of `tfxd` (MS-SSTR 2.2.4.4).
const TFXD: [u8; 16] =
    [0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6, 0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2];

/// Reads the absolute time of a `uuid` box that is a `tfxd`; `None` for another one.
///
/// # Errors
/// When the file cannot be read.
pub fn read_tfxd<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<Option<MediaTime>, FormatError> {
    if header.payload_len() < 28 || reader.bytes(header.payload(), 16)? != TFXD {
        return Ok(None);
    }
    let b = reader.bytes(header.payload() + 16, 12)?;
    let is_wide = b.first() == Some(&1);
    let time = if is_wide { u64_at(b, 4) } else { u64::from(u32_at(b, 4)) };
    // Signed in the wild: audio begins before 0, by the priming of its coder.
    Ok(Some(MediaTime(i64::from_be_bytes(time.to_be_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::write_box;

    fn file(box_type: &[u8; 4], payload: &[u8]) -> (Vec<u8>, BoxHeader) {
        let mut file = Vec::new();
        write_box(&mut file, box_type, |out| out.extend_from_slice(payload));
        let header = Reader::new(&file, file.len() as u64).header(0, file.len() as u64).unwrap();
        (file, header.unwrap())
    }

    fn tfdt(payload: &[u8]) -> Result<MediaTime, FormatError> {
        let (file, header) = file(b"tfdt", payload);
        read_tfdt(&mut Reader::new(&file, file.len() as u64), &header)
    }

    fn tfxd(payload: &[u8]) -> Option<MediaTime> {
        let (file, header) = file(b"uuid", payload);
        read_tfxd(&mut Reader::new(&file, file.len() as u64), &header).unwrap()
    }

    #[test]
    fn both_versions_are_read() {
        assert_eq!(tfdt(&[0, 0, 0, 0, 0, 0, 1, 2]).unwrap(), MediaTime(258));
        assert_eq!(tfdt(&[1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]).unwrap(), MediaTime((1 << 32) + 2));
        assert_eq!(tfdt(&[[1, 0, 0, 0], [255; 4], [255; 4]].concat()).unwrap(), MediaTime::MAX);
        assert!(tfdt(&[1, 0, 0, 0, 0, 0, 0, 1]).unwrap_err().to_string().contains("version"));
    }

    #[test]
    fn a_tfxd_is_known_by_its_extended_type() {
        let time = (-2i64).to_be_bytes();
        let rest = [&[1, 0, 0, 0][..], &time, &[0; 8]].concat();
        assert_eq!(tfxd(&[&TFXD[..], &rest].concat()), Some(MediaTime(-2)));
        assert_eq!(tfxd(&[&[0; 16][..], &rest].concat()), None);
        assert_eq!(tfxd(&TFXD), None);
    }
}
