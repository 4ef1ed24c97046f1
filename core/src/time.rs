//! Times in the units of a movie. Each unit has a type of its own, so that they cannot be mixed;
//! what converts one to another is named, and says how it rounds.

use std::cmp::Ordering;
use std::ops::{Add, Neg, Sub};

/// Billionths in one.
const NANOS: i128 = 1_000_000_000;

/// Nanoseconds in a second.
pub(crate) const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// No movie time is longer. The limit keeps all sums of ticks far from overflow.
const MAX_MOVIE_TICKS: u64 = 1 << 60;

/// A time or a duration in ticks of the movie timescale. Sums and differences saturate; none is
/// negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MovieTime(pub u64);

/// A time or a duration in ticks of a track's media timescale in the file. Sums and differences
/// saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MediaTime(pub i64);

/// A time or a duration in ticks of a track's media timescale in the clip, which is a multiple of
/// that in the file. Sums and differences saturate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ClipTime(pub i64);

/// A time in units of which a second has so many, whatever the timescale: that of a chapter or of a
/// highlight. None is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnitTime<const PER_SECOND: u32>(pub(crate) u64);

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

/// The ticks in a second of the clip's movie and of a track's media in the file.
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

    /// The first media time of which [`Self::to_movie`], rounded to the nearest tick, is at or after a
    /// movie time.
    pub(crate) fn shown_from(self, time: MovieTime) -> MediaTime {
        let (media, movie) = (i128::from(self.media.max(1)), i128::from(self.movie.max(1)));
        let ticks = (i128::from(time.0) * media - media / 2 + movie - 1).div_euclid(movie);
        MediaTime(i64::try_from(ticks).unwrap_or(i64::MAX / 4))
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

    /// The same time in other units, rounded down.
    pub(crate) fn in_units<const PER_SECOND: u32>(self, timescale: u32) -> UnitTime<PER_SECOND> {
        let units = u128::from(self.0) * u128::from(PER_SECOND) / u128::from(timescale.max(1));
        UnitTime(u64::try_from(units).unwrap_or(u64::MAX))
    }

    /// The time in seconds.
    pub fn seconds(self, timescale: u32) -> f64 {
        self.0 as f64 / f64::from(timescale)
    }
}

impl MediaTime {
    /// The time in seconds.
    pub fn seconds(self, timescale: u32) -> f64 {
        self.0 as f64 / f64::from(timescale.max(1))
    }

    /// The least that there is.
    pub(crate) const MIN: Self = Self(i64::MIN);

    /// The greatest that there is.
    pub(crate) const MAX: Self = Self(i64::MAX);

    /// A duration or a sum of durations as the boxes hold them, or the greatest.
    pub(crate) fn of_duration(ticks: u64) -> Self {
        Self(i64::try_from(ticks).unwrap_or(i64::MAX))
    }

    /// A duration as a field of 32 bits holds it (8.6.1.2, 8.8.3, 8.8.8).
    #[inline]
    pub(crate) fn of_duration_field(ticks: u32) -> Self {
        Self(ticks.into())
    }

    /// A duration in a field of 32 bits; `None` for one that is negative, or too long.
    #[inline]
    pub(crate) fn duration_field(self) -> Option<u32> {
        u32::try_from(self.0).ok()
    }

    /// A composition offset as its field of 32 bits holds it (8.6.1.3, 8.8.8). It is signed in
    /// every version, because files in the wild have negative offsets in version 0.
    #[inline]
    pub(crate) fn of_offset_field(bits: u32) -> Self {
        Self(i32::from_ne_bytes(bits.to_ne_bytes()).into())
    }

    /// A composition offset in its field of 32 bits (8.6.1.3). One that does not fit becomes the
    /// nearest that does.
    #[inline]
    pub(crate) fn offset_field(self) -> u32 {
        offset_field(self.0)
    }

    /// Whether the time has at most 60 bits, so that no sum of it and the durations of a movie is
    /// near overflow.
    pub(crate) fn has_60_bits(self) -> bool {
        self.0.unsigned_abs() < 1 << 60
    }

    /// Which of two times in ticks of two timescales is earlier. It is exact.
    pub(crate) fn compare(self, timescale: u32, other: Self, other_timescale: u32) -> Ordering {
        let (one, two) = (i128::from(self.0), i128::from(other.0));
        (one * i128::from(other_timescale)).cmp(&(two * i128::from(timescale)))
    }

    /// The time from an origin in ticks of another timescale to this one. The origin is rounded
    /// towards zero.
    #[must_use]
    pub(crate) fn since(self, origin: Self, origin_timescale: u32, timescale: u32) -> Self {
        let origin = i128::from(origin.0) * i128::from(timescale) / i128::from(origin_timescale.max(1));
        Self(i64::try_from(i128::from(self.0) - origin).unwrap_or(0))
    }

