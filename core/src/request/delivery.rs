//! In which forms a film is sent: flat or fragmented, as what HLS and DASH play, and by which query.

/// The playlists and manifests that stand behind a film's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packaging {
    /// Playlists of HLS.
    pub hls: bool,
    /// Manifests of DASH.
    pub dash: bool,
}

impl Packaging {
    /// Reads the words of a directive, in any case: `hls` and `dash`, or `none` or `off` alone. No
    /// words at all mean none, too.
    pub fn from_directive<'a>(words: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut packaging = Self::default();
        let (mut is_none, mut count) = (false, 0);
        for word in words {
            count += 1;
            match word.to_ascii_lowercase().as_slice() {
                b"hls" => packaging.hls = true,
                b"dash" => packaging.dash = true,
                b"none" | b"off" => is_none = true,
                _ => return None,
            }
        }
        (!is_none || count == 1).then_some(packaging)
    }

    /// Whether any address behind a film's exists.
    pub fn is_on(self) -> bool {
        self.hls || self.dash
    }
}

/// How long segments are at least, in seconds: a segment lasts until the first sync sample after
/// that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentDuration(u8);

impl SegmentDuration {
    /// The longest that a directive may ask for. A segment is what a player gets at once.
    const LONGEST: u8 = 60;

    /// Reads a whole number of seconds, 1 to 60.
    pub fn from_directive(value: &[u8]) -> Option<Self> {
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let seconds = std::str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()?;
        (1..=Self::LONGEST).contains(&seconds).then_some(Self(seconds))
    }

    /// Whole seconds.
    pub fn seconds(self) -> u32 {
        self.0.into()
    }
}

impl Default for SegmentDuration {
    /// What Apple's authoring specification for HLS recommends.
    fn default() -> Self {
        Self(6)
    }
}

/// How playlists and manifests address segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// As byte ranges of `cmaf/v1.mp4`.
    #[default]
    Ranges,
    /// As `cmaf/v1/1.m4s`, counted from 1, after `cmaf/v1/init.mp4`.
    Segments,
}

impl Form {
    /// Reads the value of a directive, in any case: `ranges` or `files`.
    pub fn from_directive(value: &[u8]) -> Option<Self> {
        match value.to_ascii_lowercase().as_slice() {
            b"ranges" => Some(Self::Ranges),
            b"files" => Some(Self::Segments),
            _ => None,
        }
    }
}

/// How the answer to a query is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// All metadata first, then all media.
    #[default]
    Flat,
    /// In movie fragments: little metadata first, and the rest with the media that it is about.
    Fragmented,
    /// Fragmented where the metadata of a flat answer would keep a player waiting.
    Auto,
}

impl Format {
    /// Reads the value of a directive. Case does not matter there.
    pub fn from_directive(value: &[u8]) -> Option<Self> {
        std::str::from_utf8(value).ok()?.to_ascii_lowercase().parse().ok()
    }

    /// What a query calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Fragmented => "fmp4",
            Self::Auto => "auto",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        match s {
            "flat" => Ok(Self::Flat),
            "fmp4" => Ok(Self::Fragmented),
            "auto" => Ok(Self::Auto),
            _ => Err(()),
        }
    }
}

/// What happens to a request for a clip by another query than the canonical one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Canonical {
    /// It is answered.
    #[default]
    Off,
    /// It is redirected, so that caches keep one object for each clip.
    Redirect,
}

impl Canonical {
    /// Reads the value of a directive. Case does not matter there.
    pub fn from_directive(value: &[u8]) -> Option<Self> {
        match value.to_ascii_lowercase().as_slice() {
            b"off" => Some(Self::Off),
            b"redirect" => Some(Self::Redirect),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packaging(words: &str) -> Option<(bool, bool)> {
        Packaging::from_directive(words.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes))
            .map(|packaging| (packaging.hls, packaging.dash))
    }

    #[test]
    fn packaging_is_one_word_or_two() {
        assert_eq!(packaging("hls dash"), Some((true, true)));
        assert_eq!(packaging("DASH"), Some((false, true)));
        assert_eq!(packaging("hls hls"), Some((true, false)));
        for none in ["", "none", "Off"] {
            assert_eq!(packaging(none), Some((false, false)), "{none}");
        }
        for wrong in ["mss", "hls,dash", "hls none", "off off", "on"] {
            assert_eq!(packaging(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_segment_lasts_some_seconds() {
        assert_eq!(SegmentDuration::default().seconds(), 6);
        for seconds in [1, 6, 60] {
            let read = SegmentDuration::from_directive(seconds.to_string().as_bytes());
            assert_eq!(read.map(SegmentDuration::seconds), Some(seconds));
        }
        for wrong in ["", "0", "61", "256", "+6", "-1", "6s", "2.5", " 6", "\u{663}"] {
            assert_eq!(SegmentDuration::from_directive(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_directive_takes_words_in_any_case() {
        assert_eq!(Form::from_directive(b"Files"), Some(Form::Segments));
        assert_eq!(Form::from_directive(b"ranges"), Some(Form::Ranges));
        assert_eq!(Format::from_directive(b"FMP4"), Some(Format::Fragmented));
        assert_eq!(Format::from_directive(b"auto"), Some(Format::Auto));
        for wrong in [&b""[..], b"file", b"fragmented", b"\xff"] {
            assert_eq!((Form::from_directive(wrong), Format::from_directive(wrong)), (None, None));
        }
    }
}
