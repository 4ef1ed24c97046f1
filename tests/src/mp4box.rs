//! A second opinion: what mp4box.js, GPAC's reader, finds in a film, and whether a clip
//! presents what it must by the letter of ISO/IEC 14496-12.
//!
//! It gives sample tables and edit lists as they stand, in whole ticks. libavformat, the other
//! judge, moves times where offsets are negative, sets edits to frames, and knows neither rates
//! nor what is shown of a cue that has begun.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mp4seek::request::Mode;
use serde_json::Value;

use crate::films::Edit;
use crate::probe::Cut;

/// Handlers of what is seen or heard.
const PRESENTED: [&str; 6] = ["vide", "soun", "text", "sbtl", "subt", "clcp"];
/// Times this close are the same: requests and probes count in microseconds.
const INSTANT: f64 = 1e-6;
/// Past the end of its media by so many seconds an edit is not by rounding.
const FAR: f64 = 0.5;
/// What a clip is longer at most, in seconds, for a player that ignores its edit list, not counting its reorder depth.
const LEAD_IN: f64 = 0.1;
/// Room for what counting in floating point loses.
const EXACT: f64 = 1e-9;

/// The reader, waiting for films.
#[derive(Debug)]
pub struct Reader {
    process: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// A film as its boxes say.
#[derive(Debug)]
pub struct Movie {
    /// Ticks per second of durations.
    pub timescale: f64,
    /// In ticks.
    pub duration: f64,
    /// In order.
    pub tracks: Vec<Track>,
}

/// A track as its boxes say.
#[derive(Debug)]
pub struct Track {
    /// Its number.
    pub id: u64,
    /// Whether it is to be played.
    pub enabled: bool,
    /// The handler: `vide`, `soun`, ….
    pub kind: String,
    /// What the first sample description says.
    pub codec: String,
    /// Ticks per second of media time.
    pub timescale: f64,
    /// In ticks of the movie.
    pub duration: f64,
    /// Duration in ticks of the movie, media time (-1: nothing is shown), rate.
    pub edits: Vec<(f64, f64, f64)>,
    /// In decoding order.
    pub samples: Vec<Sample>,
}

/// A sample as its tables say, in ticks of the media.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When it is decoded.
    pub dts: f64,
    /// When it is shown.
    pub cts: f64,
    /// To the next one's decoding.
    pub duration: f64,
    /// Whether decoding can begin here.
    pub sync: bool,
    /// In bytes.
    pub size: u64,
    /// Of its bytes; of eight or fewer, the bytes.
    pub hash: String,
}

/// A stretch of movie time in which a track shows its media.
#[derive(Debug, Clone, Copy)]
struct Segment {
    start: f64,
    end: f64,
    /// In seconds of the media.
    media: f64,
    rate: f64,
}

/// A sample on screen, in seconds of the movie.
#[derive(Debug, Clone, Copy)]
struct Shown {
    from: f64,
    to: f64,
    sample: usize,
}

/// What is wrong with a clip, and how well its tracks are in step.
#[derive(Debug, Default)]
pub struct Verdict {
    /// One line each; none if it is right.
    pub faults: Vec<String>,
    /// The farthest that a sample is from its place, in ticks of its track.
    pub ticks: f64,
}

impl Reader {
    /// Starts the reader that is installed by `tests/setup.sh conformance`.
    pub fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/read.cjs");
        let mut process = Command::new("node")
            .arg(script)
            .env("H264_NPM", crate::npm_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node: run tests/setup.sh conformance");
        let ask = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, ask, answers }
    }

    /// Reads the film at `path`.
    ///
    /// # Errors
    /// What the reader says when it cannot.
    pub fn read(&mut self, path: &Path) -> Result<Movie, String> {
        writeln!(self.ask, "{}", path.display()).expect("a reader: run tests/setup.sh conformance");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("UTF-8");
        let json: Value = serde_json::from_str(&line).expect("a reader: run tests/setup.sh conformance");
        match json["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(Movie::from_json(&json)),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn number(json: &Value) -> f64 {
    json.as_f64().unwrap_or(f64::NAN)
}

fn items<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json[name].as_array().map_or(&[], |v| v)
}

impl Movie {
    fn from_json(json: &Value) -> Self {
        Self {
            timescale: number(&json["timescale"]),
            duration: number(&json["duration"]),
            tracks: items(json, "tracks").iter().map(Track::from_json).collect(),
        }
    }

