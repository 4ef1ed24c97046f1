//! `tx3g` (3GPP TS 26.245, 5.16): timed text.

use crate::boxes::u32_at;

/// QuickTime File Format, "Subtitle sample description": a display flag.
const ALL_SAMPLES_ARE_FORCED: u32 = 0x8000_0000;

/// `displayFlags` of timed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextFlags(u32);

impl TextFlags {
    /// Takes the content of the description apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        // Behind the fields of all descriptions.
        Some(Self(u32_at(b.get(8..12)?, 0)))
    }

    /// Whether all the text is shown even where subtitles are off. Where only some of it is
    /// (`0x4000_0000`), the samples say which.
    pub fn are_all_forced(self) -> bool {
        self.0 & ALL_SAMPLES_ARE_FORCED != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_flag_of_all_samples_forces_the_track() {
        let is_forced = |flags: u8| TextFlags::parse(&[0, 0, 0, 0, 0, 0, 0, 1, flags, 0, 0, 0]);
        assert!(is_forced(0xc0).unwrap().are_all_forced());
        assert!(!is_forced(0x40).unwrap().are_all_forced());
        assert_eq!(TextFlags::parse(&[0; 11]), None);
    }
}
