//! Everything that is wrong with a clip.

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
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
        let reading = match Reading::try_of(clip) {
            Ok(reading) => reading,
            Err(e) => return vec![format!("cannot be read: {e}")],
        };
        let (start, end) = self.bounds(cut);
        let is_whole = cut.start.is_none() && cut.end.is_none();
        let case = Case { source: self, clip, reading: &reading, is_whole, start, end };
        let mut faults = case.reader_faults();
        faults.extend(case.duration_faults());
        match case.track_pairs() {
            Ok(pairs) => faults.extend(case.track_faults(&pairs)),
            Err(fault) => {
                faults.push(fault);
                return faults;
            }
        }
        faults.extend(chapter_fault(&reading.chapters, &self.reading.chapters, start, end));
        if self.decodes {
            faults.extend(case.decoded_faults());
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

/// A clip, and the part of a film that it must be.
struct Case<'a> {
    source: &'a Source,
    clip: &'a Path,
    reading: &'a Reading,
    /// Whether neither a start nor an end was asked for.
    is_whole: bool,
    start: f64,
    end: f64,
}

impl Case<'_> {
    /// What ffprobe complains of in the clip alone.
    fn reader_faults(&self) -> Vec<String> {
        // ffmpeg cannot recognize the content of a track with hardly a packet.
        let few = self.reading.streams.iter().any(|s| s.packets.len() < 5);
        let of_few = |line: &str| line.contains("codec parameters") || line.contains("analyzeduration");
        // Each of many hidden samples is shorter than a thousandth of the first that is shown.
        let of_hidden = |line: &str| line.contains("DTS discontinuity");
        let new = self.reading.complaints.difference(&self.source.reading.complaints);
        new.filter(|l| !(few && of_few(l) || of_hidden(l)))
            .map(|new| format!("ffprobe says of the clip, not of the source: {new}"))
            .collect()
    }

    fn duration_faults(&self) -> Vec<String> {
        let Self { reading, start, end, .. } = *self;
        let film = &self.source.reading;
        // The end of the film itself is known in ticks of the film's own header only, which
        // may also stop before the last track does.
        let shortest = end.min(film.duration).min(film.end_of_packets()).max(start) - start;
        let slack = if end >= film.duration - INSTANT { HEADER_TICK } else { MOVIE_TICK };
        // A clip ends with a whole tick of its video.
        let longest = end - start + film.video().map_or(0.0, |v| v.tick);
        // A whole film keeps its header as it was.
        let kept = self.is_whole && reading.duration == self.source.header;
        let lasts = shortest - slack - INSTANT..=longest + slack + INSTANT;
        // For a track that begins with an empty edit, or is nothing but one, ffprobe reports from
        // version 6 on the length of all its media.
        let begins = |s: &Stream| s.packets.iter().filter(|p| p.shown).map(|p| p.time).reduce(f64::min);
        let is_late = |s: &Stream| begins(s).is_none_or(|time| time > INSTANT);
        let late = reading.streams.iter().any(is_late);
        let header = header_duration(self.clip).unwrap_or(reading.duration);
        let durations = [Some(header), (!late).then_some(reading.duration)].into_iter().flatten();
        durations
            .filter(|duration| !kept && !lasts.contains(duration))
            .map(|duration| format!("lasts {duration} s instead of {}", end - start))
            .collect()
    }

    /// The tracks of the clip, each with that of the film.
    ///
    /// # Errors
    /// When the clip has other tracks than it must.
    fn track_pairs(&self) -> Result<Vec<(&Stream, &Stream)>, String> {
        // Covers are no tracks, and hint tracks hint at another file than the clip.
        let is_track = |s: &&Stream| s.is_track();
        let streams = &self.reading.streams;
        let held: BTreeSet<_> = streams.iter().map(|s| s.id.clone()).collect();
        // A clip of nothing at all has all tracks, empty.
        let is_empty = !streams.iter().any(|s| !s.packets.is_empty());
        let is_due = |s: &&Stream| {
            let belongs = || s.belongs(self.start, self.end);
            let due = if self.is_whole { Some(!s.packets.is_empty()) } else { belongs() };
            is_empty || due.unwrap_or(held.contains(&s.id))
        };
        let ours: Vec<_> = streams.iter().filter(is_track).collect();
        let theirs: Vec<_> = self.source.reading.streams.iter().filter(is_track).filter(is_due).collect();
        let name = |s: &&Stream| format!("{}/{}", s.kind, s.codec);
        let names = |list: &[&Stream]| list.iter().map(name).collect::<Vec<_>>();
        let plain = self.is_whole && ours.len() > theirs.len();
        if names(&ours) != names(&theirs) && !plain {
            return Err(format!("tracks are {:?} instead of {:?}", names(&ours), names(&theirs)));
        }
        Ok(ours.into_iter().zip(theirs).collect())
    }

    /// Whether an edit of the film begins inside of the clip. libavformat sets what follows a
    /// second edit up to a frame aside.
    fn crosses_edits(&self) -> bool {
        let mut begins = self.source.edits.iter().map(|edit| edit.start).skip(1);
        begins.any(|at| at > self.start + INSTANT && at < self.end - INSTANT)
    }

    /// How far libavformat sets packets aside.
    fn aside(&self) -> f64 {
        let mut begins = self.source.edits.iter().map(|edit| edit.start);
        // What follows the frame that an edit begins inside of, it sets to the edit's beginning.
        let inside = begins.any(|at| (at - self.start).abs() < INSTANT && !self.source.begins_at(at));
        if self.crosses_edits() || inside { self.source.frame() } else { 0.0 }
    }

    fn track_faults(&self, pairs: &[(&Stream, &Stream)]) -> Vec<String> {
        let mut faults = Vec::new();
        let aside = self.aside();
        let first_video = self.source.reading.streams.iter().find(|s| s.kind == "video").map(|s| &s.id);
        for (i, (ours, theirs)) in pairs.iter().enumerate() {
            if theirs.has_ended(self.start) {
                // Its frame is compared.
                let shown = ours.packets.iter().filter(|p| p.shown).count();
                if shown != 1 {
                    faults.push(format!("track {i}: {shown} packets of video that has ended"));
                }
                continue;
            }
            // libavformat sets the edit of another video track to a frame's start.
            let other_video = ours.kind == "video" && Some(&theirs.id) != first_video;
            let frame = theirs.packets.iter().map(|p| p.duration).fold(0.0, f64::max);
            let near = if other_video { aside + frame } else { aside };
            let found = packet_faults(ours, theirs, self.start, self.end, near);
            faults.extend(found.into_iter().map(|f| format!("track {i}: {f}")));
        }
        faults
    }

    fn decoded_faults(&self) -> Vec<String> {
        // The same track, where the clip has something of it.
        let of_source = self.source.reading.video();
        let is_same = |s: &Stream| of_source.is_some_and(|of| of.id == s.id) && !s.packets.is_empty();
        let video = self.reading.with_frames().position(is_same);
        let decoded = match Decoded::read_tracks(self.clip, self.reading, video, AS_EDITED) {
            Ok(decoded) => decoded,
            Err(e) => return vec![format!("cannot be decoded: {e}")],
        };
        let crosses = self.crosses_edits();
        let aside = |line: &str| crosses && line.contains("non monotonically increasing dts");
        let new = decoded.complaints.difference(&self.source.decoded.complaints).filter(|l| !aside(l));
        let new = new.map(|new| format!("decoding says of the clip, not of the source: {new}"));
        new.chain(self.decoded_video_faults(&decoded)).chain(self.decoded_audio_faults(&decoded)).collect()
    }

    fn decoded_video_faults(&self, decoded: &Decoded) -> Vec<String> {
        let of_source = self.source.reading.video();
        let tick = of_source.map_or(0.0, |v| v.tick);
        let hidden: BTreeSet<_> = self
            .reading
            .video()
            .map(|v| v.packets.iter().filter(|p| !p.shown).map(|p| micros(p.time)).collect())
            .unwrap_or_default();
        // Some decoders (libdav1d's) give out what the edit list hides.
        let early = |f: &&Frame| f.time < -tick / 2.0 && hidden.contains(&micros(f.time));
        let frames: Vec<_> = decoded.frames.iter().filter(|f| !early(f)).cloned().collect();
        let theirs = &self.source.decoded.frames;
        match theirs.last() {
            Some(last) if of_source.is_some_and(|of| of.has_ended(self.start)) => {
                let is_last = frames.iter().map(|f| &f.hash).eq([&last.hash]);
                let fault = "does not show the last frame of video that has ended";
                if is_last { Vec::new() } else { vec![fault.into()] }
            }
            _ => {
                let slide = self.source.slide_at(self.start);
                frame_faults(&frames, theirs, (self.start, slide), self.end, tick + self.aside())
            }
        }
    }

    fn decoded_audio_faults(&self, decoded: &Decoded) -> Vec<String> {
        let is_audio = |s: &&Stream| s.kind == "audio";
        let theirs = self.source.reading.streams.iter().filter(is_audio);
        let mut faults = Vec::new();
        for (i, (stream, theirs)) in theirs.zip(&self.source.decoded.audio_tracks).enumerate() {
            let place = self.reading.streams.iter().filter(is_audio).position(|s| s.id == stream.id);
            let none = Audio::default();
            let ours = place.and_then(|n| decoded.audio_tracks.get(n)).unwrap_or(&none);
            // Decoders that compute in floating point may round otherwise; AC-3's adds noise, and
            // so does AAC's where the encoder left some out, which ours does not. ffmpeg takes the
            // last seven bits of what a packet of QuickTime's ADPCM begins with from the packet
            // before, and so on from the first.
            let loudness = match stream.codec.as_str() {
                codec if !self.source.ours || codec.ends_with("ac3") => 512,
                "adpcm_ima_qt" => 127,
                _ => 8,
            };
            let found = audio_fault(ours, theirs, loudness, self.start, self.end);
            faults.extend(found.map(|f| format!("audio {i}: {f}")));
        }
        faults
    }
}

fn micros(time: f64) -> i64 {
    (time * 1e6).round() as i64
}

/// What the movie header (`mvhd`) says of the duration, in seconds.
fn header_duration(film: &Path) -> Option<f64> {
    let bytes = moov(&std::fs::File::open(film).ok()?)?;
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

/// The `moov` of a film, which may be longer than what there is of memory.
fn moov(film: &std::fs::File) -> Option<Vec<u8>> {
    let (mut at, end) = (0, film.metadata().ok()?.len());
    while at < end {
        let mut head = [0; 16];
        let long = film.read_at(&mut head, at).ok()? == 16;
        let (size, name) = (u32::from_be_bytes(*head.first_chunk()?), &head[4..8]);
        let size = match size {
            0 => end - at,
            1 if long => u64::from_be_bytes(*head.last_chunk()?),
            size => u64::from(size),
        };
        if name == b"moov" {
            let mut bytes = vec![0; usize::try_from(size.min(end - at)).ok()?];
            film.read_exact_at(&mut bytes, at).ok()?;
            return Some(bytes);
        }
        at = at.checked_add(size.max(8))?;
    }
    None
}
