//! The addresses behind a movie's own: `film.mp4/hls/master.m3u8`.

use std::fmt::{self, Display, Formatter};

use crate::request::TrackKind;

use super::Form;

/// A resource that is packaged from a movie. Its path follows the path of the movie.
///
/// | path | resource |
/// |---|---|
/// | `/hls/master.m3u8` | the multivariant playlist |
/// | `/hls/v1.m3u8`, `/hls/a1.m3u8`, `/hls/t1.m3u8` | media playlists |
/// | `/hls/v1-iframes.m3u8` | the playlist of key frames |
/// | `/dash/manifest.mpd` | the manifest, segments as byte ranges |
/// | `/dash/manifest-template.mpd` | the manifest, segments as resources |
/// | `/cmaf/v1.mp4` | the fragmented file of a track |
/// | `/cmaf/v1/init.mp4`, `/cmaf/v1/42.m4s` | parts of that file |
/// | `/cmaf/t1.vtt` | WebVTT in time with segments |
/// | `/text/t1.vtt`, `/text/chapters.vtt` | WebVTT in time with the movie's own clip |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Address {
    /// The multivariant playlist of HLS.
    Multivariant,
    /// The media playlist of a track.
    Media(TrackName),
    /// The playlist of the key frames of a video track.
    Iframes(TrackName),
    /// The manifest of DASH, with segments addressed in this form.
    Manifest(Form),
    /// The whole fragmented file of a track.
    TrackFile(TrackName),
    /// The initialization section of that file.
    Init(TrackName),
    /// A segment of that file, counted from 1.
    Segment(TrackName, u32),
    /// A text track as WebVTT, which playlists and manifests link to: in time with the segments of the
    /// other tracks.
    TextOfSegments(TrackName),
    /// A text track as WebVTT, in time with what the movie's own address gives for the same query.
    Text(TrackName),
    /// The chapters as WebVTT, in the same time.
    Chapters,
}

/// What an address belongs to. A server turns HLS and DASH on separately. CMAF and text are on where
/// either of them is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressKind {
    /// Playlists of HLS.
    Hls,
    /// Manifests of DASH.
    Dash,
    /// Media, for both.
    Cmaf,
    /// WebVTT, for both.
    Text,
}

/// A track, by its kind and its place among those of its kind, counted from 1: `v1`, `a2`, `t1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TrackName {
    /// What kind of track it is.
    pub kind: TrackKind,
    /// Its place among the tracks of this kind, in the order of the file.
    pub number: u32,
}

impl Address {
    /// Reads what follows the path of the movie, decoded. `None` for all that is no address.
    ///
    /// Each resource has one spelling, so that caches hold it once.
    pub fn parse(path_info: &[u8]) -> Option<Self> {
        let path = std::str::from_utf8(path_info).ok()?.strip_prefix('/')?;
        let (folder, name) = path.split_once('/')?;
        match folder {
            "hls" => Self::parse_hls(name.strip_suffix(".m3u8")?),
            "dash" => match name {
                "manifest.mpd" => Some(Self::Manifest(Form::Ranges)),
                "manifest-template.mpd" => Some(Self::Manifest(Form::Segments)),
                _ => None,
            },
            "cmaf" => Self::parse_cmaf(name),
            "text" => match name.strip_suffix(".vtt")? {
                "chapters" => Some(Self::Chapters),
                track => TrackName::parse_text(track).map(Self::Text),
            },
            _ => None,
        }
    }

    fn parse_hls(stem: &str) -> Option<Self> {
        if stem == "master" {
            return Some(Self::Multivariant);
        }
        match stem.strip_suffix("-iframes") {
            Some(track) => TrackName::parse(track).filter(|t| t.kind == TrackKind::Video).map(Self::Iframes),
            None => TrackName::parse(stem).map(Self::Media),
        }
    }

    fn parse_cmaf(name: &str) -> Option<Self> {
        match name.split_once('/') {
            None => match name.strip_suffix(".vtt") {
                Some(track) => TrackName::parse_text(track).map(Self::TextOfSegments),
                None => TrackName::parse(name.strip_suffix(".mp4")?).map(Self::TrackFile),
            },
            Some((track, "init.mp4")) => TrackName::parse(track).map(Self::Init),
            Some((track, segment)) => {
                let number = number(segment.strip_suffix(".m4s")?)?;
                TrackName::parse(track).map(|track| Self::Segment(track, number))
            }
        }
    }

