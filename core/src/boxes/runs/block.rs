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
        let bounds = Sums::of(runs, source, entry, start)?;
        let block = Rc::new(Self { kind: runs.kind, units: runs.units, bounds });
        if let Some(memo) = memo {
            memo.keep(offset, Rc::clone(&block));
        }
        Ok(block)
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
        self.piece(after.checked_sub(1)?).map(|(piece, _)| piece)
    }

    /// What entry `n` of the block says, and where it ends. The value of an entry without units is
    /// not known.
    #[inline]
    pub(super) fn piece(&self, n: usize) -> Option<(Run, Checkpoint)> {
        let (start, end) = (self.bounds.get(n)?, self.bounds.get(n + 1)?);
        let piece = Run {
            unit: start.unit,
            count: end.unit - start.unit,
            value: end.previous,
            sum: start.sum,
            ordinal: end.runs.saturating_sub(1),
        };
        Some((piece, *end))
    }
}

/// The entries of a block as they are summed up.
struct Sums {
    at: Checkpoint,
    /// Units that are still to be covered.
    left: u32,
    bounds: Vec<Checkpoint>,
}

/// An entry: how many units, their value, and what each adds to the sum.
type Entry = (u32, u64, u32);

impl Sums {
    /// Where the entries from `first` on begin, of which `start` is known, and where the last one
    /// ends.
    fn of<R: ReadAt>(
        runs: &Runs,
        source: &R,
        first: u32,
        start: Checkpoint,
    ) -> Result<Vec<Checkpoint>, FormatError> {
        let mut bounds = Vec::with_capacity(1 + STRIDE as usize);
        bounds.push(start);
        let mut this = Self { at: start, left: runs.units.saturating_sub(start.unit), bounds };
        let entries = first..first.saturating_add(STRIDE).min(runs.table.count);
        // One more, because an entry of an stsc is ended by the next.
        let mut reader = TableReader::new(source, runs.table, STRIDE + 1);
        match runs.kind {
            RunKind::Stsc => this.read_chunks(&mut reader, entries, runs)?,
            kind => this.read_samples(&mut reader, entries, kind)?,
        }
        // Entries after the last unit are not read.
        let held = this.bounds.partition_point(|at| at.unit < runs.units);
        this.bounds.truncate(held + 1);
        Ok(this.bounds)
    }

    /// Reads entries of any table but an `stsc`.
    fn read_samples<R: ReadAt>(
        &mut self,
        reader: &mut TableReader<'_, R>,
        entries: Range<u32>,
        kind: RunKind,
    ) -> Result<(), FormatError> {
        let mut next = entries.start;
        while next < entries.end && self.left > 0 {
            let bytes = reader.entries(next)?;
            let bytes = bytes.get(..8 * (entries.end - next) as usize).unwrap_or(bytes);
            let fields = bytes.chunks_exact(8).map(run_fields);
            if kind == RunKind::Stts {
                self.take(fields.map(|(count, value)| (count, value.into(), value)));
            } else {
                self.take(fields.map(|(count, value)| (count, value.into(), 0)));
            }
            next += u32::try_from(bytes.len() / 8).unwrap_or(STRIDE);
        }
        Ok(())
    }

    /// Reads entries of an `stsc`, each of which is ended by the next. The last one of the table is
    /// ended by the number of chunks.
    fn read_chunks<R: ReadAt>(
        &mut self,
        reader: &mut TableReader<'_, R>,
        entries: Range<u32>,
        runs: &Runs,
    ) -> Result<(), FormatError> {
        if entries.is_empty() {
            return Ok(());
        }
        let ended = |(first, value): (u32, u64), end: u32| -> Entry {
            (end.saturating_sub(first), value, u32::try_from(RunKind::Stsc.weight(value)).unwrap_or(u32::MAX))
        };
        let mut open = chunk_entry(reader.entry(entries.start)?, entries.start);
        let mut next = entries.start + 1;
        let end = entries.end.saturating_add(1).min(runs.table.count);
        while next < end && self.left > 0 {
            let bytes = reader.entries(next)?;
            let bytes = bytes.get(..12 * (end - next) as usize).unwrap_or(bytes);
            let mut is_ordered = true;
            let mut ordered = self.bounds.len();
            self.take(bytes.chunks_exact(12).map(|b| {
                // The number is not that of the first entry, which is special.
                let following = chunk_entry(b, 1);
                let entry = ended(open, following.0);
                is_ordered &= entry.0 > 0;
                ordered += usize::from(is_ordered);
                open = following;
                entry
            }));
            if !is_ordered {
                // What is out of order is an error to whoever reads on from there.
                self.bounds.truncate(ordered);
                return Ok(());
            }
            next += u32::try_from(bytes.len() / 12).unwrap_or(STRIDE);
        }
        if entries.end == runs.table.count {
            self.take([ended(open, runs.units.saturating_add(1))].into_iter());
        }
        Ok(())
    }

    /// Takes the entries that follow.
    #[inline]
    fn take(&mut self, entries: impl Iterator<Item = Entry>) {
        // Local copies, which stay in registers.
        let (mut at, mut left) = (self.at, self.left);
        self.bounds.extend(entries.map(|(count, value, weight)| {
            let count = count.min(left);
            left -= count;
            let is_new = count > 0 && (at.runs == 0 || at.previous != value);
            // There are no more runs than entries, and no more units than fit. The pass over the
            // table has shown that the sum fits, too; that of a file that has changed must at least
            // not go back.
            at.runs = at.runs.wrapping_add(is_new.into());
            at.previous = if is_new { value } else { at.previous };
            at.unit = at.unit.wrapping_add(count);
            at.sum = at.sum.saturating_add(u64::from(count) * u64::from(weight));
            at
        }));
        (self.at, self.left) = (at, left);
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