    /// Everything that is wrong with `clip`, which was cut from this film.
    pub fn judge(&self, clip: &Self, cut: &Cut) -> Verdict {
        let (start, end) = self.bounds(cut);
        let mut verdict = Verdict::default();
        // Hint tracks hint at another file than the clip.
        let (ours, theirs) = (clip.media_tracks(), self.media_tracks());
        let name = |t: &&Track| format!("{} {}/{}", t.id, t.kind, t.codec);
        let theirs: Vec<_> = theirs.into_iter().filter(|t| self.belongs(t, start, end)).collect();
        let (named, wanted): (Vec<_>, Vec<_>) =
            (ours.iter().map(name).collect(), theirs.iter().map(name).collect());
        // Of nothing at all a clip has all tracks, empty.
        let is_nothing = theirs.is_empty() && ours.iter().all(|t| t.samples.is_empty());
        if named != wanted && !is_nothing {
            verdict.faults.push(format!("tracks are {named:?} instead of {wanted:?}"));
            return verdict;
        }
        for (ours, theirs) in ours.into_iter().zip(theirs) {
            let judged = theirs.judge(self.timescale, ours, clip.timescale, start, end);
            let name = format!("track {} ({})", ours.id, ours.kind);
            verdict.faults.extend(judged.faults.into_iter().map(|f| format!("{name}: {f}")));
            verdict.ticks = verdict.ticks.max(judged.ticks);
        }
        let whole = cut.start.is_none() && cut.end.is_none();
        let longest = clip.tracks.iter().map(|t| t.duration).fold(0.0, f64::max);
        if !whole && longest > 0.0 && (clip.duration - longest).abs() > 0.5 {
            verdict.faults.push(format!("mvhd says {} ticks, the longest track {longest}", clip.duration));
        }
        let (seconds, wanted) = (clip.duration / clip.timescale, end - start);
        // The end was rounded to a tick of the movie before it was to one of the video.
        let tick = self.guide().map_or(0.0, |video| 1.0 / video.timescale);
        let lasts = |wanted: f64| (seconds - wanted).abs() <= tick + 1.0 / clip.timescale + INSTANT;
        if !(lasts(wanted) || whole && lasts(self.duration / self.timescale)) {
            verdict.faults.push(format!("lasts {seconds} s instead of {wanted}"));
        }
        verdict
    }

    /// Whether a clip has a track of this film: something of it is shown there, or it is a picture that has ended and goes
    /// on showing its last frame.
    fn belongs(&self, track: &Track, start: f64, end: f64) -> bool {
        let is_inside = |s: &Segment| s.end > start + EXACT && s.start < end - EXACT;
        let segments = track.segments(self.timescale);
        let holds_on = track.holds_on() && !track.samples.is_empty();
        holds_on || segments.iter().any(is_inside) || track.has_ended(self.timescale, start)
    }

    /// Where the presentation of a clip begins and ends in this film.
    pub fn bounds(&self, cut: &Cut) -> (f64, f64) {
        let wanted = cut.start.unwrap_or(0.0);
        let end = self.end();
        let Some(video) = self.guide() else {
            return (wanted, cut.end.unwrap_or(f64::INFINITY).min(end));
        };
        let start = video.frame_at(self.timescale, wanted, cut.mode).unwrap_or(wanted);
        let stop = cut.end.map(|at| video.end_at(self.timescale, at));
        (start, stop.unwrap_or(f64::INFINITY).min(end))
    }

    /// Where its tracks (but for hints) are shown, if that is something that libavformat does not follow: more edits
    /// than one, one that begins inside a frame (it sets the next frame there) or before the first, or goes on far past its media.
    /// `None` if it does follow, or they are shown at another pace.
    pub fn edits_astray(&self) -> Option<Vec<Vec<Edit>>> {
        let tracks = self.media_tracks();
        let far_past = |t: &Track| {
            t.edits.last().is_some_and(|(duration, from, _)| {
                from / t.timescale + duration / self.timescale > t.media_end() + FAR
            })
        };
        let is_astray = |t: &&&Track| {
            t.has_several_edits() || t.begins_inside_a_frame() || t.begins_late() || far_past(t)
        };
        if !tracks.iter().any(|t| is_astray(&t)) {
            return None;
        }
        let edit = |s: &Segment| {
            let is_usual = (s.rate - 1.0).abs() < EXACT;
            is_usual.then_some(Edit { at: s.start, from: s.media, duration: s.end - s.start })
        };
        tracks.iter().map(|t| t.segments(self.timescale).iter().map(edit).collect()).collect()
    }