    /// What it belongs to.
    pub fn kind(&self) -> AddressKind {
        match self {
            Self::Multivariant | Self::Media(_) | Self::Iframes(_) => AddressKind::Hls,
            Self::Manifest(_) => AddressKind::Dash,
            Self::TrackFile(_) | Self::Init(_) | Self::Segment(..) => AddressKind::Cmaf,
            Self::TextOfSegments(_) | Self::Text(_) | Self::Chapters => AddressKind::Text,
        }
    }

    /// Whether a manifest of several scenes links to it for each of them, however short that is.
    pub(crate) fn may_be_of_short_scene(&self) -> bool {
        self.kind() == AddressKind::Cmaf || matches!(self, Self::TextOfSegments(_))
    }

    /// The media type of the resource.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Multivariant | Self::Media(_) | Self::Iframes(_) => "application/vnd.apple.mpegurl",
            Self::Manifest(_) => "application/dash+xml",
            Self::TrackFile(track) | Self::Init(track) => mime_type(track.kind),
            Self::Segment(..) => "video/iso.segment",
            Self::TextOfSegments(_) | Self::Text(_) | Self::Chapters => "text/vtt",
        }
    }

    /// Whether it begins where the movie's own address does for the same query. All else begins with a
    /// key frame: players put segments one after the other and do not all hide what comes before a frame.
    pub(crate) fn begins_as_clip(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Chapters)
    }

    /// The track that it is about, unless it is about all of them.
    pub fn track(&self) -> Option<TrackName> {
        match *self {
            Self::Media(track)
            | Self::Iframes(track)
            | Self::TrackFile(track)
            | Self::Init(track)
            | Self::Segment(track, _)
            | Self::TextOfSegments(track)
            | Self::Text(track) => Some(track),
            Self::Multivariant | Self::Manifest(_) | Self::Chapters => None,
        }
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multivariant => f.write_str("/hls/master.m3u8"),
            Self::Media(track) => write!(f, "/hls/{track}.m3u8"),
            Self::Iframes(track) => write!(f, "/hls/{track}-iframes.m3u8"),
            Self::Manifest(Form::Ranges) => f.write_str("/dash/manifest.mpd"),
            Self::Manifest(Form::Segments) => f.write_str("/dash/manifest-template.mpd"),
            Self::TrackFile(track) => write!(f, "/cmaf/{track}.mp4"),
            Self::Init(track) => write!(f, "/cmaf/{track}/init.mp4"),
            Self::Segment(track, number) => write!(f, "/cmaf/{track}/{number}.m4s"),
            Self::TextOfSegments(track) => write!(f, "/cmaf/{track}.vtt"),
            Self::Text(track) => write!(f, "/text/{track}.vtt"),
            Self::Chapters => f.write_str("/text/chapters.vtt"),
        }
    }
}

impl TrackName {
    /// Reads `v1`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut chars = text.chars();
        let kind = match chars.next()? {
            'v' => TrackKind::Video,
            'a' => TrackKind::Audio,
            't' => TrackKind::Text,
            _ => return None,
        };
        number(chars.as_str()).map(|number| Self { kind, number })
    }

    /// Reads the name of a text.
    fn parse_text(text: &str) -> Option<Self> {
        Self::parse(text).filter(|name| name.kind == TrackKind::Text)
    }
}

impl Display for TrackName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            TrackKind::Video => 'v',
            TrackKind::Audio => 'a',
            TrackKind::Text => 't',
        };
        write!(f, "{kind}{}", self.number)
    }
}

/// The media type of a file that has one track of this kind alone (RFC 4337).
pub(super) fn mime_type(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "video/mp4",
        TrackKind::Audio => "audio/mp4",
        TrackKind::Text => "application/mp4",
    }
}

