//! What fragments may still take of memory, besides their samples.

use crate::boxes::FormatError;
use crate::limits;

/// What the fragments of a movie, all tracks together, may still take of memory for what a few bytes
/// claim. It is taken before the memory is.
#[derive(Debug)]
pub(crate) struct Room {
    auxiliary: Left,
    groups: Left,
}

#[derive(Debug)]
struct Left {
    most: u64,
    left: u64,
}

impl Room {
    /// All that there is for a file of this length.
    pub(crate) fn of(file_len: u64) -> Self {
        // Lengths may be invented, and places named again and again. The bytes are in the file, and
        // there once.
        let most = |limit: u64| Left::of(file_len.saturating_mul(2).min(limit));
        Self { auxiliary: most(limits::AUXILIARY), groups: most(limits::GROUP_RUNS) }
    }

    /// Takes so many bytes of auxiliary information.
    ///
    /// # Errors
    /// When that is more than is left.
    pub(crate) fn take_auxiliary(&mut self, bytes: u64) -> Result<(), FormatError> {
        self.auxiliary.take(bytes).map_err(|most| FormatError::LargeAuxiliary { most })
    }

    /// Takes so many runs of samples that are in one group.
    ///
    /// # Errors
    /// When that is more than is left.
    pub(crate) fn take_groups(&mut self, runs: u64) -> Result<(), FormatError> {
        self.groups.take(runs).map_err(|most| FormatError::ManyGroups { most })
    }
}

impl Left {
    fn of(most: u64) -> Self {
        Self { most, left: most }
    }

    fn take(&mut self, amount: u64) -> Result<(), u64> {
        self.left = self.left.checked_sub(amount).ok_or(self.most)?;
        Ok(())
    }
}
