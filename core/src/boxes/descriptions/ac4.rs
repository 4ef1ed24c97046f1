//! `dac4` (ETSI TS 103 190-2, annex E): the configuration of AC-4.

use crate::boxes::bits::BitReader;

/// What it says of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ac4Stream {
    /// `bitstream_version`.
    pub bitstream_version: u8,
    /// `presentation_version` of the first presentation.
    pub presentation_version: u8,
    /// `mdcompat` of the first presentation: the level that a decoder needs.
    pub level: u8,
    /// Samples per second.
    pub sampling_rate: u32,
}

impl Ac4Stream {
    /// Takes the content of the box apart (E.6 `ac4_dsi_v1`).
    pub fn parse(b: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(b);
        // `ac4_dsi_version`.
        if bits.byte(3)? != 1 {
            return None;
        }
        let bitstream_version = bits.byte(7)?;
        let sampling_rate = if bits.flag()? { 48_000 } else { 44_100 };
        // `frame_rate_index`.
        bits.skip(4)?;
        if bits.take(9)? == 0 {
            return None;
        }
        let has_program = bitstream_version > 1 && bits.flag()?;
        if has_program {
            // `short_program_id`.
            bits.skip(16)?;
            let has_uuid = bits.flag()?;
            bits.skip(if has_uuid { 128 } else { 0 })?;
        }
        // E.7 `ac4_bitrate_dsi`.
        bits.skip(2 + 32 + 32)?;
        bits.align();
        let presentation_version = bits.byte(8)?;
        if bits.byte(8)? == 255 {
            bits.skip(16)?;
        }
        // E.10: only `presentation_config_v1` of 6 has no `mdcompat`. E.8, of version 0, has both in
        // the same places.
        let level = if bits.byte(5)? == 6 { 0 } else { bits.byte(3)? };
        Some(Self { bitstream_version, presentation_version, level, sampling_rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::binary;

    #[test]
    fn versions_and_level_are_read() {
        let rates = "00 00000000000000000000000000000000 11111111111111111111111111111111";
        let plain =
            binary(&format!("001 0000010 1 0001 000000001 0 {rates} 00000 00000001 00001000 00001 011"));
        let expected =
            Ac4Stream { bitstream_version: 2, presentation_version: 1, level: 3, sampling_rate: 48_000 };
        assert_eq!(Ac4Stream::parse(&plain), Some(expected));
        assert_eq!(Ac4Stream::parse(&plain[..plain.len() - 1]), None);
        let program = "1 0000000000000001 0";
        let named =
            format!("001 0000010 1 0001 000000001 {program} {rates} 0000 00000001 00001000 00001 011");
        assert_eq!(Ac4Stream::parse(&binary(&named)), Some(expected));
    }
}
