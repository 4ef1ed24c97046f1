//! `stsd` (8.5.2): sample descriptions, as far as a cut needs them.

use super::descriptions::Esds;
use super::{BoxHeader, BoxType, FormatError, Reader, u16_at, u32_at};
use crate::source::ReadAt;

/// What a cut needs of the sample descriptions of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleEntry {
    /// The coding of the first description: `avc1`, `mp4a` …, what it is under an encryption, and
    /// `.mp3` for an `mp4a` that is one.
    pub coding: BoxType,
    /// (samples, bytes) of one packet, where audio of a constant size is counted in PCM frames and
    /// the `stsz` does not say how many bytes they take.
    pub packet: Option<(u32, u32)>,
    /// The box of the configuration (`avcC`, `hvcC`, `vvcC`) and the bytes of the length before
    /// each unit, for video in a coding that consists of units.
    pub units: Option<(BoxType, u8)>,
    /// The `objectTypeIndication` of an `mp4v`; 0 where there is none.
    pub object_type: u8,
    /// Whether it is audio in a coding that can be decoded from every packet on, whatever boxes
    /// say.
    pub any_packet: bool,
    /// Where `PreSkip` of Opus (Opus in ISOBMFF, 4.3.2) stands in the file, if there is just one
    /// description.
    pub pre_skip: Option<u64>,
}

/// `PreSkip` as the file has it. See [`SampleEntry::pre_skip`].
pub fn pre_skip_field(samples: u16) -> [u8; 2] {
    samples.to_be_bytes()
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
        // 8.5.2.2: `entry_count`, then the sample entries.
        return Err(header.error("no sample description"));
    };
    let mut entry = SampleEntry {
        coding: first.box_type,
        packet: None,
        units: None,
        object_type: 0,
        any_packet: false,
        pre_skip: None,
    };
    match &first.box_type.0 {
        b"enca" => entry.coding = original_format(reader, &first, AUDIO)?.unwrap_or(BoxType(*b"mp4a")),
        b"encv" => entry.coding = original_format(reader, &first, VIDEO)?.unwrap_or(first.box_type),
        _ => {}
    }
    if &entry.coding.0 == b"Opus" && first.end() == header.end() {
        let config = find_in(reader, &first, AUDIO, &[b"dOps"])?;
        entry.pre_skip = config.filter(|dops| dops.payload_len() >= 4).map(|dops| dops.payload() + 2);
    }
    let mut is_usac = false;
    if &entry.coding.0 == b"mp4a" {
        let (object_type, audio) = object_types(reader, &first, AUDIO)?;
        // ISO/IEC 14496-1, 7.2.6.6: MPEG-1 or -2 layer 3.
        if matches!(object_type, 0x6b | 0x69) {
            entry.coding = BoxType(*b".mp3");
        }
        is_usac = audio == USAC;
    }
    let simple = matches!(
        &entry.coding.0,
        b"mp4a" | b".mp3" | b"ms\0U" | b"Opus" | b"ac-3" | b"ec-3" | b"alac" | b"fLaC" | b"samr" | b"sawb"
    );
    entry.any_packet = &handler.0 == b"soun" && simple && !is_usac;
    if &handler.0 == b"soun" && first.payload_len() >= 28 {
        let fixed = usize::try_from(first.payload_len()).unwrap_or(64).min(64);
        let b = reader.bytes(first.payload(), fixed)?;
        entry.packet = audio_packet(first.box_type, b);
    }
    if &handler.0 == b"vide" {
        entry.units = units(reader, &first)?;
    }
    if &entry.coding.0 == b"mp4v" {
        entry.object_type = object_types(reader, &first, VIDEO)?.0;
    }
    Ok(entry)
}

/// The headers of the sample descriptions, as far as they can be read.
///
/// # Errors
/// When the file cannot be read.
pub fn read_sample_entries<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    stsd: &BoxHeader,
) -> Result<Vec<BoxHeader>, FormatError> {
    Ok(reader.readable_children(stsd.payload().saturating_add(8), stsd.end())?.0)
}