    /// Whether a track is shown from more than one place.
    pub fn has_several_edits(&self) -> bool {
        self.tracks.iter().any(Track::has_several_edits)
    }

    /// How long the media of the longest track is in seconds, with what no edit shows.
    pub fn longest_media(&self) -> f64 {
        self.tracks.iter().map(Track::media_end).fold(0.0, f64::max)
    }

    fn media_tracks(&self) -> Vec<&Track> {
        self.tracks.iter().filter(|t| t.kind != "hint").collect()
    }

    /// Where an edit of any track begins or ends, but for the film's own beginning and end.
    pub fn joints(&self) -> Vec<f64> {
        let end = self.end();
        let segments = self.tracks.iter().flat_map(|t| t.segments(self.timescale));
        let mut joints: Vec<_> = segments.flat_map(|s| [s.start, s.end]).collect();
        joints.retain(|at| *at > 0.05 && *at < end - 0.05);
        joints.sort_by(f64::total_cmp);
        joints.dedup_by(|a, b| (*a - *b).abs() < 0.05);
        joints.truncate(4);
        joints
    }

    /// When the last of what is seen or heard ends.
    pub fn end(&self) -> f64 {
        let ends = |of: &dyn Fn(&Track) -> bool| {
            let tracks = self.tracks.iter().filter(|t| of(t));
            tracks.filter_map(|t| Some(t.segments(self.timescale).last()?.end)).fold(0.0, f64::max)
        };
        let presented = ends(&|t| PRESENTED.contains(&t.kind.as_str()));
        if presented > 0.0 { presented } else { ends(&|_| true) }
    }

    /// The track whose frames a clip begins on.
    fn guide(&self) -> Option<&Track> {
        let none_enabled = !self.tracks.iter().any(|t| t.enabled);
        let played = |t: &&Track| !t.samples.is_empty() && (none_enabled || t.enabled);
        let sound = self.tracks.iter().any(|t| t.kind == "soun" && played(&t));
        let picture = |t: &Track| sound && t.samples.len() == 1;
        self.tracks.iter().find(|t| t.kind == "vide" && played(t) && !picture(t))
    }
}

impl Track {
    fn from_json(json: &Value) -> Self {
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        let edit = |e: &Value| (number(&e[0]), number(&e[1]), number(&e[2]));
        Self {
            id: json["id"].as_u64().unwrap_or(0),
            enabled: json["enabled"] == true,
            kind: text("kind"),
            codec: text("codec"),
            timescale: number(&json["timescale"]),
            duration: number(&json["duration"]),
            edits: items(json, "edits").iter().map(edit).collect(),
            samples: items(json, "samples").iter().map(Sample::from_json).collect(),
        }
    }

    /// Whether it is compressed sound of QuickTime's whose samples are PCM frames, not bytes: where
    /// the bytes of those lie, only the version 1 sound description says.
    fn counts_frames(&self) -> bool {
        let raw = ["raw ", "NONE", "twos", "sowt", "ulaw", "alaw", "ipcm"].contains(&self.codec.as_str());
        self.kind == "soun" && !raw && self.samples.iter().all(|s| s.size == 1)
    }

    fn has_several_edits(&self) -> bool {
        self.edits.iter().skip_while(|(_, from, _)| *from < 0.0).count() > 1
    }

    fn begins_inside_a_frame(&self) -> bool {
        let Some(&(_, from, _)) = self.edits.iter().find(|(_, from, _)| *from >= 0.0) else { return false };
        let begun = self.samples.iter().map(|s| s.cts).filter(|cts| *cts <= from).max_by(f64::total_cmp);
        self.kind == "vide" && self.samples.len() > 1 && begun.is_some_and(|cts| from - cts > 1.0)
    }

    /// Whether its edit begins before its first picture, which libavformat then sets there.
    fn begins_late(&self) -> bool {
        let Some(&(_, from, _)) = self.edits.iter().find(|(_, from, _)| *from >= 0.0) else { return false };
        let first = self.samples.iter().map(|s| s.cts).min_by(f64::total_cmp);
        self.kind == "vide" && self.samples.len() > 1 && first.is_some_and(|cts| cts - from > 1.0)
    }

