//! How it is known where decoding of a track can begin.

use std::sync::OnceLock;

use super::Pictures;

/// How to detect where decoding can begin, in a track of which no box says it, or says it of all
/// samples. The index is built without a look at the media, so this is done when it is first
/// needed.
#[derive(Debug, Clone)]
pub(crate) struct SyncDetection {
    pub(crate) pictures: Pictures,
    pub(crate) file_len: u64,
    /// What the first samples show, once they have been looked into.
    pub(crate) first_samples: OnceLock<FirstSamples>,
}

/// What the first samples of a track show of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstSamples {
    /// Decoding can begin at the first, and not at all others.
    Dependent,
    /// Each can be decoded on its own.
    Independent,
    /// Decoding cannot even begin at the first, so nothing can be learnt from them.
    Unclear,
}

/// How it is known where decoding of a track can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncEvidence {
    /// A sync sample table or sample groups list it.
    Boxes,
    /// Each sample can be decoded on its own in this coding.
    Coding,
    /// The samples show it, and are looked into.
    Pictures,
    /// No box lists it, or one lists all samples, and the samples show nothing or their coding is
    /// not known. Decoding is taken to be able to begin at every sample.
    Nothing,
}
