//! What a clip holds of a movie.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::{Index, SampleTable};
use crate::numbers::{Numbers, SampleNumber};
use crate::request::Time;
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime, MovieTime};

use super::ending::Retimed;
use super::lead_in::LeadIn;

/// The part of a movie that answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// The whole movie.
    Whole,
    /// A clip of it.
    Clip(Clip),
}

/// A clip of a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Ticks per second of the clip's movie time; all movie times here are in these.
    pub timescale: u32,
    /// The parts of the movie that it presents, one after the other: one, or several scenes. Each
    /// is of times in the presentation of the movie.
    pub scenes: Vec<Range<MovieTime>>,
    /// Whether one edit presents all scenes of a track, where others have an edit for each.
    pub is_joined: bool,
    /// The time in the movie from which on frames may be seen, where that decides what is decoded.
    pub seen_from: Time,
    /// What the clip holds of each track of the file; `None` for a track that is left out.
    pub tracks: Vec<Option<TrackClip>>,
}

/// A part of the movie, and when the clip presents it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedScene {
    /// When it is presented in the movie.
    pub movie: Range<MovieTime>,
    /// When it begins in the clip.
    pub begins: MovieTime,
}

impl Clip {
    /// When the first scene begins, in the presentation of the movie.
    pub fn start(&self) -> MovieTime {
        self.scenes.first().map_or(MovieTime(0), |scene| scene.start)
    }

    /// How long the clip is presented.
    pub fn duration(&self) -> MovieTime {
        self.scenes.iter().fold(MovieTime(0), |sum, scene| sum + (scene.end - scene.start))
    }

    /// Whether it holds the last sample that a track of the movie has so far. What is appended to the
    /// movie may then belong to it, too.
    pub fn reaches_end(&self, index: &Index) -> bool {
        self.held(index).any(|(clip, is_last)| clip.ranges.iter().any(is_last))
    }

    /// Whether it ends with such a sample.
    pub fn ends_with_movie(&self, index: &Index) -> bool {
        self.held(index).any(|(clip, is_last)| clip.ranges.last().is_some_and(is_last))
    }

    /// What it holds of each track, and which ranges go up to the last sample of that.
    fn held<'a>(
        &'a self,
        index: &'a Index,
    ) -> impl Iterator<Item = (&'a TrackClip, impl Fn(&SampleRange) -> bool)> {
        index.tracks.iter().zip(&self.tracks).filter_map(|(track, clip)| {
            let is_last = |range: &SampleRange| range.samples.end.0 >= track.samples.count;
            clip.as_ref().map(|clip| (clip, is_last))
        })
    }

    /// The scenes, in the order in which they are presented.
    pub fn placed_scenes(&self) -> impl Iterator<Item = PlacedScene> + '_ {
        placed_scenes(&self.scenes)
    }
}

/// The scenes of a clip, and when it presents each.
pub(super) fn placed_scenes(scenes: &[Range<MovieTime>]) -> impl Iterator<Item = PlacedScene> + '_ {
    scenes.iter().scan(MovieTime(0), |next, movie| {
        let begins = *next;
        *next = begins + (movie.end - movie.start);
        Some(PlacedScene { movie: movie.clone(), begins })
    })
}

impl PlacedScene {
    /// When the clip presents a time of the scene.
    pub fn in_clip(&self, time: MovieTime) -> MovieTime {
        self.begins + (time - self.movie.start)
    }

    /// When it ends in the clip.
    pub fn ends(&self) -> MovieTime {
        self.in_clip(self.movie.end)
    }
}

/// What a clip holds of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackClip {
    /// The samples, in decode order: one range, or several if the edits are far apart. Those of a
    /// scene are in the order of the file, and those of the next scene follow, be they later in the
    /// file, earlier, or the same once more.
    pub ranges: Vec<SampleRange>,
    /// The clip's own edit list, in the clip's movie time.
    pub edits: Vec<ElstEntry>,
    /// How many ticks of the clip's media time make one of the file's.
    pub multiplier: u32,
    /// Added to every composition offset, so that no edit begins at a
    /// negative media time.
    pub offset_shift: ClipTime,
    /// The duration of all samples.
    pub media_duration: ClipTime,
    /// The `PreSkip` of the clip's Opus description, if it differs from the file's.
    pub pre_skip: Option<u16>,
}

