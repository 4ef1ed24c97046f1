//! What the boxes of one track of a clip are cut from.

use crate::boxes::Reader;
use crate::index::{Film, SampleTable, Track};
use crate::plan::part::{Entries, EntryKind};
use crate::plan::slice::ChunkRange;
use crate::seek::{SampleRange, TrackClip};
use crate::source::ReadAt;

/// One track of a clip.
pub(super) struct TrackCut<'a> {
    pub(super) film: &'a Film<'a>,
    /// The index of the track among those of the file.
    pub(super) number: usize,
    pub(super) track: &'a Track,
    pub(super) clip: &'a TrackClip,
    /// The chunks of each sample range of the clip.
    pub(super) chunks: &'a [ChunkRange],
    /// Whether chunk offsets have 64 bits.
    pub(super) is_wide: bool,
}

impl<'a> TrackCut<'a> {
    /// The sample tables of the track in the source.
    pub(super) fn samples(&self) -> &'a SampleTable {
        &self.track.samples
    }

    /// The samples that the clip has.
    pub(super) fn ranges(&self) -> &'a [SampleRange] {
        &self.clip.ranges
    }

    /// A reader of the source.
    pub(super) fn reader(&self) -> Reader<'a, &'a dyn ReadAt> {
        self.film.index.reader(&self.film.source)
    }

    /// Entries of a table of this track.
    pub(super) fn entries(&self, entry_size: u8, kind: EntryKind) -> Entries {
        Entries { track: self.number, entry_size, kind }
    }
}
