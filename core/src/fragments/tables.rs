//! The tables of a flat movie, as the fragments' samples are written into them.

use std::ops::Range;

/// Which table of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableKind {
    Durations,
    Offsets,
    Chunks,
    Sizes,
    ChunkOffsets,
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
    /// Of each table, the entries up to the end of each batch.
    pub(crate) counts: Vec<Vec<u32>>,
}

impl TableLayout {
    /// Begins after some bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Writes a box of `prefix`, the number of entries (unless the prefix has it), and entries.
    /// `write` returns how many there are up to the end of each batch.
    pub(crate) fn table(
        &mut self,
        box_type: &[u8; 4],
        prefix: &[u8],
        has_count: bool,
        table: GeneratedTable,
        write: impl FnOnce(&mut Vec<u8>) -> Vec<u32>,
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(box_type);
        self.bytes.extend_from_slice(prefix);
        let count_at = self.bytes.len();
        if has_count {
            self.bytes.extend_from_slice(&[0; 4]);
        }
        let entries = self.bytes.len();
        let counts = write(&mut self.bytes);
        let size = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        let count = counts.last().copied().unwrap_or(0);
        self.put(start, size);
        if has_count {
            self.put(count_at, count);
        }
        self.spans.push(entries..self.bytes.len());
        self.tables.push(table);
        self.counts.push(counts);
    }

    fn put(&mut self, at: usize, value: u32) {
        if let Some(to) = self.bytes.get_mut(at..at + 4) {
            to.copy_from_slice(&value.to_be_bytes());
        }
    }
}
