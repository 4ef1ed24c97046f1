//! What the boxes of a flat answer are laid out from.

use crate::extents::Extents;
use crate::index::Index;
use crate::seek::{Clip, TrackClip};

use super::chunks::TrackChunks;

/// Puts the `moov` of an answer together.
pub(super) struct Layout<'a> {
    pub(super) index: &'a Index,
    /// `None` for the whole film, whose boxes all stay as they are.
    pub(super) clip: Option<&'a Clip>,
    /// Tracks that the answer does not have.
    pub(super) left_out: Vec<bool>,
    pub(super) chunks: Vec<Option<TrackChunks>>,
    pub(super) extents: &'a Extents,
    /// Bytes between the `moov` and the media.
    pub(super) media_header_len: u64,
}

impl Layout<'_> {
    pub(super) fn is_left_out(&self, track: usize) -> bool {
        self.left_out.get(track).copied().unwrap_or(false)
    }

    pub(super) fn held(&self, track: usize) -> Option<&TrackClip> {
        self.clip?.tracks.get(track)?.as_ref()
    }
}
