//! A second opinion: what mp4box.js, GPAC's reader, finds in a film, and whether a clip
//! presents what it must by the letter of ISO/IEC 14496-12.
//!
//! It gives sample tables and edit lists as they stand, in whole ticks. libavformat, the other
//! judge, moves times where offsets are negative, sets edits to frames, and knows neither rates
//! nor what is shown of a cue that has begun.
//!
//! - `reader`: asks mp4box.js.
//! - `timeline`, `movie`: what is presented, and when.
//! - `judge`: what is wrong with a clip.

mod judge;
mod movie;
mod reader;
mod timeline;

pub use judge::Verdict;
pub use reader::Reader;

/// Handlers of what is presented.
const PRESENTED: [&str; 6] = ["vide", "soun", "text", "sbtl", "subt", "clcp"];
/// Times this close are the same: requests and probes count in microseconds.
const INSTANT: f64 = 1e-6;
/// Past the end of its media by so many seconds an edit is not by rounding.
const FAR: f64 = 0.5;
/// What a clip is longer at most, in seconds, for a player that ignores its edit list, not counting
/// its reorder depth.
const LEAD_IN: f64 = 0.1;
/// Room for what counting in floating point loses.
const EXACT: f64 = 1e-9;

/// A film as its boxes say.
#[derive(Debug)]
pub struct Movie {
    /// Ticks per second of durations.
    pub timescale: f64,
    /// In ticks.
    pub duration: f64,
    /// In order.
    pub tracks: Vec<Track>,
}

/// A track as its boxes say.
#[derive(Debug)]
pub struct Track {
    /// Its number.
    pub id: u64,
    /// Whether it is to be played.
    pub enabled: bool,
    /// The handler: `vide`, `soun`, ….
    pub kind: String,
    /// What the first sample description says.
    pub codec: String,
    /// Ticks per second of media time.
    pub timescale: f64,
    /// In ticks of the movie.
    pub duration: f64,
    /// Duration in ticks of the movie, media time (-1: nothing is shown), rate.
    pub edits: Vec<(f64, f64, f64)>,
    /// In decoding order.
    pub samples: Vec<Sample>,
}

/// A sample as its tables say, in ticks of the media.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When it is decoded.
    pub dts: f64,
    /// When it is shown.
    pub cts: f64,
    /// To the next one's decoding.
    pub duration: f64,
    /// Whether decoding can begin here.
    pub sync: bool,
    /// In bytes.
    pub size: u64,
    /// Hash of its bytes; of eight or fewer, the bytes.
    pub hash: String,
}
