//! What is found out about a long table piece by piece, when a clip first needs it.

use std::ops::Range;
use std::sync::OnceLock;

use super::FormatError;

/// Something about each segment of a table.
#[derive(Debug, Clone)]
pub struct Segments<T> {
    cells: Box<[OnceLock<T>]>,
}

/// Entries of a segment: as many as are well read at once.
pub(super) const SEGMENT: u32 = 16 * 1024;

impl<T> Segments<T> {
    /// For a table of `count` entries; they take less than the table itself.
    pub fn new(count: u32) -> Self {
        Self { cells: (0..count.div_ceil(SEGMENT)).map(|_| OnceLock::new()).collect() }
    }

    /// What is known of segment `n`, if it was asked for before.
    pub fn known(&self, n: u32) -> Option<&T> {
        self.cells.get(n as usize)?.get()
    }

    /// What is known of segment `n`. It is computed from the entries when it is asked for first.
    ///
    /// # Errors
    /// Those of `make`, or when there is no such segment.
    pub fn get(
        &self,
        n: u32,
        make: impl FnOnce(Range<u32>) -> Result<T, FormatError>,
    ) -> Result<&T, FormatError> {
        let cell = self.cells.get(n as usize);
        let cell = cell.ok_or(FormatError::Changed)?;
        match cell.get() {
            Some(known) => Ok(known),
            None => {
                let first = n.saturating_mul(SEGMENT);
                let computed = make(first..first.saturating_add(SEGMENT))?;
                // Another thread may have computed the same meanwhile.
                Ok(cell.get_or_init(|| computed))
            }
        }
    }

    /// Memory held, now or later.
    pub fn heap_size(&self) -> usize {
        self.cells.len() * size_of::<OnceLock<T>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_segment_is_computed_once() {
        let segments = Segments::new(2 * SEGMENT + 1);
        let mut asked = Vec::new();
        for n in [0, 2, 0, 1, 2] {
            let first = segments.get(n, |entries| {
                asked.push(entries.clone());
                Ok(entries.start)
            });
            assert_eq!(*first.unwrap(), n * SEGMENT);
        }
        assert_eq!(asked, [0, 2, 1].map(|n| n * SEGMENT..(n + 1) * SEGMENT));
    }

    #[test]
    fn what_could_not_be_read_is_asked_for_again() {
        let segments = Segments::new(1);
        segments.get(0, |_| Err::<u8, _>(FormatError::Changed)).unwrap_err();
        assert_eq!(*segments.get(0, |_| Ok(7)).unwrap(), 7);
        assert_eq!(*segments.get(0, |_| Err(FormatError::Changed)).unwrap(), 7);
    }

    #[test]
    fn there_are_as_many_as_the_table_has_entries_for() {
        for (count, expected) in [(0, 0), (1, 1), (SEGMENT, 1), (SEGMENT + 1, 2), (u32::MAX, 1 << 18)] {
            let segments = Segments::<u64>::new(count);
            assert_eq!(segments.heap_size(), expected as usize * size_of::<OnceLock<u64>>());
            assert!(matches!(segments.get(expected, |_| Ok(0)), Err(FormatError::Changed)));
            if let Some(last) = expected.checked_sub(1) {
                // The last may name entries past the end of the table, but no number past the last.
                let entries = segments.get(last, |entries| Ok(u64::from(entries.end)));
                assert_eq!(
                    *entries.unwrap(),
                    (u64::from(expected) * u64::from(SEGMENT)).min(u32::MAX.into())
                );
            }
        }
    }
}
