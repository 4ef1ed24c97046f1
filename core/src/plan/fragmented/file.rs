//! A fragmented file as it is laid out.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::index::Film;
use crate::numbers::{Numbers, SampleNumber};
use crate::plan::part::Plan;
use crate::seek::SampleRange;
use crate::time::NANOS_PER_SECOND;

use super::boundaries::Spacing;
use super::clip_track::ClipTrack;
use super::file_track::FileTrack;
use super::fixed_size;
use super::presentation::Presented;
use super::sap::Sap;

/// A fragmented file: `ftyp`, `moov`, `sidx`, segments.
#[derive(Debug)]
pub struct FragmentedFile {
    /// `ftyp` and `moov`.
    pub(crate) head: Plan,
    pub(super) tracks: Vec<FileTrack>,
    /// Which of the tracks the `sidx` is about.
    pub(super) reference: usize,
    /// The first sample of each track in each segment, segment by segment; then the numbers of all.
    pub(super) firsts: Vec<SampleNumber>,
    /// When each segment is first presented, in ticks of the reference; then when all has ended.
    pub(super) starts: Vec<u64>,
    /// Where each segment begins in the file; then the length of the file.
    pub(super) offsets: Vec<u64>,
    /// How decoding begins with each segment.
    pub(super) saps: Vec<Sap>,
    /// How many segments of a track's file stay as they are if the movie grows.
    pub(super) complete: usize,
    /// Samples of the reference in a run.
    pub(super) run_samples: u32,
    /// How far apart the boundaries of segments are.
    pub(super) spacing: Spacing,
}

impl FragmentedFile {
    /// A view of the tracks, to look samples up.
    pub(crate) fn view<'a>(&'a self, film: &Film<'a>) -> Result<View<'a>, FormatError> {
        let tracks = self.tracks.iter().map(|track| track.presented(film));
        Ok(View { tracks: tracks.collect::<Result<_, _>>()?, film: *film })
    }

    /// The samples of a track in a segment.
    pub(super) fn samples(&self, segment: usize, track: usize) -> Range<SampleNumber> {
        let first = |segment: usize| {
            self.firsts.get(segment * self.tracks.len() + track).copied().unwrap_or_default()
        };
        first(segment)..first(segment + 1)
    }

    /// How often the tracks take turns in a segment.
    pub(super) fn turns(&self, segment: usize) -> u32 {
        self.samples(segment, self.reference).count().div_ceil(self.run_samples).max(1)
    }

    /// Number of segments.
    pub fn segment_count(&self) -> usize {
        (self.firsts.len() / self.tracks.len().max(1)).saturating_sub(1)
    }

    /// How many segments of a track's file stay as they are if the movie grows.
    pub fn complete_segments(&self) -> usize {
        self.complete
    }

    /// How far apart the boundaries of segments are, for all tracks of the presentation.
    pub fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// Length of the file.
    pub fn len(&self) -> u64 {
        self.offsets.last().copied().unwrap_or(self.head.metadata_len)
    }

    /// Whether there is nothing in it (never so).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where `ftyp` and `moov` lie.
    pub fn init(&self) -> Range<u64> {
        0..self.head.metadata_len
    }

    /// Where the `sidx` lies.
    pub fn index(&self) -> Range<u64> {
        self.head.metadata_len..self.offsets.first().copied().unwrap_or(self.head.metadata_len)
    }

    /// Where a segment lies.
    pub fn segment(&self, n: usize) -> Option<Range<u64>> {
        Some(*self.offsets.get(n)?..*self.offsets.get(n + 1)?)
    }

    /// When a segment is presented, in ticks of the reference.
    pub fn times(&self, n: usize) -> Option<Range<u64>> {
        Some(*self.starts.get(n)?..*self.starts.get(n + 1)?)
    }

    /// Ticks per second of the track that the index is about.
    pub fn timescale(&self) -> u32 {
        self.tracks.get(self.reference).map_or(1, |track| track.timescale)
    }

    /// How decoding begins with a segment (annex I).
    pub fn sap(&self, n: usize) -> Sap {
        self.saps.get(n).copied().unwrap_or(Sap::None)
    }

    /// Its track ID.
    pub(crate) fn reference_id(&self) -> u32 {
        self.tracks.get(self.reference).map_or(0, |track| track.track_id)
    }

