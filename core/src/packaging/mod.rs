//! A movie as players of HLS (RFC 8216) and DASH (ISO/IEC 23009-1) ask for it: its tracks in
//! segments, and the texts that point into them.

mod address;
mod presentation;
mod route;

pub use address::{Address, AddressKind, TrackName};
pub use presentation::{Form, Presentation, Rendition, Segment};
pub use route::Route;
