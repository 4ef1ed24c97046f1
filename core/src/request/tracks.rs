//! Tracks as a request names them.

use super::time::digits;

/// What kind of track is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles and captions.
    Text,
}

/// Which tracks a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackSelector {
    /// All of a kind: `audio`.
    Kind(TrackKind),
    /// One of a kind, 1-based, in the order of the movie: `a2`.
    Nth(TrackKind, u32),
    /// The one with this track number: `3`.
    Id(u32),
}

impl TrackSelector {
    /// Reads `v1-a2`, `audio`, `video,text`, `3`.
    pub(super) fn parse_list(text: &str) -> Option<Vec<Self>> {
        text.split(['-', ',']).map(Self::parse).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let kind = match text.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "v" | "video" => TrackKind::Video,
            "a" | "audio" => TrackKind::Audio,
            "s" | "text" => TrackKind::Text,
            "" => return Some(Self::Id(u32::try_from(digits(text)?).ok()?)),
            _ => return None,
        };
        let number = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        if number.is_empty() {
            return Some(Self::Kind(kind));
        }
        let number = u32::try_from(digits(number)?).ok().filter(|&n| n > 0)?;
        Some(Self::Nth(kind, number))
    }
}
