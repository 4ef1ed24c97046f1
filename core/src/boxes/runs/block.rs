//! The entries from a checkpoint to the next, summed up for look-ups.

use std::ops::Range;
use std::rc::Rc;

use crate::boxes::{FormatError, TableReader};
use crate::source::ReadAt;

use super::entry::run_fields;
use super::kind::{Checkpoint, Run, RunKind, STRIDE, chunk_entry};
use super::table::Runs;

/// The entries from a checkpoint to the next, or to where the units end.
pub(super) struct Block {
    kind: RunKind,
    units: u32,
    /// Where each entry begins, and where the last one ends.
    bounds: Vec<Checkpoint>,
}

impl Block {
    /// The block after a checkpoint. A request that has a memo sums it up only once.
    pub(super) fn of<R: ReadAt>(runs: &Runs, source: &R, checkpoint: usize) -> Result<Rc<Self>, FormatError> {
        let memo = source.memo();
        let entry = first_entry(checkpoint);
        let offset = runs.table.entry_offset(entry);
        let is_of = |block: &Rc<Self>| block.kind == runs.kind && block.units == runs.units;
        if let Some(block) = memo.and_then(|memo| memo.get(offset)).filter(is_of) {
            return Ok(block);
        }
        let start = runs.checkpoints.get(checkpoint).copied().unwrap_or_default();
        let mut block =
            Self { kind: runs.kind, units: runs.units, bounds: Vec::with_capacity(1 + STRIDE as usize) };
        block.bounds.push(start);
        block.read(runs, source, entry, start)?;
        let block = Rc::new(block);
        if let Some(memo) = memo {
            memo.keep(offset, Rc::clone(&block));
        }
        Ok(block)
    }

    fn read<R: ReadAt>(
        &mut self,
        runs: &Runs,
        source: &R,
        first: u32,
        mut at: Checkpoint,
    ) -> Result<(), FormatError> {
        let end = first.saturating_add(STRIDE).min(runs.table.count);
        // One more, because an entry of an stsc is ended by the next.
        let mut reader = TableReader::new(source, runs.table, STRIDE + 1);
        if self.kind == RunKind::Stsc {
            return self.read_chunks(&mut reader, first..end, runs.table.count, at);
        }
        let mut entry = first;
        while entry < end {
            let bytes = reader.entries(entry)?;
            for b in bytes.chunks_exact(8).take((end - entry) as usize) {
                let (count, value) = run_fields(b);
                if !self.take(&mut at, count, value.into()) {
                    return Ok(());
                }
            }
            entry += u32::try_from(bytes.len() / 8).unwrap_or(STRIDE);
        }
        Ok(())
    }

    fn read_chunks<R: ReadAt>(
        &mut self,
        reader: &mut TableReader<'_, R>,
        entries: Range<u32>,
        table_count: u32,
        mut at: Checkpoint,
    ) -> Result<(), FormatError> {
        if entries.is_empty() {
            return Ok(());
        }
        let (mut first, mut value) = chunk_entry(reader.entry(entries.start)?, entries.start);
        for next in entries.start + 1..=entries.end {
            let (end, next_value) = if next < table_count {
                chunk_entry(reader.entry(next)?, next)
            } else {
                (self.units.saturating_add(1).max(first), value)
            };
            // What is out of order is an error to whoever reads on from there.
            if end <= first && next < table_count || !self.take(&mut at, end - first, value) {
                break;
            }
            (first, value) = (end, next_value);
        }
        Ok(())
    }

    /// Takes the next entry. Returns whether there may be more.
    #[inline]
    fn take(&mut self, at: &mut Checkpoint, count: u32, value: u64) -> bool {
        let left = self.units.saturating_sub(at.unit);
        at.pass(self.kind, count.min(left), value);
        self.bounds.push(*at);
        count < left
    }

    /// The number of entries.
    fn len(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// Which entry follows those that end as `is_before` says, and where it begins. The last one is
    /// never passed.
    pub(super) fn past(&self, is_before: impl Fn(&Checkpoint) -> bool) -> (u32, Checkpoint) {
        let passed = self.bounds.partition_point(is_before).min(self.len()).saturating_sub(1);
        (u32::try_from(passed).unwrap_or(0), self.bounds.get(passed).copied().unwrap_or_default())
    }

    /// The piece that ends after what `is_before` says, if it is one of these.
    pub(super) fn holding(&self, is_before: impl Fn(&Checkpoint) -> bool) -> Option<Run> {
        let after = self.bounds.partition_point(is_before);
        let (start, end) = (self.bounds.get(after.checked_sub(1)?)?, self.bounds.get(after)?);
        Some(Run {
            unit: start.unit,
            count: end.unit - start.unit,
            value: end.previous,
            sum: start.sum,
            ordinal: end.runs.saturating_sub(1),
        })
    }
}

/// The first entry after a checkpoint.
pub(super) fn first_entry(checkpoint: usize) -> u32 {
    u32::try_from(checkpoint).unwrap_or(u32::MAX).saturating_mul(STRIDE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read_runs;

    /// Whether they end in the first block or in a later one.
    #[test]
    fn a_block_ends_where_the_units_end() {
        let entries: Vec<(u32, u32)> = (0..300).map(|n| (3, n)).collect();
        for units in [1, 100, 3 * STRIDE, 3 * STRIDE + 1, 899] {
            let (file, runs) = read_runs(RunKind::Stts, &entries, units).unwrap();
            let last = runs.at_unit(&file, units - 1).unwrap();
            assert_eq!((last.unit, last.end()), (units - 1, units));
            let sum = last.sum;
            assert_eq!(runs.at_sum(&file, sum).unwrap().end(), units);
            runs.at_unit(&file, units).unwrap_err();
        }
    }
}
