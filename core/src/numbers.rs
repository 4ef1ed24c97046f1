//! Numbers of samples and chunks. Each kind has a type of its own, so that they cannot be mixed
//! with each other or with counts.
//!
//! Here they count from 0. The boxes of ISO/IEC 14496-12 count from 1 (`stss`, `stsc`, `stps`,
//! `stsh`, `tfra`); [`SampleNumber::from_one_based`] and its siblings are the one place that
//! converts. A count of samples or chunks stays a `u32`.

use std::ops::{Add, Range, Sub};

/// Defines a kind of number.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u32);

        impl $name {
            /// The first one.
            pub const FIRST: Self = Self(0);

            /// The number for one that a box counts from 1; `None` for 0, which stands for none.
            #[inline]
            pub fn from_one_based(number: u32) -> Option<Self> {
                number.checked_sub(1).map(Self)
            }

            /// The number as a box counts it, from 1. The last number that a `u32` holds saturates.
            #[inline]
            pub fn one_based(self) -> u32 {
                self.0.saturating_add(1)
            }

            /// The number of the one at a place in a slice with an entry for each. A place that no
            /// number of 32 bits reaches becomes the last.
            #[inline]
            pub fn at_place(place: usize) -> Self {
                Self(u32::try_from(place).unwrap_or(u32::MAX))
            }

            /// The one after this one; the last stays.
            #[inline]
            #[must_use]
            pub fn next(self) -> Self {
                self + 1
            }

            /// The one before this one; `None` before the first.
            #[inline]
            pub fn previous(self) -> Option<Self> {
                self.0.checked_sub(1).map(Self)
            }

            /// How many there are from the other up to this one; `None` if the other comes later.
            #[inline]
            pub fn checked_since(self, earlier: Self) -> Option<u32> {
                self.0.checked_sub(earlier.0)
            }

            /// The place of this one in a slice with an entry for each.
            #[inline]
            pub fn place(self) -> usize {
                self.0 as usize
            }
        }

        impl Add<u32> for $name {
            type Output = Self;
            /// The one so many after this one, or the last.
            #[inline]
            fn add(self, count: u32) -> Self {
                Self(self.0.saturating_add(count))
            }
        }

        impl Sub<u32> for $name {
            type Output = Self;
            /// The one so many before this one, or the first.
            #[inline]
            fn sub(self, count: u32) -> Self {
                Self(self.0.saturating_sub(count))
            }
        }

        impl Sub for $name {
            type Output = u32;
            /// How many there are from the other up to this one; 0 if the other comes later.
            #[inline]
            fn sub(self, earlier: Self) -> u32 {
                self.0.saturating_sub(earlier.0)
            }
        }

        impl Numbers for Range<$name> {
            type Number = $name;

            #[inline]
            fn units(&self) -> Range<u32> {
                self.start.0..self.end.0
            }

            #[inline]
            fn count(&self) -> u32 {
                self.end - self.start
            }

            #[inline]
            fn each(self) -> impl DoubleEndedIterator<Item = $name> + ExactSizeIterator + Clone {
                (self.start.0..self.end.0).map($name)
            }
        }
    };
}

number! {
    /// Which sample of a track, in decode order, counted from 0.
    SampleNumber
}

number! {
    /// Which chunk of a track, counted from 0.
    ChunkNumber
}

/// How far samples move: from their numbers in the file to those in the clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleShift(i64);

impl SampleShift {
    /// What moves one sample to the place of another.
    pub fn between(sample: SampleNumber, place: SampleNumber) -> Self {
        Self(i64::from(place.0) - i64::from(sample.0))
    }

    /// The number that a box states (from 1), moved. 0 if there is no such number.
    #[inline]
    pub fn move_one_based(self, number: u32) -> u32 {
        u32::try_from(i64::from(number) + self.0).unwrap_or(0)
    }
}

/// A range of numbers of samples or chunks. (`Range` itself iterates over integers only.)
pub trait Numbers {
    /// What is counted.
    type Number;

    /// The range in plain integers, for tables that hold either kind.
    fn units(&self) -> Range<u32>;

    /// How many there are in the range.
    fn count(&self) -> u32;

    /// The numbers of the range, in order.
    fn each(self) -> impl DoubleEndedIterator<Item = Self::Number> + ExactSizeIterator + Clone;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_count_from_one() {
        assert_eq!(SampleNumber::from_one_based(0), None);
        assert_eq!(SampleNumber::from_one_based(1), Some(SampleNumber::FIRST));
        assert_eq!(ChunkNumber::from_one_based(u32::MAX), Some(ChunkNumber(u32::MAX - 1)));
        for number in [0, 1, u32::MAX - 1] {
            assert_eq!(
                SampleNumber::from_one_based(SampleNumber(number).one_based()),
                Some(SampleNumber(number))
            );
        }
        assert_eq!(SampleNumber(u32::MAX).one_based(), u32::MAX);
    }

    #[test]
    fn steps_and_differences_stay_within_the_numbers() {
        let (first, last) = (SampleNumber::FIRST, SampleNumber(u32::MAX));
        assert_eq!((first.previous(), last.next(), first - 1, last + 2), (None, last, first, last));
        assert_eq!(
            (SampleNumber(5).previous(), SampleNumber(5).next()),
            (Some(SampleNumber(4)), SampleNumber(6))
        );
        assert_eq!((SampleNumber(9) - SampleNumber(4), SampleNumber(4) - SampleNumber(9)), (5, 0));
        assert_eq!(SampleNumber(9).checked_since(SampleNumber(4)), Some(5));
        assert_eq!(SampleNumber(4).checked_since(SampleNumber(9)), None);
        assert_eq!((ChunkNumber(3).place(), ChunkNumber::at_place(3)), (3, ChunkNumber(3)));
        assert_eq!(SampleNumber::at_place(usize::MAX), last);
    }

    #[test]
    fn a_number_that_is_moved_too_far_becomes_none() {
        let down = SampleShift::between(SampleNumber(9), SampleNumber(2));
        assert_eq!([10, 8, 7, 6].map(|number| down.move_one_based(number)), [3, 1, 0, 0]);
        let up = SampleShift::between(SampleNumber(2), SampleNumber(9));
        assert_eq!([3, u32::MAX].map(|number| up.move_one_based(number)), [10, 0]);
    }

    #[test]
    fn a_range_is_counted_and_gone_through_both_ways() {
        let range = ChunkNumber(2)..ChunkNumber(5);
        assert_eq!((range.count(), range.units()), (3, 2..5));
        assert!(range.clone().each().map(|chunk| chunk.0).eq([2, 3, 4]));
        assert!(range.each().rev().map(|chunk| chunk.0).eq([4, 3, 2]));
        let none = ChunkNumber(5)..ChunkNumber(2);
        assert_eq!((none.count(), none.each().len()), (0, 0));
    }
}
