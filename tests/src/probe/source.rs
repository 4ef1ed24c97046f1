//! A film that clips are cut from, and where they must begin and end.

use std::ops::Range;

use mp4seek::request::Mode;

use super::decoded::{Decoded, Frame};
use super::reading::{AS_EDITED, Packet, Reading, SLIDE, UNEDITED};
use super::{Cut, INSTANT};
use crate::films::{self, Edit, Film};

/// Of films longer than this (in seconds), only packets are compared: comparing the
/// frames would take minutes.
const LONGEST_DECODED: f64 = 90.0;

/// A film and all that is read in it.
#[derive(Debug)]
pub struct Source {
    /// Packets.
    pub reading: Reading,
    /// Frames and audio.
    pub decoded: Decoded,
    /// Whether they are there to be compared.
    pub(super) decodes: bool,
    /// Whether our own encoder wrote it.
    pub(super) ours: bool,
    /// When its video's edits are shown, where that is known.
    pub(super) edits: Vec<Range<f64>>,
    /// What the film's header says of its duration.
    pub(super) header: f64,
}

impl Source {
    /// Reads a film, and decodes it unless it is others' and long or of a kind that
    /// ffmpeg does not decode.
    ///
    /// # Errors
    /// What ffmpeg says when it cannot.
    pub fn of(film: &Film) -> Result<Self, String> {
        let edits = film.edits();
        if edits.len() > 1 {
            // libavformat sets the frames of a second edit one frame early.
            let whole = Self::of(&films::film("bframes"))?;
            let tracks = whole.reading.streams.len();
            return Ok(whole.edited(&vec![edits; tracks]));
        }
        let source = Self::read(film, AS_EDITED)?;
        Ok(Self { edits: edits.iter().map(Edit::shown).collect(), ..source })
    }

    /// The same of a film whose edit lists libavformat does not follow: its media, set where
    /// `edits` says that it is shown, for each track that is no cover or hint. Their `from` is in
    /// media time.
    ///
    /// # Errors
    /// What ffmpeg says when it cannot.
    pub fn with_edits(film: &Film, edits: &[Vec<Edit>]) -> Result<Self, String> {
        let mut source = Self::read(film, UNEDITED)?;
        // What it says of the edit lists themselves it will say of the clip's, too.
        source.reading.complaints.extend(Reading::try_of(&film.path)?.complaints);
        let mut left = edits.iter();
        let tracks = source.reading.streams.iter();
        let edits: Vec<_> = tracks
            .map(|s| s.is_track().then(|| left.next()).flatten().cloned().unwrap_or_default())
            .collect();
        Ok(source.edited(&edits))
    }

    fn read(film: &Film, how: &[&str]) -> Result<Self, String> {
        let mut reading = Reading::read(&film.path, how)?;
        reading.believe_decoder(&film.path, how);
        let long = reading.duration > LONGEST_DECODED;
        let decoded = if long { Err("too long".into()) } else { Decoded::read(&film.path, &reading, how) };
        let (decoded, decodes) = match decoded {
            Ok(decoded) => (decoded, true),
            // A film of ours can be decoded; of others', the packets remain to be compared.
            Err(e) if film.stamped => return Err(e),
            Err(_) => (Decoded::default(), false),
        };
        let ours = films::KINDS.contains(&film.name.as_str()) || film.stamped;
        let header = reading.duration;
        Ok(Self { reading, decoded, decodes, ours, edits: Vec::new(), header })
    }

