//! Conditional requests and byte ranges (RFC 9110, sections 13 and 14), for the
//! server whose own code falls short.

use std::ops::Range;

/// The request headers that choose what of a virtual file is sent, as they came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// `If-Match`
    pub if_match: Option<&'a [u8]>,
    /// `If-None-Match`
    pub if_none_match: Option<&'a [u8]>,
    /// `If-Modified-Since`
    pub if_modified_since: Option<&'a [u8]>,
    /// `If-Unmodified-Since`
    pub if_unmodified_since: Option<&'a [u8]>,
    /// `Range`
    pub range: Option<&'a [u8]>,
    /// `If-Range`
    pub if_range: Option<&'a [u8]>,
}

/// What of the virtual file goes out, and with which status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// 200, everything.
    Full,
    /// 206, one range: send its [`content_range`].
    Single(Range<u64>),
    /// 206, `multipart/byteranges`.
    Multi(Multipart),
    /// 304, no body.
    NotModified,
    /// 412, no body of ours.
    PreconditionFailed,
    /// 416: send a [`content_range`] without a range.
    Unsatisfiable,
}

/// The value of `Content-Range` for a range of an answer of `len` bytes; without one for a refusal,
/// which says how long the answer is (RFC 9110, 14.4).
pub fn content_range(range: Option<&Range<u64>>, len: u64) -> String {
    match range {
        Some(range) => format!("bytes {}-{}/{len}", range.start, range.end.saturating_sub(1)),
        None => format!("bytes */{len}"),
    }
}

/// A `multipart/byteranges` body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multipart {
    /// The value of the answer's `Content-Type`.
    pub content_type: String,
    /// The body in order.
    pub parts: Vec<Part>,
    /// Length of the whole body: the exact `Content-Length`.
    pub len: u64,
}

/// A part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Delimiters and part headers, as they are sent.
    Text(String),
    /// A range of the virtual file.
    Range(Range<u64>),
}

/// Ranges of one request; more are not worth serving piecemeal (Apache's `MaxRanges` is the same).
const MAX_RANGES: usize = 200;

/// An entity tag without the mark of a weak one (RFC 9110, section 8.8.3).
pub fn opaque_tag(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}

fn is_weak(etag: &str) -> bool {
    opaque_tag(etag).len() < etag.len()
}

