//! Sample auxiliary information (8.7.8 `saiz`, 8.7.9 `saio`; ISO/IEC 23001-7 `senc`): what a decrypter
//! needs for each sample.

use crate::boxes::{
    BoxHeader, FormatError, Reader, SampleSizes, Table, TableReader, u16_at, u32_at, u64_at, write_box,
};
use crate::index::{Node, SampleTable};
use crate::limits;
use crate::source::ReadAt;

/// The auxiliary information of a track, one stretch of bytes with a length for each sample.
#[derive(Debug)]
pub struct Auxiliary {
    /// `aux_info_type` and its parameter, where the boxes say them.
    pub kind: Option<[u8; 8]>,
    /// Length for all samples; 0 when each has its own.
    pub default_size: u8,
    /// Lengths.
    pub sizes: SampleSizes,
    /// Where the information of the first sample stands.
    pub offset: u64,
    /// Version and flags of the `senc`.
    pub senc: [u8; 4],
}

/// `senc` with initialisation vectors and nothing else.
const WHOLE_SAMPLES: [u8; 4] = [0, 0, 0, 0];
/// `senc` that says which bytes of a sample are encrypted.
const SUBSAMPLES: [u8; 4] = [0, 0, 0, 2];

/// Longest initialisation vector: more than that is a list of subsamples.
const MAX_VECTOR: u8 = 16;

impl Auxiliary {
    /// Reads what an `stbl` says. `Err` names a box whose shape we cannot cut.
    pub(super) fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        stbl: &Node,
        samples: &SampleTable,
    ) -> Result<Result<Option<Self>, BoxHeader>, FormatError> {
        let all =
            |t: &'static [u8; 4]| stbl.children.iter().map(|c| c.header).filter(move |h| &h.box_type.0 == t);
        let (saiz, saio, senc) = (all(b"saiz").next(), all(b"saio").next(), all(b"senc").next());
        let (Some(saiz), Some(saio)) = (saiz, saio) else {
            return Ok(saiz.or(saio).or(senc).map_or(Ok(None), Err));
        };
        if let Some(second) = all(b"saiz").nth(1).or(all(b"saio").nth(1)).or(all(b"senc").nth(1)) {
            return Ok(Err(second));
        }
        let (kind, default_size, sizes) = read_saiz(reader, &saiz)?;
        let offsets = read_saio(reader, &saio)?;
        if sizes.count() < samples.count || offsets.is_empty() {
            return Ok(Err(saiz));
        }
        let len = sizes.bytes(reader.source(), 0..sizes.count())?;
        let inside = senc.and_then(|senc| data_of(&senc, len));
        let offset = inside.or(offsets.first().copied()).unwrap_or(0);
        if offsets.len() > 1
            && inside.is_none()
            && !is_one_stretch(reader.source(), samples, &sizes, &offsets)?
        {
            return Ok(Err(saio));
        }
        if !reader.holds(offset, len) {
            return Ok(Err(saio));
        }
        let senc = match senc {
            Some(senc) => {
                let mut flags = [0; 4];
                flags.copy_from_slice(flags_of(reader, &senc)?);
                flags
            }
            None if default_size > MAX_VECTOR || default_size == 0 => SUBSAMPLES,
            None => WHOLE_SAMPLES,
        };
        Ok(Ok(Some(Self { kind, default_size, sizes, offset, senc })))
    }
}

/// Version and flags of a `senc`.
fn flags_of<'r, R: ReadAt>(reader: &'r mut Reader<'_, R>, senc: &BoxHeader) -> Result<&'r [u8], FormatError> {
    if senc.payload_len() < 8 {
        return Err(senc.error("too short for a sample count"));
    }
    reader.bytes(senc.payload(), 4)
}

/// Where the information of a `senc` begins, if the `senc` holds just what the `saiz` speaks of. Players believe
/// it more than the `saio`, which some writers count from the wrong place.
fn data_of(senc: &BoxHeader, len: u64) -> Option<u64> {
    (senc.payload_len() == len.checked_add(8)?).then(|| senc.payload() + 8)
}

type Lengths = (Option<[u8; 8]>, u8, SampleSizes);

