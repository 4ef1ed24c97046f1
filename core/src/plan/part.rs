//! The parts of an answer's metadata.

use std::ops::Range;

use crate::boxes::Table;
use crate::extents::Extents;
use crate::seek::LeadIn;

use super::slice::{ChunkSlice, RunSlice};

/// The layout of an answer: metadata first, then the media.
#[derive(Debug)]
pub struct Plan {
    /// The metadata, in order.
    pub parts: Vec<Part>,
    /// Length of the metadata.
    pub metadata_len: u64,
    /// The media.
    pub extents: Extents,
    /// What tells this plan from every other of the same source; part of the ETag.
    pub key: String,
    /// What was left out, for the debug log.
    pub notes: Vec<String>,
}

impl Plan {
    /// Bytes it takes besides its own size.
    pub fn heap_size(&self) -> usize {
        let made = self.parts.iter().map(|part| match &part.content {
            Content::Bytes(bytes) => bytes.capacity(),
            Content::Entries(Entries { kind: EntryKind::Nibbles(_, ranges), .. }) => {
                ranges.capacity() * size_of::<Range<u32>>()
            }
            _ => 0,
        });
        self.parts.capacity() * size_of::<Part>()
            + made.sum::<usize>()
            + self.extents.heap_size()
            + self.key.capacity()
            + self.notes.iter().map(|note| size_of::<String>() + note.capacity()).sum::<usize>()
    }
}

/// A stretch of the metadata.
#[derive(Debug)]
pub struct Part {
    /// Offset in the answer.
    pub start: u64,
    /// Length.
    pub len: u64,
    /// How its bytes come about.
    pub content: Content,
}

/// How the bytes of a part come about. A table's entries are made on demand.
#[derive(Debug)]
pub enum Content {
    /// Made already: headers and small boxes.
    Bytes(Vec<u8>),
    /// As they stand in the source, from this offset on.
    Source(u64),
    /// A table of a track.
    Entries(Entries),
}

/// The entries of an output table.
#[derive(Debug)]
pub struct Entries {
    /// The track they are of.
    pub track: usize,
    /// Bytes of one entry.
    pub entry_size: u8,
    /// Which table.
    pub kind: EntryKind,
}

/// Which table of a track, and which part of it.
#[derive(Debug)]
pub enum EntryKind {
    /// `stts`, with what each duration is multiplied by.
    Times(RunSlice, u32),
    /// `ctts`, with what each offset is multiplied by, and what is then added to it.
    Offsets(RunSlice, u32, i64),
    /// `ctts` of a lead-in, an entry a sample, with what is added to each offset. It begins with this sample.
    LeadIn(LeadIn, u32, i64),
    /// `sbgp`: which of the track's groupings.
    Group(RunSlice, usize),
    /// `stsc`
    Chunks(ChunkSlice),
    /// `stco` (4 bytes an entry) or `co64` (8): these chunks of the source, the first
    /// beginning at this offset, because samples before it in the chunk are left out.
    ChunkOffsets(Range<u32>, u64),
    /// `stss` and the like: entries of a table from this index on, moved by so many samples.
    SampleNumbers(Table, u32, i64),
    /// The entries of a `senc`, byte by byte: those of these samples.
    Auxiliary(Range<u32>),
    /// `saio`, of 8 bytes an entry: the film's own, moved.
    AuxiliaryOffsets,
    /// 4-bit `stz2` and `padb`: these samples, in pairs.
    Nibbles(Table, Vec<Range<u32>>),
}
