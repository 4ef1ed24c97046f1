//! The one pass over a run-length table that leaves checkpoints.

use crate::boxes::stsc::{first_chunk, of_each_chunk};

use super::entry::run_fields;
use super::kind::{Checkpoint, RunKind, STRIDE, chunk_entry, out_of_order};

/// The one pass over a table that leaves checkpoints.
pub(super) struct Pass {
    kind: RunKind,
    pub(super) at: Checkpoint,
    entry: u32,
    pub(super) checkpoints: Vec<Checkpoint>,
    /// Units that are still to be covered.
    pub(super) left: u32,
    pub(super) lowest: i64,
    pub(super) highest: i64,
    /// `ctts`: bounds from each checkpoint to the next.
    pub(super) bounds: Vec<(i64, i64)>,
    pub(super) is_normal: bool,
}

impl Pass {
    /// A pass over a table for `units` samples or chunks.
    pub(super) fn new(kind: RunKind, units: u32) -> Self {
        Self {
            kind,
            at: Checkpoint::default(),
            entry: 0,
            checkpoints: Vec::new(),
            left: units,
            lowest: i64::MAX,
            highest: i64::MIN,
            bounds: Vec::new(),
            is_normal: true,
        }
    }

    /// Takes the next entry.
    pub(super) fn take(&mut self, count: u32, value: u64) {
        if self.left == 0 && self.entry > 0 {
            return;
        }
        self.note_checkpoint();
        self.entry += 1;
        let count = count.min(self.left);
        self.left -= count;
        self.at.pass(self.kind, count, value);
        self.is_normal &= count > 0 && self.at.runs == self.entry;
        if count > 0 {
            self.note_bounds((self.kind.extreme(value), self.kind.extreme(value)));
        }
    }

    fn note_checkpoint(&mut self) {
        if self.entry % STRIDE == 0 {
            self.checkpoints.push(self.at);
            if self.kind == RunKind::Ctts {
                self.bounds.push((i64::MAX, i64::MIN));
            }
        }
    }

    fn note_bounds(&mut self, (lowest, highest): (i64, i64)) {
        self.lowest = self.lowest.min(lowest);
        self.highest = self.highest.max(highest);
        if let Some(last) = self.bounds.last_mut() {
            *last = (last.0.min(lowest), last.1.max(highest));
        }
    }

    /// How many entries there are up to the next checkpoint.
    fn room(&self) -> usize {
        (STRIDE - self.entry % STRIDE) as usize
    }

    /// Takes the next `n` entries, no more than there are up to the next checkpoint. A long movie
    /// has a million, and they are most of what its first request costs.
    ///
    /// ```text
    /// if an entry is empty, the units run out, or this is the first entry of all
    ///     take the entries one by one
    /// else
    ///     leave a checkpoint, if one is due
    ///     widen the bounds by the least and the greatest value
    ///     sum  += count * value of each entry
    ///     unit += count of each entry
    ///     runs += entries whose value differs from that of the entry before
    /// ```
    fn take_block(&mut self, block: &Block, n: usize) {
        let [counts, values, more] =
            [&block.counts, &block.values, &block.more].map(|b| b.get(..n).unwrap_or_default());
        let kind = self.kind;
        let all = || values.iter().zip(more).map(|(&value, &more)| kind.value(value, more));
        // Each in a loop of its own, so that it takes several entries at a time.
        let units = counts.iter().fold(0u64, |all, &count| all.wrapping_add(count.into()));
        let left = u64::from(self.left).checked_sub(units).and_then(|left| u32::try_from(left).ok());
        let (Some(left), Some(first), Some(last), false, true) =
            (left, all().next(), all().next_back(), block.has_empty(n), self.at.runs > 0)
        else {
            return counts.iter().zip(all()).for_each(|(&count, value)| self.take(count, value));
        };
        let changes = match kind {
            RunKind::Stsc => count_u32(all().zip(all().skip(1)).map(|(one, next)| one != next)),
            _ => count_u32(values.iter().zip(values.iter().skip(1)).map(|(one, next)| one != next)),
        };
        let (lowest, highest) = match kind {
            RunKind::Ctts => bounds(values.iter().map(|v| i32::from_ne_bytes(v.to_ne_bytes()))),
            _ => bounds(values.iter().copied()),
        };
        self.note_checkpoint();
        self.note_bounds((lowest, highest));
        if matches!(kind, RunKind::Stts | RunKind::Stsc) {
            let products = counts.iter().zip(values).map(|(&n, &value)| u64::from(n) * u64::from(value));
            // No more units than are left: it fits.
            self.at.sum += products.fold(0, u64::wrapping_add);
        }
        self.at.unit += self.left - left;
        self.at.runs += changes + u32::from(first != self.at.previous);
        self.at.previous = last;
        self.left = left;
        self.entry += u32::try_from(n).unwrap_or(0);
        self.is_normal &= self.at.runs == self.entry;
    }

