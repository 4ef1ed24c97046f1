//! What a movie says of its tracks to those who choose among them: codings, languages, names,
//! sizes.

mod track;

pub use track::{AudioDescription, Protection, TrackDescription, VideoDescription, VideoRange};
