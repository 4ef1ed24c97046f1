//! The packets of a film as ffprobe lists them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{INSTANT, MOVIE_TICK, complaints};

/// How ffmpeg is to read a film: its edit lists followed …
pub(super) const AS_EDITED: &[&str] = &[];
/// … or not looked at.
pub(super) const UNEDITED: &[&str] = &["-ignore_editlist", "1"];

/// The packets of a film.
#[derive(Debug)]
pub struct Reading {
    /// One per track, in order.
    pub streams: Vec<Stream>,
    /// Duration of the whole in seconds.
    pub duration: f64,
    /// Start, end and title of each chapter.
    pub chapters: Vec<(f64, f64, String)>,
    /// What ffmpeg warns of, addresses taken out.
    pub complaints: BTreeSet<String>,
}

/// The packets of a track.
#[derive(Debug)]
pub struct Stream {
    /// The number of the track, as ffprobe writes it.
    pub id: String,
    /// `video`, `audio`, `subtitle`, `data`; `cover` for a cover, `hint` for a hint track.
    pub kind: String,
    /// Name of the codec.
    pub codec: String,
    /// Seconds per tick.
    pub tick: f64,
    /// In decoding order.
    pub packets: Vec<Packet>,
}

/// A packet as the demuxer gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// Presentation time in seconds.
    pub time: f64,
    /// Duration in seconds.
    pub duration: f64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// Whether the edit list shows it.
    pub shown: bool,
    /// Hash of the bytes.
    pub hash: String,
}

/// A frame that was on screen for more seconds than this is not gone back to.
pub(super) const SLIDE: f64 = 1.0;

impl Packet {
    /// Whether it has been on screen for long at a time, and still is.
    pub(super) fn is_slide_at(&self, time: f64) -> bool {
        self.shown && time - self.time > SLIDE && self.time + self.duration > time + INSTANT
    }
}

