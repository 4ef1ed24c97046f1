//! Playlists of HLS (RFC 8216bis).

mod attributes;
mod keys;
mod media;
mod multivariant;
#[cfg(test)]
mod tests;

pub use media::{iframes, media};
pub use multivariant::{ladder, multivariant};

/// The version of the protocol that all playlists ask for. `EXT-X-MAP` outside of playlists of
/// I-frames needs 6 (RFC 8216bis, 8), and what Apple wrote of fragmented MP4 names 7.
const VERSION: u8 = 7;
