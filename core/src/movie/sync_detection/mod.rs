//! Whether decoding can begin at a sample, by what is in it: for tracks without a word about sync
//! samples (VLC leaves out the `stss` of what it encodes) in codings whose pictures depend on each
//! other. Each coding has a file of its own, whose rule names the clause of the standard.
//! `movie/samples/detected.rs` decides when samples are looked into.

mod av1;
mod evidence;
mod h263;
mod h264;
mod hevc;
mod intra;
mod mpeg12;
mod mpeg4;
mod sorenson;
mod units;
mod vc1;
mod vp8;
mod vp9;
mod vvc;

use std::ops::Range;

use crate::boxes::{FormatError, SampleEntry};
use crate::offsets::FileOffset;
use crate::source::{Patch, ReadAt};

pub use evidence::SyncEvidence;
pub(crate) use evidence::{FirstSamples, SyncDetection};

/// How the pictures of a track say what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// H.264, with so many bytes of length before each unit.
    Avc(u8),
    /// HEVC, likewise.
    Hevc(u8),
    /// VVC, likewise.
    Vvc(u8),
    /// MPEG-4 part 2.
    Mpeg4,
    /// MPEG-1 and MPEG-2 video.
    Mpeg12,
    /// H.263.
    H263,
    /// The advanced profile of VC-1.
    Vc1,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// AV1.
    Av1,
    /// Sorenson Video.
    Svq1,
    /// Sorenson Video 3.
    Svq3,
}

/// What the sample description says of the dependencies between pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependencies {
    /// There are none: every picture can be decoded on its own.
    None,
    /// The pictures say themselves whether they can be decoded on their own.
    Said(Pictures),
    /// The coding is not one that this module reads.
    Unknown,
}

/// Bytes at the start of a sample that hold the headers of its first picture, where start codes or
/// units separate them: sequence headers, parameter sets, captions.
const HEADERS: usize = 1024;

/// Bytes at the start of a sample that hold the header of a picture that nothing stands before.
const FRAME_HEADER: usize = 16;

impl Dependencies {
    /// What a sample description says.
    pub(crate) fn of(entry: &SampleEntry) -> Self {
        if let Some((configuration, length)) = entry.units {
            match &configuration.0 {
                b"avcC" => return Self::Said(Pictures::Avc(length)),
                b"hvcC" => return Self::Said(Pictures::Hevc(length)),
                b"vvcC" => return Self::Said(Pictures::Vvc(length)),
                _ => {}
            }
        }
        let said = match (&entry.coding.0, entry.object_type) {
            (b"mp4v", object_type) => match mpeg4::of_object_type(object_type) {
                Some(dependencies) => return dependencies,
                None => return Self::Unknown,
            },
            (b"s263" | b"h263" | b"H263", _) => Pictures::H263,
            (b"vp08" | b"VP80", _) => Pictures::Vp8,
            (b"vp09" | b"VP90", _) => Pictures::Vp9,
            (b"av01", _) => Pictures::Av1,
            (b"SVQ1" | b"svq1" | b"svqi", _) => Pictures::Svq1,
            (b"SVQ3", _) => Pictures::Svq3,
            (b"vc-1" | b"ovc1" | b"WVC1", _) => Pictures::Vc1,
            (b"XVID" | b"xvid" | b"DIVX" | b"divx" | b"DX50" | b"3IV2" | b"FMP4", _) => Pictures::Mpeg4,
            (coding, _) if mpeg12::is_coding(coding) => Pictures::Mpeg12,
            (coding, _) if intra::is_coding(coding) => return Self::None,
            _ => return Self::Unknown,
        };
        Self::Said(said)
    }
}

impl Pictures {
    /// What is to be changed in a sample for a decoder to begin anew with it, where that is known.
    pub(crate) fn as_broken_link<R: ReadAt>(
        self,
        source: &R,
        sample: Range<FileOffset>,
    ) -> Result<Vec<Patch>, FormatError> {
        match self {
            Self::Hevc(length) => hevc::as_broken_link(source, sample, length),
            _ => Ok(Vec::new()),
        }
    }

    /// Whether decoding can begin at a sample, as far as that is in the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn can_begin_at<R: ReadAt>(self, source: &R, sample: Range<FileOffset>) -> Result<bool, FormatError> {
        let (headers, can_begin): (usize, fn(&[u8]) -> bool) = match self {
            Self::Avc(length) => return units::can_begin_at(source, sample, length, h264::unit),
            Self::Hevc(length) => return units::can_begin_at(source, sample, length, hevc::unit),
            Self::Vvc(length) => return units::can_begin_at(source, sample, length, vvc::unit),
            Self::Mpeg4 => (HEADERS, mpeg4::can_begin),
            Self::Mpeg12 => (HEADERS, mpeg12::can_begin),
            Self::Vc1 => (HEADERS, vc1::can_begin),
            Self::Av1 => (HEADERS, av1::can_begin),
            Self::H263 => (FRAME_HEADER, h263::can_begin),
            Self::Vp8 => (FRAME_HEADER, vp8::can_begin),
            Self::Vp9 => (FRAME_HEADER, vp9::can_begin),
            Self::Svq1 => (FRAME_HEADER, sorenson::can_begin_1),
            Self::Svq3 => return sorenson::can_begin_3(source, sample),
        };
        let mut buffer = [0; HEADERS];
        let buffer = buffer.get_mut(..headers).unwrap_or_default();
        Ok(can_begin(read_up_to(source, sample, buffer)?))
    }
}

/// What there is of `range`, as much as `out` holds.
pub(crate) fn read_up_to<'a, R: ReadAt>(
    source: &R,
    range: Range<FileOffset>,
    out: &'a mut [u8],
) -> Result<&'a [u8], FormatError> {
    let FileOffset(offset) = range.start;
    let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX).min(out.len());
    let out = out.get_mut(..len).unwrap_or_default();
    match source.read_exact_at(out, offset) {
        Ok(()) => Ok(out),
        // The file is cut off. Its other samples may be asked for.
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(&[]),
        Err(e) => Err(FormatError::read(offset, e)),
    }
}

/// The start codes (`00 00 01` and a byte) of `bytes`: the code, and what follows it.
fn start_codes(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let at = (0..bytes.len().saturating_sub(3)).filter(|&at| bytes.get(at..at + 3) == Some(&[0, 0, 1]));
    at.filter_map(|at| bytes.get(at + 3..)?.split_first()).map(|(code, rest)| (*code, rest))
}

/// Fields of bits, most significant first. Past the end there are zeros.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits, at most 32.
    fn take(&mut self, count: usize) -> u32 {
        (0..count).fold(0, |value, _| {
            let byte = self.bytes.get(self.at / 8).copied().unwrap_or(0);
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            value << 1 | u32::from(bit)
        })
    }
}
