//! `mp4seek text`

use std::path::PathBuf;

use clap::Args;
use mp4seek::Error;
use mp4seek::describe::describe;
use mp4seek::index::{Film, Index};
use mp4seek::packaging::TrackName;
use mp4seek::request::{Asked, TrackKind};
use mp4seek::seek::{Clip, Cut, seek};
use mp4seek::text::{has_chapters, has_vtt, write_chapters, write_vtt};

use crate::input::Input;
use crate::{ClipOptions, Failure, Format, Mode, Part};

/// Which text of a film.
#[derive(Args)]
pub(crate) struct TextOptions {
    /// The film; `-` is standard input.
    input: PathBuf,
    /// The track: t1 is the first text track, 3 is track number 3. Without it, the first whose text
    /// WebVTT can show, chapters last.
    #[arg(long, conflicts_with = "chapters")]
    track: Option<String>,
    /// The chapters, and no track.
    #[arg(long)]
    chapters: bool,
    /// Where the text begins: seconds (61.5) or h:mm:ss (0:01:01.5). It counts from there on.
    #[arg(long, allow_hyphen_values = true)]
    start: Option<String>,
    /// Where it ends; the end of the film if not given.
    #[arg(long, allow_hyphen_values = true)]
    end: Option<String>,
    /// A scene instead of --start and --end: 10-20, 10- or -20. Several are joined in their order.
    #[arg(long, value_name = "FROM-TO", allow_hyphen_values = true)]
    clip: Vec<String>,
}

pub(crate) fn run(options: &TextOptions) -> Result<(), Failure> {
    let input = Input::open(&options.input)?;
    let fail = |e: Error| input.failure(&e);
    let missing =
        |reason: String| Failure { code: 3, message: format!("{}: {reason}", input.path.display()) };
    let index = Index::build(&input.file, input.identity().size).map_err(|e| fail(e.into()))?;
    let source = &index.film(&input.file);
    let film = &Film { index: &index, source };
    let text = if options.chapters {
        if !has_chapters(film).map_err(|e| fail(e.into()))? {
            return Err(missing("it has no chapters".to_owned()));
        }
        write_chapters(film, &clip(film, options).map_err(fail)?)
    } else {
        let track = match &options.track {
            Some(name) => named_track(film, name).map_err(fail)?,
            None => usual_track(&index),
        };
        let track = track.ok_or_else(|| {
            missing(match &options.track {
                Some(name) => format!("it has no text track {name}"),
                None => "it has no text that WebVTT can show".to_owned(),
            })
        })?;
        if let Some(other) = index.tracks.get(track).filter(|track| !has_vtt(track)) {
            return Err(missing(format!("WebVTT cannot show the text of {}", other.coding)));
        }
        write_vtt(film, &clip(film, options).map_err(fail)?, track)
    };
    crate::print(&text.map_err(|e| fail(e.into()))?)
}

/// The clip whose text is asked for, as a server cuts it.
fn clip(film: &Film<'_>, options: &TextOptions) -> Result<Clip, Error> {
    let times = ClipOptions {
        part: Part {
            start: options.start.clone(),
            end: options.end.clone(),
            clip: options.clip.clone(),
            tracks: None,
            lang: None,
        },
        mode: Mode::Exact,
        // In this format the whole film is a clip, too.
        format: Format::Fmp4,
    };
    match seek(film, &Asked::parse(times.query().as_bytes(), &times.settings())?.request)? {
        Cut::Clip(clip) => Ok(clip),
        Cut::Whole => Err(Error::NoSuchAddress),
    }
}

/// The text track that `t1` or a track number names, by its index.
fn named_track(film: &Film<'_>, name: &str) -> Result<Option<usize>, Error> {
    let place = TrackName::parse(name).filter(|name| name.kind == TrackKind::Text);
    let mut texts = 0;
    for (n, track) in film.index.tracks.iter().enumerate() {
        if describe(film, n)?.kind != Some(TrackKind::Text) {
            continue;
        }
        texts += 1;
        let is_named = name.parse() == Ok(track.tkhd.track_id);
        if is_named || place.is_some_and(|place| place.number == texts) {
            return Ok(Some(n));
        }
    }
    Ok(None)
}

/// The first track whose text WebVTT can show, by its index. Chapters come last.
fn usual_track(index: &Index) -> Option<usize> {
    let has_chapters = |n: &usize| {
        let id = index.tracks.get(*n).map(|track| track.tkhd.track_id);
        index.tracks.iter().any(|track| id.is_some_and(|id| track.chapters.contains(&id)))
    };
    let shown = || index.tracks.iter().enumerate().filter(|(_, track)| has_vtt(track)).map(|(n, _)| n);
    shown().find(|n| !has_chapters(n)).or_else(|| shown().next())
}
