//! `mp4seek ladder`

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use mp4seek::packaging::{Misaligned, Presentation, Rung, dash, hls, misaligned};
use mp4seek::{Seeker, Settings};

use crate::Failure;
use crate::input::Input;
use crate::output::write_whole;
use crate::package::{SegmentOptions, failure};

/// The films, and what is written.
#[derive(Args)]
pub(crate) struct LadderOptions {
    /// The same film in several qualities. Sound and subtitles are those of the first that has sound.
    #[arg(required = true, num_args = 2..)]
    films: Vec<PathBuf>,
    /// Where to write the playlist of HLS: beside the films, or above them.
    #[arg(long, value_name = "FILE", required_unless_present = "dash")]
    hls: Option<PathBuf>,
    /// Where to write the manifest of DASH: beside the films, or above them.
    #[arg(long, value_name = "FILE")]
    dash: Option<PathBuf>,
    /// As the server has it configured.
    #[command(flatten)]
    segmenting: SegmentOptions,
    /// Write them even if the segments of the films begin at different times.
    #[arg(long)]
    misaligned: bool,
    /// Write over files that are there.
    #[arg(short, long)]
    force: bool,
}

pub(crate) fn run(options: &LadderOptions) -> Result<(), Failure> {
    let settings = options.segmenting.settings();
    let seeker = Seeker::default();
    let of = |path: &PathBuf| {
        let film = Input::open(path)?;
        let presentation = seeker.presentation(&film.file, &film.identity(), b"", &settings);
        presentation.map_err(|e| failure(&film, &e))
    };
    let presentations = options.films.iter().map(of).collect::<Result<Vec<_>, _>>()?;
    check(options, &presentations)?;
    // What is wrong with the second is found before the first is written.
    let hls = options.hls.as_deref().map(|path| text(path, options, &presentations, &settings, Kind::Hls));
    let dash = options.dash.as_deref().map(|path| text(path, options, &presentations, &settings, Kind::Dash));
    let (hls, dash) = (hls.transpose()?, dash.transpose()?);
    for (path, text) in hls.into_iter().chain(dash) {
        write_whole(path, |out| out.write_all(text.as_bytes()))?;
    }
    Ok(())
}

/// Whether a player may go from each film to each other between segments.
fn check(options: &LadderOptions, presentations: &[Presentation]) -> Result<(), Failure> {
    let Some((first, others)) = presentations.split_first() else { return Ok(()) };
    let differences = options.films.iter().skip(1).zip(others);
    let faults = differences.filter_map(|(path, other)| Some((path, misaligned(first, other)?)));
    let one = options.films.first().map(|path| path.display().to_string()).unwrap_or_default();
    let at = |micros: Option<u64>| {
        micros.map_or("is not there".to_owned(), |micros| format!("begins at {:.3} s", micros as f64 / 1e6))
    };
    let mut found = Vec::new();
    for (path, fault) in faults {
        found.push(match fault {
            Misaligned::NoVideo => {
                let message = format!("{}: not every film has video: no ladder", path.display());
                return Err(Failure { code: 3, message });
            }
            Misaligned::Segment(number, a, b) => {
                format!("{}: segment {number} {}, in {one} it {}", path.display(), at(b), at(a))
            }
        });
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

fn text<'o>(
    path: &'o Path,
    options: &LadderOptions,
    presentations: &[Presentation],
    settings: &Settings,
    kind: Kind,
) -> Result<(&'o Path, String), Failure> {
    if !options.force && path.exists() {
        return Err(Failure::io("write", path, "it is there already; --force writes over it"));
    }
    let links = options.films.iter().map(|film| link(path, film)).collect::<Result<Vec<_>, _>>()?;
    let rungs = links.iter().zip(presentations).map(|(film, presentation)| Rung { film, presentation });
    let rungs: Vec<_> = rungs.collect();
    Ok((
        path,
        match kind {
            Kind::Hls => hls::ladder(&rungs),
            Kind::Dash => dash::ladder(&rungs, settings.form),
        },
    ))
}

/// The relative path from the folder of a text to a film.
fn link(text: &Path, film: &Path) -> Result<String, Failure> {
    let parent = text.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(parent).map_err(|e| Failure::io("write to", parent, e))?;
    // The name that the server knows it by, which may be that of a symbolic link.
    let (of_film, name) = (film.parent().filter(|parent| !parent.as_os_str().is_empty()), film.file_name());
    let above =
        fs::canonicalize(of_film.unwrap_or(Path::new("."))).map_err(|e| Failure::io("open", film, e))?;
    let below = above.strip_prefix(&folder).ok().zip(name).map(|(below, name)| below.join(name));
    let below = below.as_deref().and_then(Path::to_str).map(str::to_owned);
    below.ok_or_else(|| {
        let reason = format!("it has to stand beside {} or above it, for links to it", film.display());
        Failure::io("write", text, reason)
    })
}
