//! `esds` (ISO/IEC 14496-14, 6.7): the elementary stream descriptor of ISO/IEC 14496-1.

use super::AudioSpecificConfig;

/// ISO/IEC 14496-1, 7.2.2.1: tags of descriptors.
const ES: u8 = 3;
const DECODER_CONFIG: u8 = 4;
const DECODER_SPECIFIC: u8 = 5;

/// 7.2.6.6: MPEG-4 audio, and the profiles of the AAC of MPEG-2.
const AUDIO: [u8; 4] = [0x40, 0x66, 0x67, 0x68];

/// ISO/IEC 14496-2, 6.2.1: the start code of a `VisualObjectSequence`.
const VISUAL_OBJECT_SEQUENCE: [u8; 4] = [0, 0, 1, 0xb0];

/// What the descriptor says of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Esds {
    /// `objectTypeIndication` (7.2.6.6).
    pub object_type: u8,
    /// For AAC and other MPEG-4 audio: its configuration.
    pub audio: Option<AudioSpecificConfig>,
    /// For MPEG-4 visual (`0x20`): `profile_and_level_indication`.
    pub visual_profile: Option<u8>,
}

impl Esds {
    /// Takes the content of the box apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        let (decoder, specific) = decoder(b)?;
        let object_type = *decoder.first()?;
        let specific = specific.unwrap_or_default();
        let profile = specific.strip_prefix(&VISUAL_OBJECT_SEQUENCE).and_then(|rest| rest.first());
        Some(Self {
            object_type,
            audio: AudioSpecificConfig::parse(specific).filter(|_| AUDIO.contains(&object_type)),
            visual_profile: profile.copied().filter(|_| object_type == 0x20),
        })
    }
}

/// The decoder configuration in the content of an `esds`, and what in it is the decoder's own.
fn decoder(b: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    // Version and flags.
    let es = descriptor(b.get(4..)?, ES)?;
    // 7.2.6.5: `ES_ID`, then which of three fields follow.
    let flags = *es.get(2)?;
    let mut at = 3;
    if flags & 0x80 != 0 {
        at += 2;
    }
    if flags & 0x40 != 0 {
        at += 1 + usize::from(*es.get(at)?);
    }
    if flags & 0x20 != 0 {
        at += 2;
    }
    let decoder = descriptor(es.get(at..)?, DECODER_CONFIG)?;
    // 7.2.6.6: type, stream type, size of a buffer, two bit rates.
    Some((decoder, decoder.get(13..).and_then(|b| descriptor(b, DECODER_SPECIFIC))))
}

/// The content of a descriptor with this tag, or what is there of it: its length is in bytes of 7
/// bits.
fn descriptor(b: &[u8], tag: u8) -> Option<&[u8]> {
    let rest = b.strip_prefix(&[tag])?;
    let more = rest.iter().take(3).take_while(|&&b| b & 0x80 != 0).count();
    let len = rest.iter().take(more + 1).fold(0, |len, b| len << 7 | usize::from(b & 0x7f));
    let content = rest.get(more + 1..)?;
    Some(content.get(..len).unwrap_or(content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::hex;

    #[test]
    fn the_type_and_what_is_the_decoders_own_are_read() {
        let aac = hex("00000000 03 19 0001 00 04 11 40 15 000000 00000000 00000000 05 02 1210 06 01 02");
        let read = Esds::parse(&aac).unwrap();
        assert_eq!((read.object_type, read.visual_profile), (0x40, None));
        assert_eq!(read.audio.unwrap().object_type, 2);
        // Lengths in four bytes each, as QuickTime writes them, and all optional fields.
        let visual =
            hex("00000000 03 80808036 0001 e0 0007 03 616263 0009 04 80808018 20 11 000000 00000000 00000000
             05 80808005 000001b0 f5 06 01 02");
        let read = Esds::parse(&visual).unwrap();
        assert_eq!((read.object_type, read.audio, read.visual_profile), (0x20, None, Some(245)));
    }

    #[test]
    fn one_without_what_is_the_decoders_own_has_a_type() {
        let mp3 = hex("00000000 03 13 0001 00 04 0d 6b 15 000000 00000000 00000000");
        assert_eq!(Esds::parse(&mp3), Some(Esds { object_type: 0x6b, audio: None, visual_profile: None }));
        assert_eq!(Esds::parse(&mp3[..11]), None);
    }
}
