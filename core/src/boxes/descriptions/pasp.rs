//! `pasp` (12.1.4): the shape of a pixel.

use crate::boxes::u32_at;

/// The width of a pixel by its height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelAspect {
    /// `hSpacing`; not 0.
    pub horizontal: u32,
    /// `vSpacing`; not 0.
    pub vertical: u32,
}

impl PixelAspect {
    /// Takes the content of the box apart; `None` for a pixel without a width or a height.
    pub fn parse(b: &[u8]) -> Option<Self> {
        let this = Self { horizontal: u32_at(b.get(..8)?, 0), vertical: u32_at(b, 4) };
        (this.horizontal > 0 && this.vertical > 0).then_some(this)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_has_a_width_and_a_height() {
        let read = PixelAspect::parse(&[0, 0, 0, 64, 0, 0, 0, 45]);
        assert_eq!(read, Some(PixelAspect { horizontal: 64, vertical: 45 }));
        assert_eq!(PixelAspect::parse(&[0, 0, 0, 64, 0, 0, 0, 0]), None);
        assert_eq!(PixelAspect::parse(&[0, 0, 0, 64, 0, 0, 0]), None);
    }
}
