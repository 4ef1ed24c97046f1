//! `mhaC` (ISO/IEC 23008-3, 20.5): the configuration of MPEG-H 3D audio.

/// What it says of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MpegHConfig {
    /// `mpegh3daProfileLevelIndication`.
    pub profile_level: u8,
}

impl MpegHConfig {
    /// Takes the content of the box apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        // `configurationVersion` is 1.
        Some(Self { profile_level: *b.strip_prefix(&[1])?.first()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_and_level_are_read() {
        assert_eq!(MpegHConfig::parse(&[1, 0x0d, 13, 0, 0]), Some(MpegHConfig { profile_level: 13 }));
        assert_eq!((MpegHConfig::parse(&[1]), MpegHConfig::parse(&[2, 13])), (None, None));
    }
}