fn read_saiz<R: ReadAt>(reader: &mut Reader<'_, R>, saiz: &BoxHeader) -> Result<Lengths, FormatError> {
    let head = usize::try_from(saiz.payload_len()).unwrap_or(17).min(17);
    let b = reader.bytes(saiz.payload(), head)?;
    let mut at = 4;
    let kind = read_kind(b, &mut at);
    let default_size = b.get(at).copied();
    let count = b.get(at + 1..at + 5).map(|b| u32_at(b, 0));
    let (Some(default_size), Some(count)) = (default_size, count) else {
        return Err(saiz.error("too short for a sample count"));
    };
    if default_size > 0 {
        let bytes = u32::from(default_size);
        return Ok((kind, default_size, SampleSizes::Constant { count, stored: bytes, samples: 1, bytes }));
    }
    let table = Table { offset: saiz.payload() + at as u64 + 5, count, entry_size: 1 };
    if at as u64 + 5 + table.bytes() > saiz.payload_len() {
        return Err(saiz.error(format!("{count} sizes do not fit in its {} bytes", saiz.size)));
    }
    Ok((kind, 0, SampleSizes::of_table(table, 8, count)))
}

fn read_saio<R: ReadAt>(reader: &mut Reader<'_, R>, saio: &BoxHeader) -> Result<Vec<u64>, FormatError> {
    let b = reader.payload(saio, 8)?;
    let wide = b.first() != Some(&0);
    let mut at = 4;
    read_kind(b, &mut at);
    let count = u32_at(b, at) as usize;
    let size = if wide { 8 } else { 4 };
    let entries = b.get(at + 4..).and_then(|b| b.get(..count.checked_mul(size)?));
    let entries = entries
        .ok_or_else(|| saio.error(format!("{count} offsets do not fit in its {} bytes", saio.size)))?;
    Ok(entries.chunks_exact(size).map(|e| if wide { u64_at(e, 0) } else { u32_at(e, 0).into() }).collect())
}

fn read_kind(b: &[u8], at: &mut usize) -> Option<[u8; 8]> {
    if u32_at(b, 0) & 1 == 0 {
        return None;
    }
    *at += 8;
    b.get(4..12)?.try_into().ok()
}

/// Whether the information of each chunk stands right after that of the chunk before it.
fn is_one_stretch<R: ReadAt>(
    source: &R,
    samples: &SampleTable,
    sizes: &SampleSizes,
    offsets: &[u64],
) -> Result<bool, FormatError> {
    let mut sizes = sizes.reader(source, 0..samples.count);
    let mut expected = offsets.first().copied();
    let mut chunk = 0usize;
    for run in samples.stsc.pieces_from(source, 0)? {
        let run = run?;
        for _ in 0..run.count {
            if offsets.get(chunk).copied() != expected {
                return Ok(false);
            }
            let len = sizes.sum(run.samples_per_chunk())?;
            expected = expected.and_then(|at| at.checked_add(len));
            chunk += 1;
        }
    }
    Ok(chunk == offsets.len())
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
    /// Finds it among the boxes of a `traf`. `Err` names a box whose shape we cannot carry over.
    pub(super) fn find(
        children: &[BoxHeader],
        piff: Option<BoxHeader>,
        base: u64,
    ) -> Result<Option<Self>, BoxHeader> {
        let all = |t: &'static [u8; 4]| children.iter().copied().filter(move |h| &h.box_type.0 == t);
        match (all(b"saiz").next(), all(b"saio").next(), all(b"senc").next().or(piff)) {
            (None, None, None) => Ok(None),
            (Some(saiz), Some(saio), senc) => match all(b"saiz").nth(1).or(all(b"saio").nth(1)) {
                Some(second) => Err(second),
                None => Ok(Some(Self::Told { saiz, saio, senc, base })),
            },
            (_, _, Some(senc)) => Ok(Some(Self::Untold(senc))),
            (Some(alone), None, None) | (None, Some(alone), None) => Err(alone),
        }
    }
}