impl Reading {
    /// Reads the packets of the film at `path`, which must be one.
    pub fn of(path: &Path) -> Self {
        Self::try_of(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Reads the packets of the film at `path`.
    ///
    /// # Errors
    /// What ffprobe says when it cannot.
    pub fn try_of(path: &Path) -> Result<Self, String> {
        Self::read(path, AS_EDITED)
    }

    pub(super) fn read(path: &Path, how: &[&str]) -> Result<Self, String> {
        let words = [
            "-v",
            "warning",
            "-of",
            "json",
            "-show_streams",
            "-show_format",
            "-show_packets",
            "-show_chapters",
            "-show_data_hash",
            "md5",
        ];
        let out = ffprobe(&words, how, path);
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        if !out.status.success() {
            return Err(text);
        }
        let json: Value = serde_json::from_slice(&out.stdout).expect("JSON of ffprobe");
        let mut streams: Vec<_> = list(&json, "streams").iter().map(Stream::from_json).collect();
        for packet in list(&json, "packets") {
            let index = packet["stream_index"].as_u64().expect("an index") as usize;
            let Some(stream) = streams.get_mut(index) else { continue };
            let ticks = |name| packet[name].as_i64().map(|t| t as f64 * stream.tick);
            let flags = packet["flags"].as_str().unwrap_or_default();
            let packet = Packet {
                time: ticks("pts").or(ticks("dts")).unwrap_or(f64::NAN),
                duration: ticks("duration").unwrap_or(0.0),
                key: flags.contains('K'),
                shown: !flags.contains('D'),
                hash: packet["data_hash"].as_str().unwrap_or_default().to_owned(),
            };
            stream.packets.push(packet);
        }
        let duration = number(&json["format"]["duration"]);
        let chapter = |json: &Value| {
            let title = json["tags"]["title"].as_str().unwrap_or_default().to_owned();
            (number(&json["start_time"]), number(&json["end_time"]), title)
        };
        let chapters = list(&json, "chapters").iter().map(chapter).collect();
        Ok(Self { streams, duration, chapters, complaints: complaints(&text) })
    }

    /// Where every packet of the video is said to be a key frame, the decoder says which are. A
    /// table of sync samples may be missing, and ffprobe then says it of all.
    pub(super) fn believe_decoder(&mut self, path: &Path, how: &[&str]) {
        let Some(video) = self.streams.iter_mut().position(|s| s.kind == "video" && !s.packets.is_empty())
        else {
            return;
        };
        let stream = &mut self.streams[video];
        if stream.packets.len() < 2 || !stream.packets.iter().all(|p| p.key) {
            return;
        }
        let video_index = video.to_string();
        let select = ["-v", "quiet", "-of", "csv=p=0", "-select_streams", &video_index];
        let words = [&select[..], &["-show_entries", "frame=key_frame,pts,pict_type"]].concat();
        let out = ffprobe(&words, how, path);
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let frames = text.lines().filter_map(|line| {
            let mut fields = line.split(',');
            let (key, pts, kind) = (fields.next()?, fields.next()?, fields.next()?);
            // Decoders of old codings say of all that they are key frames.
            Some((pts.parse::<f64>().ok()? * stream.tick, key == "1" && kind == "I"))
        });
        let frames: Vec<_> = frames.collect();
        for packet in &mut stream.packets {
            let is_dependent = |(time, key): &(f64, bool)| !key && (time - packet.time).abs() < INSTANT;
            packet.key = !frames.iter().any(is_dependent);
        }
    }

    /// Where the last track ends: a film's own header may say less.
    pub(super) fn end(&self) -> f64 {
        self.end_of_packets().max(self.duration)
    }

    pub(super) fn end_of_packets(&self) -> f64 {
        let packets = self.streams.iter().flat_map(|s| &s.packets).filter(|p| p.shown);
        packets.map(|p| p.time + p.duration).fold(0.0, f64::max)
    }

    /// Times of the frames on screen, and whether decoding can begin there.
    pub fn frames(&self) -> Vec<(f64, bool)> {
        let shown = self.video().into_iter().flat_map(|v| &v.packets).filter(|p| p.shown);
        let mut frames: Vec<_> = shown.map(|p| (p.time, p.key)).collect();
        frames.sort_by(|a, b| a.0.total_cmp(&b.0));
        frames
    }

    /// The number of the video track among those and covers, as ffmpeg counts.
    pub(super) fn video_number(&self) -> Option<usize> {
        let mut shown = self.with_frames();
        shown.position(|s| s.kind == "video" && !s.packets.is_empty())
    }

    pub(super) fn with_frames(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|s| s.kind == "video" || s.kind == "cover")
    }

    pub(super) fn video(&self) -> Option<&Stream> {
        self.streams.iter().find(|s| s.kind == "video" && !s.packets.is_empty())
    }
}

impl Stream {
    fn from_json(json: &Value) -> Self {
        let word = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let base = word("time_base");
        let (num, den) = base.split_once('/').unwrap_or(("0", "1"));
        let tick = num.parse::<f64>().unwrap_or(0.0) / den.parse::<f64>().unwrap_or(1.0);
        let kind = match word("codec_type").as_str() {
            _ if json["disposition"]["attached_pic"] == 1 => "cover".to_owned(),
            _ if ["rtp ", "sdp "].contains(&word("codec_tag_string").as_str()) => "hint".to_owned(),
            kind => kind.to_owned(),
        };
        Self { id: word("id"), kind, codec: word("codec_name"), tick, packets: Vec::new() }
    }

    /// Whether something of it is shown between two times, or it is video that has ended by the
    /// first of them and goes on showing its last frame. Samples of data and text cannot be
    /// distinguished from gaps between them.
    pub(super) fn belongs(&self, start: f64, end: f64) -> Option<bool> {
        let near = self.tick + MOVIE_TICK + INSTANT;
        let shown = || self.packets.iter().filter(|p| p.shown);
        let overlap = |near: f64| shown().any(|p| p.time + p.duration > start + near && p.time < end - near);
        match (overlap(near), overlap(-near)) {
            (true, _) => Some(true),
            _ if self.has_ended(start) => Some(true),
            (_, false) if self.kind == "video" || self.kind == "audio" => Some(false),
            _ => None,
        }
    }

    /// Whether it is video that is over by `time`.
    pub(super) fn has_ended(&self, time: f64) -> bool {
        let ends = self.packets.iter().filter(|p| p.shown).map(|p| p.time + p.duration);
        self.kind == "video" && ends.max_by(f64::total_cmp).is_some_and(|end| end <= time + INSTANT)
    }

    pub(super) fn is_track(&self) -> bool {
        self.kind != "cover" && self.kind != "hint"
    }
}

fn list<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json[name].as_array().map_or(&[], |v| v)
}

fn number(json: &Value) -> f64 {
    json.as_str().and_then(|s| s.parse().ok()).unwrap_or(0.0)
}

/// What ffprobe prints about a film that it is to read `how`.
fn ffprobe(words: &[&str], how: &[&str], path: &Path) -> Output {
    Command::new("ffprobe")
        .args(words)
        .args(how)
        .arg("-i")
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .expect("ffprobe: install the distribution's package")
}
