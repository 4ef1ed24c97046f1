//! A movie as players of HLS (RFC 8216) and DASH (ISO/IEC 23009-1) ask for it: its tracks in
//! segments, and the texts that point into them.

mod address;
mod choice;
pub mod dash;
pub mod hls;
mod ladder;
mod links;
mod presentation;
mod protection;
mod rates;
mod recording;
mod rendition;
mod resources;
mod route;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tracks;

pub use address::{Address, AddressKind, TrackName};
pub use ladder::{Misaligned, Rung, misaligned};
pub(crate) use links::escape_query;
pub use presentation::{Form, Presentation, Rendition, Segment};
pub use resources::resources;
pub use route::Route;
pub use tracks::{find_track, has_samples, offered_tracks};