    /// The same film with each of its tracks shown as its `edits` say.
    fn edited(mut self, edits: &[Vec<Edit>]) -> Self {
        let shown = |time: f64, edit: &Edit| {
            (time > edit.from - INSTANT && time < edit.from + edit.duration - INSTANT)
                .then_some(time - edit.from + edit.at)
        };
        for (stream, edits) in self.reading.streams.iter_mut().zip(edits) {
            let packets = edits.iter().flat_map(|edit| {
                let offset = edit.at - edit.from;
                let end = edit.at + edit.duration;
                stream.packets.iter().map(move |p| {
                    let time = p.time + offset;
                    // What begins before the edit is decoded, and partly heard, but has no start in
                    // it.
                    let shown = shown(p.time, edit).is_some();
                    Packet { time, shown, duration: p.duration.min(end - time), ..p.clone() }
                })
            });
            stream.packets = packets.collect();
        }
        let of_kind = |kind: &'static str| {
            let streams = self.reading.streams.iter().zip(edits);
            streams.filter(move |(stream, _)| stream.kind == kind).map(|(_, edits)| edits.as_slice())
        };
        let seen = of_kind("video").next().unwrap_or_default();
        let frames = &self.decoded.frames;
        self.decoded.frames = seen
            .iter()
            .flat_map(|edit| {
                frames.iter().filter_map(move |f| Some(Frame { time: shown(f.time, edit)?, ..f.clone() }))
            })
            .collect();
        for (audio, edits) in self.decoded.audio_tracks.iter_mut().zip(of_kind("audio")) {
            let sample = |time: f64| (time * audio.rate).round() as i64;
            let run = |edit: &Edit| {
                let numbers = sample(edit.from)..sample(edit.from + edit.duration);
                (sample(edit.at), numbers.filter_map(|n| audio.get(n)).flatten().copied().collect())
            };
            audio.runs = edits.iter().map(run).collect();
        }
        self.edits = seen.iter().map(Edit::shown).collect();
        let ends = edits.iter().flatten().map(|edit| edit.at + edit.duration);
        self.reading.duration = ends.fold(0.0, f64::max);
        self
    }

    /// Where the presentation of a clip begins and ends in the source.
    pub fn bounds(&self, cut: &Cut) -> (f64, f64) {
        let start = cut.start.unwrap_or(0.0);
        let end = cut.end.unwrap_or(f64::INFINITY).min(self.reading.end());
        let Some(video) = self.reading.video() else { return (start, end) };
        let before: Vec<_> = video.packets.iter().filter(|p| p.shown && p.time <= start + INSTANT).collect();
        let last = |times: &mut dyn Iterator<Item = f64>| times.max_by(f64::total_cmp);
        let edit = self.edits.iter().rfind(|edit| edit.start <= start + INSTANT);
        if edit.is_some_and(|edit| edit.end <= start + INSTANT) {
            return (start, end);
        }
        let edit = edit.map(|edit| edit.start);
        // The frame that an edit begins inside of is on screen until the next.
        let begun =
            |at: &f64| video.packets.iter().any(|p| p.time <= *at && p.time + p.duration > at + INSTANT);
        let frames = before.iter().map(|p| p.time).chain(edit.filter(begun));
        let Some(frame) = last(&mut frames.into_iter()) else { return (start, end) };
        // Where the video has ended, and audio goes on, no frame is on screen.
        let ends = video.packets.iter().filter(|p| p.shown).map(|p| p.time + p.duration);
        if ends.fold(0.0, f64::max) <= start + INSTANT {
            return (start, end);
        }
        if cut.mode == Mode::Exact {
            // A clip begins amid a frame that has been on screen for long.
            return (if start - frame > SLIDE { start } else { frame }, end);
        }
        let key = last(&mut before.iter().filter(|p| p.key).map(|p| p.time));
        // An edit may begin between sync samples: nothing before it needs to be shown.
        (key.into_iter().chain(edit).fold(0.0, f64::max), end)
    }

    /// When the frame began that a clip begins amid.
    pub(super) fn slide_at(&self, start: f64) -> Option<f64> {
        self.reading
            .video()
            .and_then(|video| video.packets.iter().find(|p| p.is_slide_at(start)))
            .map(|p| p.time)
    }

    /// Whether a frame begins at a time.
    pub fn begins_at(&self, time: f64) -> bool {
        self.reading.frames().iter().any(|(at, _)| (at - time).abs() < INSTANT)
    }

    /// How long the longest frame lasts.
    pub(super) fn frame(&self) -> f64 {
        let packets = self.reading.video().into_iter().flat_map(|v| &v.packets);
        packets.map(|p| p.duration).fold(0.0, f64::max)
    }
}