/// Reads a number from 1 on in its one spelling: no sign, no leading zero.
fn number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: TrackName = TrackName { kind: TrackKind::Video, number: 1 };
    const A12: TrackName = TrackName { kind: TrackKind::Audio, number: 12 };
    const T1: TrackName = TrackName { kind: TrackKind::Text, number: 1 };

    /// Each form of address, with what it is.
    fn all() -> Vec<(&'static str, Address, AddressKind, &'static str)> {
        use AddressKind::{Cmaf, Dash, Hls, Text};
        const M3U8: &str = "application/vnd.apple.mpegurl";
        const MPD: &str = "application/dash+xml";
        vec![
            ("/hls/master.m3u8", Address::Multivariant, Hls, M3U8),
            ("/hls/v1.m3u8", Address::Media(V1), Hls, M3U8),
            ("/hls/a12.m3u8", Address::Media(A12), Hls, M3U8),
            ("/hls/t1.m3u8", Address::Media(T1), Hls, M3U8),
            ("/hls/v1-iframes.m3u8", Address::Iframes(V1), Hls, M3U8),
            ("/dash/manifest.mpd", Address::Manifest(Form::Ranges), Dash, MPD),
            ("/dash/manifest-template.mpd", Address::Manifest(Form::Segments), Dash, MPD),
            ("/cmaf/v1.mp4", Address::TrackFile(V1), Cmaf, "video/mp4"),
            ("/cmaf/a12.mp4", Address::TrackFile(A12), Cmaf, "audio/mp4"),
            ("/cmaf/t1.mp4", Address::TrackFile(T1), Cmaf, "application/mp4"),
            ("/cmaf/v1/init.mp4", Address::Init(V1), Cmaf, "video/mp4"),
            ("/cmaf/a12/init.mp4", Address::Init(A12), Cmaf, "audio/mp4"),
            ("/cmaf/v1/42.m4s", Address::Segment(V1, 42), Cmaf, "video/iso.segment"),
            ("/cmaf/a12/4294967295.m4s", Address::Segment(A12, u32::MAX), Cmaf, "video/iso.segment"),
            ("/cmaf/t1.vtt", Address::TextOfSegments(T1), Text, "text/vtt"),
            ("/text/t1.vtt", Address::Text(T1), Text, "text/vtt"),
            ("/text/chapters.vtt", Address::Chapters, Text, "text/vtt"),
        ]
    }

    #[test]
    fn an_address_is_read_and_written() {
        for (path, address, kind, content_type) in all() {
            assert_eq!(Address::parse(path.as_bytes()), Some(address), "{path}");
            assert_eq!(address.to_string(), path);
            assert_eq!(address.kind(), kind, "{path}");
            assert_eq!(address.content_type(), content_type, "{path}");
            let name = address.track().map(|track| track.to_string());
            assert!(name.is_none_or(|name| path.contains(&format!("/{name}"))), "{path}");
        }
    }

    #[test]
    fn a_resource_has_no_second_spelling() {
        for path in [
            "",
            "/",
            "/hls",
            "/hls/",
            "hls/master.m3u8",
            "//hls/master.m3u8",
            "/hls//master.m3u8",
            "/hls/master.m3u8/",
            "/HLS/master.m3u8",
            "/hls/master.M3U8",
            "/hls/master",
            "/hls/master-iframes.m3u8",
            "/hls/v.m3u8",
            "/hls/v0.m3u8",
            "/hls/v01.m3u8",
            "/hls/v+1.m3u8",
            "/hls/v-1.m3u8",
            "/hls/v 1.m3u8",
            "/hls/v1 .m3u8",
            "/hls/v1",
            "/hls/1.m3u8",
            "/hls/x1.m3u8",
            "/hls/vv1.m3u8",
            "/hls/v\u{661}.m3u8",
            "/hls/\u{fc}1.m3u8",
            "/hls/v4294967296.m3u8",
            "/hls/v99999999999999999999.m3u8",
            "/hls/a1-iframes.m3u8",
            "/hls/t1-iframes.m3u8",
            "/hls/v1-iframes-iframes.m3u8",
            "/dash/manifest",
            "/dash/manifest.m3u8",
            "/dash/v1.mpd",
            "/cmaf/v1",
            "/cmaf/v1.m4s",
            "/cmaf/v1.vtt",
            "/cmaf/t01.vtt",
            "/cmaf/chapters.vtt",
            "/cmaf/v1/",
            "/cmaf/v1/init.m4s",
            "/cmaf/v1/1.mp4",
            "/cmaf/v1/0.m4s",
            "/cmaf/v1/042.m4s",
            "/cmaf/v1/+42.m4s",
            "/cmaf/v1/.m4s",
            "/cmaf/v1/4294967296.m4s",
            "/cmaf/v1/a/42.m4s",
            "/cmaf//42.m4s",
            "/cmaf/../hls/master.m3u8",
            "/text/v1.vtt",
            "/text/a1.vtt",
            "/text/t0.vtt",
            "/text/t1.srt",
            "/text/master.vtt",
            "/elsewhere/v1.mp4",
        ] {
            assert_eq!(Address::parse(path.as_bytes()), None, "{path}");
        }
        assert_eq!(Address::parse(b"/hls/v1\0.m3u8"), None);
        assert_eq!(Address::parse(b"/hls/\xff.m3u8"), None);
    }
}
