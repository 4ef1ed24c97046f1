//! The sample auxiliary information of fragments, put together.

use crate::boxes::{
    AuxiliaryError, BoxHeader, ChunkOffsets, FormatError, Reader, SUBSAMPLES, SaizBox, SencBox, TableHead,
    WHOLE_SAMPLES, find_encryption_boxes, read_exact, read_saio, read_senc_flags, saio_entry, saio_head,
    saiz_head, senc_entries_of, senc_head,
};
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

use super::room::Room;
use super::run_lengths::RunLengths;

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

/// The samples of which a fragment speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Samples<'a> {
    /// The first, of those that are put together.
    pub(crate) first: SampleNumber,
    /// How many each run has.
    pub(crate) runs: &'a RunLengths,
}

/// The auxiliary information of all fragments of a track, put together.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    kind: Option<[u8; 8]>,
    pub(crate) sizes: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    senc: Option<[u8; 4]>,
    /// The same of the first `senc` without entries. They count where no other is there.
    empty_senc: Option<[u8; 4]>,
    /// Whether a `saiz` says how long the entries are, be it that there are none.
    has_lengths: bool,
}

impl Gathered {
    /// Bytes held.
    pub(crate) fn len(&self) -> usize {
        self.sizes.len() + self.bytes.len()
    }

    /// Whether a flat movie has boxes for it. Lengths of 0 say that samples are clear; a `senc`
    /// without entries says nothing.
    pub(crate) fn is_needed(&self) -> bool {
        self.has_lengths || !self.bytes.is_empty()
    }

