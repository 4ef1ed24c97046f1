//! From a request to an answer.

use std::ffi::{c_int, c_void};
use std::fmt::Display;
use std::sync::OnceLock;

use mp4seek::http::{Conditions, Part, Selection, content_range, select};
use mp4seek::pace::Pace;
use mp4seek::request::{Settings, has_default_extension};
use mp4seek::server::{LogLine, VERSION, VERSION_HEADER, report_panics};
use mp4seek::source::{Identity, Resident};
use mp4seek::virtual_file::VirtualFile;
use mp4seek::{Answer, Error, Seeker};

use crate::body::Body;
use crate::context::Planned;
use crate::ffi;
use crate::pace::Pacer;
use crate::pool;
use crate::reads::{Awaited, OpenFile};

/// What becomes of a request.
pub(crate) enum Outcome {
    /// A status of HTTP, or one of `h264_outcome`.
    Status(c_int),
    /// The plan is made on another thread.
    Waits(Planned),
    Body(Body),
}

/// A request for the time of one call.
pub(crate) struct Request(*mut ffi::ngx_http_request_s);

macro_rules! lent {
    ($request:ident, $function:ident $(, $value:expr)*) => {
        // SAFETY: a live request, by the promise of `Request::new`; what it lends stays that long.
        unsafe { ffi::slice_of($request, ffi::$function($request.0 $(, $value)*)) }
    };
}

impl Request {
    /// # Safety
    /// A request of the running handler, whose context holds its file.
    pub(crate) unsafe fn new(raw: *mut ffi::ngx_http_request_s) -> Self {
        Self(raw)
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        let value = lent!(self, h264_header, ffi::bytes(name.as_bytes()));
        (!value.is_empty()).then_some(value)
    }

    fn is_head(&self) -> bool {
        // SAFETY: by the promise of `new`.
        unsafe { ffi::h264_is_head(self.0) != 0 }
    }

    /// Has a thread do what is boxed there.
    pub(crate) fn post(&self, work: *mut c_void) -> u32 {
        // SAFETY: by the promise of `new`. The server hands the box to `h264_work` once.
        let posted = unsafe { ffi::h264_post(self.0, work) };
        posted.try_into().unwrap_or(ffi::H264_NOT_POSTED)
    }

    /// Whether ranges and conditions speak of this: not where it is part of another answer.
    fn is_main(&self) -> bool {
        // SAFETY: by the promise of `new`.
        unsafe { ffi::h264_is_subrequest(self.0) == 0 }
    }

    fn max_ranges(&self) -> usize {
        // SAFETY: by the promise of `new`.
        unsafe { ffi::h264_max_ranges(self.0) }
    }

    /// How fast its answer is sent. Part of another answer is sent as that one is.
    fn pace(&self) -> Pace {
        if !self.is_main() {
            return Pace::default();
        }
        // SAFETY: by the promise of `new`.
        let pace = unsafe { ffi::h264_pace(self.0) };
        Pace { lead_in: pace.buffer_seconds, rate: pace.rate }
    }

    fn etags_enabled(&self) -> bool {
        // SAFETY: by the promise of `new`.
        unsafe { ffi::h264_etags_enabled(self.0) != 0 }
    }

    fn set_header(&self, name: &[u8], value: &[u8]) -> bool {
        // SAFETY: by the promise of `new`; the server copies both.
        unsafe { ffi::h264_set_header(self.0, ffi::bytes(name), ffi::bytes(value)) != 0 }
    }

    pub(crate) fn log(&self, is_error: bool, message: &dyn Display) {
        let (path, query) = (lent!(self, h264_path), lent!(self, h264_query));
        let line = LogLine { client: None, path, query, message }.to_string();
        // SAFETY: by the promise of `new`; the server copies the line.
        unsafe { ffi::h264_log(self.0, is_error.into(), ffi::bytes(line.as_bytes())) };
    }
}

/// The seeker of the process. Its first request creates it, after the server has forked.
fn seeker() -> &'static Seeker {
    static SEEKER: OnceLock<Seeker> = OnceLock::new();
    SEEKER.get_or_init(|| {
        report_panics(pool::note_panic);
        Seeker::default()
    })
}