/// A `senc`, read for what it says of itself.
struct Senc {
    flags: [u8; 4],
    /// Lengths of the entries; `None` when it cannot be told how long they are, or one is too long for a `saiz`.
    sizes: Option<Vec<u8>>,
    /// Where the first is.
    data: u64,
}

impl Senc {
    fn read<R: ReadAt>(reader: &mut Reader<'_, R>, senc: &BoxHeader) -> Result<Self, FormatError> {
        let start = senc.payload() + if &senc.box_type.0 == b"uuid" { 16 } else { 0 };
        let head = usize::try_from(senc.end().saturating_sub(start)).unwrap_or(28).min(28);
        let b = reader.bytes(start, head)?;
        let flags = u32_at(b, 0) & 0xff_ffff;
        // PIFF: another algorithm, length of vector and key than the track's own.
        let vector = if flags & 1 == 0 { None } else { b.get(7).copied() };
        let at = if flags & 1 == 0 { 4 } else { 24 };
        let Some(count) = b.get(at..at + 4).map(|c| u32_at(c, 0)) else {
            return Err(senc.error("too short for a sample count"));
        };
        let data = start + at as u64 + 4;
        let len = senc.end().saturating_sub(data);
        if len > limits::AUXILIARY {
            return Err(FormatError::Film(format!("over {} bytes of senc", limits::AUXILIARY)));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        reader
            .source()
            .read_exact_at(&mut bytes, data)
            .map_err(|source| FormatError::Io { offset: data, source })?;
        let has_subsamples = flags & 2 != 0;
        let sizes = match vector {
            Some(vector) => entry_sizes(&bytes, count, vector, has_subsamples),
            None => [8, 16, 0].into_iter().find_map(|v| entry_sizes(&bytes, count, v, has_subsamples)),
        };
        Ok(Self { flags: [0, 0, 0, if has_subsamples { 2 } else { 0 }], sizes, data })
    }
}

/// Lengths of the entries of a `senc`, if those fill it.
fn entry_sizes(bytes: &[u8], count: u32, vector: u8, has_subsamples: bool) -> Option<Vec<u8>> {
    let mut rest = bytes;
    let mut sizes = Vec::new();
    if bytes.is_empty() {
        // All samples are encrypted alike.
        return Some(sizes);
    }
    for _ in 0..count {
        let mut len = usize::from(vector);
        if has_subsamples {
            len += 2 + 6 * usize::from(u16_at(rest.get(len..len + 2)?, 0));
        }
        rest = rest.get(len..)?;
        // Nothing is said of a sample in no bytes: a count that claims more than there is ends here.
        sizes.push(u8::try_from(len).ok().filter(|&n| n > 0)?);
    }
    rest.is_empty().then_some(sizes)
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
                let Senc { flags, sizes: Some(sizes), data } = Senc::read(reader, senc)? else {
                    return Ok(Err(*senc));
                };
                self.senc = Some(flags);
                self.sizes.extend(sizes.iter().take(count));
                self.copy(reader, first, usize::MAX, data, senc)?;
            }
            FragmentAuxiliary::Told { saiz, saio, senc, base } => {
                let (kind, default_size, sizes) = read_saiz(reader, saiz)?;
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
                if let Some(data) = senc.and_then(|senc| data_of(&senc, all)) {
                    self.copy(reader, first, usize::MAX, data, saio)?;
                } else if let [offset] = offsets.as_slice() {
                    self.copy(reader, first, usize::MAX, base.saturating_add(*offset), saio)?;
                } else if offsets.len() == runs.len() {
                    let mut at = first;
                    for (offset, &samples) in offsets.iter().zip(runs) {
                        self.copy(reader, at, samples as usize, base.saturating_add(*offset), saio)?;
                        at += samples as usize;
                    }
                } else {
                    return Ok(Err(*saio));
                }
                if let Some(senc) = senc.filter(|senc| &senc.box_type.0 == b"senc") {
                    let mut flags = SUBSAMPLES;
                    flags.copy_from_slice(flags_of(reader, &senc)?);
                    self.senc = Some(flags);
                }
            }
        }
        Ok(Ok(()))
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
        reader.source().read_exact_at(out, offset).map_err(|source| FormatError::Io { offset, source })
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
