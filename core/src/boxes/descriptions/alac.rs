//! `alac` in an `alac` (Apple Lossless Audio Codec, "Magic Cookie"): the configuration of ALAC.

use crate::boxes::u32_at;

/// What it says of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlacConfig {
    /// Channels.
    pub channels: u32,
    /// Samples per second.
    pub sampling_rate: u32,
}

impl AlacConfig {
    /// Takes the content of the box apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        // Version and flags, then the ALACSpecificConfig.
        let config = b.get(4..28)?;
        Some(Self { channels: u32::from(*config.get(9)?), sampling_rate: u32_at(config, 20) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::hex;

    #[test]
    fn channels_and_rate_are_read() {
        let b = hex("00000000 00001000 00 18 28 0a 0e 06 00ff 00000000 00000000 00017700");
        assert_eq!(AlacConfig::parse(&b), Some(AlacConfig { channels: 6, sampling_rate: 96_000 }));
        assert_eq!(AlacConfig::parse(&b[..27]), None);
    }
}
