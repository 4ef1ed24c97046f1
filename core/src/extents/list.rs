//! Ranges of the source file that are sent as they are.

use std::ops::Range;

/// A stretch of the source file that is sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it stands in the source.
    pub offset: u64,
    /// Its length.
    pub len: u64,
    /// Where it stands among all that is sent of the source.
    pub position: u64,
}

impl Extent {
    pub(super) fn holds(&self, offset: u64) -> bool {
        offset.checked_sub(self.offset).is_some_and(|into| into < self.len)
    }
}

/// Extents that are known, in the order of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtentList {
    pub(super) list: Vec<Extent>,
}

impl ExtentList {
    /// Extents that neither overlap nor run backwards.
    pub fn of(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut list: Vec<Extent> = Vec::new();
        let mut position = 0;
        for range in ranges {
            let len = range.end.saturating_sub(range.start);
            match list.last_mut() {
                Some(last) if last.offset + last.len == range.start => last.len += len,
                _ => list.push(Extent { offset: range.start, len, position }),
            }
            position += len;
        }
        Self { list }
    }

    /// The extents, in the order of the source.
    pub fn iter(&self) -> impl Iterator<Item = &Extent> {
        self.list.iter()
    }

    /// How many bytes they are together.
    pub fn len(&self) -> u64 {
        self.list.last().map_or(0, |e| e.position + e.len)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those that have bytes at or after `position` among all that is sent.
    pub fn starting_at(&self, position: u64) -> &[Extent] {
        let first = self.list.partition_point(|e| e.position + e.len <= position);
        self.list.get(first..).unwrap_or_default()
    }

    /// The extent that holds a byte of the source.
    pub fn holding(&self, offset: u64) -> Option<&Extent> {
        let after = self.list.partition_point(|e| e.offset <= offset);
        self.list.get(after.checked_sub(1)?).filter(|e| e.holds(offset))
    }

    /// Where a byte of the source stands among all that is sent.
    pub fn position_of(&self, offset: u64) -> Option<u64> {
        self.holding(offset).map(|e| e.position + (offset - e.offset))
    }
}
