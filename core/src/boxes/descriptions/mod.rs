//! What the first sample description (8.5.2) says of its coding, and one file per box in it that
//! says more.
//!
//! All of it is read when somebody asks. What cannot be taken apart is as if it were not there.

mod ac3;
mod ac4;
mod alac;
mod audio_entry;
mod audio_specific_config;
mod av1_sequence;
mod av1c;
mod avcc;
mod colr;
mod dfla;
mod dops;
mod dvcc;
mod esds;
mod hevc_sps;
mod hvcc;
mod mhac;
mod pasp;
mod protection;
mod stpp;
mod tx3g;
mod usual_form;
mod vpcc;
mod vvcc;

use super::{BoxHeader, BoxType, FormatError, Reader, u16_at};
use crate::limits;
use crate::source::ReadAt;

pub use ac3::Ac3Stream;
pub use ac4::Ac4Stream;
pub use alac::AlacConfig;
pub use audio_specific_config::AudioSpecificConfig;
pub use av1c::Av1Config;
pub use avcc::AvcConfig;
pub use colr::ColourInformation;
pub use dfla::FlacConfig;
pub use dops::OpusConfig;
pub use dvcc::DolbyVisionConfig;
pub use esds::Esds;
pub use hvcc::HevcConfig;
pub use mhac::MpegHConfig;
pub use pasp::PixelAspect;
pub use protection::ProtectionScheme;
pub use stpp::StppEntry;
pub use tx3g::TextFlags;
pub use usual_form::usual_form;
pub use vpcc::VpConfig;
pub use vvcc::VvcConfig;

/// Bytes of a `SampleEntry` (8.5.2.2) before the fields of its kind.
const SAMPLE_ENTRY: u64 = 8;

/// Bytes of a `VisualSampleEntry` (12.1.3) before the boxes in it.
const VISUAL_ENTRY: u64 = 78;

/// The first sample description of a track.
#[derive(Debug, Clone)]
pub struct SampleDescription {
    /// The coding, which may be under an encryption.
    pub coding: BoxType,
    /// How the samples are encrypted, if they are.
    pub protection: Option<ProtectionScheme>,
    /// Width and height of the coded pictures, of a video track.
    pub picture: Option<(u16, u16)>,
    /// Channels and samples per second, of an audio track; 0 for what is not said.
    pub sound: Option<(u32, u32)>,
    /// The description itself.
    entry: BoxHeader,
    /// The boxes in it, those of a QuickTime `wave` included.
    boxes: Vec<BoxHeader>,
}