    /// One tick later.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        self + Self(1)
    }

    /// One tick earlier.
    #[must_use]
    pub(crate) fn previous(self) -> Self {
        self - Self(1)
    }

    /// So many times this duration.
    #[must_use]
    pub(crate) fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(count.into()))
    }

    /// How long so many milliseconds are, rounded down.
    pub(crate) fn of_millis(millis: u32, timescale: u32) -> Self {
        Self(i64::from(timescale).saturating_mul(millis.into()) / 1000)
    }

    /// The same duration in the clip, exactly.
    pub(crate) fn in_clip(self, multiplier: u32) -> ClipTime {
        ClipTime(self.0.saturating_mul(multiplier.into()))
    }

    /// How much media an edit with this rate (16.16 fixed point, 8.6.6) presents while one with the
    /// usual rate presents this much. The direction does not matter; rounded down.
    #[must_use]
    pub(crate) fn at_rate(self, rate: i32) -> Self {
        let ticks = (i128::from(self.0) * i128::from(rate).abs()) >> 16;
        Self(i64::try_from(ticks).unwrap_or(i64::MAX / 4))
    }
}

impl ClipTime {
    /// The greatest composition offset that fits its field (8.6.1.3).
    pub(crate) const MAX_OFFSET: Self = Self(i32::MAX as i64);

    /// The least that there is.
    pub(crate) const MIN: Self = Self(i64::MIN);

    /// So many times this duration.
    #[must_use]
    pub(crate) fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(count.into()))
    }

    /// The same duration in the file, rounded towards zero.
    pub(crate) fn in_file(self, multiplier: u32) -> MediaTime {
        MediaTime(self.0 / i64::from(multiplier.max(1)))
    }

    /// The ticks of a duration; 0 if it is negative.
    pub fn ticks(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }

    /// A duration in the 32 bits of its field (8.6.1.2); 0 if it is negative. One that does not fit
    /// becomes the greatest that readers take for positive.
    pub fn duration_field(self) -> u32 {
        u32::try_from(self.0.max(0)).unwrap_or(u32::MAX >> 1)
    }

    /// Whether [`Self::duration_field`] says this duration exactly.
    pub(crate) fn fits_field(self) -> bool {
        u32::try_from(self.0).is_ok()
    }

    /// A composition offset in the 32 bits of its field (8.6.1.3). One that does not fit becomes
    /// the nearest that does.
    pub(crate) fn offset_field(self) -> u32 {
        offset_field(self.0)
    }

    /// The duration that [`Self::duration_field`] says.
    #[must_use]
    pub(crate) fn in_field(self) -> Self {
        Self(self.duration_field().into())
    }
}

/// A composition offset in its field of 32 bits (8.6.1.3), which are signed. One that does not fit
/// becomes the nearest that does.
#[inline]
fn offset_field(offset: i64) -> u32 {
    let nearest = if offset < 0 { i32::MIN } else { i32::MAX };
    u32::from_ne_bytes(i32::try_from(offset).unwrap_or(nearest).to_ne_bytes())
}

impl ExactMovieTime {
    /// Half a tick.
    pub(crate) const HALF_TICK: Self = Self(NANOS / 2);

    /// How long it is after a time; 0 before that.
    pub(crate) fn since(self, start: Self) -> Self {
        Self((self.0 - start.0).max(0))
    }

    /// A time in nanoseconds in billionths of a tick.
    pub(crate) fn from_nanos(nanos: u64, timescale: u32) -> Self {
        Self(i128::from(nanos) * i128::from(timescale))
    }

    /// The nearest tick; 0 if the time is negative.
    pub(crate) fn nearest(self) -> MovieTime {
        let ticks = (self.0 + NANOS / 2) / NANOS;
        MovieTime(u64::try_from(ticks.max(0)).unwrap_or(u64::MAX))
    }

