//! Times in the units of a film. Each unit has a type of its own, so that they cannot be mixed;
//! what converts one to another is named, and says how it rounds.

use std::ops::{Add, Sub};

/// Billionths in one.
const NANOS: i128 = 1_000_000_000;

/// No movie time is longer. The limit keeps all sums of ticks far from overflow.
const MAX_MOVIE_TICKS: u64 = 1 << 60;

/// A time or a duration in ticks of the movie timescale. Sums and differences saturate; none is
/// negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct MovieTime(pub(crate) u64);

/// A time or a duration in ticks of a track's media timescale in the film. Sums and differences
/// saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct MediaTime(pub(crate) i64);

/// A time in billionths of a tick of the movie timescale: what a time in nanoseconds is without
/// rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExactMovieTime(i128);

/// How a conversion rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// To the nearest tick, halves up.
    Nearest,
    /// To the next tick.
    Up,
}

/// The ticks in a second of the clip's movie and of a track's media in the film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timescales {
    /// Of the movie (8.2.2).
    pub(crate) movie: u32,
    /// Of the media (8.4.2).
    pub(crate) media: u32,
}

impl Timescales {
    /// Whether a media tick is not a whole number of movie ticks.
    pub(crate) fn is_coarse(self) -> bool {
        self.movie % self.media.max(1) != 0
    }

    /// A movie time in media ticks.
    pub(crate) fn to_media(self, time: MovieTime, rounding: Rounding) -> MediaTime {
        MediaTime(rescale(time.0.into(), self.movie, self.media, rounding))
    }

    /// A media time in movie ticks; 0 if it is negative.
    pub(crate) fn to_movie(self, time: MediaTime, rounding: Rounding) -> MovieTime {
        let ticks = rescale(time.0.into(), self.media, self.movie, rounding);
        MovieTime(u64::try_from(ticks).unwrap_or(0))
    }

    /// The duration from one movie time to another in media ticks, rounded towards zero.
    pub(crate) fn to_media_since(self, from: MovieTime, to: ExactMovieTime) -> MediaTime {
        let since = (to.0 - from.exact().0) * i128::from(self.media);
        let ticks = since / (NANOS * i128::from(self.movie.max(1)));
        MediaTime(i64::try_from(ticks).unwrap_or(i64::MAX / 4))
    }
}

impl MovieTime {
    /// The movie time of this many ticks of another movie timescale, rounded to the nearest tick.
    pub(crate) fn from_ticks_of(other: u32, ticks: i128, timescale: u32) -> Self {
        let ticks = rescale(ticks.min(MAX_MOVIE_TICKS.into()), other, timescale, Rounding::Nearest);
        Self(u64::try_from(ticks).unwrap_or(0)).limited()
    }

    /// This time, or the longest that is accepted.
    #[must_use]
    pub(crate) fn limited(self) -> Self {
        Self(self.0.min(MAX_MOVIE_TICKS))
    }

    /// The same time in billionths of a tick.
    pub(crate) fn exact(self) -> ExactMovieTime {
        ExactMovieTime(i128::from(self.0) * NANOS)
    }

    /// The time in seconds.
    pub(crate) fn seconds(self, timescale: u32) -> f64 {
        self.0 as f64 / f64::from(timescale)
    }
}

impl MediaTime {
    /// One tick later.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        self + Self(1)
    }

    /// How much media an edit with this rate (16.16 fixed point, 8.6.6) presents while one with the
    /// usual rate presents this much. The direction does not matter; rounded down.
    #[must_use]
    pub(crate) fn at_rate(self, rate: i32) -> Self {
        let ticks = (i128::from(self.0) * i128::from(rate).abs()) >> 16;
        Self(i64::try_from(ticks).unwrap_or(i64::MAX / 4))
    }
}

impl ExactMovieTime {
    /// A time in nanoseconds in billionths of a tick.
    pub(crate) fn from_nanos(nanos: u64, timescale: u32) -> Self {
        Self(i128::from(nanos) * i128::from(timescale))
    }

    /// The nearest tick; 0 if the time is negative.
    pub(crate) fn nearest(self) -> MovieTime {
        let ticks = (self.0 + NANOS / 2) / NANOS;
        MovieTime(u64::try_from(ticks.max(0)).unwrap_or(u64::MAX))
    }

    /// Whether another time is no farther away than `tolerance`.
    pub(crate) fn is_near(self, other: Self, tolerance: Self) -> bool {
        (self.0 - other.0).abs() <= tolerance.0
    }
}

impl Add for MovieTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for MovieTime {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for MediaTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for MediaTime {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for ExactMovieTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

/// Ticks of one timescale in ticks of another.
fn rescale(ticks: i128, from: u32, to: u32, rounding: Rounding) -> i64 {
    let from = i128::from(from.max(1));
    let up = if rounding == Rounding::Up { from - 1 } else { from / 2 };
    i64::try_from((ticks * i128::from(to) + up).div_euclid(from)).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_round_as_they_say() {
        let scales = Timescales { movie: 90_000, media: 25 };
        assert!(!scales.is_coarse() && Timescales { movie: 90_000, media: 44_100 }.is_coarse());
        assert_eq!(scales.to_media(MovieTime(1799), Rounding::Nearest), MediaTime(0));
        assert_eq!(scales.to_media(MovieTime(1800), Rounding::Nearest), MediaTime(1));
        assert_eq!(scales.to_media(MovieTime(1), Rounding::Up), MediaTime(1));
        assert_eq!(scales.to_movie(MediaTime(2), Rounding::Up), MovieTime(7200));
        assert_eq!(scales.to_movie(MediaTime(-2), Rounding::Nearest), MovieTime(0));
        let half = ExactMovieTime::from_nanos(500_005_555, 90_000);
        assert_eq!(half.nearest(), MovieTime(45_000));
        assert_eq!(scales.to_media_since(MovieTime(3600), half), MediaTime(11));
        assert_eq!(MovieTime::from_ticks_of(1000, 1500, 90_000), MovieTime(135_000));
        assert_eq!(MovieTime::from_ticks_of(1, i128::MAX, 90_000), MovieTime(MAX_MOVIE_TICKS));
        assert_eq!(MediaTime(3).at_rate(-0x8000), MediaTime(1));
    }

    #[test]
    fn sums_and_differences_saturate() {
        assert_eq!(MovieTime(3) - MovieTime(4), MovieTime(0));
        assert_eq!(MediaTime(i64::MAX).next(), MediaTime(i64::MAX));
        let longest = scales().to_media(MovieTime(u64::MAX), Rounding::Up);
        assert_eq!(longest, MediaTime(i64::MAX / 4));
    }

    fn scales() -> Timescales {
        Timescales { movie: 1, media: u32::MAX }
    }
}
