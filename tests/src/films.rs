//! Films made by ffmpeg, in which every frame says its number and its time, and
//! the sound changes with the time.
//!
//! A frame is a grid of [`COLUMNS`] × [`ROWS`] cells of [`CELL`] pixels. Row by row
//! the first 50 cells are bits, bright for 1, most significant first: 16 of the
//! frame's number, 24 of its time in milliseconds, 10 of a check sum. The last row
//! is a picture that moves.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::patch::{MdatSize, Parts};
use crate::screened::SCREENED;
use crate::variants::VARIANTS;
use crate::work_dir;

/// Pixels along a side of a cell.
pub const CELL: usize = 16;
/// Cells across.
pub const COLUMNS: usize = 10;
/// Cells down.
pub const ROWS: usize = 6;
/// Pixels across.
pub const WIDTH: usize = CELL * COLUMNS;
/// Pixels down.
pub const HEIGHT: usize = CELL * ROWS;

/// A film on disk.
#[derive(Debug, Clone)]
pub struct Film {
    /// What is special about it.
    pub name: String,
    /// Where it is. Its name is its own, its bytes and times never change.
    pub path: PathBuf,
    /// Whether its frames carry a [`Stamp`].
    pub stamped: bool,
}

/// A stretch of a film that is shown at a time of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edit {
    /// When it is shown.
    pub at: f64,
    /// Where it stands in the film as it was before it was edited.
    pub from: f64,
    /// How long it is.
    pub duration: f64,
}

impl Edit {
    /// When it is shown.
    pub fn shown(&self) -> Range<f64> {
        self.at..self.at + self.duration
    }
}

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Number of the frame as it was filmed, from 0.
    pub number: u32,
    /// Time of the frame as it was filmed.
    pub millis: u32,
}

impl Stamp {
    fn check(self) -> u32 {
        (self.number.wrapping_mul(0x9E37_79B1) ^ self.millis.wrapping_mul(0x85EB_CA77) ^ 0x2A5A_5A5A) >> 22
    }

    fn bits(self) -> u64 {
        u64::from(self.number & 0xFFFF) << 34
            | u64::from(self.millis & 0xFF_FFFF) << 10
            | u64::from(self.check())
    }

    /// Reads a frame from the brightness (0–255) of its cells, row by row.
    /// `None` where they are no stamp.
    pub fn read(cells: &[u8]) -> Option<Self> {
        let bits = cells.get(..50)?.iter().fold(0u64, |bits, &cell| bits << 1 | u64::from(cell > 127));
        let stamp = Self { number: (bits >> 34) as u32, millis: (bits >> 10 & 0xFF_FFFF) as u32 };
        (stamp.bits() == bits).then_some(stamp)
    }

    /// Paints the frame in YUV 4:2:0.
    pub fn paint(self) -> Vec<u8> {
        let mut frame = vec![128; WIDTH * HEIGHT * 3 / 2];
        let bits = self.bits();
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let cell = y / CELL * COLUMNS + x / CELL;
                frame[y * WIDTH + x] = match cell {
                    0..50 if bits >> (49 - cell) & 1 == 1 => 215,
                    0..50 => 40,
                    // Waves that move, so that a frame depends on those around it.
                    _ => ((x * 3 + y * 5 + self.number as usize * 7) % 160 + 48) as u8,
                };
            }
        }
        frame
    }
}

impl Film {
    /// What of its first track is shown when, where the kind says so.
    pub fn edits(&self) -> Vec<Edit> {
        let kind = KINDS.iter().find(|kind| **kind == self.name);
        let Some(Patch::Edits([list, ..])) = kind.map(|kind| recipe(kind).patch) else { return Vec::new() };
        let mut at = 0.0;
        let mut edits = Vec::new();
        for &(duration, from) in *list {
            edits.extend(from.map(|from| Edit { at, from, duration }));
            at += duration;
        }
        edits
    }
}

