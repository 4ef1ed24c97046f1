//! `stsd` (8.5.2): sample descriptions, as far as a cut needs them.

use super::{BoxHeader, BoxType, FormatError, Reader, u16_at, u32_at};
use crate::source::ReadAt;

/// What a cut needs of the sample descriptions of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleEntry {
    /// The coding of the first description (`avc1`, `mp4a` …; of an encrypted
    /// one what it was before, where the file says so).
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
    if &handler.0 == b"soun" && first.payload_len() >= 28 {
        let fixed = usize::try_from(first.payload_len()).unwrap_or(44).min(44);
        let b = reader.bytes(first.payload(), fixed)?;
        entry.packet = sound_packet(first.box_type, b);
    }
    Ok(entry)
}

/// QuickTime File Format, "Sound sample descriptions", versions 0 and 1.
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
    let compression_id = u16_at(b, 20);
    let (samples, bytes) = (u32_at(b, 28), u32_at(b, 36));
    // Compression id -2 is variable bitrate: there the stsz is as anywhere else.
    (version == 1 && b.len() >= 44 && compression_id != 0xfffe && samples > 0 && bytes > 0)
        .then_some((samples, bytes))
}
