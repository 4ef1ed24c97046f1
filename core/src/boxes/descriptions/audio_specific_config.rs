//! `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1): the configuration of MPEG-4 audio.

use crate::boxes::bits::BitReader;

/// Table 1.17: audio object types.
const SBR: u8 = 5;
const SCALABLE: u8 = 6;
const ER_BSAC: u8 = 22;
const PS: u8 = 29;

/// Table 1.18: what an index of a sampling frequency stands for.
const FREQUENCIES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// The index that is followed by the frequency itself.
const ESCAPE_FREQUENCY: u32 = 15;

/// Table 1.19: channels of a channel configuration; 0 where the table has none.
const CHANNELS: [u32; 16] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0];

/// 1.6.5.2: how an extension that older decoders pass over begins.
const SBR_EXTENSION: u32 = 0x2b7;
const PS_EXTENSION: u32 = 0x548;

/// What it says of the decoded audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    /// The audio object type; that of the core where spectral band replication is around it.
    pub object_type: u8,
    /// Whether it says that there is spectral band replication (HE-AAC).
    pub has_sbr: bool,
    /// Whether it says that there is parametric stereo, too (HE-AAC version 2).
    pub has_ps: bool,
    /// Channels of the output; `None` where that is not said.
    pub channels: Option<u32>,
    /// Samples per second of the output; `None` where that is not said.
    pub sampling_rate: Option<u32>,
}

impl AudioSpecificConfig {
    /// Takes a configuration apart, as far as it goes.
    pub fn parse(b: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(b);
        let first = object_type(&mut bits)?;
        let mut this = Self {
            object_type: first,
            has_sbr: matches!(first, SBR | PS),
            has_ps: first == PS,
            channels: None,
            sampling_rate: None,
        };
        // A configuration that ends early is valid up to there.
        let _ = this.read(&mut bits);
        if this.has_ps && this.channels == Some(1) {
            this.channels = Some(2);
        }
        Some(this)
    }

    fn read(&mut self, bits: &mut BitReader<'_>) -> Option<()> {
        self.sampling_rate = frequency(bits)?;
        let configuration = bits.byte(4)?;
        self.channels = CHANNELS.get(usize::from(configuration)).copied().filter(|&n| n > 0);
        if self.has_sbr {
            self.sampling_rate = frequency(bits)?;
            self.object_type = object_type(bits)?;
            if self.object_type == ER_BSAC {
                bits.skip(4)?;
            }
        }
        if !matches!(self.object_type, 1..=4 | SCALABLE | 7 | 17 | 19..=23) {
            // What follows is not the GASpecificConfig.
            return None;
        }
        self.read_general_audio(bits, configuration)?;
        if self.has_sbr || bits.take(11)? != SBR_EXTENSION || object_type(bits)? != SBR {
            return None;
        }
        self.has_sbr = bits.flag()?;
        if self.has_sbr {
            self.sampling_rate = frequency(bits)?;
            self.has_ps = bits.take(11)? == PS_EXTENSION && bits.flag()?;
        }
        Some(())
    }

    /// 4.4.1 `GASpecificConfig`.
    fn read_general_audio(&mut self, bits: &mut BitReader<'_>, configuration: u8) -> Option<()> {
        // `frameLengthFlag`.
        bits.skip(1)?;
        let depends_on_core_coder = bits.flag()?;
        bits.skip(if depends_on_core_coder { 14 } else { 0 })?;
        let has_extension = bits.flag()?;
        if configuration == 0 {
            self.channels = program_config(bits);
            self.channels?;
        }
        bits.skip(if matches!(self.object_type, SCALABLE | 20) { 3 } else { 0 })?;
        if has_extension {
            let resilience = match self.object_type {
                ER_BSAC => 16,
                17 | 19 | 20 | 23 => 3,
                _ => 0,
            };
            // `extensionFlag3` as well.
            bits.skip(resilience + 1)?;
        }
        Some(())
    }
}

/// 1.6.2.1 `GetAudioObjectType`: 5 bits, or 6 bits more.
fn object_type(bits: &mut BitReader<'_>) -> Option<u8> {
    match bits.byte(5)? {
        31 => Some(32 + bits.byte(6)?),
        object_type => Some(object_type),
    }
}

