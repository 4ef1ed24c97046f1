//! Run lengths of values, as `stts`, `ctts` and `sbgp` have them.

use crate::boxes::run_entry;

/// Run lengths of values.
#[derive(Debug, Default)]
pub(crate) struct RunLengths {
    pub(crate) runs: Vec<(u32, u32)>,
}

impl RunLengths {
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
