//! Sample auxiliary information (8.7.8 `saiz`, 8.7.9 `saio`; ISO/IEC 23001-7 `senc`): what a decrypter
//! needs for each sample.

use std::ops::Range;

use crate::boxes::{
    BoxHeader, ChunkOffsets, FormatError, Reader, SUBSAMPLES, SaizBox, SampleSizes, SencBox, TableReader,
    WHOLE_SAMPLES, read_aux_info_type, read_saio, read_senc_flags, read_vector_size, senc_entries_of,
    write_box,
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

/// Longest initialisation vector: more than that is a list of subsamples.
const MAX_VECTOR: u8 = 16;

impl Auxiliary {
    /// Reads what an `stbl` says, and a `senc` there or in the `trak`. `Err` names a box whose shape we cannot cut.
    pub(super) fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        stbl: &Node,
        senc: Option<BoxHeader>,
        samples: &SampleTable,
    ) -> Result<Result<Option<Self>, BoxHeader>, FormatError> {
        let boxes: Vec<_> = stbl.children.iter().map(|c| c.header).collect();
        let about = match boxes_about_encryption(reader, &boxes)? {
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
            None if default_size > MAX_VECTOR || default_size == 0 => SUBSAMPLES,
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

fn read_exact<R: ReadAt>(source: &R, out: &mut [u8], offset: u64) -> Result<(), FormatError> {
    source.read_exact_at(out, offset).map_err(|source| FormatError::Io { offset, source })
}

type Pair = (Option<BoxHeader>, Option<BoxHeader>);

/// The `saiz` and the `saio` that speak of encryption; there may be others beside them. `Err` is one too many.
fn boxes_about_encryption<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    boxes: &[BoxHeader],
) -> Result<Result<Pair, BoxHeader>, FormatError> {
    let mut found = [None, None];
    for (slot, box_type) in found.iter_mut().zip([b"saiz", b"saio"]) {
        for header in boxes.iter().filter(|h| &h.box_type.0 == box_type) {
            let kind = read_aux_info_type(reader, header)?;
            if kind.is_some_and(|kind| !SCHEMES.iter().any(|scheme| kind.starts_with(scheme))) {
                continue;
            }
            if slot.replace(*header).is_some() {
                return Ok(Err(*header));
            }
        }
    }
    Ok(Ok((found[0], found[1])))
}

/// Schemes of encryption, by which auxiliary information about it is known.
const SCHEMES: [&[u8]; 5] = [b"cenc", b"cbc1", b"cens", b"cbcs", b"piff"];

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

/// The auxiliary information of a track fragment.
#[derive(Debug, Clone, Copy)]
pub(super) enum FragmentAuxiliary {
    /// With its lengths and places told.
    Told {
        saiz: BoxHeader,
        saio: BoxHeader,
        senc: Option<BoxHeader>,
        /// What the `saio` counts from.
        base: u64,
    },
    /// A `senc`, or the `uuid` box it was before: how long each entry is, is in the entries.
    Untold(BoxHeader),
}

impl FragmentAuxiliary {
    /// Finds it among the boxes of a `traf`, whose `senc`, by whatever name, is `senc`. `Err` names a box whose shape we cannot
    /// carry over.
    pub(super) fn find<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        children: &[BoxHeader],
        senc: Option<BoxHeader>,
        base: u64,
    ) -> Result<Result<Option<Self>, BoxHeader>, FormatError> {
        let (saiz, saio) = match boxes_about_encryption(reader, children)? {
            Ok(about) => about,
            Err(second) => return Ok(Err(second)),
        };
        Ok(match (saiz, saio, senc) {
            (None, None, None) => Ok(None),
            (Some(saiz), Some(saio), senc) => Ok(Some(Self::Told { saiz, saio, senc, base })),
            (_, _, Some(senc)) => Ok(Some(Self::Untold(senc))),
            (Some(alone), None, None) | (None, Some(alone), None) => Err(alone),
        })
    }
}

/// The auxiliary information of all fragments of a track, put together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    kind: Option<[u8; 8]>,
    pub(super) sizes: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    senc: Option<[u8; 4]>,
}

