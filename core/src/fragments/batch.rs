//! How many fragments are read again at once, and what that costs.

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

/// Samples of a batch, where its fragments are not larger. Few in tests, whose films are short.
const SAMPLES: u32 = if cfg!(test) { 48 } else { 4096 };

/// Fragments of a batch, where they are not tiny.
const MOOFS: u32 = if cfg!(test) { 2 } else { 16 };

impl Batch {
    /// Whether the next fragment begins another: a look-up reads one of these.
    pub(crate) fn is_full(&self) -> bool {
        self.cost >= 256 << 10
            || self.samples >= SAMPLES
            || (self.moofs >= MOOFS && self.samples >= SAMPLES / 16)
    }

    /// Whether it costs too much to be made anew. Its tables are kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.moofs == 0 || self.samples > 16 << 10 || self.cost > 512 << 10
    }
}

/// How far to read at once: most of a `moof`, and little of the media after it.
pub(crate) const READ_AHEAD: usize = 2048;

/// What it costs to read a `moof` again, besides its bytes.
pub(crate) const COST_OF_MOOF: u64 = READ_AHEAD as u64;

/// Bytes of a table's entries in a batch, about, up to which all of the table is kept: durations that seldom change, a
/// chunk and a sync sample in each fragment. That is no more than is kept to make them from.
const SMALL_IN_BATCH: usize = if cfg!(test) { 0 } else { 256 };

/// Whether these bytes are few beside what is kept of so many batches.
pub(crate) fn are_few(bytes: usize, batches: usize) -> bool {
    bytes <= SMALL_IN_BATCH * (batches + 3)
}

/// What it costs to pass another box.
pub(crate) const COST_OF_BOX: u64 = 64;
