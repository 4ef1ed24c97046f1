//! Sample auxiliary information (8.7.8 `saiz`, 8.7.9 `saio`; ISO/IEC 23001-7 `senc`): what a decrypter
//! needs for each sample.

use std::ops::Range;

use crate::boxes::{
    BoxHeader, ChunkOffsets, FormatError, MAX_VECTOR_SIZE, Reader, SUBSAMPLES, SaizBox, SampleSizes, SencBox,
    TableReader, WHOLE_SAMPLES, find_encryption_boxes, read_exact, read_saio, read_senc_flags,
    read_vector_size, senc_entries_of,
};
use crate::index::{Node, SampleTable};
use crate::limits;
use crate::source::ReadAt;

/// The auxiliary information of a track.
#[derive(Debug)]
pub enum Auxiliary {
    /// With its lengths and places told.
    Told(ToldAuxiliary),
    /// A `senc` alone, or the box that it was before.
    Untold(SencBox),
}

/// Auxiliary information of which `saiz` and `saio` speak.
#[derive(Debug)]
pub struct ToldAuxiliary {
    /// `aux_info_type` and its parameter, where the boxes say them.
    pub kind: Option<[u8; 8]>,
    /// Length for all samples; 0 when each has its own.
    pub default_size: u8,
    /// Lengths; of samples past the last, none.
    pub sizes: SampleSizes,
    /// Where it stands.
    pub place: AuxiliaryPlace,
    /// Version and flags of the `senc`.
    pub senc: [u8; 4],
    /// Bytes of the initialisation vector of a sample.
    vector: u8,
}

/// Where auxiliary information stands.
#[derive(Debug)]
pub enum AuxiliaryPlace {
    /// All of it in one stretch, which begins here.
    Stretch(u64),
    /// That of each chunk in a place of its own.
    Chunks {
        /// Those places.
        offsets: ChunkOffsets,
        /// What of the file holds them all.
        bounds: Range<u64>,
    },
}

impl Auxiliary {
    /// Reads what an `stbl` says, and a `senc` there or in the `trak`. `Err` names a box whose shape we cannot cut.
    pub(super) fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        stbl: &Node,
        senc: Option<BoxHeader>,
        samples: &SampleTable,
    ) -> Result<Result<Option<Self>, BoxHeader>, FormatError> {
        let boxes: Vec<_> = stbl.children.iter().map(|c| c.header).collect();
        let about = match find_encryption_boxes(reader, &boxes)? {
            Ok(about) => about,
            Err(second) => return Ok(Err(second)),
        };
        let (Some(saiz), saio) = about else {
            let Some(senc) = senc else { return Ok(about.1.map_or(Ok(None), Err)) };
            let read = SencBox::read(reader, &senc)?;
            let all = read.filter(|s| s.count >= samples.count);
            return Ok(all.map(|s| Some(Self::Untold(s))).ok_or(senc));
        };
        let SaizBox { kind, default_size, sizes } = SaizBox::read(reader, &saiz)?;
        let len = sizes.bytes(reader.source(), 0..sizes.count())?;
        // Players believe the senc more than the saio, which some writers count from the wrong place.
        let inside = senc.and_then(|senc| senc_entries_of(&senc, len));
        let place = match (inside, saio) {
            (Some(offset), _) => AuxiliaryPlace::Stretch(offset),
            (None, None) => return Ok(Err(saiz)),
            (None, Some(saio)) => match read_place(reader, &saio, samples, &sizes)? {
                Some(place) => place,
                None => return Ok(Err(saio)),
            },
        };
        if matches!(place, AuxiliaryPlace::Stretch(offset) if !reader.holds(offset, len)) {
            return Ok(Err(saio.unwrap_or(saiz)));
        }
        let senc = match senc {
            Some(senc) => read_senc_flags(reader, &senc)?,
            None if default_size > MAX_VECTOR_SIZE || default_size == 0 => SUBSAMPLES,
            None => WHOLE_SAMPLES,
        };
        let vector = match boxes.iter().find(|h| &h.box_type.0 == b"stsd") {
            Some(stsd) => read_vector_size(reader, stsd)?,
            None => 0,
        };
        Ok(Ok(Some(Self::Told(ToldAuxiliary { kind, default_size, sizes, place, senc, vector }))))
    }

    /// Memory held besides the struct itself.
    pub(super) fn heap_size(&self) -> usize {
        match self {
            Self::Untold(senc) => senc.heap_size(),
            Self::Told(told) => {
                let places = match &told.place {
                    AuxiliaryPlace::Stretch(_) => 0,
                    AuxiliaryPlace::Chunks { offsets, .. } => offsets.heap_size(),
                };
                told.sizes.heap_size() + places
            }
        }
    }
}

impl ToldAuxiliary {
    /// How many of the samples in `range`, from the first on, something is said of.
    pub fn covered(&self, range: &Range<u32>) -> u32 {
        range.end.min(self.sizes.count()).saturating_sub(range.start)
    }

