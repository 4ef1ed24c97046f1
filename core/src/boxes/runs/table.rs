//! A run-length table: where it stands, and its checkpoints.

use std::ops::Range;

use crate::boxes::stsc::STSC_ENTRY_SIZE;
use crate::boxes::{BoxHeader, FormatError, READ_AHEAD, Reader, SbgpBox, Table, TableReader};
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

use super::build::Pass;
use super::entry::RUN_ENTRY_SIZE;
use super::kind::{Checkpoint, Run, RunKind};
use super::offset_bounds::OffsetBounds;

/// A run-length table and its checkpoints.
#[derive(Debug, Clone)]
pub struct Runs {
    pub(super) kind: RunKind,
    pub(super) table: Table,
    pub(super) checkpoints: Vec<Checkpoint>,
    /// Units that exist: samples or chunks of the track.
    pub(super) units: u32,
    pub(super) sum: u64,
    lowest: i64,
    highest: i64,
    offset_bounds: OffsetBounds,
    /// Whether each entry is a run: run `n` is entry `n`.
    is_normal: bool,
    /// The value of a table with only one entry, as most durations have. It is not read again.
    only: Option<u64>,
}

impl Runs {
    /// Reads a table for a track that has `units` samples (or chunks). A table that covers more is
    /// cut; one that covers less goes on with its last duration (`stts`, `stsc`), with 0 (`ctts`)
    /// or with the default group (`sbgp`), as players do.
    ///
    /// # Errors
    /// When the box is malformed, or an `stsc` is out of order.
    pub fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
        kind: RunKind,
        units: u32,
    ) -> Result<Self, FormatError> {
        let table = match kind {
            RunKind::Sbgp { .. } => SbgpBox::read(reader, header)?.entries,
            RunKind::Stsc => Table::read(reader, header, 0, STSC_ENTRY_SIZE)?,
            RunKind::Stts | RunKind::Ctts => Table::read(reader, header, 0, RUN_ENTRY_SIZE)?,
        };
        // Nothing can be said of units that no entry speaks of.
        let units = if table.count == 0 && kind.padding().is_none() { 0 } else { units };
        let mut pass = Pass::new(kind, units);
        let mut entries = TableReader::new(reader.source(), table, READ_AHEAD);
        let mut open = None;
        let mut index = 0;
        while index < table.count && (pass.left > 0 || index == 0) {
            let window = entries.entries(index)?;
            match kind {
                // 8.7.4.3: `first_chunk` rises from entry to entry.
                RunKind::Stsc => open = pass.take_chunks(window, index, open).map_err(|e| header.error(e))?,
                _ => pass.take_samples(window),
            }
            index += u32::try_from(window.len() / usize::from(table.entry_size)).unwrap_or(table.count);
        }
        if let Some((_, value)) = open {
            pass.take(pass.left, value);
        }
        if pass.left > 0 {
            pass.take(pass.left, kind.padding().unwrap_or(pass.at.previous));
            pass.is_normal = false;
        }
        let (lowest, highest) = if pass.lowest > pass.highest { (0, 0) } else { (pass.lowest, pass.highest) };
        let Pass { at, mut checkpoints, is_normal, bounds, .. } = pass;
        if checkpoints.is_empty() {
            checkpoints.push(Checkpoint::default());
        }
        checkpoints.shrink_to_fit();
        let only = (is_normal && at.runs == 1).then_some(at.previous);
        let offset_bounds = OffsetBounds::of(&checkpoints, &bounds, units, (lowest, highest));
        Ok(Self {
            kind,
            table,
            checkpoints,
            units,
            sum: at.sum,
            lowest,
            highest,
            offset_bounds,
            is_normal,
            only,
        })
    }

    /// The run from a unit on, of a table with only one.
    pub(super) fn only(&self, unit: u32) -> Option<Run> {
        let value = self.only.filter(|_| unit < self.units)?;
        let sum = u64::from(unit) * self.kind.weight(value);
        Some(Run { unit, count: self.units - unit, value, sum, ordinal: 0 })
    }

    /// The table under the runs.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Whether the entries of the file are the runs, so that those inside a range can be copied.
    pub fn is_normal(&self) -> bool {
        self.is_normal
    }

    /// How many units there are: as many as asked for, or none if the table is empty.
    pub fn units(&self) -> u32 {
        self.units
    }

    /// The sum over all units: a track's duration, or its number of samples.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The smallest and the largest value: offset, duration or samples per chunk.
    pub fn extremes(&self) -> (i64, i64) {
        (self.lowest, self.highest)
    }

    /// `ctts`: the smallest and the largest offset, but for outliers.
    pub fn offset_bounds(&self) -> &OffsetBounds {
        &self.offset_bounds
    }

    /// Counts no range as an outlier: the bounds of all offsets are close enough.
    pub fn drop_outliers(&mut self) {
        self.offset_bounds = OffsetBounds::without_outliers((self.lowest, self.highest));
    }

    /// Memory the checkpoints hold.
    pub fn heap_size(&self) -> usize {
        self.checkpoints.capacity() * size_of::<Checkpoint>()
            + self.offset_bounds.outliers.capacity() * size_of::<Range<SampleNumber>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{run_entry, stsc_entry, stsc_head, stts_head};
    use crate::numbers::ChunkNumber;
    use crate::testing::{make_box, read_box, read_runs, read_table, untidy_entries};

    fn values(kind: RunKind, entries: &[(u32, u32)], units: u32) -> Vec<(u32, u64)> {
        let (file, runs) = read_runs(kind, entries, units).unwrap();
        let pieces = runs.pieces_from(&file, 0).unwrap();
        pieces.map(|piece| piece.unwrap()).map(|piece| (piece.count, piece.value)).collect()
    }

    #[test]
    fn entries_are_cut_to_the_units_that_there_are() {
        assert_eq!(values(RunKind::Stts, &[(3, 5), (4, 6)], 5), [(3, 5), (2, 6)]);
        assert_eq!(values(RunKind::Stts, &[(3, 5), (u32::MAX, 6)], 5), [(3, 5), (2, 6)]);
        assert_eq!(values(RunKind::Stts, &[(3, 5)], 0), []);
    }

    #[test]
    fn units_that_no_entry_speaks_of_have_a_value() {
        assert_eq!(values(RunKind::Stts, &[(3, 5)], 5), [(3, 5), (2, 5)]);
        assert_eq!(values(RunKind::Ctts, &[(3, 5)], 5), [(3, 5), (2, 0)]);
        assert_eq!(values(RunKind::Sbgp { default: 7 }, &[(3, 5)], 5), [(3, 5), (2, 7)]);
        assert_eq!(values(RunKind::Ctts, &[], 5), [(5, 0)]);
        // Of durations nothing can be said then.
        assert_eq!(values(RunKind::Stts, &[], 5), []);
        assert_eq!(read_runs(RunKind::Stts, &[], 5).unwrap().1.units(), 0);
    }

    #[test]
    fn sums_and_bounds_are_those_of_all_units() {
        let (_, stts) = read_runs(RunKind::Stts, &[(3, 5), (1, u32::MAX)], 5).unwrap();
        assert_eq!((stts.sum(), stts.extremes()), (15 + 2 * u64::from(u32::MAX), (5, u32::MAX.into())));
        let (_, ctts) = read_runs(RunKind::Ctts, &[(3, 5), (1, u32::MAX - 1)], 4).unwrap();
        assert_eq!((ctts.sum(), ctts.extremes()), (0, (-2, 5)));
        let entries = [stsc_entry(ChunkNumber(0), 4, 1), stsc_entry(ChunkNumber(2), 6, 1)].concat();
        let (_, stsc) = read_table(RunKind::Stsc, &stsc_head(), &entries, 3).unwrap();
        assert_eq!((stsc.sum(), stsc.extremes()), (14, (4, 6)));
        let (_, none) = read_runs(RunKind::Stts, &[(3, 5)], 0).unwrap();
        assert_eq!((none.sum(), none.extremes()), (0, (0, 0)));
    }

    #[test]
    fn only_a_tidy_table_can_be_copied() {
        let is_normal =
            |entries: &[(u32, u32)], units| read_runs(RunKind::Stts, entries, units).unwrap().1.is_normal();
        assert!(is_normal(&[(3, 5), (4, 6)], 7));
        // What comes after the last unit does not matter.
        assert!(is_normal(&[(3, 5), (4, 6), (0, 6)], 5));
        for (entries, units) in
            [(&[(3, 5), (4, 5)][..], 7), (&[(3, 5), (0, 6), (1, 7)], 4), (&[(3, 5), (1, 6)], 7)]
        {
            assert!(!is_normal(entries, units), "{entries:?}");
        }
        assert!(!is_normal(&untidy_entries(), 1000));
        // There is no entry for the offsets of the last two samples.
        assert!(!read_runs(RunKind::Ctts, &[(3, 5)], 5).unwrap().1.is_normal());
    }

    #[test]
    fn the_memory_is_that_of_checkpoints_and_outliers() {
        let entries: Vec<_> = (0..1000).map(|n| (1, n)).collect();
        let (_, mut runs) = read_runs(RunKind::Ctts, &entries, 1000).unwrap();
        assert_eq!(runs.heap_size(), 8 * size_of::<Checkpoint>());
        assert_eq!(runs.table().count, 1000);
        runs.drop_outliers();
        assert_eq!(runs.offset_bounds().highest.0, 999);
    }

    #[test]
    fn a_malformed_table_is_refused() {
        let read =
            |kind, bytes: Vec<u8>| read_box(bytes, |reader, header| Runs::read(reader, header, kind, 9));
        for kind in [RunKind::Stts, RunKind::Ctts, RunKind::Stsc, RunKind::Sbgp { default: 0 }] {
            read(kind, make_box(b"abcd", [0; 7])).unwrap_err();
        }
        // An entry less than it counts, and half of one.
        let mut file = Vec::new();
        stts_head()
            .write(&mut file, |out| out.extend_from_slice(&[run_entry(3, 5), run_entry(4, 6)].concat()));
        for left_out in [8, 4] {
            let short = &file[8..file.len() - left_out];
            let error = read(RunKind::Stts, make_box(b"stts", short)).unwrap_err().to_string();
            assert!(error.contains("2 entries of 8 bytes do not fit"), "{error}");
        }
        // 8.7.4.3
        let falling = [stsc_entry(ChunkNumber(0), 1, 1), stsc_entry(ChunkNumber(0), 2, 1)].concat();
        let error = read_table(RunKind::Stsc, &stsc_head(), &falling, 9).unwrap_err().to_string();
        assert!(error.contains("entry 2 begins at chunk 1, not after chunk 1"), "{error}");
    }
}
