//! `dvcC`, `dvvC` and `dvwC` (Dolby Vision Streams Within the ISO Base Media File Format, 2.2): the
//! configuration of Dolby Vision.

use crate::boxes::bits::BitReader;

/// What it says of the coded video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DolbyVisionConfig {
    /// `dv_profile`.
    pub profile: u8,
    /// `dv_level`.
    pub level: u8,
    /// `dv_bl_signal_compatibility_id`: what a player without Dolby Vision sees.
    pub compatibility: u8,
}

impl DolbyVisionConfig {
    /// Takes the content of the box apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        // `dv_version_major`, `dv_version_minor`.
        let mut bits = BitReader::new(b.get(2..)?);
        let (profile, level) = (bits.byte(7)?, bits.byte(6)?);
        // Which of the layers there are.
        bits.skip(3)?;
        Some(Self { profile, level, compatibility: bits.byte(4)? })
    }

    /// What the name of a coding ends with (3): profile and level.
    pub fn parameter(self) -> String {
        format!("{:02}.{:02}", self.profile, self.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_and_level_are_read() {
        let read = DolbyVisionConfig::parse(&[1, 0, 0x10, 0x35, 0x40, 0]);
        assert_eq!(read, Some(DolbyVisionConfig { profile: 8, level: 6, compatibility: 4 }));
        assert_eq!(DolbyVisionConfig::parse(&[1, 0, 0x10, 0x35]), None);
    }
}