/// How a kind of film is made. Words of arguments are separated by spaces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    pub(crate) extension: &'static str,
    pub(crate) seconds: u32,
    /// Frames a second as a fraction, and the encoder's arguments (x264's where they name none);
    /// `None`: no picture.
    pub(crate) video: Option<((u32, u32), &'static str)>,
    /// Irregular times: frame to milliseconds, here and as ffmpeg's expression.
    pub(crate) times: Option<(Times, &'static str)>,
    /// Sampling rate, channels, and what is said to ffmpeg before the input.
    pub(crate) audio: &'static [(u32, u16, &'static str)],
    /// Encoder of all audio tracks.
    pub(crate) sound: &'static str,
    /// Arguments for the file as a whole.
    pub(crate) mux: &'static str,
    pub(crate) sidecar: Sidecar,
    /// A command that makes `{out}` of `{in}`; `{tests}` is this package.
    pub(crate) then: &'static str,
    pub(crate) patch: Patch,
}

/// The time in milliseconds of a frame.
pub(crate) type Times = fn(u32) -> u32;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Sidecar {
    None,
    Subtitles,
    /// A track of them without a cue.
    NoSubtitles,
    Chapters,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Patch {
    None,
    /// For each track its edits: duration, start in what it showed before.
    Edits(&'static [&'static [(f64, Option<f64>)]]),
    /// For all tracks the same edits: duration, start, rate in 16.16 fixed point.
    Rates(&'static [(f64, f64, u32)]),
    /// The second half of the media lies behind this many bytes of nothing.
    Hole(u64),
    Mdat64,
    MdatToEnd,
    ThreeMdats,
    TrackByTrack,
    /// The first track does not say which samples are sync samples.
    NoSyncTable,
    /// The first track says that all samples are sync samples.
    EverySync,
    /// The last sample of the first track lasts no time.
    EndAtOnce,
}

const H264: &str = "libx264 -preset veryfast -pix_fmt yuv420p -sc_threshold 0 -threads 1 -crf 24";
const AAC: &str = "aac -b:a 64k -aac_pns 0";

pub(crate) const PLAIN: Recipe = Recipe {
    name: "plain",
    extension: "mp4",
    seconds: 12,
    video: Some(((25, 1), "-bf 3 -g 50")),
    times: None,
    audio: &[(48000, 1, "")],
    sound: AAC,
    mux: "",
    sidecar: Sidecar::None,
    then: "",
    patch: Patch::None,
};

/// Short films, by name: many codecs, layouts and odd times.
pub fn variants() -> impl Iterator<Item = &'static str> {
    VARIANTS.iter().map(|variant| variant.name)
}

/// Films to play on screens, by name.
pub fn screened() -> impl Iterator<Item = &'static str> {
    SCREENED.iter().map(|film| film.name)
}

/// Every kind of film, by name.
pub const KINDS: &[&str] = &[
    "bframes",
    "baseline",
    "open_gop",
    "long_gop",
    "ntsc",
    "vfr",
    "late_audio",
    "late_video",
    "edit_inside",
    "edits_several",
    "edit_empty_first",
    "several_audio",
    "subtitles",
    "chapters",
    "moov_first",
    "negative_ctts",
    "huge",
    "hevc",
    "av1",
    "audio_aac",
    "audio_opus",
    "audio_mp3",
    "pcm",
    "mdat64",
    "mdat_to_end",
    "several_mdat",
    "track_by_track",
    "silent",
];

