//! How it is known where decoding of a track can begin.

use std::sync::OnceLock;

use super::Pictures;

/// What no box says, or says of all samples, so that it has to be seen whether it is so. The index is built without a look at
/// the media.
#[derive(Debug, Clone)]
pub(crate) struct Doubt {
    pub(crate) pictures: Pictures,
    pub(crate) file_len: u64,
    /// What the first samples say, once they have been looked into.
    pub(crate) seen: OnceLock<Seen>,
}

/// What the first pictures of a track say of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Some need others.
    Dependent,
    /// Each can be decoded on its own.
    Whole,
    /// Not even the first can be decoded on its own.
    Nothing,
}

/// How it is known where decoding of a track can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncEvidence {
    /// A table or sample groups say it.
    Boxes,
    /// Each sample can be decoded on its own, as its coding is such.
    Coding,
    /// The pictures themselves say it; they are looked into.
    Pictures,
    /// No box says it, or one that says it of all samples, and the pictures are in a coding that is not read, or say
    /// nothing. It is believed to be so of all samples.
    Nothing,
}