    /// Where the first sample of a segment ends in the file, if that is one of the reference.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub(crate) fn first_sample_end(
        &self,
        view: &View<'_>,
        segment: usize,
    ) -> Result<Option<u64>, FormatError> {
        let Some(start) = self.segment(segment).map(|bytes| bytes.start) else { return Ok(None) };
        let first = self.samples(segment, self.reference).start;
        let Some((track, _)) = view.track(self.reference).filter(|(t, _)| first < t.count()) else {
            return Ok(None);
        };
        let samples = self.samples(segment, self.reference);
        let fields = self.tracks.get(self.reference).map_or(0, |track| track.fields.entry_size());
        let head = fixed_size(1, self.turns(segment)) + samples.count().saturating_mul(fields);
        let protection = self.protection(&view.film, segment, self.reference)?.len();
        Ok(Some(start + u64::from(head) + protection + track.bytes(first..first.next())?))
    }

    /// Up to which byte the file holds what is presented before a time, given in nanoseconds: of the
    /// segment at that time, the media of the reference up to the sample `last` of the film. The
    /// media of the other tracks precedes it.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub(crate) fn end_of_presented(
        &self,
        film: &Film<'_>,
        nanos: u128,
        last: Option<SampleNumber>,
    ) -> Result<u64, FormatError> {
        let Some(reference) = self.tracks.get(self.reference) else { return Err(FormatError::Changed) };
        // Of the first segment, other tracks may be presented before the reference begins.
        let begun = self.begun_before(nanos).max(1).min(self.segment_count());
        let next = last.map_or(SampleNumber::FIRST, |last| SampleRange::behind(&reference.clip.ranges, last));
        // Leading pictures are presented before the segment that they are in.
        let Some(segment) = begun.max(self.segments_before(next)).checked_sub(1) else {
            return Ok(self.index().end);
        };
        let Some(bytes) = self.segment(segment) else { return Ok(self.len()) };
        if self.turns(segment) > 1 {
            return Ok(bytes.end);
        }
        let samples = self.samples(segment, self.reference);
        let next = next.clamp(samples.start, samples.end);
        let Some(track) = film.index.tracks.get(reference.number) else { return Err(FormatError::Changed) };
        let rest = reference.view(track, film.source).bytes(next..samples.end)?;
        Ok(bytes.end.saturating_sub(rest).max(bytes.start))
    }

    /// Where the segment ends behind the one that is presented before a time, given in nanoseconds.
    pub(crate) fn end_of_segment_at(&self, nanos: u128) -> u64 {
        // Leading pictures are presented before the segment that they are in, and the reference may
        // begin later than other tracks.
        self.segment(self.begun_before(nanos)).map_or(self.len(), |bytes| bytes.end)
    }

    /// How many segments begin before a time, given in nanoseconds.
    fn begun_before(&self, nanos: u128) -> usize {
        let begins = |ticks: u64| {
            u128::from(ticks) * u128::from(NANOS_PER_SECOND) / u128::from(self.timescale().max(1))
        };
        self.starts.partition_point(|start| begins(*start) < nanos).min(self.segment_count())
    }

    /// How many segments begin before a sample of the reference.
    fn segments_before(&self, sample: SampleNumber) -> usize {
        let (mut low, mut high) = (0, self.segment_count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.samples(middle, self.reference).start < sample { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The index of the reference among the tracks of the film.
    pub(crate) fn reference_track(&self) -> Option<usize> {
        self.tracks.get(self.reference).map(|track| track.number)
    }

    /// The segment that a byte of the file is in.
    pub(crate) fn segment_of(&self, offset: u64) -> Option<usize> {
        self.offsets.partition_point(|start| *start <= offset).checked_sub(1)
    }

    /// Memory that it takes besides its own size, in bytes.
    pub fn heap_size(&self) -> usize {
        self.head.heap_size()
            + self.tracks.iter().map(|track| size_of::<FileTrack>() + track.heap_size()).sum::<usize>()
            + self.firsts.capacity() * size_of::<SampleNumber>()
            + (self.starts.capacity() + self.offsets.capacity()) * size_of::<u64>()
            + self.saps.capacity()
    }
}

/// The tracks of a fragmented file, to look samples up.
pub(crate) struct View<'a> {
    pub(super) tracks: Vec<Presented<'a>>,
    pub(super) film: Film<'a>,
}

impl<'a> View<'a> {
    /// The samples of a track, and what is added to their decode times.
    pub(crate) fn track(&self, n: usize) -> Option<(&ClipTrack<'a>, u64)> {
        let track = self.tracks.get(n)?;
        Some((&track.samples, track.placement.delay.ticks()))
    }
}
