//! Parts of the run-length tables of a track: the runs that hold some samples or chunks.

use std::ops::Range;

use crate::boxes::{FormatError, Runs};
use crate::index::SampleTable;
use crate::numbers::{Numbers, SampleNumber};
use crate::source::ReadAt;

/// Some runs of a run-length table. Neighbouring entries of the same value are one run.
#[derive(Debug, Clone)]
pub struct RunSlice {
    /// The samples (of `stsc`: the chunks) that it covers.
    pub units: Range<u32>,
    /// Which run holds the first of them.
    pub first: u32,
    /// Number of runs.
    pub count: u32,
}

impl RunSlice {
    /// The runs that hold `units`.
    pub(super) fn of<R: ReadAt>(runs: &Runs, source: &R, units: Range<u32>) -> Result<Self, FormatError> {
        if units.is_empty() {
            return Ok(Self { units, first: 0, count: 0 });
        }
        let first = runs.at_unit(source, units.start)?.ordinal;
        let last = runs.at_unit(source, units.end - 1)?.ordinal;
        let count = last.checked_sub(first).ok_or(FormatError::Changed)? + 1;
        Ok(Self { units, first, count })
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
    /// Chunks of the clip before these.
    pub place: u32,
    /// An entry for the first chunk, where it differs from those after it: samples and description
    /// index.
    pub head: Option<(u32, u32)>,
    /// The runs of the chunks between the first and the last, as they are in the source.
    pub body: RunSlice,
    /// The first chunk, by its number in the source (0-based).
    pub from: u32,
    /// Whether the first run of the body holds the first chunk, too. Then there is no head.
    pub body_has_first: bool,
    /// An entry for the last chunk, where it differs from those before it: its number among these
    /// (1-based), samples, description index.
    pub tail: Option<(u32, u32, u32)>,
}

impl ChunkSlice {
    /// The entries for the chunks that hold the samples in `range`.
    pub(super) fn of<R: ReadAt>(
        samples: &SampleTable,
        source: &R,
        range: &Range<SampleNumber>,
        place: u32,
    ) -> Result<Self, FormatError> {
        let first = samples.chunk_of(source, range.start)?;
        let last = samples.chunk_of(source, range.end - 1)?;
        let head_end = first.end_sample().min(range.end);
        let less = |a: u32, b: u32| a.checked_sub(b).ok_or(FormatError::Changed);
        let head = (less(head_end.0, range.start.0)?, first.description_index);
        let mut this = Self {
            place,
            head: Some(head),
            body: RunSlice { units: 0..0, first: 0, count: 0 },
            from: first.number.0,
            body_has_first: false,
            tail: None,
        };
        if first.number == last.number {
            return Ok(this);
        }
        let tail = (less(range.end.0, last.first_sample.0)?, last.description_index);
        let mut before_tail = head;
        if first.number.next() < last.number {
            this.body = RunSlice::of(&samples.stsc, source, (first.number.next()..last.number).units())?;
            let next = samples.chunk(source, first.number.next())?;
            this.body_has_first = head == (next.samples, next.description_index);
            let previous = samples.chunk(source, last.number - 1)?;
            before_tail = (previous.samples, previous.description_index);
        }
        if this.body_has_first {
            this.head = None;
        }
        if tail != before_tail {
            this.tail = Some((less(last.number.0, first.number.0)? + 1, tail.0, tail.1));
        }
        Ok(this)
    }

    /// Number of entries in the answer.
    pub fn count(&self) -> u32 {
        u32::from(self.head.is_some()) + self.body.count + u32::from(self.tail.is_some())
    }
}
