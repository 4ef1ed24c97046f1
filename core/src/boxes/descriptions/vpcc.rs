//! `vpcC` (VP Codec ISO Media File Format Binding): the configuration of VP8 and VP9.

use crate::boxes::bits::BitReader;

use super::ColourInformation;

/// What it says of the coded video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VpConfig {
    /// `profile`.
    pub profile: u8,
    /// `level`: ten times the number of the level; 0 where the encoder did not say.
    pub level: u8,
    /// `bitDepth`.
    pub bit_depth: u8,
    /// `chromaSubsampling`.
    pub chroma_subsampling: u8,
    /// The colours. Version 0 of the box has other numbers for them, which are left out.
    pub colours: Option<ColourInformation>,
}

impl VpConfig {
    /// Takes the content of the box apart.
    pub fn parse(b: &[u8]) -> Option<Self> {
        let version = *b.first()?;
        let mut bits = BitReader::new(b.get(4..)?);
        let (profile, level, bit_depth) = (bits.byte(8)?, bits.byte(8)?, bits.byte(4)?);
        if version == 0 {
            // `colorSpace`.
            bits.skip(4)?;
            return Some(Self {
                profile,
                level,
                bit_depth,
                chroma_subsampling: bits.byte(4)?,
                colours: None,
            });
        }
        let chroma_subsampling = bits.byte(3)?;
        let is_full_range = bits.flag()?;
        let mut number = || Some(u16::from(bits.byte(8)?));
        let colours =
            ColourInformation { primaries: number()?, transfer: number()?, matrix: number()?, is_full_range };
        Some(Self { profile, level, bit_depth, chroma_subsampling, colours: Some(colours) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::hex;

    #[test]
    fn profile_level_and_colours_are_read() {
        let read = VpConfig::parse(&hex("01000000 02 1f a3 09 10 09 0000")).unwrap();
        assert_eq!((read.profile, read.level, read.bit_depth, read.chroma_subsampling), (2, 31, 10, 1));
        let colours = ColourInformation { primaries: 9, transfer: 16, matrix: 9, is_full_range: true };
        assert_eq!(read.colours, Some(colours));
        let old = VpConfig::parse(&hex("00000000 00 14 82 10 0000")).unwrap();
        assert_eq!((old.level, old.bit_depth, old.chroma_subsampling, old.colours), (20, 8, 1, None));
        assert_eq!(VpConfig::parse(&hex("01000000 02 1f a3 09 10")), None);
    }
}
