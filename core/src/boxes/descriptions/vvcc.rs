//! `vvcC` (ISO/IEC 14496-15, 11.2.4.2): the configuration of VVC.

use crate::boxes::bits::BitReader;

/// What it says of the coded video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VvcConfig {
    /// `general_profile_idc`.
    pub profile: u8,
    /// `general_tier_flag`.
    pub is_high_tier: bool,
    /// `general_level_idc`.
    pub level: u8,
    /// `ptl_frame_only_constraint_flag`, `ptl_multi_layer_enabled_flag` and
    /// `general_constraint_info`, in whole bytes.
    pub constraints: Vec<u8>,
}

impl VvcConfig {
    /// Takes the content of the box apart; `None` where it has no profile.
    pub fn parse(b: &[u8]) -> Option<Self> {
        // Version and flags, 5 bits, `LengthSizeMinusOne`.
        let mut bits = BitReader::new(b.get(4..)?);
        bits.skip(7)?;
        let has_profile = bits.flag()?;
        if !has_profile {
            return None;
        }
        // `ols_idx`, `num_sublayers`, `constant_frame_rate`, `chroma_format_idc`; `bit_depth_minus8`
        // and 5 bits; 2 bits of the `VvcPTLRecord`.
        bits.skip(9 + 3 + 2 + 2 + 3 + 5 + 2)?;
        let constraints = bits.byte(6)?;
        Some(Self {
            profile: bits.byte(7)?,
            is_high_tier: bits.flag()?,
            level: bits.byte(8)?,
            constraints: (0..constraints).map(|_| bits.byte(8)).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::hex;

    #[test]
    fn profile_tier_and_level_are_read() {
        let b = hex("00000000 ff 0015 5f 01 02 33 80 00");
        let read = VvcConfig::parse(&b).unwrap();
        assert_eq!((read.profile, read.is_high_tier, read.level), (1, false, 51));
        assert_eq!(read.constraints, [0x80]);
        // It ends too early, or has no profile.
        assert_eq!(VvcConfig::parse(&b[..11]), None);
        assert_eq!(VvcConfig::parse(&hex("00000000 fe 0015 5f 01 02 33 80")), None);
    }
}
