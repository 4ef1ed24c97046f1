//! Composition offsets that are far from all others.

use std::ops::Range;

use super::kind::Checkpoint;

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
    pub(super) fn of(checkpoints: &[Checkpoint], bounds: &[(i64, i64)], units: u32, all: (i64, i64)) -> Self {
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