    /// Adds what a fragment says of its samples. Samples before them that no box speaks of have no
    /// entry.
    ///
    /// # Errors
    /// When a box has a shape that we cannot carry over, there is no room for it, or the file cannot
    /// be read.
    pub(crate) fn add<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        from: &FragmentAuxiliary,
        samples: Samples<'_>,
        room: &mut Room,
    ) -> Result<(), AuxiliaryError> {
        let Samples { first, .. } = samples;
        self.sizes.resize(first.place(), 0);
        match from {
            FragmentAuxiliary::Unsupported(header) => Err(AuxiliaryError::Unsupported(*header)),
            FragmentAuxiliary::Senc(senc) => self.add_senc(reader, senc, samples, room),
            FragmentAuxiliary::Located { saiz, saio, senc, base } => {
                let all = self.add_sizes(reader, saiz, samples.runs.sum())?;
                let offsets = read_saio(reader, saio)?;
                match senc.and_then(|senc| senc_entries_of(&senc, all)) {
                    Some(data) => self.copy(reader, first, usize::MAX, data, saio, room)?,
                    None => self.add_located(reader, saio, &offsets, *base, samples, room)?,
                }
                match senc {
                    Some(senc) => {
                        let flags = read_senc_flags(reader, senc)?;
                        self.take_flags(flags, senc, all > 0)
                    }
                    None => Ok(()),
                }
            }
        }
    }

    /// Adds the entries of a `senc`, with their lengths.
    fn add_senc<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        senc: &BoxHeader,
        samples: Samples<'_>,
        room: &mut Room,
    ) -> Result<(), AuxiliaryError> {
        let all = SampleNumber::FIRST..SampleNumber(samples.runs.sum());
        let unsupported = || AuxiliaryError::Unsupported(*senc);
        let read = SencBox::read(reader, senc)?.ok_or_else(unsupported)?;
        let sizes = read.lengths_of(reader, &all)?.ok_or_else(unsupported)?;
        let flags = if read.has_subsamples { SUBSAMPLES } else { WHOLE_SAMPLES };
        self.take_flags(flags, senc, read.count > 0)?;
        self.sizes.extend(sizes);
        Ok(self.copy(reader, samples.first, usize::MAX, read.data, senc, room)?)
    }

    /// Adds the lengths that a `saiz` has for `count` samples. Returns the sum of all lengths in
    /// it.
    fn add_sizes<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        saiz: &BoxHeader,
        count: u32,
    ) -> Result<u64, FormatError> {
        let saiz = SaizBox::read(reader, saiz)?;
        let all = saiz.sizes.bytes(reader.source(), 0..saiz.sizes.count())?;
        self.kind = self.kind.or(saiz.kind);
        self.has_lengths = true;
        saiz.read_lengths(reader.source(), count, &mut self.sizes)?;
        Ok(all)
    }

    /// Adds the entries that a `saio` locates: those of all runs in one place, or of each run in
    /// its own (8.7.9.1).
    fn add_located<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        saio: &BoxHeader,
        offsets: &ChunkOffsets,
        base: u64,
        samples: Samples<'_>,
        room: &mut Room,
    ) -> Result<(), AuxiliaryError> {
        let Samples { mut first, runs } = samples;
        if offsets.count() == 1 {
            let offset = offsets.get(reader.source(), 0)?;
            return Ok(self.copy(reader, first, usize::MAX, base.saturating_add(offset), saio, room)?);
        }
        if u64::from(offsets.count()) != runs.runs.iter().map(|&(runs, _)| u64::from(runs)).sum() {
            return Err(AuxiliaryError::Unsupported(*saio));
        }
        let mut offsets = offsets.reader(reader.source(), 64);
        let mut next = 0;
        for &(runs, samples) in &runs.runs {
            let end = next + runs;
            // Of runs without samples there may be very many.
            for n in next..if samples > 0 { end } else { next } {
                let offset = offsets.get(n)?;
                self.copy(reader, first, samples as usize, base.saturating_add(offset), saio, room)?;
                first = first + samples;
            }
            next = end;
        }
        Ok(())
    }

    /// Takes version and flags of a `senc`, which have to be those of the fragments before, because
    /// they say for all samples of the movie what an entry is. One without entries says nothing.
    fn take_flags(
        &mut self,
        flags: [u8; 4],
        senc: &BoxHeader,
        has_entries: bool,
    ) -> Result<(), AuxiliaryError> {
        if !has_entries {
            self.empty_senc.get_or_insert(flags);
            return Ok(());
        }
        let is_same = *self.senc.get_or_insert(flags) == flags;
        is_same.then_some(()).ok_or(AuxiliaryError::Unsupported(*senc))
    }

    /// Copies the entries at `offset` of up to `samples` samples from `first` on.
    fn copy<R: ReadAt>(
        &mut self,
        reader: &Reader<'_, R>,
        first: SampleNumber,
        samples: usize,
        offset: u64,
        located_by: &BoxHeader,
        room: &mut Room,
    ) -> Result<(), FormatError> {
        let sizes = self.sizes.get(first.place()..).unwrap_or_default();
        let len: usize = sizes.iter().take(samples).map(|&s| usize::from(s)).sum();
        if !reader.holds(offset, len as u64) {
            return Err(located_by.error("an offset past the end of the file"));
        }
        room.take_auxiliary(len as u64)?;
        let start = self.bytes.len();
        self.bytes.resize(start + len, 0);
        let out = self.bytes.get_mut(start..).unwrap_or_default();
        read_exact(reader.source(), out, offset)
    }

    /// What the `saiz` of a flat movie has before its entries.
    pub(crate) fn saiz_head(&self, sample_count: u32) -> TableHead {
        saiz_head(self.kind, 0, sample_count)
    }

    /// Writes the `saio` of a flat movie. The `senc` follows, which has `senc` before its entries.
    /// `address` is where `out` begins.
    pub(crate) fn write_saio(&self, senc: &TableHead, address: u64, out: &mut Vec<u8>) {
        let head = saio_head(self.kind);
        let end = out.len() + head.entries_at() + usize::from(head.entry_size);
        let entries = address + (end + senc.entries_at()) as u64;
        head.write(out, |out| out.extend_from_slice(&saio_entry(entries)));
    }

    /// What the `senc` of a flat movie has before its entries, or the `free` where fragments have no
    /// `senc`.
    pub(crate) fn senc_head(&self, sample_count: u32) -> TableHead {
        senc_head(self.senc.or(self.empty_senc), sample_count)
    }
}
