//! Films written by ffmpeg, in which every frame says its number and its time, and
//! the audio changes with the time.
//!
//! - `stamp`: what a frame says of itself.
//! - `tone`: the audio.
//! - `recipe`, `variants`, `screened`: how each kind of film is written.
//! - `encode`: runs the encoders.
//! - `arrange`, `patch`, `tree`: boxes that no encoder writes.

mod arrange;
mod encode;
mod patch;
mod recipe;
mod screened;
mod stamp;
mod tone;
mod tree;
mod variants;

use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;

use arrange::patch;
use encode::{again, encode};
pub use recipe::{KINDS, screened, variants};
use recipe::{Patch, Recipe, recipe};
pub use stamp::{CELL, COLUMNS, HEIGHT, ROWS, Stamp, WIDTH};

use crate::work_dir;

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

/// A part of a film that is shown at a time of its own.
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

/// The film of that kind, written if it is not there yet.
pub fn film(kind: &'static str) -> Film {
    make(&recipe(kind))
}

/// The film that the demo page shows: a minute, a key frame every two seconds.
pub fn demo_film() -> Film {
    film("demo")
}

/// The same film in several qualities, the best one last. Sound is in all of them.
pub fn ladder() -> [Film; 3] {
    ["half", "screen_bframes", "double"].map(film)
}

/// A film of more bytes than the buffers of a connection hold: 34 MB of audio.
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
        let encoded = scratch.path().join(&name);
        encode(recipe, scratch.path(), &encoded);
        let finished = patch(recipe, again(recipe, encoded, scratch.path()), scratch.path());
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

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