/// The box without what is behind its last sample description: servers of Adobe leave room there.
///
/// # Errors
/// When the file cannot be read.
pub fn without_room<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    stsd: &BoxHeader,
) -> Result<BoxHeader, FormatError> {
    if stsd.has_large_size() || stsd.payload_len() < 8 {
        return Ok(*stsd);
    }
    let count = usize::try_from(u32_at(reader.bytes(stsd.payload() + 4, 4)?, 0)).unwrap_or(usize::MAX);
    let entries = read_sample_entries(reader, stsd)?;
    let last = count.checked_sub(1).and_then(|last| entries.get(last));
    let end = last.map_or(stsd.end(), BoxHeader::end);
    Ok(BoxHeader { size: end - stsd.offset, ..*stsd })
}

/// The `data_reference_index` (8.5.2.2) of each sample description, as far as they can be read.
///
/// # Errors
/// When the file cannot be read.
pub fn read_data_references<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    stsd: &BoxHeader,
) -> Result<Vec<u16>, FormatError> {
    let mut out = Vec::new();
    for description in read_sample_entries(reader, stsd)? {
        if description.payload_len() >= 8 {
            out.push(u16_at(reader.bytes(description.payload() + 6, 2)?, 0));
        }
    }
    Ok(out)
}

/// Bytes of an `AudioSampleEntry` (12.2.3) before the boxes in it, in the usual form.
const AUDIO: u64 = 28;

/// Bytes of a `VisualSampleEntry` (12.1.3) before the boxes in it.
const VIDEO: u64 = 78;

/// ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1: the two lowest bits of a byte of the decoder's
/// configuration; 11.2.4.2: the two bits before the lowest.
fn units<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &BoxHeader,
) -> Result<Option<(BoxType, u8)>, FormatError> {
    let (children, _) = reader.readable_children(entry.payload() + VIDEO, entry.end())?;
    for child in children {
        let (at, shift) = match &child.box_type.0 {
            b"avcC" => (4, 0),
            b"hvcC" => (21, 0),
            b"vvcC" => (4, 1),
            _ => continue,
        };
        if child.payload_len() > at {
            let byte = reader.bytes(child.payload() + at, 1)?.first().copied();
            return Ok(byte.map(|b| (child.box_type, (b >> shift & 3) + 1)));
        }
    }
    Ok(None)
}

/// What an encrypted description (8.12.2 `frma`, in `sinf`) is of.
fn original_format<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &BoxHeader,
    fields: u64,
) -> Result<Option<BoxType>, FormatError> {
    let Some(frma) = find_in(reader, entry, fields, &[b"sinf", b"frma"])? else { return Ok(None) };
    let format = reader.bytes(frma.payload(), usize::try_from(frma.payload_len()).unwrap_or(4).min(4))?;
    Ok(format.first_chunk().map(|format| BoxType(*format)))
}

/// Bytes of the initialisation vector of each sample (ISO/IEC 23001-7, 8.2 `tenc`) of the first
/// encrypted description; 0 where all have the same.
///
/// # Errors
/// When the file cannot be read.
pub fn read_vector_size<R: ReadAt>(reader: &mut Reader<'_, R>, stsd: &BoxHeader) -> Result<u8, FormatError> {
    for entry in reader.readable_children(stsd.payload().saturating_add(8), stsd.end())?.0 {
        let fields = match &entry.box_type.0 {
            b"encv" => VIDEO,
            b"enca" => AUDIO,
            _ => continue,
        };
        if let Some(tenc) = find_in(reader, &entry, fields, &[b"sinf", b"schi", b"tenc"])? {
            if tenc.payload_len() >= 8 {
                return Ok(reader.bytes(tenc.payload() + 7, 1)?.first().copied().unwrap_or(0).min(16));
            }
        }
    }
    Ok(0)
}

/// The first box of these types, each in the one before it, the first of them behind `fields` bytes
/// of a description.
fn find_in<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &BoxHeader,
    fields: u64,
    path: &[&[u8; 4]],
) -> Result<Option<BoxHeader>, FormatError> {
    let (mut from, mut found) = (entry.payload() + fields, *entry);
    for box_type in path {
        let (children, _) = reader.readable_children(from, found.end())?;
        let Some(child) = children.into_iter().find(|c| &c.box_type.0 == *box_type) else { return Ok(None) };
        (from, found) = (child.payload(), child);
    }
    Ok(Some(found))
}

/// ISO/IEC 14496-3, table 1.17: the audio object type of extended HE-AAC.
const USAC: u8 = 42;

