//! The bytes of a plan's metadata, one window at a time.
//!
//! The memory that a window takes does not grow with the movie: table entries are computed from the
//! source's own tables when they are sent.

mod chunk_offsets;
mod chunks;
mod context;
mod entries;
mod fragments;
mod runs;
mod segment_media;
mod sizes;
mod window;

pub(crate) use fragments::read_fragmented;
pub(crate) use segment_media::SegmentMedia;
pub(crate) use window::{generate, generate_all};
