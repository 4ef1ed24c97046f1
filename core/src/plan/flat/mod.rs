//! Flat answers: a `moov` with all tables, then the media in one `mdat`.

mod chunks;
mod clip;
mod fast_start;
mod layout;
mod meta;
mod moov;
mod protection;
mod stbl;
mod track_cut;
mod trak;
mod udta;

pub use clip::plan_clip;
pub(in crate::plan) use clip::{check_track, clip_key};
pub use fast_start::plan_fast_start;
pub(in crate::plan) use protection::fragment_protection;
