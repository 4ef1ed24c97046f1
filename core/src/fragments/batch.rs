//! How many fragments are read again at once, and what that costs.

use crate::limits::Limits;

/// Fragments in a row.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Batch {
    /// Where the first `moof` is.
    pub(crate) offset: u64,
    /// Number of `moof` boxes; none for what the `moov` holds.
    pub(crate) moofs: u32,
    pub(crate) samples: u32,
    /// What it takes to read it again, about in bytes.
    pub(crate) cost: u64,
}

impl Batch {
    /// Whether the next fragment begins another: a look-up reads one of these.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.cost >= 256 << 10
            || self.samples >= limits.batch_samples
            || (self.moofs >= limits.batch_moofs && self.samples >= limits.batch_samples / 16)
    }

    /// Whether it costs too much to be generated again. Its tables are kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.moofs == 0 || self.samples > 16 << 10 || self.cost > 512 << 10
    }
}

/// How far to read at once: most of a `moof`, and little of the media after it.
pub(crate) const READ_AHEAD: usize = 2048;

/// What it costs to read a `moof` again, besides its bytes.
pub(crate) const COST_OF_MOOF: u64 = READ_AHEAD as u64;

/// Whether these bytes are few beside what is kept of so many batches, if `in_batch` bytes are few
/// beside what is kept of one.
pub(crate) fn are_few(bytes: usize, batches: usize, in_batch: usize) -> bool {
    bytes <= in_batch.saturating_mul(batches + 3)
}

/// What it costs to pass another box.
pub(crate) const COST_OF_BOX: u64 = 64;
