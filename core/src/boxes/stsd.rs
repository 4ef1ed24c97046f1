//! `stsd` (8.5.2): sample descriptions, as far as a cut needs them.

use super::{BoxHeader, BoxType, FormatError, Reader, u16_at, u32_at};
use crate::source::ReadAt;

/// What a cut needs of the sample descriptions of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleEntry {
    /// The coding of the first description: `avc1`, `mp4a` …, what it is under an encryption, and `.mp3` for
    /// an `mp4a` that is one.
    pub coding: BoxType,
    /// (samples, bytes) of one packet, where constant-size sound is counted in
    /// PCM frames and the `stsz` does not say how many bytes they take.
    pub packet: Option<(u32, u32)>,
}

/// Reads the first sample description.
///
/// # Errors
/// When the box is malformed or cannot be read.
pub fn read_stsd<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
    handler: BoxType,
) -> Result<SampleEntry, FormatError> {
    let first = reader.header(header.payload() + 8, header.end())?;
    let Some(first) = first.filter(|_| header.payload_len() > 8) else {
        return Err(header.error("no sample description"));
    };
    let mut entry = SampleEntry { coding: first.box_type, packet: None };
    if &first.box_type.0 == b"enca" {
        entry.coding = original_format(reader, &first)?.unwrap_or(BoxType(*b"mp4a"));
    }
    if &entry.coding.0 == b"mp4a" && is_mp3(reader, &first)? {
        entry.coding = BoxType(*b".mp3");
    }
    if &handler.0 == b"soun" && first.payload_len() >= 28 {
        let fixed = usize::try_from(first.payload_len()).unwrap_or(64).min(64);
        let b = reader.bytes(first.payload(), fixed)?;
        entry.packet = sound_packet(first.box_type, b);
    }
    Ok(entry)
}

/// Bytes of a sound description before the boxes in it, in the usual form.
const SOUND: u64 = 28;

/// What an encrypted description (8.12.2 `frma`, in `sinf`) is of.
fn original_format<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &BoxHeader,
) -> Result<Option<BoxType>, FormatError> {
    let (children, _) = reader.readable_children(entry.payload() + SOUND, entry.end())?;
    let Some(sinf) = children.into_iter().find(|c| &c.box_type.0 == b"sinf") else { return Ok(None) };
    let (children, _) = reader.readable_children(sinf.payload(), sinf.end())?;
    let frma = children.into_iter().find(|c| &c.box_type.0 == b"frma" && c.payload_len() >= 4);
    let Some(frma) = frma else { return Ok(None) };
    Ok(reader.payload(&frma, 4)?.first_chunk().map(|format| BoxType(*format)))
}

/// Whether an `mp4a` is MPEG-1 or -2 layer 3, as its `esds` says (ISO/IEC 14496-1, 7.2.6.6: object
/// type 0x6b or 0x69). Only the usual place is looked at: what depends on it is the length of the pre-roll.
fn is_mp3<R: ReadAt>(reader: &mut Reader<'_, R>, entry: &BoxHeader) -> Result<bool, FormatError> {
    let Ok(children) = reader.children(entry.payload() + SOUND, entry.end()) else { return Ok(false) };
    let Some(esds) = children.iter().find(|c| &c.box_type.0 == b"esds") else { return Ok(false) };
    let b = reader.payload(esds, 0)?.get(4..).unwrap_or_default();
    // ES descriptor (3): id, flags; then the decoder configuration (4), which begins with the type.
    let es = descriptor(b, 3).and_then(|b| b.get(3..)).unwrap_or_default();
    let object_type = descriptor(es, 4).and_then(|b| b.first());
    Ok(matches!(object_type, Some(0x6b | 0x69)))
}

/// The content of a descriptor with this tag: its length is in bytes of 7 bits.
fn descriptor(b: &[u8], tag: u8) -> Option<&[u8]> {
    let rest = b.strip_prefix(&[tag])?;
    let more = rest.iter().take(4).take_while(|&&b| b & 0x80 != 0).count();
    rest.get(more + 1..)
}

/// QuickTime File Format, "Sound sample descriptions", versions 0 to 2.
fn sound_packet(coding: BoxType, b: &[u8]) -> Option<(u32, u32)> {
    let version = u16_at(b, 8);
    let channels = u32::from(u16_at(b, 16));
    let bits = u32::from(u16_at(b, 18));
    let pcm_bits = match &coding.0 {
        b"raw " | b"twos" | b"sowt" | b"NONE" => Some(if bits == 0 { 8 } else { bits }),
        b"in24" => Some(24),
        b"in32" | b"fl32" => Some(32),
        b"fl64" => Some(64),
        b"ulaw" | b"alaw" => Some(8),
        _ => None,
    };
    if let Some(bits) = pcm_bits.filter(|_| version < 2) {
        return Some((1, bits.div_ceil(8) * channels.max(1)));
    }
    if version == 2 && b.len() >= 64 {
        let (bytes, samples) = (u32_at(b, 56), u32_at(b, 60));
        return (samples > 0 && bytes > 0).then_some((samples, bytes));
    }
    let compression_id = u16_at(b, 20);
    let (samples, bytes) = (u32_at(b, 28), u32_at(b, 36));
    // Compression id -2 is variable bitrate: there the stsz is as anywhere else.
    (version == 1 && b.len() >= 44 && compression_id != 0xfffe && samples > 0 && bytes > 0)
        .then_some((samples, bytes))
}
