//! Joins the ranges that a clip needs, and closes gaps where that saves more than it costs.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::limits::{self, Limits};
use crate::offsets::FileOffset;

use super::list::ExtentList;
use super::lookup::Extents;

/// Gathers ranges of the file, in any order, overlapping or not.
pub(super) struct Collector {
    pub(super) list: Vec<Range<FileOffset>>,
    /// How long the list may get before the ranges that touch are joined.
    room: usize,
    /// [`Limits::extents`].
    most: usize,
}

/// Holes up to this size are sent along where that costs next to nothing: an extent more is
/// a system call more.
const SMALL_GAP: u64 = 4096;

/// Ranges of a clip that begins amid a group of pictures.
const USUAL: usize = 64;

impl Collector {
    /// A collector without ranges, for an answer within `limits`.
    pub(super) fn new(limits: &Limits) -> Self {
        Self { list: Vec::with_capacity(USUAL), room: 0, most: limits.extents }
    }

    /// Adds a range. Joins those that touch when there are many.
    ///
    /// # Errors
    /// When more than [`limits::GATHERED_EXTENTS`] ranges are left after that.
    pub(super) fn push(&mut self, range: Range<FileOffset>) -> Result<(), FormatError> {
        if range.is_empty() {
            return Ok(());
        }
        match self.list.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.list.push(range),
        }
        if self.list.len() > self.room.max(2 * self.most) {
            self.join(0, u64::MAX);
            if self.list.len() > limits::GATHERED_EXTENTS {
                return Err(FormatError::Scattered { most: self.most });
            }
            self.room = 2 * self.list.len();
        }
        Ok(())
    }

    /// Sum of the lengths of all ranges. Bytes that two of them have in common count twice.
    pub(super) fn bytes(&self) -> u64 {
        self.list.iter().map(|r| r.end - r.start).sum()
    }

    /// Joins what touches or has a hole of no more than `most` bytes between, as long as the holes
    /// fit in the budget. Returns what the holes take.
    pub(super) fn join(&mut self, most: u64, budget: u64) -> u64 {
        self.list.sort_unstable_by_key(|r| (r.start, r.end));
        let mut sent = 0;
        self.list.dedup_by(|next, last| {
            let hole = next.start - last.end;
            let joined = hole <= most.min(budget - sent);
            if joined {
                sent += hole;
                last.end = last.end.max(next.end);
            }
            joined
        });
        sent
    }

    /// Closes small holes, for less than a hundredth of the bytes that are needed, together with
    /// those within what is taken whole. Those nearest to the longest range come first: what joins
    /// it is sent from the file and need not be copied.
    pub(super) fn close_small_holes(&mut self, needed: u64) {
        self.join(0, u64::MAX);
        let mut budget = needed / 150;
        let longest = self.list.iter().enumerate().max_by_key(|(_, r)| r.end - r.start).map_or(0, |(n, _)| n);
        let mut fits = |before: usize| {
            let (Some(a), Some(b)) = (self.list.get(before), self.list.get(before + 1)) else { return false };
            let hole = b.start - a.end;
            let fits = hole <= SMALL_GAP.min(budget);
            budget -= if fits { hole } else { 0 };
            fits
        };
        let (mut first, mut last) = (longest, longest);
        while first > 0 && fits(first - 1) {
            first -= 1;
        }
        while fits(last) {
            last += 1;
        }
        if let Some(end) = self.list.get(last).map(|r| r.end) {
            self.list.drain(first + 1..=last);
            if let Some(joined) = self.list.get_mut(first) {
                joined.end = end;
            }
        }
        self.join(SMALL_GAP, budget);
    }

    /// Closes small holes, and where there are too many ranges, the smallest, but for no more bytes
    /// than are needed.
    pub(super) fn close_gaps(mut self, needed: u64) -> Result<Extents, FormatError> {
        self.close_small_holes(needed);
        if let Some(excess) = self.list.len().checked_sub(self.most).filter(|&n| n > 0) {
            let after = self.list.iter().skip(1);
            let mut holes: Vec<_> = self.list.iter().zip(after).map(|(a, b)| b.start - a.end).collect();
            let (_, &mut widest, _) = holes.select_nth_unstable(excess - 1);
            self.join(widest, needed);
            if self.list.len() > self.most {
                return Err(FormatError::Scattered { most: self.most });
            }
        }
        Ok(ExtentList::of(self.list).into())
    }
}
