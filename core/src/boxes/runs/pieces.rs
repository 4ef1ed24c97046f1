//! Look-ups in a run-length table, and its pieces and runs in order.

use std::rc::Rc;

use crate::boxes::stsc::first_chunk;
use crate::boxes::{FormatError, TableReader};
use crate::source::ReadAt;

use super::block::{Block, first_entry};
use super::entry::run_fields;
use super::kind::{Checkpoint, Run, RunKind, STRIDE, chunk_entry};
use super::table::Runs;

impl Runs {
    /// The piece that holds `unit`. O(log n).
    ///
    /// # Errors
    /// When the file cannot be read (any more), or there is no such unit.
    pub fn at_unit<R: ReadAt>(&self, source: &R, unit: u32) -> Result<Run, FormatError> {
        if let Some(run) = self.only(unit) {
            return Ok(run);
        }
        let after = self.checkpoints.partition_point(|c| c.unit <= unit);
        let block = Block::of(self, source, after.saturating_sub(1))?;
        if let Some(piece) = block.holding(|at| at.unit <= unit) {
            return Ok(self.cut(piece, unit));
        }
        self.pieces_from(source, unit)?.next().unwrap_or_else(|| Err(self.outside()))
    }

    /// The part of a piece from one of its units on.
    fn cut(&self, piece: Run, unit: u32) -> Run {
        let skipped = unit - piece.unit;
        let sum = piece.sum + u64::from(skipped) * self.kind.weight(piece.value);
        Run { unit, count: piece.count - skipped, sum, ..piece }
    }

    /// The last piece whose sum is not past `sum`: the one that holds that time or sample. O(log
    /// n).
    ///
    /// ```text
    /// go to the last checkpoint whose sum is not past `sum`         (binary search)
    /// go past the entries that end at or before it                  (at most one stride)
    /// if the piece there ends after `sum`: it is the one
    /// else, as at the end of the table: the last piece that begins at or before `sum`
    /// ```
    ///
    /// # Errors
    /// As [`Self::at_unit`].
    pub fn at_sum<R: ReadAt>(&self, source: &R, sum: u64) -> Result<Run, FormatError> {
        if let Some(run) = self.only(0).filter(|_| sum < self.sum) {
            return Ok(run);
        }
        let after = self.checkpoints.partition_point(|c| c.sum <= sum);
        let block = Block::of(self, source, after.saturating_sub(1))?;
        if let Some(piece) = block.holding(|at| at.sum <= sum) {
            return Ok(piece);
        }
        // `sum` is at or past the end of the table.
        let mut pieces = Pieces::at(self, source, after.saturating_sub(1));
        let mut found = None;
        while let Some(piece) = pieces.next_piece()? {
            if piece.sum > sum {
                break;
            }
            found = Some(piece);
            // There may be any number of empty entries before the next piece.
            if pieces.at.sum > sum {
                break;
            }
        }
        found.ok_or_else(|| self.outside())
    }

    /// The pieces from the one that holds `unit` on; the first is cut to begin there.
    ///
    /// ```text
    /// go to the last checkpoint at or before `unit`                 (binary search)
    /// go past the entries that end at or before it                  (at most one stride)
    /// read pieces up to the one that ends after `unit`
    /// cut off its units before `unit`, and their part of the sum
    /// ```
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pieces_from<'a, R: ReadAt>(
        &'a self,
        source: &'a R,
        unit: u32,
    ) -> Result<Pieces<'a, R>, FormatError> {
        if let Some(run) = self.only(unit) {
            return Ok(Pieces::last(self, source, run));
        }
        let after = self.checkpoints.partition_point(|c| c.unit <= unit);
        let mut pieces = Pieces::past(self, source, after.saturating_sub(1), |at| at.unit <= unit)?;
        pieces.hold_from(unit)?;
        Ok(pieces)
    }

    /// As [`Self::pieces_from`], for a caller that looks up each place only once: the entries before
    /// it are skipped, not kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pieces_once_from<'a, R: ReadAt>(
        &'a self,
        source: &'a R,
        unit: u32,
    ) -> Result<Pieces<'a, R>, FormatError> {
        if self.kind == RunKind::Stsc || self.only(unit).is_some() {
            return self.pieces_from(source, unit);
        }
        let after = self.checkpoints.partition_point(|c| c.unit <= unit);
        let mut pieces = Pieces::at(self, source, after.saturating_sub(1));
        pieces.skip_to(unit)?;
        pieces.hold_from(unit)?;
        Ok(pieces)
    }

    /// The runs from the one of `ordinal` on, each whole.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn runs_from<'a, R: ReadAt>(
        &'a self,
        source: &'a R,
        ordinal: u32,
    ) -> Result<MergedRuns<'a, R>, FormatError> {
        // The run may begin before a checkpoint that lies inside it.
        let after = self.checkpoints.partition_point(|c| c.runs <= ordinal);
        let mut pieces = Pieces::past(self, source, after.saturating_sub(1), |at| at.runs <= ordinal)?;
        while let Some(piece) = pieces.next_piece()? {
            if piece.ordinal >= ordinal {
                pieces.held = Some(piece);
                break;
            }
        }
        Ok(MergedRuns { pieces })
    }

    fn outside(&self) -> FormatError {
        FormatError::TableChanged { kind: format!("{:?}", self.kind), offset: self.table.offset }
    }
}

