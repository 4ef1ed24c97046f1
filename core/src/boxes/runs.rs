//! The run-length tables: `stts` (8.6.1.2), `ctts` (8.6.1.3), `stsc` (8.7.4), `sbgp` (8.9.2).
//!
//! They are never expanded. One pass leaves a checkpoint every [`STRIDE`] entries;
//! a look-up is a binary search over those and a scan of one stretch of the table.
//!
//! A *piece* is what one entry covers; a *run* is neighbouring pieces of equal
//! value, which a writer should have made one entry. What we write is runs.

use std::ops::Range;

use super::{BoxHeader, FormatError, READ_AHEAD, Reader, Table, TableReader, u32_at};
use crate::source::ReadAt;

/// Entries between two checkpoints.
const STRIDE: u32 = 128;

/// Which table a [`Runs`] is over; says how an entry is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// Units are samples, the value is the duration, the sum is the decode time.
    Stts,
    /// Units are samples, the value is the composition offset, there is no sum.
    Ctts,
    /// Units are samples, the value is the group description index, there is no sum.
    Sbgp {
        /// The index of samples that no entry speaks of.
        default: u32,
    },
    /// Units are chunks, the value packs samples per chunk and description index,
    /// the sum is the number of samples.
    Stsc,
}

impl RunKind {
    fn weight(self, value: u64) -> u64 {
        match self {
            Self::Stts => value,
            Self::Ctts | Self::Sbgp { .. } => 0,
            Self::Stsc => value >> 32,
        }
    }

    /// The value of an entry whose fields after the first are these.
    fn value(self, field: u32, more: u32) -> u64 {
        match self {
            Self::Stsc => u64::from(field) << 32 | u64::from(more),
            _ => field.into(),
        }
    }

    /// What of a value the bounds of a table are of.
    fn extreme(self, value: u64) -> i64 {
        match self {
            Self::Ctts => offset_of(value),
            kind => i64::try_from(kind.weight(value)).unwrap_or(i64::MAX),
        }
    }

    /// The value of units that no entry speaks of, if it is not that of the last entry.
    fn padding(self) -> Option<u64> {
        match self {
            Self::Ctts => Some(0),
            Self::Sbgp { default } => Some(default.into()),
            Self::Stts | Self::Stsc => None,
        }
    }
}

/// Grouping type, and in version 1 its parameter.
fn sbgp_prefix_len<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<u8, FormatError> {
    if header.payload_len() < 8 {
        return Err(header.error("too short for a grouping type"));
    }
    Ok(if reader.bytes(header.payload(), 1)? == [0] { 4 } else { 8 })
}

/// A stretch of units of equal value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// First unit, 0-based.
    pub unit: u32,
    /// Number of units.
    pub count: u32,
    /// The value; see [`RunKind`].
    pub value: u64,
    /// The sum of the values of all units before the first.
    pub sum: u64,
    /// How many merged runs come before the one this belongs to.
    pub ordinal: u32,
}

impl Run {
    /// The first unit after the run.
    pub fn end(&self) -> u32 {
        self.unit.saturating_add(self.count)
    }

    /// `ctts`: the composition offset in ticks.
    pub fn offset(&self) -> i64 {
        offset_of(self.value)
    }

    /// `stsc`: samples of each chunk.
    pub fn samples_per_chunk(&self) -> u32 {
        u32::try_from(self.value >> 32).unwrap_or(u32::MAX)
    }

