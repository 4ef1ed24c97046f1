//! `mp4seek`: what the server modules do, on the command line.

mod clip;
mod inspect;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mp4seek::Error;

/// Cut a playable stretch out of an MP4 film, or look into one. Nothing is re-encoded.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 a file cannot be read or written, 2 wrong arguments or times,
3 not a film that can be cut, 4 the start is past the end of the film.";

#[derive(Subcommand)]
enum Command {
    /// Write a stretch of a film as a film of its own, metadata first.
    Clip {
        /// The film.
        input: PathBuf,
        /// Where to write the clip; `-` is standard output.
        output: PathBuf,
        #[command(flatten)]
        stretch: Stretch,
        /// No progress bar.
        #[arg(short, long)]
        quiet: bool,
    },
    /// Show boxes, tracks, edits and sync points, and with --start or --end the plan of that clip.
    Inspect {
        /// The film.
        input: PathBuf,
        #[command(flatten)]
        stretch: Stretch,
        /// As JSON, every sync point included.
        #[arg(long)]
        json: bool,
    },
}

/// The stretch of a film.
#[derive(Args)]
struct Stretch {
    /// Where it begins: seconds (61.5) or h:mm:ss (0:01:01.5).
    #[arg(long)]
    start: Option<String>,
    /// Where it ends; the end of the film if not given.
    #[arg(long)]
    end: Option<String>,
    /// Only these tracks: v1-a2, audio, video, text, or track numbers.
    #[arg(long)]
    tracks: Option<String>,
    /// Of sound and text only this language, where the film has it: en, pt-BR.
    #[arg(long)]
    lang: Option<String>,
    /// Begin on the frame on screen at --start (exact), or on the key frame at or before it (keyframe).
    #[arg(long, value_enum, default_value = "exact")]
    mode: Mode,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Keyframe,
    Exact,
}

impl Stretch {
    /// The query that asks a server for this stretch, so that both give the same bytes.
    fn query(&self) -> String {
        let given =
            [("start", &self.start), ("end", &self.end), ("tracks", &self.tracks), ("lang", &self.lang)];
        let given = given.into_iter().filter_map(|(key, value)| value.as_ref().map(|v| (key, v)));
        given
            .map(|(key, value)| {
                let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
                format!("{key}={value}")
            })
            .collect::<Vec<_>>()
            .join("&")
    }

    fn settings(&self) -> mp4seek::Settings {
        let mode = match self.mode {
            Mode::Keyframe => mp4seek::request::Mode::Keyframe,
            Mode::Exact => mp4seek::request::Mode::Exact,
        };
        mp4seek::Settings { mode, is_strict: true, ..mp4seek::Settings::default() }
    }
}

/// What went wrong, for people and for scripts.
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    fn io(what: &str, path: &std::path::Path, e: impl std::fmt::Display) -> Self {
        Self { code: 1, message: format!("cannot {what} {}: {e}", path.display()) }
    }

    fn of(e: &Error) -> Self {
        let code = match e.status() {
            400 => 2,
            415 => 3,
            416 => 4,
            _ => 1,
        };
        Self { code, message: e.to_string() }
    }
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Clip { input, output, stretch, quiet } => clip::run(&input, &output, &stretch, quiet),
        Command::Inspect { input, stretch, json } => inspect::run(&input, &stretch, json),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mp4seek: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}
