//! Extents that are made when they are asked for, from the sample tables: what a clip needs is the chunks of its tracks, side
//! by side in the order of the file, and places are known from which to walk on.

use std::ops::Range;

use crate::boxes::{FormatError, OffsetReader, Pieces, Run, SizeReader};
use crate::index::{Film, SampleTable};
use crate::numbers::{ChunkNumber, Numbers, SampleNumber};
use crate::source::ReadAt;

use super::list::Extent;

/// What is walked through at the same time. None stands before the one before it.
#[derive(Debug, Clone)]
pub(super) enum Stream {
    /// Chunks of a track.
    Chunks(usize, Vec<Part>),
    /// Places that are known.
    Ranges(Vec<Range<u64>>),
}

/// Neighbouring chunks of a track.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) chunks: Range<ChunkNumber>,
    /// The samples that are needed of them.
    pub(super) samples: Range<SampleNumber>,
}

/// Where a walk can begin.
#[derive(Debug, Clone, Copy, Default)]
struct Checkpoint {
    /// Bytes needed before.
    position: u64,
    /// Where in the file they end.
    covered: u64,
}

/// Extents in the order of the source, and where to begin to look for them.
#[derive(Debug)]
pub(super) struct Walk {
    streams: Vec<Stream>,
    checkpoints: Vec<Checkpoint>,
    /// Of each checkpoint, the steps of each stream before it.
    gone: Vec<u32>,
    /// Steps from one checkpoint to the next.
    stride: u64,
    end: Checkpoint,
}

/// An extent is no longer than this, or a walk would go on without end to find out how long it is.
const LONGEST: u64 = 4 << 20;

impl Walk {
    /// Walks through `streams` once, and shows the extents.
    pub(super) fn of(
        film: &Film<'_>,
        streams: Vec<Stream>,
        mut see: impl FnMut(&Extent),
    ) -> Result<Self, FormatError> {
        let limits = &film.index.limits;
        let most = limits.checkpoints / (size_of::<Checkpoint>() + streams.len() * size_of::<u32>());
        let mut this = Self {
            streams: Vec::new(),
            checkpoints: Vec::new(),
            gone: Vec::new(),
            stride: limits.checkpoint_stride,
            end: Checkpoint::default(),
        };
        let mut walker = Walker::new(film, &streams, Checkpoint::default(), &[])?;
        let mut steps = 0;
        loop {
            if steps % this.stride == 0 {
                if this.checkpoints.len() >= most.max(2) {
                    this.thin_out(streams.len());
                }
                if steps % this.stride == 0 {
                    this.checkpoints.push(walker.at);
                    this.gone.extend(walker.streams.iter().map(Steps::gone));
                }
            }
            let (goes_on, extent) = walker.step()?;
            extent.iter().for_each(&mut see);
            if !goes_on {
                break;
            }
            steps += 1;
        }
        this.end = walker.at;
        drop(walker);
        this.checkpoints.shrink_to_fit();
        this.gone.shrink_to_fit();
        Ok(Self { streams, ..this })
    }

    /// Leaves out every other checkpoint.
    fn thin_out(&mut self, streams: usize) {
        let mut n = 0;
        self.checkpoints.retain(|_| {
            n += 1;
            n % 2 == 1
        });
        let mut n = 0;
        self.gone.retain(|_| {
            n += 1;
            (n - 1) / streams.max(1) % 2 == 0
        });
        self.stride *= 2;
    }

    pub(super) fn len(&self) -> u64 {
        self.end.position
    }

    /// Where the last extent ends in the source.
    pub(super) fn end(&self) -> u64 {
        self.end.covered
    }

    pub(super) fn heap_size(&self) -> usize {
        let streams = self.streams.iter().map(|s| match s {
            Stream::Chunks(_, parts) => parts.capacity() * size_of::<Part>(),
            Stream::Ranges(ranges) => ranges.capacity() * size_of::<Range<u64>>(),
        });
        self.streams.capacity() * size_of::<Stream>()
            + streams.sum::<usize>()
            + self.checkpoints.capacity() * size_of::<Checkpoint>()
            + self.gone.capacity() * size_of::<u32>()
    }