    /// Takes entries of any table but an `stsc`.
    pub(super) fn take_samples(&mut self, entries: &[u8]) {
        let mut block = Block::EMPTY;
        let mut rest = entries;
        while !rest.is_empty() {
            let (now, more) = rest.split_at(rest.len().min(8 * self.room()));
            let fields = block.counts.iter_mut().zip(&mut block.values);
            for ((count, value), b) in fields.zip(now.chunks_exact(8)) {
                (*count, *value) = run_fields(b);
            }
            self.take_block(&block, now.len() / 8);
            rest = more;
        }
    }

    /// Takes entries of an `stsc`, the first of which is entry `index`. Each ends the one before
    /// it. `open` is the one before the first. Returns the last.
    pub(super) fn take_chunks(
        &mut self,
        entries: &[u8],
        index: u32,
        open: Option<(u32, u64)>,
    ) -> Result<Option<(u32, u64)>, String> {
        let count = entries.len() / 12;
        let entries_in =
            |from: usize, to: usize| entries.get(12 * from..12 * to).unwrap_or_default().chunks_exact(12);
        let mut block = Block::EMPTY;
        let mut open = open;
        let mut done = 0;
        while let Some(entry) = entries_in(done, done + 1).next() {
            let number = index.saturating_add(u32::try_from(done).unwrap_or(u32::MAX));
            let (first, value) = chunk_entry(entry, number);
            if let Some((before, value)) = open.replace((first, value)).filter(|_| self.left > 0) {
                let count = first.checked_sub(before).filter(|&n| n > 0);
                self.take(count.ok_or_else(|| out_of_order(number, first, before))?, value);
            }
            done += 1;
            // Those that follow it, each with the one that it ends. The number of the table's first
            // chunk is not read.
            let n = self.room().min(count - done);
            let fields = block.counts.iter_mut().zip(&mut block.values).zip(&mut block.more);
            let pairs = entries_in(done - 1, done - 1 + n).zip(entries_in(done, done + n));
            for (((count, samples), description), (b, next)) in fields.zip(pairs) {
                *count = first_chunk(next).saturating_sub(first_chunk(b));
                (*samples, *description) = of_each_chunk(b);
            }
            if number > 0 && n > 0 && !block.has_empty(n) {
                self.take_block(&block, n);
                done += n;
                open = entries_in(done - 1, done).next().map(|b| chunk_entry(b, 1));
            }
        }
        Ok(open)
    }
}

/// Entries between two checkpoints, field by field.
struct Block {
    counts: [u32; STRIDE as usize],
    values: [u32; STRIDE as usize],
    /// `stsc`: description indices.
    more: [u32; STRIDE as usize],
}

impl Block {
    const EMPTY: Self =
        Self { counts: [0; STRIDE as usize], values: [0; STRIDE as usize], more: [0; STRIDE as usize] };

    fn has_empty(&self, n: usize) -> bool {
        self.counts.iter().take(n).fold(false, |any, &count| any | (count == 0))
    }
}

fn count_u32(these: impl Iterator<Item = bool>) -> u32 {
    these.fold(0, |count: u32, this| count.wrapping_add(this.into()))
}