    /// The first tick that is not before it; 0 if the time is negative.
    pub(crate) fn next_tick(self) -> MovieTime {
        let ticks = (self.0 + NANOS - 1).div_euclid(NANOS);
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

impl<const PER_SECOND: u32> Sub for UnitTime<PER_SECOND> {
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

impl Neg for MediaTime {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Add for ClipTime {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for ClipTime {
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
pub(crate) fn rescale(ticks: i128, from: u32, to: u32, rounding: Rounding) -> i64 {
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
        assert_eq!(
            (half.next_tick(), half.nearest().exact().next_tick()),
            (MovieTime(45_001), MovieTime(45_000))
        );
        for (movie, media) in [(90_000, 25), (25, 90_000), (1000, 600), (600, 1000), (30, 30), (7, 1)] {
            let scales = Timescales { movie, media };
            for time in [0, 1, 2, 3, 29, 30, 31, 250, 3599, 3600, 3601] {
                let shown = scales.shown_from(MovieTime(time));
                let is_late = |media| scales.to_movie(media, Rounding::Nearest) >= MovieTime(time);
                let before = MediaTime(shown.0 - 1);
                assert!(is_late(shown) && (time == 0 || !is_late(before)), "{movie} {media} {time}");
            }
        }
        assert_eq!(MovieTime::from_ticks_of(1000, 1500, 90_000), MovieTime(135_000));
        assert_eq!(MovieTime::from_ticks_of(1, i128::MAX, 90_000), MovieTime(MAX_MOVIE_TICKS));
        assert_eq!(MovieTime(89).in_units(90_000), UnitTime::<1000>(0));
        assert_eq!(MovieTime(135_000).in_units(90_000), UnitTime::<10_000_000>(15_000_000));
        assert_eq!(MovieTime(u64::MAX).in_units(1), UnitTime::<1000>(u64::MAX));
        assert_eq!(MediaTime(3).at_rate(-0x8000), MediaTime(1));
        assert_eq!(MediaTime::of_millis(70, 600), MediaTime(42));
        assert_eq!(MediaTime::of_millis(1, 600), MediaTime(0));
        assert_eq!((MediaTime(-3).in_clip(7), ClipTime(-20).in_file(7)), (ClipTime(-21), MediaTime(-2)));
        let fields = [-1, 9, u32::MAX.into(), 1 << 32].map(|ticks| ClipTime(ticks).duration_field());
        assert_eq!(fields, [0, 9, u32::MAX, u32::MAX >> 1]);
        assert_eq!([-1, 0, 1 << 32].map(|ticks| ClipTime(ticks).fits_field()), [false, true, false]);
        let offsets = [-1, 9, 1 << 31, -1 << 40].map(|ticks| ClipTime(ticks).offset_field());
        assert_eq!(offsets, [u32::MAX, 9, u32::MAX >> 1, 1 << 31]);
        assert_eq!((ClipTime(-1).ticks(), ClipTime(1 << 32).ticks()), (0, 1 << 32));
    }

    #[test]
    fn fields_of_32_bits_are_signed_for_offsets_only() {
        assert_eq!(MediaTime::of_duration_field(u32::MAX), MediaTime(u32::MAX.into()));
        let fields = [-1, 9, u32::MAX.into(), 1 << 32].map(|ticks| MediaTime(ticks).duration_field());
        assert_eq!(fields, [None, Some(9), Some(u32::MAX), None]);
        assert_eq!(MediaTime::of_offset_field(u32::MAX), MediaTime(-1));
        let fields = [-1, 9, 1 << 31, -1 << 40].map(|ticks| MediaTime(ticks).offset_field());
        assert_eq!(fields, [u32::MAX, 9, u32::MAX >> 1, 1 << 31]);
        assert!(MediaTime((1 << 60) - 1).has_60_bits() && !MediaTime(-1 << 60).has_60_bits());
    }

    #[test]
    fn times_of_two_timescales_are_compared_exactly() {
        assert_eq!(MediaTime(1).compare(3, MediaTime(2), 6), Ordering::Equal);
        assert_eq!(MediaTime(1).compare(3, MediaTime(3), 10), Ordering::Greater);
        assert_eq!(MediaTime::MIN.compare(1, MediaTime::MIN, 2), Ordering::Less);
        assert_eq!(MediaTime(10).since(MediaTime(-5), 3, 2), MediaTime(13));
        assert_eq!(MediaTime(10).since(MediaTime(5), 3, 2), MediaTime(7));
        assert_eq!(MediaTime::MIN.since(MediaTime(5), 1, 1), MediaTime(0));
    }

    #[test]
    fn sums_and_differences_saturate() {
        assert_eq!(MovieTime(3) - MovieTime(4), MovieTime(0));
        assert_eq!(MediaTime(i64::MAX).next(), MediaTime(i64::MAX));
        assert_eq!(MediaTime(i64::MIN).previous(), MediaTime(i64::MIN));
        assert_eq!((MediaTime::of_duration(u64::MAX), -MediaTime::MIN), (MediaTime::MAX, MediaTime::MAX));
        assert_eq!(
            (MediaTime(1 << 40).times(u32::MAX), MediaTime(7).times(2)),
            (MediaTime::MAX, MediaTime(14))
        );
        assert_eq!(
            (MediaTime::MAX.in_clip(2), ClipTime(i64::MIN) - ClipTime(1)),
            (ClipTime(i64::MAX), ClipTime(i64::MIN))
        );
        let longest = scales().to_media(MovieTime(u64::MAX), Rounding::Up);
        assert_eq!(longest, MediaTime(i64::MAX / 4));
    }

    fn scales() -> Timescales {
        Timescales { movie: 1, media: u32::MAX }
    }
}
