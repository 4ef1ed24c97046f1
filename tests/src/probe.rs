//! What ffmpeg reads in a film, and whether a clip shows what it must.
//!
//! All times are presentation times, the source's edit lists applied.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mp4seek::request::Mode;
use serde_json::Value;

use crate::films::{self, COLUMNS, Edit, Film, ROWS, Stamp};

/// Times this close to a frame's are the frame's.
const INSTANT: f64 = 1e-6;
/// Of longer films (in seconds) the packets are compared, not the pictures: that
/// would take minutes.
const LONGEST_DECODED: f64 = 90.0;
/// A tick of the movie timescale that films commonly have.
const HEADER_TICK: f64 = 1.0 / 600.0;
/// A tick of the finest timescale that a clip's own header may have to round to.
const MOVIE_TICK: f64 = 1.0 / 90_000.0;

/// How ffmpeg is to read a film: its edit lists followed …
const AS_EDITED: &[&str] = &[];
/// … or not looked at.
const UNEDITED: &[&str] = &["-ignore_editlist", "1"];

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
    /// `video`, `audio`, `subtitle`, `data`; `picture` for a cover, `hint` for a hint track.
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

/// A film decoded: its first video track, and all its sound.
#[derive(Debug, Default)]
pub struct Decoded {
    /// In order of presentation.
    pub frames: Vec<Frame>,
    /// One per audio track.
    pub sounds: Vec<Sound>,
    /// What the decoders complain of, addresses taken out.
    pub complaints: BTreeSet<String>,
}

/// A frame on screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Presentation time in seconds.
    pub time: f64,
    /// Hash of the picture.
    pub hash: String,
    /// What it says of itself.
    pub stamp: Option<Stamp>,
}

/// Samples of a track.
#[derive(Debug, Default)]
pub struct Sound {
    /// Samples a second.
    pub rate: f64,
    /// Channels of a sample.
    pub channels: usize,
    /// Stretches without a gap: the number of the first sample since time 0, and
    /// the values of all, channel by channel.
    pub runs: Vec<(i64, Vec<i16>)>,
}

/// A film and all that is read in it.
#[derive(Debug)]
pub struct Source {
    /// Packets.
    pub reading: Reading,
    /// Frames and sound.
    pub decoded: Decoded,
    /// Whether they are there to be compared.
    decodes: bool,
    /// Whether our own encoder made it.
    ours: bool,
    /// When its video's edits are shown, where that is known.
    edits: Vec<Range<f64>>,
    /// What the film's header says of its duration.
    header: f64,
}

/// What was asked for, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// From here; `None`: the beginning.
    pub start: Option<f64>,
    /// To here; `None`: the end.
    pub end: Option<f64>,
    /// How it begins.
    pub mode: Mode,
}

