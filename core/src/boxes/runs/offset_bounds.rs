//! The bounds of composition offsets, but for outliers.

use std::ops::Range;

use crate::numbers::SampleNumber;
use crate::time::MediaTime;

use super::kind::Checkpoint;

/// The bounds of the offsets in a `ctts`, but for a few ranges of samples. One offset far from all
/// others would make every look-up a search through the whole movie.
///
/// ```text
/// for each range between two checkpoints: its lowest and highest offset
/// lowest   = the 9th lowest of the lowest    (of all, where there are fewer than 64 ranges)
/// highest  = the 9th highest of the highest
/// outliers = the ranges with an offset below lowest or above highest
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetBounds {
    /// The least offset outside of the outliers.
    pub lowest: MediaTime,
    /// The greatest offset outside of the outliers.
    pub highest: MediaTime,
    /// The ranges of samples that have offsets out of these bounds, in order.
    pub outliers: Vec<Range<SampleNumber>>,
}

/// Ranges that may be outliers in either direction, and no more than one in eight of all.
const OUTLIERS: usize = 8;

impl OffsetBounds {
    pub(super) fn of(checkpoints: &[Checkpoint], bounds: &[(i64, i64)], units: u32, all: (i64, i64)) -> Self {
        let mut lowest: Vec<i64> = bounds.iter().map(|b| b.0).collect();
        let mut highest: Vec<i64> = bounds.iter().map(|b| b.1).collect();
        if bounds.len() < 8 * OUTLIERS {
            return Self::without_outliers(all);
        }
        let (_, &mut lowest, _) = lowest.select_nth_unstable(OUTLIERS);
        let (_, &mut highest, _) = highest.select_nth_unstable_by(OUTLIERS, |a, b| b.cmp(a));
        let ends = checkpoints.iter().skip(1).map(|c| c.unit).chain(std::iter::once(units));
        let ranges = checkpoints.iter().map(|c| c.unit).zip(ends).zip(bounds);
        let outliers = ranges
            .filter(|(_, b)| b.0 < lowest || b.1 > highest)
            .map(|((from, to), _)| SampleNumber(from)..SampleNumber(to));
        Self { outliers: outliers.collect(), ..Self::without_outliers((lowest, highest)) }
    }

    /// These bounds, in ticks, with no outliers.
    pub(super) fn without_outliers((lowest, highest): (i64, i64)) -> Self {
        Self { lowest: MediaTime(lowest), highest: MediaTime(highest), outliers: Vec::new() }
    }

    /// The last sample at or before this one that is in none of the outliers.
    pub fn at_or_before(&self, sample: SampleNumber) -> Option<SampleNumber> {
        self.outliers.iter().rev().try_fold(sample, |sample, outlier| {
            if outlier.contains(&sample) { outlier.start.previous() } else { Some(sample) }
        })
    }
}
