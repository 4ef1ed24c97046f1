//! Why a file cannot be cut.

use crate::boxes::FormatError;
use crate::request::RequestError;

/// Why a file cannot be cut.
#[derive(Debug, thiserror::Error)]
pub enum SeekError {
    /// The clip would begin at or past the end of the movie.
    #[error("start {start} is at or past the end of the film, {end} seconds")]
    PastEnd {
        /// When the clip would begin, in seconds.
        start: String,
        /// When the movie ends, in seconds.
        end: String,
    },
    /// No track presents anything in the clip.
    #[error("the film presents nothing from {start} to {end} seconds")]
    Empty {
        /// When the clip would begin, in seconds.
        start: String,
        /// When it would end, in seconds.
        end: String,
    },
    /// The file has none of the tracks.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The file is malformed, or cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
}
