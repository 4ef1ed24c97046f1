//! Everything that is wrong with a clip.

use std::collections::BTreeSet;
use std::path::Path;

use super::compare::{audio_fault, chapter_fault, frame_faults, packet_faults};
use super::decoded::{Audio, Decoded, Frame};
use super::reading::{AS_EDITED, Reading, Stream};
use super::source::Source;
use super::{Cut, INSTANT, MOVIE_TICK};

/// A tick of the movie timescale that films commonly have.
const HEADER_TICK: f64 = 1.0 / 600.0;

impl Source {
    /// Everything that is wrong with a clip, one line each; none if it is right.
    pub fn faults(&self, clip: &Path, cut: &Cut) -> Vec<String> {
        let (start, end) = self.bounds(cut);
        let mut faults = Vec::new();
        let reading = match Reading::try_of(clip) {
            Ok(reading) => reading,
            Err(e) => return vec![format!("cannot be read: {e}")],
        };
        // ffmpeg cannot recognize the content of a track with hardly a packet.
        let few = reading.streams.iter().any(|s| s.packets.len() < 5);
        let of_few = |line: &str| line.contains("codec parameters") || line.contains("analyzeduration");
        // Each of many hidden samples is shorter than a thousandth of the first that is shown.
        let of_hidden = |line: &str| line.contains("DTS discontinuity");
        let new = reading.complaints.difference(&self.reading.complaints);
        for new in new.filter(|l| !(few && of_few(l) || of_hidden(l))) {
            faults.push(format!("ffprobe says of the clip, not of the source: {new}"));
        }
        // The end of the film itself is known in ticks of the film's own header only, which
        // may also stop before the last track does.
        let shortest = end.min(self.reading.duration).min(self.reading.end_of_packets()).max(start) - start;
        let slack = if end >= self.reading.duration - INSTANT { HEADER_TICK } else { MOVIE_TICK };
        // A clip ends with a whole tick of its video.
        let longest = end - start + self.reading.video().map_or(0.0, |v| v.tick);
        // A whole film keeps its header as it was.
        let kept = cut.start.is_none() && cut.end.is_none() && reading.duration == self.header;
        let lasts = shortest - slack - INSTANT..=longest + slack + INSTANT;
        // For a track that begins with an empty edit, or is nothing but one, ffprobe reports from
        // version 6 on the length of all its media.
        let begins = |s: &Stream| s.packets.iter().filter(|p| p.shown).map(|p| p.time).reduce(f64::min);
        let is_late = |s: &Stream| begins(s).is_none_or(|time| time > INSTANT);
        let late = reading.streams.iter().any(is_late);
        let header = header_duration(clip).unwrap_or(reading.duration);
        for duration in [Some(header), (!late).then_some(reading.duration)].into_iter().flatten() {
            if !kept && !lasts.contains(&duration) {
                faults.push(format!("lasts {duration} s instead of {}", end - start));
            }
        }
        // Covers are no tracks, and hint tracks hint at another file than the clip.
        let is_track = |s: &&Stream| s.is_track();
        let whole = cut.start.is_none() && cut.end.is_none();
        let held: BTreeSet<_> = reading.streams.iter().map(|s| s.id.clone()).collect();
        let is_due = |s: &&Stream| {
            // A clip of nothing at all has all tracks, empty.
            let is_empty = !reading.streams.iter().any(|s| !s.packets.is_empty());
            let due = if whole { Some(!s.packets.is_empty()) } else { s.belongs(start, end) };
            is_empty || due.unwrap_or(held.contains(&s.id))
        };
        let name = |s: &Stream| format!("{}/{}", s.kind, s.codec);
        let ours: Vec<_> = reading.streams.iter().filter(is_track).collect();
        let theirs: Vec<_> = self.reading.streams.iter().filter(is_track).filter(is_due).collect();
        let names = |list: &[&Stream]| list.iter().map(|s| name(s)).collect::<Vec<_>>();
        let plain = whole && names(&ours).len() > theirs.len();
        if names(&ours) != names(&theirs) && !plain {
            faults.push(format!("tracks are {:?} instead of {:?}", names(&ours), names(&theirs)));
            return faults;
        }
        // libavformat sets what follows a second edit up to a frame aside.
        let begins = self.edits.iter().map(|edit| edit.start);
        let inside = begins.clone().any(|at| (at - start).abs() < INSTANT && !self.begins_at(at));
        let crosses = begins.skip(1).any(|at| at > start + INSTANT && at < end - INSTANT);
        // What follows the frame that an edit begins inside of, it sets to the edit's beginning.
        let near = if crosses || inside { self.frame() } else { 0.0 };
        let first_video = self.reading.streams.iter().find(|s| s.kind == "video").map(|s| &s.id);
        for (i, (ours, theirs)) in ours.into_iter().zip(theirs).enumerate() {
            if theirs.has_ended(start) {
                // Its frame is compared.
                let shown = ours.packets.iter().filter(|p| p.shown).count();
                if shown != 1 {
                    faults.push(format!("track {i}: {shown} packets of video that has ended"));
                }
                continue;
            }
            // It sets the edit of another video track to a frame's start.
            let other_video = ours.kind == "video" && Some(&theirs.id) != first_video;
            let frame = theirs.packets.iter().map(|p| p.duration).fold(0.0, f64::max);
            let near = if other_video { near + frame } else { near };
            packet_faults(ours, theirs, start, end, near)
                .into_iter()
                .for_each(|f| faults.push(format!("track {i}: {f}")));
        }
        faults.extend(chapter_fault(&reading.chapters, &self.reading.chapters, start, end));
        if !self.decodes {
            return faults;
        }
        // The same track, where the clip has something of it.
        let of_source = self.reading.video();
        let video = reading
            .with_frames()
            .position(|s| of_source.is_some_and(|of| of.id == s.id) && !s.packets.is_empty());
        match Decoded::read_tracks(clip, &reading, video, AS_EDITED) {
            Ok(decoded) => {
                let aside = |line: &str| crosses && line.contains("non monotonically increasing dts");
                for new in decoded.complaints.difference(&self.decoded.complaints).filter(|l| !aside(l)) {
                    faults.push(format!("decoding says of the clip, not of the source: {new}"));
                }
                let tick = self.reading.video().map_or(0.0, |v| v.tick);
                let hidden: BTreeSet<_> = reading
                    .video()
                    .map(|v| v.packets.iter().filter(|p| !p.shown).map(|p| micros(p.time)).collect())
                    .unwrap_or_default();
                // Some decoders (libdav1d's) give out what the edit list hides.
                let early = |f: &&Frame| f.time < -tick / 2.0 && hidden.contains(&micros(f.time));
                let frames: Vec<_> = decoded.frames.iter().filter(|f| !early(f)).cloned().collect();
                match self.decoded.frames.last() {
                    Some(last) if of_source.is_some_and(|of| of.has_ended(start)) => {
                        if frames.iter().map(|f| &f.hash).ne([&last.hash]) {
                            faults.push("does not show the last frame of video that has ended".into());
                        }
                    }
                    _ => {
                        faults.extend(frame_faults(&frames, &self.decoded.frames, start, end, tick + near));
                    }
                }
                let is_audio = |s: &&Stream| s.kind == "audio";
                let audio_tracks =
                    self.reading.streams.iter().filter(is_audio).zip(&self.decoded.audio_tracks);
                for (i, (stream, theirs)) in audio_tracks.enumerate() {
                    let place = reading.streams.iter().filter(is_audio).position(|s| s.id == stream.id);
                    let none = Audio::default();
                    let ours = place.and_then(|n| decoded.audio_tracks.get(n)).unwrap_or(&none);
                    faults.extend(
                        audio_fault(ours, theirs, &stream.codec, self.ours, start, end)
                            .map(|f| format!("audio {i}: {f}")),
                    );
                }
            }
            Err(e) => faults.push(format!("cannot be decoded: {e}")),
        }
        faults
    }

    /// Panics with all that is wrong with a clip, given as bytes.
    pub fn assert_shows(&self, name: &str, clip: &[u8], cut: &Cut) {
        let mut file = tempfile::Builder::new().suffix(".mp4").tempfile().expect("a temporary directory");
        std::io::Write::write_all(&mut file, clip).expect("room in the temporary directory");
        let faults = self.faults(file.path(), cut);
        assert!(faults.is_empty(), "{name}?{}:\n  {}", cut.query(), faults.join("\n  "));
    }
}

fn micros(time: f64) -> i64 {
    (time * 1e6).round() as i64
}

/// What the movie header (`mvhd`) says of the duration, in seconds.
fn header_duration(film: &Path) -> Option<f64> {
    let bytes = std::fs::read(film).ok()?;
    let at = bytes.windows(4).position(|name| name == b"mvhd")?;
    let field = |offset: usize, len: usize| {
        let bytes = bytes.get(at + 4 + offset..at + 4 + offset + len)?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    };
    let (timescale, duration) = match field(0, 1)? {
        0 => (field(12, 4)?, field(16, 4)?),
        _ => (field(20, 4)?, field(24, 8)?),
    };
    Some(duration as f64 / timescale.max(1) as f64)
}
