//! `mvhd` (8.2.2): the movie header.

use super::{BoxHeader, FormatError, Reader, u32_at, u64_at, write_box};
use crate::source::ReadAt;

/// The movie header; the fields that a cut does not change are kept as bytes.
#[derive(Debug, Clone)]
pub struct MvhdBox {
    /// Ticks per second of movie time.
    pub timescale: u32,
    /// Duration as the file states it; not to be trusted.
    pub duration: u64,
    creation: u64,
    modification: u64,
    flags: [u8; 3],
    /// From `rate` to the end of the box.
    rest: Vec<u8>,
}

/// Where `pre_defined` stands in `rest`: QuickTime keeps six movie times there.
const PREVIEW_TIMES: std::ops::Range<usize> = 52..76;

impl MvhdBox {
    /// Reads an `mvhd`.
    ///
    /// # Errors
    /// When it is too short, its timescale is 0, or it cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let b = reader.payload(header, 100)?;
        let wide = b.first() == Some(&1);
        let (rest, creation, modification, timescale, duration) = if wide {
            (32, u64_at(b, 4), u64_at(b, 12), u32_at(b, 20), u64_at(b, 24))
        } else {
            (20, u32_at(b, 4).into(), u32_at(b, 8).into(), u32_at(b, 12), u32_at(b, 16).into())
        };
        let rest = b.get(rest..).unwrap_or_default().to_vec();
        if rest.len() < 80 {
            // 8.2.2.2: 80 bytes follow the duration, from `rate` to `next_track_ID`.
            return Err(header.error("too short for its version"));
        }
        if timescale == 0 {
            // 8.2.2.3: the number of time units that pass in a second.
            return Err(header.error("timescale is 0"));
        }
        let flags = [b[1], b[2], b[3]];
        Ok(Self { timescale, duration, creation, modification, flags, rest })
    }

    /// Memory held besides the struct itself.
    pub fn heap_size(&self) -> usize {
        self.rest.capacity()
    }

    /// Writes the header with another timescale and duration, version 1 only where needed.
    pub fn write(&self, out: &mut Vec<u8>, timescale: u32, duration: u64) {
        write_box(out, b"mvhd", |out| {
            write_times(
                out,
                self.flags,
                self.creation,
                self.modification,
                &timescale.to_be_bytes(),
                duration,
            );
            let start = out.len();
            out.extend_from_slice(&self.rest);
            // They are in the source's movie time and mean nothing in the clip's.
            out.get_mut(start..).and_then(|r| r.get_mut(PREVIEW_TIMES)).unwrap_or_default().fill(0);
        });
    }
}

/// Version, flags, creation and modification time, `middle`, duration: how `mvhd`, `tkhd`
/// and `mdhd` begin. Version 1 is used only where 32 bits are not enough.
pub(super) fn write_times(
    out: &mut Vec<u8>,
    flags: [u8; 3],
    creation: u64,
    modification: u64,
    middle: &[u8],
    duration: u64,
) {
    let fits = |n: u64| u32::try_from(n).is_ok();
    // All ones in 32 bits says "unknown".
    let wide = !(fits(creation) && fits(modification) && fits(duration) && duration != u64::from(u32::MAX));
    let from = if wide { 0 } else { 4 };
    out.push(u8::from(wide));
    out.extend_from_slice(&flags);
    out.extend_from_slice(&creation.to_be_bytes()[from..]);
    out.extend_from_slice(&modification.to_be_bytes()[from..]);
    out.extend_from_slice(middle);
    out.extend_from_slice(&duration.to_be_bytes()[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, make_box, read_box};

    /// An `mvhd` in version 0.
    fn mvhd(timescale: u32) -> Vec<u8> {
        full_box(b"mvhd", 0, [1, 2, timescale, 4].into_iter().chain([9; 20]))
    }

    #[test]
    fn what_is_written_is_read() {
        let read = read_box(mvhd(600), MvhdBox::read).unwrap();
        assert_eq!((read.timescale, read.duration), (600, 4));
        for (duration, version, len) in [(7, 0, 108), (u32::MAX.into(), 1, 120), (1 << 40, 1, 120)] {
            let mut out = Vec::new();
            read.write(&mut out, 90_000, duration);
            assert_eq!((out[8], out.len()), (version, len));
            let again = read_box(out, MvhdBox::read).unwrap();
            assert_eq!((again.timescale, again.duration), (90_000, duration));
            assert_eq!((again.creation, again.modification), (1, 2));
            // 80 bytes from `rate` on, of which `pre_defined` is six words.
            let expected = [&read.rest[..52], &[0; 24], &read.rest[76..]].concat();
            assert_eq!((again.rest.len(), again.rest), (80, expected));
        }
    }

    #[test]
    fn one_without_a_timescale_or_too_short_is_refused() {
        assert!(read_box(mvhd(0), MvhdBox::read).unwrap_err().to_string().contains("timescale is 0"));
        let short = make_box(b"mvhd", [&[1][..], &[9; 99]].concat());
        assert!(read_box(short, MvhdBox::read).unwrap_err().to_string().contains("version"));
    }
}
