//! What a player must show of a film, or of a clip of it.

use tests::films::Film;
use tests::probe::{Cut, Source};

use test_sound::{Recording, apart, median, nearest};

/// A frame, and when it is on screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shown {
    /// Seconds since the clip begins.
    pub(crate) time: f64,
    /// Its number in the film.
    pub(crate) number: u32,
    /// The time that is written in it.
    pub(crate) filmed: f64,
}

/// What is to be seen and heard.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// In order of presentation; none where there is no video.
    pub(crate) frames: Vec<Shown>,
    pub(crate) duration: f64,
    /// The film's time at which the clip begins.
    pub(crate) start: f64,
    pub(crate) has_video: bool,
    pub(crate) has_audio: bool,
    /// From when to when there is audio, in seconds of the clip.
    pub(crate) sounds: Option<(f64, f64)>,
    /// How far the time in the frame is ahead of the time in the audio, in seconds.
    pub(crate) offset: Option<f64>,
    /// How far the audio's own time is ahead of the film's.
    pub(crate) heard: f64,
}

impl Wanted {
    pub(crate) fn of(source: &Source, film: &Film, cut: &Cut) -> Self {
        let moved = moved(source, film);
        let move_up = |at: Option<f64>| at.map(|at| at + moved);
        let (start, end) =
            source.bounds(&Cut { start: move_up(cut.start.or(Some(0.0))), end: move_up(cut.end), ..*cut });
        let (start, end) = (start - moved, end - moved);
        let frames = source.decoded.frames.iter();
        let stamped = frames.filter_map(|f| f.stamp.map(|stamp| (f.time - moved, stamp)));
        let shown = |(time, stamp): (f64, tests::films::Stamp)| Shown {
            time: time - start,
            number: stamp.number,
            filmed: f64::from(stamp.millis) / 1000.0,
        };
        let inside = |f: &Shown| f.time > -1e-6 && f.time < end - start - 1e-6;
        let all: Vec<_> = stamped.map(shown).collect();
        let audio = source.decoded.audio_tracks.first().filter(|audio| audio.is_loud());
        let offset = audio.and_then(|audio| offset_of(audio, &all, start));
        Self {
            frames: all.iter().copied().filter(inside).collect(),
            duration: end - start,
            start,
            has_video: film.stamped,
            has_audio: audio.is_some(),
            sounds: audio.and_then(span).map(|(from, to)| (from - moved - start, to - moved - start)),
            offset,
            heard: audio.and_then(heard).unwrap_or(0.0),
        }
    }

    /// Another scene after this one.
    pub(crate) fn followed_by(mut self, next: Self) -> Self {
        self.frames.extend(next.frames.iter().map(|f| Shown { time: f.time + self.duration, ..*f }));
        self.duration += next.duration;
        self
    }

    /// How long there is audio between two times of the clip.
    pub(crate) fn sounds_for(&self, from: f64, to: f64) -> f64 {
        let all = self.sounds.map(|(begin, end)| end.min(to).min(self.duration) - begin.max(from));
        all.unwrap_or(0.0).max(0.0)
    }

    /// The frame on screen at a time of the clip.
    pub(crate) fn at(&self, time: f64) -> Option<Shown> {
        self.frames.iter().copied().rfind(|f| f.time <= time + 1e-6)
    }

    /// The middle of the time that a frame near `part` of the clip is on screen.
    pub(crate) fn inside(&self, part: f64) -> f64 {
        let time = self.duration * part;
        let Some(frame) = self.at(time) else { return time };
        let next = self.frames.iter().find(|f| f.time > frame.time).map_or(self.duration, |f| f.time);
        f64::midpoint(frame.time, next)
    }
}

/// Where offsets in fragments are negative, libavformat moves the times of pictures by this.
pub(crate) fn moved(source: &Source, film: &Film) -> f64 {
    let Some(first) = source.decoded.frames.first() else { return 0.0 };
    match film.name.as_str() {
        name if name.contains("cmaf") => first.time,
        // A packet of sound begins before the picture, at a time (`tfxd`) that libavformat does not know.
        "screen_ismv" => first.time - 1024.0 / 48_000.0,
        _ => 0.0,
    }
}

/// Audio as ffmpeg decodes it, by the film's clock.
pub(crate) fn recording(audio: &tests::probe::Audio) -> Option<Recording> {
    let (first, _) = audio.runs.first()?;
    let by = (audio.rate / 8000.0).round().max(1.0);
    let rate = audio.rate / by;
    let mut samples: Vec<f64> = Vec::new();
    for (begins, values) in &audio.runs {
        #[expect(clippy::cast_precision_loss, reason = "films are short")]
        let at = (*begins - *first) as f64 / by;
        let length = test_sound::index(at);
        if length > samples.len() {
            samples.resize(length, 0.0);
        }
        let mono: Vec<f64> = values.chunks(audio.channels).map(|v| f64::from(v[0]) / 32768.0).collect();
        samples.extend(mono.chunks_exact(test_sound::index(by)).map(|part| part.iter().sum::<f64>() / by));
    }
    #[expect(clippy::cast_precision_loss, reason = "films are short")]
    let begins = *first as f64 / audio.rate;
    Some(Recording { rate, begins, samples })
}

/// When audio begins and ends.
fn span(audio: &tests::probe::Audio) -> Option<(f64, f64)> {
    let all = recording(audio)?;
    Some((all.begins, all.begins + test_sound::count(all.samples.len()) / all.rate))
}

fn heard(audio: &tests::probe::Audio) -> Option<f64> {
    let times = recording(audio)?.times(0, |clock| clock);
    median(times.iter().map(|(clock, film)| film - clock))
}

fn offset_of(audio: &tests::probe::Audio, frames: &[Shown], start: f64) -> Option<f64> {
    let seen: Vec<_> = frames.iter().map(|f| (f.time + start, f.filmed)).collect();
    apart(&seen, &recording(audio)?.times(0, |clock| nearest(&seen, clock).unwrap_or(clock)))
}
