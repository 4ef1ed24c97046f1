//! The description of one track.

use crate::boxes::{BoxType, PsshBox};
use crate::request::TrackKind;

/// What a movie says of a track.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackDescription {
    /// The index of the track among those of the file.
    pub track: usize,
    /// Video, audio or text; `None` for data that no player presents.
    pub kind: Option<TrackKind>,
    /// The `codecs` parameter (RFC 6381) of its coding, where one is known.
    pub codec: Option<String>,
    /// A BCP 47 tag; `None` where the movie says nothing, or `und`.
    pub language: Option<String>,
    /// What people call it (`udta` `name`, or the name of the handler where somebody gave one).
    pub name: Option<String>,
    /// Whether it is played unless somebody chooses another (8.3.2 `track_enabled`).
    pub is_enabled: bool,
    /// Tracks of the same number are alternatives to each other (8.3.2 `alternate_group`); 0 for
    /// none.
    pub alternate_group: u16,
    /// Whether all its text is to be shown even where subtitles are off.
    pub is_forced: bool,
    /// What it is for, in the words of `urn:mpeg:dash:role:2011` (`kind` of 8.10.4, and signs such
    /// as `SDH` in the media's own `udta`).
    pub roles: Vec<String>,
    /// Of a video track.
    pub video: Option<VideoDescription>,
    /// Of an audio track.
    pub audio: Option<AudioDescription>,
    /// Whether its samples are encrypted.
    pub is_encrypted: bool,
    /// How its samples are encrypted, as far as its first sample description says.
    pub protection: Option<Protection>,
}

/// How the samples of a track are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// The scheme (8.12.5 `schm`): `cenc`, `cbcs` …
    pub scheme: Option<BoxType>,
    /// The key of samples that name no other (ISO/IEC 23001-7, 8.2 `default_KID`).
    pub key_id: Option<[u8; 16]>,
    /// What the systems that give out its key need (ISO/IEC 23001-7, 8.1 `pssh`).
    pub systems: Vec<PsshBox>,
}

/// What a movie says of a video track.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoDescription {
    /// Width and height of the coded picture, in samples (`stsd`).
    pub coded: (u16, u16),
    /// Width and height as presented, in square pixels: with `pasp`, and turned where the matrix
    /// of the track turns it by a quarter.
    pub presented: (u32, u32),
    /// Frames per second, as a fraction.
    pub frame_rate: Option<(u64, u64)>,
    /// Standard or high dynamic range.
    pub range: VideoRange,
    /// What players of Dolby Vision take the same samples for.
    pub supplemental: Option<SupplementalCodec>,
}

/// A coding by which some players show more of the samples than by that of the track (RFC 8216bis,
/// `SUPPLEMENTAL-CODECS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplementalCodec {
    /// Its name (RFC 6381).
    pub codec: String,
    /// The brand that says which other players can show the samples.
    pub brand: &'static str,
}

/// The dynamic range of a video track (RFC 8216bis, `VIDEO-RANGE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VideoRange {
    /// Standard dynamic range.
    #[default]
    Sdr,
    /// Hybrid log-gamma.
    Hlg,
    /// Perceptual quantizer.
    Pq,
}

/// What a movie says of an audio track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioDescription {
    /// Channels.
    pub channels: u16,
    /// Samples per second.
    pub sampling_rate: u32,
}
