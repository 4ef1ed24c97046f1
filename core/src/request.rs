//! The query string of a request: which stretch of the film is asked for.

use std::borrow::Cow;

/// How a clip begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// At the sync sample presented at or before the start that was asked for.
    Keyframe,
    /// At the frame that is on screen at the start that was asked for.
    #[default]
    Exact,
}

impl std::str::FromStr for Mode {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        match s {
            "keyframe" => Ok(Self::Keyframe),
            "exact" => Ok(Self::Exact),
            _ => Err(()),
        }
    }
}

/// A time that a viewer named, in nanoseconds. Finer decimals are cut off: two frames
/// are never that close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

/// Later than any film ends. A larger number is taken as this one.
const NEVER: u64 = 1 << 62;

impl Time {
    /// Nanoseconds.
    pub fn nanos(self) -> u64 {
        self.0
    }

    fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(NEVER))
    }

    /// Reads `12`, `12.345`, `m:ss(.fff)` or `h:mm:ss(.fff)`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(':').rev();
        let (whole, decimals) = match fields.next()?.split_once('.') {
            Some((whole, decimals)) => (whole, decimals),
            None => (text.rsplit(':').next()?, ""),
        };
        let minutes = fields.next();
        let hours = fields.next();
        if fields.next().is_some() || (whole.is_empty() && (decimals.is_empty() || minutes.is_some())) {
            return None;
        }
        let mut seconds = if whole.is_empty() { 0 } else { digits(whole)? };
        if minutes.is_some() && (seconds > 59 || whole.len() > 2) {
            return None;
        }
        if let Some(minutes) = minutes {
            let m = digits(minutes)?;
            if hours.is_some() && (m > 59 || minutes.len() > 2) {
                return None;
            }
            seconds = seconds.saturating_add(m.saturating_mul(60));
        }
        if let Some(hours) = hours {
            seconds = seconds.saturating_add(digits(hours)?.saturating_mul(3600));
        }
        let mut nanos = 0;
        if !decimals.is_empty() {
            digits(decimals)?;
            let nine = decimals.bytes().chain(std::iter::repeat(b'0')).take(9);
            nanos = nine.fold(0, |n, d| n * 10 + u64::from(d - b'0'));
        }
        Some(Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos).min(NEVER)))
    }
}

/// A number of any length, in digits only; saturates.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.bytes().fold(0u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0'))))
}

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
    /// One of a kind, 1-based, in the order of the film: `a2`.
    Nth(TrackKind, u32),
    /// The one with this track number: `3`.
    Id(u32),
}

