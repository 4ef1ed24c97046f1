//! How a clip is cut into segments.

use crate::index::Index;
use crate::seek::Clip;

/// Which tracks a fragmented file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Held {
    /// All of the clip, side by side: what a `<video>` element or a download takes.
    All,
    /// One, by its index in the film: a CMAF track file (ISO/IEC 23000-19, 7.3).
    One(usize),
}

impl Held {
    /// Whether segments may be added to the file while it is played. What is there then has to stay as
    /// it is: nothing in it may follow from all samples.
    pub(super) fn may_grow(self, index: &Index) -> bool {
        index.is_recording() && self != Self::All
    }
}

/// How a clip is cut into segments and fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segmenting {
    /// Seconds that a segment lasts at least, unless it is the last.
    pub seconds: u32,
    /// Which tracks the file holds.
    pub held: Held,
}

impl Segmenting {
    /// That of a file of all tracks. The longer the clip, the longer its segments, so that its
    /// index stays short: some 30 KB for a day. The tables of a segment come before its media, so
    /// it is no longer than the index needs.
    pub fn of_clip(clip: &Clip) -> Self {
        let seconds = clip.duration().seconds(clip.timescale) / LONG_INDEX;
        let seconds = (SHORTEST..LONGEST).find(|n| f64::from(*n) >= seconds).unwrap_or(LONGEST);
        Self { seconds, held: Held::All }
    }
}

/// Seconds of the shortest and the longest segments of a file of all tracks.
const SHORTEST: u32 = 1;
const LONGEST: u32 = 3600;

/// Segments of a long file of all tracks.
const LONG_INDEX: f64 = 2500.0;
