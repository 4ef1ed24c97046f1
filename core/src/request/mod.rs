//! The query string of a request: which stretch of the film is asked for.

mod options;
mod time;
mod tracks;

use std::borrow::Cow;

pub use options::{DEFAULT_EXTENSIONS, Mode, has_extension};
pub use time::Time;
pub use tracks::{TrackKind, TrackSelector};

use time::digits;

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
}
