//! `mdhd` (8.4.2): the media header.

use super::mvhd::write_times;
use super::{BoxHeader, FormatError, Reader, u16_at, u32_at, u64_at, write_box};
use crate::source::ReadAt;

/// The media header; the fields that a cut does not change are kept as bytes.
#[derive(Debug, Clone)]
pub struct MdhdBox {
    /// Ticks per second of media time. 0 in some files, which then cannot be cut.
    pub timescale: u32,
    creation: u64,
    modification: u64,
    flags: [u8; 3],
    /// Language to the end of the box.
    rest: Vec<u8>,
}

impl MdhdBox {
    /// Reads an `mdhd`.
    ///
    /// # Errors
    /// When it is too short or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        let b = reader.payload(header, 24)?;
        let wide = b.first() == Some(&1);
        let (rest, creation, modification, timescale) = if wide {
            (32, u64_at(b, 4), u64_at(b, 12), u32_at(b, 20))
        } else {
            (20, u32_at(b, 4).into(), u32_at(b, 8).into(), u32_at(b, 12))
        };
        let rest = b.get(rest..).unwrap_or_default().to_vec();
        if rest.len() < 4 {
            // 8.4.2.2: `language` and `pre_defined` follow the duration.
            return Err(header.error("too short for its version"));
        }
        Ok(Self { timescale, creation, modification, flags: [b[1], b[2], b[3]], rest })
    }

    /// The language as three letters (ISO 639-2/T), empty when there is none. Values below 0x400
    /// are QuickTime's own numbers, of which the common ones are known here.
    pub fn language(&self) -> String {
        let code = u16_at(&self.rest, 0);
        if code >= 0x400 && code != 0x7fff {
            let letter = |shift: u32| char::from(b'`' + u8::try_from(code >> shift & 0x1f).unwrap_or(0));
            return [letter(10), letter(5), letter(0)].iter().collect();
        }
        const MACINTOSH: [&str; 47] = [
            "eng", "fra", "deu", "ita", "nld", "swe", "spa", "dan", "por", "nor", "heb", "jpn", "ara", "fin",
            "ell", "isl", "mlt", "tur", "hrv", "zho", "urd", "hin", "tha", "kor", "lit", "pol", "hun", "est",
            "lav", "sme", "fao", "fas", "rus", "zho", "nld", "gle", "sqi", "ron", "ces", "slk", "slv", "yid",
            "srp", "mkd", "bul", "ukr", "bel",
        ];
        MACINTOSH.get(usize::from(code)).copied().unwrap_or_default().to_string()
    }

    /// Memory held besides the struct itself.
    pub fn heap_size(&self) -> usize {
        self.rest.capacity()
    }

    /// Writes the header with another timescale and duration, version 1 only where needed.
    pub fn write(&self, out: &mut Vec<u8>, timescale: u32, duration: u64) {
        write_box(out, b"mdhd", |out| {
            let timescale = timescale.to_be_bytes();
            write_times(out, self.flags, self.creation, self.modification, &timescale, duration);
            out.extend_from_slice(&self.rest);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, make_box, read_box};

    fn mdhd(language: u32) -> MdhdBox {
        read_box(full_box(b"mdhd", 0, [1, 2, 600, 4, language << 16]), MdhdBox::read).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let read = mdhd(0x15c7);
        for (duration, version) in [(7, 0), (1 << 40, 1)] {
            let mut out = Vec::new();
            read.write(&mut out, 48_000, duration);
            assert_eq!(out[8], version);
            let again = read_box(out, MdhdBox::read).unwrap();
            assert_eq!((again.timescale, again.creation, again.modification), (48_000, 1, 2));
            assert_eq!(again.rest, read.rest);
        }
    }

    #[test]
    fn languages_are_packed_letters_or_numbers() {
        assert_eq!(mdhd(0x15c7).language(), "eng");
        assert_eq!(mdhd(2).language(), "deu");
        assert_eq!(mdhd(32).language(), "rus");
        assert_eq!(mdhd(45).language(), "ukr");
        assert_eq!(mdhd(0x7fff).language(), "");
    }

    #[test]
    fn a_short_one_is_refused() {
        let short = make_box(b"mdhd", [&[1][..], &[9; 27]].concat());
        assert!(read_box(short, MdhdBox::read).unwrap_err().to_string().contains("version"));
    }
}
