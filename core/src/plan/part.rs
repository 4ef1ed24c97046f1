//! The parts of an answer's metadata.

use std::ops::Range;

use crate::boxes::Table;
use crate::extents::Extents;
use crate::numbers::{SampleNumber, SampleShift};
use crate::offsets::FileOffset;
use crate::seek::LeadIn;
use crate::source::Patch;
use crate::time::ClipTime;

use super::slice::{ChunkRange, ChunkSlice, RunSlice};

/// The layout of an answer: metadata first, then the media.
#[derive(Debug)]
pub struct Plan {
    /// The metadata, in order.
    pub parts: Vec<Part>,
    /// The bytes of the metadata that are known: headers and small boxes.
    pub known: Vec<u8>,
    /// Length of the metadata.
    pub metadata_len: u64,
    /// The media.
    pub extents: Extents,
    /// The bytes of the media that are not those of the file.
    pub(crate) patches: Box<[Patch]>,
    /// A key that no other plan of the same source has. It becomes part of the ETag.
    pub key: String,
    /// What was left out, for the debug log.
    pub notes: Vec<String>,
}

impl Plan {
    /// Length of the parts: of the metadata, but for what is before the first part.
    pub(crate) fn len(&self) -> u64 {
        self.metadata_len - self.parts.first().map_or(self.metadata_len, |part| part.start)
    }

    /// Memory that it takes besides its own size, in bytes.
    pub fn heap_size(&self) -> usize {
        let contents = self.parts.iter().map(|part| match &part.content {
            Content::Entries(Entries { kind: EntryKind::Nibbles(_, ranges), .. }) => {
                ranges.capacity() * size_of::<Range<SampleNumber>>()
            }
            _ => 0,
        });
        self.parts.capacity() * size_of::<Part>()
            + self.known.capacity()
            + contents.sum::<usize>()
            + self.extents.heap_size()
            + size_of_val(&*self.patches)
            + self.key.capacity()
            + self.notes.iter().map(|note| size_of::<String>() + note.capacity()).sum::<usize>()
    }
}

/// A run of bytes of the metadata.
#[derive(Debug)]
pub struct Part {
    /// Where it begins in the answer.
    pub start: u64,
    /// Its length in bytes.
    pub len: u64,
    /// Where its bytes come from.
    pub content: Content,
}

/// Where the bytes of a part come from. Entries of tables are generated on demand.
#[derive(Debug)]
pub enum Content {
    /// The bytes of [`Plan::known`] from this index on.
    Bytes(usize),
    /// The source, from this offset on.
    Source(FileOffset),
    /// A table of a track, changed.
    Entries(Entries),
}

/// The entries of an output table.
#[derive(Debug)]
pub struct Entries {
    /// The index of the track among those of the file.
    pub track: usize,
    /// Bytes of one entry.
    pub entry_size: u8,
    /// Which table.
    pub kind: EntryKind,
}

/// Which table of a track, and which part of it. The first entries of tables are plain indices.
#[derive(Debug)]
pub enum EntryKind {
    /// `stts`. Each duration is multiplied by the number.
    Times(RunSlice<SampleNumber>, u32),
    /// `ctts`. Each offset is multiplied by the number; then the time is added.
    Offsets(RunSlice<SampleNumber>, u32, ClipTime),
    /// `ctts` of a lead-in that begins with this sample, one entry for each sample. The time is
    /// added to each offset.
    LeadIn(LeadIn, SampleNumber, ClipTime),
    /// `sbgp`. The index says which of the track's groupings.
    Group(RunSlice<SampleNumber>, usize),
    /// `stsc`.
    Chunks(ChunkSlice),
    /// `stco` (4 bytes an entry) or `co64` (8): these chunks of the source.
    ChunkOffsets(ChunkRange),
    /// `stss` or `stps`: the entries of the table from this index on, moved.
    SampleNumbers(Table, u32, SampleShift),
    /// The entries of `senc` for these samples. One entry here is one byte, because theirs differ
    /// in length.
    Auxiliary(Range<SampleNumber>),
    /// `saio` with offsets of 8 bytes: the source's own, moved.
    AuxiliaryOffsets,
    /// 4-bit `stz2` and `padb`: these samples, two in each byte.
    Nibbles(Table, Vec<Range<SampleNumber>>),
}