impl TrackSelector {
    /// Reads `v1-a2`, `audio`, `video,text`, `3`.
    fn parse_list(text: &str) -> Option<Vec<Self>> {
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

/// The stretch of a film that a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClipRequest {
    /// Where the clip begins.
    pub start: Time,
    /// Where it ends; `None` for the end of the film.
    pub end: Option<Time>,
    /// How it begins.
    pub mode: Mode,
    /// Which tracks; empty for all.
    pub tracks: Vec<TrackSelector>,
    /// The language of sound and text, as a BCP 47 tag.
    pub lang: Option<String>,
    /// Whether the query names any stretch or tracks at all.
    pub is_cut: bool,
}

/// Why a query cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A value is not of the form its key takes.
    #[error("{key}={value}: {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value, made printable.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A key stands twice, with different values.
    #[error("{0} is given twice, with different values")]
    Twice(&'static str),
    /// The stretch has no length.
    #[error("the clip ends ({end}) at or before its start ({start})")]
    Backwards {
        /// The parameter that says where the clip begins.
        start: &'static str,
        /// The parameter that says where it ends.
        end: &'static str,
    },
    /// `tracks` names none that the film has.
    #[error("the film has none of the tracks that are asked for")]
    NoSuchTrack,
    /// `start` lies at or past `vend`.
    #[error("start is at or past the end of the stretch that vbegin and vend name")]
    PastEnd,
}

const SECONDS: &str = "not a time; seconds (61.5) or h:mm:ss (0:01:01.5) are";

impl ClipRequest {
    /// Reads a query string (without its `?`, percent-encoded as it came).
    ///
    /// | key | value |
    /// |---|---|
    /// | `start`, `end` | times, relative to `vbegin` |
    /// | `vbegin`, `vend` | times: the stretch of the film that `start` and `end` count in |
    /// | `t` | `a,b`, `a` or `,b` as in W3C media fragments, with or without `npt:` |
    /// | `mode` | `keyframe` or `exact` |
    /// | `tracks` | `v1-a2`, `audio`, `video`, `text`, or track numbers: only these |
    /// | `lang` | a BCP 47 tag: of sound and text only this language, where the film has it |
    ///
    /// Other keys are none of our business.
    ///
    /// # Errors
    /// When a value cannot be read, a key is repeated with another value, or the
    /// stretch would have no length.
    pub fn parse(query: &[u8], default_mode: Mode) -> Result<Self, RequestError> {
        let mut start = None;
        let mut end = None;
        let mut vbegin = None;
        let mut vend = None;
        let mut mode = None;
        let mut tracks = None;
        let mut lang = None;
        for (key, value) in pairs(query) {
            match &*key {
                b"start" => set(&mut start, "start", time("start", &value)?)?,
                b"end" => set(&mut end, "end", time("end", &value)?)?,
                b"vbegin" => set(&mut vbegin, "vbegin", time("vbegin", &value)?)?,
                b"vend" => set(&mut vend, "vend", time("vend", &value)?)?,
                b"t" => {
                    let (from, to) = fragment(&value)?;
                    from.map_or(Ok(()), |from| set(&mut start, "start (or t)", from))?;
                    to.map_or(Ok(()), |to| set(&mut end, "end (or t)", to))?;
                }
                b"tracks" => {
                    let parsed = std::str::from_utf8(&value).ok().and_then(TrackSelector::parse_list);
                    let expected = "not tracks; v1-a2, audio, video, text or track numbers are";
                    set(&mut tracks, "tracks", parsed.ok_or_else(|| bad("tracks", &value, expected))?)?;
                }
                b"lang" => {
                    let parsed = std::str::from_utf8(&value).ok().filter(|v| is_language_tag(v));
                    let expected = "not a language tag; en or pt-BR are";
                    let parsed = parsed.ok_or_else(|| bad("lang", &value, expected))?;
                    set(&mut lang, "lang", parsed.to_ascii_lowercase())?;
                }
                b"mode" => {
                    let parsed = std::str::from_utf8(&value).ok().and_then(|v| v.parse().ok());
                    let expected = "keyframe or exact is allowed";
                    set(&mut mode, "mode", parsed.ok_or_else(|| bad("mode", &value, expected))?)?;
                }
                _ => {}
            }
        }
        let has_time = start.or(end).or(vbegin).or(vend).is_some();
        let is_cut = has_time || tracks.is_some() || lang.is_some();
        let tracks = tracks.unwrap_or_default();
        if let (Some(vbegin), Some(vend)) = (vbegin.or(Some(Time(0))), vend) {
            if vend <= vbegin {
                return Err(RequestError::Backwards { start: "vbegin", end: "vend" });
            }
        }
        if end.is_some_and(|end| end <= start.unwrap_or_default()) {
            return Err(RequestError::Backwards { start: "start", end: "end" });
        }
        let base = vbegin.unwrap_or_default();
        let start = base.plus(start.unwrap_or_default());
        let end = [end.map(|end| base.plus(end)), vend].into_iter().flatten().min();
        // Beyond the longest time there is, all times are the same.
        if end.is_some_and(|end| start >= end) {
            return Err(RequestError::PastEnd);
        }
        Ok(Self { start, end, mode: mode.unwrap_or(default_mode), tracks, lang, is_cut })
    }

