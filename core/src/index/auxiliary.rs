//! Sample auxiliary information (8.7.8 `saiz`, 8.7.9 `saio`; ISO/IEC 23001-7 `senc`): what a decrypter
//! needs for each sample.

use crate::boxes::{
    BoxHeader, FormatError, Reader, SampleSizes, Table, TableReader, u32_at, u64_at, write_box,
};
use crate::index::{Node, SampleTable};
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
                flags.copy_from_slice(reader.payload(&senc, 8)?.get(..4).unwrap_or(&SUBSAMPLES));
                flags
            }
            None if default_size > MAX_VECTOR || default_size == 0 => SUBSAMPLES,
            None => WHOLE_SAMPLES,
        };
        Ok(Ok(Some(Self { kind, default_size, sizes, offset, senc })))
    }
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
    Ok((kind, 0, SampleSizes::of_table(reader.source(), table, 8, count)?))
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
pub(super) struct FragmentAuxiliary {
    saiz: BoxHeader,
    saio: BoxHeader,
    senc: Option<BoxHeader>,
    /// What the `saio` counts from.
    base: u64,
}

impl FragmentAuxiliary {
    /// Finds it among the boxes of a `traf`. `Err` names a box whose shape we cannot carry over.
    pub(super) fn find(children: &[BoxHeader], base: u64) -> Result<Option<Self>, BoxHeader> {
        let all = |t: &'static [u8; 4]| children.iter().copied().filter(move |h| &h.box_type.0 == t);
        match (all(b"saiz").next(), all(b"saio").next(), all(b"senc").next()) {
            (None, None, None) => Ok(None),
            (Some(saiz), Some(saio), senc) => match all(b"saiz").nth(1).or(all(b"saio").nth(1)) {
                Some(second) => Err(second),
                None => Ok(Some(Self { saiz, saio, senc, base })),
            },
            (saiz, saio, senc) => Err(saiz.or(saio).or(senc).unwrap_or(BoxHeader {
                box_type: crate::boxes::BoxType(*b"senc"),
                offset: base,
                header_len: 8,
                size: 8,
            })),
        }
    }
}

/// The auxiliary information of all fragments of a track, put together.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    kind: Option<[u8; 8]>,
    sizes: Vec<u8>,
    bytes: Vec<u8>,
    senc: Option<[u8; 4]>,
}

impl Gathered {
    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        self.sizes.len() + self.bytes.len()
    }

    /// Adds what a fragment says of its `count` samples, the first of which is number `first`
    /// (0-based) of the track; samples before it that nothing was said of have none.
    pub(super) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        from: &FragmentAuxiliary,
        first: usize,
        count: u32,
    ) -> Result<(), FormatError> {
        let (kind, default_size, sizes) = read_saiz(reader, &from.saiz)?;
        let all = sizes.bytes(reader.source(), 0..sizes.count())?;
        let count = sizes.count().min(count);
        self.kind = self.kind.or(kind);
        self.sizes.resize(first, 0);
        match &sizes {
            SampleSizes::Constant { .. } => self.sizes.resize(first + count as usize, default_size),
            SampleSizes::Table { table, .. } => {
                let mut entries = TableReader::new(reader.source(), *table, 512);
                for n in 0..count {
                    self.sizes.extend_from_slice(entries.entry(n)?);
                }
            }
        }
        let len: usize = self.sizes.get(first..).unwrap_or_default().iter().map(|&s| usize::from(s)).sum();
        let offsets = read_saio(reader, &from.saio)?;
        let &[offset] = offsets.as_slice() else {
            return Err(from.saio.error("more than one offset in a fragment"));
        };
        let inside = from.senc.and_then(|senc| data_of(&senc, all));
        let offset = inside
            .or_else(|| from.base.checked_add(offset))
            .filter(|at| at.checked_add(len as u64).is_some_and(|end| end <= reader.file_len()));
        let offset = offset.ok_or_else(|| from.saio.error("an offset past the end of the file"))?;
        let start = self.bytes.len();
        self.bytes.resize(start + len, 0);
        let out = self.bytes.get_mut(start..).unwrap_or_default();
        reader.source().read_exact_at(out, offset).map_err(|source| FormatError::Io { offset, source })?;
        if let Some(senc) = from.senc {
            let mut flags = SUBSAMPLES;
            flags.copy_from_slice(reader.payload(&senc, 8)?.get(..4).unwrap_or(&SUBSAMPLES));
            self.senc = Some(flags);
        }
        Ok(())
    }

    /// Writes the boxes of a flat film; `address` is where `out` begins.
    pub(super) fn write(&self, out: &mut Vec<u8>, samples: usize, address: u64) {
        if self.bytes.is_empty() {
            return;
        }
        let kind = self.kind.as_ref().map_or(&[][..], |k| k);
        let flags = [0, 0, 0, u8::from(self.kind.is_some())];
        let count = u32::try_from(samples).unwrap_or(u32::MAX).to_be_bytes();
        let mut sizes = self.sizes.clone();
        sizes.resize(samples, 0);
        write_box(out, b"saiz", |out| {
            [&flags[..], kind, &[0], &count, &sizes].iter().for_each(|part| out.extend_from_slice(part));
        });
        let saio_len = 8 + flags.len() + kind.len() + 12;
        let data = address + (out.len() + saio_len + 16) as u64;
        write_box(out, b"saio", |out| {
            let flags = [1, 0, 0, flags[3]];
            let one = 1u32.to_be_bytes();
            [&flags[..], kind, &one, &data.to_be_bytes()].iter().for_each(|part| out.extend_from_slice(part));
        });
        write_box(out, b"senc", |out| {
            let long = sizes.iter().any(|&s| s > MAX_VECTOR);
            let senc = self.senc.unwrap_or(if long { SUBSAMPLES } else { WHOLE_SAMPLES });
            [&senc[..], &count, &self.bytes].iter().for_each(|part| out.extend_from_slice(part));
        });
    }
}