impl Cut {
    /// The query that asks for it.
    pub fn query(&self) -> String {
        let mut query = format!("mode={}", if self.mode == Mode::Exact { "exact" } else { "keyframe" });
        if let Some(start) = self.start {
            write!(query, "&start={start}").ok();
        }
        if let Some(end) = self.end {
            write!(query, "&end={end}").ok();
        }
        query
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

    fn read(path: &Path, how: &[&str]) -> Result<Self, String> {
        let out = Command::new("ffprobe")
            .args([
                "-v",
                "warning",
                "-of",
                "json",
                "-show_streams",
                "-show_format",
                "-show_packets",
                "-show_chapters",
            ])
            .args(["-show_data_hash", "md5"])
            .args(how)
            .arg("-i")
            .arg(path)
            .stdin(Stdio::null())
            .output()
            .expect("ffprobe: install the distribution's package");
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

    /// Where every packet of the picture is said to be a key frame, the decoder says which are. A table
    /// of sync samples may be missing, and ffprobe then says it of all.
    fn believe_pictures(&mut self, path: &Path, how: &[&str]) {
        let Some(video) = self.streams.iter_mut().position(|s| s.kind == "video" && !s.packets.is_empty())
        else {
            return;
        };
        let stream = &mut self.streams[video];
        if stream.packets.len() < 2 || !stream.packets.iter().all(|p| p.key) {
            return;
        }
        let out = Command::new("ffprobe")
            .args(["-v", "quiet", "-of", "csv=p=0", "-select_streams", &video.to_string()])
            .args(["-show_entries", "frame=key_frame,pts,pict_type"])
            .args(how)
            .arg("-i")
            .arg(path)
            .stdin(Stdio::null())
            .output()
            .expect("ffprobe: install the distribution's package");
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
    fn end(&self) -> f64 {
        self.end_of_packets().max(self.duration)
    }

    fn end_of_packets(&self) -> f64 {
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
    fn video_number(&self) -> Option<usize> {
        let mut pictures = self.pictures();
        pictures.position(|s| s.kind == "video" && !s.packets.is_empty())
    }

    fn pictures(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|s| s.kind == "video" || s.kind == "picture")
    }

    fn video(&self) -> Option<&Stream> {
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
            _ if json["disposition"]["attached_pic"] == 1 => "picture".to_owned(),
            _ if ["rtp ", "sdp "].contains(&word("codec_tag_string").as_str()) => "hint".to_owned(),
            kind => kind.to_owned(),
        };
        Self { id: word("id"), kind, codec: word("codec_name"), tick, packets: Vec::new() }
    }

    /// Whether something of it is shown between two times, or it is a picture that has ended by the first of them and
    /// goes on showing its last frame. Samples of data and text are not told apart from gaps between them.
    fn belongs(&self, start: f64, end: f64) -> Option<bool> {
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

    /// Whether it is a picture that is over by `time`.
    fn has_ended(&self, time: f64) -> bool {
        let ends = self.packets.iter().filter(|p| p.shown).map(|p| p.time + p.duration);
        self.kind == "video" && ends.max_by(f64::total_cmp).is_some_and(|end| end <= time + INSTANT)
    }

    fn is_track(&self) -> bool {
        self.kind != "picture" && self.kind != "hint"
    }
}

impl Decoded {
    /// Decodes the film at `path`, whose tracks are those of `reading`.
    ///
    /// # Errors
    /// What ffmpeg says when it cannot.
    pub fn of(path: &Path, reading: &Reading) -> Result<Self, String> {
        Self::read(path, reading, AS_EDITED)
    }

    fn read(path: &Path, reading: &Reading, how: &[&str]) -> Result<Self, String> {
        let video = reading.video_number();
        Self::read_tracks(path, reading, video, how)
    }

    /// The video track is given by its number among those and covers.
    fn read_tracks(
        path: &Path,
        reading: &Reading,
        video: Option<usize>,
        how: &[&str],
    ) -> Result<Self, String> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = |name: &str| dir.path().join(name);
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-threads", "1", "-copyts"]);
        // Else frames after an open group of pictures are lost when the film ends soon.
        ffmpeg.args(["-flags", "output_corrupt"]).args(how).arg("-i").arg(path);
        let sounds: Vec<_> =
            reading.streams.iter().filter(|s| s.kind == "audio").map(|s| !s.packets.is_empty()).collect();
        if let Some(video) = video {
            let map = format!("0:v:{video}");
            ffmpeg.args(["-map", &map, "-fps_mode", "passthrough", "-enc_time_base", "-1"]);
            ffmpeg.args(["-f", "framemd5"]).arg(file("frames"));
            // Else it counts in frames of a rate that it guesses.
            ffmpeg.args(["-map", &map, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-vf"]);
            ffmpeg.arg(format!("scale={COLUMNS}:{ROWS}:flags=area,format=gray"));
            ffmpeg.args(["-f", "rawvideo"]).arg(file("cells"));
        }
        for i in (0..sounds.len()).filter(|&i| sounds[i]) {
            let map = format!("0:a:{i}");
            ffmpeg.args(["-map", &map, "-f", "framemd5"]).arg(file(&format!("sound{i}")));
            ffmpeg.args(["-map", &map, "-f", "s16le"]).arg(file(&format!("pcm{i}")));
        }
        let out = if video.is_some() || sounds.contains(&true) {
            ffmpeg.output().map_err(|e| e.to_string())?
        } else {
            return Ok(Self::default());
        };
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        if !out.status.success() {
            return Err(text);
        }
        let mut frames = Vec::new();
        if video.is_some() {
            let cells = std::fs::read(file("cells")).expect("what ffmpeg wrote");
            let (tick, lines) = frame_hashes(&file("frames"));
            let mut cells = cells.chunks(COLUMNS * ROWS);
            for line in lines {
                let stamp = cells.next().and_then(Stamp::read);
                frames.push(Frame { time: line.pts as f64 * tick, hash: line.hash, stamp });
            }
        }
        let sounds = sounds
            .iter()
            .enumerate()
            .map(|(i, &any)| {
                if any {
                    read_sound(&file(&format!("sound{i}")), &file(&format!("pcm{i}")))
                } else {
                    Sound::default()
                }
            })
            .collect();
        Ok(Self { frames, sounds, complaints: complaints(&text) })
    }
}

struct HashLine {
    pts: i64,
    size: usize,
    hash: String,
}

fn frame_hashes(path: &Path) -> (f64, Vec<HashLine>) {
    let text = std::fs::read_to_string(path).expect("what ffmpeg wrote");
    let base = text.lines().find_map(|l| l.strip_prefix("#tb 0: ")).unwrap_or("0/1");
    let (num, den) = base.split_once('/').expect("a fraction");
    let tick = num.parse::<f64>().expect("a number") / den.parse::<f64>().expect("a number");
    let lines = text.lines().filter(|l| !l.starts_with('#')).map(|line| {
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        HashLine {
            pts: fields[2].parse().expect("a time"),
            size: fields[4].parse().expect("a size"),
            hash: fields[5].to_owned(),
        }
    });
    (tick, lines.collect())
}

fn read_sound(hashes: &Path, pcm: &Path) -> Sound {
    let (tick, lines) = frame_hashes(hashes);
    let text = std::fs::read_to_string(hashes).expect("what ffmpeg wrote");
    let layout = text.lines().find_map(|l| l.strip_prefix("#channel_layout_name 0: ")).unwrap_or("mono");
    let bytes = std::fs::read(pcm).expect("what ffmpeg wrote");
    let channels = match layout {
        "mono" => 1,
        "stereo" => 2,
        other => {
            other.chars().filter(char::is_ascii_digit).filter_map(|c| c.to_digit(10)).sum::<u32>().max(1)
                as usize
        }
    };
    let mut runs: Vec<(i64, Vec<i16>)> = Vec::new();
    let (mut at, mut next) = (0, i64::MIN);
    for line in lines {
        if line.pts != next {
            runs.push((line.pts, Vec::new()));
        }
        let samples = bytes.get(at..at + line.size).unwrap_or_default();
        let (_, run) = runs.last_mut().expect("a run just begun");
        run.extend(samples.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])));
        next = line.pts + (line.size / 2 / channels) as i64;
        at += line.size;
    }
    Sound { rate: 1.0 / tick, channels, runs }
}

impl Sound {
    /// All channels of the sample of that number since time 0.
    fn get(&self, number: i64) -> Option<&[i16]> {
        self.runs.iter().rev().find_map(|(first, values)| {
            let at = usize::try_from(number - first).ok()? * self.channels;
            values.get(at..at + self.channels)
        })
    }