    /// Bytes it takes besides its own size.
    pub fn heap_size(&self) -> usize {
        self.tracks.capacity() * size_of::<TrackSelector>() + self.lang.as_ref().map_or(0, String::capacity)
    }
}

fn is_language_tag(text: &str) -> bool {
    text.split('-')
        .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The `start` of a query for an FLV, which counts bytes; `None` when there is none.
///
/// # Errors
/// When it is not a whole number, or stands twice with different values.
pub fn flv_start(query: &[u8]) -> Result<Option<u64>, RequestError> {
    let mut start = None;
    for (key, value) in pairs(query) {
        if &*key == b"start" {
            let parsed = std::str::from_utf8(&value).ok().and_then(digits);
            let expected = "not a whole number of bytes, which an FLV takes";
            set(&mut start, "start", parsed.ok_or_else(|| bad("start", &value, expected))?)?;
        }
    }
    Ok(start)
}

fn time(key: &'static str, value: &[u8]) -> Result<Time, RequestError> {
    std::str::from_utf8(value).ok().and_then(Time::parse).ok_or_else(|| bad(key, value, SECONDS))
}

/// The value of `t`: Media Fragments URI 1.0, section 4.2.1.
fn fragment(value: &[u8]) -> Result<(Option<Time>, Option<Time>), RequestError> {
    let wrong = || bad("t", value, "not a stretch of time; a,b or a or ,b in seconds or h:mm:ss are");
    let text = std::str::from_utf8(value).map_err(|_| wrong())?;
    let text = text.strip_prefix("npt:").unwrap_or(text);
    let (from, to) = text.split_once(',').map_or((text, None), |(from, to)| (from, Some(to)));
    let from =
        if from.is_empty() && to.is_some() { None } else { Some(Time::parse(from).ok_or_else(wrong)?) };
    let to = to.map(|to| Time::parse(to).ok_or_else(wrong)).transpose()?;
    Ok((from, to))
}

fn set<T: PartialEq>(slot: &mut Option<T>, key: &'static str, value: T) -> Result<(), RequestError> {
    match slot.replace(value) {
        Some(old) if slot.as_ref() != Some(&old) => Err(RequestError::Twice(key)),
        _ => Ok(()),
    }
}

fn bad(key: &'static str, value: &[u8], expected: &'static str) -> RequestError {
    // It goes into a log line: no control characters, and not more than a line's worth.
    let value = value.get(..value.len().min(64)).unwrap_or_default().escape_ascii().to_string();
    RequestError::Value { key, value, expected }
}

fn pairs(query: &[u8]) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    query.split(|&b| b == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let mut halves = pair.splitn(2, |&b| b == b'=');
        let key = halves.next().unwrap_or_default();
        let value = halves.next().unwrap_or_default();
        (decode(key), decode(value))
    })
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode(text).into()
}

/// The extensions served when the configuration names none.
pub const DEFAULT_EXTENSIONS: &[&str] =
    &[".mp4", ".m4v", ".m4a", ".m4b", ".mov", ".f4v", ".3gp", ".3g2", ".flv"];

