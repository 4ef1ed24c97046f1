//! What a clip holds of a film.

use std::ops::Range;

use crate::boxes::ElstEntry;

use super::ending::Retimed;
use super::lead_in::LeadIn;

/// A stretch of a film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Ticks per second of the clip's movie time; all movie times here are in these.
    pub timescale: u32,
    /// Where the clip begins in the source's presentation.
    pub start: u64,
    /// How long it is presented.
    pub duration: u64,
    /// For each track of the film, what the clip holds of it; `None` for one that is left out.
    pub tracks: Vec<Option<TrackClip>>,
}

/// What a clip holds of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackClip {
    /// The samples, in decode order: one stretch of the track, or several where edits are far apart.
    pub ranges: Vec<SampleRange>,
    /// The clip's own edit list, in the clip's movie time.
    pub edits: Vec<ElstEntry>,
    /// Ticks of the clip's media time for each of the film's.
    pub multiplier: u32,
    /// Added to every composition offset, in ticks of the clip, so that no edit begins at a negative media time.
    pub offset_shift: i64,
    /// Length of the samples in ticks of the clip.
    pub media_duration: u64,
    /// What the clip's description of Opus says that a decoder drops, if that is not what the film's says.
    pub pre_skip: Option<u16>,
}

/// A stretch of a track's samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRange {
    /// The samples, 0-based; not empty.
    pub samples: Range<u32>,
    /// Samples of the clip before it.
    pub place: u32,
    /// Samples after the first and before this one are no sync samples of the clip: decoding begins with the first.
    pub joined_until: u32,
    /// The times of the first samples, where some of them are hidden.
    pub lead_in: Option<LeadIn>,
    /// Taken off the duration of the first sample, in media ticks of the film.
    pub trim: u32,
    /// Added to the duration of the last sample, in media ticks of the film, so that nothing of the next stretch is
    /// presented before this one has ended, and that the last does not end before its edit.
    pub gap: u32,
    /// The last samples, where they end otherwise than in the film. They have no gap.
    pub ending: Vec<Retimed>,
}

impl SampleRange {
    /// How many samples there are; never 0.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> u32 {
        self.samples.end - self.samples.start
    }

    /// Where in the clip (0-based) a sample of the film is, if one of `ranges` holds it.
    pub fn find(ranges: &[Self], sample: u32) -> Option<u32> {
        let range = ranges.get(ranges.partition_point(|r| r.samples.end <= sample))?;
        sample.checked_sub(range.samples.start).map(|into| range.place + into)
    }
}

impl TrackClip {
    /// Of a track that has nothing in the clip.
    pub(super) fn empty() -> Self {
        let edits = Vec::new();
        Self { ranges: Vec::new(), edits, multiplier: 1, offset_shift: 0, media_duration: 0, pre_skip: None }
    }

    /// How many samples there are.
    pub fn sample_count(&self) -> u32 {
        self.ranges.last().map_or(0, |r| r.place + r.len())
    }

    /// How long the track is presented, in the clip's movie time.
    pub fn duration(&self) -> u64 {
        self.edits.iter().map(|e| e.segment_duration).sum()
    }
}