/// What an `mp4a` or `mp4v` is, as its `esds` says: the object type (ISO/IEC 14496-1, 7.2.6.6) and,
/// for MPEG-4 audio, that of ISO/IEC 14496-3; 0 for what is not said. Only the usual place is
/// looked at.
fn object_types<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &BoxHeader,
    fields: u64,
) -> Result<(u8, u8), FormatError> {
    let (children, junk) = reader.readable_children(entry.payload() + fields, entry.end())?;
    if junk.is_some() {
        return Ok((0, 0));
    }
    let Some(esds) = children.iter().find(|c| &c.box_type.0 == b"esds") else { return Ok((0, 0)) };
    let esds = Esds::parse(reader.payload(esds, 0)?);
    Ok(esds.map_or((0, 0), |esds| (esds.object_type, esds.audio.map_or(0, |audio| audio.object_type))))
}

/// QuickTime File Format, "Sound sample descriptions", versions 0 to 2.
fn audio_packet(coding: BoxType, b: &[u8]) -> Option<(u32, u32)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(handler: &[u8; 4], entry: Vec<u8>) -> Result<SampleEntry, FormatError> {
        let stsd = make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &entry].concat());
        read_box(stsd, |reader, header| read_stsd(reader, header, BoxType(*handler)))
    }

    #[test]
    fn the_length_before_units_is_read() {
        let avcc = make_box(b"avcC", [1, 100, 0, 30, 0xff, 0xe1]);
        let entry = read(b"vide", make_box(b"avc1", [&[0; 78][..], &avcc].concat())).unwrap();
        assert_eq!((entry.coding, entry.units), (BoxType(*b"avc1"), Some((BoxType(*b"avcC"), 4))));
    }

    /// A disk that fails, or that may not be waited for, is no entry without configuration.
    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing() {
        struct UpTo(Vec<u8>, u64);
        impl ReadAt for UpTo {
            fn read_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<usize> {
                let left = usize::try_from(self.1.saturating_sub(offset)).unwrap().min(buf.len());
                if left == 0 {
                    return Err(std::io::ErrorKind::WouldBlock.into());
                }
                self.0.read_at(&mut buf[..left], offset)
            }
        }
        // An object type of MP3.
        let esds = make_box(b"esds", [&[0; 4][..], &[3, 18, 0, 1, 0, 4, 13, 0x6b], &[0; 12]].concat());
        let mp4a = make_box(b"mp4a", [&[0; 28][..], &esds].concat());
        let stsd = make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &mp4a].concat());
        let len = stsd.len() as u64;
        let read = |up_to: u64| {
            let source = UpTo(stsd.clone(), up_to);
            let mut reader = Reader::new(&source, len);
            let header = reader.header(0, len)?.unwrap();
            read_stsd(&mut reader, &header, BoxType(*b"soun"))
        };
        let whole = read(len).unwrap();
        assert_eq!(&whole.coding.0, b".mp3");
        for up_to in 0..len {
            match read(up_to) {
                Ok(entry) => assert_eq!(entry, whole, "{up_to}"),
                Err(e) => assert!(e.is_unread(), "{up_to}: {e}"),
            }
        }
    }

    #[test]
    fn an_encrypted_entry_has_its_original_format() {
        let sinf = make_box(b"sinf", make_box(b"frma", b"avc1"));
        let entry = read(b"vide", make_box(b"encv", [&[0; 78][..], &sinf].concat())).unwrap();
        assert_eq!(entry.coding, BoxType(*b"avc1"));
    }

    #[test]
    fn a_packet_of_pcm_is_a_frame() {
        let mut sowt = [0; 28];
        (sowt[17], sowt[19]) = (2, 16);
        let entry = read(b"soun", make_box(b"sowt", sowt)).unwrap();
        assert_eq!(entry.packet, Some((1, 4)));
    }

    #[test]
    fn pre_skip_is_written_where_it_is_read() {
        let config = [&[0, 2][..], &pre_skip_field(312), &[0; 7]].concat();
        let opus = make_box(b"Opus", [&[0; 28][..], &make_box(b"dOps", config)].concat());
        let stsd = make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &opus].concat());
        read_box(stsd, |reader, header| {
            let entry = read_stsd(reader, header, BoxType(*b"soun")).unwrap();
            assert_eq!(reader.bytes(entry.pre_skip.unwrap(), 2).unwrap(), [1, 56]);
        });
    }

    #[test]
    fn one_without_entries_is_refused() {
        assert!(read(b"vide", Vec::new()).unwrap_err().to_string().contains("no sample description"));
    }
}
