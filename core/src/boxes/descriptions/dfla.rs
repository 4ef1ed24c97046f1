//! `dfLa` (Encapsulation of FLAC in ISO Base Media File Format, 3.3.2): the configuration of FLAC.

use crate::boxes::bits::BitReader;

/// RFC 9639, 8.1: the type of the metadata block that stands first.
const STREAMINFO: u8 = 0;

/// What it says of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlacConfig {
    /// Channels.
    pub channels: u32,
    /// Samples per second.
    pub sampling_rate: u32,
}

impl FlacConfig {
    /// Takes the content of the box apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        // Version and flags.
        let mut bits = BitReader::new(b.get(4..)?);
        // Whether the block is the last.
        bits.skip(1)?;
        if bits.byte(7)? != STREAMINFO {
            return None;
        }
        // Its length. RFC 9639, 8.2: sizes of blocks, sizes of frames.
        bits.skip(24 + 2 * 16 + 2 * 24)?;
        let sampling_rate = bits.take(20)?;
        Some(Self { channels: bits.take(3)? + 1, sampling_rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::hex;

    #[test]
    fn channels_and_rate_are_read() {
        let b = hex("00000000 80000022 1000 1000 000010 002b23 0ac442f0 000d7c00");
        assert_eq!(FlacConfig::parse(&b), Some(FlacConfig { channels: 2, sampling_rate: 44_100 }));
        assert_eq!(FlacConfig::parse(&b[..20]), None);
        assert_eq!(FlacConfig::parse(&[&b[..4], &[4], &b[5..]].concat()), None);
    }
}
