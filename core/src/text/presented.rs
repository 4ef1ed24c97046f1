//! The samples of a track that are presented in a part of a movie, and when.
//!
//! ```text
//! for each segment of the timeline (an edit, see `seek`) that is presented in the part:
//!   media      the media times that it presents there, at its rate, a tick more on either side
//!   samples    those on screen in these media times
//!   for each:  composition time -> time of the movie, exactly, in nanoseconds
//!              cut to the segment and to the part, counted from the origin: the start of the clip
//!              rounded to milliseconds
//! ```

use std::ops::{ControlFlow, Range};

use crate::boxes::{CHPL_TIMESCALE, ElstEntry, FormatError, JointRun};
use crate::index::{Film, Track};
use crate::numbers::{Numbers, SampleNumber};
use crate::seek::{Clip, PlacedScene, Segment, segments};
use crate::time::{MediaTime, MovieTime, Rounding, Timescales};

/// Nanoseconds in a second.
const NANOS: i128 = 1_000_000_000;

/// Nanoseconds in a millisecond.
const MILLI: i128 = 1_000_000;

/// A sample that is presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// Which sample.
    pub(super) sample: SampleNumber,
    /// When, in milliseconds from the origin.
    pub(super) period: Range<i64>,
    /// When it begins if nothing of it is cut off.
    pub(super) begins: i64,
    /// Its composition time, in milliseconds.
    pub(super) composed: i64,
}

/// What times are counted in, and from where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Ticks of the movie in a second.
    pub(super) timescale: u32,
    /// A time of the movie …
    pub(super) origin: MovieTime,
    /// … and what it counts as.
    pub(super) begins: MovieTime,
}

impl Clock {
    /// The clock of a scene of a clip.
    pub(super) fn of(clip: &Clip, scene: &PlacedScene) -> Self {
        Self { timescale: clip.timescale, origin: scene.movie.start, begins: scene.begins }
    }

    /// A time of the movie in nanoseconds from the origin.
    fn nanos(self, time: MovieTime) -> i128 {
        let nanos = |time: MovieTime| fraction(i128::from(time.0) * NANOS, self.timescale.into());
        nanos(time) - nanos(self.origin) + nanos(self.begins)
    }

    /// A time of the movie in milliseconds from the origin.
    pub(super) fn millis(self, time: MovieTime) -> i64 {
        millis(self.nanos(time))
    }

    /// A time in units of 100 ns from the start of the movie, in milliseconds from the origin.
    pub(super) fn millis_of_chapter(self, start: u64) -> i64 {
        millis(i128::from(start) * (NANOS / i128::from(CHPL_TIMESCALE)) + self.nanos(MovieTime(0)))
    }
}

/// Visits the samples of a track that are presented in `part` of the movie, until `visit` breaks,
/// and no more than are `left`.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn presented(
    film: &Film<'_>,
    track: &Track,
    clock: Clock,
    part: Range<MovieTime>,
    left: &mut u32,
    mut visit: impl FnMut(Shown) -> Result<ControlFlow<()>, FormatError>,
) -> Result<(), FormatError> {
    let scales = Timescales { movie: clock.timescale, media: track.mdhd.timescale.max(1) };
    for segment in segments(film.index, track, clock.timescale, part.clone()) {
        let clock = SegmentClock::of(segment, scales, clock, &part);
        let Some(samples) = clock.samples(film, track)? else { continue };
        let source = &film.source;
        let count = samples.count() as usize;
        for sample in track.samples.joint_at(source, samples.start)?.samples().take(count) {
            let sample = sample?;
            let Some(fewer) = left.checked_sub(1) else { return Ok(()) };
            *left = fewer;
            let Some(shown) = clock.shown(&sample) else { continue };
            if visit(shown)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// When a segment presents the media, in nanoseconds from the origin.
struct SegmentClock {
    segment: Segment,
    scales: Timescales,
    /// The rate, with its sign, in 16.16 fixed point.
    rate: i32,
    /// When the segment begins and ends.
    whole: Range<i128>,
    /// What of that is in the part.
    inside: Range<i128>,
    /// The same in movie time.
    movie: Range<MovieTime>,
    /// The media time that is on screen throughout, at a rate of 0.
    dwells_at: Option<MediaTime>,
}

impl SegmentClock {
    fn of(segment: Segment, scales: Timescales, clock: Clock, part: &Range<MovieTime>) -> Self {
        let movie = segment.start.max(part.start)..segment.end.min(part.end);
        let rate = ElstEntry::signed_rate(segment.rate);
        Self {
            whole: clock.nanos(segment.start)..clock.nanos(segment.end),
            inside: clock.nanos(movie.start)..clock.nanos(movie.end),
            dwells_at: (rate == 0).then_some(segment.media_time),
            movie,
            segment,
            scales,
            rate,
        }
    }

    /// The samples on screen while the segment is presented in the part, and maybe others.
    fn samples(&self, film: &Film<'_>, track: &Track) -> Result<Option<Range<SampleNumber>>, FormatError> {
        let Range { start, end } = &self.movie;
        let (from, to) = match self.rate {
            ..0 => (self.segment.end - *end, self.segment.end - *start),
            _ => (*start - self.segment.start, *end - self.segment.start),
        };
        let media = |time, rounding| {
            self.segment.media_time + self.scales.to_media(time, rounding).at_rate(self.rate)
        };
        let from = media(from, Rounding::Nearest).previous();
        let to = media(to, Rounding::Up).next().next();
        let first = track.samples.on_screen(&film.source, from)?.unwrap_or(from);
        track.samples.presented(&film.source, first.min(from), to)
    }

    /// When a sample is presented; `None` if it is not.
    fn shown(&self, sample: &JointRun) -> Option<Shown> {
        let media = sample.cts(0)..sample.cts(0) + sample.delta;
        let (begins, ends) = match self.dwells_at {
            Some(time) if media.contains(&time) => (self.whole.start, self.whole.end),
            Some(_) => return None,
            None if self.rate < 0 => (self.nanos(media.end), self.nanos(media.start)),
            None => (self.nanos(media.start), self.nanos(media.end)),
        };
        let cut = |nanos: i128| millis(nanos.clamp(self.inside.start, self.inside.end));
        let period = cut(begins)..cut(ends);
        let composed = fraction(i128::from(media.start.0) * 1000, self.scales.media.into());
        let shown = Shown {
            sample: sample.sample,
            period,
            begins: millis(begins),
            composed: i64::try_from(composed).unwrap_or(i64::MAX),
        };
        (!shown.period.is_empty()).then_some(shown)
    }

    /// When a media time is presented, at a rate other than 0.
    fn nanos(&self, time: MediaTime) -> i128 {
        let since = i128::from((time - self.segment.media_time).0) * (NANOS << 16);
        let since = fraction(since, i128::from(self.scales.media) * i128::from(self.rate).abs());
        if self.rate < 0 { self.whole.end - since } else { self.whole.start + since }
    }
}

/// Nanoseconds in milliseconds, rounded to the nearest.
fn millis(nanos: i128) -> i64 {
    let millis = (nanos + MILLI / 2).div_euclid(MILLI);
    i64::try_from(millis).unwrap_or(if millis < 0 { i64::MIN / 2 } else { i64::MAX / 2 })
}

/// A fraction, rounded to the nearest whole number.
fn fraction(numerator: i128, denominator: i128) -> i128 {
    let denominator = denominator.max(1);
    (numerator + denominator / 2).div_euclid(denominator)
}
