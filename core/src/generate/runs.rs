//! Run-length tables of samples: `stts`, `ctts`, `sbgp`.

use crate::boxes::{FormatError, Runs};
use crate::plan::RunSlice;

use super::context::Generator;
use super::words::{change_words, put_words};

/// How a value of the source becomes one of the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) multiplier: u32,
    /// Added after that.
    pub(super) shift: u32,
}

impl Change {
    pub(super) const NONE: Self = Self { multiplier: 1, shift: 0 };

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
        slice: &RunSlice,
        change: Change,
        index: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let copied = if runs.is_normal() { 1..slice.count.saturating_sub(1) } else { 0..0 };
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
            let (now, later) = rest.split_at_mut(rest.len().min(8 * (end - n) as usize));
            if copied.contains(&n) {
                runs.table().read_entries(&self.film.source, slice.first.saturating_add(n), now)?;
                if change != Change::NONE {
                    change_words::<8>(now, 4, |value| change.of(value));
                }
            } else {
                let mut read = runs.runs_from(&self.film.source, slice.first.saturating_add(n))?;
                for entry in now.chunks_exact_mut(8) {
                    let run = read.next().ok_or(FormatError::Changed)??;
                    let units =
                        run.end().min(slice.units.end).saturating_sub(run.unit.max(slice.units.start));
                    let value = change.of(u32::try_from(run.value).unwrap_or(u32::MAX));
                    put_words(entry, &[units, value]);
                }
            }
            (rest, n) = (later, end);
        }
        Ok(())
    }
}
