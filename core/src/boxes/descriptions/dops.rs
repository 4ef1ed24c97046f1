//! `dOps` (Encapsulation of Opus in ISO Base Media File Format, 4.3.2): the configuration of Opus.

/// What it says of the audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusConfig {
    /// `OutputChannelCount`.
    pub channels: u8,
}

impl OpusConfig {
    /// Samples per second of the output, whatever the input had (RFC 6716, 2.1.3).
    pub const SAMPLING_RATE: u32 = 48_000;

    /// Takes the content of the box apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        // `Version` is 0.
        Some(Self { channels: *b.strip_prefix(&[0])?.first()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_read() {
        assert_eq!(OpusConfig::parse(&[0, 6, 1, 56]), Some(OpusConfig { channels: 6 }));
        assert_eq!((OpusConfig::parse(&[0]), OpusConfig::parse(&[1, 6])), (None, None));
    }
}