    /// Whether anything is heard.
    pub fn is_loud(&self) -> bool {
        self.runs.iter().flat_map(|(_, values)| values).any(|v| v.unsigned_abs() > 4000)
    }
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

    /// The same of a film whose edit lists libavformat does not follow: its media, set where `edits` says that it
    /// is shown, for each track that is no cover or hint. Their `from` is in media time.
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
        reading.believe_pictures(&film.path, how);
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
                    // What begins before the edit is decoded, and partly heard, but has no start in it.
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
        for (sound, edits) in self.decoded.sounds.iter_mut().zip(of_kind("audio")) {
            let sample = |time: f64| (time * sound.rate).round() as i64;
            let run = |edit: &Edit| {
                let numbers = sample(edit.from)..sample(edit.from + edit.duration);
                (sample(edit.at), numbers.filter_map(|n| sound.get(n)).flatten().copied().collect())
            };
            sound.runs = edits.iter().map(run).collect();
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
        // Where the picture has ended, and sound goes on, no frame is on screen.
        let ends = video.packets.iter().filter(|p| p.shown).map(|p| p.time + p.duration);
        if ends.fold(0.0, f64::max) <= start + INSTANT {
            return (start, end);
        }
        if cut.mode == Mode::Exact {
            return (frame, end);
        }
        let key = last(&mut before.iter().filter(|p| p.key).map(|p| p.time));
        // An edit may begin between sync samples: nothing before it needs to be shown.
        (key.into_iter().chain(edit).fold(0.0, f64::max), end)
    }

    /// Whether a frame begins at a time.
    pub fn begins_at(&self, time: f64) -> bool {
        self.reading.frames().iter().any(|(at, _)| (at - time).abs() < INSTANT)
    }

    /// How long the longest frame lasts.
    fn frame(&self) -> f64 {
        let packets = self.reading.video().into_iter().flat_map(|v| &v.packets);
        packets.map(|p| p.duration).fold(0.0, f64::max)
    }

