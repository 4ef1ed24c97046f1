//! A movie as players of HLS (RFC 8216) and DASH (ISO/IEC 23009-1) ask for it: its tracks in
//! segments, and the texts that point into them.

mod presentation;

pub use presentation::{Form, Presentation, Rendition, Segment};
