//! What a clip holds of a film.

use std::ops::Range;

use crate::boxes::ElstEntry;

use super::ending::Retimed;
use super::lead_in::LeadIn;

/// The part of a film that answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// The whole film.
    Whole,
    /// A clip of it.
    Clip(Clip),
}

/// A clip of a film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Ticks per second of the clip's movie time; all movie times here are in these.
    pub timescale: u32,
    /// When the clip begins, in the presentation of the film.
    pub start: u64,
    /// How long the clip is presented.
    pub duration: u64,
    /// What the clip holds of each track of the film; `None` for a track that is left out.
    pub tracks: Vec<Option<TrackClip>>,
}

/// What a clip holds of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackClip {
    /// The samples, in decode order: one range, or several if the edits are far apart.
    pub ranges: Vec<SampleRange>,
    /// The clip's own edit list, in the clip's movie time.
    pub edits: Vec<ElstEntry>,
    /// How many ticks of the clip's media time make one of the film's.
    pub multiplier: u32,
    /// Added to every composition offset, in ticks of the clip, so that no edit begins at a
    /// negative media time.
    pub offset_shift: i64,
    /// The duration of all samples in ticks of the clip.
    pub media_duration: u64,
    /// The `PreSkip` of the clip's Opus description, if it differs from the film's.
    pub pre_skip: Option<u16>,
}

/// A range of a track's samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRange {
    /// The samples, 0-based; not empty.
    pub samples: Range<u32>,
    /// How many samples of the track precede it in the clip.
    pub place: u32,
    /// The samples between the first and this one are not sync samples of the clip, because
    /// decoding begins with the first.
    pub joined_until: u32,
    /// The times of the first samples, if some of them are hidden.
    pub lead_in: Option<LeadIn>,
    /// How much shorter the first sample lasts, in media ticks of the film.
    pub trim: u32,
    /// How much longer the last sample lasts, in media ticks of the film. With it, the next range
    /// is presented after this one has ended, and the last range lasts until its edit ends.
    pub gap: u32,
    /// The times of the last samples, if they differ from the film. There is no gap then.
    pub ending: Vec<Retimed>,
}

impl SampleRange {
    /// The number of samples; never 0.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> u32 {
        self.samples.end - self.samples.start
    }

    /// The number in the clip (0-based) of a sample of the film, if one of `ranges` holds it.
    pub fn find(ranges: &[Self], sample: u32) -> Option<u32> {
        let range = ranges.get(ranges.partition_point(|r| r.samples.end <= sample))?;
        sample.checked_sub(range.samples.start).map(|into| range.place + into)
    }
}

impl TrackClip {
    /// The clip of a track that is not presented in it.
    pub(super) fn empty() -> Self {
        let edits = Vec::new();
        Self { ranges: Vec::new(), edits, multiplier: 1, offset_shift: 0, media_duration: 0, pre_skip: None }
    }

    /// The number of samples.
    pub fn sample_count(&self) -> u32 {
        self.ranges.last().map_or(0, |r| r.place + r.len())
    }

    /// How long the track is presented, in the clip's movie time.
    pub fn duration(&self) -> u64 {
        self.edits.iter().map(|e| e.segment_duration).sum()
    }
}
