//! The server's request and log as Rust values.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::Display;
use std::marker::PhantomData;
use std::ptr::NonNull;

use mp4seek::server::{InProgress, LogLine, Severity, boundary};

use crate::config::Config;
use crate::ffi;

/// Calls a function of the server that asks nothing more than a live request.
macro_rules! ask {
    ($request:ident, $function:ident $(, $value:expr)*) => {
        // SAFETY: `Request::new` promises a live request of this thread. The values are numbers, or
        // strings that the request or the caller keeps during the call: the server copies what it
        // keeps longer.
        unsafe { ffi::$function($request.as_ptr() $(, $value)*) }
    };
}

/// A request the server handles on this thread. Not `Send`: its pools are not.
#[derive(Debug)]
pub(crate) struct Request<'r> {
    raw: NonNull<ffi::request_rec>,
    /// `None` where a handler answers.
    sent_file: Option<SentFile>,
    server: PhantomData<&'r mut ffi::request_rec>,
}

/// A file that another module sends as the answer, as a filter of ours finds it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentFile {
    pub(crate) filter: *mut ffi::ap_filter_t,
    /// A string in the request's pool.
    pub(crate) path: *const c_char,
}

fn level(severity: Severity) -> c_int {
    match severity {
        Severity::Debug => ffi::H264_LOG_DEBUG,
        Severity::Info => ffi::H264_LOG_INFO,
        Severity::Warning => ffi::H264_LOG_WARNING,
        Severity::Error => ffi::H264_LOG_ERROR,
    }
}

/// Drops what [`Request::keep_until_sent`] kept.
unsafe extern "C" fn end_answer(answer: *mut c_void) -> c_int {
    // SAFETY: the box that was kept; its pool calls this once.
    boundary(|| (), || drop(unsafe { Box::from_raw(answer.cast::<InProgress>()) }));
    0
}