impl Gathered {
    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        self.sizes.len() + self.bytes.len()
    }

    /// Adds what a fragment says of its samples, so many in each run, the first of which is number `first`
    /// (0-based) of the track; samples before it that nothing was said of have none. `Err` as
    /// [`FragmentAuxiliary::find`].
    pub(super) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        from: &FragmentAuxiliary,
        first: usize,
        runs: &[u32],
    ) -> Result<Result<(), BoxHeader>, FormatError> {
        let count = runs.iter().fold(0, |sum: u32, &n| sum.saturating_add(n)) as usize;
        self.sizes.resize(first, 0);
        match from {
            FragmentAuxiliary::Untold(senc) => {
                let Some(read) = SencBox::read(reader, senc)? else { return Ok(Err(*senc)) };
                let Some(sizes) = read.lengths(reader, count)? else { return Ok(Err(*senc)) };
                if !self.take_flags(if read.has_subsamples { SUBSAMPLES } else { WHOLE_SAMPLES }) {
                    return Ok(Err(*senc));
                }
                self.sizes.extend(sizes);
                self.copy(reader, first, usize::MAX, read.data, senc)?;
            }
            FragmentAuxiliary::Told { saiz, saio, senc, base } => {
                let SaizBox { kind, default_size, sizes } = SaizBox::read(reader, saiz)?;
                let all = sizes.bytes(reader.source(), 0..sizes.count())?;
                let count = sizes.count().min(u32::try_from(count).unwrap_or(u32::MAX));
                self.kind = self.kind.or(kind);
                match &sizes {
                    SampleSizes::Constant { .. } => self.sizes.resize(first + count as usize, default_size),
                    SampleSizes::Table { table, .. } => {
                        let mut entries = TableReader::new(reader.source(), *table, 512);
                        for n in 0..count {
                            self.sizes.extend_from_slice(entries.entry(n)?);
                        }
                    }
                }
                let offsets = read_saio(reader, saio)?;
                if let Some(data) = senc.and_then(|senc| senc_entries_of(&senc, all)) {
                    self.copy(reader, first, usize::MAX, data, saio)?;
                } else if offsets.count() == 1 {
                    let offset = offsets.get(reader.source(), 0)?;
                    self.copy(reader, first, usize::MAX, base.saturating_add(offset), saio)?;
                } else if offsets.count() as usize == runs.len() {
                    let mut at = first;
                    let mut offsets = offsets.reader(reader.source(), 64);
                    for (n, &samples) in (0..).zip(runs) {
                        let offset = offsets.get(n)?;
                        self.copy(reader, at, samples as usize, base.saturating_add(offset), saio)?;
                        at += samples as usize;
                    }
                } else {
                    return Ok(Err(*saio));
                }
                if let Some(senc) = senc {
                    if !self.take_flags(read_senc_flags(reader, senc)?) {
                        return Ok(Err(*senc));
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    /// Version and flags of a `senc`; `false` where they are not those of the fragments before, as they say for all of the
    /// film what an entry is.
    fn take_flags(&mut self, flags: [u8; 4]) -> bool {
        *self.senc.get_or_insert(flags) == flags
    }

    /// Copies what stands at `offset`, for as many samples from `first` on.
    fn copy<R: ReadAt>(
        &mut self,
        reader: &Reader<'_, R>,
        first: usize,
        samples: usize,
        offset: u64,
        told_by: &BoxHeader,
    ) -> Result<(), FormatError> {
        let sizes = self.sizes.get(first..).unwrap_or_default();
        let len: usize = sizes.iter().take(samples).map(|&s| usize::from(s)).sum();
        if !reader.holds(offset, len as u64) {
            return Err(told_by.error("an offset past the end of the file"));
        }
        let start = self.bytes.len();
        self.bytes.resize(start + len, 0);
        let out = self.bytes.get_mut(start..).unwrap_or_default();
        read_exact(reader.source(), out, offset)
    }

    /// What the `saiz` of a flat film begins with.
    pub(super) fn saiz_prefix(&self) -> Vec<u8> {
        [&[0, 0, 0, u8::from(self.kind.is_some())][..], self.kind.as_ref().map_or(&[], |k| k), &[0]].concat()
    }

    /// Writes the `saio` of a flat film, whose `senc` follows; `address` is where `out` begins.
    pub(super) fn write_saio(&self, out: &mut Vec<u8>, address: u64) {
        let kind = self.kind.as_ref().map_or(&[][..], |k| k);
        let head = [&[1, 0, 0, u8::from(self.kind.is_some())][..], kind, &1u32.to_be_bytes()].concat();
        // The offset itself, the header of the senc, its flags and count.
        let data = address + (out.len() + 8 + head.len() + 8 + 16) as u64;
        write_box(out, b"saio", |out| {
            out.extend_from_slice(&head);
            out.extend_from_slice(&data.to_be_bytes());
        });
    }

    /// What its `senc` begins with.
    pub(super) fn senc_prefix(&self, samples: usize) -> Vec<u8> {
        let long = self.sizes.iter().any(|&s| s > MAX_VECTOR);
        let flags = self.senc.unwrap_or(if long { SUBSAMPLES } else { WHOLE_SAMPLES });
        [flags, u32::try_from(samples).unwrap_or(u32::MAX).to_be_bytes()].concat()
    }
}
