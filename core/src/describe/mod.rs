//! What a movie says of its tracks to those who choose among them: codings, languages, names,
//! sizes.

mod kind;
mod language;
mod track;

pub(crate) use kind::track_kind;
pub(crate) use language::three_letters;
pub use track::{AudioDescription, Protection, TrackDescription, VideoDescription, VideoRange};