/// A range of a track's samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRange {
    /// The samples; not empty.
    pub samples: Range<SampleNumber>,
    /// The number that the first of them has in the clip.
    pub place: SampleNumber,
    /// The samples between the first and this one are not sync samples of the clip, because
    /// decoding begins with the first.
    pub joined_until: SampleNumber,
    /// The times of the first samples, if some of them are hidden.
    pub lead_in: Option<LeadIn>,
    /// How much shorter the first sample lasts.
    pub first_sample_trim: MediaTime,
    /// How much longer the last sample lasts. With it, the next range
    /// is presented after this one has ended, and the last range lasts until its edit ends.
    pub gap: MediaTime,
    /// The times of the last samples, if they differ from the file. There is no gap then.
    pub ending: Vec<Retimed>,
}

impl SampleRange {
    /// The number of samples; never 0.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> u32 {
        self.samples.count()
    }

    /// The numbers that samples have in the clip at which decoding can begin, as the samples themselves
    /// show ([`SampleTable::detected_sync`]).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn detected_sync<R: ReadAt>(
        ranges: &[Self],
        table: &SampleTable,
        source: &R,
    ) -> Result<Vec<SampleNumber>, FormatError> {
        let mut all = Vec::new();
        for range in ranges {
            let found = table.detected_sync(source, &range.samples, ranges.len())?;
            all.extend(found.iter().map(|&sample| range.place + (sample - range.samples.start)));
        }
        Ok(all)
    }

    /// The samples whose times are neither a lead-in's nor those of its ending.
    pub fn unchanged(&self) -> Range<SampleNumber> {
        let lead_in = self.lead_in.as_ref().map_or(0, |lead_in| lead_in.len);
        let ending = u32::try_from(self.ending.len()).unwrap_or(0);
        self.samples.start + lead_in..self.samples.end - ending
    }

    /// The number in the clip of the first sample that `ranges` hold behind a sample of the file.
    pub fn behind(ranges: &[Self], sample: SampleNumber) -> SampleNumber {
        let begun = ranges.partition_point(|range| range.samples.start <= sample);
        let last = begun.checked_sub(1).and_then(|n| ranges.get(n));
        last.map_or(SampleNumber::FIRST, |range| {
            range.place + (sample.next() - range.samples.start).min(range.len())
        })
    }

    /// The number in the clip of a sample of the file, if one of `ranges` holds it. They are in the
    /// order of the file.
    pub fn find(ranges: &[Self], sample: SampleNumber) -> Option<SampleNumber> {
        let range = ranges.get(ranges.partition_point(|r| r.samples.end <= sample))?;
        (sample >= range.samples.start).then(|| range.place + (sample - range.samples.start))
    }

    /// The ranges in parts, each of which is in the order of the file. There is one part where no
    /// scene goes back to what is before the end of another.
    pub fn in_file_order(ranges: &[Self]) -> impl Iterator<Item = &[Self]> {
        ranges.chunk_by(|a, b| a.samples.end <= b.samples.start)
    }
}

impl TrackClip {
    /// The clip of a track that is not presented in it.
    pub(super) fn empty() -> Self {
        Self {
            ranges: Vec::new(),
            edits: Vec::new(),
            multiplier: 1,
            offset_shift: ClipTime(0),
            media_duration: ClipTime(0),
            pre_skip: None,
        }
    }

    /// The number of samples.
    pub fn sample_count(&self) -> u32 {
        self.ranges.last().map_or(0, |r| (r.place + r.len()).0)
    }

    /// Memory held besides the struct itself.
    pub fn heap_size(&self) -> usize {
        let endings = self.ranges.iter().map(|range| range.ending.capacity() * size_of::<Retimed>());
        self.ranges.capacity() * size_of::<SampleRange>()
            + endings.sum::<usize>()
            + self.edits.capacity() * size_of::<ElstEntry>()
    }

    /// How long the track is presented, in the clip's movie time.
    pub fn duration(&self) -> MovieTime {
        MovieTime(self.edits.iter().map(|e| e.segment_duration).sum())
    }
}
