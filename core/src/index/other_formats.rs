//! What a file is that is no MP4, for a refusal that a person understands.

use crate::boxes::{BoxType, FormatError, Reader};
use crate::source::ReadAt;

/// Bytes at the start of a file that show its kind.
const MAGIC: usize = 4096;

/// Bytes of a packet of an MPEG transport stream, each of which begins with [`TS_SYNC`].
const TS_PACKET: usize = 188;
const TS_SYNC: u8 = 0x47;

/// The kind of a file that is no MP4, as a media type; `None` where its first bytes do not show it.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn media_type<R: ReadAt>(reader: &mut Reader<'_, R>) -> Result<Option<&'static str>, FormatError> {
    let len = usize::try_from(reader.file_len()).unwrap_or(MAGIC).min(MAGIC);
    let start = reader.bytes(0, len)?;
    // The packets of an M2TS have a time stamp of four bytes before them.
    let is_stream = |packet, from| {
        start.iter().skip(from).step_by(packet).take(3).filter(|byte| **byte == TS_SYNC).count() == 3
    };
    if is_stream(TS_PACKET, 0) || is_stream(TS_PACKET + 4, 4) {
        return Ok(Some("video/mp2t"));
    }
    // A file that begins like an MP4 is a damaged one: its boxes say more than its first bytes.
    let is_boxed = |mime: &str| matches!(mime, "video/mp4" | "video/quicktime" | "video/x-m4v" | "audio/m4a");
    Ok(infer::get(start).map(|kind| kind.mime_type()).filter(|mime| !is_boxed(mime)))
}

/// Whether an MP4 may begin with a box of this type.
pub(super) fn may_begin_with(box_type: BoxType) -> bool {
    matches!(
        &box_type.0,
        b"ftyp"
            | b"styp"
            | b"moov"
            | b"moof"
            | b"mdat"
            | b"sidx"
            | b"ssix"
            | b"emsg"
            | b"prft"
            | b"pdin"
            | b"meta"
            | b"uuid"
            | b"free"
            | b"skip"
            | b"wide"
            | b"pnot"
            | b"PICT"
            | b"junk"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Index;

    #[test]
    fn other_files_are_named() {
        let matroska =
            [&[0x1a, 0x45, 0xdf, 0xa3, 0x93, 0x42, 0x82, 0x88][..], b"matroska", &[0; 300]].concat();
        let mut packet = [0; TS_PACKET];
        packet[0] = TS_SYNC;
        let cases: [(&[u8], &str); 8] = [
            (&matroska, "video/x-matroska"),
            (&packet.repeat(4), "video/mp2t"),
            (&[&[0; 4][..], &packet].concat().repeat(4), "video/mp2t"),
            (b"RIFF\x24\0\0\0AVI LIST\0\0\0\0", "video/x-msvideo"),
            (b"%PDF-1.7\n%....", "application/pdf"),
            (b"<!DOCTYPE html><html></html>", "text/html"),
            (b"A letter to nobody.", "not an MP4: its first bytes are no box of one"),
            (b"", "the file is empty"),
        ];
        for (file, expected) in cases {
            let error = Index::build(&file.to_vec(), file.len() as u64).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_damaged_movie_is_named_by_its_box() {
        let file = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x04moov".to_vec();
        let error = Index::build(&file, file.len() as u64).unwrap_err().to_string();
        assert!(error.contains("moov"), "{error}");
    }
}