/// Whether `path` ends in one of `extensions` (ASCII case does not matter; with
/// or without the leading dot).
pub fn has_extension<'a>(path: &[u8], extensions: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    extensions.into_iter().any(|ext| {
        let ext = ext.strip_prefix(b".").unwrap_or(ext);
        let at = name.len().checked_sub(ext.len() + 1).filter(|_| !ext.is_empty());
        at.and_then(|at| name.get(at..))
            .is_some_and(|end| end.strip_prefix(b".").is_some_and(|e| e.eq_ignore_ascii_case(ext)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<ClipRequest, RequestError> {
        ClipRequest::parse(query.as_bytes(), Mode::Exact)
    }

    fn millis(query: &str) -> (u64, Option<u64>) {
        let r = parse(query).unwrap();
        assert!(r.is_cut);
        (r.start.nanos() / 1_000_000, r.end.map(|e| e.nanos() / 1_000_000))
    }

    #[test]
    fn times_have_the_forms_people_write() {
        for (text, nanos) in [
            ("0", 0),
            ("61.5", 61_500_000_000),
            (".25", 250_000_000),
            ("5.", 5_000_000_000),
            ("007", 7_000_000_000),
            ("0.0000000019", 1),
            ("0.333333333333333333333333", 333_333_333),
            ("1:05", 65_000_000_000),
            ("90:00.5", 5_400_500_000_000),
            ("1:02:03.25", 3_723_250_000_000),
            ("100:00:00", 360_000_000_000_000),
        ] {
            assert_eq!(Time::parse(text), Some(Time(nanos)), "{text}");
        }
        assert_eq!(Time::parse("99999999999999999999999999"), Some(Time(NEVER)));
        for text in [
            "", ".", "-1", "+1", "nan", "inf", "1e3", "1,5", "0x10", " 1", "1:60", "1:2:3:4", ":5", "1:",
            "1:.5", "1:60:00", "1:2.5:3", "1.2.3", "٣",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn parameters_name_a_stretch() {
        assert_eq!(millis("start=61.5"), (61_500, None));
        assert_eq!(millis("end=9"), (0, Some(9_000)));
        assert_eq!(millis("start=1&end=2.5"), (1_000, Some(2_500)));
        assert_eq!(millis("t=1,2"), (1_000, Some(2_000)));
        assert_eq!(millis("t=npt:10"), (10_000, None));
        assert_eq!(millis("t=,0:10"), (0, Some(10_000)));
        assert_eq!(millis("vbegin=100&start=5&end=10"), (105_000, Some(110_000)));
        assert_eq!(millis("vbegin=100&vend=104&end=10"), (100_000, Some(104_000)));
        assert_eq!(millis("vend=104"), (0, Some(104_000)));
        assert_eq!(millis("%73tart=%36%31.5"), (61_500, None));
        assert_eq!(millis("start=1&start=1.0&t=1"), (1_000, None));
        assert_eq!(millis("&&autoplay&start=1&s=9&starts=8&foo=%zz"), (1_000, None));
    }

    #[test]
    fn a_query_without_a_time_asks_for_the_whole_film() {
        for query in ["", "s=5", "START=5", "restart=5", "mode=keyframe"] {
            let r = parse(query).unwrap();
            assert!(!r.is_cut, "{query}");
            assert_eq!((r.start, r.end), (Time(0), None));
        }
    }

    #[test]
    fn the_query_overrides_the_mode() {
        assert_eq!(parse("start=1").unwrap().mode, Mode::Exact);
        assert_eq!(parse("start=1&mode=keyframe").unwrap().mode, Mode::Keyframe);
        assert!(parse("start=1&mode=fast").is_err());
    }

    #[test]
    fn tracks_are_named_by_kind_place_or_number() {
        use TrackKind::{Audio, Text, Video};
        use TrackSelector::{Id, Kind, Nth};
        for (text, tracks) in [
            ("v1-a2", vec![Nth(Video, 1), Nth(Audio, 2)]),
            ("audio", vec![Kind(Audio)]),
            ("video,s1,7", vec![Kind(Video), Nth(Text, 1), Id(7)]),
        ] {
            let r = parse(&format!("tracks={text}")).unwrap();
            assert_eq!((r.tracks, r.is_cut), (tracks, true));
        }
        for text in ["", "a0", "a-", "x", "1a", "v1-", "a4294967296", "audio 1"] {
            assert!(parse(&format!("tracks={text}")).is_err(), "{text}");
        }
        assert_eq!(parse("lang=pt-BR&lang=PT-br").unwrap().lang.as_deref(), Some("pt-br"));
        assert!(parse("lang=").is_err() && parse("lang=en_US").is_err() && parse("lang=en&lang=de").is_err());
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (query, reason) in [
            ("start=", "start=: not a time"),
            ("start", "start=: not a time"),
            ("start=-1", "start=-1: not a time"),
            ("end=NaN", "end=NaN: not a time"),
            ("start=1+1", "start=1+1: not a time"),
            ("start=%0a", r"start=\n: not a time"),
            ("t=", "t=: not a stretch"),
            ("t=,", "t=,: not a stretch"),
            ("t=1,2,3", "t=1,2,3: not a stretch"),
            ("start=1&start=2", "start is given twice"),
            ("start=1&t=2", "start (or t) is given twice"),
            ("start=2&end=2", "the clip ends (end) at or before its start (start)"),
            ("end=0", "the clip ends"),
            ("vbegin=5&vend=5", "the clip ends (vend)"),
            ("vbegin=5&vend=9&start=4", "start is at or past"),
            ("vbegin=99999999999&end=1", "start is at or past"),
        ] {
            let error = parse(query).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{query}: {error}");
        }
    }

    #[test]
    fn an_flv_counts_bytes() {
        assert_eq!(flv_start(b"start=12345&x=1"), Ok(Some(12_345)));
        assert_eq!(flv_start(b"x=1"), Ok(None));
        assert!(flv_start(b"start=1.5").is_err());
    }

    #[test]
    fn an_extension_is_the_end_of_the_name() {
        let ours =
            |path: &str| has_extension(path.as_bytes(), DEFAULT_EXTENSIONS.iter().map(|e| e.as_bytes()));
        assert!(ours("/a/b.mp4") && ours("/a/b.MP4") && ours("c.m4v") && ours("/x.y/.mp4"));
        assert!(!ours("/a/mp4") && !ours("/a.mp4/b") && !ours("/a/b.mp4x") && !ours("") && !ours("/"));
        assert!(has_extension(b"a.mp4", [&b"mp4"[..]]) && !has_extension(b"a.", [&b""[..]]));
    }
}
