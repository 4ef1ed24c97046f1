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
                let made = make(first..first.saturating_add(SEGMENT))?;
                // Another thread may have computed the same meanwhile.
                Ok(cell.get_or_init(|| made))
            }
        }
    }

    /// Memory held, now or later.
    pub fn heap_size(&self) -> usize {
        self.cells.len() * size_of::<OnceLock<T>>()
    }
}
