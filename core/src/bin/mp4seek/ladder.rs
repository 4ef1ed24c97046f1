//! `mp4seek ladder`

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use clap::Args;
use mp4seek::packaging::{Misaligned, Presentation, Rung, dash, hls, misaligned};
use mp4seek::request::Packaging;
use mp4seek::{Seeker, Settings};

use crate::Failure;
use crate::input::Input;
use crate::output::{Output, folder_of};
use crate::package::SegmentOptions;
use crate::presented::{failure, offered, refuse_growing, say_growing};

/// The films, and what is written.
#[derive(Args)]
pub(crate) struct LadderOptions {
    /// The same film in several qualities. Sound and subtitles are those of the first that has sound.
    #[arg(required = true, num_args = 2..)]
    films: Vec<PathBuf>,
    /// Where to write the playlist of HLS: beside the films, or above them. `-` is standard output,
    /// and the folder that the command runs in.
    #[arg(long, value_name = "FILE", required_unless_present = "dash")]
    hls: Option<PathBuf>,
    /// Where to write the manifest of DASH, likewise.
    #[arg(long, value_name = "FILE")]
    dash: Option<PathBuf>,
    /// As the server has it configured.
    #[command(flatten)]
    segmenting: SegmentOptions,
    /// Write them even if the segments of the films begin at different times.
    #[arg(long)]
    misaligned: bool,
    /// Write over playlists and manifests that are there. Other files are never written over.
    #[arg(short, long)]
    force: bool,
}

