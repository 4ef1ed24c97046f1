//! Text of files as WebVTT: subtitles and chapters, whole and cut.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod chapters;
#[path = "../common/mod.rs"]
mod common;
mod damage;
mod scenes;
mod subtitles;
mod times;
mod webvtt;

use mp4seek::Settings;
use mp4seek::index::{Film as IndexedFilm, Index};
use mp4seek::request::{Asked, Format};
use mp4seek::seek::{Clip, Cut, seek};
use mp4seek::text::{write_chapters, write_vtt};
use test_boxes::{TrackSpec, make_box};

/// What `write` gives for a film and the clip that a query asks for.
fn with_clip<T>(file: &[u8], query: &str, write: impl FnOnce(&IndexedFilm<'_>, &Clip) -> T) -> T {
    let file = file.to_vec();
    let index = Index::build(&file, file.len() as u64).unwrap();
    let source = &index.film(&file);
    let film = IndexedFilm { index: &index, source };
    let mut request = Asked::parse(query.as_bytes(), &Settings::default()).unwrap().request;
    // The whole film is a clip, too.
    request.format = Format::Fragmented;
    let Cut::Clip(clip) = seek(&film, &request).unwrap() else { panic!("{query}: no clip") };
    write(&film, &clip)
}

/// The text of a track in the clip that a query asks for.
fn vtt(file: &[u8], track: usize, query: &str) -> String {
    with_clip(file, query, |film, clip| write_vtt(film, clip, track).unwrap())
}

/// The chapters of the clip that a query asks for.
fn chapters(file: &[u8], query: &str) -> String {
    with_clip(file, query, |film, clip| write_chapters(film, clip).unwrap())
}

/// A WebVTT file of these cues, each with its times and settings, and its text.
fn document(cues: &[(&str, &str)]) -> String {
    let cues = cues.iter().map(|(times, text)| format!("\n{times}\n{text}\n"));
    std::iter::once("WEBVTT\n".to_owned()).chain(cues).collect()
}

/// A `tx3g` whose text stands in the middle at the bottom of a box: top, left, bottom, right.
fn tx3g(text_box: [u8; 4]) -> Vec<u8> {
    let edges: Vec<u8> = text_box.iter().flat_map(|edge| [0, *edge]).collect();
    let style = [0, 0, 0, 0, 0, 1, 0, 18, 255, 255, 255, 255];
    let fields = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 4], &[1, 255], &[0; 4], &edges, &style];
    make_box(b"tx3g", fields.concat())
}

/// A `text` of QuickTime in which nothing is filled in.
fn quicktime() -> Vec<u8> {
    make_box(b"text", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 44]].concat())
}

/// A sample of text.
fn sample(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

/// A track of `tx3g` with texts that last so many milliseconds.
fn subtitles(texts: &[(u32, &str)]) -> TrackSpec {
    let samples: Vec<_> = texts.iter().map(|&(delta, text)| (delta, sample(text))).collect();
    TrackSpec::text(b"tx3g", tx3g([0; 4]), &samples)
}
