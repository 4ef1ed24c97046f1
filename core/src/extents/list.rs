//! Ranges of the file that are sent as they are.

use std::ops::Range;

use crate::offsets::{FileOffset, MediaOffset};

/// A range of the file that is sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins in the file.
    pub offset: FileOffset,
    /// Its length.
    pub len: u64,
    /// Where it begins in the media of the answer.
    pub position: MediaOffset,
}

impl Extent {
    /// Where it ends in the file.
    pub fn end(&self) -> FileOffset {
        self.offset + self.len
    }

    /// Where it ends in the media of the answer.
    pub fn position_end(&self) -> MediaOffset {
        self.position + self.len
    }

    /// Appends it to those that precede it in the answer; to the last of them, if it follows that in
    /// the file, too.
    pub(crate) fn push_to(self, list: &mut Vec<Self>) {
        match list.last_mut() {
            Some(last) if last.end() == self.offset => last.len += self.len,
            _ => list.push(self),
        }
    }

    /// Where what it has before an offset of the file, which is not before its own, ends in the media
    /// of the answer.
    pub(super) fn position_before(&self, offset: FileOffset) -> MediaOffset {
        self.position + (offset - self.offset).min(self.len)
    }

    /// Whether it has a byte of the file.
    pub(super) fn holds(&self, offset: FileOffset) -> bool {
        (self.offset..self.end()).contains(&offset)
    }

    /// Where a byte of the file, which it has, is in the media of the answer.
    pub(super) fn position_of(&self, offset: FileOffset) -> MediaOffset {
        self.position + (offset - self.offset)
    }
}

/// Extents that are known, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtentList {
    pub(super) list: Vec<Extent>,
}

impl ExtentList {
    /// Extents that neither overlap nor run backwards.
    pub fn of(ranges: impl IntoIterator<Item = Range<FileOffset>>) -> Self {
        let ranges = ranges.into_iter();
        let mut list: Vec<Extent> = Vec::with_capacity(ranges.size_hint().0);
        let mut position = MediaOffset(0);
        for range in ranges {
            let extent = Extent { offset: range.start, len: range.end - range.start, position };
            position = extent.position_end();
            extent.push_to(&mut list);
        }
        Self { list }
    }

    /// The extents, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Extent> {
        self.list.iter()
    }

    /// Where they end in the media of the answer.
    pub(super) fn end(&self) -> MediaOffset {
        self.list.last().map_or(MediaOffset(0), Extent::position_end)
    }

    /// How many bytes they are together.
    pub fn len(&self) -> u64 {
        self.end().0
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those that have bytes at or after `position`.
    pub fn starting_at(&self, position: MediaOffset) -> &[Extent] {
        let first = self.list.partition_point(|e| e.position_end() <= position);
        self.list.get(first..).unwrap_or_default()
    }

    /// The extent that has a byte of the file.
    pub fn holding(&self, offset: FileOffset) -> Option<&Extent> {
        let after = self.list.partition_point(|e| e.offset <= offset);
        self.list.get(after.checked_sub(1)?).filter(|e| e.holds(offset))
    }

    /// How many bytes of the media lie before an offset of the file.
    pub(super) fn before(&self, offset: FileOffset) -> MediaOffset {
        let begun = self.list.partition_point(|e| e.offset < offset);
        let last = begun.checked_sub(1).and_then(|n| self.list.get(n));
        last.map_or(MediaOffset(0), |e| e.position_before(offset))
    }

    /// Where a byte of the file is in the media of the answer.
    pub fn position_of(&self, offset: FileOffset) -> Option<MediaOffset> {
        self.holding(offset).map(|e| e.position_of(offset))
    }
}
