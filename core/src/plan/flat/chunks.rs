//! The chunks of a track in an answer: `stsc`, and `stco` or `co64`.

use crate::boxes::{FormatError, chunk_offsets_head};
use crate::index::SampleTable;
use crate::numbers::Numbers;
use crate::offsets::FileOffset;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::part::{Entries, EntryKind};
use crate::plan::slice::ChunkRange;
use crate::seek::SampleRange;
use crate::source::ReadAt;

/// The chunks of a track in an answer.
#[derive(Debug, Clone)]
pub(super) struct TrackChunks {
    pub(super) ranges: Vec<ChunkRange>,
    /// None of them begins after this offset of the source.
    pub(super) highest: FileOffset,
}

impl TrackChunks {
    /// The chunks that hold some sample ranges.
    pub(super) fn of<R: ReadAt>(
        samples: &SampleTable,
        source: &R,
        ranges: &[SampleRange],
    ) -> Result<Self, FormatError> {
        let mut this = Self { ranges: Vec::new(), highest: FileOffset(0) };
        for range in ranges.iter().map(|range| &range.samples) {
            let first = samples.chunk_of(source, range.start)?;
            let last = samples.chunk_of(source, range.end - 1)?;
            let first_offset = samples.offset_in(source, &first, range.start)?;
            let chunks = first.number..last.number.next();
            let last_offset = if samples.offsets.is_ascending(source, chunks.units())? {
                samples.offsets.get(source, last.number.0)?
            } else {
                samples.offsets.order(source)?.map_or(0, |o| o.highest)
            };
            this.highest = this.highest.max(first_offset).max(FileOffset(last_offset));
            this.ranges.push(ChunkRange { chunks, first_offset: Some(first_offset) });
        }
        Ok(this)
    }
}

/// Appends an `stco` or a `co64` (8.7.5).
pub(super) fn chunk_offsets(
    track: usize,
    ranges: &[ChunkRange],
    is_wide: bool,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let head = chunk_offsets_head(is_wide);
    out.table(&head, |out| {
        for range in ranges {
            let kind = EntryKind::ChunkOffsets(range.clone());
            out.entries(range.chunks.count(), Entries { track, entry_size: head.entry_size, kind });
        }
        Ok(())
    })
}
