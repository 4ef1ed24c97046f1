//! `colr` (12.1.5): the colours of a video track.

use crate::boxes::u16_at;

/// What the colours are, in the numbers of ITU-T H.273.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColourInformation {
    /// `colour_primaries`.
    pub primaries: u16,
    /// `transfer_characteristics`.
    pub transfer: u16,
    /// `matrix_coefficients`.
    pub matrix: u16,
    /// `full_range_flag`.
    pub is_full_range: bool,
}

impl ColourInformation {
    /// Takes the content of the box apart; `None` for an ICC profile. QuickTime's `nclc` has no
    /// flag.
    pub fn parse(b: &[u8]) -> Option<Self> {
        let colours = b.get(4..10)?;
        let is_full_range = match b.get(..4)? {
            b"nclx" => b.get(10)? & 0x80 != 0,
            b"nclc" => false,
            _ => return None,
        };
        let [primaries, transfer, matrix] = [0, 2, 4].map(|at| u16_at(colours, at));
        Some(Self { primaries, transfer, matrix, is_full_range })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_of_both_kinds() {
        let hdr = ColourInformation { primaries: 9, transfer: 16, matrix: 9, is_full_range: true };
        assert_eq!(ColourInformation::parse(b"nclx\0\x09\0\x10\0\x09\x80"), Some(hdr));
        let quicktime = ColourInformation { is_full_range: false, ..hdr };
        assert_eq!(ColourInformation::parse(b"nclc\0\x09\0\x10\0\x09"), Some(quicktime));
        assert_eq!(ColourInformation::parse(b"nclx\0\x09\0\x10\0\x09"), None);
        assert_eq!(ColourInformation::parse(b"prof\0\x09\0\x10\0\x09\x80"), None);
    }
}