    /// Everything that is wrong with a clip, one line each; none if it is right.
    pub fn faults(&self, clip: &Path, cut: &Cut) -> Vec<String> {
        let (start, end) = self.bounds(cut);
        let mut faults = Vec::new();
        let reading = match Reading::try_of(clip) {
            Ok(reading) => reading,
            Err(e) => return vec![format!("cannot be read: {e}")],
        };
        // Of a track with hardly a packet ffmpeg cannot tell what it holds.
        let few = reading.streams.iter().any(|s| s.packets.len() < 5);
        let of_few = |line: &str| line.contains("codec parameters") || line.contains("analyzeduration");
        // Of many hidden samples each is shorter than a thousandth of the first that is not.
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
        // Of a whole film the header is kept as it was.
        let kept = cut.start.is_none() && cut.end.is_none() && reading.duration == self.header;
        let lasts = shortest - slack - INSTANT..=longest + slack + INSTANT;
        // Of a track that begins with an empty edit, or is nothing but one, ffprobe tells from version 6 on the length
        // of all its media.
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
            // Of nothing at all a clip has all tracks, empty.
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
                    faults.push(format!("track {i}: {shown} packets of a picture that has ended"));
                }
                continue;
            }
            // Of another video track it sets the edit to a frame's start.
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
            .pictures()
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
                            faults.push("does not show the last frame of a picture that has ended".into());
                        }
                    }
                    _ => {
                        faults.extend(frame_faults(&frames, &self.decoded.frames, start, end, tick + near));
                    }
                }
                let is_sound = |s: &&Stream| s.kind == "audio";
                let sounds = self.reading.streams.iter().filter(is_sound).zip(&self.decoded.sounds);
                for (i, (stream, theirs)) in sounds.enumerate() {
                    let place = reading.streams.iter().filter(is_sound).position(|s| s.id == stream.id);
                    let none = Sound::default();
                    let ours = place.and_then(|n| decoded.sounds.get(n)).unwrap_or(&none);
                    faults.extend(
                        sound_fault(ours, theirs, &stream.codec, self.ours, start, end)
                            .map(|f| format!("sound {i}: {f}")),
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

fn packet_faults(clip: &Stream, source: &Stream, start: f64, end: f64, slack: f64) -> Vec<String> {
    // Packets of PCM are the reader's own bundles of samples: the decoded sound is compared.
    if source.codec.starts_with("pcm_") {
        return Vec::new();
    }
    let near = clip.tick + MOVIE_TICK + INSTANT + slack;
    let mut faults = Vec::new();
    let hashes: BTreeSet<_> = source.packets.iter().map(|p| p.hash.as_str()).collect();
    // Sorted by time, so that each packet of the clip finds its source.
    let mut by_time: Vec<_> = source.packets.iter().collect();
    by_time.sort_by(|a, b| a.time.total_cmp(&b.time));
    let at = |time: f64| {
        let first = by_time.partition_point(|p| p.time < time - near);
        by_time[first..].iter().take_while(move |p| p.time <= time + near)
    };
    let mut offsets = Vec::new();
    for (i, packet) in clip.packets.iter().enumerate() {
        // Text that is on screen at the start begins there, with what is left of it.
        let rest = |p: &Packet| {
            let until = p.time + p.duration;
            let left = until.min(end) - start - near..=until - start + near;
            p.time < start && left.contains(&packet.duration) && packet.time.abs() <= near
        };
        let begun = clip.kind != "video" && clip.kind != "audio";
        let found = at(packet.time + start).find(|p| p.hash == packet.hash);
        match found {
            Some(p) if packet.shown => offsets.push(p.time - packet.time),
            Some(_) => {}
            // Of a track that says one thing only ffprobe does not tell how long it holds.
            None if begun && source.packets.len() == 1 && hashes.contains(packet.hash.as_str()) => {}
            None if begun && by_time.iter().filter(|p| p.hash == packet.hash).any(|p| rest(p)) => {}
            // What the edit list hides has no time of its own.
            None if !packet.shown && hashes.contains(packet.hash.as_str()) => {}
            None => faults.push(format!("packet {i} at {:.6} is not the source's of that time", packet.time)),
        }
    }
    let spread = offsets.iter().fold((f64::MAX, f64::MIN), |(a, b), &o| (a.min(o), b.max(o)));
    if spread.1 - spread.0 > clip.tick + slack + INSTANT {
        faults.push(format!("its offset to the source moves from {:.6} to {:.6}", spread.0, spread.1));
    }
    let mut held: BTreeMap<&str, Vec<&Packet>> = BTreeMap::new();
    for packet in &clip.packets {
        held.entry(&packet.hash).or_default().push(packet);
    }
    for packet in source.packets.iter().filter(|p| p.shown) {
        let copies = held.get(packet.hash.as_str()).map_or(&[][..], |v| v);
        let inside = packet.time >= start - INSTANT && packet.time < end - INSTANT;
        // The last packet of a data track is stretched to the end by ffprobe.
        let lasts = packet.duration > 0.0 && source.kind != "data";
        let overlaps = lasts && packet.time + packet.duration > start + near && packet.time < start;
        let there = |p: &&Packet| p.shown && (p.time + start - packet.time).abs() <= near;
        if inside && !copies.iter().any(there) {
            faults.push(format!("the packet at {:.6} is missing", packet.time));
        }
        if overlaps && copies.is_empty() {
            faults.push(format!("the packet at {:.6}, shown at the start, is missing", packet.time));
        }
    }
    faults.truncate(6);
    faults
}

fn chapter_fault(
    clip: &[(f64, f64, String)],
    source: &[(f64, f64, String)],
    start: f64,
    end: f64,
) -> Option<String> {
    let wanted: Vec<_> = source
        .iter()
        .filter(|(from, to, _)| *from < end - INSTANT && *to > start + INSTANT)
        .map(|(from, to, title)| (from.max(start) - start, to.min(end) - start, title.clone()))
        .collect();
    let same = |a: &(f64, f64, String), b: &(f64, f64, String)| {
        (a.0 - b.0).abs() < 0.0015 && (a.1 - b.1).abs() < 0.0015 && a.2 == b.2
    };
    let equal = clip.len() == wanted.len() && clip.iter().zip(&wanted).all(|(a, b)| same(a, b));
    (!equal).then(|| format!("chapters are {clip:?} instead of {wanted:?}"))
}

fn frame_faults(clip: &[Frame], source: &[Frame], start: f64, end: f64, tick: f64) -> Vec<String> {
    let wanted: Vec<_> =
        source.iter().filter(|f| f.time >= start - INSTANT && f.time < end - INSTANT).collect();
    let mut faults = Vec::new();
    let name = |f: &Frame| f.stamp.map_or(f.hash.clone(), |s| format!("#{} ({} ms)", s.number, s.millis));
    for (i, (got, want)) in clip.iter().zip(&wanted).enumerate() {
        if got.hash != want.hash || got.stamp != want.stamp {
            faults.push(format!("frame {i} at {:.6} is {} instead of {}", got.time, name(got), name(want)));
        } else if (got.time - (want.time - start)).abs() > tick + INSTANT {
            faults.push(format!(
                "frame {i} {} is at {:.6} instead of {:.6}",
                name(want),
                got.time,
                want.time - start
            ));
        }
    }
    if clip.len() != wanted.len() {
        faults.push(format!("{} frames instead of {}", clip.len(), wanted.len()));
    }
    faults.truncate(6);
    faults
}

fn sound_fault(
    clip: &Sound,
    source: &Sound,
    codec: &str,
    ours: bool,
    start: f64,
    end: f64,
) -> Option<String> {
    // Decoders that compute in floating point may round otherwise; AC-3's adds noise, and
    // so does AAC's where the encoder left some out, which ours does not. Of what a packet of QuickTime's ADPCM
    // begins with, ffmpeg takes the last seven bits from the packet before, and so on from the first.
    let loudness = match codec {
        _ if !ours || codec.ends_with("ac3") => 512,
        "adpcm_ima_qt" => 127,
        _ => 8,
    };
    let rate = source.rate;
    let offset = (start * rate).round() as i64;
    let first = (start * rate - 1e-3).ceil() as i64;
    let last = (end * rate + 1e-3).floor() as i64 - 1;
    let wanted: Vec<_> = (first..last).filter_map(|n| Some((n, source.get(n)?))).collect();
    if wanted.is_empty() {
        return None;
    }
    let same =
        |a: &[i16], b: &[i16]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= loudness);
    let wrong_at = |offset: i64| {
        let wrong = |n: i64, values: &[i16]| match clip.get(n - offset) {
            Some(got) => !same(got, values),
            // The first sample may lie before the start by a fraction of itself.
            None => n != first,
        };
        wanted.iter().filter(|(n, values)| wrong(*n, values)).map(|(n, _)| *n).collect::<Vec<_>>()
    };
    // A start between two samples may have been rounded either way.
    let mut tries = [0, 1, -1].map(|d| (d, None));
    for (d, wrong) in &mut tries {
        let found = wrong_at(offset + *d);
        if found.is_empty() {
            return None;
        }
        *wrong = Some(found);
    }
    let (best, wrong) = tries.into_iter().min_by_key(|(_, w)| w.as_ref().map_or(0, Vec::len)).expect("three");
    let wrong = wrong.expect("the samples that differ");
    // Where is it then? A second either way.
    let reach = rate as i64;
    let probe: Vec<_> = wanted.iter().skip(wanted.len() / 2).step_by(7).take(300).collect();
    let shifted = (-reach..=reach).find(|d| {
        probe.iter().all(|(n, values)| clip.get(n - offset - d).is_some_and(|got| same(got, values)))
    });
    let loudest = wanted
        .iter()
        .filter_map(|(n, values)| Some((clip.get(n - offset - best)?, values)))
        .flat_map(|(a, b)| a.iter().zip(*b).map(|(a, b)| a.abs_diff(*b)))
        .max();
    let at = |n: i64| (n - offset) as f64 / rate;
    let (from, to) = (at(wrong[0]), at(wrong[wrong.len() - 1]));
    let missing = wrong.iter().filter(|n| clip.get(*n - offset - best).is_none()).count();
    let shift = match shifted {
        Some(d) if d.abs() > 1 => format!("; the middle is {} samples early", d),
        Some(_) => "; the middle is in its place".to_owned(),
        None => "; the middle is nowhere within a second".to_owned(),
    };
    Some(format!(
        "{} of {} samples differ ({missing} missing, others by up to {loudest:?}), from {from:.6} to {to:.6} of the clip{shift}",
        wrong.len(),
        wanted.len()
    ))
}

fn micros(time: f64) -> i64 {
    (time * 1e6).round() as i64
}

/// The lines of a log with addresses and counters taken out.
fn complaints(text: &str) -> BTreeSet<String> {
    let address = regex::Regex::new(r" @ 0x[0-9a-f]+|0x[0-9a-f]+|\d+").expect("a regular expression");
    text.lines()
        .filter(|l| !l.trim().is_empty() && !l.contains("Last message repeated"))
        .map(|line| address.replace_all(line, "#").into_owned())
        .collect()
}

fn list<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json[name].as_array().map_or(&[], |v| v)
}