/// The pieces of a table, in order. Empty ones are left out.
pub struct Pieces<'a, R: ReadAt> {
    runs: &'a Runs,
    reader: TableReader<'a, R>,
    entry: u32,
    at: Checkpoint,
    /// A block whose entries from the next on are summed up already, and how many are gone.
    block: Option<(Rc<Block>, usize)>,
    held: Option<Run>,
    padded: bool,
}

impl<'a, R: ReadAt> Pieces<'a, R> {
    fn at(runs: &'a Runs, source: &'a R, checkpoint: usize) -> Self {
        // One more, because an entry of an stsc is ended by the next.
        let reader = TableReader::new(source, runs.table, STRIDE + 1);
        let at = runs.checkpoints.get(checkpoint).copied();
        let entry = if at.is_some() { first_entry(checkpoint) } else { 0 };
        Self { runs, reader, entry, at: at.unwrap_or_default(), block: None, held: None, padded: false }
    }

    /// The last piece.
    fn last(runs: &'a Runs, source: &'a R, piece: Run) -> Self {
        let end =
            Checkpoint { unit: runs.units, runs: piece.ordinal + 1, sum: runs.sum, previous: piece.value };
        Self { entry: runs.table.count, at: end, held: Some(piece), ..Self::at(runs, source, 0) }
    }

    /// The pieces after those entries that follow a checkpoint and end as `is_before` says. Some
    /// that do may be left.
    fn past(
        runs: &'a Runs,
        source: &'a R,
        checkpoint: usize,
        is_before: impl Fn(&Checkpoint) -> bool,
    ) -> Result<Self, FormatError> {
        let block = Block::of(runs, source, checkpoint)?;
        let (passed, at) = block.past(is_before);
        let mut this = Self::at(runs, source, checkpoint);
        this.entry += passed;
        this.at = at;
        this.block = Some((block, passed as usize));
        Ok(this)
    }

    /// Goes past the entries that end at or before `unit`, of those up to the next checkpoint. They
    /// are not those of an `stsc`.
    fn skip_to(&mut self, unit: u32) -> Result<(), FormatError> {
        let end = self.entry.saturating_add(STRIDE).min(self.runs.table.count);
        let has_sum = self.runs.kind == RunKind::Stts;
        // Local copies, which stay in registers.
        let Checkpoint { unit: mut begins, mut runs, mut sum, mut previous } = self.at;
        let mut entry = self.entry;
        let mut is_found = begins > unit;
        while entry < end && !is_found {
            let bytes = self.reader.entries(entry)?;
            let (most, first) = ((end - entry) as usize, entry);
            for (count, value) in bytes.chunks_exact(8).take(most).map(run_fields) {
                if count > unit - begins {
                    is_found = true;
                    break;
                }
                let is_new = count > 0 && (runs == 0 || previous != u64::from(value));
                runs += u32::from(is_new);
                previous = if is_new { value.into() } else { previous };
                begins += count;
                sum += if has_sum { u64::from(count) * u64::from(value) } else { 0 };
                entry += 1;
            }
            if entry == first {
                break;
            }
        }
        (self.at, self.entry) = (Checkpoint { unit: begins, runs, sum, previous }, entry);
        Ok(())
    }

    /// Goes on to the piece that holds `unit`, and cuts it to begin there.
    fn hold_from(&mut self, unit: u32) -> Result<(), FormatError> {
        while let Some(piece) = self.next_piece()? {
            if piece.end() > unit {
                self.held = Some(self.runs.cut(piece, unit));
                break;
            }
        }
        Ok(())
    }