    /// The extents from some before `position` on. They may be cut into several.
    pub(super) fn starting_at<'a>(
        &'a self,
        film: &'a Film<'a>,
        position: u64,
    ) -> Result<Walker<'a>, FormatError> {
        self.at_checkpoint(film, self.last(|c| c.position <= position))
    }

    /// The extents from some before `offset` in the source on.
    pub(super) fn covering<'a>(&'a self, film: &'a Film<'a>, offset: u64) -> Result<Walker<'a>, FormatError> {
        self.at_checkpoint(film, self.last(|c| c.covered <= offset))
    }

    /// Whether [`Self::covering`] would begin after this position.
    pub(super) fn begins_after(&self, offset: u64, position: u64) -> bool {
        self.checkpoints.get(self.last(|c| c.covered <= offset)).is_some_and(|c| c.position > position)
    }

    /// The last checkpoint of which that is so; the first if of none.
    fn last(&self, is_before: impl Fn(&Checkpoint) -> bool) -> usize {
        self.checkpoints.partition_point(is_before).saturating_sub(1)
    }

    fn at_checkpoint<'a>(&'a self, film: &'a Film<'a>, n: usize) -> Result<Walker<'a>, FormatError> {
        let at = self.checkpoints.get(n).copied().unwrap_or_default();
        let gone = self.gone.get(n * self.streams.len()..).unwrap_or_default();
        let walker = Walker::new(film, &self.streams, at, gone)?;
        Ok(Walker { patience: self.stride, ..walker })
    }
}

/// Extents, one after the other.
pub(super) struct Walker<'a> {
    streams: Vec<Steps<'a, &'a dyn ReadAt>>,
    at: Checkpoint,
    held: Option<Extent>,
    steps: u64,
    /// How many steps it takes at the most to find an extent.
    patience: u64,
}

impl<'a> Walker<'a> {
    fn new(
        film: &'a Film<'a>,
        streams: &'a [Stream],
        at: Checkpoint,
        gone: &[u32],
    ) -> Result<Self, FormatError> {
        let gone = gone.iter().copied().chain(std::iter::repeat(0));
        let steps = streams.iter().zip(gone).map(|(stream, gone)| match stream {
            Stream::Ranges(ranges) => Ok(Steps::Ranges(ranges, gone)),
            Stream::Chunks(track, parts) => {
                let samples =
                    film.index.tracks.get(*track).map(|t| &t.samples).ok_or_else(FormatError::changed)?;
                Ok(Steps::Chunks(Box::new(Chunks::new(samples, &film.source, parts, gone)?)))
            }
        });
        Ok(Self { streams: steps.collect::<Result<_, _>>()?, at, held: None, steps: 0, patience: 0 })
    }

    /// The next extent, or as much of it as is found in no more steps than there are between two checkpoints: a file that has
    /// changed may have none any more.
    pub(super) fn next(&mut self) -> Result<Option<Extent>, FormatError> {
        for _ in 0..=self.patience {
            match self.step()? {
                (_, Some(extent)) => return Ok(Some(extent)),
                (false, None) => return Ok(None),
                (true, None) => {}
            }
        }
        Ok(self.held.take())
    }

    /// Bytes needed before what comes next.
    pub(super) fn position(&self) -> u64 {
        self.at.position
    }

    /// Whether it has gone so far that what is wanted has been found, if it is there.
    pub(super) fn is_tired(&self) -> bool {
        self.steps > 4 * self.patience + 4096
    }

