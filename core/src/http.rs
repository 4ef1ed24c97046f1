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
    /// 206, one range: send `Content-Range: bytes a-b/len`.
    Single(Range<u64>),
    /// 206, `multipart/byteranges`.
    Multi(Multipart),
    /// 304, no body.
    NotModified,
    /// 412, no body of ours.
    PreconditionFailed,
    /// 416: send `Content-Range: bytes */len`.
    Unsatisfiable,
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

/// A stretch of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Delimiters and part headers, as they are sent.
    Text(String),
    /// A range of the virtual file.
    Range(Range<u64>),
}

/// Applies the conditions in the order of RFC 9110, section 13.2.2, for GET and HEAD.
/// `mtime` is the `Last-Modified` of the answer in seconds since the epoch,
/// `content_type` that of the film.
pub fn select(
    _conditions: &Conditions<'_>,
    _etag: &str,
    _mtime: i64,
    _len: u64,
    _content_type: &[u8],
) -> Selection {
    Selection::Full
}
