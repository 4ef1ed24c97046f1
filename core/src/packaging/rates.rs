//! How many bits a second the segments of a track take.

use std::collections::VecDeque;

use super::{Rendition, Segment};

/// Microseconds in a second, bits in a byte.
const MICROS: u64 = 1_000_000;
const BITS: u64 = 8;

/// The largest value of a sum of durations or sizes, so that the product of two fits into an
/// `i128`. It is 146,000 years, or 2^62 bits.
const LARGEST: u64 = 1 << 62;

/// A time in microseconds, rounded to the nearest.
pub(super) fn micros(ticks: u64, timescale: u32) -> u64 {
    let timescale = u64::from(timescale.max(1));
    // Most products fit: a division of 128 bits takes several times as long, and there is one for
    // each segment.
    if let Some(micros) = ticks.checked_mul(MICROS).and_then(|n| n.checked_add(timescale / 2)) {
        return (micros / timescale).min(LARGEST);
    }
    let micros = (u128::from(ticks) * u128::from(MICROS) + u128::from(timescale / 2)) / u128::from(timescale);
    u64::try_from(micros).unwrap_or(u64::MAX).min(LARGEST)
}

/// How long a segment lasts, in microseconds: from its start to its end, each rounded, so that no
/// error adds up over the segments before.
pub(super) fn segment_micros(segment: &Segment, timescale: u32) -> u64 {
    let end = micros(segment.start.saturating_add(segment.duration), timescale);
    end - micros(segment.start, timescale)
}

/// The sums of durations and sizes before each segment, and after the last.
pub(super) struct Rates(Vec<Sum>);

#[derive(Clone, Copy)]
struct Sum {
    micros: u64,
    bits: u64,
}

impl Rates {
    /// Of the segments of a track.
    pub(super) fn of(rendition: &Rendition) -> Self {
        Self::sum(rendition, |segment| segment.bytes.end)
    }

    /// Of the key frames that its segments begin with.
    pub(super) fn of_key_frames(rendition: &Rendition) -> Self {
        Self::sum(rendition, |segment| segment.first_sample_end)
    }

    fn sum(rendition: &Rendition, end: impl Fn(&Segment) -> u64) -> Self {
        let mut sum = Sum { micros: 0, bits: 0 };
        let mut sums = vec![sum];
        for segment in &rendition.segments {
            let bytes = end(segment).saturating_sub(segment.bytes.start);
            let bits = u128::from(sum.bits) + u128::from(bytes) * u128::from(BITS);
            let micros = u128::from(sum.micros) + u128::from(segment_micros(segment, rendition.timescale));
            let within = |value: u128| u64::try_from(value).unwrap_or(u64::MAX).min(LARGEST);
            sum = Sum { micros: within(micros), bits: within(bits) };
            sums.push(sum);
        }
        Self(sums)
    }

    /// Bits a second over all segments, rounded up.
    pub(super) fn average(&self) -> u64 {
        let all = self.0.last().copied().unwrap_or(Sum { micros: 0, bits: 0 });
        bits_per_second(all.bits, all.micros)
    }

    /// The peak segment bit rate of RFC 8216bis, 4.1, rounded up: the most bits a second of any
    /// segments in a row that last between 0.5 and 1.5 times the target duration, in seconds. Where
    /// all segments are shorter than that, it is the average.
    ///
    /// A short last segment, which may be one key frame, does not count by itself.
    ///
    /// ```text
    /// rate = 0
    /// repeat
    ///     row = the one that has the most bits above rate × its duration
    ///     rate = the rate of this row
    /// until no row has bits above it
    /// ```
    ///
    /// (Dinkelbach's method: each pass is linear, and few are needed.)
    pub(super) fn peak(&self, target: u64) -> u64 {
        let half = target.saturating_mul(MICROS / 2);
        let mut rate = Sum { micros: 1, bits: 0 };
        while let Some(row) = self.row_above(rate, half, half.saturating_mul(3)) {
            rate = row;
        }
        if rate.bits == 0 { self.average() } else { bits_per_second(rate.bits, rate.micros) }
    }