    /// `stsc`: the sample description index, 1-based.
    pub fn description_index(&self) -> u32 {
        u32::try_from(self.value & 0xffff_ffff).unwrap_or(u32::MAX)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Checkpoint {
    unit: u32,
    /// Runs that begin before this entry.
    runs: u32,
    sum: u64,
    /// Value of the last piece before this entry.
    previous: u64,
}

impl Checkpoint {
    /// Goes past `count` units of a value.
    fn pass(&mut self, kind: RunKind, count: u32, value: u64) {
        if count > 0 && (self.runs == 0 || self.previous != value) {
            self.runs += 1;
            self.previous = value;
        }
        self.unit += count;
        self.sum += u64::from(count) * kind.weight(value);
    }
}

/// The one pass over a table that leaves checkpoints.
struct Pass {
    kind: RunKind,
    at: Checkpoint,
    entry: u32,
    checkpoints: Vec<Checkpoint>,
    /// Units that are still to be covered.
    left: u32,
    lowest: i64,
    highest: i64,
    /// `ctts`: bounds from each checkpoint to the next.
    bounds: Vec<(i64, i64)>,
    is_normal: bool,
}

impl Pass {
    fn new(kind: RunKind, units: u32) -> Self {
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

    fn see(&mut self, count: u32, value: u64) {
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

    /// The next entries: no more than there is room for. A long film has a million, and they are most of what its
    /// first request costs; what is odd about any of them is left to [`Self::see`].
    fn see_block(&mut self, block: &Block, n: usize) {
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
            return counts.iter().zip(all()).for_each(|(&count, value)| self.see(count, value));
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

    /// Entries of any table but an `stsc`.
    fn see_samples(&mut self, entries: &[u8]) {
        let mut block = Block::EMPTY;
        let mut rest = entries;
        while !rest.is_empty() {
            let (now, more) = rest.split_at(rest.len().min(8 * self.room()));
            let fields = block.counts.iter_mut().zip(&mut block.values);
            for ((count, value), b) in fields.zip(now.chunks_exact(8)) {
                (*count, *value) = (u32_at(b, 0), u32_at(b, 4));
            }
            self.see_block(&block, now.len() / 8);
            rest = more;
        }
    }

    /// Entries of an `stsc`, the first of which is entry `index`: each ends the one before it. `open` is the one
    /// before the first; returns the last.
    fn see_chunks(
        &mut self,
        entries: &[u8],
        index: u32,
        open: Option<(u32, u64)>,
    ) -> Result<Option<(u32, u64)>, String> {
        let count = entries.len() / 12;
        let stretch =
            |from: usize, to: usize| entries.get(12 * from..12 * to).unwrap_or_default().chunks_exact(12);
        let mut block = Block::EMPTY;
        let mut open = open;
        let mut done = 0;
        while let Some(entry) = stretch(done, done + 1).next() {
            let number = index.saturating_add(u32::try_from(done).unwrap_or(u32::MAX));
            let (first, value) = stsc_entry(entry, number);
            if let Some((before, value)) = open.replace((first, value)).filter(|_| self.left > 0) {
                let count = first.checked_sub(before).filter(|&n| n > 0);
                self.see(count.ok_or_else(|| out_of_order(number, first, before))?, value);
            }
            done += 1;
            // Those that follow it, each with the one that it ends. The first of the table is numbered as it likes.
            let n = self.room().min(count - done);
            let fields = block.counts.iter_mut().zip(&mut block.values).zip(&mut block.more);
            let pairs = stretch(done - 1, done - 1 + n).zip(stretch(done, done + n));
            for (((count, samples), description), (b, next)) in fields.zip(pairs) {
                *count = u32_at(next, 0).saturating_sub(u32_at(b, 0));
                (*samples, *description) = (u32_at(b, 4), u32_at(b, 8));
            }
            if number > 0 && n > 0 && !block.has_empty(n) {
                self.see_block(&block, n);
                done += n;
                open = stretch(done - 1, done).next().map(|b| stsc_entry(b, 1));
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

/// The signed 32 bits of a `ctts`. Versions 0 and 1 are both read as signed, because files in the wild have
/// negative offsets in version 0.
fn offset_of(value: u64) -> i64 {
    let bytes = value.to_be_bytes();
    i64::from(i32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]))
}

/// First chunk and value. Some writers number the first chunk 0 or 2: whatever it says, it is the first.
fn stsc_entry(b: &[u8], index: u32) -> (u32, u64) {
    let first = if index == 0 { 1 } else { u32_at(b, 0) };
    (first, u64::from(u32_at(b, 4)) << 32 | u64::from(u32_at(b, 8)))
}

fn out_of_order(index: u32, first: u32, before: u32) -> String {
    format!("entry {} begins at chunk {first}, not after chunk {before}", index + 1)
}

/// A run-length table and its checkpoints.
#[derive(Debug, Clone)]
pub struct Runs {
    kind: RunKind,
    table: Table,
    checkpoints: Vec<Checkpoint>,
    /// Units that exist: samples or chunks of the track.
    units: u32,
    sum: u64,
    lowest: i64,
    highest: i64,
    usual: Usual,
    /// Whether each entry is a run: run `n` is entry `n`.
    is_normal: bool,
}

/// The bounds of a `ctts` but for a few stretches of it, so that one that is far off does not make every look-up
/// a search through the whole film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usual {
    /// The least offset elsewhere.
    pub lowest: i64,
    /// The greatest offset elsewhere.
    pub highest: i64,
    /// The samples of the stretches that are out of these bounds, in order.
    pub odd: Vec<Range<u32>>,
}

/// Stretches that are thought odd in either direction, at the most; as few as one in eight.
const ODD: usize = 8;

impl Usual {
    fn of(checkpoints: &[Checkpoint], bounds: &[(i64, i64)], units: u32, all: (i64, i64)) -> Self {
        let mut lowest: Vec<i64> = bounds.iter().map(|b| b.0).collect();
        let mut highest: Vec<i64> = bounds.iter().map(|b| b.1).collect();
        if bounds.len() < 8 * ODD {
            return Self { lowest: all.0, highest: all.1, odd: Vec::new() };
        }
        let (_, &mut lowest, _) = lowest.select_nth_unstable(ODD);
        let (_, &mut highest, _) = highest.select_nth_unstable_by(ODD, |a, b| b.cmp(a));
        let ends = checkpoints.iter().skip(1).map(|c| c.unit).chain(std::iter::once(units));
        let stretches = checkpoints.iter().map(|c| c.unit).zip(ends).zip(bounds);
        let odd = stretches.filter(|(_, b)| b.0 < lowest || b.1 > highest).map(|((from, to), _)| from..to);
        Self { lowest, highest, odd: odd.collect() }
    }

    /// The last sample at or before this one that is in none of the odd stretches.
    pub fn at_or_before(&self, sample: u32) -> Option<u32> {
        self.odd.iter().rev().try_fold(sample, |sample, odd| {
            if odd.contains(&sample) { odd.start.checked_sub(1) } else { Some(sample) }
        })
    }
}

impl Runs {
    /// Reads a table for a track that has `units` samples (or chunks). A table
    /// that covers more is cut; one that covers less goes on with its last
    /// duration (`stts`, `stsc`), with 0 (`ctts`) or with the default group (`sbgp`), as players do.
    ///
    /// # Errors
    /// When the box is malformed, or an `stsc` is out of order.
    pub fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
        kind: RunKind,
        units: u32,
    ) -> Result<Self, FormatError> {
        let entry_size = if kind == RunKind::Stsc { 12 } else { 8 };
        let is_sbgp = matches!(kind, RunKind::Sbgp { .. });
        let skip = if is_sbgp { sbgp_prefix_len(reader, header)? } else { 0 };
        let table = Table::read(reader, header, skip, entry_size)?;
        // Nothing can be said of units that no entry speaks of.
        let units = if table.count == 0 && kind.padding().is_none() { 0 } else { units };
        let mut pass = Pass::new(kind, units);
        let mut entries = TableReader::new(reader.source(), table, READ_AHEAD);
        let mut open = None;
        let mut index = 0;
        while index < table.count && (pass.left > 0 || index == 0) {
            let window = entries.entries(index)?;
            match kind {
                RunKind::Stsc => open = pass.see_chunks(window, index, open).map_err(|e| header.error(e))?,
                _ => pass.see_samples(window),
            }
            index += u32::try_from(window.len() / usize::from(entry_size)).unwrap_or(table.count);
        }
        if let Some((_, value)) = open {
            pass.see(pass.left, value);
        }
        if pass.left > 0 {
            pass.see(pass.left, kind.padding().unwrap_or(pass.at.previous));
            pass.is_normal = false;
        }
        let (lowest, highest) = if pass.lowest > pass.highest { (0, 0) } else { (pass.lowest, pass.highest) };
        let Pass { at, mut checkpoints, is_normal, bounds, .. } = pass;
        if checkpoints.is_empty() {
            checkpoints.push(Checkpoint::default());
        }
        checkpoints.shrink_to_fit();
        let usual = Usual::of(&checkpoints, &bounds, units, (lowest, highest));
        Ok(Self { kind, table, checkpoints, units, sum: at.sum, lowest, highest, usual, is_normal })
    }

    /// The table under the runs.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Whether the entries of the file are the runs, so that those inside a stretch can be copied.
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

    /// `ctts`: the smallest and the largest value but for a few stretches.
    pub fn usual(&self) -> &Usual {
        &self.usual
    }

    /// Says that all of it is usual: its bounds are close enough.
    pub fn take_as_usual(&mut self) {
        self.usual = Usual { lowest: self.lowest, highest: self.highest, odd: Vec::new() };
    }

    /// Memory the checkpoints hold.
    pub fn heap_size(&self) -> usize {
        self.checkpoints.capacity() * size_of::<Checkpoint>()
            + self.usual.odd.capacity() * size_of::<Range<u32>>()
    }

    /// The piece that holds `unit`. O(log n).
    ///
    /// # Errors
    /// When the file cannot be read (any more), or there is no such unit.
    pub fn at_unit<R: ReadAt>(&self, source: &R, unit: u32) -> Result<Run, FormatError> {
        self.pieces_from(source, unit)?.next().unwrap_or_else(|| Err(self.outside()))
    }

    /// The last piece whose sum is not past `sum`: the one that holds that time or sample. O(log n).
    ///
    /// # Errors
    /// As [`Self::at_unit`].
    pub fn at_sum<R: ReadAt>(&self, source: &R, sum: u64) -> Result<Run, FormatError> {
        let after = self.checkpoints.partition_point(|c| c.sum <= sum);
        let mut pieces = Pieces::at(self, source, after.saturating_sub(1));
        pieces.go_past(|after| after.sum <= sum)?;
        if let Some(piece) = pieces.next_piece()?.filter(|_| pieces.at.sum > sum) {
            return Ok(piece);
        }
        // It is at or past the end of all.
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
    /// # Errors
    /// When the file cannot be read.
    pub fn pieces_from<'a, R: ReadAt>(
        &'a self,
        source: &'a R,
        unit: u32,
    ) -> Result<Pieces<'a, R>, FormatError> {
        let after = self.checkpoints.partition_point(|c| c.unit <= unit);
        let mut pieces = Pieces::at(self, source, after.saturating_sub(1));
        pieces.go_past(|after| after.unit <= unit)?;
        while let Some(piece) = pieces.next_piece()? {
            if piece.end() > unit {
                let skipped = unit - piece.unit;
                pieces.held = Some(Run {
                    unit,
                    count: piece.count - skipped,
                    sum: piece.sum + u64::from(skipped) * self.kind.weight(piece.value),
                    ..piece
                });
                break;
            }
        }
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
        let mut pieces = Pieces::at(self, source, after.saturating_sub(1));
        pieces.go_past(|after| after.runs <= ordinal)?;
        while let Some(piece) = pieces.next_piece()? {
            if piece.ordinal >= ordinal {
                pieces.held = Some(piece);
                break;
            }
        }
        Ok(MergedRuns { pieces })
    }

    fn outside(&self) -> FormatError {
        FormatError::Film(format!(
            "the {:?} table at byte {} changed while it was read",
            self.kind, self.table.offset
        ))
    }
}

/// The pieces of a table, in order. Empty ones are left out.
pub struct Pieces<'a, R: ReadAt> {
    runs: &'a Runs,
    reader: TableReader<'a, R>,
    entry: u32,
    at: Checkpoint,
    held: Option<Run>,
    padded: bool,
}

impl<'a, R: ReadAt> Pieces<'a, R> {
    fn at(runs: &'a Runs, source: &'a R, checkpoint: usize) -> Self {
        // One more, because an entry of an stsc is ended by the next.
        let reader = TableReader::new(source, runs.table, STRIDE + 1);
        let at = runs.checkpoints.get(checkpoint).copied();
        let entry = u32::try_from(checkpoint).unwrap_or(u32::MAX).saturating_mul(STRIDE);
        let entry = if at.is_some() { entry } else { 0 };
        Self { runs, reader, entry, at: at.unwrap_or_default(), held: None, padded: false }
    }

    /// Goes past entries up to the next checkpoint, as long as `is_before` holds after them. It may stop too early.
    fn go_past(&mut self, is_before: impl Fn(&Checkpoint) -> bool) -> Result<(), FormatError> {
        let kind = self.runs.kind;
        if self.entry >= self.runs.table.count || self.runs.units == 0 {
            return Ok(());
        }
        let entry = self.entry;
        let bytes = self.reader.entries(entry)?;
        let mut skip = |count: u32, value: u64| {
            if count >= self.runs.units.saturating_sub(self.at.unit) {
                return false;
            }
            let mut after = self.at;
            after.pass(kind, count, value);
            let goes_on = is_before(&after);
            if goes_on {
                self.at = after;
                self.entry += 1;
            }
            goes_on
        };
        if kind == RunKind::Stsc {
            let (mut first, _) = stsc_entry(bytes, entry);
            for (b, next) in bytes.chunks_exact(12).zip(bytes.chunks_exact(12).skip(1)) {
                let next = u32_at(next, 0);
                if next <= first || !skip(next - first, stsc_entry(b, 1).1) {
                    break;
                }
                first = next;
            }
        } else {
            for b in bytes.chunks_exact(8) {
                if !skip(u32_at(b, 0), u64::from(u32_at(b, 4))) {
                    break;
                }
            }
        }
        Ok(())
    }

    fn next_piece(&mut self) -> Result<Option<Run>, FormatError> {
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

    /// Goes on at the last checkpoint that still lies in `run`, the one that was begun last.
    fn skip_inside(&mut self, run: &mut Run) {
        let inside = self.runs.checkpoints.partition_point(|c| c.runs <= run.ordinal + 1).saturating_sub(1);
        let entry = u32::try_from(inside).unwrap_or(u32::MAX).saturating_mul(STRIDE);
        if let Some(&checkpoint) = self.runs.checkpoints.get(inside).filter(|_| entry > self.entry) {
            run.count = checkpoint.unit.saturating_sub(run.unit).max(run.count);
            self.at = checkpoint;
            self.entry = entry;
        }
    }

    /// What the next entry covers, which may be nothing; after the last entry, the
    /// units it should have covered.
    fn next_entry(&mut self) -> Result<Option<Run>, FormatError> {
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
            return Ok((u32_at(b, 0), u64::from(u32_at(b, 4))));
        }
        let (first, value) = stsc_entry(b, entry);
        let next = if entry + 1 < self.runs.table.count {
            u32_at(self.reader.entry(entry + 1)?, 0)
        } else {
            self.runs.units.saturating_add(1).max(first)
        };
        let count = next.checked_sub(first).filter(|&n| n > 0 || entry + 1 == self.runs.table.count);
        let count = count.ok_or_else(|| FormatError::Film(out_of_order(entry + 1, next, first)))?;
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

/// Samples in a row with one duration and one composition offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JointRun {
    /// First sample, 0-based.
    pub sample: u32,
    /// Number of samples.
    pub count: u32,
    /// Decode time of the first.
    pub dts: i64,
    /// Duration of each.
    pub delta: i64,
    /// Composition offset of each.
    pub offset: i64,
}

impl JointRun {
    /// Composition time of the `n`th sample of the run.
    pub fn cts(&self, n: u32) -> i64 {
        self.dts + i64::from(n) * self.delta + self.offset
    }
}

/// `stts` and `ctts` read side by side.
pub struct JointRuns<'a, R: ReadAt> {
    stts: Pieces<'a, R>,
    ctts: Option<Pieces<'a, R>>,
    time: Option<Run>,
    offset: Option<Run>,
    base: i64,
}

impl<'a, R: ReadAt> JointRuns<'a, R> {
    /// The samples from `sample` on; the track's first decodes at `base`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn from(
        source: &'a R,
        stts: &'a Runs,
        ctts: Option<&'a Runs>,
        sample: u32,
        base: i64,
    ) -> Result<Self, FormatError> {
        Ok(Self {
            stts: stts.pieces_from(source, sample)?,
            ctts: ctts.map(|c| c.pieces_from(source, sample)).transpose()?,
            time: None,
            offset: None,
            base,
        })
    }

    fn next_run(&mut self) -> Result<Option<JointRun>, FormatError> {
        let time = match self.time.take() {
            Some(run) => run,
            None => match self.stts.next_piece()? {
                Some(run) => run,
                None => return Ok(None),
            },
        };
        let offset = match (&mut self.ctts, self.offset.take()) {
            (_, Some(run)) => Some(run),
            (Some(ctts), None) => ctts.next_piece()?,
            (None, None) => None,
        };
        let count = offset.map_or(time.count, |o| o.count.min(time.count));
        let time_overflow = || FormatError::Film("stts: decode times need more than 63 bits".into());
        let run = JointRun {
            sample: time.unit,
            count,
            dts: i64::try_from(time.sum)
                .ok()
                .and_then(|t| t.checked_add(self.base))
                .ok_or_else(time_overflow)?,
            delta: i64::try_from(time.value).map_err(|_| time_overflow())?,
            offset: offset.map_or(0, |o| o.offset()),
        };
        if time.count > count {
            self.time = Some(Run {
                unit: time.unit + count,
                count: time.count - count,
                sum: time.sum + u64::from(count) * time.value,
                ..time
            });
        }
        self.offset = offset.filter(|o| o.count > count).map(|o| Run {
            unit: o.unit + count,
            count: o.count - count,
            ..o
        });
        Ok(Some(run))
    }
}

impl<R: ReadAt> Iterator for JointRuns<'_, R> {
    type Item = Result<JointRun, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_run().transpose()
    }
}
