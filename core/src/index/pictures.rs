//! Whether decoding can begin at a sample, by what is in it: for tracks without a word about sync samples
//! (VLC leaves out the `stss` of what it encodes) in codings whose pictures depend on each other.

use std::ops::Range;

use crate::boxes::{FormatError, SampleEntry};
use crate::source::ReadAt;

/// How the pictures of a track say what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// H.264, with so many bytes of length before each unit.
    Avc(u8),
    /// HEVC, likewise.
    Hevc(u8),
    /// MPEG-4 part 2.
    Mpeg4,
}

/// Units looked at before the first that is of the picture itself: delimiters, parameter sets, messages.
const UNITS: u32 = 32;

/// Bytes in which the picture of an MPEG-4 sample must begin, after the headers it may bring along.
const HEADERS: usize = 256;

impl Pictures {
    pub(super) fn of(entry: &SampleEntry) -> Option<Self> {
        match (&entry.coding.0, entry.unit_length) {
            (b"avc1" | b"avc3", Some(length)) => Some(Self::Avc(length)),
            (b"hvc1" | b"hev1", Some(length)) => Some(Self::Hevc(length)),
            (b"mp4v", _) => Some(Self::Mpeg4),
            _ => None,
        }
    }

    /// Whether decoding can begin at a sample, as far as that is in the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn can_begin_at<R: ReadAt>(self, source: &R, sample: Range<u64>) -> Result<bool, FormatError> {
        let Range { start: mut at, end } = sample;
        let (length, kind): (u8, fn(u8) -> Unit) = match self {
            Self::Avc(length) => (length, avc_unit),
            Self::Hevc(length) => (length, hevc_unit),
            Self::Mpeg4 => {
                let mut buffer = [0; HEADERS];
                let start = read_up_to(source, at..end, &mut buffer)?;
                // ISO/IEC 14496-2, 6.2.5: the start code of a picture, and in the next two bits 0 for an I-VOP.
                let vop = start.windows(5).find(|w| w.starts_with(&[0, 0, 1, 0xb6]));
                return Ok(vop.and_then(<[u8]>::last).is_some_and(|b| b >> 6 == 0));
            }
        };
        let mut buffer = [0; 5];
        let buffer = buffer.get_mut(..=usize::from(length)).unwrap_or_default();
        for _ in 0..UNITS {
            let head = read_up_to(source, at..end, buffer)?;
            let Some((&first, len)) = head.split_last().filter(|(_, len)| len.len() == usize::from(length))
            else {
                break;
            };
            match kind(first) {
                Unit::Start => return Ok(true),
                Unit::Dependent => break,
                Unit::Other => {}
            }
            let len = len.iter().fold(0, |len, &b| len << 8 | u64::from(b));
            at = at.saturating_add(u64::from(length) + len);
        }
        Ok(false)
    }
}

/// What there is of `range`, as much as `out` holds.
fn read_up_to<'a, R: ReadAt>(
    source: &R,
    range: Range<u64>,
    out: &'a mut [u8],
) -> Result<&'a [u8], FormatError> {
    let offset = range.start;
    let len = usize::try_from(range.end.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
    let out = out.get_mut(..len).unwrap_or_default();
    match source.read_exact_at(out, offset) {
        Ok(()) => Ok(out),
        // Of a film that is cut off, others may be asked for.
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(&[]),
        Err(source) => Err(FormatError::Io { offset, source }),
    }
}

/// What a unit tells of its picture.
enum Unit {
    Start,
    Dependent,
    Other,
}

/// ITU-T H.264, table 7-1.
fn avc_unit(first: u8) -> Unit {
    match first & 0x1f {
        5 => Unit::Start,
        1..=4 => Unit::Dependent,
        _ => Unit::Other,
    }
}

/// ITU-T H.265, table 7-1: those of random access pictures have numbers of their own.
fn hevc_unit(first: u8) -> Unit {
    match first >> 1 & 0x3f {
        16..=23 => Unit::Start,
        0..=15 => Unit::Dependent,
        _ => Unit::Other,
    }
}
