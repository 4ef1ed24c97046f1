//! The frames and the audio of a film as ffmpeg decodes them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::complaints;
use super::reading::{AS_EDITED, Reading};
use crate::films::{COLUMNS, ROWS, Stamp};

/// A film decoded: its first video track, and all its audio.
#[derive(Debug, Default)]
pub struct Decoded {
    /// In order of presentation.
    pub frames: Vec<Frame>,
    /// One per audio track.
    pub audio_tracks: Vec<Audio>,
    /// What the decoders complain of, addresses taken out.
    pub complaints: BTreeSet<String>,
}

/// A frame on screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Presentation time in seconds.
    pub time: f64,
    /// Hash of the decoded picture.
    pub hash: String,
    /// What it says of itself.
    pub stamp: Option<Stamp>,
}

/// Samples of a track.
#[derive(Debug, Default)]
pub struct Audio {
    /// Samples a second.
    pub rate: f64,
    /// Channels of a sample.
    pub channels: usize,
    /// Runs without a gap: the number of the first sample since time 0, and
    /// the values of all, channel by channel.
    pub runs: Vec<(i64, Vec<i16>)>,
}

impl Decoded {
    /// Decodes the film at `path`, whose tracks are those of `reading`.
    ///
    /// # Errors
    /// What ffmpeg says when it cannot.
    pub fn of(path: &Path, reading: &Reading) -> Result<Self, String> {
        Self::read(path, reading, AS_EDITED)
    }

    pub(super) fn read(path: &Path, reading: &Reading, how: &[&str]) -> Result<Self, String> {
        let video = reading.video_number();
        Self::read_tracks(path, reading, video, how)
    }

    /// The video track is given by its number among those and covers.
    pub(super) fn read_tracks(
        path: &Path,
        reading: &Reading,
        video: Option<usize>,
        how: &[&str],
    ) -> Result<Self, String> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = |name: &str| dir.path().join(name);
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-nostdin", "-threads", "1", "-copyts"]);
        // Without this, frames after an open group of pictures are lost when the film ends soon.
        ffmpeg.args(["-flags", "output_corrupt"]).args(how).arg("-i").arg(path);
        let audio_tracks: Vec<_> =
            reading.streams.iter().filter(|s| s.kind == "audio").map(|s| !s.packets.is_empty()).collect();
        if let Some(video) = video {
            let map = format!("0:v:{video}");
            ffmpeg.args(["-map", &map, "-fps_mode", "passthrough", "-enc_time_base", "-1"]);
            ffmpeg.args(["-f", "framemd5"]).arg(file("frames"));
            // Without this, ffmpeg counts in frames of a rate that it guesses.
            ffmpeg.args(["-map", &map, "-fps_mode", "passthrough", "-enc_time_base", "-1", "-vf"]);
            ffmpeg.arg(format!("scale={COLUMNS}:{ROWS}:flags=area,format=gray"));
            ffmpeg.args(["-f", "rawvideo"]).arg(file("cells"));
        }
        for i in (0..audio_tracks.len()).filter(|&i| audio_tracks[i]) {
            let map = format!("0:a:{i}");
            ffmpeg.args(["-map", &map, "-f", "framemd5"]).arg(file(&format!("audio{i}")));
            ffmpeg.args(["-map", &map, "-f", "s16le"]).arg(file(&format!("pcm{i}")));
        }
        let out = if video.is_some() || audio_tracks.contains(&true) {
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
        let audio_tracks = audio_tracks
            .iter()
            .enumerate()
            .map(|(i, &any)| {
                if any {
                    read_audio(&file(&format!("audio{i}")), &file(&format!("pcm{i}")))
                } else {
                    Audio::default()
                }
            })
            .collect();
        Ok(Self { frames, audio_tracks, complaints: complaints(&text) })
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

fn read_audio(hashes: &Path, pcm: &Path) -> Audio {
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
    Audio { rate: 1.0 / tick, channels, runs }
}

impl Audio {
    /// All channels of the sample of that number since time 0.
    pub(super) fn get(&self, number: i64) -> Option<&[i16]> {
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