    /// Whether it is a picture that is over by `time`.
    fn has_ended(&self, movie_timescale: f64, time: f64) -> bool {
        let end = self.segments(movie_timescale).last().map(|s| s.end);
        self.kind == "vide" && end.is_some_and(|end| end <= time + EXACT)
    }

    /// Whether what it says holds for all of the film, however long that is said to last: one sample of
    /// data, or samples that last no time.
    fn holds_on(&self) -> bool {
        let is_timed = PRESENTED.contains(&self.kind.as_str()) || self.kind == "tmcd";
        let lasts = self.samples.iter().any(|s| s.duration > 0.0);
        (self.samples.len() == 1 && !is_timed) || !lasts
    }

    /// When the last sample has been shown, in seconds of the media.
    fn media_end(&self) -> f64 {
        self.ends().into_iter().fold(0.0, f64::max) / self.timescale
    }

    fn segments(&self, movie_timescale: f64) -> Vec<Segment> {
        let media_end = self.media_end();
        if self.samples.is_empty() {
            return Vec::new();
        }
        if self.edits.is_empty() {
            return vec![Segment { start: 0.0, end: media_end, media: 0.0, rate: 1.0 }];
        }
        let mut elapsed = 0.0;
        let mut segments = Vec::new();
        for (i, &(duration, media_time, rate)) in self.edits.iter().enumerate() {
            let start = elapsed / movie_timescale;
            elapsed += duration;
            let mut end = elapsed / movie_timescale;
            if media_time < 0.0 {
                continue;
            }
            let media = media_time / self.timescale;
            let all = start + media_end - media;
            // Of no length: to the end (films in fragments say so).
            if duration == 0.0 && i + 1 == self.edits.len() {
                end = all;
            } else if (rate - 1.0).abs() < EXACT {
                end = end.min(all);
            }
            if end > start {
                segments.push(Segment { start, end, media, rate });
            }
        }
        segments
    }

    /// For each sample, when it gives way to another, in ticks of the media.
    fn ends(&self) -> Vec<f64> {
        let mut order: Vec<_> = (0..self.samples.len()).collect();
        order.sort_by(|&a, &b| self.samples[a].cts.total_cmp(&self.samples[b].cts));
        let mut ends = vec![0.0; order.len()];
        for pair in order.windows(2) {
            ends[pair[0]] = self.samples[pair[1]].cts;
        }
        if let (Some(&first), Some(&last)) = (order.first(), order.last()) {
            // Where frames that last unequally are reordered, all are shown for as long as all are decoded.
            let durations = || self.samples.iter().map(|s| s.duration);
            let together = self.samples[first].cts + durations().sum::<f64>();
            let longest = self.samples[last].cts + durations().fold(0.0, f64::max);
            let own = self.samples.iter().map(|s| s.cts + s.duration).fold(0.0, f64::max);
            ends[last] = own.max(together.min(longest));
            // What is said to last no time does so because its writer did not know.
            if ends[last] == self.samples[last].cts && ["vide", "soun"].contains(&self.kind.as_str()) {
                ends[last] += durations().sum::<f64>() / (order.len() as f64 - 1.0).max(1.0);
            }
        }
        ends
    }

    /// What is shown, in order, the edit list applied.
    fn shown(&self, movie_timescale: f64) -> Vec<Shown> {
        let ends = self.ends();
        let mut all = Vec::new();
        for segment in self.segments(movie_timescale) {
            let begun = all.len();
            for (sample, end) in ends.iter().enumerate() {
                let media = (self.samples[sample].cts / self.timescale, end / self.timescale);
                if media.1 <= media.0 {
                    continue;
                }
                if segment.rate == 0.0 {
                    if media.0 <= segment.media + EXACT && media.1 > segment.media + EXACT {
                        all.push(Shown { from: segment.start, to: segment.end, sample });
                    }
                    continue;
                }
                let at = |media: f64| segment.start + (media - segment.media) / segment.rate;
                let (from, to) = (at(media.0).max(segment.start), at(media.1).min(segment.end));
                if to > from + EXACT {
                    all.push(Shown { from, to, sample });
                }
            }
            all[begun..].sort_by(|a, b| a.from.total_cmp(&b.from));
        }
        all
    }