fn recipe(name: &'static str) -> Recipe {
    let plain = Recipe { name, ..PLAIN };
    let video = |args| Some(((25, 1), args));
    let audio_only = Recipe { video: None, extension: "m4a", ..plain };
    match name {
        "bframes" => plain,
        "baseline" => Recipe { video: video("-bf 0 -g 25"), ..plain },
        "open_gop" => Recipe { video: video("-bf 3 -g 25 -x264-params open-gop=1"), ..plain },
        "long_gop" => Recipe { seconds: 24, video: video("-bf 2 -g 250"), ..plain },
        "ntsc" => Recipe { video: Some(((30000, 1001), "-bf 2 -g 30")), audio: &[(44100, 2, "")], ..plain },
        "vfr" => Recipe {
            video: video(
                "-bf 2 -g 40 -fps_mode passthrough -enc_time_base:v 1:1000 -video_track_timescale 1000",
            ),
            times: Some((
                |n| n * 40 + 13 * u32::from(n % 3 == 1) + if n >= 100 { 1707 } else { 0 },
                "N*40+13*eq(mod(N,3),1)+1707*gte(N,100)",
            )),
            ..plain
        },
        "late_audio" => Recipe { audio: &[(48000, 1, "-itsoffset 1.513")], ..plain },
        // The picture's own times are set back: only files take an offset by themselves.
        "late_video" => Recipe { video: video("-bf 2 -g 50 -vf setpts=PTS+0.72/TB"), ..plain },
        "edit_inside" => Recipe { patch: Patch::Edits(&[&[(8.0, Some(1.6))], &[(8.0, Some(1.6))]]), ..plain },
        "edits_several" => Recipe {
            patch: Patch::Edits(&[
                &[(3.0, Some(1.0)), (4.0, Some(6.4))],
                &[(3.0, Some(1.0)), (4.0, Some(6.4))],
            ]),
            ..plain
        },
        "edit_empty_first" => Recipe {
            patch: Patch::Edits(&[&[(0.52, None), (7.0, Some(2.2))], &[(1.0, None), (6.5, Some(2.68))]]),
            ..plain
        },
        "several_audio" => Recipe { audio: &[(48000, 1, ""), (44100, 2, ""), (32000, 1, "")], ..plain },
        "subtitles" => Recipe { sidecar: Sidecar::Subtitles, ..plain },
        "chapters" => Recipe { sidecar: Sidecar::Chapters, ..plain },
        "moov_first" => Recipe { mux: "-movflags +faststart", ..plain },
        "negative_ctts" => Recipe { mux: "-movflags +negative_cts_offsets", ..plain },
        "huge" => Recipe { patch: Patch::Hole(0x1_2000_0000), ..plain },
        "hevc" => Recipe {
            video: video(
                "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=50:min-keyint=50:bframes=3:pools=1 -tag:v hvc1",
            ),
            ..plain
        },
        "av1" => Recipe {
            seconds: 6,
            video: video("-c:v libsvtav1 -preset 12 -crf 40 -g 50 -svtav1-params lp=1"),
            ..plain
        },
        "audio_aac" => audio_only,
        "audio_opus" => Recipe { extension: "mp4", sound: "libopus -b:a 48k", ..audio_only },
        "audio_mp3" => Recipe { extension: "mp4", sound: "libmp3lame -b:a 64k", ..audio_only },
        "pcm" => Recipe { extension: "mov", sound: "pcm_s16le", ..plain },
        "mdat64" => Recipe { patch: Patch::Mdat64, ..plain },
        "mdat_to_end" => Recipe { patch: Patch::MdatToEnd, ..plain },
        "several_mdat" => Recipe { patch: Patch::ThreeMdats, ..plain },
        "track_by_track" => Recipe { patch: Patch::TrackByTrack, ..plain },
        "silent" => Recipe { audio: &[], ..plain },
        "loud" => Recipe {
            seconds: 90,
            audio: &[(96000, 2, "")],
            extension: "mov",
            sound: "pcm_s16le",
            video: video("-bf 2 -g 50"),
            ..plain
        },
        "demo" => Recipe { seconds: 60, mux: "-movflags +faststart", ..plain },
        _ => {
            let found = VARIANTS.iter().chain(SCREENED).find(|film| film.name == name);
            *found.unwrap_or_else(|| panic!("no film is called {name}"))
        }
    }
}

/// The film of that kind, made if it is not there yet.
pub fn film(kind: &'static str) -> Film {
    make(&recipe(kind))
}

/// The film that the demo page shows: a minute, a key frame every two seconds.
pub fn demo_film() -> Film {
    film("demo")
}