    /// The next piece that is not empty.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Run>, FormatError> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        loop {
            match self.next_entry()? {
                Some(piece) if piece.count == 0 => {}
                piece => return Ok(piece),
            }
        }
    }

    /// Goes on at the last checkpoint that lies inside of `run`, the one that was begun last.
    fn skip_inside(&mut self, run: &mut Run) {
        let inside = self.runs.checkpoints.partition_point(|c| c.runs <= run.ordinal + 1).saturating_sub(1);
        let entry = u32::try_from(inside).unwrap_or(u32::MAX).saturating_mul(STRIDE);
        if let Some(&checkpoint) = self.runs.checkpoints.get(inside).filter(|_| entry > self.entry) {
            run.count = checkpoint.unit.saturating_sub(run.unit).max(run.count);
            self.at = checkpoint;
            self.entry = entry;
            self.block = None;
        }
    }

    /// What the next entry covers, which may be nothing; after the last entry, the
    /// units it should have covered.
    fn next_entry(&mut self) -> Result<Option<Run>, FormatError> {
        if let Some((block, gone)) = &mut self.block {
            if let Some((piece, end)) = block.piece(*gone) {
                *gone += 1;
                self.entry += 1;
                self.at = end;
                return Ok(Some(piece));
            }
            self.block = None;
        }
        let left = self.runs.units.saturating_sub(self.at.unit);
        if self.padded || (left == 0 && self.entry > 0) {
            return Ok(None);
        }
        let (count, value) = if self.entry < self.runs.table.count {
            let entry = self.entry;
            self.entry += 1;
            self.read_entry(entry)?
        } else {
            self.padded = true;
            (left, self.runs.kind.padding().unwrap_or(self.at.previous))
        };
        let count = count.min(left);
        let (unit, sum) = (self.at.unit, self.at.sum);
        self.at.pass(self.runs.kind, count, value);
        let ordinal = self.at.runs.saturating_sub(1);
        Ok(Some(Run { unit, count, value, sum, ordinal }))
    }

    fn read_entry(&mut self, entry: u32) -> Result<(u32, u64), FormatError> {
        let b = self.reader.entry(entry)?;
        if self.runs.kind != RunKind::Stsc {
            let (count, value) = run_fields(b);
            return Ok((count, value.into()));
        }
        let (first, value) = chunk_entry(b, entry);
        let next = if entry + 1 < self.runs.table.count {
            first_chunk(self.reader.entry(entry + 1)?)
        } else {
            self.runs.units.saturating_add(1).max(first)
        };
        let count = next.checked_sub(first).filter(|&n| n > 0 || entry + 1 == self.runs.table.count);
        let count = count.ok_or_else(|| self.runs.outside())?;
        Ok((count, value))
    }
}

impl<R: ReadAt> Iterator for Pieces<'_, R> {
    type Item = Result<Run, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_piece().transpose()
    }
}

/// The merged runs of a table, in order.
pub struct MergedRuns<'a, R: ReadAt> {
    pieces: Pieces<'a, R>,
}

