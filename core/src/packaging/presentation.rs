//! What playlists and manifests are written from.

use std::ops::Range;

use crate::describe::TrackDescription;
use crate::plan::Spacing;
pub use crate::request::Form;

/// A movie or a clip of it, as its playlists and manifests show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Presentation {
    /// The tracks, in the order of the file.
    pub renditions: Vec<Rendition>,
    /// Tracks that segments cannot hold, by name, and why.
    pub refused: Vec<(String, String)>,
    /// How long the presentation lasts, in seconds.
    pub duration: f64,
    /// The query of the request, which all links carry on; empty where there was none.
    pub query: String,
    /// Whether segments are ranges of the track's file, or resources of their own.
    pub form: Form,
    /// Whether the movie has chapters that `text/chapters.vtt` shows.
    pub has_chapters: bool,
    /// Whether the file may still grow: segments are added later.
    pub is_growing: bool,
    /// Where the movie is being recorded, or was until a moment ago, the target duration of its media
    /// playlists in seconds. It may not change while somebody plays it (RFC 8216bis, 4.4.3.1), and
    /// nobody knows how long later segments will be.
    pub event_target: Option<u64>,
}

impl Presentation {
    /// Whether media playlists are those of an event: lines are only added to them.
    pub(super) fn is_event(&self) -> bool {
        self.is_growing || self.event_target.is_some()
    }

    /// The duration as texts have it: a number, and not below zero.
    pub(super) fn seconds(&self) -> f64 {
        if self.duration.is_finite() && self.duration > 0.0 { self.duration } else { 0.0 }
    }
}

/// A track of a presentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendition {
    /// What its addresses call it: `v1` for the first video track, `a2` for the second audio
    /// track, `t1` for the first text track, as the `tracks` of a query do.
    pub name: String,
    /// What the movie says of the track.
    pub track: TrackDescription,
    /// Ticks per second of its media.
    pub timescale: u32,
    /// Where its initialization section (`ftyp`, `moov`) lies in its file.
    pub init: Range<u64>,
    /// Where its segment index (`sidx`) lies in its file.
    pub index: Range<u64>,
    /// How far apart the boundaries of segments are, for all tracks of the presentation.
    pub spacing: Spacing,
    /// Its segments, in order. Empty for text that is sent as WebVTT.
    pub segments: Vec<Segment>,
}

/// A segment of a track: a `moof` and its `mdat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// When it is first presented, in ticks of its track, counted from the start of the
    /// presentation.
    pub start: u64,
    /// How long it is presented, in ticks of its track.
    pub duration: u64,
    /// Where it lies in the file of its track.
    pub bytes: Range<u64>,
    /// Where its first sample ends in that file. From the start of the segment to here, it is a
    /// key frame of its own.
    pub first_sample_end: u64,
    /// Whether all of it can be decoded without the segment before: it begins with a sync sample
    /// that no picture precedes in presentation (SAP type 1 or 2 of ISO/IEC 14496-12, annex I).
    pub is_independent: bool,
}
