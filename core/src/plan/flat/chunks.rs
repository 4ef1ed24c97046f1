//! The chunks of a track in an answer.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::index::SampleTable;
use crate::seek::SampleRange;
use crate::source::ReadAt;

/// The chunks of a track in an answer.
#[derive(Debug, Clone)]
pub(super) struct TrackChunks {
    pub(super) ranges: Vec<ChunkRange>,
    /// No chunk of them stands after this.
    pub(super) highest: u64,
}

/// Neighbouring chunks.
#[derive(Debug, Clone)]
pub(super) struct ChunkRange {
    pub(super) chunks: Range<u32>,
    /// Where the first begins, when it is cut.
    pub(super) first_offset: Option<u64>,
}

impl TrackChunks {
    pub(super) fn of<R: ReadAt>(
        samples: &SampleTable,
        source: &R,
        held: &[SampleRange],
    ) -> Result<Self, FormatError> {
        let mut this = Self { ranges: Vec::new(), highest: 0 };
        for range in held.iter().map(|h| &h.samples) {
            let first = samples.chunk_of(source, range.start)?;
            let last = samples.chunk_of(source, range.end - 1)?;
            let first_offset = samples.offset_in(source, &first, range.start)?;
            let chunks = first.index..last.index + 1;
            let last_offset = if samples.offsets.is_ascending(source, chunks.clone())? {
                samples.offsets.get(source, last.index)?
            } else {
                samples.offsets.order(source)?.map_or(0, |o| o.highest)
            };
            this.highest = this.highest.max(first_offset).max(last_offset);
            this.ranges.push(ChunkRange { chunks, first_offset: Some(first_offset) });
        }
        Ok(this)
    }
}