fn number(json: &Value) -> f64 {
    json.as_str().and_then(|s| s.parse().ok()).unwrap_or(0.0)
}

/// The clip of a film as the core makes it, without a server.
///
/// # Errors
/// The core's own, as text with the status.
pub fn clip(film: &Path, query: &str) -> Result<Vec<u8>, String> {
    use mp4seek::source::{Identity, ReadAt};
    use mp4seek::virtual_file::WINDOW;
    let file = std::fs::File::open(film).map_err(|e| e.to_string())?;
    let identity = Identity::of(&file.metadata().map_err(|e| e.to_string())?);
    let answer = mp4seek::Seeker::new(1 << 20)
        .answer(&file, &identity, query.as_bytes(), &mp4seek::Settings::default())
        .map_err(|e| format!("{}: {e}", e.status()))?;
    let mp4seek::Answer::Film(film) = answer else { return Err("the plain file".into()) };
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < film.len() {
        let from = bytes.len();
        let next = film.next(&file, &(from as u64..film.len()), WINDOW);
        bytes.resize(from + next.len() as usize, 0);
        let (made, media) = bytes[from..].split_at_mut(next.made);
        film.read_at(&file, from as u64, made).map_err(|e| e.to_string())?;
        file.read_exact_at(media, next.media.start).map_err(|e| e.to_string())?;
    }
    assert_eq!(bytes.len() as u64, film.len(), "the length that was promised");
    Ok(bytes)
}

/// A clip made by ffmpeg without transcoding: to try the checks themselves on.
pub fn copied_by_ffmpeg(film: &Path, args: &[&str], out: PathBuf) -> PathBuf {
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(film)
        .args(["-map", "0", "-c", "copy"])
        .args(args)
        .arg(&out)
        .status();
    assert!(done.is_ok_and(|s| s.success()), "ffmpeg cannot copy {}", film.display());
    out
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