/// A sampling frequency; `Some(None)` for an index that is reserved.
#[expect(clippy::option_option, reason = "the end of the bits is no reserved index")]
fn frequency(bits: &mut BitReader<'_>) -> Option<Option<u32>> {
    let index = bits.take(4)?;
    if index == ESCAPE_FREQUENCY {
        return Some(Some(bits.take(24)?).filter(|&f| f > 0));
    }
    Some(usize::try_from(index).ok().and_then(|index| FREQUENCIES.get(index).copied()))
}

/// 4.5.1.2 `program_config_element`: how many channels it lists.
fn program_config(bits: &mut BitReader<'_>) -> Option<u32> {
    // `element_instance_tag`, `object_type`, `sampling_frequency_index`.
    bits.skip(4 + 2 + 4)?;
    let (front, side, back) = (bits.take(4)?, bits.take(4)?, bits.take(4)?);
    let (lfe, associated, coupling) = (bits.take(2)?, bits.take(3)?, bits.take(4)?);
    // Mono, stereo and matrix mixdown.
    for width in [4, 4, 3] {
        let is_present = bits.flag()?;
        bits.skip(if is_present { width } else { 0 })?;
    }
    let mut channels = lfe;
    for _ in 0..front + side + back {
        let is_pair = bits.take(1)?;
        channels += 1 + is_pair;
        bits.skip(4)?;
    }
    bits.skip(usize::try_from(4 * (lfe + associated) + 5 * coupling).ok()?)?;
    bits.align();
    let comment = usize::from(bits.byte(8)?);
    bits.skip(8 * comment)?;
    Some(channels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::{binary, hex};

    /// Object type, SBR, PS, channels, rate.
    fn read(digits: &str) -> (u8, bool, bool, Option<u32>, Option<u32>) {
        let read = AudioSpecificConfig::parse(&hex(digits)).unwrap();
        (read.object_type, read.has_sbr, read.has_ps, read.channels, read.sampling_rate)
    }

    #[test]
    fn aac_has_its_rate_and_channels() {
        assert_eq!(read("1210"), (2, false, false, Some(2), Some(44_100)));
        assert_eq!(read("11b0"), (2, false, false, Some(6), Some(48_000)));
        // The frequency itself: 23,456 Hz.
        assert_eq!(read("17802dd010"), (2, false, false, Some(2), Some(23_456)));
    }

    #[test]
    fn sbr_is_said_in_two_ways() {
        // Around the core (5, then 2), and behind it.
        assert_eq!(read("2b920800"), (2, true, false, Some(2), Some(44_100)));
        assert_eq!(read("139056e5a0"), (2, true, false, Some(2), Some(44_100)));
        // An extension that says that there is none.
        assert_eq!(read("139056e500"), (2, false, false, Some(2), Some(22_050)));
    }

    #[test]
    fn ps_makes_stereo_of_one_channel() {
        assert_eq!(read("eb8a0800"), (2, true, true, Some(2), Some(44_100)));
        assert_eq!(read("138856e5a54880"), (2, true, true, Some(2), Some(44_100)));
    }

    #[test]
    fn a_type_over_31_has_6_bits_more() {
        let usac = AudioSpecificConfig::parse(&hex("f94820")).unwrap();
        assert_eq!((usac.object_type, usac.sampling_rate, usac.channels), (42, Some(44_100), Some(1)));
    }

    #[test]
    fn channels_may_be_listed() {
        // Configuration 0: one channel and one pair in front, a pair behind, one for low
        // frequencies.
        let counts = "0000 01 0011 0010 0000 0001 01 000 0000 000";
        let elements = "00000 10000 10001 0000";
        let config = binary(&format!("00010 0011 0000 000 {counts} {elements} 00000 00000000"));
        let read = AudioSpecificConfig::parse(&config).unwrap();
        assert_eq!((read.channels, read.sampling_rate), (Some(6), Some(48_000)));
        assert_eq!(AudioSpecificConfig::parse(&config[..7]).unwrap().channels, None);
    }

    #[test]
    fn one_that_ends_early_says_what_it_says() {
        assert_eq!(AudioSpecificConfig::parse(&[]), None);
        assert_eq!(read("12"), (2, false, false, None, None));
        assert_eq!(read("1600"), (2, false, false, None, Some(7_350)));
        for len in 0..8 {
            let _ = AudioSpecificConfig::parse(&vec![0xff; len]);
        }
    }
}
