//! Parts of the run-length tables of a track: the runs that hold some samples or chunks.

use std::ops::Range;

use crate::boxes::{FormatError, Runs};
use crate::index::SampleTable;
use crate::source::ReadAt;

/// A stretch of a run-length table, counted in merged runs.
#[derive(Debug, Clone)]
pub struct RunSlice {
    /// The units it covers.
    pub units: Range<u32>,
    /// Ordinal of the run that holds the first unit.
    pub first: u32,
    /// Number of runs.
    pub count: u32,
}

impl RunSlice {
    pub(super) fn of<R: ReadAt>(runs: &Runs, source: &R, units: Range<u32>) -> Result<Self, FormatError> {
        if units.is_empty() {
            return Ok(Self { units, first: 0, count: 0 });
        }
        let first = runs.at_unit(source, units.start)?.ordinal;
        let last = runs.at_unit(source, units.end - 1)?.ordinal;
        let count = last.checked_sub(first).ok_or_else(FormatError::changed)? + 1;
        Ok(Self { units, first, count })
    }
}

/// A part of the `stsc` of a clip: the source's, with a first and a last chunk that may hold less.
#[derive(Debug, Clone)]
pub struct ChunkSlice {
    /// Chunks of the clip before it.
    pub place: u32,
    /// The first chunk where it differs from those after it: samples and description.
    pub head: Option<(u32, u32)>,
    /// The chunks between, as they are in the source; the first counts as the chunk that `from` says.
    pub body: RunSlice,
    /// The source chunk that is its first.
    pub from: u32,
    /// Whether the first run of the body begins with the first chunk.
    pub body_has_first: bool,
    /// The last chunk where it differs from those before it: number from the first (1-based), samples, description.
    pub tail: Option<(u32, u32, u32)>,
}

impl ChunkSlice {
    pub(super) fn of<R: ReadAt>(
        samples: &SampleTable,
        source: &R,
        range: &Range<u32>,
        place: u32,
    ) -> Result<Self, FormatError> {
        let first = samples.chunk_of(source, range.start)?;
        let last = samples.chunk_of(source, range.end - 1)?;
        let head_end = first.first_sample.saturating_add(first.samples).min(range.end);
        let less = |a: u32, b: u32| a.checked_sub(b).ok_or_else(FormatError::changed);
        let head = (less(head_end, range.start)?, first.description_index);
        let mut this = Self {
            place,
            head: Some(head),
            body: RunSlice { units: 0..0, first: 0, count: 0 },
            from: first.index,
            body_has_first: false,
            tail: None,
        };
        if first.index == last.index {
            return Ok(this);
        }
        let tail = (less(range.end, last.first_sample)?, last.description_index);
        let mut before_tail = head;
        if first.index + 1 < last.index {
            this.body = RunSlice::of(&samples.stsc, source, first.index + 1..last.index)?;
            let next = samples.chunk(source, first.index + 1)?;
            this.body_has_first = head == (next.samples, next.description_index);
            let previous = samples.chunk(source, last.index - 1)?;
            before_tail = (previous.samples, previous.description_index);
        }
        if this.body_has_first {
            this.head = None;
        }
        if tail != before_tail {
            this.tail = Some((less(last.index, first.index)? + 1, tail.0, tail.1));
        }
        Ok(this)
    }

    /// Number of entries.
    pub fn count(&self) -> u32 {
        u32::from(self.head.is_some()) + self.body.count + u32::from(self.tail.is_some())
    }
}