pub(crate) fn run(options: &LadderOptions) -> Result<(), Failure> {
    let settings = options.segmenting.settings();
    if options.films.iter().any(|film| film == Path::new("-")) {
        let message = "a film from standard input has no name that a playlist could link to".to_owned();
        return Err(Failure { code: 2, message });
    }
    let seeker = Seeker::default();
    let films = options.films.iter().map(|path| Input::open(path)).collect::<Result<Vec<_>, _>>()?;
    let of = |film: &Input| {
        let presentation = seeker.presentation(&film.file, &film.identity(), b"", &settings);
        presentation.map_err(|e| failure(film, &e))
    };
    let presentations = films.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    if options.dash.is_some() {
        films.iter().zip(&presentations).try_for_each(|(film, of)| refuse_growing(film, of))?;
    }
    check(options, &presentations)?;
    let packaging = Packaging { hls: options.hls.is_some(), dash: options.dash.is_some() };
    for (film, presentation) in films.iter().zip(&presentations) {
        offered(film, presentation, packaging)?;
        say_growing(film, presentation, "the playlist has the tracks that it has so far");
    }
    if let (Some(hls), Some(dash)) = (&options.hls, &options.dash) {
        if canonical(hls) == canonical(dash) {
            let message = format!("the playlist and the manifest cannot both be {}", hls.display());
            return Err(Failure { code: 2, message });
        }
    }
    let wanted = [(&options.hls, Kind::Hls), (&options.dash, Kind::Dash)];
    let wanted = wanted.into_iter().filter_map(|(path, kind)| Some((path.as_deref()?, kind)));
    // What is wrong with the second is found before the first is written.
    let texts = wanted
        .map(|(path, kind)| {
            spare(path, &films)?;
            Ok((path, text(path, options, &presentations, &settings, kind)?))
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let texts = texts.into_iter().map(|(path, text)| Ok((Output::open(path, &films, options.force)?, text)));
    let texts = texts.collect::<Result<Vec<_>, Failure>>()?;
    texts.into_iter().try_for_each(|(output, text)| output.write(|out| Ok(out.write_all(text.as_bytes())?)))
}

/// A path through symbolic links, also where no file has it yet.
fn canonical(path: &Path) -> PathBuf {
    let through = || {
        fs::canonicalize(folder_of(path)).ok().zip(path.file_name()).map(|(folder, name)| folder.join(name))
    };
    fs::canonicalize(path).ok().or_else(through).unwrap_or_else(|| path.to_owned())
}

/// Refuses to write over what is no text of ours, also with `--force`: where the value of an option
/// was forgotten, a film is taken for it.
fn spare(path: &Path, films: &[Input]) -> Result<(), Failure> {
    // What else is wrong with it is said where it is opened.
    let Ok(there) = fs::metadata(path) else { return Ok(()) };
    if films.iter().any(|film| film.is(&there)) {
        return Err(Failure::io("write", path, "it is one of the films"));
    }
    let mut head = Vec::new();
    if there.is_file() {
        let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
        read.map_err(|e| Failure::io("read", path, e))?;
    }
    let is_manifest =
        head.trim_ascii_start().starts_with(b"<") && head.windows(4).any(|name| name == b"<MPD");
    if head.is_empty() || head.starts_with(b"#EXTM3U") || is_manifest {
        return Ok(());
    }
    Err(Failure::io(
        "write",
        path,
        "it is neither a playlist nor a manifest, and --force writes over those alone",
    ))
}

/// Where a manifest has its first element, whatever its author says of himself in front of it.
const HEAD: u64 = 4096;

/// Whether a player may go from each film to each other between segments.
fn check(options: &LadderOptions, presentations: &[Presentation]) -> Result<(), Failure> {
    let is_without_video = |of: &Presentation| misaligned(of, of) == Some(Misaligned::NoVideo);
    if let Some((path, _)) = options.films.iter().zip(presentations).find(|(_, of)| is_without_video(of)) {
        let message = format!("{}: it has no video, which all films of a ladder have", path.display());
        return Err(Failure { code: 3, message });
    }
    let Some((first, others)) = presentations.split_first() else { return Ok(()) };
    let differences = options.films.iter().skip(1).zip(others);
    let faults = differences.filter_map(|(path, other)| Some((path, misaligned(first, other)?)));
    let one = options.films.first().map(|path| path.display().to_string()).unwrap_or_default();
    let at = |micros: Option<u64>| {
        micros.map_or("is not there".to_owned(), |micros| format!("begins at {:.3} s", micros as f64 / 1e6))
    };
    let mut found = Vec::new();
    for (path, fault) in faults {
        if let Misaligned::Segment(number, a, b) = fault {
            found.push(format!("{}: segment {number} {}, in {one} it {}", path.display(), at(b), at(a)));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    found.iter().for_each(|line| crate::complain(line));
    match options.misaligned {
        true => Ok(()),
        false => Err(Failure {
            code: 3,
            message: "nothing is written: encode the films with the same key frames, or say --misaligned"
                .into(),
        }),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Hls,
    Dash,
}

fn text(
    path: &Path,
    options: &LadderOptions,
    presentations: &[Presentation],
    settings: &Settings,
    kind: Kind,
) -> Result<String, Failure> {
    let links = options.films.iter().map(|film| link(path, film)).collect::<Result<Vec<_>, _>>()?;
    let rungs = links.iter().zip(presentations).map(|(film, presentation)| Rung { film, presentation });
    let rungs: Vec<_> = rungs.collect();
    Ok(match kind {
        Kind::Hls => hls::ladder(&rungs),
        Kind::Dash => dash::ladder(&rungs, settings.form),
    })
}

/// The relative path from the folder of a text to a film.
fn link(text: &Path, film: &Path) -> Result<Vec<u8>, Failure> {
    let parent = folder_of(text);
    let folder = fs::canonicalize(parent).map_err(|e| Failure::io("write to", parent, e))?;
    // The name that the server knows it by, which may be that of a symbolic link.
    let above = fs::canonicalize(folder_of(film)).map_err(|e| Failure::io("open", film, e))?;
    let below = above.strip_prefix(&folder).ok().zip(film.file_name()).map(|(below, name)| below.join(name));
    below.map(|below| below.into_os_string().into_vec()).ok_or_else(|| {
        let reason = format!("it has to stand beside {} or above it, for links to it", film.display());
        Failure::io("write", text, reason)
    })
}
