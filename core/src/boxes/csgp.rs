//! `csgp` (8.9.5): sample groups as patterns of indices, packed in fields of 4, 8, 16 or 32 bits.

use std::ops::Range;

use super::u32_at;
use crate::limits;
use crate::numbers::SampleNumber;

/// Bits of the flags (8.9.5.2): the code of a width in bits each, 4, 8, 16 or 32.
const INDEX_SIZE_CODE: u32 = 0;
const COUNT_SIZE_CODE: u32 = 2;
const PATTERN_SIZE_CODE: u32 = 4;

/// `grouping_type_parameter_present`
const GROUPING_TYPE_PARAMETER_PRESENT: u32 = 1 << 6;

/// `index_msb_indicates_fragment_local_description`
const INDEX_MSB_IS_FRAGMENT_LOCAL: u32 = 1 << 7;

/// What a `csgp` says of some samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsgpBox {
    /// The grouping type.
    pub grouping: [u8; 4],
    /// Its parameter, where the box has one.
    pub parameter: Option<[u8; 4]>,
    /// How many samples, and the index of their group description, as `sbgp` has them.
    pub runs: Vec<(u32, u32)>,
}

/// In an `sbgp`, indices above this are those of the fragment's own descriptions (8.9.4).
pub const FRAGMENT_LOCAL: u32 = 0x1_0000;