/// A film of more bytes than the buffers of a connection hold: 34 MB of sound.
pub fn loud_film() -> Film {
    film("loud")
}

/// The films of a class (`prog`: flat; `frag`: in fragments; `bad`: hurt) of the corpus that
/// `H264_CORPUS` names; none without it.
pub fn corpus(wanted: &str) -> Vec<Film> {
    let Some(dir) = std::env::var_os("H264_CORPUS").map(PathBuf::from) else { return Vec::new() };
    let index = std::fs::read_to_string(dir.join("index.csv")).expect("index.csv in H264_CORPUS");
    index
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(',');
            let (path, class) = (fields.next()?, fields.next()?);
            (class == wanted).then(|| Film { name: path.to_owned(), path: dir.join(path), stamped: false })
        })
        .collect()
}

fn make(recipe: &Recipe) -> Film {
    // Raised when what a recipe makes changes without its text.
    const GENERATION: u32 = 1;
    // A function's address is not the same in every program: only the expression counts.
    let text =
        format!("{GENERATION} {:?} {:?}", Recipe { times: None, ..*recipe }, recipe.times.map(|t| t.1));
    let name = format!("{}-{:016x}.{}", recipe.name, fnv1a(text.as_bytes()), recipe.extension);
    let path = film_dir().join(&name);
    let film = Film { name: recipe.name.to_owned(), path, stamped: recipe.video.is_some() };
    if film.path.exists() {
        return film;
    }
    // One of the processes that want it makes it, the others wait.
    let lock = File::create(film_dir().join(format!("{name}.lock"))).expect("a directory of our own");
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
    if !film.path.exists() {
        let scratch = tempfile::tempdir_in(film_dir()).expect("a directory under target");
        let made = scratch.path().join(&name);
        encode(recipe, scratch.path(), &made);
        let finished = patch(recipe, again(recipe, made, scratch.path()), scratch.path());
        // A date this young would be no strong validator yet (RFC 9110, 8.8.2.2).
        let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        let times = File::options().append(true).open(&finished).and_then(|film| film.set_modified(old));
        times.expect("a file of our own");
        std::fs::rename(finished, &film.path).expect("a directory of our own");
    }
    film
}

/// Where films are kept: `H264_FILMS` or below the target directory.
fn film_dir() -> PathBuf {
    std::env::var_os("H264_FILMS").map_or_else(|| work_dir("films"), PathBuf::from)
}

