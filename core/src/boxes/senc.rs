//! `senc` (ISO/IEC 23001-7, 7.2) and the `uuid` box that it was before (PIFF 1.1, 5.3.2): what a
//! decrypter needs for each sample. How long an entry is, only the entry itself says.

use std::ops::Range;

use super::write::TableHead;
use super::{BoxHeader, FormatError, Reader, u16_at, u32_at};
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

/// A `senc`, or the box that it was before.
#[derive(Debug, Clone)]
pub struct SencBox {
    /// Where it stands.
    pub header: BoxHeader,
    /// Number of samples it speaks of.
    pub count: u32,
    /// Where the first entry is. Before it stands the count, and before that what all samples have
    /// in common.
    pub data: u64,
    /// Length of an initialisation vector.
    vector: u8,
    /// Whether entries say which bytes of a sample are encrypted.
    pub has_subsamples: bool,
    /// Where every [`STRIDE`]th entry begins, unless all are as long.
    places: Vec<u64>,
}

/// Entries between two places that are known.
const STRIDE: u32 = 256;

/// The extended type of the box that became `senc`.
const PIFF: [u8; 16] =
    [0xa2, 0x39, 0x4f, 0x52, 0x5a, 0x9b, 0x4f, 0x14, 0xa2, 0x44, 0x6c, 0x42, 0x7c, 0x64, 0x8d, 0xf4];

/// Whether a box is a `senc`, by either name.
///
/// # Errors
/// When the file cannot be read.
pub fn is_senc<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<bool, FormatError> {
    Ok(match &header.box_type.0 {
        b"senc" => true,
        b"uuid" if header.payload_len() >= 16 => reader.bytes(header.payload(), 16)? == PIFF,
        _ => false,
    })
}

/// The `senc` among some boxes, and a second one, which is one too many. Its own name goes before
/// the one that it had before, which may be there for old players.
pub fn find_senc<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    boxes: impl IntoIterator<Item = BoxHeader>,
) -> Result<(Option<BoxHeader>, Option<BoxHeader>), FormatError> {
    let mut all = Vec::new();
    for header in boxes {
        if is_senc(reader, &header)? {
            all.push(header);
        }
    }
    all.sort_by_key(|h| &h.box_type.0 != b"senc");
    let second = all.get(1).filter(|h| all.first().is_some_and(|first| first.box_type == h.box_type));
    Ok((all.first().copied(), second.copied()))
}

/// `UseSubSampleEncryption`: entries say which bytes of a sample are encrypted.
const USE_SUBSAMPLE_ENCRYPTION: u32 = 2;

/// PIFF 1.1, 5.3.2: an algorithm, a length of vector and a key other than the track's own follow.
const OVERRIDE_TRACK_ENCRYPTION: u32 = 1;

/// Version and flags of a `senc` with initialisation vectors and nothing else.
pub const WHOLE_SAMPLES: [u8; 4] = [0, 0, 0, 0];
/// Version and flags of a `senc` that says which bytes of a sample are encrypted.
pub const SUBSAMPLES: [u8; 4] = USE_SUBSAMPLE_ENCRYPTION.to_be_bytes();

/// Whether version and flags of a `senc` say that entries tell which bytes are encrypted.
pub fn has_subsamples(flags: [u8; 4]) -> bool {
    u32::from_be_bytes(flags) & USE_SUBSAMPLE_ENCRYPTION != 0
}

/// Version and flags of a `senc`, without those that only its older form has.
///
/// # Errors
/// When it is too short for a count, or cannot be read.
pub fn read_senc_flags<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    senc: &BoxHeader,
) -> Result<[u8; 4], FormatError> {
    let at = version_at(senc);
    if senc.end().saturating_sub(at) < 8 {
        // ISO/IEC 23001-7, 7.2.2: version and flags, `sample_count`.
        return Err(senc.error("too short for a sample count"));
    }
    let word = u32_at(reader.bytes(at, 4)?, 0);
    // A vector and a key of its own are PIFF's.
    let kept = if &senc.box_type.0 == b"uuid" { word & USE_SUBSAMPLE_ENCRYPTION } else { word };
    Ok(kept.to_be_bytes())
}

/// Where the entries of a `senc` begin, if they take just `len` bytes.
pub fn senc_entries_of(senc: &BoxHeader, len: u64) -> Option<u64> {
    let data = version_at(senc) + 8;
    (senc.end().checked_sub(data)? == len).then_some(data)
}

/// What a `senc` of so many samples has before its entries. `flags` has the version, too. Without
/// flags it is a `free`: what its entries are, `saiz` and `saio` say.
pub fn senc_head(flags: Option<[u8; 4]>, sample_count: u32) -> TableHead {
    match flags {
        Some(flags) => TableHead::uncounted(b"senc", [flags, sample_count.to_be_bytes()].concat(), 1),
        None => TableHead::uncounted(b"free", [], 1),
    }
}

