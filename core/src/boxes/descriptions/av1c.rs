//! `av1C` (AV1 Codec ISO Media File Format Binding, 2.3): the configuration of AV1.

use crate::boxes::bits::BitReader;

/// What it says of the coded video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Av1Config {
    /// `seq_profile`.
    pub profile: u8,
    /// `seq_level_idx_0`.
    pub level: u8,
    /// `seq_tier_0`.
    pub is_high_tier: bool,
    /// Bits of a sample.
    pub bit_depth: u8,
    /// `monochrome`.
    pub is_monochrome: bool,
    /// `chroma_subsampling_x`, `chroma_subsampling_y`, `chroma_sample_position`.
    pub chroma: (u8, u8, u8),
}

impl Av1Config {
    /// Takes the content of the box apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(b);
        // `marker` and `version`.
        if bits.byte(8)? != 0x81 {
            return None;
        }
        let (profile, level, is_high_tier) = (bits.byte(3)?, bits.byte(5)?, bits.flag()?);
        let (high_bitdepth, twelve_bit) = (bits.flag()?, bits.flag()?);
        // AV1, 5.5.2.
        let bit_depth = match (high_bitdepth, profile, twelve_bit) {
            (true, 2, true) => 12,
            (true, ..) => 10,
            (false, ..) => 8,
        };
        let is_monochrome = bits.flag()?;
        let chroma = (bits.byte(1)?, bits.byte(1)?, bits.byte(2)?);
        Some(Self { profile, level, is_high_tier, bit_depth, is_monochrome, chroma })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_level_and_format_are_read() {
        let main = Av1Config::parse(&[0x81, 0x04, 0x0c, 0]).unwrap();
        assert_eq!((main.profile, main.level, main.is_high_tier, main.bit_depth), (0, 4, false, 8));
        assert_eq!((main.is_monochrome, main.chroma), (false, (1, 1, 0)));
        let professional = Av1Config::parse(&[0x81, 0x53, 0xf2, 0]).unwrap();
        assert_eq!((professional.profile, professional.level, professional.is_high_tier), (2, 19, true));
        assert_eq!((professional.bit_depth, professional.is_monochrome), (12, true));
        assert_eq!(professional.chroma, (0, 0, 2));
        assert_eq!((Av1Config::parse(&[0x81, 4]), Av1Config::parse(&[1, 4, 12, 0])), (None, None));
    }
}