impl<R: ReadAt> Iterator for MergedRuns<'_, R> {
    type Item = Result<Run, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut run = match self.pieces.next_piece().transpose()? {
            Ok(run) => run,
            e => return Some(e),
        };
        self.pieces.skip_inside(&mut run);
        loop {
            match self.pieces.next_piece() {
                Ok(Some(piece)) if piece.ordinal == run.ordinal => run.count += piece.count,
                Ok(piece) => {
                    self.pieces.held = piece;
                    return Some(Ok(run));
                }
                Err(e) => return Some(Err(e)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{stsc_entry, stsc_head};
    use crate::numbers::ChunkNumber;
    use crate::testing::{read_runs, read_table, untidy_entries, values};

    #[test]
    fn each_unit_is_found_with_its_value_and_sum() {
        let entries = untidy_entries();
        let values = values(&entries);
        let (file, runs) = read_runs(RunKind::Stts, &entries, u32::try_from(values.len()).unwrap()).unwrap();
        let (mut sum, mut unit) = (0, 0);
        for value in values {
            let found = runs.at_unit(&file, unit).unwrap();
            assert_eq!((found.unit, found.value, found.sum), (unit, value.into(), sum));
            // All times of a sample are that sample's.
            for time in [sum, sum + u64::from(value) - 1] {
                let found = runs.at_sum(&file, time).unwrap();
                assert!((found.unit..found.end()).contains(&unit), "{time}");
                assert_eq!(found.sum + u64::from(unit - found.unit) * found.value, sum);
            }
            (sum, unit) = (sum + u64::from(value), unit + 1);
        }
        runs.at_unit(&file, unit).unwrap_err();
        assert_eq!(runs.at_sum(&file, u64::MAX).unwrap().end(), unit);
    }

    #[test]
    fn pieces_go_on_from_any_unit() {
        let entries = untidy_entries();
        let values = values(&entries);
        let (file, runs) = read_runs(RunKind::Ctts, &entries, u32::try_from(values.len()).unwrap()).unwrap();
        for from in [0, 1, 190, 191, 192, 500, values.len() - 1, values.len()] {
            let pieces = runs.pieces_from(&file, u32::try_from(from).unwrap()).unwrap();
            let pieces = pieces.map(|piece| piece.unwrap());
            let left: Vec<_> = pieces.flat_map(|piece| vec![piece.value; piece.count as usize]).collect();
            let first = u32::try_from(from).unwrap();
            let all = |pieces: Pieces<'_, Vec<u8>>| pieces.map(|piece| piece.unwrap()).collect::<Vec<_>>();
            let once = runs.pieces_once_from(&file, first).unwrap();
            assert!(all(once) == all(runs.pieces_from(&file, first).unwrap()), "{from}");
            assert!(
                left.iter().eq(values[from..]
                    .iter()
                    .map(|&value| u64::from(value))
                    .collect::<Vec<_>>()
                    .iter())
            );
        }
    }

    #[test]
    fn runs_are_merged_and_numbered() {
        let entries = untidy_entries();
        let units = u32::try_from(values(&entries).len()).unwrap();
        let (file, runs) = read_runs(RunKind::Sbgp { default: 0 }, &entries, units).unwrap();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for value in values(&entries) {
            match merged.last_mut() {
                Some((count, last)) if *last == value => *count += 1,
                _ => merged.push((1, value)),
            }
        }
        for from in [0, 1, 57, 100, merged.len() - 1, merged.len()] {
            let first = u32::try_from(from).unwrap();
            let read: Vec<_> = runs.runs_from(&file, first).unwrap().map(|run| run.unwrap()).collect();
            assert!(
                read.iter()
                    .map(|run| (run.count, run.value))
                    .eq(merged[from..].iter().map(|&(count, value)| (count, value.into())))
            );
            assert!(read.iter().map(|run| run.ordinal).eq(first..u32::try_from(merged.len()).unwrap()));
        }
    }

    #[test]
    fn a_run_of_many_entries_is_one() {
        let entries = [&[(1, 4)][..], &[(3, 5)].repeat(1000), &[(1, 6)]].concat();
        let (file, runs) = read_runs(RunKind::Stts, &entries, 3002).unwrap();
        let read: Vec<_> = runs.runs_from(&file, 1).unwrap().map(|run| run.unwrap()).collect();
        assert_eq!(read.iter().map(|run| (run.unit, run.count)).collect::<Vec<_>>(), [(1, 3000), (3001, 1)]);
    }

    #[test]
    fn chunks_are_found_where_the_next_entry_begins() {
        let entry = |n: u32| stsc_entry(ChunkNumber(3 * n), n + 1, 1 + n % 2);
        let entries: Vec<_> = (0..300).map(entry).collect();
        let (file, runs) = read_table(RunKind::Stsc, &stsc_head(), &entries.concat(), 905).unwrap();
        for chunk in [0, 2, 3, 386, 387, 500, 896, 897, 904] {
            let found = runs.at_unit(&file, chunk).unwrap();
            let n = (chunk / 3).min(299);
            assert_eq!((found.samples_per_chunk(), found.description_index()), (n + 1, 1 + n % 2), "{chunk}");
            assert_eq!((found.unit, found.end()), (chunk, if n == 299 { 905 } else { 3 * n + 3 }));
            let before: u32 = (0..chunk).map(|chunk| (chunk / 3).min(299) + 1).sum();
            assert_eq!(found.sum, before.into());
        }
        // One after the other they are as long.
        let pieces = runs.pieces_from(&file, 0).unwrap().map(|piece| piece.unwrap());
        assert!(
            pieces
                .map(|piece| (piece.unit, piece.count))
                .eq((0..300).map(|n| (3 * n, if n == 299 { 8 } else { 3 })))
        );
        runs.at_unit(&file, 905).unwrap_err();
    }

    #[test]
    fn a_table_that_changed_gives_an_error_and_no_nonsense() {
        let entries = [stsc_entry(ChunkNumber(0), 1, 1), stsc_entry(ChunkNumber(5), 2, 1)];
        let (mut file, runs) = read_table(RunKind::Stsc, &stsc_head(), &entries.concat(), 9).unwrap();
        // The second entry comes before the first now.
        file[28..32].fill(0);
        assert!(matches!(runs.at_unit(&file, 3), Err(FormatError::TableChanged { .. })));
        let (file, runs) = read_runs(RunKind::Stts, &[(3, 5), (4, 6)], 7).unwrap();
        assert!(runs.at_unit(&file[..20].to_vec(), 5).unwrap_err().is_unread());
    }
}