impl CsgpBox {
    /// Reads what the payload of a `csgp` says of some ranges of samples, which may be in any order,
    /// where `default` is the group of samples behind the last pattern. `None` when it is malformed,
    /// or takes more than `most` runs, or than fit in a small box.
    pub fn read(payload: &[u8], ranges: &[Range<SampleNumber>], default: u32, most: usize) -> Option<Self> {
        let most = most.min(MOST_RUNS);
        let mut sorted = ranges.to_vec();
        sorted.sort_by_key(|range| range.start);
        let mut apart: Vec<Range<SampleNumber>> = Vec::new();
        for range in sorted {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        let mut all = Self::read_up_to(payload, &apart, most)?;
        let pieces = pieces(&apart, &std::mem::take(&mut all.runs), default);
        for range in ranges {
            let from = pieces.partition_point(|(samples, _)| samples.end <= range.start);
            for (samples, index) in pieces.iter().skip(from).take_while(|(s, _)| s.start < range.end) {
                let count = samples.end.min(range.end) - samples.start.max(range.start);
                push(&mut all.runs, count, *index);
            }
            if all.runs.len() > most {
                return None;
            }
        }
        Some(all)
    }

    /// The same of ranges that are in order, so that each pattern is read once. The runs end where
    /// the patterns end.
    pub fn read_in_order(payload: &[u8], ranges: &[Range<SampleNumber>]) -> Option<Self> {
        Self::read_up_to(payload, ranges, MOST_RUNS)
    }

    fn read_up_to(payload: &[u8], ranges: &[Range<SampleNumber>], most: usize) -> Option<Self> {
        let flags = u32_at(payload.get(..4)?, 0);
        let width = |code: u32| 4u32 << (flags >> code & 3);
        let (index_bits, count_bits, pattern_bits) =
            (width(INDEX_SIZE_CODE), width(COUNT_SIZE_CODE), width(PATTERN_SIZE_CODE));
        let local_bit = if flags & INDEX_MSB_IS_FRAGMENT_LOCAL != 0 { 1u32 << (index_bits - 1) } else { 0 };
        let (grouping, parameter) = csgp_head(payload)?;
        let prefix = if parameter.is_some() { 12 } else { 8 };
        let patterns = u32_at(payload.get(prefix..prefix + 4)?, 0);
        let mut lengths = Bits { bytes: payload.get(prefix + 4..)?, at: 0 };
        // The indices follow all lengths.
        let mut indices = Bits { at: u64::from(patterns) * u64::from(pattern_bits + count_bits), ..lengths };
        let mut runs: Vec<(u32, u32)> = Vec::new();
        let mut sample = SampleNumber::FIRST;
        for _ in 0..patterns {
            let length = lengths.take(pattern_bits)?;
            let samples = lengths.take(count_bits)?;
            if !indices.has(u64::from(length) * u64::from(index_bits)) {
                return None;
            }
            // As runs, because a pattern of one index for all samples takes too long sample by
            // sample.
            let mut pattern: Vec<(u32, u32)> = Vec::new();
            for _ in 0..length {
                let index = indices.take(index_bits)?;
                let is_local = index & local_bit != 0;
                push(&mut pattern, 1, if is_local { FRAGMENT_LOCAL + (index & !local_bit) } else { index });
            }
            let end = SampleNumber(sample.0.checked_add(samples)?);
            let from = ranges.partition_point(|r| r.end <= sample);
            for range in ranges.get(from..)?.iter().take_while(|r| r.start < end) {
                let from = sample.max(range.start);
                let left = end.min(range.end) - from;
                let skip = (from - sample).checked_rem(length).unwrap_or(0);
                repeat(&mut runs, &pattern, skip, left, most)?;
            }
            sample = end;
        }
        Some(Self { grouping, parameter, runs })
    }
}

/// The grouping type of the payload of a `csgp`, and its parameter, where it has one. `None` when it is
/// too short for them.
pub fn csgp_head(payload: &[u8]) -> Option<([u8; 4], Option<[u8; 4]>)> {
    let grouping = payload.get(4..8)?.try_into().ok()?;
    let has_parameter = u32_at(payload, 0) & GROUPING_TYPE_PARAMETER_PRESENT != 0;
    let parameter = if has_parameter { Some(payload.get(8..12)?.try_into().ok()?) } else { None };
    Some((grouping, parameter))
}

/// Runs that fit in a small box.
pub(super) const MOST_RUNS: usize = limits::SMALL_BOX / 8;

/// The samples of each run of some ranges, which are in order, with its index; and those behind the
/// last run.
fn pieces(
    ranges: &[Range<SampleNumber>],
    runs: &[(u32, u32)],
    default: u32,
) -> Vec<(Range<SampleNumber>, u32)> {
    let mut pieces = Vec::new();
    let mut runs = runs.iter().copied();
    let (mut left, mut index) = (0, default);
    for range in ranges {
        let mut start = range.start;
        while start < range.end {
            if left == 0 {
                (left, index) = runs.next().unwrap_or((u32::MAX, default));
            }
            let count = left.min(range.end - start);
            pieces.push((start..start + count, index));
            (start, left) = (start + count, left - count);
        }
    }
    pieces
}

/// Adds `left` samples of a pattern that is repeated, from its sample `skip` on. `None` when there
/// are more than `most` runs.
fn repeat(
    runs: &mut Vec<(u32, u32)>,
    pattern: &[(u32, u32)],
    mut skip: u32,
    mut left: u32,
    most: usize,
) -> Option<()> {
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
        if runs.len() > most {
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
    /// Whether there are so many more bits.
    fn has(&self, bits: u64) -> bool {
        self.at.checked_add(bits).is_some_and(|end| end <= self.bytes.len() as u64 * 8)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: u8, rest: &[u8]) -> Option<CsgpBox> {
        CsgpBox::read(
            &[&[0, 0, 0, flags][..], b"roll", rest].concat(),
            std::slice::from_ref(&(SampleNumber(0)..SampleNumber(20))),
            7,
            MOST_RUNS,
        )
    }

    #[test]
    fn patterns_are_repeated() {
        // Lengths and counts of 8 bits, indices of 4: (1 2 2) over 7 samples, (0) over 3.
        let csgp = read(0x14, &[0, 0, 0, 2, 3, 7, 1, 3, 0x12, 0x20]).unwrap();
        assert_eq!((csgp.grouping, csgp.parameter), (*b"roll", None));
        assert_eq!(csgp.runs, [(1, 1), (2, 2), (1, 1), (2, 2), (1, 1), (3, 0), (10, 7)]);
        assert_eq!(read(0x14, &[0, 0, 0, 2, 3, 7, 1, 3, 0x12]), None);
    }

    #[test]
    fn flags_say_what_else_there_is() {
        let named = read(0x54, b"abcd\0\0\0\x01\x01\x02\x30").unwrap();
        assert_eq!((named.parameter, &named.runs[..]), (Some(*b"abcd"), &[(2, 3), (18, 7)][..]));
        // The upper bit of an index of 4 bits.
        let local = read(0x94, &[0, 0, 0, 1, 1, 2, 0x90]).unwrap();
        assert_eq!(local.runs, [(2, FRAGMENT_LOCAL + 1), (18, 7)]);
    }
}
