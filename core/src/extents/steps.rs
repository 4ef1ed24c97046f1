//! What a walk goes through: the chunks of the tracks, and ranges that are known.

use std::ops::{ControlFlow, Range};

use crate::boxes::{FormatError, OffsetReader, Pieces, Run, SizeReader};
use crate::index::SampleTable;
use crate::numbers::{ChunkNumber, Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::source::ReadAt;

/// What is walked through at the same time. Nothing in it begins before what precedes it.
#[derive(Debug, Clone)]
pub(super) enum Stream {
    /// Chunks of a track.
    Chunks(usize, Vec<Part>),
    /// Places that are known.
    Ranges(Vec<Range<FileOffset>>),
}

/// Neighbouring chunks of a track.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) chunks: Range<ChunkNumber>,
    /// The samples that are needed of them.
    pub(super) samples: Range<SampleNumber>,
}

impl Stream {
    pub(super) fn heap_size(&self) -> usize {
        match self {
            Self::Chunks(_, parts) => parts.capacity() * size_of::<Part>(),
            Self::Ranges(ranges) => ranges.capacity() * size_of::<Range<FileOffset>>(),
        }
    }
}

/// The steps of a stream that are still to come.
pub(super) enum Steps<'a, R: ReadAt> {
    Chunks(Box<Chunks<'a, R>>),
    Ranges(&'a [Range<FileOffset>], u32),
}

impl<R: ReadAt> Steps<'_, R> {
    pub(super) fn head(&self) -> Option<Range<FileOffset>> {
        match self {
            Self::Chunks(chunks) => chunks.head.clone(),
            Self::Ranges(ranges, gone) => ranges.get(*gone as usize).cloned(),
        }
    }

    pub(super) fn gone(&self) -> u32 {
        match self {
            Self::Chunks(chunks) => chunks.gone,
            Self::Ranges(_, gone) => *gone,
        }
    }

    pub(super) fn advance(&mut self) -> Result<(), FormatError> {
        match self {
            Self::Chunks(chunks) => {
                chunks.gone += 1;
                chunks.find_head()
            }
            Self::Ranges(_, gone) => {
                *gone += 1;
                Ok(())
            }
        }
    }
}

/// Visits what is needed of each chunk of a part, until that breaks off.
pub(super) fn each_chunk<R: ReadAt>(
    samples: &SampleTable,
    source: &R,
    part: &Part,
    mut visit: impl FnMut(Range<FileOffset>) -> Result<ControlFlow<()>, FormatError>,
) -> Result<(), FormatError> {
    let mut chunks = Chunks::new(samples, source, std::slice::from_ref(part), 0)?;
    while let Some(chunk) = chunks.head.take() {
        if visit(chunk)?.is_break() {
            break;
        }
        chunks.find_head()?;
    }
    Ok(())
}

/// The chunks of a track that are still to come.
pub(super) struct Chunks<'a, R: ReadAt> {
    samples: &'a SampleTable,
    source: &'a R,
    offsets: OffsetReader<'a, R>,
    parts: &'a [Part],
    /// Chunks before the head.
    gone: u32,
    head: Option<Range<FileOffset>>,
    inside: Option<Inside<'a, R>>,
}

/// A place among the chunks of a part.
struct Inside<'a, R: ReadAt> {
    runs: Pieces<'a, R>,
    /// That of the next chunk.
    run: Run,
    sizes: SizeReader<'a, R>,
    chunk: ChunkNumber,
    /// The next sample.
    sample: SampleNumber,
    end: Part,
}

impl<'a, R: ReadAt> Chunks<'a, R> {
    pub(super) fn new(
        samples: &'a SampleTable,
        source: &'a R,
        parts: &'a [Part],
        gone: u32,
    ) -> Result<Self, FormatError> {
        let offsets = samples.offsets.reader(source, 64);
        let mut this = Self { samples, source, offsets, parts, gone, head: None, inside: None };
        let mut skip = gone;
        while let Some((part, rest)) = this.parts.split_first() {
            let len = part.chunks.count();
            if skip < len {
                this.inside = Some(Inside::new(samples, source, part, part.chunks.start + skip)?);
                break;
            }
            skip -= len;
            this.parts = rest;
        }
        this.find_head()?;
        Ok(this)
    }

    fn find_head(&mut self) -> Result<(), FormatError> {
        self.head = None;
        loop {
            let Some(inside) = &mut self.inside else { return Ok(()) };
            if inside.chunk < inside.end.chunks.end {
                self.head = Some(inside.next_chunk(self.samples, self.source, &mut self.offsets)?);
                return Ok(());
            }
            self.parts = self.parts.get(1..).unwrap_or_default();
            let next = self.parts.first();
            let next = next.map(|part| Inside::new(self.samples, self.source, part, part.chunks.start));
            self.inside = next.transpose()?;
        }
    }
}

impl<'a, R: ReadAt> Inside<'a, R> {
    fn new(
        samples: &'a SampleTable,
        source: &'a R,
        part: &Part,
        chunk: ChunkNumber,
    ) -> Result<Self, FormatError> {
        let mut runs = samples.stsc.pieces_from(source, chunk.0)?;
        let run = runs.next().ok_or(FormatError::Changed)??;
        let first = SampleNumber(u32::try_from(run.sum).unwrap_or(u32::MAX)).max(part.samples.start);
        let sizes = samples.sizes.reader(source, first.0..part.samples.end.0);
        Ok(Self { runs, run, sizes, chunk, sample: first, end: part.clone() })
    }

    /// What is needed of the next chunk.
    fn next_chunk(
        &mut self,
        samples: &SampleTable,
        source: &R,
        offsets: &mut OffsetReader<'_, R>,
    ) -> Result<Range<FileOffset>, FormatError> {
        if self.chunk >= ChunkNumber(self.run.end()) {
            self.run = self.runs.next().ok_or(FormatError::Changed)??;
        }
        let whole = u64::from(self.run.samples_per_chunk());
        let chunk_start = self.run.sum + u64::from(self.chunk - ChunkNumber(self.run.unit)) * whole;
        let chunk_end = (chunk_start + whole).min(u64::from(self.end.samples.end.0));
        let count = u32::try_from(chunk_end.saturating_sub(u64::from(self.sample.0))).unwrap_or(0);
        let mut offset = FileOffset(offsets.get(self.chunk.0)?);
        let cut = u64::from(self.sample.0).saturating_sub(chunk_start);
        if cut > 0 {
            let cut = u32::try_from(cut).unwrap_or(u32::MAX);
            let before = self.sample - cut..self.sample;
            offset = offset + samples.bytes(source, before)?;
        }
        let known = samples.chunk_sizes.as_ref().and_then(|sizes| sizes.get(self.chunk.place()));
        let len = match known {
            Some(&len) if u64::from(count) == whole => len.into(),
            Some(_) => samples.bytes(source, self.sample..self.sample + count)?,
            None => self.sizes.sum(count)?,
        };
        let number = self.chunk.one_based();
        let end = offset.0.checked_add(len).map(FileOffset).ok_or(FormatError::ChunkOverflow(number))?;
        self.sample = self.sample + count;
        self.chunk = self.chunk.next();
        Ok(offset..end)
    }
}
