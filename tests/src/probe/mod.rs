//! What ffmpeg reads in a film, and whether a clip shows what it must.
//!
//! All times are presentation times, the source's edit lists applied.
//!
//! - `reading`: the packets of a film, as ffprobe lists them.
//! - `decoded`: its frames and its audio, as ffmpeg decodes them.
//! - `source`: a film that clips are cut from.
//! - `judge`: everything that is wrong with a clip; `compare` has its parts.

mod compare;
mod decoded;
mod judge;
mod reading;
mod source;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use mp4seek::request::Mode;

pub use decoded::{Audio, Decoded, Frame};
pub use reading::{Packet, Reading, Stream};
pub use source::Source;

/// Times this close to a frame's are the frame's.
const INSTANT: f64 = 1e-6;
/// A tick of the finest timescale that a clip's own header may have to round to.
const MOVIE_TICK: f64 = 1.0 / 90_000.0;

/// What was asked for, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// From here; `None`: the beginning.
    pub start: Option<f64>,
    /// To here; `None`: the end.
    pub end: Option<f64>,
    /// How it begins.
    pub mode: Mode,
}

impl Cut {
    /// The query that asks for it.
    pub fn query(&self) -> String {
        let mut query = format!("mode={}", if self.mode == Mode::Exact { "exact" } else { "keyframe" });
        if let Some(start) = self.start {
            write!(query, "&start={start}").ok();
        }
        if let Some(end) = self.end {
            write!(query, "&end={end}").ok();
        }
        query
    }
}

/// The lines of a log with addresses and counters taken out.
fn complaints(text: &str) -> BTreeSet<String> {
    let address = regex::Regex::new(r" @ 0x[0-9a-f]+|0x[0-9a-f]+|\d+").expect("a regular expression");
    text.lines()
        .filter(|l| !l.trim().is_empty() && !l.contains("Last message repeated"))
        .map(|line| address.replace_all(line, "#").into_owned())
        .collect()
}

/// The clip of a film as the core makes it, without a server.
///
/// # Errors
/// The core's own, as text with the status.
pub fn clip(film: &Path, query: &str) -> Result<Vec<u8>, String> {
    use mp4seek::source::{Identity, ReadAt};
    use mp4seek::virtual_file::WINDOW;
    let file = std::fs::File::open(film).map_err(|e| e.to_string())?;
    let identity = Identity::of(&file.metadata().map_err(|e| e.to_string())?);
    let answer = mp4seek::Seeker::new(1 << 20)
        .answer(&file, &identity, query.as_bytes(), &mp4seek::Settings::default())
        .map_err(|e| format!("{}: {e}", e.status()))?;
    let mp4seek::Answer::Film(film) = answer else { return Err("the plain file".into()) };
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < film.len() {
        let from = bytes.len();
        let next = film.next(&file, &(from as u64..film.len()), WINDOW);
        bytes.resize(from + next.len() as usize, 0);
        let (generated, media) = bytes[from..].split_at_mut(next.generated);
        film.read_at(&file, from as u64, generated).map_err(|e| e.to_string())?;
        file.read_exact_at(media, next.media.start).map_err(|e| e.to_string())?;
    }
    assert_eq!(bytes.len() as u64, film.len(), "the length that was promised");
    Ok(bytes)
}

/// A clip written by ffmpeg without transcoding, to try the checks themselves on.
pub fn copied_by_ffmpeg(film: &Path, args: &[&str], out: PathBuf) -> PathBuf {
    let done = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(film)
        .args(["-map", "0", "-c", "copy"])
        .args(args)
        .arg(&out)
        .status();
    assert!(done.is_ok_and(|s| s.success()), "ffmpeg cannot copy {}", film.display());
    out
}
