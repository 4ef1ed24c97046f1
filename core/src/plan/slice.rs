//! Parts of the tables of a track: the runs that hold some samples or chunks, and ranges of chunks.

use std::ops::Range;

use crate::boxes::{FormatError, Runs};
use crate::index::{Chunk, SampleTable};
use crate::numbers::{ChunkNumber, Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::source::ReadAt;

/// Some runs of a run-length table, of samples or (`stsc`) of chunks. Neighbouring entries of the
/// same value are one run.
#[derive(Debug, Clone)]
pub struct RunSlice<N> {
    /// The samples or chunks of the source that it covers.
    pub units: Range<N>,
    /// Index in the table of the run that holds the first of them.
    pub first: u32,
    /// Number of runs.
    pub count: u32,
}

impl<N> RunSlice<N>
where
    Range<N>: Numbers,
{
    /// The runs that hold `units`.
    pub(super) fn of<R: ReadAt>(runs: &Runs, source: &R, units: Range<N>) -> Result<Self, FormatError> {
        let numbers = units.units();
        if numbers.is_empty() {
            return Ok(Self { units, first: 0, count: 0 });
        }
        let first = runs.at_unit(source, numbers.start)?.ordinal;
        let last = runs.at_unit(source, numbers.end - 1)?.ordinal;
        let count = last.checked_sub(first).ok_or(FormatError::Changed)? + 1;
        Ok(Self { units, first, count })
    }
}

/// Neighbouring chunks of the source.
#[derive(Debug, Clone)]
pub struct ChunkRange {
    /// The chunks.
    pub chunks: Range<ChunkNumber>,
    /// Where the first begins, when samples before it in the chunk are left out.
    pub first_offset: Option<FileOffset>,
}

/// What an `stsc` entry says of each of its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkEntry {
    /// Number of samples.
    pub samples: u32,
    /// Index of the sample description, 1-based.
    pub description_index: u32,
}

impl ChunkEntry {
    /// What the source says of a chunk.
    fn of(chunk: &Chunk) -> Self {
        Self { samples: chunk.samples, description_index: chunk.description_index }
    }
}

/// The `stsc` entries (ISO/IEC 14496-12, 8.7.4) for one sample range of a clip: those of the
/// source, with a first and a last chunk that may hold fewer samples.
///
/// ```text
/// source   | chunk: 10 samples | 10 | 10 | 10 |
/// range     samples 4..34
/// head        6 samples
/// body                           10   10
/// tail                                       4 samples
/// ```
#[derive(Debug, Clone)]
pub struct ChunkSlice {
    /// The number that the first chunk has in the clip.
    pub place: ChunkNumber,
    /// An entry for the first chunk, where it differs from those after it.
    pub head: Option<ChunkEntry>,
    /// The runs of the chunks between the first and the last, as they are in the source.
    pub body: RunSlice<ChunkNumber>,
    /// The number of the first chunk in the source.
    pub from: ChunkNumber,
    /// Whether the first run of the body holds the first chunk, too. Then there is no head.
    pub body_has_first: bool,
    /// The number of the last chunk in the source, and an entry for it, where it differs from those
    /// before it.
    pub tail: Option<(ChunkNumber, ChunkEntry)>,
}

impl ChunkSlice {
    /// The entries for the chunks that hold the samples in `range`.
    pub(super) fn of<R: ReadAt>(
        samples: &SampleTable,
        source: &R,
        range: &Range<SampleNumber>,
        place: ChunkNumber,
    ) -> Result<Self, FormatError> {
        let first = samples.chunk_of(source, range.start)?;
        let last = samples.chunk_of(source, range.end - 1)?;
        let head_end = first.end_sample().min(range.end);
        let head = ChunkEntry {
            samples: head_end.checked_since(range.start).ok_or(FormatError::Changed)?,
            description_index: first.description_index,
        };
        let mut this = Self {
            place,
            head: Some(head),
            body: RunSlice { units: first.number..first.number, first: 0, count: 0 },
            from: first.number,
            body_has_first: false,
            tail: None,
        };
        if first.number == last.number {
            return Ok(this);
        }
        if first.number > last.number {
            return Err(FormatError::Changed);
        }
        let tail = ChunkEntry {
            samples: range.end.checked_since(last.first_sample).ok_or(FormatError::Changed)?,
            description_index: last.description_index,
        };
        let mut before_tail = head;
        if first.number.next() < last.number {
            this.body = RunSlice::of(&samples.stsc, source, first.number.next()..last.number)?;
            let next = samples.chunk(source, first.number.next())?;
            this.body_has_first = head == ChunkEntry::of(&next);
            let previous = samples.chunk(source, last.number - 1)?;
            before_tail = ChunkEntry::of(&previous);
        }
        if this.body_has_first {
            this.head = None;
        }
        if tail != before_tail {
            this.tail = Some((last.number, tail));
        }
        Ok(this)
    }

    /// The number in the clip of a chunk of the source, which is not before the first.
    pub(crate) fn in_clip(&self, chunk: ChunkNumber) -> ChunkNumber {
        self.place + (chunk - self.from)
    }

    /// Number of entries in the answer.
    pub fn count(&self) -> u32 {
        u32::from(self.head.is_some()) + self.body.count + u32::from(self.tail.is_some())
    }
}
