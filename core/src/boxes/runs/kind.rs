//! What an entry of a run-length table says.

use crate::boxes::stsc::{first_chunk, of_each_chunk};
use crate::time::MediaTime;

/// Entries between two checkpoints.
pub(super) const STRIDE: u32 = 128;

/// Which table runs are read from; says how an entry is laid out.
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
    /// What one unit adds to the sum.
    pub(super) fn weight(self, value: u64) -> u64 {
        match self {
            Self::Stts => value,
            Self::Ctts | Self::Sbgp { .. } => 0,
            Self::Stsc => value >> 32,
        }
    }

    /// The value of an entry whose fields after the first are these.
    pub(super) fn value(self, field: u32, more: u32) -> u64 {
        match self {
            Self::Stsc => u64::from(field) << 32 | u64::from(more),
            _ => field.into(),
        }
    }

    /// The number whose bounds a table keeps: of `ctts` the signed offset, of `stts` the duration,
    /// of `stsc` the samples of a chunk, of `sbgp` the group.
    pub(super) fn extreme(self, value: u64) -> i64 {
        match self {
            Self::Ctts => offset_of(value),
            Self::Sbgp { .. } => i64::try_from(value).unwrap_or(i64::MAX),
            kind => i64::try_from(kind.weight(value)).unwrap_or(i64::MAX),
        }
    }

    /// The value of units that no entry speaks of, if it is not that of the last entry.
    pub(super) fn padding(self) -> Option<u64> {
        match self {
            Self::Ctts => Some(0),
            Self::Sbgp { default } => Some(default.into()),
            Self::Stts | Self::Stsc => None,
        }
    }
}

/// Neighbouring units of equal value.
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
    /// No units. The value is 0.
    pub(super) const NONE: Self = Self { unit: 0, count: 0, value: 0, sum: 0, ordinal: 0 };

    /// The first unit after the run.
    pub fn end(&self) -> u32 {
        self.unit.saturating_add(self.count)
    }

    /// `ctts`: the composition offset.
    pub fn offset(&self) -> MediaTime {
        MediaTime(offset_of(self.value))
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

/// What is known of a table before one of its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Checkpoint {
    pub(super) unit: u32,
    /// Runs that begin before this entry.
    pub(super) runs: u32,
    pub(super) sum: u64,
    /// Value of the last piece before this entry.
    pub(super) previous: u64,
}

impl Checkpoint {
    /// Goes past `count` units of a value.
    pub(super) fn pass(&mut self, kind: RunKind, count: u32, value: u64) {
        if count > 0 && (self.runs == 0 || self.previous != value) {
            self.runs += 1;
            self.previous = value;
        }
        self.unit += count;
        self.sum += u64::from(count) * kind.weight(value);
    }
}

/// The signed 32 bits of a `ctts`. Versions 0 and 1 are both read as signed, because files in the
/// wild have negative offsets in version 0.
pub(super) fn offset_of(value: u64) -> i64 {
    let bytes = value.to_be_bytes();
    i64::from(i32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]))
}

/// First chunk and value. The first entry begins at the first chunk, whatever it says: some writers
/// number that 0 or 2.
pub(super) fn chunk_entry(b: &[u8], index: u32) -> (u32, u64) {
    let first = if index == 0 { 1 } else { first_chunk(b) };
    let (samples, description_index) = of_each_chunk(b);
    (first, RunKind::Stsc.value(samples, description_index))
}

/// Why an `stsc` is refused: entry `index`, counted from 0, begins no later than the one before it.
pub(super) fn out_of_order(index: u32, first: u32, before: u32) -> String {
    format!("entry {} begins at chunk {first}, not after chunk {before}", index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::stsc_entry;
    use crate::numbers::ChunkNumber;

    #[test]
    fn offsets_are_signed_and_durations_are_not() {
        assert_eq!(RunKind::Ctts.extreme(u32::MAX.into()), -1);
        assert_eq!(RunKind::Stts.extreme(u32::MAX.into()), u32::MAX.into());
        let chunks = RunKind::Stsc.value(u32::MAX, 1);
        assert_eq!(RunKind::Stsc.extreme(chunks), u32::MAX.into());
        let run = Run { unit: 0, count: 1, value: 0x8000_0000, sum: 0, ordinal: 0 };
        assert_eq!(run.offset(), MediaTime(i32::MIN.into()));
        let chunk = Run { value: chunks, ..run };
        assert_eq!((chunk.samples_per_chunk(), chunk.description_index()), (u32::MAX, 1));
    }

    #[test]
    fn durations_and_samples_add_up_and_nothing_else_does() {
        let kinds = [RunKind::Stts, RunKind::Ctts, RunKind::Sbgp { default: 3 }, RunKind::Stsc];
        assert_eq!(kinds.map(|kind| kind.weight(kind.value(5, 2))), [5, 0, 0, 5]);
        assert_eq!(kinds.map(RunKind::padding), [None, Some(0), Some(3), None]);
    }

    #[test]
    fn neighbours_of_equal_value_are_one_run() {
        let mut at = Checkpoint::default();
        for (count, value) in [(2, 0), (3, 0), (0, 9), (1, 0), (4, 9)] {
            at.pass(RunKind::Stts, count, value);
        }
        assert_eq!((at.unit, at.runs, at.sum, at.previous), (10, 2, 36, 9));
    }

    #[test]
    fn the_first_chunk_is_the_first_whatever_its_entry_says() {
        for said in [0, 1, 6] {
            let entry = stsc_entry(ChunkNumber(said), 5, 2);
            assert_eq!(chunk_entry(&entry, 0), (1, RunKind::Stsc.value(5, 2)));
            assert_eq!(chunk_entry(&entry, 1).0, said + 1);
        }
    }

    #[test]
    fn a_run_ends_at_the_last_number_at_most() {
        assert_eq!(Run { unit: 9, count: u32::MAX, value: 0, sum: 0, ordinal: 0 }.end(), u32::MAX);
    }
}
