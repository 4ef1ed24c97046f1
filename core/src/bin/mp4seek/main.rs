//! `mp4seek`: what the server modules do, on the command line.

mod clip;
mod copy;
mod description;
mod input;
mod inspect;
mod ladder;
mod output;
mod package;
mod presented;
mod sign;
mod text;
mod verify;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Cut a playable part out of an MP4 film, or look into one. Nothing is re-encoded.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  Done.
  1  A file cannot be read or written.
  2  Wrong arguments or times.
  3  Not a film that can be cut (verify: one of them), or not with such text (text), or with no track
     that players can play (package), or not in step with the others (ladder), or one that may still
     be recorded and has too little yet (package) or is to be in a manifest (ladder).
  4  The start is past the end, or the film presents nothing in the clip.";

#[derive(Subcommand)]
enum Command {
    /// Write a part of a film as a film of its own, metadata first.
    Clip {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        options: ClipOptions,
    },
    /// Write a whole film metadata first, so that it plays while it loads.
    Faststart {
        #[command(flatten)]
        files: Files,
    },
    /// Show boxes, tracks, edits and sync points, and with --start or --end the plan of that clip.
    Inspect {
        /// The film; `-` is standard input.
        input: PathBuf,
        #[command(flatten)]
        options: ClipOptions,
        /// As JSON, every sync point included.
        #[arg(long)]
        json: bool,
    },
    /// Write all that a server has of a film for HLS and DASH into a folder.
    ///
    /// A server without the module, or an object store, then serves it. What is written has the
    /// bytes that a server with the module sends. A part of a film begins at the key frame at or
    /// before --start, and links to it have no query.
    Package {
        #[command(flatten)]
        options: package::PackageOptions,
    },
    /// Write the playlist and the manifest of one film in several qualities.
    ///
    /// A player chooses among the films by how fast its connection is. What is written links to what
    /// a server with the module has of each film (or `mp4seek package` wrote into a folder of its
    /// name). Segments of all films have to begin at the same times: those that do not are named, and
    /// nothing is written.
    Ladder {
        #[command(flatten)]
        options: ladder::LadderOptions,
    },
    /// Say of each film whether a server would cut it, and what is unusual about it.
    Verify {
        /// The films.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the subtitles or the chapters of a film to standard output, as WebVTT.
    Text {
        #[command(flatten)]
        options: text::TextOptions,
    },
    /// Sign a link for a server that sends films for signed links alone.
    Sign {
        #[command(flatten)]
        options: sign::SignOptions,
    },
    /// Write the completions of a shell to standard output.
    Completions {
        /// For which shell.
        shell: Shell,
    },
    /// Write a manual page to standard output.
    Man {
        /// That of a command of mp4seek.
        command: Option<String>,
    },
}

/// What is read and what is written.
#[derive(Args)]
struct Files {
    /// The film; `-` is standard input. What comes from a pipe is copied to the folder TMPDIR
    /// first.
    input: PathBuf,
    /// Where to write it; `-` is standard output.
    output: PathBuf,
    /// Write over a file that is there, or to a terminal. A file keeps its mode, owner, access
    /// control list and attributes.
    #[arg(short, long)]
    force: bool,
    /// No progress bar.
    #[arg(short, long)]
    quiet: bool,
}

/// The part of a film.
#[derive(Args)]
struct Part {
    /// Where it begins: seconds (61.5) or h:mm:ss (0:01:01.5).
    #[arg(long, allow_hyphen_values = true)]
    start: Option<String>,
    /// Where it ends; the end of the film if not given.
    #[arg(long, allow_hyphen_values = true)]
    end: Option<String>,
    /// A scene instead of --start and --end: 10-20, 10- or -20. Several are joined in their order.
    #[arg(long, value_name = "FROM-TO", allow_hyphen_values = true)]
    clip: Vec<String>,
    /// Only these tracks: v1-a2, audio, video, text, or track numbers.
    #[arg(long, allow_hyphen_values = true)]
    tracks: Option<String>,
    /// Of sound and text only this language, where the film has it: en, pt-BR.
    #[arg(long, allow_hyphen_values = true)]
    lang: Option<String>,
}

/// The part of a film, and how it is written.
#[derive(Args)]
struct ClipOptions {
    #[command(flatten)]
    part: Part,
    /// Begin on the frame on screen at --start (exact), or on the key frame at or before it
    /// (keyframe).
    #[arg(long, value_enum, default_value = "exact")]
    mode: Mode,
    /// One table of samples before all media (flat), or movie fragments with an index (fmp4).
    #[arg(long, value_enum, default_value = "flat")]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Flat,
    Fmp4,
    Auto,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Keyframe,
    Exact,
}

impl Part {
    /// The query that asks a server for this part.
    fn query(&self, more: Option<(&str, &str)>) -> String {
        let given =
            [("start", &self.start), ("end", &self.end), ("tracks", &self.tracks), ("lang", &self.lang)];
        let given = given.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
        let scenes = self.clip.iter().map(|scene| ("clip", scene.as_str()));
        given
            .chain(scenes)
            .chain(more)
            .map(|(key, value)| {
                let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
                format!("{key}={value}")
            })
            .collect::<Vec<_>>()
            .join("&")
    }
}

impl ClipOptions {
    /// The query that asks a server for this part, so that both give the same bytes.
    fn query(&self) -> String {
        let format = match self.format {
            Format::Flat => None,
            Format::Fmp4 => Some("fmp4"),
            Format::Auto => Some("auto"),
        };
        self.part.query(format.map(|format| ("format", format)))
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
    fn io(what: &str, path: &Path, e: impl std::fmt::Display) -> Self {
        Self { code: 1, message: format!("cannot {what} {}: {e}", path.display()) }
    }
}

/// Writes a line to standard error. Where nobody reads that, the exit code has to do.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "mp4seek: {message}");
}

/// Writes to standard output, as far as somebody reads it.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // `| head` has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|e| Failure::io("write", Path::new("standard output"), e)),
    }
}

fn completions(shell: Shell) -> Result<(), Failure> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mp4seek", &mut out);
    print(&String::from_utf8_lossy(&out))
}

fn man(command: Option<&str>) -> Result<(), Failure> {
    let mut page = Cli::command();
    // Gives the commands their full names.
    page.build();
    if let Some(name) = command {
        page = page.find_subcommand(name).cloned().ok_or_else(|| Failure {
            code: 2,
            message: format!("there is no command {name}; `mp4seek --help` lists them"),
        })?;
    }
    let mut out = Vec::new();
    let rendered = clap_mangen::Man::new(page).render(&mut out);
    rendered.map_err(|e| Failure::io("write", Path::new("the manual page"), e))?;
    print(&String::from_utf8_lossy(&out))
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    output::watch_for_signals();
    let result = match command {
        Command::Clip { files: Files { input, output, force, quiet }, options } => {
            clip::run(&input, &output, &options.query(), &options.settings(), force, quiet)
        }
        Command::Faststart { files: Files { input, output, force, quiet } } => {
            clip::run(&input, &output, "", &mp4seek::Settings::default(), force, quiet)
        }
        Command::Inspect { input, options, json } => inspect::run(&input, &options, json),
        Command::Ladder { options } => ladder::run(&options),
        Command::Package { options } => package::run(&options),
        Command::Verify { files, json } => verify::run(&files, json),
        Command::Text { options } => text::run(&options),
        Command::Sign { options } => sign::run(&options),
        Command::Completions { shell } => completions(shell),
        Command::Man { command } => man(command.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}
