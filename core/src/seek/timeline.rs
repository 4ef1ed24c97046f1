//! A track's edit list in the clip's movie time.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::{Index, Track};
use crate::source::ReadAt;
use crate::time::{ExactMovieTime, MediaTime, MovieTime, Rounding, Timescales};

use super::multiplier::negative_offset;

/// A track's edit list as segments of the clip's movie time.
pub(super) struct Timeline {
    pub(super) segments: Vec<Segment>,
    pub(super) scales: Timescales,
    /// Composition time of the sample that is presented first.
    pub(super) media_start: MediaTime,
    /// By how much composition offsets are raised, whatever is cut, so that none is negative.
    pub(super) raised: MediaTime,
    /// No frame that is presented before is decoded for one that is presented later.
    pub(super) seen_from: ExactMovieTime,
}

/// A range of movie time in which a track's media is presented.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// When it begins, in the clip's movie time, counted from the start of the movie.
    pub start: MovieTime,
    /// When it ends.
    pub end: MovieTime,
    /// The media time that is presented at its start, or at its end if it plays backwards.
    pub media_time: MediaTime,
    /// 16.16 fixed point.
    pub rate: u32,
}

/// The segments of a track that are presented between two times of a movie in this timescale.
pub fn segments(index: &Index, track: &Track, timescale: u32, between: Range<MovieTime>) -> Vec<Segment> {
    let line = Timeline::of(track, index.mvhd.timescale, timescale);
    let is_there = |s: &Segment| s.start < between.end && between.start < s.end;
    line.segments.into_iter().filter(is_there).collect()
}

impl Timeline {
    /// The edits of a track, which count in `movie_timescale`, in a clip that counts in
    /// `timescale`.
    pub(super) fn of(track: &Track, movie_timescale: u32, timescale: u32) -> Self {
        let scales = Timescales { movie: timescale, media: track.mdhd.timescale.max(1) };
        let (media_start, raised) = (track.samples.start, MediaTime(0));
        let seen_from = MovieTime(0).exact();
        let mut line = Self { segments: Vec::new(), scales, media_start, raised, seen_from };
        if track.samples.count == 0 {
            return line;
        }
        let media_end = track.samples.end;
        let until_media_end = |start: MovieTime, media_time: MediaTime| {
            (start + scales.to_movie(media_end - media_time, Rounding::Up)).limited()
        };
        if track.edits.is_empty() {
            let (start, media_time) = (MovieTime(0), MediaTime(0));
            let end = until_media_end(start, media_time);
            line.segments.push(Segment { start, end, media_time, rate: ElstEntry::NORMAL_RATE });
            return line;
        }
        let mut elapsed = 0i128;
        for (n, edit) in track.edits.iter().enumerate() {
            let start = MovieTime::from_ticks_of(movie_timescale, elapsed, timescale);
            elapsed += i128::from(edit.segment_duration);
            let Some(media_time) = edit.media_time.map(MediaTime) else { continue };
            let mut end = MovieTime::from_ticks_of(movie_timescale, elapsed, timescale);
            let last = n + 1 == track.edits.len();
            if edit.segment_duration == 0 && last {
                end = until_media_end(start, media_time);
            } else if edit.media_rate == ElstEntry::NORMAL_RATE {
                // An edit presents nothing past the end of the media.
                end = end.min(until_media_end(start, media_time));
            }
            if end > start && media_time < media_end {
                line.segments.push(Segment { start, end, media_time, rate: edit.media_rate });
            }
        }
        line
    }

    /// When the last segment ends.
    pub(super) fn end(&self) -> MovieTime {
        self.segments.last().map_or(MovieTime(0), |s| s.end)
    }

    /// Makes the last segment last until a time, if it ends before.
    pub(super) fn hold_until(&mut self, end: MovieTime) {
        let (rate, media_time) = (ElstEntry::NORMAL_RATE, self.media_start);
        match self.segments.last_mut() {
            Some(last) => last.end = last.end.max(end),
            None => self.segments.push(Segment { start: MovieTime(0), end, media_time, rate }),
        }
    }

    /// Raises the composition offsets of video until none is negative, if they have room for it. Those
    /// of a film that `may_grow` are raised as its beginning needs it: what players have of it stays
    /// what it was.
    pub(super) fn raise<R: ReadAt>(
        &mut self,
        track: &Track,
        source: &R,
        may_grow: bool,
    ) -> Result<(), FormatError> {
        if &track.handler.0 == b"vide" {
            self.raised = negative_offset(track);
            if may_grow && self.raised > MediaTime(0) {
                self.raised = self.raised.min(MediaTime(0) - track.samples.lowest_first_offset(source)?);
            }
        }
        Ok(())
    }

    /// Leaves the composition offsets as they are.
    pub(super) fn lower(&mut self) {
        self.raised = MediaTime(0);
    }

    /// Whether each sample is decoded before it is presented, now that offsets are raised.
    pub(super) fn is_decoded_first(&self, track: &Track) -> bool {
        track.samples.extreme_offsets().0 + self.raised >= MediaTime(0)
    }

    /// The segment that is presented at a time.
    pub(super) fn at(&self, time: ExactMovieTime) -> Option<&Segment> {
        let segment = self.segments.iter().rev().find(|s| s.start.exact() <= time)?;
        (time < segment.end.exact()).then_some(segment)
    }

    /// Whether a segment of the movie as it is presents a media time before what may be seen.
    pub(super) fn is_hidden(&self, segment: &Segment, media: MediaTime) -> bool {
        let is_normal = segment.rate == ElstEntry::NORMAL_RATE;
        is_normal && self.shown_at(segment, media).exact() < self.seen_from
    }

    /// When a segment shows the next key frame that may be seen; maybe after its end.
    pub(super) fn next_key_frame<R: ReadAt>(
        &self,
        track: &Track,
        source: &R,
        segment: &Segment,
    ) -> Result<Option<MovieTime>, FormatError> {
        let seen = self.scales.shown_from(self.seen_from.next_tick() - segment.start);
        let from = segment.media_time + seen;
        Ok(track.samples.sync_from(source, from)?.map(|cts| self.shown_at(segment, cts)))
    }

    /// When a segment presents a media time: not before the segment begins.
    pub(super) fn shown_at(&self, segment: &Segment, media: MediaTime) -> MovieTime {
        segment.start + self.scales.to_movie(media - segment.media_time, Rounding::Nearest)
    }
}