fn encode(recipe: &Recipe, scratch: &Path, out: &Path) {
    let mut args: Vec<String> = words("-y -v error -nostdin -bitexact");
    let mut maps = Vec::new();
    let mut input = 0;
    if let Some(((num, den), _)) = recipe.video {
        args = words("-y -v error -bitexact");
        args.extend(words(&format!(
            "-f rawvideo -pix_fmt yuv420p -s {WIDTH}x{HEIGHT} -framerate {num}/{den} -i pipe:0"
        )));
        maps.extend(words("-map 0:v"));
        input += 1;
    }
    for (i, &(rate, channels, before)) in recipe.audio.iter().enumerate() {
        let wav = scratch.join(format!("{i}.wav"));
        std::fs::write(&wav, tone(rate, channels, recipe.seconds, i as u32)).expect("a directory of our own");
        args.extend(words(before));
        args.extend(["-i".into(), wav.to_str().expect("a UTF-8 path").into()]);
        maps.extend(words(&format!("-map {input}:a")));
        input += 1;
    }
    let side = scratch.join("side.txt");
    let side_path = side.to_str().expect("a UTF-8 path").to_owned();
    let mut text = String::new();
    match recipe.sidecar {
        Sidecar::None => {}
        Sidecar::Subtitles | Sidecar::NoSubtitles => {
            let cues = if matches!(recipe.sidecar, Sidecar::Subtitles) { recipe.seconds / 2 } else { 0 };
            for n in 0..cues {
                let (from, to) = (n * 2, n * 2 + 1);
                writeln!(text, "{}\n00:00:{from:02},300 --> 00:00:{to:02},900\nline {n}\n", n + 1).ok();
            }
            args.extend(["-f".into(), "srt".into(), "-i".into(), side_path]);
            maps.extend(words(&format!("-map {input}:s -c:s mov_text")));
        }
        Sidecar::Chapters => {
            text.push_str(";FFMETADATA1\ntitle=chapters\n");
            for n in 0..recipe.seconds / 3 {
                writeln!(
                    text,
                    "[CHAPTER]\nTIMEBASE=1/1000\nSTART={}\nEND={}\ntitle=chapter {n}",
                    n * 3000,
                    n * 3000 + 3000
                )
                .ok();
            }
            args.extend(["-f".into(), "ffmetadata".into(), "-i".into(), side_path]);
            maps.extend(words(&format!("-map_metadata {input} -map_chapters {input}")));
        }
    }
    std::fs::write(side, text).expect("a directory of our own");
    args.extend(maps);
    if let Some((_, encoder)) = recipe.video {
        let encoder = match encoder {
            named if named.contains("-pix_fmt") => named.to_owned(),
            named if named.contains("-c:v") => format!("-pix_fmt yuv420p {named}"),
            _ => format!("-c:v {H264} {encoder}"),
        };
        args.extend(words(&encoder));
    }
    if let Some((_, expression)) = recipe.times {
        args.extend(["-vf".into(), format!("settb=1/1000,setpts={}", expression.replace(',', "\\,"))]);
    }
    args.extend(words(&format!("-c:a {} {} -fflags +bitexact", recipe.sound, recipe.mux)));
    let mut ffmpeg = Command::new("ffmpeg")
        .args(&args)
        .arg(out)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ffmpeg: install the distribution's package");
    let mut stdin = ffmpeg.stdin.take().expect("a pipe");
    if let Some(((num, den), _)) = recipe.video {
        for number in 0..recipe.seconds * num / den {
            let millis = recipe.times.map_or(number * 1000 * den / num, |(time, _)| time(number));
            if stdin.write_all(&Stamp { number, millis }.paint()).is_err() {
                break; // What ffmpeg says is worth more than the broken pipe.
            }
        }
    }
    drop(stdin);
    let done = ffmpeg.wait_with_output().expect("a child of ours");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{}: ffmpeg {}\n{said}", recipe.name, args.join(" "));
}