impl SampleDescription {
    /// Reads the first description of an `stsd`, that of a track with this handler; `None` if there
    /// is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        stsd: &BoxHeader,
        handler: BoxType,
    ) -> Result<Option<Self>, FormatError> {
        if stsd.payload_len() < 8 {
            return Ok(None);
        }
        // 8.5.2.2: version and flags, `entry_count`, then the descriptions.
        let version = reader.bytes(stsd.payload(), 1)?.first().copied().unwrap_or(0);
        let entry = match reader.header(stsd.payload() + 8, stsd.end()) {
            Ok(Some(entry)) => entry,
            Err(e) if e.is_unread() => return Err(e),
            Ok(None) | Err(_) => return Ok(None),
        };
        let mut this = Self {
            coding: entry.box_type,
            protection: None,
            picture: None,
            sound: None,
            entry,
            boxes: Vec::new(),
        };
        let boxes_at = this.read_fields(reader, version, handler)?;
        this.boxes = reader.readable_children(entry.payload().saturating_add(boxes_at), entry.end())?.0;
        if let Some(wave) = this.boxes.iter().find(|b| &b.box_type.0 == b"wave").copied() {
            this.boxes.extend(reader.readable_children(wave.payload(), wave.end())?.0);
        }
        if let Some(protection) = ProtectionScheme::read(reader, entry.box_type, &this.boxes)? {
            this.coding = protection.original_format.unwrap_or(this.coding);
            this.protection = Some(protection);
        }
        Ok(Some(this))
    }

    /// Reads the fields that a track with this handler has; where the boxes behind them begin.
    fn read_fields<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        stsd_version: u8,
        handler: BoxType,
    ) -> Result<u64, FormatError> {
        match &handler.0 {
            b"vide" | b"auxv" | b"pict" => {
                let b = prefix(reader, &self.entry)?;
                self.picture = (b.len() >= 28).then(|| (u16_at(b, 24), u16_at(b, 26)));
                Ok(VISUAL_ENTRY)
            }
            b"soun" => {
                let fields = audio_entry::parse(prefix(reader, &self.entry)?, stsd_version);
                self.sound = Some((fields.channels, fields.sampling_rate));
                Ok(fields.len)
            }
            _ => Ok(SAMPLE_ENTRY),
        }
    }

    /// What `parse` finds in the first box of a type.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find<R: ReadAt, T>(
        &self,
        reader: &mut Reader<'_, R>,
        box_type: &[u8; 4],
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, FormatError> {
        for found in self.boxes.iter().filter(|b| &b.box_type.0 == box_type) {
            if let Some(value) = parse(prefix(reader, found)?) {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// What `parse` finds in the description itself.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn fields<R: ReadAt, T>(
        &self,
        reader: &mut Reader<'_, R>,
        parse: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, FormatError> {
        Ok(parse(prefix(reader, &self.entry)?))
    }
}

/// The content of a box, or as much of it as is looked at.
fn prefix<'r, R: ReadAt>(reader: &'r mut Reader<'_, R>, header: &BoxHeader) -> Result<&'r [u8], FormatError> {
    let len = usize::try_from(header.payload_len()).unwrap_or(usize::MAX);
    reader.bytes(header.payload(), len.min(limits::CONFIGURATION))
}

/// Bytes in hexadecimal digits, for the tests beneath.
#[cfg(test)]
pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<_> = digits.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// Bytes in binary digits, filled up with zeros, for the tests beneath.
#[cfg(test)]
pub(super) fn binary(digits: &str) -> Vec<u8> {
    let bits: Vec<_> = digits.bytes().filter(|b| matches!(b, b'0' | b'1')).map(|b| b - b'0').collect();
    let byte = |bits: &[u8]| (0..8).fold(0, |byte, n| byte << 1 | bits.get(n).copied().unwrap_or(0));
    bits.chunks(8).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(version: u8, handler: &[u8; 4], entry: Vec<u8>) -> Option<SampleDescription> {
        let stsd = make_box(b"stsd", [&[version, 0, 0, 0, 0, 0, 0, 1][..], &entry].concat());
        read_box(stsd, |reader, stsd| SampleDescription::read(reader, stsd, BoxType(*handler)).unwrap())
    }

    #[test]
    fn the_fields_of_a_picture_are_read() {
        let mut fields = [0; 78];
        (fields[24], fields[25], fields[26], fields[27]) = (7, 128, 4, 56);
        let avc1 = make_box(b"avc1", [&fields[..], &make_box(b"pasp", [0; 8])].concat());
        let read = read(0, b"vide", avc1).unwrap();
        assert_eq!((read.coding, read.picture, read.sound), (BoxType(*b"avc1"), Some((1920, 1080)), None));
        assert_eq!(read.boxes.iter().map(|b| b.box_type.0).collect::<Vec<_>>(), [*b"pasp"]);
    }

    #[test]
    fn boxes_in_a_wave_are_found() {
        let mut fields = [0; 44];
        (fields[9], fields[17], fields[24], fields[25]) = (1, 2, 187, 128);
        let wave = make_box(b"wave", make_box(b"esds", [1, 2]));
        let mp4a = make_box(b"mp4a", [&fields[..], &wave].concat());
        let read = read(0, b"soun", mp4a).unwrap();
        assert_eq!(read.sound, Some((2, 48_000)));
        assert_eq!(read.boxes.iter().map(|b| b.box_type.0).collect::<Vec<_>>(), [*b"wave", *b"esds"]);
    }

    #[test]
    fn an_encrypted_description_is_of_what_is_under_the_encryption() {
        let sinf = make_box(b"sinf", make_box(b"frma", b"hvc1"));
        let encv = make_box(b"encv", [&[0; 78][..], &sinf].concat());
        let read = read(0, b"vide", encv).unwrap();
        assert_eq!(read.coding, BoxType(*b"hvc1"));
        assert!(read.protection.is_some());
    }

    #[test]
    fn a_short_one_has_no_fields_and_none_is_none() {
        assert_eq!(read(0, b"vide", make_box(b"avc1", [0; 27])).unwrap().picture, None);
        assert_eq!(read(0, b"soun", make_box(b"mp4a", [0; 3])).unwrap().sound, Some((0, 0)));
        assert!(read(0, b"vide", Vec::new()).is_none());
        assert!(read(0, b"vide", b"\0\0\0\x63avc1".to_vec()).is_none());
        let short = make_box(b"stsd", [0; 4]);
        let read = |reader: &mut Reader<'_, _>, stsd: &BoxHeader| {
            SampleDescription::read(reader, stsd, BoxType(*b"vide")).unwrap()
        };
        assert!(read_box(short, read).is_none());
    }
}