pub(crate) fn answer(request: &Request, file: OpenFile) -> Outcome {
    if !has_default_extension(lent!(request, h264_path)) {
        return Outcome::Status(0);
    }
    let identity = match file.metadata() {
        Ok(metadata) => Identity::of(&metadata),
        Err(error) => return fail(request, &error),
    };
    let settings = Settings { lays_out_whole: request.pace().is_on(), ..Settings::default() };
    let query = lent!(request, h264_query);
    match seeker().answer(&Resident::of(&file), &identity, query, &settings) {
        Err(error) if error.would_block() => {}
        answer => return answer_with(request, answer, file, &identity),
    }
    let query = query.to_vec();
    let plan = move |file: &Awaited| seeker().answer(file, &identity, &query, &settings);
    match pool::run(request, &file, plan) {
        Ok(answer) => answer_when_planned(request, Planned { file, identity, answer }),
        Err(error) => fail(request, &error),
    }
}

/// Answers a request whose plan a thread makes, or waits for the plan.
pub(crate) fn answer_when_planned(request: &Request, planned: Planned) -> Outcome {
    match planned.answer.take() {
        pool::Outcome::Pending => Outcome::Waits(planned),
        pool::Outcome::Done(answer) => answer_with(request, answer, planned.file, &planned.identity),
        pool::Outcome::Panicked(panic) => fail(request, &panic),
    }
}

pub(crate) fn fail(request: &Request, error: &dyn Display) -> Outcome {
    request.log(true, error);
    Outcome::Status(500)
}

fn answer_with(
    request: &Request,
    answer: Result<Answer, Error>,
    file: OpenFile,
    identity: &Identity,
) -> Outcome {
    match answer {
        Ok(Answer::Plain(_)) => Outcome::Status(0),
        Ok(Answer::Film(film)) => send(request, film, file, identity.mtime),
        Err(error) => {
            request.log(error.status() >= 500, &error);
            Outcome::Status(error.status().into())
        }
    }
}

/// The headers that choose the part. HEAD has no ranges (RFC 9110, section 14.2).
fn conditions(request: &Request) -> Conditions<'_> {
    if !request.is_main() {
        return Conditions::default();
    }
    let most = request.max_ranges();
    // More of them than may be are none, as for the server's own files.
    let is_few = |range: &&[u8]| range.iter().filter(|&&byte| byte == b',').count() < most;
    let range = request.header("Range").filter(|_| !request.is_head()).filter(is_few);
    Conditions {
        if_match: request.header("If-Match"),
        if_none_match: request.header("If-None-Match"),
        if_modified_since: request.header("If-Modified-Since"),
        if_unmodified_since: request.header("If-Unmodified-Since"),
        range,
        if_range: request.header("If-Range").filter(|_| range.is_some()),
    }
}

fn send(request: &Request, film: Box<VirtualFile>, file: OpenFile, mtime: i64) -> Outcome {
    let mut content_type = match film.media_type() {
        Some(media_type) => media_type.as_bytes().to_vec(),
        None => lent!(request, h264_content_type).to_vec(),
    };
    let len = film.len();
    let (status, parts, body_len) = match select(&conditions(request), film.etag(), mtime, len, &content_type)
    {
        Selection::PreconditionFailed => return Outcome::Status(412),
        Selection::Unsatisfiable => {
            request.set_header(b"Content-Range", content_range(None, len).as_bytes());
            return Outcome::Status(416);
        }
        Selection::NotModified => (304, Vec::new(), 0),
        Selection::Full => (200, vec![Part::Range(0..len)], len),
        Selection::Single(range) => {
            request.set_header(b"Content-Range", content_range(Some(&range), len).as_bytes());
            (206, vec![Part::Range(range.clone())], range.end - range.start)
        }
        Selection::Multi(multipart) => {
            content_type = multipart.content_type.into_bytes();
            (206, multipart.parts, multipart.len)
        }
    };
    // SAFETY: a live request; the server copies the type.
    let is_set =
        unsafe { ffi::h264_set_head(request.0, status, body_len, mtime, ffi::bytes(&content_type)) != 0 };
    let is_set = is_set
        && (!request.etags_enabled() || request.set_header(b"ETag", film.etag().as_bytes()))
        && (request.max_ranges() == 0 || request.set_header(b"Accept-Ranges", b"bytes"))
        && request.set_header(VERSION_HEADER.to_bytes(), VERSION.to_bytes());
    if !is_set {
        return Outcome::Status(500);
    }
    if status == 304 || request.is_head() {
        return Outcome::Status(ffi::H264_NO_BODY.try_into().unwrap_or(500));
    }
    Outcome::Body(Body::new(film, file, parts, Pacer::new(request.pace())))
}
