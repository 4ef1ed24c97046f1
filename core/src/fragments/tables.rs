//! The tables of a flat movie, as the fragments' samples are written into them.

use std::ops::Range;

use crate::boxes::TableHead;

/// Which table of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    Durations,
    Offsets,
    Chunks,
    Sizes,
    ChunkOffsets {
        is_wide: bool,
    },
    /// Which of the track's sample groupings.
    Group(usize),
    Dependencies,
    AuxiliarySizes,
    Auxiliary,
    Sync,
}

/// A table of the flat movie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GeneratedTable {
    pub(crate) track: usize,
    pub(crate) kind: TableKind,
    pub(crate) entry_size: u8,
}

/// The boxes of all tables, as they are generated for the first time.
#[derive(Debug, Default)]
pub(crate) struct TableLayout {
    pub(crate) bytes: Vec<u8>,
    /// Where in them the entries of each table stand.
    pub(crate) spans: Vec<Range<usize>>,
    pub(crate) tables: Vec<GeneratedTable>,
    /// How many entries each table has up to the end of each batch.
    pub(crate) counts: Vec<Vec<u32>>,
}

impl TableLayout {
    /// Begins after some bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Writes the box of a table. `write` appends its entries, and returns how many there are up to
    /// the end of each batch.
    pub(crate) fn table(
        &mut self,
        head: &TableHead,
        table: GeneratedTable,
        write: impl FnOnce(&mut Vec<u8>) -> Vec<u32>,
    ) {
        let mut counts = Vec::new();
        let entries = head.write(&mut self.bytes, |out| counts = write(out));
        self.spans.push(entries);
        self.tables.push(table);
        self.counts.push(counts);
    }
}
