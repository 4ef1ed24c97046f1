//! `HMMT`: the highlights that GoPro's cameras mark, in a `udta`. No standard has this box.
//!
//! ```text
//! count (32)
//! for each place: a time in milliseconds (32). Places from `count` on are unused.
//! ```

use super::{u32_at, write_box};

/// An `HMMT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HmmtBox {
    /// The times, in milliseconds.
    pub times: Vec<u32>,
    /// Bytes of all places.
    room: usize,
}

impl HmmtBox {
    /// Reads the payload of an `HMMT`. `None` when there are more highlights than places.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let count = usize::try_from(u32_at(payload.get(..4)?, 0)).ok()?;
        let places = payload.get(4..)?;
        let times = places.get(..count.checked_mul(4)?)?.chunks_exact(4).map(|time| u32_at(time, 0));
        Some(Self { times: times.collect(), room: places.len() })
    }

    /// Writes the box, with as many places as it had. There must not be more times than that.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_box(out, b"HMMT", |out| {
            out.extend_from_slice(&u32::try_from(self.times.len()).unwrap_or(0).to_be_bytes());
            let end = out.len() + self.room;
            out.extend(self.times.iter().flat_map(|time| time.to_be_bytes()));
            out.resize(end, 0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written() {
        let payload: Vec<u8> = [2_u32, 100, 2000, 0].into_iter().flat_map(u32::to_be_bytes).collect();
        let mut read = HmmtBox::read(&payload).unwrap();
        assert_eq!(read.times, [100, 2000]);
        let mut out = Vec::new();
        read.write(&mut out);
        assert_eq!(out[8..], payload);
        read.times.truncate(1);
        out.clear();
        read.write(&mut out);
        assert_eq!(out[8..], [&[0, 0, 0, 1][..], &[0, 0, 0, 100], &[0; 8]].concat());
    }

    #[test]
    fn more_highlights_than_places_are_refused() {
        assert_eq!(HmmtBox::read(&[0, 0, 0, 2, 0, 0, 0, 1]), None);
        assert_eq!(HmmtBox::read(&[0xff; 8]), None);
        assert_eq!(HmmtBox::read(&[0; 3]), None);
    }
}