    /// Where the frame on screen at `time`, or the sync sample that it needs, begins.
    fn frame_at(&self, movie_timescale: f64, time: f64, mode: Mode) -> Option<f64> {
        let time = time + INSTANT;
        let segment = self.segments(movie_timescale).into_iter().find(|s| s.start <= time && time < s.end)?;
        // A picture that stands still, or at another pace, is not what a clip is set to.
        if (segment.rate - 1.0).abs() > EXACT {
            return None;
        }
        let media = time - segment.start + segment.media;
        let ends = self.ends();
        let seconds = |ticks: f64| ticks / self.timescale;
        let shown = |at: f64| segment.start + (at - segment.media).max(0.0);
        let on_screen = || {
            let begun = self.samples.iter().zip(&ends).filter(|(s, _)| seconds(s.cts) <= media);
            begun.filter(|(s, end)| **end > s.cts).map(|(s, _)| seconds(s.cts)).max_by(f64::total_cmp)
        };
        // Where nothing is a sync sample, decoding begins with the first.
        let never = !self.samples.iter().any(|s| s.sync);
        let begins = |(i, s): (usize, &Sample)| s.sync || (never && i == 0);
        let synced =
            self.samples.iter().enumerate().filter(|(i, s)| begins((*i, s)) && seconds(s.cts) <= media);
        let sync = synced.map(|(_, s)| seconds(s.cts)).max_by(f64::total_cmp);
        if mode == Mode::Exact { on_screen() } else { sync.or_else(on_screen) }.map(shown)
    }

    /// Where a clip ends that is asked for until `time`: with a frame that begins there, or else with
    /// a whole tick, so that readers that count in those show what begins before it.
    fn end_at(&self, movie_timescale: f64, time: f64) -> f64 {
        let frame = self.frame_at(movie_timescale, time, Mode::Exact);
        if let Some(near) = frame.filter(|at| (at - time).abs() <= INSTANT) {
            return near;
        }
        let at = self.segments(movie_timescale).into_iter().find(|s| s.start <= time && time < s.end);
        let Some(segment) = at.filter(|s| (s.rate - 1.0).abs() < EXACT) else { return time };
        let ticks = ((time - segment.start) * self.timescale - EXACT * self.timescale).ceil();
        (segment.start + ticks / self.timescale).clamp(time, segment.end.max(time))
    }

    /// Judges `clip`, this track between `start` and `end`.
    fn judge(&self, timescale: f64, clip: &Self, clip_timescale: f64, start: f64, end: f64) -> Verdict {
        let mut verdict = Verdict::default();
        // Times of hidden samples, and empty edits, may need a finer one.
        if clip.timescale % self.timescale != 0.0 {
            let fault = format!("timescale {}, not a multiple of {}", clip.timescale, self.timescale);
            verdict.faults.push(fault);
            return verdict;
        }
        let off = |t: &Self| !t.edits.is_empty() && t.duration != t.edits.iter().map(|e| e.0).sum::<f64>();
        // A whole film is as it was.
        if off(clip) && !off(self) {
            verdict.faults.push(format!("tkhd says {} ticks, its edit list does not", clip.duration));
        }
        if self.counts_frames() {
            return verdict;
        }
        verdict.faults.extend(self.run_fault(clip));
        // A film from its start on is as it was.
        if start > EXACT {
            verdict.faults.extend(self.lead_in_fault(clip));
        }
        if self.holds_on() {
            return verdict;
        }
        let tick = 1.0 / self.timescale + EXACT;
        let ours = clip.shown(clip_timescale);
        let theirs = self.shown(timescale);
        if self.has_ended(timescale, start) {
            // Players keep the last frame on screen.
            let last = theirs.last().map(|s| &self.samples[s.sample].hash);
            let shown: Vec<_> = ours.iter().map(|s| Some(&clip.samples[s.sample].hash)).collect();
            if shown != [last] || ours[0].from > EXACT {
                verdict.faults.push("does not show the last frame of a picture that has ended".into());
            }
            return verdict;
        }
        let inside = |s: &&Shown| s.to > start + EXACT && s.from < end - EXACT;
        let mut theirs = theirs.iter().filter(inside).peekable();
        // Less than a tick of a sample may be left out.
        let needed = |s: &Shown| s.to > start + tick && s.from < end - tick && s.to - s.from > tick;
        let says = |s: &Shown| format!("#{} of {:.6}–{:.6}", s.sample, s.from, s.to);
        // What is left of a sample by rounding: less than a tick of one that lasts longer.
        let sliver = |s: &&Shown| s.to - s.from <= tick && clip.samples[s.sample].duration > 1.0;
        for ours in ours.iter().filter(|s| !sliver(s)) {
            let hash = &clip.samples[ours.sample].hash;
            let mut passed = Vec::new();
            let found = loop {
                let Some(&next) = theirs.peek() else { break None };
                let place = next.from.max(start) - start - ours.from;
                let same = &self.samples[next.sample].hash == hash;
                if place.abs() < tick && same {
                    theirs.next();
                    break Some(place.abs());
                }
                // Later, or another at that very time.
                if place >= tick || (place > -tick && needed(next)) {
                    break None;
                }
                passed.push(next);
                theirs.next();
            };
            for lost in passed.into_iter().filter(|s| needed(s)) {
                verdict.faults.push(format!("{} of the film is not shown", says(lost)));
            }
            match found {
                None => verdict.faults.push(format!("{} is not the film's of that time", says(ours))),
                Some(place) => verdict.ticks = verdict.ticks.max(place * self.timescale),
            }
        }
        for lost in theirs.filter(|s| needed(s)) {
            verdict.faults.push(format!("{} of the film is not shown", says(lost)));
        }
        verdict.faults.truncate(6);
        verdict
    }

