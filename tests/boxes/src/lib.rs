//! MP4 files for tests, and one plain reader.
//!
//! Unit tests, integration tests, benches, fuzz targets and the tests of the servers all use this
//! crate. It depends on nothing and shares no code with what is tested.
//!
//! - `write`: single boxes.
//! - `film`: whole files from a description of their tracks, flat or in fragments.
//! - `track`: tracks whose boxes can be replaced one by one, right or wrong.
//! - `read`: finds boxes in bytes.
//! - `expand`: reads each sample of a file one by one, without regard to cost.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test helper that cannot go on fails its test")]

mod expand;
mod film;
mod fragments;
mod protection;
mod read;
mod track;
mod write;

pub use expand::{Expanded, One, Shown, expand, media_end};
pub use film::{Film, Protection, Sample, TrackSpec, fragments_at, share_media};
pub use fragments::{expand_fragments, segments};
pub use protection::{Protected, protection_of_fragments};
pub use read::{Located, boxes, content, find, position, u32_at, u64_at};
pub use track::{MEDIA, Track, film_of_tracks, ftyp, moov, mvhd, tangled_film};
pub use write::{flagged_box, fourcc, full_box, make_box, table, words};
