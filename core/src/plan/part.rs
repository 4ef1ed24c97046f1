//! The parts of an answer's metadata.

use std::ops::Range;

use crate::boxes::Table;
use crate::extents::Extents;
use crate::numbers::SampleNumber;
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
    /// No other plan of the same source has the same key. It becomes part of the ETag.
    pub key: String,
    /// What was left out, for the debug log.
    pub notes: Vec<String>,
}

impl Plan {
    /// Memory that it takes besides its own size, in bytes.
    pub fn heap_size(&self) -> usize {
        let contents = self.parts.iter().map(|part| match &part.content {
            Content::Bytes(bytes) => bytes.capacity(),
            Content::Entries(Entries { kind: EntryKind::Nibbles(_, ranges), .. }) => {
                ranges.capacity() * size_of::<Range<u32>>()
            }
            _ => 0,
        });
        self.parts.capacity() * size_of::<Part>()
            + contents.sum::<usize>()
            + self.extents.heap_size()
            + self.key.capacity()
            + self.notes.iter().map(|note| size_of::<String>() + note.capacity()).sum::<usize>()
    }
}

/// A run of bytes of the metadata.
#[derive(Debug)]
pub struct Part {
    /// Offset in the answer.
    pub start: u64,
    /// Length.
    pub len: u64,
    /// Where its bytes come from.
    pub content: Content,
}

/// Where the bytes of a part come from. Entries of tables are generated on demand.
#[derive(Debug)]
pub enum Content {
    /// These bytes: headers and small boxes.
    Bytes(Vec<u8>),
    /// The source, from this offset on.
    Source(u64),
    /// A table of a track, changed.
    Entries(Entries),
}

/// The entries of an output table.
#[derive(Debug)]
pub struct Entries {
    /// Which of the index's tracks has the table.
    pub track: usize,
    /// Bytes of one entry.
    pub entry_size: u8,
    /// Which table.
    pub kind: EntryKind,
}

/// Which table of a track, and which part of it.
#[derive(Debug)]
pub enum EntryKind {
    /// `stts`. Each duration is multiplied by the number.
    Times(RunSlice, u32),
    /// `ctts`. Each offset is multiplied by the first number; then the second is added.
    Offsets(RunSlice, u32, i64),
    /// `ctts` of a lead-in that begins with this sample, one entry for each sample. The last number
    /// is added to each offset.
    LeadIn(LeadIn, SampleNumber, i64),
    /// `sbgp`. The number says which of the track's groupings.
    Group(RunSlice, usize),
    /// `stsc`.
    Chunks(ChunkSlice),
    /// `stco` (4 bytes an entry) or `co64` (8): these chunks of the source. The first begins at
    /// this offset, if samples before it in the chunk are left out.
    ChunkOffsets(Range<u32>, Option<u64>),
    /// `stss` or `stps`: the entries of the table from this index on. The last number is added to
    /// each.
    SampleNumbers(Table, u32, i64),
    /// The entries of `senc` for these samples. One entry here is one byte, because theirs differ
    /// in length.
    Auxiliary(Range<SampleNumber>),
    /// `saio` with offsets of 8 bytes: the source's own, moved.
    AuxiliaryOffsets,
    /// 4-bit `stz2` and `padb`: these samples, two in each byte.
    Nibbles(Table, Vec<Range<u32>>),
}
