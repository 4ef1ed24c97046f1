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
    /// The bounds of a table with these checkpoints, and the bounds from each of them to the next.
    /// `all` are the bounds of the whole table.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found of ranges of ten samples each, with these lowest and highest offsets.
    fn of(bounds: &[(i64, i64)]) -> OffsetBounds {
        let count = u32::try_from(bounds.len()).unwrap();
        let checkpoints: Vec<_> =
            (0..count).map(|n| Checkpoint { unit: 10 * n, ..Checkpoint::default() }).collect();
        let all = (bounds.iter().map(|b| b.0).min().unwrap(), bounds.iter().map(|b| b.1).max().unwrap());
        OffsetBounds::of(&checkpoints, bounds, 10 * count, all)
    }

    #[test]
    fn a_few_ranges_are_outliers() {
        let mut bounds = [(2, 9); 8 * OUTLIERS];
        (bounds[3], bounds[40], bounds[63]) = ((-500, 9), (2, 700), (2, 10));
        let found = of(&bounds);
        assert_eq!((found.lowest, found.highest), (MediaTime(2), MediaTime(9)));
        let ranges = [30..40, 400..410, 630..640].map(|r| SampleNumber(r.start)..SampleNumber(r.end));
        assert_eq!(found.outliers, ranges);
    }

    #[test]
    fn one_range_more_than_may_be_outliers_widens_the_bounds() {
        for (count, lowest, outliers) in [(OUTLIERS, 2, OUTLIERS), (OUTLIERS + 1, -5, 0)] {
            let mut bounds = [(2, 9); 8 * OUTLIERS];
            bounds[..count].fill((-5, 9));
            let found = of(&bounds);
            assert_eq!((found.lowest, found.outliers.len()), (MediaTime(lowest), outliers), "{count}");
        }
    }

    #[test]
    fn of_few_ranges_none_is_an_outlier() {
        let mut bounds = [(2, 9); 8 * OUTLIERS - 1];
        bounds[3] = (-500, 700);
        assert_eq!(of(&bounds), OffsetBounds::without_outliers((-500, 700)));
    }

    #[test]
    fn the_sample_before_outliers_is_found() {
        let outliers = [0..10, 30..40, 40..50].map(|r| SampleNumber(r.start)..SampleNumber(r.end)).to_vec();
        let bounds = OffsetBounds { outliers, ..OffsetBounds::without_outliers((0, 0)) };
        let found = [5, 10, 29, 30, 45, 50].map(|n| bounds.at_or_before(SampleNumber(n)).map(|n| n.0));
        assert_eq!(found, [None, Some(10), Some(29), Some(29), Some(29), Some(50)]);
    }
}
