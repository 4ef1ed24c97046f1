//! The sample auxiliary information of fragments, put together.

use crate::boxes::{
    AuxiliaryError, BoxHeader, FormatError, MAX_VECTOR_SIZE, Reader, SUBSAMPLES, SaizBox, SampleSizes,
    SencBox, TableReader, WHOLE_SAMPLES, find_encryption_boxes, read_exact, read_saio, read_senc_flags,
    saio_head, saiz_head, senc_entries_of, write_box,
};
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

/// The auxiliary information of a track fragment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FragmentAuxiliary {
    /// Located by `saiz` and `saio`.
    Located {
        saiz: BoxHeader,
        saio: BoxHeader,
        senc: Option<BoxHeader>,
        /// What the `saio` counts from.
        base: u64,
    },
    /// A `senc`, or the `uuid` box it was before: how long each entry is, is in the entries.
    Senc(BoxHeader),
    /// This box has a shape that we cannot carry over.
    Unsupported(BoxHeader),
}

impl FragmentAuxiliary {
    /// Finds it among the boxes of a `traf`. `senc` is the `senc` among them, by either name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn find<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        children: &[BoxHeader],
        senc: Option<BoxHeader>,
        base: u64,
    ) -> Result<Option<Self>, FormatError> {
        let (saiz, saio) = match find_encryption_boxes(reader, children) {
            Ok(found) => found,
            Err(e) => return Ok(Some(Self::Unsupported(e.unsupported()?))),
        };
        Ok(match (saiz, saio, senc) {
            (None, None, None) => None,
            (Some(saiz), Some(saio), senc) => Some(Self::Located { saiz, saio, senc, base }),
            (_, _, Some(senc)) => Some(Self::Senc(senc)),
            (Some(alone), None, None) | (None, Some(alone), None) => Some(Self::Unsupported(alone)),
        })
    }
}

/// The auxiliary information of all fragments of a track, put together.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    kind: Option<[u8; 8]>,
    pub(crate) sizes: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    senc: Option<[u8; 4]>,
}

impl Gathered {
    /// Bytes held.
    pub(crate) fn len(&self) -> usize {
        self.sizes.len() + self.bytes.len()
    }

    /// Adds what a fragment says of its samples, so many in each run, the first of which is `first` of
    /// those that are put together here. Samples before it that no box speaks of have no entry.
    ///
    /// # Errors
    /// When a box has a shape that we cannot carry over, or the file cannot be read.
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        from: &FragmentAuxiliary,
        first: SampleNumber,
        runs: &[u32],
    ) -> Result<(), AuxiliaryError> {
        let unsupported = |header: &BoxHeader| Err(AuxiliaryError::Unsupported(*header));
        let count = runs.iter().fold(0, |sum: u32, &n| sum.saturating_add(n)) as usize;
        self.sizes.resize(first.place(), 0);
        match from {
            FragmentAuxiliary::Unsupported(header) => return unsupported(header),
            FragmentAuxiliary::Senc(senc) => {
                let Some(read) = SencBox::read(reader, senc)? else { return unsupported(senc) };
                let Some(sizes) = read.lengths(reader, count)? else { return unsupported(senc) };
                if !self.take_flags(if read.has_subsamples { SUBSAMPLES } else { WHOLE_SAMPLES }) {
                    return unsupported(senc);
                }
                self.sizes.extend(sizes);
                self.copy(reader, first, usize::MAX, read.data, senc)?;
            }
            FragmentAuxiliary::Located { saiz, saio, senc, base } => {
                let SaizBox { kind, default_size, sizes } = SaizBox::read(reader, saiz)?;
                let all = sizes.bytes(reader.source(), 0..sizes.count())?;
                let count = sizes.count().min(u32::try_from(count).unwrap_or(u32::MAX));
                self.kind = self.kind.or(kind);
                match &sizes {
                    SampleSizes::Constant { .. } => self.sizes.resize((first + count).place(), default_size),
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
                        at = at + samples;
                    }
                } else {
                    return unsupported(saio);
                }
                if let Some(senc) = senc {
                    if !self.take_flags(read_senc_flags(reader, senc)?) {
                        return unsupported(senc);
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes version and flags of a `senc`; `false` where they are not those of the fragments before,
    /// because they say for all samples of the movie what an entry is.
    fn take_flags(&mut self, flags: [u8; 4]) -> bool {
        *self.senc.get_or_insert(flags) == flags
    }

    /// Copies what stands at `offset`, for as many samples from `first` on.
    fn copy<R: ReadAt>(
        &mut self,
        reader: &Reader<'_, R>,
        first: SampleNumber,
        samples: usize,
        offset: u64,
        located_by: &BoxHeader,
    ) -> Result<(), FormatError> {
        let sizes = self.sizes.get(first.place()..).unwrap_or_default();
        let len: usize = sizes.iter().take(samples).map(|&s| usize::from(s)).sum();
        if !reader.holds(offset, len as u64) {
            return Err(located_by.error("an offset past the end of the file"));
        }
        let start = self.bytes.len();
        self.bytes.resize(start + len, 0);
        let out = self.bytes.get_mut(start..).unwrap_or_default();
        read_exact(reader.source(), out, offset)
    }

    /// What the `saiz` of a flat movie begins with.
    pub(crate) fn saiz_prefix(&self) -> Vec<u8> {
        saiz_head(self.kind, 0)
    }

    /// Writes the `saio` of a flat movie, whose `senc` follows; `address` is where `out` begins.
    pub(crate) fn write_saio(&self, out: &mut Vec<u8>, address: u64) {
        let head = [&saio_head(self.kind)[..], &1u32.to_be_bytes()].concat();
        // The offset itself, the header of the senc, its flags and count.
        let data = address + (out.len() + 8 + head.len() + 8 + 16) as u64;
        write_box(out, b"saio", |out| {
            out.extend_from_slice(&head);
            out.extend_from_slice(&data.to_be_bytes());
        });
    }

    /// What its `senc` begins with.
    pub(crate) fn senc_prefix(&self, samples: usize) -> Vec<u8> {
        let long = self.sizes.iter().any(|&s| s > MAX_VECTOR_SIZE);
        let flags = self.senc.unwrap_or(if long { SUBSAMPLES } else { WHOLE_SAMPLES });
        [flags, u32::try_from(samples).unwrap_or(u32::MAX).to_be_bytes()].concat()
    }
}