/// An entry for a sample of `size` bytes of which none is encrypted, with an initialisation vector
/// of `vector` bytes. `None` for a sample that is too large for an entry that a `saiz` can
/// describe.
pub fn clear_senc_entry(vector: u8, size: u64) -> Option<Vec<u8>> {
    // ISO/IEC 23001-7, 7.2.2: `BytesOfClearData` has 16 bits, `BytesOfProtectedData` 32.
    let most = u64::from(u16::MAX);
    let subsample_count = u16::try_from(size.div_ceil(most)).ok()?;
    let mut out = vec![0; usize::from(vector)];
    out.extend_from_slice(&subsample_count.to_be_bytes());
    let mut left = size;
    while left > 0 {
        let clear = u16::try_from(left).unwrap_or(u16::MAX);
        out.extend_from_slice(&clear.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        left -= u64::from(clear);
    }
    (out.len() <= usize::from(u8::MAX)).then_some(out)
}

/// Where the version of a `senc` stands.
fn version_at(senc: &BoxHeader) -> u64 {
    senc.payload() + if &senc.box_type.0 == b"uuid" { 16 } else { 0 }
}

impl SencBox {
    /// Reads what stands before the entries. `None` when the length of the entries cannot be found
    /// out.
    pub fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
    ) -> Result<Option<Self>, FormatError> {
        let start = version_at(header);
        let head = usize::try_from(header.end().saturating_sub(start)).unwrap_or(28).min(28);
        let b = reader.bytes(start, head)?;
        let (version, flags) = (b.first().copied().unwrap_or(0), u32_at(b, 0));
        let vector = if flags & OVERRIDE_TRACK_ENCRYPTION == 0 { None } else { b.get(7).copied() };
        let at = if flags & OVERRIDE_TRACK_ENCRYPTION == 0 { 4 } else { 24 };
        let Some(count) = b.get(at..at + 4).map(|c| u32_at(c, 0)) else {
            // The same; in PIFF 1.1, 5.3.2, after the algorithm and the key where these are
            // present.
            return Err(header.error("too short for a sample count"));
        };
        if version > 0 {
            // Several keys for a sample.
            return Ok(None);
        }
        let mut this = Self {
            header: *header,
            count,
            data: start + at as u64 + 4,
            vector: 0,
            has_subsamples: has_subsamples(flags.to_be_bytes()),
            places: Vec::new(),
        };
        // The sample description says it too, but not of all samples the same.
        let known = vector.map(|v| [v; 1]);
        for &vector in known.as_ref().map_or(&[8, 16, 0][..], |v| v) {
            this.vector = vector;
            if this.fills_its_box(reader)? {
                this.places.shrink_to_fit();
                return Ok(Some(this));
            }
        }
        Ok(None)
    }

    /// What the box has before its entries, for another number of samples: where in the file all
    /// but that number is, and the bytes of the number.
    pub fn head_for(&self, sample_count: u32) -> (Range<u64>, [u8; 4]) {
        let count = sample_count.to_be_bytes();
        (self.header.payload()..self.data - count.len() as u64, count)
    }

    /// Whether with vectors of this length the entries take just the room there is.
    fn fills_its_box<R: ReadAt>(&mut self, reader: &mut Reader<'_, R>) -> Result<bool, FormatError> {
        let end = self.header.end();
        if !self.has_subsamples {
            return Ok(self.data + u64::from(self.count) * u64::from(self.vector) == end);
        }
        self.places.clear();
        let mut at = self.data;
        for n in 0..self.count {
            if n % STRIDE == 0 {
                self.places.push(at);
            }
            let Some(len) = self.entry_len(reader, at)? else { return Ok(false) };
            at += len;
        }
        Ok(at == end)
    }

    /// Length of the entry at `at`; `None` when it does not fit.
    fn entry_len<R: ReadAt>(&self, reader: &mut Reader<'_, R>, at: u64) -> Result<Option<u64>, FormatError> {
        let vector = u64::from(self.vector);
        if !self.has_subsamples {
            return Ok(Some(vector));
        }
        let fits = |len: u64| Some(len).filter(|len| at + len <= self.header.end());
        let Some(before) = fits(vector + 2) else { return Ok(None) };
        let subsamples = u16_at(reader.bytes(at + vector, 2)?, 0);
        Ok(fits(before + 6 * u64::from(subsamples)))
    }

    /// Where the entry of a sample begins; past the last, where the entries end. O(1).
    ///
    /// # Errors
    /// When the file cannot be read, or has changed.
    pub fn place_of<R: ReadAt>(
        &self,
        reader: &mut Reader<'_, R>,
        sample: SampleNumber,
    ) -> Result<u64, FormatError> {
        let sample = sample.0;
        if sample >= self.count {
            return Ok(self.header.end());
        }
        let known = self.places.get((sample / STRIDE) as usize);
        let Some(&known) = known else {
            return Ok(self.data + u64::from(sample) * u64::from(self.vector));
        };
        let mut at = known;
        for _ in 0..sample % STRIDE {
            let len = self.entry_len(reader, at)?;
            at += len.ok_or_else(|| self.header.error("changed while it was read"))?;
        }
        Ok(at)
    }

    /// The length of all entries, where it is the same by what the head says. Such entries may have
    /// no bytes, so that a box of a few bytes claims any number of them.
    pub fn constant_length(&self) -> Option<u8> {
        Some(self.vector).filter(|_| !self.has_subsamples)
    }

    /// Lengths of the entries of some samples; `None` when one is too long for a `saiz`.
    ///
    /// # Errors
    /// When the file cannot be read, or has changed.
    pub fn lengths_of<R: ReadAt>(
        &self,
        reader: &mut Reader<'_, R>,
        samples: &Range<SampleNumber>,
    ) -> Result<Option<Vec<u8>>, FormatError> {
        let mut at = self.place_of(reader, samples.start)?;
        let mut out = Vec::new();
        for _ in samples.start.0..samples.end.0.min(self.count) {
            let len = self.entry_len(reader, at)?.unwrap_or(0);
            let Ok(short) = u8::try_from(len) else { return Ok(None) };
            out.push(short);
            at += len;
        }
        Ok(Some(out))
    }

    /// Memory held besides the struct itself.
    pub fn heap_size(&self) -> usize {
        self.places.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn senc(box_type: &[u8; 4], payload: &[&[u8]]) -> Option<SencBox> {
        read_box(make_box(box_type, payload.concat()), SencBox::read).unwrap()
    }

    #[test]
    fn the_length_of_vectors_is_found_out() {
        let whole = senc(b"senc", &[&WHOLE_SAMPLES, &[0, 0, 0, 2], &[9; 16]]).unwrap();
        assert_eq!((whole.vector, whole.count, whole.has_subsamples, whole.data), (8, 2, false, 16));
        // Vectors of 16 bytes, and no or one part of the sample.
        let entries = [&[9; 16][..], &[0, 0], &[9; 16], &[0, 1], &[7; 6]].concat();
        let file = make_box(b"senc", [&SUBSAMPLES[..], &[0, 0, 0, 2], &entries].concat());
        read_box(file, |reader, header| {
            let parts = SencBox::read(reader, header).unwrap().unwrap();
            assert_eq!((parts.vector, parts.has_subsamples), (16, true));
            assert_eq!(
                parts.lengths_of(reader, &(SampleNumber(0)..SampleNumber(9))).unwrap(),
                Some(vec![18, 24])
            );
            let places = [0, 1, 2].map(|n| parts.place_of(reader, SampleNumber(n)).unwrap());
            assert_eq!(places, [16, 34, header.end()]);
        });
        // No vectors, and one part of each sample.
        let entries = [0, 1, 0, 9, 0, 0, 0, 2].repeat(2);
        assert_eq!(senc(b"senc", &[&SUBSAMPLES, &[0, 0, 0, 2], &entries]).unwrap().vector, 0);
        assert!(senc(b"senc", &[&WHOLE_SAMPLES, &[0, 0, 0, 2], &[9; 15]]).is_none());
    }

    #[test]
    fn the_older_box_may_say_the_length() {
        let head = [&PIFF[..], &[0, 0, 0, 1], &[0, 0, 1, 8], &[5; 16], &[0, 0, 0, 1]].concat();
        let piff = make_box(b"uuid", [&head[..], &[9; 8]].concat());
        assert_eq!(read_box(piff.clone(), read_senc_flags).unwrap(), WHOLE_SAMPLES);
        assert!(read_box(piff.clone(), is_senc).unwrap());
        let read = read_box(piff.clone(), SencBox::read).unwrap().unwrap();
        assert_eq!(read.vector, 8);
        // The same for two samples.
        let (same, count) = read.head_for(2);
        let same = usize::try_from(same.start).unwrap()..usize::try_from(same.end).unwrap();
        let two = make_box(b"uuid", [&piff[same], &count, &[9; 16]].concat());
        let two = read_box(two, SencBox::read).unwrap().unwrap();
        assert_eq!((two.count, two.vector), (2, 8));
        assert!(!read_box(make_box(b"uuid", [9; 20]), is_senc).unwrap());
    }

    #[test]
    fn a_clear_sample_has_an_entry_of_clear_bytes() {
        assert_eq!(clear_senc_entry(2, 0), Some(vec![0; 4]));
        let entry = clear_senc_entry(0, 0x1_0001).unwrap();
        assert_eq!(entry, [0, 2, 0xff, 0xff, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
        assert_eq!(clear_senc_entry(16, 0xffff * 40), None);
        let mut file = Vec::new();
        senc_head(Some(SUBSAMPLES), 1).write(&mut file, |out| out.extend(clear_senc_entry(8, 5).unwrap()));
        let read = read_box(file, SencBox::read).unwrap().unwrap();
        assert_eq!((read.count, read.vector, read.has_subsamples), (1, 8, true));
    }

    #[test]
    fn one_without_a_count_is_refused() {
        let short = || make_box(b"senc", [0; 6]);
        read_box(short(), SencBox::read).unwrap_err();
        read_box(short(), read_senc_flags).unwrap_err();
    }
}
