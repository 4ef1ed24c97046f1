//! `tkhd` (8.3.2): the track header.

use super::mvhd::write_times;
use super::{BoxHeader, FormatError, Reader, u16_at, u32_at, u64_at, write_box};
use crate::source::ReadAt;

/// `track_enabled` (8.3.2.3), in the lowest byte of the flags.
const TRACK_ENABLED: u8 = 1;

/// The track header; the fields that a cut does not change are kept as bytes.
#[derive(Debug, Clone)]
pub struct TkhdBox {
    /// Track number, referred to by `tref`.
    pub track_id: u32,
    /// Duration as the file states it, in movie ticks; not to be trusted.
    pub duration: u64,
    creation: u64,
    modification: u64,
    flags: [u8; 3],
    /// From the reserved words after `duration` to the end of the box.
    rest: Vec<u8>,
}

impl TkhdBox {
    /// Reads a `tkhd`.
    ///
    /// # Errors
    /// When it is too short or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let b = reader.payload(header, 84)?;
        let wide = b.first() == Some(&1);
        let (rest, creation, modification, track_id, duration) = if wide {
            (36, u64_at(b, 4), u64_at(b, 12), u32_at(b, 20), u64_at(b, 28))
        } else {
            (24, u32_at(b, 4).into(), u32_at(b, 8).into(), u32_at(b, 12), u32_at(b, 20).into())
        };
        let rest = b.get(rest..).unwrap_or_default().to_vec();
        if rest.len() < 60 {
            // 8.3.2.2: 60 bytes follow the duration.
            return Err(header.error("too short for its version"));
        }
        Ok(Self { track_id, duration, creation, modification, flags: [b[1], b[2], b[3]], rest })
    }

    /// Whether the track is part of the presentation.
    pub fn is_enabled(&self) -> bool {
        self.flags[2] & TRACK_ENABLED != 0
    }

    /// `alternate_group`: 0, or what the alternatives to this track have, too.
    pub fn alternate_group(&self) -> u16 {
        // Behind two reserved words and `layer`.
        u16_at(&self.rest, 10)
    }

    /// Whether the matrix (6.2.2) turns the picture by a quarter, so that width and height change
    /// places.
    pub fn is_quarter_turn(&self) -> bool {
        // {a, b, u, c, d, v, x, y, w}, behind `volume` and two reserved bytes.
        let [a, b, c, d] = [0, 1, 3, 4].map(|n| u32_at(&self.rest, 16 + 4 * n));
        a == 0 && d == 0 && b != 0 && c != 0
    }

    /// By how many quarters the matrix (6.2.2) turns the picture clockwise; 0 where it does
    /// anything else.
    pub fn quarter_turns(&self) -> u8 {
        const ONE: u32 = 0x1_0000;
        const MINUS_ONE: u32 = 0xffff_0000;
        match [0, 1, 3, 4].map(|n| u32_at(&self.rest, 16 + 4 * n)) {
            [0, ONE, MINUS_ONE, 0] => 1,
            [MINUS_ONE, 0, 0, MINUS_ONE] => 2,
            [0, MINUS_ONE, ONE, 0] => 3,
            _ => 0,
        }
    }

    /// Where the track is presented, in whole pixels: left and top, as its matrix moves it, then
    /// width and height.
    pub fn area(&self) -> [i32; 4] {
        // Before the matrix (8.3.2.2) stand 16 bytes: reserved, layer, alternate group, volume.
        [16 + 24, 16 + 28, 52, 56].map(|at| i32::from_ne_bytes(u32_at(&self.rest, at).to_ne_bytes()) >> 16)
    }

    /// Memory held besides the struct itself.
    pub fn heap_size(&self) -> usize {
        self.rest.capacity()
    }

    /// Writes the header with another duration, version 1 only where needed.
    pub fn write(&self, out: &mut Vec<u8>, duration: u64) {
        write_box(out, b"tkhd", |out| {
            let mut middle = [0; 8];
            middle[..4].copy_from_slice(&self.track_id.to_be_bytes());
            write_times(out, self.flags, self.creation, self.modification, &middle, duration);
            out.extend_from_slice(&self.rest);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, make_box, read_box};

    #[test]
    fn what_is_written_is_read() {
        let words: Vec<u8> = [1, 2, 5, 0, 4].into_iter().chain([9; 15]).flat_map(u32::to_be_bytes).collect();
        let read = read_box(make_box(b"tkhd", [&[0, 0, 0, 7][..], &words].concat()), TkhdBox::read).unwrap();
        assert_eq!((read.track_id, read.duration, read.is_enabled()), (5, 4, true));
        for duration in [7, 1 << 40] {
            let mut out = Vec::new();
            read.write(&mut out, duration);
            let again = read_box(out, TkhdBox::read).unwrap();
            assert_eq!((again.track_id, again.duration, again.flags), (5, duration, [0, 0, 7]));
            assert_eq!(again.rest, read.rest);
        }
        let disabled = read_box(make_box(b"tkhd", [&[0; 4][..], &words].concat()), TkhdBox::read).unwrap();
        assert!(!disabled.is_enabled());
    }

    #[test]
    fn alternatives_and_turns_are_read() {
        let with = |group: u32, matrix: [u32; 9]| {
            let words = [&[0, 0, 1, 0, 0, 0, 0, group, 0][..], &matrix, &[0, 0]].concat();
            let read = read_box(full_box(b"tkhd", 0, words), TkhdBox::read).unwrap();
            (read.alternate_group(), read.is_quarter_turn(), read.quarter_turns())
        };
        let (one, minus, w) = (0x1_0000, 0xffff_0000, 0x4000_0000);
        assert_eq!(with(2, [one, 0, 0, 0, one, 0, 0, 0, w]), (2, false, 0));
        assert_eq!(with(0, [0, one, 0, minus, 0, 0, 720, 0, w]), (0, true, 1));
        assert_eq!(with(0, [0, minus, 0, one, 0, 0, 0, 0, w]), (0, true, 3));
        assert_eq!(with(0, [minus, 0, 0, 0, minus, 0, 0, 0, w]), (0, false, 2));
        assert_eq!(with(0, [0; 9]), (0, false, 0));
    }

    #[test]
    fn the_area_is_where_the_matrix_moves_it() {
        let place = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, u32::MAX << 16, 7 << 16, 0, 640 << 16, 360 << 16];
        let words: Vec<u8> = [1, 2, 5, 0, 4].into_iter().chain(place).flat_map(u32::to_be_bytes).collect();
        let read = read_box(make_box(b"tkhd", [&[0; 4][..], &words].concat()), TkhdBox::read).unwrap();
        assert_eq!(read.area(), [-1, 7, 640, 360]);
    }

    #[test]
    fn a_short_one_is_refused() {
        let short = make_box(b"tkhd", [&[1][..], &[9; 83]].concat());
        assert!(read_box(short, TkhdBox::read).unwrap_err().to_string().contains("version"));
    }
}