    /// Whether a player that ignores the edit list shows hidden frames of the clip for longer than it may: before
    /// the first frame that is shown.
    fn lead_in_fault(&self, clip: &Self) -> Option<String> {
        let mut shown = clip.edits.iter().map(|(_, from, _)| *from).filter(|from| *from >= 0.0);
        let (Some(from), None) = (shown.next(), shown.next()) else { return None };
        let times = || clip.samples.iter().map(|s| s.cts);
        let on_screen = times().filter(|cts| *cts <= from).fold(f64::NAN, f64::max);
        let lasts = (on_screen - times().fold(f64::INFINITY, f64::min)) / clip.timescale;
        let offsets = || self.samples.iter().map(|s| s.cts - s.dts);
        let spread = offsets().fold(f64::NEG_INFINITY, f64::max) - offsets().fold(f64::INFINITY, f64::min);
        let is_long = self.kind == "vide" && lasts > LEAD_IN + spread / self.timescale;
        is_long.then(|| format!("{lasts:.3} s of hidden frames before the first that is shown"))
    }

    /// Whether what the clip holds is not this track's own samples, in runs that each begin where
    /// decoding can.
    fn run_fault(&self, clip: &Self) -> Option<String> {
        // Of sound a clip may say that all are sync samples, where the film does not. Up to the first frame that is
        // shown, those of open groups of pictures may not be marked, so that decoding begins before them.
        let from = clip.edits.iter().map(|(_, from, _)| *from).find(|from| *from >= 0.0).unwrap_or(0.0);
        let is_marked = |a: &Sample, b: &Sample| {
            let is_joined = self.kind == "vide" && !a.sync && a.cts <= from && clip.samples[0].sync;
            a.sync == b.sync || (self.kind == "soun" && a.sync) || is_joined
        };
        let is_same = |a: &Sample, b: &Sample| a.hash == b.hash && a.size == b.size && is_marked(a, b);
        let (mut held, mut next) = (clip.samples.as_slice(), 0);
        while let Some(first) = held.first() {
            let run =
                |at: usize| held.iter().zip(&self.samples[at..]).take_while(|(a, b)| is_same(a, b)).count();
            // Of samples that are all alike, those that lead on the farthest.
            let starts =
                (next..self.samples.len()).filter(|&at| is_same(first, &self.samples[at])).take(1000);
            let Some((at, len)) = starts.map(|at| (at, run(at))).max_by_key(|(_, len)| *len) else {
                return Some("its samples are not the film's, in their order and as they are marked".into());
            };
            if !first.sync && self.samples[..at].iter().any(|s| s.sync) {
                return Some(format!("decodes from sample {at} on, which cannot be decoded"));
            }
            (held, next) = (&held[len..], at + len);
        }
        None
    }
}

impl Sample {
    fn from_json(json: &Value) -> Self {
        Self {
            dts: number(&json[0]),
            cts: number(&json[1]),
            duration: number(&json[2]),
            sync: json[3] == true,
            size: json[4].as_u64().unwrap_or(0),
            hash: json[5].as_str().unwrap_or_default().to_owned(),
        }
    }
}
