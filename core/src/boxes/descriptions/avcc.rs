//! `avcC` (ISO/IEC 14496-15, 5.3.3.1): the configuration of H.264.

/// What it says of the coded video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvcConfig {
    /// `AVCProfileIndication`.
    pub profile: u8,
    /// `profile_compatibility`: the constraint flags.
    pub compatibility: u8,
    /// `AVCLevelIndication`.
    pub level: u8,
}

impl AvcConfig {
    /// Takes the content of the box apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        match *b {
            // `configurationVersion` is 1.
            [1, profile, compatibility, level, ..] => Some(Self { profile, compatibility, level }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_and_level_are_read() {
        let read = AvcConfig::parse(&[1, 0x64, 0, 0x1f, 0xff, 0xe1]);
        assert_eq!(read, Some(AvcConfig { profile: 100, compatibility: 0, level: 31 }));
        assert_eq!((AvcConfig::parse(&[1, 0x64, 0]), AvcConfig::parse(&[0, 0x64, 0, 0x1f])), (None, None));
    }
}