    /// The row of segments, between `shortest` and `longest` in duration, that has the most bits
    /// above a rate. `None` where no row has any.
    fn row_above(&self, rate: Sum, shortest: u64, longest: u64) -> Option<Sum> {
        let above = |sum: Sum| {
            i128::from(sum.bits) * i128::from(rate.micros) - i128::from(sum.micros) * i128::from(rate.bits)
        };
        let mut best = None;
        let mut starts = self.0.iter().copied().peekable();
        // Where a row may start, later and higher ones last: the first is the lowest.
        let mut lowest: VecDeque<Sum> = VecDeque::new();
        for &end in &self.0 {
            let lasts = |start: &Sum| end.micros.saturating_sub(start.micros);
            while let Some(start) = starts.next_if(|start| lasts(start) >= shortest.max(1)) {
                while lowest.back().is_some_and(|&other| above(other) >= above(start)) {
                    lowest.pop_back();
                }
                lowest.push_back(start);
            }
            while lowest.front().is_some_and(|start| lasts(start) > longest) {
                lowest.pop_front();
            }
            let Some(&start) = lowest.front() else { continue };
            let excess = above(end) - above(start);
            if excess > best.map_or(0, |(excess, _)| excess) {
                let row = Sum { micros: end.micros - start.micros, bits: end.bits - start.bits };
                best = Some((excess, row));
            }
        }
        best.map(|(_, row)| row)
    }

    /// How long a client that receives so many bits a second has to receive before it presents, in
    /// microseconds, from whichever segment it begins with: each segment is there when its
    /// presentation begins (ISO/IEC 23009-1, `minBufferTime`).
    pub(super) fn buffer(&self, bits_per_second: u64) -> u64 {
        let rate = i128::from(bits_per_second.max(1));
        let received = |sum: Sum| i128::from(sum.bits) * i128::from(MICROS) / rate;
        let mut earliest = i128::MAX;
        let mut longest = 0;
        for pair in self.0.windows(2) {
            let [before, after] = *pair else { continue };
            earliest = earliest.min(received(before) - i128::from(before.micros));
            longest = longest.max(received(after) + 1 - i128::from(before.micros) - earliest);
        }
        u64::try_from(longest).unwrap_or(u64::MAX)
    }
}