/// Applies the conditions in the order of RFC 9110, section 13.2.2, for GET; for HEAD, which takes
/// no ranges, leave `range` out. `etag` may be a weak one, `mtime` is the `Last-Modified` of the
/// answer in seconds since the epoch, `content_type` that of the movie.
pub fn select(
    conditions: &Conditions<'_>,
    etag: &str,
    mtime: i64,
    len: u64,
    content_type: &[u8],
) -> Selection {
    if let Some(list) = conditions.if_match {
        if !names(list, etag, Comparison::Strong) {
            return Selection::PreconditionFailed;
        }
    } else if conditions.if_unmodified_since.and_then(date).is_some_and(|date| mtime > date) {
        return Selection::PreconditionFailed;
    }
    if let Some(list) = conditions.if_none_match {
        if names(list, etag, Comparison::Weak) {
            return Selection::NotModified;
        }
    } else if conditions.if_modified_since.and_then(date).is_some_and(|date| mtime <= date) {
        return Selection::NotModified;
    }
    let Some(range) = conditions.range else { return Selection::Full };
    if !conditions.if_range.is_none_or(|validator| is_current(validator, etag, mtime)) {
        return Selection::Full;
    }
    let Some(mut ranges) = parse_ranges(range, len) else { return Selection::Full };
    match ranges.len() {
        0 => Selection::Unsatisfiable,
        1 => Selection::Single(ranges.remove(0)),
        // More than the whole movie in pieces: the whole is the better answer.
        _ if ranges.iter().map(|r| r.end - r.start).fold(0u64, u64::saturating_add) > len => Selection::Full,
        _ => Selection::Multi(multipart(ranges, etag, len, content_type)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags names `etag` (RFC 9110, section 8.8.3.2).
fn names(list: &[u8], etag: &str, comparison: Comparison) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let mut rest = list;
    loop {
        // Empty elements are allowed (RFC 9110, section 5.6.1.2).
        while let Some(after) = rest.trim_ascii_start().strip_prefix(b",") {
            rest = after;
        }
        rest = rest.trim_ascii_start();
        let weak = rest.starts_with(b"W/");
        let tag = if weak { rest.get(2..).unwrap_or_default() } else { rest };
        let Some(quoted) = tag.strip_prefix(b"\"") else { return false };
        let Some(close) = quoted.iter().position(|&b| b == b'"') else { return false };
        let same = tag.get(..close + 2) == Some(opaque_tag(etag).as_bytes());
        if same && (comparison == Comparison::Weak || !(weak || is_weak(etag))) {
            return true;
        }
        rest = quoted.get(close + 1..).unwrap_or_default().trim_ascii_start();
        let Some(next) = rest.strip_prefix(b",") else { return false };
        rest = next;
    }
}

/// Whether an `If-Range` still holds: the same strong tag, or exactly the same date. Where the tag
/// is weak, so is the date: neither tells two contents of one second apart.
fn is_current(validator: &[u8], etag: &str, mtime: i64) -> bool {
    let validator = validator.trim_ascii();
    !is_weak(etag) && (validator == etag.as_bytes() || date(validator) == Some(mtime))
}

/// A date in any of its forms (RFC 9110, 5.6.7), in seconds since the epoch. The weekday adds nothing to
/// the rest of it. Servers look whether there is one, not whether it is that of the date.
fn date(value: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let (weekday, rest) = text.split_at(text.find([',', ' '])?);
    let form = |name: &'static str| if weekday.len() == 3 { name.get(..3) } else { Some(name) };
    let names = || WEEKDAYS.into_iter().filter_map(form);
    if !names().any(|name| name == weekday) {
        return None;
    }
    let time = names().find_map(|name| httpdate::parse_http_date(&format!("{name}{rest}")).ok())?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The satisfiable ranges of a `Range` header; `None` when the header is to be ignored.
fn parse_ranges(value: &[u8], len: u64) -> Option<Vec<Range<u64>>> {
    let value = std::str::from_utf8(value).ok()?.trim();
    let (unit, set) = value.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut ranges = Vec::new();
    let mut seen = 0;
    for spec in set.split(',').map(str::trim).filter(|s| !s.is_empty()) {
        seen += 1;
        if seen > MAX_RANGES {
            return None;
        }
        let (first, last) = spec.split_once('-')?;
        let range = match (first.trim(), last.trim()) {
            ("", suffix) => len.saturating_sub(number(suffix)?)..len,
            (first, "") => number(first)?..len,
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                first..last.saturating_add(1).min(len)
            }
        };
        if range.start < range.end {
            ranges.push(range);
        }
    }
    (seen > 0).then_some(ranges)
}

/// Digits only; a number too large is as good as the largest.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

fn multipart(ranges: Vec<Range<u64>>, etag: &str, len: u64, content_type: &[u8]) -> Multipart {
    // The same movie gives the same body, so that a resumed download fits.
    let boundary: String = opaque_tag(etag).chars().filter(|c| c.is_ascii_alphanumeric()).take(60).collect();
    let content_type = String::from_utf8_lossy(content_type);
    let mut parts = Vec::new();
    let mut total = 0;
    let mut add = |part: Part| {
        total += match &part {
            Part::Text(text) => text.len() as u64,
            Part::Range(range) => range.end - range.start,
        };
        parts.push(part);
    };
    for range in ranges {
        let kind =
            if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        let bytes = content_range(Some(&range), len);
        add(Part::Text(format!("\r\n--{boundary}\r\n{kind}Content-Range: {bytes}\r\n\r\n")));
        add(Part::Range(range));
    }
    add(Part::Text(format!("\r\n--{boundary}--\r\n")));
    Multipart { content_type: format!("multipart/byteranges; boundary={boundary}"), parts, len: total }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"abc-1\"";
    const MTIME: i64 = 784_111_777;
    const DATE: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &[u8] = b"Sun, 06 Nov 1994 08:49:36 GMT";

    fn with(set: impl FnOnce(&mut Conditions<'static>)) -> Selection {
        let mut conditions = Conditions::default();
        set(&mut conditions);
        select(&conditions, ETAG, MTIME, 1000, b"video/mp4")
    }

    #[test]
    fn conditions_come_in_the_order_of_the_rfc() {
        assert_eq!(with(|_| {}), Selection::Full);
        assert_eq!(with(|c| c.if_none_match = Some(b"\"x\", W/\"abc-1\"")), Selection::NotModified);
        assert_eq!(with(|c| c.if_none_match = Some(b", ,\"x\",, \"abc-1\"")), Selection::NotModified);
        assert_eq!(with(|c| c.if_none_match = Some(b"*")), Selection::NotModified);
        assert_eq!(with(|c| c.if_none_match = Some(b"\"abc-10\"")), Selection::Full);
        assert_eq!(with(|c| c.if_modified_since = Some(DATE)), Selection::NotModified);
        assert_eq!(with(|c| c.if_modified_since = Some(EARLIER)), Selection::Full);
        assert_eq!(with(|c| c.if_modified_since = Some(b"yesterday")), Selection::Full);
        assert_eq!(with(|c| c.if_match = Some(b"\"abc-1\"")), Selection::Full);
        assert_eq!(with(|c| c.if_match = Some(b"W/\"abc-1\"")), Selection::PreconditionFailed);
        assert_eq!(with(|c| c.if_match = Some(b"\"other\"")), Selection::PreconditionFailed);
        assert_eq!(with(|c| c.if_unmodified_since = Some(EARLIER)), Selection::PreconditionFailed);
        assert_eq!(with(|c| c.if_unmodified_since = Some(DATE)), Selection::Full);
        for wrong_day in [
            &b"Mon, 06 Nov 1994 08:49:36 GMT"[..],
            b"Saturday, 06-Nov-94 08:49:36 GMT",
            b"Fri Nov  6 08:49:36 1994",
        ] {
            let shown = wrong_day.escape_ascii();
            assert_eq!(date(wrong_day), Some(MTIME - 1), "{shown}");
            let unmodified = with(|c| c.if_unmodified_since = Some(wrong_day));
            assert_eq!(unmodified, Selection::PreconditionFailed, "{shown}");
        }
        for none in [
            &b"Any, 06 Nov 1994 08:49:36 GMT"[..],
            b"06 Nov 1994 08:49:36 GMT",
            b"Sun, 31 Feb 1994 08:49:36 GMT",
            b"Sun",
            b"",
        ] {
            assert_eq!(date(none), None, "{}", none.escape_ascii());
        }
        let tag_wins = with(|c| {
            c.if_none_match = Some(b"\"other\"");
            c.if_modified_since = Some(DATE);
        });
        assert_eq!(tag_wins, Selection::Full);
    }

    #[test]
    fn ranges_are_cut_to_the_film() {
        let range = |value: &'static [u8]| with(|c| c.range = Some(value));
        assert_eq!(range(b"bytes=0-0"), Selection::Single(0..1));
        assert_eq!(range(b"bytes=990-"), Selection::Single(990..1000));
        assert_eq!(range(b"bytes=-10"), Selection::Single(990..1000));
        assert_eq!(range(b"bytes=-5000"), Selection::Single(0..1000));
        assert_eq!(range(b"bytes=5-99999999999999999999999"), Selection::Single(5..1000));
        assert_eq!(range(b"bytes=1000-"), Selection::Unsatisfiable);
        assert_eq!(range(b"bytes=-0"), Selection::Unsatisfiable);
        assert_eq!(range(b"bytes=1000-, 3-4"), Selection::Single(3..5));
        for ignored in [
            &b"bytes=9-3"[..],
            b"bytes=",
            b"bytes=a-b",
            b"bytes",
            b"items=1-2",
            b"bytes=1-2-3",
            b"bytes=+1-2",
        ] {
            assert_eq!(range(ignored), Selection::Full, "{}", ignored.escape_ascii());
        }
        assert_eq!(range(b"bytes=0-,0-,0-"), Selection::Full);
    }

    #[test]
    fn if_range_must_match_exactly() {
        let range = |value: &'static [u8]| {
            with(|c| {
                c.range = Some(b"bytes=0-9");
                c.if_range = Some(value);
            })
        };
        assert_eq!(range(b"\"abc-1\""), Selection::Single(0..10));
        assert_eq!(range(DATE), Selection::Single(0..10));
        assert_eq!(range(b"W/\"abc-1\""), Selection::Full);
        assert_eq!(range(EARLIER), Selection::Full);
        assert_eq!(range(b"\"old\""), Selection::Full);
    }

    #[test]
    fn a_weak_tag_is_no_reason_to_send_a_part() {
        let weak = |set: fn(&mut Conditions<'static>)| {
            let mut conditions = Conditions::default();
            set(&mut conditions);
            select(&conditions, "W/\"abc-1\"", MTIME, 1000, b"video/mp4")
        };
        for tag in [&b"\"abc-1\""[..], b"W/\"abc-1\"", DATE] {
            let mut conditions = Conditions { range: Some(b"bytes=0-9"), ..Conditions::default() };
            let asked = |c: &Conditions<'_>| select(c, "W/\"abc-1\"", MTIME, 1000, b"video/mp4");
            assert_eq!(asked(&conditions), Selection::Single(0..10));
            conditions.if_range = Some(tag);
            assert_eq!(asked(&conditions), Selection::Full, "{}", tag.escape_ascii());
        }
        assert_eq!(weak(|c| c.if_match = Some(b"\"abc-1\"")), Selection::PreconditionFailed);
        assert_eq!(weak(|c| c.if_match = Some(b"W/\"abc-1\"")), Selection::PreconditionFailed);
        assert_eq!(weak(|c| c.if_match = Some(b"*")), Selection::Full);
        assert_eq!(weak(|c| c.if_none_match = Some(b"\"abc-1\"")), Selection::NotModified);
        assert_eq!(weak(|c| c.if_none_match = Some(b"W/\"abc-1\"")), Selection::NotModified);
        assert_eq!(weak(|c| c.if_none_match = Some(b"W/\"abc-2\"")), Selection::Full);
        let Selection::Multi(parts) = weak(|c| c.range = Some(b"bytes=0-1,5-6")) else {
            panic!("not multipart")
        };
        assert!(parts.content_type.ends_with("boundary=abc1"), "{}", parts.content_type);
    }

    #[test]
    fn several_ranges_make_a_multipart_body_of_the_length_it_says() {
        let Selection::Multi(body) = with(|c| c.range = Some(b"bytes=0-1, -2,500-502")) else {
            panic!("not multipart")
        };
        assert_eq!(body.content_type, "multipart/byteranges; boundary=abc1");
        let text: String = body
            .parts
            .iter()
            .map(|p| match p {
                Part::Text(t) => t.clone(),
                Part::Range(r) => "x".repeat(usize::try_from(r.end - r.start).unwrap()),
            })
            .collect();
        assert_eq!(text.len() as u64, body.len);
        assert_eq!(
            text,
            "\r\n--abc1\r\nContent-Type: video/mp4\r\nContent-Range: bytes 0-1/1000\r\n\r\nxx\
             \r\n--abc1\r\nContent-Type: video/mp4\r\nContent-Range: bytes 998-999/1000\r\n\r\nxx\
             \r\n--abc1\r\nContent-Type: video/mp4\r\nContent-Range: bytes 500-502/1000\r\n\r\nxxx\
             \r\n--abc1--\r\n"
        );
    }
}
