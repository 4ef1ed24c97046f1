//! What the boxes of a flat answer are laid out from.

use crate::extents::Extents;
use crate::index::Film;
use crate::plan::slice::ChunkRange;
use crate::seek::Clip;

use super::chunks::TrackChunks;

/// What the `moov` of an answer is laid out from.
pub(super) struct Layout<'a> {
    pub(super) film: &'a Film<'a>,
    /// `None` for the whole movie, whose boxes all stay as they are.
    pub(super) clip: Option<&'a Clip>,
    /// For each track of the file, whether the answer leaves it out.
    pub(super) left_out: Vec<bool>,
    /// The chunks of each track of the file. `None` for a track without any.
    pub(super) chunks: Vec<Option<TrackChunks>>,
    pub(super) extents: &'a Extents,
    /// Bytes between the `moov` and the media.
    pub(super) media_header_len: u64,
}

impl Layout<'_> {
    /// Whether the answer does not have this track.
    pub(super) fn is_left_out(&self, track: usize) -> bool {
        self.left_out.get(track).copied().unwrap_or(false)
    }

    /// The chunks of a track in the answer.
    pub(super) fn chunk_ranges(&self, track: usize) -> &[ChunkRange] {
        let chunks = self.chunks.get(track).and_then(Option::as_ref);
        chunks.map_or(&[], |chunks| &chunks.ranges)
    }
}
