//! `hvcC` (ISO/IEC 14496-15, 8.3.3.1): the configuration of HEVC.

use crate::boxes::u32_at;

/// What it says of the coded video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HevcConfig {
    /// `general_profile_space`, of 2 bits.
    pub profile_space: u8,
    /// `general_tier_flag`.
    pub is_high_tier: bool,
    /// `general_profile_idc`, of 5 bits.
    pub profile: u8,
    /// `general_profile_compatibility_flags`, as they stand in the box.
    pub compatibility: u32,
    /// `general_constraint_indicator_flags`.
    pub constraints: [u8; 6],
    /// `general_level_idc`.
    pub level: u8,
}

impl HevcConfig {
    /// Takes the content of the box apart. Its version is not looked at, because early encoders
    /// wrote 0.
    pub fn parse(b: &[u8]) -> Option<Self> {
        let profile = *b.get(1)?;
        Some(Self {
            profile_space: profile >> 6,
            is_high_tier: profile & 0x20 != 0,
            profile: profile & 0x1f,
            compatibility: u32_at(b, 2),
            constraints: b.get(6..12)?.try_into().ok()?,
            level: *b.get(12)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::hex;

    #[test]
    fn profile_tier_and_level_are_read() {
        let b = hex("01 22 20000000 b00000000000 99 f000");
        let read = HevcConfig::parse(&b).unwrap();
        assert_eq!((read.profile_space, read.is_high_tier, read.profile, read.level), (0, true, 2, 153));
        assert_eq!((read.compatibility, read.constraints), (0x2000_0000, [0xb0, 0, 0, 0, 0, 0]));
        assert_eq!(HevcConfig::parse(&b[..12]), None);
    }
}
