//! Run lengths of values, as `stts`, `ctts` and `sbgp` have them.

use crate::boxes::run_entry;

/// Run lengths of values.
#[derive(Debug, Default)]
pub(crate) struct RunLengths {
    pub(crate) runs: Vec<(u32, u32)>,
}

/// What [`RunLengths::take_back`] took off.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenBack {
    /// How many values.
    pub(crate) count: usize,
    /// Their sum.
    pub(crate) ticks: u64,
    /// Whether that is as far back as was asked for.
    pub(crate) is_enough: bool,
}

impl RunLengths {
    /// Those of these values.
    pub(crate) fn of(values: impl Iterator<Item = u32>) -> Self {
        let mut this = Self::default();
        values.for_each(|value| this.push(1, value));
        this
    }

    /// The sum of all values, or the most that can be counted.
    pub(crate) fn sum(&self) -> u32 {
        self.runs.iter().map(|&(count, value)| count.saturating_mul(value)).fold(0, u32::saturating_add)
    }

    /// Adds `count` times the same value.
    pub(crate) fn push(&mut self, count: u32, value: u32) {
        match self.runs.last_mut() {
            Some((n, v)) if *v == value => *n += count,
            _ if count == 0 => {}
            _ => self.runs.push((count, value)),
        }
    }

    /// Takes the last value off.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let (count, value) = self.runs.last_mut()?;
        let value = *value;
        *count -= 1;
        if *count == 0 {
            self.runs.pop();
        }
        Some(value)
    }

    /// Takes off the last values, which are durations, up to one that begins at least `ticks` before
    /// their end: at least one. It takes a step for each run, not for each value.
    pub(crate) fn take_back(&mut self, ticks: u64) -> TakenBack {
        let mut taken = TakenBack::default();
        while let Some((count, value)) = self.runs.last_mut().filter(|_| !taken.is_enough) {
            let enough = match (ticks - taken.ticks, u64::from(*value)) {
                (0, _) => 1,
                (_, 0) => u64::MAX,
                (left, value) => left.div_ceil(value),
            };
            let now = u32::try_from(enough).unwrap_or(u32::MAX).min(*count);
            taken.count += now as usize;
            taken.ticks += u64::from(now) * u64::from(*value);
            taken.is_enough = u64::from(now) == enough;
            *count -= now;
            if *count == 0 {
                self.runs.pop();
            }
        }
        taken
    }

    /// Entries; none of them goes over any of `ends`. Gives how many there are up to each.
    pub(crate) fn write(&self, ends: impl Iterator<Item = u32>, out: &mut Vec<u8>) -> Vec<u32> {
        let mut runs = self.runs.iter().copied();
        let mut held = None;
        let (mut at, mut entries) = (0, 0);
        ends.map(|end| {
            while let Some((count, value)) = (at < end).then(|| held.take().or_else(|| runs.next())).flatten()
            {
                let now = count.min(end - at);
                held = (count > now).then(|| (count - now, value));
                out.extend_from_slice(&run_entry(now, value));
                at += now;
                entries += 1;
            }
            entries
        })
        .collect()
    }
}

/// A count that fits 32 bits.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taken off one by one, they would take hours.
    #[test]
    fn durations_are_taken_off_by_whole_runs() {
        const MANY: u32 = 4_000_000_000;
        let mut durations = RunLengths { runs: vec![(MANY, 3), (5, 7)] };
        let taken = |count, ticks, is_enough| TakenBack { count, ticks, is_enough };
        assert_eq!(durations.take_back(0), taken(1, 7, true));
        assert_eq!(durations.take_back(8), taken(2, 14, true));
        assert_eq!(durations.take_back(14), taken(2, 14, true));
        for _ in 0..10_000 {
            durations.push(MANY, 0);
            assert_eq!(durations.take_back(2999), taken(MANY as usize + 1000, 3000, true));
        }
        let left = MANY as usize - 10_000_000;
        assert_eq!(durations.take_back(u64::MAX), taken(left, 3 * left as u64, false));
        assert_eq!(durations.take_back(0), taken(0, 0, false));
    }
}
