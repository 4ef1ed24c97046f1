//! Codings of audio.

use crate::boxes::descriptions::{Ac4Stream, Esds, MpegHConfig, SampleDescription};
use crate::boxes::{FormatError, Reader};
use crate::source::ReadAt;

/// MPEG-1 and MPEG-2 layer 3. RFC 6381 has `mp4a.6B` and `mp4a.69` for it (ISO/IEC 14496-1, 7.2.6.6)
/// and `mp4a.40.34` (ISO/IEC 14496-3, 1.5.1), but Firefox takes none of these: it alone plays MP3 in
/// fragments, and only under this name. Chromium takes it for files, too.
const MP3: &str = "mp3";

/// ISO/IEC 14496-3, table 1.17: the audio object type of layer 3.
const LAYER_3: u8 = 34;

/// The parameter for audio; `None` where there is no more to say than the four-character code.
pub(super) fn codec<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &SampleDescription,
) -> Result<Option<String>, FormatError> {
    Ok(match &entry.coding.0 {
        b"mp4a" => entry.find(reader, b"esds", Esds::parse)?.and_then(|esds| mpeg4(&esds)),
        // QuickTime's codes.
        b".mp3" | b"ms\0U" => Some(MP3.to_owned()),
        b"ac-4" => entry.find(reader, b"dac4", Ac4Stream::parse)?.map(|stream| ac4(&stream)),
        b"mha1" | b"mha2" | b"mhm1" | b"mhm2" => {
            let config = entry.find(reader, b"mhaC", MpegHConfig::parse)?;
            config.map(|config| format!("{}.0x{:02X}", entry.coding, config.profile_level))
        }
        _ => None,
    })
}

/// RFC 6381, 3.3: the object type in two hexadecimal digits, in capitals, because browsers compare
/// them so; for MPEG-4 audio the audio object type in decimal digits. That is the one that names
/// what is around the core where the configuration says so in either way, as Shaka Packager and
/// libavformat write it: a player that knows of SBR only when it decodes opens its output at half
/// the rate.
fn mpeg4(esds: &Esds) -> Option<String> {
    match esds.object_type {
        0x40 => {}
        0x69 | 0x6b => return Some(MP3.to_owned()),
        other => return Some(format!("mp4a.{other:02X}")),
    }
    let audio = esds.audio?;
    if audio.object_type == LAYER_3 {
        return Some(MP3.to_owned());
    }
    let object_type = match (audio.has_ps, audio.has_sbr) {
        (true, _) => 29,
        (false, true) => 5,
        (false, false) => audio.object_type,
    };
    Some(format!("mp4a.40.{object_type}"))
}

/// ETSI TS 103 190-2, E.13: versions and level, two hexadecimal digits each.
fn ac4(stream: &Ac4Stream) -> String {
    let Ac4Stream { bitstream_version, presentation_version, level, .. } = stream;
    format!("ac-4.{bitstream_version:02x}.{presentation_version:02x}.{level:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::AudioSpecificConfig;

    fn aac(config: &[u8]) -> Option<String> {
        let audio = AudioSpecificConfig::parse(config);
        mpeg4(&Esds { object_type: 0x40, audio, visual_profile: None })
    }

    #[test]
    fn aac_is_what_is_around_its_core() {
        assert_eq!(aac(&[0x12, 0x10]).as_deref(), Some("mp4a.40.2"));
        assert_eq!(aac(&[0x2b, 0x92, 0x08, 0]).as_deref(), Some("mp4a.40.5"));
        assert_eq!(aac(&[0x13, 0x90, 0x56, 0xe5, 0xa0]).as_deref(), Some("mp4a.40.5"));
        assert_eq!(aac(&[0xeb, 0x8a, 0x08, 0]).as_deref(), Some("mp4a.40.29"));
        assert_eq!(aac(&[0xf9, 0x48, 0x20]).as_deref(), Some("mp4a.40.42"));
        assert_eq!(aac(&[]), None);
    }

    #[test]
    fn others_have_an_object_type() {
        let of = |object_type| mpeg4(&Esds { object_type, audio: None, visual_profile: None });
        assert_eq!((of(0x67).as_deref(), of(0xdd).as_deref()), (Some("mp4a.67"), Some("mp4a.DD")));
    }

    #[test]
    fn mp3_has_the_name_that_browsers_take() {
        for object_type in [0x69, 0x6b] {
            let esds = Esds { object_type, audio: None, visual_profile: None };
            assert_eq!(mpeg4(&esds).as_deref(), Some("mp3"));
        }
        // The type 34, which takes 6 bits more.
        assert_eq!(aac(&[0xf8, 0x48, 0x20]).as_deref(), Some("mp3"));
    }

    #[test]
    fn ac4_has_versions_and_a_level() {
        let stream =
            Ac4Stream { bitstream_version: 2, presentation_version: 1, level: 3, sampling_rate: 48_000 };
        assert_eq!(ac4(&stream), "ac-4.02.01.03");
    }
}