/// The least and the greatest.
fn bounds<T: Copy + Ord + Into<i64>>(values: impl Iterator<Item = T> + Clone) -> (i64, i64) {
    let (Some(least), Some(greatest)) = (values.clone().min(), values.max()) else { return (0, 0) };
    (least.into(), greatest.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{run_entry, stsc_entry};
    use crate::numbers::ChunkNumber;
    use crate::testing::untidy_entries;

    /// Checks that both passes leave the same.
    fn assert_same(one: &Pass, other: &Pass, what: &str) {
        assert_eq!((&one.checkpoints, one.at), (&other.checkpoints, other.at), "{what}");
        assert_eq!(
            (one.lowest, one.highest, &one.bounds),
            (other.lowest, other.highest, &other.bounds),
            "{what}"
        );
        assert_eq!((one.left, one.is_normal), (other.left, other.is_normal), "{what}");
    }

    #[test]
    fn entries_are_taken_many_at_once_as_they_are_one_by_one() {
        let tidy: Vec<_> = (0..700u32).map(|n| (1 + n % 3, 10 + n % 2)).collect();
        let negative: Vec<_> = (0..300u32).map(|n| (2, n.wrapping_sub(150))).collect();
        for kind in [RunKind::Stts, RunKind::Ctts, RunKind::Sbgp { default: 0 }] {
            for entries in [&tidy, &untidy_entries(), &negative] {
                // The units run out inside a block, at its end, or not at all.
                for units in [1, 130, 256, 600, u32::MAX] {
                    let mut blocks = Pass::new(kind, units);
                    let bytes: Vec<_> =
                        entries.iter().map(|&(count, value)| run_entry(count, value)).collect();
                    // As windows come, not in step with checkpoints.
                    bytes.concat().chunks(8 * 100).for_each(|window| blocks.take_samples(window));
                    let mut single = Pass::new(kind, units);
                    entries.iter().for_each(|&(count, value)| single.take(count, value.into()));
                    assert_same(&blocks, &single, &format!("{kind:?} {units}"));
                }
            }
        }
    }

    #[test]
    fn chunks_are_taken_many_at_once_as_they_are_one_by_one() {
        // Entry `n` begins at chunk 2n, and so ends the one before it.
        let of = |n: u32| (4 + n / 3, 1 + n % 2);
        let entries: Vec<_> = (0..700u32).map(|n| stsc_entry(ChunkNumber(2 * n), of(n).0, of(n).1)).collect();
        for units in [1, 300, 1400, u32::MAX] {
            let mut blocks = Pass::new(RunKind::Stsc, units);
            let mut open = None;
            for (n, window) in (0..).zip(entries.chunks(100)) {
                open = blocks.take_chunks(&window.concat(), 100 * n, open).unwrap();
            }
            let value = |n| RunKind::Stsc.value(of(n).0, of(n).1);
            assert_eq!(open, Some((2 * 699 + 1, value(699))));
            let mut single = Pass::new(RunKind::Stsc, units);
            (0..699).for_each(|n| single.take(2, value(n)));
            assert_same(&blocks, &single, &format!("chunks {units}"));
        }
    }

    #[test]
    fn chunks_that_do_not_rise_are_refused() {
        for second in [0, 1] {
            let entries = [stsc_entry(ChunkNumber(0), 1, 1), stsc_entry(ChunkNumber(second), 1, 1)].concat();
            let taken = Pass::new(RunKind::Stsc, 10).take_chunks(&entries, 0, None);
            assert_eq!(taken.is_ok(), second == 1, "{second}");
        }
        // Far behind the start, where many are taken at once.
        let first = |n: u32| if n == 500 { 400 } else { n };
        let entries: Vec<_> = (0..700).map(|n| stsc_entry(ChunkNumber(first(n)), 1, 1)).collect();
        let error = Pass::new(RunKind::Stsc, 1000).take_chunks(&entries.concat(), 0, None).unwrap_err();
        assert_eq!(error, "entry 501 begins at chunk 401, not after chunk 500");
    }
}
