//! Run-length tables of samples: `stts`, `ctts`, `sbgp`.

use crate::boxes::{FormatError, RUN_ENTRY_SIZE, Runs, change_run_values, put_run_entry};
use crate::numbers::{Numbers, SampleNumber};
use crate::plan::RunSlice;
use crate::time::ClipTime;

use super::context::Generator;

/// How the 32 bits of a value of the source become those of one of the answer. Two's complement
/// multiplies and adds signed and unsigned numbers alike.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    multiplier: u32,
    /// The field of what is added after that.
    shift: u32,
}

impl Change {
    /// Values stay as they are.
    pub(super) const NONE: Self = Self { multiplier: 1, shift: 0 };

    /// Durations in the clip's media timescale.
    pub(super) fn of_durations(multiplier: u32) -> Self {
        Self { multiplier, shift: 0 }
    }

    /// Composition offsets in the clip's media timescale, moved. The plan has checked that they
    /// have 32 bits.
    pub(super) fn of_offsets(multiplier: u32, shift: ClipTime) -> Self {
        Self { multiplier, shift: shift.offset_field() }
    }

    #[inline]
    fn of(self, value: u32) -> u32 {
        value.wrapping_mul(self.multiplier).wrapping_add(self.shift)
    }
}

impl Generator<'_> {
    /// Entries of a sample count and a value, which is changed.
    ///
    /// Where each entry of the source is a run, all but the first and the last run are copied and
    /// changed in place. The first and the last may be cut, and are computed one by one, as all are
    /// in other tables.
    pub(super) fn write_runs(
        &self,
        runs: &Runs,
        slice: &RunSlice<SampleNumber>,
        change: Change,
        index: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let copied = if runs.is_normal() { 1..slice.count.saturating_sub(1) } else { 0..0 };
        let units = slice.units.units();
        let mut rest = out;
        let mut n = index;
        while !rest.is_empty() {
            let end = if n < copied.start {
                copied.start
            } else if n < copied.end {
                copied.end
            } else {
                u32::MAX
            };
            let (now, later) =
                rest.split_at_mut(rest.len().min(usize::from(RUN_ENTRY_SIZE) * (end - n) as usize));
            if copied.contains(&n) {
                runs.table().read_entries(&self.film.source, slice.first.saturating_add(n), now)?;
                if change != Change::NONE {
                    change_run_values(now, |value| change.of(value));
                }
            } else {
                let mut read = runs.runs_from(&self.film.source, slice.first.saturating_add(n))?;
                for entry in now.chunks_exact_mut(RUN_ENTRY_SIZE.into()) {
                    let run = read.next().ok_or(FormatError::Changed)??;
                    let count = run.end().min(units.end).saturating_sub(run.unit.max(units.start));
                    let value = change.of(u32::try_from(run.value).unwrap_or(u32::MAX));
                    put_run_entry(entry, count, value);
                }
            }
            (rest, n) = (later, end);
        }
        Ok(())
    }
}
