//! Which time of the film a recording of its audio is of: its pitch says the time.
//!
//! A package of its own, because it is optimised where the tests are not: it compares each recording
//! with some thousand places of a film.

use std::f64::consts::TAU;

/// How much of a recording is compared at once, in seconds: four pitches or so.
const WINDOW: f64 = 0.4;
/// A recording is looked at this often, but not oftener than in so many places.
const STEP: f64 = 0.1;
const PLACES: f64 = 8.0;
/// Times this far from the expected one are tried. The pitches repeat after 6.1 s.
const REACH: f64 = 2.9;
/// What a window must have in common with the film's audio to count, of 1.
const LIKE: f64 = 0.6;
/// The root of the mean square below which a window is silent. The films' is some 0.2.
const SILENT: f64 = 0.01;

/// The pitch in Hz of an audio track in a tenth of a second: it says the time.
pub fn pitch(track: u32, tenth: u32) -> u32 {
    200 + 50 * ((tenth * 13 + track * 7) % 61)
}

/// Audio as a player gave it out.
#[derive(Debug, Default)]
pub struct Recording {
    /// Samples a second.
    pub rate: f64,
    /// When the first sample was heard, by the clock that frames are seen by.
    pub begins: f64,
    /// Full scale is 1.
    pub samples: Vec<f64>,
}

/// The film's audio as rotating pointers, so that a shift by part of a wave weakens nothing.
struct Reference {
    rate: f64,
    pointers: Vec<(f64, f64)>,
}

impl Recording {
    /// Times of the film at times of the clock: `(clock, film)`. `expected` says roughly which
    /// time of the film is heard at a time of the clock.
    pub fn times(&self, track: u32, expected: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        let mut times = Vec::new();
        if self.rate <= 0.0 {
            return times;
        }
        let length = self.seconds();
        let latest = expected(self.begins + length) + REACH + WINDOW;
        let reference = Reference::new(self.rate, latest.max(0.0), track);
        let step = ((length - WINDOW) / PLACES).max(STEP);
        let mut at = 0.0;
        while at + WINDOW <= length {
            let clock = self.begins + at;
            if let Some(film) = self.time_of(at, expected(clock), &reference) {
                times.push((clock, film));
            }
            at += step;
        }
        times
    }

    fn seconds(&self) -> f64 {
        count(self.samples.len()) / self.rate
    }

    /// The film's time of the window that begins `at` seconds into the recording.
    fn time_of(&self, at: f64, expected: f64, reference: &Reference) -> Option<f64> {
        let first = index(at * self.rate);
        let window = self.samples.get(first..first + index(WINDOW * self.rate))?;
        // A window that audio begins or ends in says less.
        if window.chunks(index(self.rate * 0.02).max(1)).any(|part| power(part) < SILENT) {
            return None;
        }
        let (from, to) = ((expected - REACH).max(0.0), expected + REACH);
        // A window's peak is some milliseconds wide: first every millisecond, then each sample.
        let coarse = index(self.rate / 1000.0).max(1);
        let found = reference.best(window, index(from * self.rate)..=index(to * self.rate), coarse)?;
        let near = found.0.saturating_sub(coarse)..=found.0 + coarse;
        let (sample, likeness) = reference.best(window, near, 1)?;
        (likeness > LIKE).then(|| count(sample) / self.rate)
    }
}

impl Reference {
    fn new(rate: f64, seconds: f64, track: u32) -> Self {
        let mut phase = 0.0f64;
        let pointers = (0..index(seconds * rate)).map(|n| {
            let tenth = u32::try_from(index(count(n) / rate * 10.0)).unwrap_or(u32::MAX);
            phase = (phase + f64::from(pitch(track, tenth)) / rate).fract();
            let (sin, cos) = (phase * TAU).sin_cos();
            (cos, sin)
        });
        Self { rate, pointers: pointers.collect() }
    }

    /// Where the window is most like the reference, and how like, from 0 to 1.
    fn best(
        &self,
        window: &[f64],
        places: std::ops::RangeInclusive<usize>,
        step: usize,
    ) -> Option<(usize, f64)> {
        debug_assert!(self.rate > 0.0);
        let norm = (window.iter().map(|v| v * v).sum::<f64>() * count(window.len()) / 2.0).sqrt();
        let likeness = |place: usize| {
            let there = self.pointers.get(place..place + window.len())?;
            let (mut re, mut im) = (0.0, 0.0);
            for (value, (cos, sin)) in window.iter().zip(there) {
                re += value * cos;
                im += value * sin;
            }
            Some((place, re.hypot(im) / norm))
        };
        places.step_by(step).map_while(likeness).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn power(samples: &[f64]) -> f64 {
    (samples.iter().map(|v| v * v).sum::<f64>() / count(samples.len().max(1))).sqrt()
}

/// A number of samples, to reckon with.
#[expect(clippy::cast_precision_loss, reason = "films are short")]
pub fn count(n: usize) -> f64 {
    n as f64
}

/// The sample at a place, rounded down; what is before the first is the first.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "films are short, times positive"
)]
pub fn index(n: f64) -> usize {
    n.max(0.0) as usize
}

/// How far the time in the frame is ahead of the time in the audio, in seconds. Both are
/// pairs: a time of the clock, and the film's time then.
pub fn apart(seen: &[(f64, f64)], heard: &[(f64, f64)]) -> Option<f64> {
    median(heard.iter().filter_map(|(clock, film)| Some(nearest(seen, *clock)? - film)))
}

/// The film's time at a time of the clock, by the frame seen nearest to it.
pub fn nearest(seen: &[(f64, f64)], clock: f64) -> Option<f64> {
    let far = |at: f64| (at - clock).abs();
    let (at, film) = seen.iter().min_by(|a, b| far(a.0).total_cmp(&far(b.0)))?;
    Some(film + clock - at)
}

/// The middle one of some values.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `seconds` of the film's audio from `from` on, as a player would give it out.
    fn film(from: f64, seconds: f64) -> Recording {
        let rate = 48_000.0;
        let mut phase = 0.0f64;
        let all = (0..index((from + seconds) * rate)).map(|n| {
            let tenth = u32::try_from(n / 4800).unwrap();
            phase += f64::from(pitch(0, tenth)) / rate;
            (phase * TAU).sin() * 0.27
        });
        let samples: Vec<f64> = all.skip(index(from * rate)).collect();
        let samples = samples.chunks(6).map(|part| part.iter().sum::<f64>() / 6.0).collect();
        Recording { rate: 8000.0, begins: 100.0, samples }
    }

    #[test]
    fn a_recording_tells_its_time() {
        let recording = film(13.37, 1.0);
        let times = recording.times(0, |clock| clock - 100.0 + 12.0);
        assert!(times.len() > 5);
        for (clock, time) in times {
            assert!((time - (clock - 100.0 + 13.37)).abs() < 0.001, "{time} at {clock}");
        }
    }

    #[test]
    fn silence_and_a_hum_tell_none() {
        let mut recording = film(3.0, 1.0);
        let hum = (0..8000).map(|n| (count(n) / 8.0 * TAU).sin() * 0.27);
        recording.samples = hum.collect();
        assert!(recording.times(0, |_| 3.0).is_empty());
        recording.samples.fill(0.0);
        assert!(recording.times(0, |_| 3.0).is_empty());
    }
}
