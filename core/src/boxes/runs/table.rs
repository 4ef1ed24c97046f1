//! A run-length table: where it stands, and its checkpoints.

use std::ops::Range;

use crate::boxes::stsc::STSC_ENTRY_SIZE;
use crate::boxes::{BoxHeader, FormatError, READ_AHEAD, Reader, SbgpBox, Table, TableReader};
use crate::numbers::SampleNumber;
use crate::source::ReadAt;

use super::build::Pass;
use super::entry::RUN_ENTRY_SIZE;
use super::kind::{Checkpoint, RunKind};
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
        let offset_bounds = OffsetBounds::of(&checkpoints, &bounds, units, (lowest, highest));
        Ok(Self { kind, table, checkpoints, units, sum: at.sum, lowest, highest, offset_bounds, is_normal })
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
