//! `csgp` (8.9.5): sample groups as patterns of indices, packed in fields of 4, 8, 16 or 32 bits.

use std::ops::Range;

use super::u32_at;
use crate::limits;

/// What a `csgp` says of some samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsgpBox {
    /// The grouping type.
    pub grouping: [u8; 4],
    /// Its parameter, where the box has one.
    pub parameter: Option<[u8; 4]>,
    /// Samples and the index of their group description, as `sbgp` has them; fewer than asked for where the patterns end.
    pub runs: Vec<(u32, u32)>,
}

/// In an `sbgp`, indices above this are those of the fragment's own descriptions (8.9.4).
pub const FRAGMENT_LOCAL: u32 = 0x1_0000;

impl CsgpBox {
    /// Reads what the payload of a `csgp` says of some ranges of samples (0-based, in order). `None` when it is malformed, or
    /// takes more runs than fit in a small box.
    pub fn read(payload: &[u8], ranges: &[Range<u32>]) -> Option<Self> {
        let flags = u32_at(payload.get(..4)?, 0);
        let width = |code: u32| 4u32 << (code & 3);
        let (index_bits, count_bits, pattern_bits) = (width(flags), width(flags >> 2), width(flags >> 4));
        let local_bit = if flags & 0x80 != 0 { 1u32 << (index_bits - 1) } else { 0 };
        let grouping = payload.get(4..8)?.try_into().ok()?;
        let has_parameter = flags & 0x40 != 0;
        let parameter = if has_parameter { Some(payload.get(8..12)?.try_into().ok()?) } else { None };
        let prefix = if has_parameter { 12 } else { 8 };
        let patterns = u32_at(payload.get(prefix..prefix + 4)?, 0);
        let mut lengths = Bits { bytes: payload.get(prefix + 4..)?, at: 0 };
        // The indices follow all lengths.
        let mut indices = Bits { at: u64::from(patterns) * u64::from(pattern_bits + count_bits), ..lengths };
        let mut runs: Vec<(u32, u32)> = Vec::new();
        let mut sample = 0u32;
        for _ in 0..patterns {
            let length = lengths.take(pattern_bits)?;
            let samples = lengths.take(count_bits)?;
            // As runs, or a pattern of one index for all samples would be gone through sample by sample.
            let mut pattern: Vec<(u32, u32)> = Vec::new();
            for _ in 0..length {
                let index = indices.take(index_bits)?;
                let is_local = index & local_bit != 0;
                push(&mut pattern, 1, if is_local { FRAGMENT_LOCAL + (index & !local_bit) } else { index });
            }
            let end = sample.checked_add(samples)?;
            let from = ranges.partition_point(|r| r.end <= sample);
            for range in ranges.get(from..)?.iter().take_while(|r| r.start < end) {
                let from = sample.max(range.start);
                let left = end.min(range.end) - from;
                repeat(&mut runs, &pattern, (from - sample).checked_rem(length).unwrap_or(0), left)?;
            }
            sample = end;
        }
        Some(Self { grouping, parameter, runs })
    }
}

/// Adds `left` samples of a pattern that is repeated, from its sample `skip` on. `None` when it gets too long.
fn repeat(runs: &mut Vec<(u32, u32)>, pattern: &[(u32, u32)], mut skip: u32, mut left: u32) -> Option<()> {
    if let [(_, index)] = pattern {
        push(runs, left, *index);
        return Some(());
    }
    let mut parts = pattern.iter().cycle();
    while left > 0 {
        let &(count, index) = parts.next()?;
        let skipped = skip.min(count);
        skip -= skipped;
        let count = (count - skipped).min(left);
        left -= count;
        push(runs, count, index);
        if runs.len() > limits::SMALL_BOX / 8 {
            return None;
        }
    }
    Some(())
}

fn push(runs: &mut Vec<(u32, u32)>, count: u32, index: u32) {
    match runs.last_mut() {
        Some((n, last)) if *last == index => *n += count,
        _ if count == 0 => {}
        _ => runs.push((count, index)),
    }
}

/// Fields of a number of bits, most significant first.
#[derive(Clone, Copy)]
struct Bits<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl Bits<'_> {
    fn take(&mut self, bits: u32) -> Option<u32> {
        let mut value = 0u32;
        // Fields are nibbles or more, and begin on nibbles.
        for _ in 0..bits / 4 {
            let byte = *self.bytes.get(usize::try_from(self.at / 8).ok()?)?;
            let nibble = if self.at % 8 == 0 { byte >> 4 } else { byte & 15 };
            value = value << 4 | u32::from(nibble);
            self.at += 4;
        }
        Some(value)
    }
}