    /// Goes one step on, if there is one; and the extent that is known to be complete by that, if one is.
    fn step(&mut self) -> Result<(bool, Option<Extent>), FormatError> {
        let heads = self.streams.iter_mut().filter_map(|s| Some((s.head()?, s)));
        let Some((range, stream)) = heads.min_by_key(|(head, _)| head.start) else {
            return Ok((false, self.held.take()));
        };
        stream.advance()?;
        self.steps += 1;
        let start = range.start.max(self.at.covered);
        let Some(len) = range.end.checked_sub(start).filter(|&len| len > 0) else {
            return Ok((true, None));
        };
        let position = self.at.position;
        self.at = Checkpoint { position: position + len, covered: range.end };
        let complete = match &mut self.held {
            Some(held) if held.offset + held.len == start && held.len < LONGEST => {
                held.len += len;
                None
            }
            held => held.replace(Extent { offset: start, len, position }),
        };
        Ok((true, complete))
    }
}

/// The steps of a stream that are still to come.
enum Steps<'a, R: ReadAt> {
    Chunks(Box<Chunks<'a, R>>),
    Ranges(&'a [Range<u64>], u32),
}

impl<R: ReadAt> Steps<'_, R> {
    fn head(&self) -> Option<Range<u64>> {
        match self {
            Self::Chunks(chunks) => chunks.head.clone(),
            Self::Ranges(ranges, gone) => ranges.get(*gone as usize).cloned(),
        }
    }

    fn gone(&self) -> u32 {
        match self {
            Self::Chunks(chunks) => chunks.gone,
            Self::Ranges(_, gone) => *gone,
        }
    }

    fn advance(&mut self) -> Result<(), FormatError> {
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

/// Shows what is needed of each chunk of a part.
pub(super) fn each_chunk<R: ReadAt>(
    samples: &SampleTable,
    source: &R,
    part: &Part,
    mut see: impl FnMut(Range<u64>) -> Result<(), FormatError>,
) -> Result<(), FormatError> {
    let mut chunks = Chunks::new(samples, source, std::slice::from_ref(part), 0)?;
    while let Some(chunk) = chunks.head.take() {
        see(chunk)?;
        chunks.find_head()?;
    }
    Ok(())
}

/// The chunks of a track that are still to come.
struct Chunks<'a, R: ReadAt> {
    samples: &'a SampleTable,
    source: &'a R,
    offsets: OffsetReader<'a, R>,
    parts: &'a [Part],
    /// Chunks before the head.
    gone: u32,
    head: Option<Range<u64>>,
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
    fn new(
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
        let run = runs.next().ok_or_else(FormatError::changed)??;
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
    ) -> Result<Range<u64>, FormatError> {
        if self.chunk >= ChunkNumber(self.run.end()) {
            self.run = self.runs.next().ok_or_else(FormatError::changed)??;
        }
        let whole = u64::from(self.run.samples_per_chunk());
        let chunk_start = self.run.sum + u64::from(self.chunk - ChunkNumber(self.run.unit)) * whole;
        let chunk_end = (chunk_start + whole).min(u64::from(self.end.samples.end.0));
        let count = u32::try_from(chunk_end.saturating_sub(u64::from(self.sample.0))).unwrap_or(0);
        let mut offset = offsets.get(self.chunk.0)?;
        let cut = u64::from(self.sample.0).saturating_sub(chunk_start);
        if cut > 0 {
            let cut = u32::try_from(cut).unwrap_or(u32::MAX);
            let before = self.sample - cut..self.sample;
            offset = offset.saturating_add(samples.bytes(source, before)?);
        }
        let known = samples.chunk_sizes.as_ref().and_then(|sizes| sizes.get(self.chunk.place()));
        let len = match known {
            Some(&len) if u64::from(count) == whole => len.into(),
            Some(_) => samples.bytes(source, self.sample..self.sample + count)?,
            None => self.sizes.sum(count)?,
        };
        let number = self.chunk.one_based();
        let end = offset
            .checked_add(len)
            .ok_or_else(|| FormatError::Film(format!("chunk {number} ends past 64 bits")))?;
        self.sample = self.sample + count;
        self.chunk = self.chunk.next();
        Ok(offset..end)
    }
}