    /// Bytes of the information of the samples in `range`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bytes<R: ReadAt>(&self, source: &R, range: &Range<u32>) -> Result<u64, FormatError> {
        self.sizes.bytes(source, range.start..range.start + self.covered(range))
    }

    /// Those of the samples in `range` that have none, as they are not encrypted, where others are and they are few.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn clear<R: ReadAt>(&self, source: &R, range: &Range<u32>) -> Result<Vec<u32>, FormatError> {
        let SampleSizes::Table { table, .. } = &self.sizes else { return Ok(Vec::new()) };
        let mut sizes = TableReader::new(source, *table, 4096);
        let (mut next, end) = (range.start, range.start + self.covered(range));
        let mut clear = Vec::new();
        while next < end {
            let window = sizes.entries(next)?;
            let numbered = (next..end).zip(window);
            clear.extend(numbered.filter(|(_, size)| **size == 0).map(|(sample, _)| sample));
            if clear.len() > limits::CLEAR_SAMPLES {
                return Ok(Vec::new());
            }
            next = next.saturating_add(u32::try_from(window.len()).unwrap_or(u32::MAX));
        }
        Ok(clear)
    }

    /// An entry that says of all bytes of a sample of `size` bytes that they are not encrypted; `None` of too large a one.
    pub fn clear_entry(&self, size: u64) -> Option<Vec<u8>> {
        let most = u64::from(u16::MAX);
        let parts = u16::try_from(size.div_ceil(most)).ok()?;
        let mut out = vec![0; usize::from(self.vector)];
        out.extend_from_slice(&parts.to_be_bytes());
        let mut left = size;
        while left > 0 {
            let part = u16::try_from(left).unwrap_or(u16::MAX);
            out.extend_from_slice(&part.to_be_bytes());
            out.extend_from_slice(&[0; 4]);
            left -= u64::from(part);
        }
        (out.len() <= usize::from(u8::MAX)).then_some(out)
    }

    /// Fills `out` with the information of the samples in `range`, from its byte `skip` on. `samples` are the track's, by
    /// whose chunks it is told where the information is.
    ///
    /// # Errors
    /// When the file cannot be read, or has changed.
    pub fn read_at<R: ReadAt>(
        &self,
        source: &R,
        samples: &SampleTable,
        range: &Range<u32>,
        skip: u64,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let offsets = match &self.place {
            AuxiliaryPlace::Stretch(start) => {
                let offset = start + self.sizes.bytes(source, 0..range.start)? + skip;
                return read_exact(source, out, offset);
            }
            AuxiliaryPlace::Chunks { offsets, .. } => offsets,
        };
        // The sample that has the first byte.
        let (mut low, mut high) = (range.start, range.end);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.sizes.bytes(source, range.start..middle)? <= skip {
                low = middle;
            } else {
                high = middle;
            }
        }
        let chunk = samples.chunk_of(source, low)?;
        let before = self.sizes.bytes(source, chunk.first_sample..low)?;
        let mut skip = before + skip.saturating_sub(self.sizes.bytes(source, range.start..low)?);
        let end = range.start + self.covered(range);
        let mut sizes = self.sizes.reader(source, chunk.first_sample..end);
        let mut places = offsets.reader(source, 64);
        let mut rest = out;
        for run in samples.stsc.pieces_from(source, chunk.index)? {
            let run = run?;
            for index in run.unit..run.end() {
                if rest.is_empty() {
                    return Ok(());
                }
                let len = sizes.sum(run.samples_per_chunk())?.saturating_sub(skip);
                let (now, later) =
                    rest.split_at_mut(usize::try_from(len).unwrap_or(usize::MAX).min(rest.len()));
                if !now.is_empty() {
                    read_exact(source, now, places.get(index)?.saturating_add(skip))?;
                }
                (rest, skip) = (later, 0);
            }
        }
        read_exact(source, rest, u64::MAX)
    }
}

/// Where a `saio` says the information is; `None` when that does not fit the chunks, or the file.
fn read_place<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    saio: &BoxHeader,
    samples: &SampleTable,
    sizes: &SampleSizes,
) -> Result<Option<AuxiliaryPlace>, FormatError> {
    let offsets = read_saio(reader, saio)?;
    if offsets.count() == 0 {
        return Ok(None);
    }
    let source = reader.source();
    let mut places = offsets.reader(source, 512);
    if offsets.count() == 1 {
        return Ok(Some(AuxiliaryPlace::Stretch(places.get(0)?)));
    }
    let mut left = samples.count.min(sizes.count());
    let mut sizes = sizes.reader(source, 0..left);
    let (mut lowest, mut highest) = (u64::MAX, 0);
    let mut first = None;
    let mut next = None;
    let mut is_one_stretch = true;
    let mut chunk = 0;
    for run in samples.stsc.pieces_from(source, 0)? {
        let run = run?;
        for _ in 0..run.count {
            if chunk == offsets.count() {
                return Ok(None);
            }
            let offset = places.get(chunk)?;
            let count = run.samples_per_chunk().min(left);
            let len = sizes.sum(count)?;
            left -= count;
            chunk += 1;
            if len == 0 {
                continue;
            }
            if !reader.holds(offset, len) {
                return Ok(None);
            }
            first.get_or_insert(offset);
            is_one_stretch &= next.is_none_or(|next| next == offset);
            next = Some(offset + len);
            (lowest, highest) = (lowest.min(offset), highest.max(offset + len));
        }
    }
    if chunk != offsets.count() {
        return Ok(None);
    }
    let one = first.filter(|_| is_one_stretch).map(AuxiliaryPlace::Stretch);
    Ok(Some(one.unwrap_or(AuxiliaryPlace::Chunks { offsets, bounds: lowest..highest })))
}