/// Rounded up. What lasts no time is taken for a second.
fn bits_per_second(bits: u64, micros: u64) -> u64 {
    let micros = u128::from(if micros == 0 { MICROS } else { micros });
    u64::try_from((u128::from(bits) * u128::from(MICROS)).div_ceil(micros)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packaging::testing;

    /// A track with segments of so many ticks (of a second's thousandth) and bytes.
    fn rates(segments: &[(u64, u64)]) -> Rates {
        let mut video = testing::video();
        video.timescale = 1000;
        video.segments = testing::segments(segments);
        Rates::of(&video)
    }

    /// The peak by its definition: each row of segments.
    fn slow_peak(segments: &[(u64, u64)], target: u64) -> Option<u64> {
        let rows = (0..segments.len()).flat_map(|i| (i + 1..=segments.len()).map(move |j| &segments[i..j]));
        let sums = rows.map(|row| row.iter().fold((0, 0), |(t, b), s| (t + s.0, b + s.1)));
        let allowed = sums.filter(|(t, _)| (target * 500..=target * 1500).contains(t));
        allowed.map(|(t, bytes)| (bytes * 8 * 1000).div_ceil(t)).max()
    }

    #[test]
    fn a_short_last_segment_is_no_peak() {
        // Six seconds of a megabyte each, then one frame of 100 kB: 20 Mbit/s by itself.
        let segments = [(6000, 1_000_000), (6000, 1_200_000), (6000, 900_000), (40, 100_000)];
        assert_eq!(rates(&segments).peak(6), 1_600_000);
        assert_eq!(rates(&segments).average(), 3_200_000u64 * 8 * 1000 / 18_040 + 1);
        // It counts with the segment before.
        let segments = [(6000, 1_000_000), (6000, 1_200_000), (40, 100_000)];
        assert_eq!(rates(&segments).peak(6), (1_300_000u64 * 8 * 1000).div_ceil(6040));
    }

    #[test]
    fn what_is_shorter_than_half_the_target_has_its_average() {
        assert_eq!(rates(&[(200, 1000)]).peak(6), 40_000);
        assert_eq!(rates(&[(0, 1000)]).peak(6), 8000);
        assert_eq!(rates(&[]).peak(6), 0);
    }

    proptest::proptest! {
        #[test]
        fn the_peak_is_that_of_the_definition(
            segments in proptest::collection::vec((0..4000u64, 0..100_000u64), 1..40),
            target in 1..5u64,
        ) {
            let rates = rates(&segments);
            let expected = slow_peak(&segments, target).filter(|&peak| peak > 0);
            proptest::prop_assert_eq!(rates.peak(target), expected.unwrap_or(rates.average()));
        }

        /// By its definition: who begins with any segment, and starts to present after the buffer,
        /// has each segment when it is due, but not if the buffer were a thousandth shorter.
        #[test]
        fn the_buffer_is_as_long_as_a_client_needs(
            segments in proptest::collection::vec((1..4000u64, 1..100_000u64), 1..40),
            rate in 1_000..1_000_000u64,
        ) {
            let buffer = rates(&segments).buffer(rate);
            let waits = (0..segments.len()).map(|first| {
                let (mut received, mut due, mut wait) = (0u64, 0u64, 0u64);
                for (duration, bytes) in &segments[first..] {
                    received += bytes * 8 * 1_000_000;
                    wait = wait.max((received / rate).saturating_sub(due * 1000));
                    due += duration;
                }
                wait
            });
            let needed = waits.max().unwrap();
            proptest::prop_assert!(buffer >= needed && buffer <= needed + 3, "{} of {}", buffer, needed);
        }
    }

    #[test]
    fn numbers_of_a_hostile_movie_end_in_a_number() {
        let mut video = testing::video();
        video.timescale = 0;
        let segment = Segment {
            start: 0,
            duration: u64::MAX,
            bytes: 0..u64::MAX,
            first_sample_end: u64::MAX,
            is_independent: true,
        };
        video.segments = vec![segment; 5];
        let rates = Rates::of(&video);
        // A row of each number of segments is allowed by one of these.
        for target in (0..64).map(|bit| 1 << bit).chain([u64::MAX]) {
            assert!(rates.peak(target) > 0, "{target}");
            assert!(rates.buffer(rates.peak(target)) < u64::MAX, "{target}");
        }
        assert!(rates.average() > 0 && rates.buffer(0) > 0);
        assert_eq!(micros(u64::MAX, 0), 1 << 62);
    }

    #[test]
    fn long_times_are_as_exact_as_short_ones() {
        // Where a product begins not to fit into 64 bits.
        let edge = u64::MAX / MICROS;
        for ticks in edge - 50..edge + 50 {
            let exact = (u128::from(ticks) * u128::from(MICROS) + 44) / 89;
            assert_eq!(u128::from(micros(ticks, 89)), exact, "{ticks}");
        }
    }

    #[test]
    fn durations_add_up() {
        // 1001/30000 s a frame: no whole number of microseconds.
        let segment = |n: u64| Segment {
            start: n * 1001,
            duration: 1001,
            bytes: 0..1,
            first_sample_end: 1,
            is_independent: true,
        };
        let sum: u64 = (0..30_000).map(|n| segment_micros(&segment(n), 30_000)).sum();
        assert_eq!(sum, 1_001_000_000);
    }
}