fn again(recipe: &Recipe, made: PathBuf, scratch: &Path) -> PathBuf {
    let command = words(recipe.then);
    let Some((program, args)) = command.split_first() else { return made };
    let out = scratch.join(format!("again.{}", recipe.extension));
    let path = |p: &Path| p.to_str().expect("a UTF-8 path").to_owned();
    let arg = |arg: &String| {
        let here = arg.replace("{tests}", env!("CARGO_MANIFEST_DIR"));
        here.replace("{in}", &path(&made)).replace("{out}", &path(&out))
    };
    let mut command = Command::new(program);
    if program == "ffmpeg" {
        command.args(words("-v error -nostdin -bitexact"));
    }
    command.args(args.iter().map(arg)).env("H264_NPM", crate::npm_dir());
    let done = command.stdin(Stdio::null()).output();
    let done = done.unwrap_or_else(|e| panic!("{program}: {e}"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{}: {}\n{said}", recipe.name, recipe.then);
    out
}

fn patch(recipe: &Recipe, made: PathBuf, scratch: &Path) -> PathBuf {
    if matches!(recipe.patch, Patch::None) {
        return made;
    }
    let patched = scratch.join("patched");
    let mut out = File::create(&patched).expect("a directory of our own");
    let mut parts = Parts::read(&made);
    let chunks = parts.chunks();
    let half = chunks.split_at(chunks.len() / 2);
    let third = chunks.len() / 3;
    let written = match recipe.patch {
        Patch::None => Ok(()),
        Patch::Rates(edits) => {
            for track in 0..parts.tracks() {
                let edits = edits.iter().map(|&(duration, start, rate)| (duration, Some(start), rate));
                parts.set_edits(track, &edits.collect::<Vec<_>>());
            }
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::Edits(tracks) => {
            for (track, edits) in tracks.iter().enumerate() {
                let edits = edits.iter().map(|&(duration, start)| (duration, start, 0x0001_0000));
                parts.set_edits(track, &edits.collect::<Vec<_>>());
            }
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::NoSyncTable => {
            parts.drop_sync_table(0);
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::EverySync => {
            parts.drop_sync_table(0);
            parts.list_all_sync(0);
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::EndAtOnce => {
            parts.end_at_once(0);
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
        Patch::Hole(hole) => parts.write(&mut out, &[half.0, half.1], MdatSize::Bits32, hole, false),
        Patch::Mdat64 => parts.write(&mut out, &[&chunks], MdatSize::Bits64, 0, false),
        Patch::MdatToEnd => parts.write(&mut out, &[&chunks], MdatSize::ToEnd, 0, true),
        Patch::ThreeMdats => {
            let groups = [&chunks[..third], &chunks[third..2 * third], &chunks[2 * third..]];
            parts.write(&mut out, &groups, MdatSize::Bits32, 0, false)
        }
        Patch::TrackByTrack => {
            let chunks = parts.chunks_by_track();
            parts.write(&mut out, &[&chunks], MdatSize::Bits32, 0, false)
        }
    };
    written.and_then(|()| finish(&out)).unwrap_or_else(|e| panic!("{}: {e}", recipe.name));
    patched
}

/// A hole at the very end must count in the length.
fn finish(out: &File) -> io::Result<()> {
    let mut out = out;
    let end = io::Seek::stream_position(&mut out)?;
    out.set_len(end)?;
    out.sync_all()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// The pitch in Hz of a track's sound in a tenth of a second: it tells the time.
pub fn pitch(track: u32, tenth: u32) -> u32 {
    200 + 50 * ((tenth * 13 + track * 7) % 61)
}

/// A WAV file whose pitch changes every 100 ms and tells the track and the time.
fn tone(rate: u32, channels: u16, seconds: u32, track: u32) -> Vec<u8> {
    let samples = rate * seconds;
    let data_len = samples * u32::from(channels) * 2;
    let mut wav = Vec::new();
    wav.extend(b"RIFF");
    wav.extend((36 + data_len).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend(1u16.to_le_bytes());
    wav.extend(channels.to_le_bytes());
    wav.extend(rate.to_le_bytes());
    wav.extend((rate * u32::from(channels) * 2).to_le_bytes());
    wav.extend((channels * 2).to_le_bytes());
    wav.extend(16u16.to_le_bytes());
    wav.extend(b"data");
    wav.extend(data_len.to_le_bytes());
    let mut phase = 0.0f64;
    for n in 0..samples {
        let step = n / (rate / 10);
        phase += f64::from(pitch(track, step)) / f64::from(rate);
        let value = (phase * std::f64::consts::TAU).sin() * 9000.0;
        for channel in 0..channels {
            let value = if channel == 0 { value } else { value / 2.0 };
            wav.extend((value as i16).to_le_bytes());
        }
    }
    wav
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_back_and_a_flipped_bit_does_not() {
        for stamp in [
            Stamp { number: 0, millis: 0 },
            Stamp { number: 65535, millis: 0xFF_FFFF },
            Stamp { number: 299, millis: 11960 },
        ] {
            let frame = stamp.paint();
            let mut cells: Vec<u8> = (0..ROWS)
                .flat_map(|row| (0..COLUMNS).map(move |column| (row * CELL + 8) * WIDTH + column * CELL + 8))
                .map(|at| frame[at])
                .collect();
            assert_eq!(Stamp::read(&cells), Some(stamp));
            cells[20] = 255 - cells[20];
            assert_eq!(Stamp::read(&cells), None);
        }
    }
}
