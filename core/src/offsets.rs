//! Where bytes are. There are three places to count from, and a type for each of the two that meet
//! in `extents`, so that they cannot be mixed:
//!
//! ```text
//! file     | ftyp | moov | mdat ……[ needed ]……[ needed ]…… |      FileOffset
//! media                           [ needed ][ needed ]            MediaOffset
//! answer   | ftyp | moov | mdat   [ needed ][ needed ]            MediaOffset + metadata
//! ```
//!
//! The boxes' own reading has plain integers: all of its offsets are those of the file. A server's
//! have, too: all are those of the answer.

use std::ops::{Add, Sub};

/// Defines a kind of offset.
macro_rules! offset {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl Add<u64> for $name {
            type Output = Self;
            /// So many bytes later, or at the greatest offset.
            #[inline]
            fn add(self, len: u64) -> Self {
                Self(self.0.saturating_add(len))
            }
        }

        impl Sub for $name {
            type Output = u64;
            /// The bytes from the other up to this one; 0 if the other is later.
            #[inline]
            fn sub(self, earlier: Self) -> u64 {
                self.0.saturating_sub(earlier.0)
            }
        }
    };
}

offset! {
    /// An offset in the file, or in the generated metadata
    /// ([`GENERATED`](crate::source::GENERATED)).
    FileOffset
}

offset! {
    /// An offset among all the media of an answer, which begins at 0.
    MediaOffset
}

impl MediaOffset {
    /// The offset in the answer, whose metadata has this length.
    #[inline]
    pub fn in_answer(self, metadata_len: u64) -> u64 {
        self.0.saturating_add(metadata_len)
    }

    /// The media that an offset in the answer is in, if it is not in the metadata.
    #[inline]
    pub fn of_answer(offset: u64, metadata_len: u64) -> Option<Self> {
        offset.checked_sub(metadata_len).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_of_an_answer_follows_its_metadata() {
        assert_eq!(MediaOffset(5).in_answer(100), 105);
        assert_eq!(MediaOffset::of_answer(105, 100), Some(MediaOffset(5)));
        assert_eq!(MediaOffset::of_answer(99, 100), None);
        assert_eq!(MediaOffset(u64::MAX).in_answer(1), u64::MAX);
    }

    #[test]
    fn offsets_neither_overflow_nor_become_negative() {
        assert_eq!(FileOffset(u64::MAX) + 1, FileOffset(u64::MAX));
        assert_eq!((FileOffset(9) - FileOffset(4), FileOffset(4) - FileOffset(9)), (5, 0));
    }
}
