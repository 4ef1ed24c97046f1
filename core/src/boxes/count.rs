//! How many boxes a container may have.

use super::{BoxHeader, BoxType};
use crate::limits::{ADDED_BOXES, CHILDREN};

/// Counts the boxes of one container.
///
/// A clip has boxes that its film has not ([`ADDED_BOXES`]). They are not counted, so that a clip
/// is never over a limit that its film is within, however often it is cut again.
#[derive(Debug)]
pub struct BoxCounter {
    counted: usize,
    /// How many more of each kind are not counted.
    left: [usize; ADDED_BOXES.len()],
}

impl Default for BoxCounter {
    fn default() -> Self {
        Self { counted: 0, left: ADDED_BOXES.map(|(_, most)| most) }
    }
}

impl BoxCounter {
    /// Counts a box; `false` when the container has more than [`CHILDREN`].
    #[must_use]
    pub fn takes(&mut self, box_type: BoxType) -> bool {
        let mut kinds = ADDED_BOXES.iter().zip(&mut self.left);
        match kinds.find(|((kind, _), left)| **kind == box_type.0 && **left > 0) {
            Some((_, left)) => *left -= 1,
            None => self.counted += 1,
        }
        self.counted <= CHILDREN
    }

    /// How many boxes of a container count.
    pub fn of(boxes: &[BoxHeader]) -> usize {
        let mut this = Self::default();
        for header in boxes {
            if !this.takes(header.box_type) {
                break;
            }
        }
        this.counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_clip_adds_is_not_counted_but_no_more_than_that() {
        let mut counter = BoxCounter::default();
        for (kind, most) in ADDED_BOXES {
            assert!((0..most).all(|_| counter.takes(BoxType(*kind))));
        }
        assert_eq!(counter.counted, 0);
        assert!((0..CHILDREN).all(|_| counter.takes(BoxType(*b"edts"))));
        assert!(!counter.takes(BoxType(*b"edts")));
    }
}