impl<'r> Request<'r> {
    /// # Safety
    /// `raw` is a live request that this thread handles for as long as `'r`.
    pub(crate) unsafe fn new(raw: *mut ffi::request_rec) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, sent_file: None, server: PhantomData })
    }

    /// The request, for a filter that answers it from a file.
    ///
    /// # Safety
    /// The filter runs for this request, for as long as `'r`, and the path is a string in its pool.
    pub(crate) unsafe fn with_sent_file(self, file: SentFile) -> Self {
        Self { sent_file: Some(file), ..self }
    }

    /// What the answer passes through.
    pub(crate) fn filters(&self) -> *mut ffi::ap_filter_t {
        // SAFETY: a live request, or a filter that runs.
        unsafe {
            match self.sent_file {
                Some(file) => ffi::h264_next_filter(file.filter),
                None => ffi::h264_output_filters(self.as_ptr()),
            }
        }
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::request_rec {
        self.raw.as_ptr()
    }

    /// What the configuration says for this request.
    pub(crate) fn config(&self) -> &Config {
        // SAFETY: the server makes one with our `create` for every request that reaches a
        // handler, and changes none afterwards.
        unsafe { &*ffi::h264_dir_config(self.as_ptr()).cast::<Config>() }
    }

    /// Whether the method is GET or HEAD.
    pub(crate) fn is_get(&self) -> bool {
        ask!(self, h264_is_get) != 0
    }

    /// Whether the method is POST.
    pub(crate) fn is_post(&self) -> bool {
        ask!(self, h264_is_post) != 0
    }

    /// Says in an answer 405 that GET and HEAD are the methods.
    pub(crate) fn allow_get_alone(&mut self) {
        ask!(self, h264_allow_get_alone);
    }

    /// Whether the configuration (`AcceptPathInfo Off`) wants nothing behind a file's name.
    pub(crate) fn refuses_path_info(&self) -> bool {
        ask!(self, h264_refuses_path_info) != 0
    }

    /// Whether another request includes this one's answer in its own.
    pub(crate) fn is_subrequest(&self) -> bool {
        ask!(self, h264_is_subrequest) != 0
    }

    /// Whether mod_xsendfile may replace the answer by a file that a script names.
    pub(crate) fn sends_named_files(&self) -> bool {
        ask!(self, h264_sends_named_files) != 0
    }

    /// Whether only the answer's header is sent (HEAD).
    pub(crate) fn has_no_body(&self) -> bool {
        ask!(self, h264_has_no_body) != 0
    }

    /// The memory of the buckets of its connection.
    pub(crate) fn bucket_memory(&self) -> *mut ffi::apr_bucket_alloc_t {
        ask!(self, h264_request_buckets)
    }

    /// Whether the server found a regular file where the request points.
    pub(crate) fn is_regular_file(&self) -> bool {
        ask!(self, h264_is_regular_file) != 0
    }

    /// Whether the server found a FIFO, a socket or a device there.
    pub(crate) fn is_device(&self) -> bool {
        ask!(self, h264_is_device) != 0
    }

    /// The path of the file that answers the request: the one the server mapped it to, or another
    /// that was sent.
    pub(crate) fn filename(&self) -> &[u8] {
        let mapped = || ask!(self, h264_filename);
        self.string(self.sent_file.map_or_else(mapped, |file| file.path)).unwrap_or_default()
    }

    /// The path of the file, and what stands behind it: what a line of the log is about.
    pub(crate) fn target(&self) -> Cow<'_, [u8]> {
        match self.path_info() {
            [] => self.filename().into(),
            rest => [self.filename(), rest].concat().into(),
        }
    }

    /// What stands behind the file in the request's path. What stands behind a script is nothing of the
    /// film that the script sends.
    pub(crate) fn path_info(&self) -> &[u8] {
        let path = self.string(ask!(self, h264_path_info)).filter(|_| self.sent_file.is_none());
        path.unwrap_or_default()
    }

    /// The path of the URL, decoded, as rules have changed it; empty where a rule of mod_rewrite named
    /// the file, as the URL stays as it was then.
    pub(crate) fn end_of_rules(&self) -> &[u8] {
        if ask!(self, h264_is_rewritten) != 0 { &[] } else { self.uri() }
    }

    fn uri(&self) -> &[u8] {
        self.string(ask!(self, h264_uri)).unwrap_or_default()
    }

    /// The path of the film in the URL, decoded: without what stands behind the film.
    pub(crate) fn url_path(&self) -> &[u8] {
        let path = self.uri();
        path.strip_suffix(self.path_info()).unwrap_or(path)
    }

    /// The query, percent-encoded as it came; empty where there is none.
    pub(crate) fn query(&self) -> &[u8] {
        self.string(ask!(self, h264_args)).unwrap_or_default()
    }

    /// What the client asked for, before other modules changed it. That of a subrequest is nobody's,
    /// and that of a film which a script sends is the script.
    pub(crate) fn client_target(&self) -> Option<&[u8]> {
        let is_films = !self.is_subrequest() && self.sent_file.is_none();
        self.string(ask!(self, h264_client_target)).filter(|_| is_films)
    }

    /// The name of the handler, by the time a handler runs never empty.
    pub(crate) fn handler(&self) -> &[u8] {
        self.string(ask!(self, h264_request_handler)).unwrap_or_default()
    }

    /// The media type, parameters included.
    pub(crate) fn content_type(&self) -> &[u8] {
        self.string(ask!(self, h264_content_type)).unwrap_or_default()
    }

    pub(crate) fn set_content_type(&mut self, media_type: &CStr) {
        ask!(self, h264_set_content_type, media_type.as_ptr());
    }

    /// A field of the request's header.
    pub(crate) fn header(&self, name: &CStr) -> Option<&[u8]> {
        self.string(ask!(self, h264_header_in, name.as_ptr()))
    }

    /// Takes a field out of the request's header.
    pub(crate) fn drop_header(&mut self, name: &CStr) {
        ask!(self, h264_drop_header_in, name.as_ptr());
    }

    /// The answer's status so far.
    pub(crate) fn status(&self) -> c_int {
        ask!(self, h264_status)
    }

    pub(crate) fn set_status(&mut self, status: c_int) {
        ask!(self, h264_set_status, status);
    }

    /// Whether a script, or a module that came before, has said how long caches may keep the answer.
    pub(crate) fn says_how_long(&self) -> bool {
        let fields = [c"Cache-Control", c"Expires", c"Pragma"];
        fields.iter().any(|name| ask!(self, h264_has_header_out, name.as_ptr()) != 0)
    }

    /// Sets a field of the answer's header.
    pub(crate) fn set_header(&mut self, name: &CStr, value: &CStr) {
        ask!(self, h264_set_header_out, name.as_ptr(), value.as_ptr());
    }

    /// Drops the `Content-Location` of mod_negotiation, which names all of the film.
    pub(crate) fn drop_place_of_file(&mut self) {
        ask!(self, h264_drop_place_of_file);
    }

    /// Whether a script has said where the answer is.
    pub(crate) fn says_place(&self) -> bool {
        ask!(self, h264_has_header_out, c"Content-Location".as_ptr()) != 0
    }

    /// Sets a field of the header that error answers have too.
    pub(crate) fn set_error_header(&mut self, name: &CStr, value: &CStr) {
        ask!(self, h264_set_error_header_out, name.as_ptr(), value.as_ptr());
    }

    /// Gives the answer of this status a page, unless the configuration (`ErrorDocument`) has one
    /// for it.
    pub(crate) fn set_error_page(&mut self, status: c_int, page: &CStr) {
        ask!(self, h264_set_error_page, status, page.as_ptr());
    }

    /// Whether the configuration (`FileETag`) has entity tags at all.
    pub(crate) fn makes_etags(&self) -> bool {
        ask!(self, h264_makes_etags) != 0
    }

    /// The answer's `Last-Modified`, seconds since the epoch.
    pub(crate) fn last_modified(&self) -> i64 {
        ask!(self, h264_mtime).div_euclid(1_000_000)
    }

    /// Sets what describes a body of `len` bytes that changed at `mtime` (microseconds
    /// since the epoch).
    pub(crate) fn describe_body(&mut self, len: i64, mtime: i64) {
        if self.sent_file.is_some() {
            // What a script or another module says of the whole file.
            for name in [c"ETag", c"Last-Modified", c"Content-Length", c"Accept-Ranges"] {
                ask!(self, h264_drop_header_out, name.as_ptr());
            }
        }
        ask!(self, ap_update_mtime, mtime);
        ask!(self, ap_set_last_modified);
        ask!(self, ap_set_accept_ranges);
        ask!(self, ap_set_content_length, len);
    }

    /// Sets a variable of the environment of the request, and of what it was before redirects within
    /// the server.
    pub(crate) fn set_fact(&mut self, name: &CStr, value: &CStr) {
        ask!(self, h264_set_fact, name.as_ptr(), value.as_ptr());
    }

    /// Writes a part of an answer.
    pub(crate) fn write(&mut self, text: &[u8]) {
        ask!(self, h264_write, text.as_ptr().cast(), text.len());
    }

    /// Keeps mod_deflate and mod_brotli from the body: a movie is as small as it can be, and its
    /// byte ranges are those of the movie.
    pub(crate) fn forbid_compression(&mut self) {
        for name in [c"no-gzip", c"no-brotli"] {
            ask!(self, h264_set_environment, name.as_ptr(), c"1".as_ptr());
        }
    }

    /// 0, or the status of a precondition that the answer's header does not meet.
    pub(crate) fn unmet_condition(&mut self) -> c_int {
        ask!(self, ap_meets_conditions)
    }

    /// Reads away a body nobody wants. 0, or the status to answer with.
    pub(crate) fn discard_body(&mut self) -> c_int {
        // The body is the script's to read.
        if self.sent_file.is_some() {
            return ffi::H264_OK;
        }
        ask!(self, ap_discard_request_body)
    }

    /// Adds [`filter`](crate::filter::filter) to what the answer passes through.
    pub(crate) fn filter_body(&mut self) {
        ask!(self, h264_add_filter);
    }

    /// Adds the filter that holds back what it is not time for (`hold.c`).
    pub(crate) fn hold_back(&mut self) {
        ask!(self, h264_hold_back);
    }

    /// Adds the [filter](crate::sent_file::filter) that answers where a script names a file.
    pub(crate) fn filter_named_file(&mut self) {
        ask!(self, h264_add_sent_file_filter);
    }

    /// A body without bytes, in the request's memory.
    pub(crate) fn empty_body(&self) -> *mut ffi::apr_bucket_brigade {
        ask!(self, h264_brigade)
    }

    /// Whether the client has gone.
    pub(crate) fn is_aborted(&self) -> bool {
        ask!(self, h264_is_aborted) != 0
    }

    /// Keeps no other request on the client's connection.
    pub(crate) fn end_connection(&mut self) {
        ask!(self, h264_end_connection);
    }

    /// Whether the server may send files with `sendfile` (`EnableSendfile On`).
    pub(crate) fn uses_sendfile(&self) -> bool {
        ask!(self, h264_uses_sendfile) != 0
    }

    /// The memory of the client's request.
    pub(crate) fn pool(&self) -> *mut ffi::apr_pool_t {
        ask!(self, h264_request_pool)
    }

    /// The server or virtual host that it is for.
    pub(crate) fn server(&self) -> *const ffi::server_rec {
        ask!(self, h264_server)
    }

    /// Keeps what counts the answer until all of it has been sent, or the client has gone.
    pub(crate) fn keep_until_sent(&mut self, answer: InProgress) {
        let answer = Box::into_raw(Box::new(answer)).cast();
        ask!(self, h264_when_sent, answer, Some(end_answer));
    }

    /// The client's address.
    pub(crate) fn client(&self) -> &[u8] {
        self.string(ask!(self, h264_client)).unwrap_or_default()
    }

    /// Whether the configuration (`LogLevel`) asks for lines that matter as little as this.
    pub(crate) fn logs(&self, severity: Severity) -> bool {
        ask!(self, h264_logs, level(severity)) != 0
    }

    /// Writes a line about this request to the error log. The server puts the client in front of
    /// it.
    pub(crate) fn log(&self, severity: Severity, message: &dyn Display) {
        if !self.logs(severity) {
            return;
        }
        let line = LogLine { client: None, path: &self.target(), query: self.query(), message }.to_string();
        ask!(self, h264_log_request, level(severity), line.as_ptr().cast(), line.len());
    }

    fn string(&self, raw: *const c_char) -> Option<&[u8]> {
        // SAFETY: the strings of a request live in its pool, and are replaced but never written to.
        (!raw.is_null()).then(|| unsafe { CStr::from_ptr(raw) }.to_bytes())
    }
}
