//! Runs the encoders.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::recipe::{Recipe, Sidecar};
use super::stamp::{HEIGHT, Stamp, WIDTH};
use super::tone::tone;

const H264: &str = "libx264 -preset veryfast -pix_fmt yuv420p -sc_threshold 0 -threads 1 -crf 24";

pub(super) fn encode(recipe: &Recipe, scratch: &Path, out: &Path) {
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
    for (text, format, mapping) in sidecars(recipe, input) {
        let side = scratch.join(format!("{input}.txt"));
        std::fs::write(&side, text).expect("a directory of our own");
        args.extend(["-f".into(), format.into(), "-i".into(), side.to_str().expect("a UTF-8 path").into()]);
        maps.extend(words(&mapping));
        input += 1;
    }
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
    args.extend(words(&format!("-c:a {} {} -fflags +bitexact", recipe.audio_codec, recipe.mux)));
    run(recipe, &args, out);
}

/// What stands in the file beside the video and the audio, as inputs from this number on: the text
/// of each, its format, and what ffmpeg takes from it.
fn sidecars(recipe: &Recipe, input: usize) -> Vec<(String, &'static str, String)> {
    let subtitles = |word: &str, cues: u32, input: usize| {
        let mut text = String::new();
        for n in 0..cues {
            let (from, to) = (n * 2, n * 2 + 1);
            writeln!(text, "{}\n00:00:{from:02},300 --> 00:00:{to:02},900\n{word} {n}\n", n + 1).ok();
        }
        (text, "srt", format!("-map {input}:s -c:s mov_text"))
    };
    let cues = recipe.seconds / 2;
    match recipe.sidecar {
        Sidecar::None => Vec::new(),
        Sidecar::Subtitles => vec![subtitles("line", cues, input)],
        Sidecar::NoSubtitles => vec![subtitles("line", 0, input)],
        Sidecar::TwoSubtitles => {
            vec![subtitles("line", cues, input), subtitles("Zeile", cues, input + 1)]
        }
        Sidecar::Chapters => {
            let mut text = String::from(";FFMETADATA1\ntitle=chapters\n");
            for n in 0..recipe.seconds / 3 {
                let (start, end) = (n * 3000, n * 3000 + 3000);
                writeln!(text, "[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle=chapter {n}")
                    .ok();
            }
            vec![(text, "ffmetadata", format!("-map_metadata {input} -map_chapters {input}"))]
        }
    }
}

/// Runs ffmpeg, and paints the frames.
fn run(recipe: &Recipe, args: &[String], out: &Path) {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(args)
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

pub(super) fn again(recipe: &Recipe, encoded: PathBuf, scratch: &Path) -> PathBuf {
    let command = words(recipe.then);
    let Some((program, args)) = command.split_first() else { return encoded };
    let out = scratch.join(format!("again.{}", recipe.extension));
    let path = |p: &Path| p.to_str().expect("a UTF-8 path").to_owned();
    let arg = |arg: &String| {
        let here = arg.replace("{tests}", env!("CARGO_MANIFEST_DIR"));
        here.replace("{in}", &path(&encoded)).replace("{out}", &path(&out))
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

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
