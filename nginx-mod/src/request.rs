//! A request as the server keeps it.

use std::ffi::{c_int, c_void};
use std::fmt::Display;

use mp4seek::server::{LogLine, Severity};

use crate::config::Section;
use crate::ffi;

/// A request for the time of one call.
pub(crate) struct Request(*mut ffi::ngx_http_request_s);

macro_rules! ask {
    ($request:ident, $function:ident $(, $value:expr)*) => {
        // SAFETY: a live request, by the promise of `Request::new`. The other values are numbers, or
        // bytes that the caller keeps during the call: the server copies what it keeps longer.
        unsafe { ffi::$function($request.0 $(, $value)*) }
    };
}

macro_rules! lent {
    ($request:ident, $function:ident $(, $value:expr)*) => {{
        let bytes = ask!($request, $function $(, $value)*);
        // SAFETY: what a live request lends stays for the time of the call.
        unsafe { ffi::slice_of($request, bytes) }
    }};
}

impl Request {
    /// # Safety
    /// A request of the running handler.
    pub(crate) unsafe fn new(raw: *mut ffi::ngx_http_request_s) -> Self {
        Self(raw)
    }

    /// The directives that hold for it.
    pub(crate) fn section(&self) -> &Section {
        let section = ask!(self, h264_section).cast::<Section>();
        // SAFETY: the section that the server merged for its place, which lives as long as the
        // configuration, and that as long as its requests.
        unsafe { &*section }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let value = lent!(self, h264_header, ffi::bytes(name.as_bytes()));
        (!value.is_empty()).then_some(value)
    }

    pub(crate) fn is_head(&self) -> bool {
        ask!(self, h264_is_head) != 0
    }

    pub(crate) fn is_post(&self) -> bool {
        ask!(self, h264_is_post) != 0
    }

    /// The client's address.
    pub(crate) fn client(&self) -> &[u8] {
        lent!(self, h264_client)
    }

    /// What stands behind the `?`, as it came.
    pub(crate) fn query(&self) -> &[u8] {
        lent!(self, h264_query)
    }

    /// What the client asked for, before rules changed it.
    pub(crate) fn client_target(&self) -> &[u8] {
        lent!(self, h264_client_target)
    }

    /// The path of the film in the address, decoded.
    pub(crate) fn film_url(&self) -> &[u8] {
        lent!(self, h264_film_url)
    }

    /// What stands behind it.
    pub(crate) fn path_info(&self) -> &[u8] {
        lent!(self, h264_path_info)
    }

    /// Both, decoded, as rules have changed them.
    pub(crate) fn uri(&self) -> Vec<u8> {
        [self.film_url(), self.path_info()].concat()
    }

    /// The type the server maps the address to.
    pub(crate) fn content_type(&self) -> &[u8] {
        lent!(self, h264_content_type)
    }

    pub(crate) fn etags_enabled(&self) -> bool {
        ask!(self, h264_etags) != 0
    }

    pub(crate) fn max_ranges(&self) -> usize {
        ask!(self, h264_max_ranges)
    }

    /// Whether conditions and ranges speak of this: not where it is part of another answer.
    pub(crate) fn is_main(&self) -> bool {
        ask!(self, h264_is_subrequest) == 0
    }

    /// Has a thread do what is boxed there. One of `h264_posted`.
    pub(crate) fn post(&self, work: *mut c_void) -> u32 {
        // The server hands the box to `h264_work` once.
        ask!(self, h264_post, work).try_into().unwrap_or(ffi::H264_NOT_POSTED)
    }

    /// Has the request go on in a moment, as if something had been posted until then.
    pub(crate) fn pause(&self) {
        ask!(self, h264_pause);
    }

    /// Whether the server still waits for what was posted.
    pub(crate) fn is_reading(&self) -> bool {
        ask!(self, h264_is_reading) != 0
    }

    /// Whether the application that led here (`X-Accel-Redirect`) has said how long caches may keep the
    /// answer. Of `Pragma` the server takes nothing over.
    pub(crate) fn says_how_long(&self) -> bool {
        let fields: [&[u8]; 2] = [b"Cache-Control", b"Expires"];
        fields.iter().any(|name| ask!(self, h264_has_header_out, ffi::bytes(name)) != 0)
    }

    /// Whether the answer is an error page, whatever its status.
    pub(crate) fn is_error_page(&self) -> bool {
        ask!(self, h264_is_error_page) != 0
    }

    /// Whether there was memory for it.
    pub(crate) fn set_header(&self, name: &[u8], value: &[u8]) -> bool {
        ask!(self, h264_set_header, ffi::bytes(name), ffi::bytes(value)) != 0
    }

    /// Whether the configuration (`if_modified_since`) has this date count for a film of `mtime`.
    pub(crate) fn takes_modified_since(&self, date: &[u8], mtime: i64) -> bool {
        ask!(self, h264_takes_modified_since, ffi::bytes(date), mtime) != 0
    }

    /// Whether the answer is an error page, and its status that of the error.
    pub(crate) fn has_status_of_error(&self) -> bool {
        ask!(self, h264_has_status_of_error) != 0
    }

    /// Whether there was memory for it.
    pub(crate) fn set_head(&self, status: c_int, len: Option<u64>, mtime: i64, content_type: &[u8]) -> bool {
        let len = len.map_or(-1, |len| i64::try_from(len).unwrap_or(i64::MAX));
        ask!(self, h264_set_head, status, len, mtime, ffi::bytes(content_type)) != 0
    }

    pub(crate) fn keep_compression_off(&self) {
        ask!(self, h264_keep_compression_off);
    }

    pub(crate) fn set_fact(&self, name: &[u8], value: &[u8]) {
        ask!(self, h264_set_fact, ffi::bytes(name), ffi::bytes(value));
    }

    /// Sends a whole answer. What the server gets.
    pub(crate) fn send_text(&self, status: c_int, content_type: &'static str, text: &str) -> c_int {
        // The type is static: the server does not copy it.
        ask!(self, h264_send_text, status, ffi::bytes(content_type.as_bytes()), ffi::bytes(text.as_bytes()))
    }

    pub(crate) fn set_answered(&self, result: c_int) {
        ask!(self, h264_set_answered, result);
    }

    /// Whether the log has lines that matter as little as this.
    pub(crate) fn logs(&self, severity: Severity) -> bool {
        ask!(self, h264_logs, self.level(severity)) != 0
    }

    /// Writes a line about this request to the error log that is configured for it.
    pub(crate) fn log(&self, severity: Severity, message: &dyn Display) {
        // The resource, too, where that is not the film itself.
        let path = [lent!(self, h264_path), self.path_info()].concat();
        let (client, query) = (Some(self.client()), self.query());
        let line = LogLine { client, path: &path, query, message }.to_string();
        ask!(self, h264_log, self.level(severity), ffi::bytes(line.as_bytes()));
    }

    /// The server's log has errors alone by default, and so what an operator should read is one.
    fn level(&self, severity: Severity) -> c_int {
        let level = match severity {
            Severity::Debug => ffi::H264_LOG_DEBUG,
            Severity::Info if self.section().log_client_errors != Some(true) => ffi::H264_LOG_INFO,
            Severity::Info | Severity::Warning | Severity::Error => ffi::H264_LOG_ERROR,
        };
        level.try_into().unwrap_or_default()
    }
}
