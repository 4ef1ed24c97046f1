//! What a frame says of itself.
//!
//! A frame is a grid of [`COLUMNS`] × [`ROWS`] cells of [`CELL`] pixels. Row by row
//! the first 50 cells are bits, bright for 1, most significant first: 16 of the
//! frame's number, 24 of its time in milliseconds, 10 of a check sum. The last row
//! is a picture that moves.

/// Pixels along a side of a cell.
pub const CELL: usize = 16;
/// Cells across.
pub const COLUMNS: usize = 10;
/// Cells down.
pub const ROWS: usize = 6;
/// Pixels across.
pub const WIDTH: usize = CELL * COLUMNS;
/// Pixels down.
pub const HEIGHT: usize = CELL * ROWS;

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Number of the frame as it was filmed, from 0.
    pub number: u32,
    /// Time of the frame as it was filmed.
    pub millis: u32,
}

impl Stamp {
    fn check(self) -> u32 {
        (self.number.wrapping_mul(0x9E37_79B1) ^ self.millis.wrapping_mul(0x85EB_CA77) ^ 0x2A5A_5A5A) >> 22
    }

    fn bits(self) -> u64 {
        u64::from(self.number & 0xFFFF) << 34
            | u64::from(self.millis & 0xFF_FFFF) << 10
            | u64::from(self.check())
    }

    /// Reads a frame from the brightness (0–255) of its cells, row by row.
    /// `None` where they are no stamp.
    pub fn read(cells: &[u8]) -> Option<Self> {
        let bits = cells.get(..50)?.iter().fold(0u64, |bits, &cell| bits << 1 | u64::from(cell > 127));
        let stamp = Self { number: (bits >> 34) as u32, millis: (bits >> 10 & 0xFF_FFFF) as u32 };
        (stamp.bits() == bits).then_some(stamp)
    }

    /// Paints the frame in YUV 4:2:0.
    pub fn paint(self) -> Vec<u8> {
        let mut frame = vec![128; WIDTH * HEIGHT * 3 / 2];
        let bits = self.bits();
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let cell = y / CELL * COLUMNS + x / CELL;
                frame[y * WIDTH + x] = match cell {
                    0..50 if bits >> (49 - cell) & 1 == 1 => 215,
                    0..50 => 40,
                    // Waves that move, so that a frame depends on those around it.
                    _ => ((x * 3 + y * 5 + self.number as usize * 7) % 160 + 48) as u8,
                };
            }
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_back_and_a_flipped_bit_does_not() {
        for stamp in [
            Stamp { number: 0, millis: 0 },
            Stamp { number: 65535, millis: 0xFF_FFFF },
            Stamp { number: 299, millis: 11960 },
        ] {
            let frame = stamp.paint();
            let mut cells: Vec<u8> = (0..ROWS)
                .flat_map(|row| (0..COLUMNS).map(move |column| (row * CELL + 8) * WIDTH + column * CELL + 8))
                .map(|at| frame[at])
                .collect();
            assert_eq!(Stamp::read(&cells), Some(stamp));
            cells[20] = 255 - cells[20];
            assert_eq!(Stamp::read(&cells), None);
        }
    }
}
