//! A request as the server keeps it, and the file behind it.

use std::ffi::c_int;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::FromRawFd;
use std::ptr::NonNull;

use mp4seek::server::LogLine;

use crate::ffi::{self, Module};

/// Calls a function of the server that asks nothing more than a request of the running hook, and
/// the module that it runs for.
macro_rules! ask {
    ($request:ident, $function:ident $(, $value:expr)*) => {
        // SAFETY: `Request::new` promises both. The other values are numbers, or bytes that the
        // caller keeps during the call: the server copies what it keeps longer.
        unsafe { ffi::$function($request.raw() $(, $value)*) }
    };
}

/// Bytes that the server lends.
macro_rules! lent {
    ($request:ident, $function:ident $(, $value:expr)*) => {{
        let bytes = ask!($request, $function $(, $value)*);
        // SAFETY: the server neither changes nor frees them before the request changes, and what
        // changes it takes `&mut self`.
        unsafe { ffi::slice_of($request, bytes) }
    }};
}

/// A request for the time of one hook. What it lends is the server's, and lent
/// only until the next change, so whatever changes the request takes `&mut self`.
pub(crate) struct Request<'hook> {
    raw: NonNull<ffi::request_st>,
    module: Module<'hook>,
    hook: PhantomData<&'hook ()>,
}

impl<'hook> Request<'hook> {
    /// # Safety
    /// Both are what the server handed to the hook that runs now, and this is the
    /// only wrapper of the request.
    pub(crate) unsafe fn new(raw: *mut ffi::request_st, module: *mut ffi::h264_module) -> Option<Self> {
        // SAFETY: by the caller's promise.
        let module = unsafe { Module::new(module) };
        Some(Self { raw: NonNull::new(raw)?, module, hook: PhantomData })
    }

    pub(crate) fn module(&self) -> Module<'hook> {
        self.module
    }

    fn raw(&self) -> *mut ffi::request_st {
        self.raw.as_ptr()
    }

    /// What tells it from the others, until it is reset.
    pub(crate) fn as_ptr(&self) -> NonNull<ffi::request_st> {
        self.raw
    }

    /// Whether the configuration's condition of that number holds.
    pub(crate) fn holds(&self, condition: c_int) -> bool {
        ask!(self, h264_condition_holds, condition) != 0
    }

    pub(crate) fn is_get(&self) -> bool {
        ask!(self, h264_is_get) != 0
    }

    pub(crate) fn is_head(&self) -> bool {
        ask!(self, h264_is_head) != 0
    }

    /// Whether the method is another one that the server sends files for.
    pub(crate) fn sends_file_too(&self) -> bool {
        ask!(self, h264_is_post) != 0 || ask!(self, h264_is_query) != 0
    }

    pub(crate) fn is_http2(&self) -> bool {
        ask!(self, h264_is_http2) != 0
    }

    /// What `read` finds while the configuration's conditions on the URL are decided on the film's path.
    /// For others, what the server has decided stays.
    pub(crate) fn by_film<T>(&self, read: impl FnOnce() -> T) -> T {
        ask!(self, h264_set_url_conditions_aside, self.module.raw);
        let found = read();
        ask!(self, h264_put_conditions_back, self.module.raw);
        found
    }

    /// Says that it is not the client who keeps the connection idle, where nothing waits for it.
    pub(crate) fn excuse_idleness(&self) {
        ask!(self, h264_excuse_idleness);
    }

    /// Has the server come back to it once it has seen to the other connections.
    pub(crate) fn come_back_later(&mut self) {
        ask!(self, h264_wake);
    }

    /// Whether some module has taken it.
    pub(crate) fn is_claimed(&self) -> bool {
        ask!(self, h264_is_claimed) != 0
    }

    /// Takes it: the server will call `subrequest`.
    pub(crate) fn claim(&mut self) {
        ask!(self, h264_claim, self.module.raw);
    }

    /// Makes it one for the index file of its directory, where a module after this one would.
    /// Whether it did.
    pub(crate) fn enter_index(&mut self) -> bool {
        ask!(self, h264_enter_index, self.module.raw) != 0
    }

    /// Takes back what [`Self::enter_index`] did in this hook.
    pub(crate) fn leave_index(&mut self) {
        ask!(self, h264_leave_index, self.module.raw);
    }

    /// The server's own handler of static files, as if this module were not there.
    pub(crate) fn serve_static(&mut self) -> ffi::h264_outcome {
        ask!(self, h264_release);
        ask!(self, h264_serve_static, self.module.raw)
    }

    /// Ends it with a status of the server's making: error documents, error handlers.
    pub(crate) fn end(&mut self, status: c_int) -> ffi::h264_outcome {
        // While a module holds it the server would send an error without its documents.
        ask!(self, h264_release);
        ask!(self, h264_clear_body);
        self.set_status(status);
        ffi::H264_FINISHED
    }

    /// As [`Self::end`], without error handlers: the server calls none where a byte range of a file
    /// is refused.
    pub(crate) fn end_without_handler(&mut self, status: c_int) -> ffi::h264_outcome {
        ask!(self, h264_keep_error_handler_out);
        self.end(status)
    }

    /// The path of the file in the URL, decoded: without what stands behind the file.
    pub(crate) fn url_path(&self) -> &[u8] {
        lent!(self, h264_url_path)
    }

    /// The file it maps to.
    pub(crate) fn path(&self) -> &[u8] {
        lent!(self, h264_path)
    }

    /// What stands behind the file's name in the URL's path.
    pub(crate) fn path_info(&self) -> &[u8] {
        lent!(self, h264_path_info)
    }

    /// Both parts of the URL's path, as rules have changed them.
    pub(crate) fn uri(&self) -> Vec<u8> {
        [self.url_path(), self.path_info()].concat()
    }

    /// What stands behind the `?`, as it came.
    pub(crate) fn query(&self) -> &[u8] {
        lent!(self, h264_query)
    }

    /// What the client asked for, before rules changed it.
    pub(crate) fn client_target(&self) -> &[u8] {
        lent!(self, h264_client_target)
    }

    /// The value of a header, where there is one and it is not empty.
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let value = lent!(self, h264_request_header, ffi::bytes(name.as_bytes()));
        (!value.is_empty()).then_some(value)
    }

    /// Opens the file as the server would.
    ///
    /// # Errors
    /// When it cannot be opened: the server's own handler of files knows what to say.
    pub(crate) fn open(&mut self) -> io::Result<OpenFile> {
        // SAFETY: a request of the running hook; the reference that comes back is ours.
        let raw = NonNull::new(unsafe { ffi::h264_open(self.raw()) });
        let raw = raw.ok_or_else(io::Error::last_os_error)?;
        // SAFETY: the descriptor is open and stays so as long as our reference,
        // since the server closes it with the last one. It is never closed by us.
        let file = unsafe { ManuallyDrop::new(File::from_raw_fd(ffi::h264_fd(raw.as_ptr()))) };
        Ok(OpenFile { raw, file })
    }

    /// The type the server maps the file to.
    pub(crate) fn content_type(&self, file: &OpenFile) -> &[u8] {
        // SAFETY: `file` holds a reference; the type is a part of the configuration,
        // of the answer's headers or of the file's entry, and all stay unchanged
        // while the wrapper is borrowed.
        unsafe { ffi::slice_of(self, ffi::h264_content_type(self.raw(), file.raw.as_ptr())) }
    }

    pub(crate) fn status(&self) -> c_int {
        ask!(self, h264_status)
    }

    /// Whether it is what an error handler of the configuration answers with.
    pub(crate) fn is_error_page(&self) -> bool {
        ask!(self, h264_is_error_page) != 0
    }

    pub(crate) fn set_status(&mut self, status: c_int) {
        ask!(self, h264_set_status, status);
    }

    pub(crate) fn set_header(&mut self, name: &[u8], value: &[u8]) {
        ask!(self, h264_set_response_header, ffi::bytes(name), ffi::bytes(value));
    }

    /// Sets a variable of the request's environment.
    pub(crate) fn set_environment(&mut self, name: &[u8], value: &[u8]) {
        ask!(self, h264_set_environment, ffi::bytes(name), ffi::bytes(value));
    }

    /// `mtime` in seconds since the epoch.
    pub(crate) fn set_last_modified(&mut self, mtime: i64) {
        ask!(self, h264_set_last_modified, mtime);
    }

    /// Whether the configuration allows byte ranges.
    pub(crate) fn ranges_enabled(&self) -> bool {
        ask!(self, h264_ranges_enabled) != 0
    }

    /// Whether the configuration (`etag.use-…`) has entity tags at all.
    pub(crate) fn etags_enabled(&self) -> bool {
        ask!(self, h264_etags_enabled) != 0
    }

    /// Whether the body is the server's page for an error, and not the configuration's.
    pub(crate) fn has_default_error_page(&self) -> bool {
        ask!(self, h264_has_default_error_page) != 0
    }

    /// Replaces the whole body, before the head is sent.
    pub(crate) fn replace_body(&mut self, body: &[u8]) -> io::Result<()> {
        ask!(self, h264_clear_body);
        self.append(body)?;
        self.finish_body();
        Ok(())
    }

    /// Keeps the server from applying byte ranges to what is sent.
    pub(crate) fn keep_core_ranges_off(&mut self) {
        ask!(self, h264_keep_core_ranges_off);
    }

    /// Makes the server send the head now and ask for more of the body after each write.
    pub(crate) fn stream_body(&mut self) {
        ask!(self, h264_stream_body);
    }

    /// Whether no other module has a reason to change the body.
    pub(crate) fn is_left_alone(&self) -> bool {
        self.status() == 200 && self.header("Accept-Encoding").is_none()
    }

    /// Whether mod_deflate may compress the body, where that is complete before the head is sent.
    pub(crate) fn may_be_compressed(&self) -> bool {
        // SAFETY: the module of the running hook.
        let has_deflate = unsafe { ffi::h264_has_deflate(self.module.raw) } != 0;
        has_deflate && self.status() == 200 && self.header("Accept-Encoding").is_some()
    }

    /// Whether the head may be on its way.
    pub(crate) fn body_started(&self) -> bool {
        ask!(self, h264_body_started) != 0
    }

    /// What is queued is the end of the body.
    pub(crate) fn finish_body(&mut self) {
        ask!(self, h264_finish_body);
    }

    /// Bytes that wait to be sent.
    pub(crate) fn queued(&self) -> u64 {
        ask!(self, h264_queued)
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append_with(bytes.len(), |out| {
            out.copy_from_slice(bytes);
            Ok(())
        })
    }

    /// Appends `len` bytes that `fill` makes; none where it fails.
    pub(crate) fn append_with(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let chunk_len = u32::try_from(len).map_err(io::Error::other)?;
        // SAFETY: a request of the running hook. The chunk has room for `len` zeroed
        // bytes, and nothing touches the queue before it is committed. A chunk that
        // is not stays empty.
        let out = unsafe {
            let chunk = ffi::h264_open_chunk(self.raw(), chunk_len);
            std::slice::from_raw_parts_mut(chunk, len)
        };
        let filled = fill(out);
        // SAFETY: the last chunk of the queue is the one just opened.
        unsafe { ffi::h264_commit_chunk(self.raw(), if filled.is_ok() { chunk_len } else { 0 }) };
        filled
    }

    /// Appends a range of the file; fails where the file ends before it.
    pub(crate) fn append_file(&mut self, file: &OpenFile, offset: u64, len: u64) -> io::Result<()> {
        // SAFETY: a request of the running hook; the queue takes a reference of its own.
        let appended = unsafe { ffi::h264_append_file(self.raw(), file.raw.as_ptr(), offset, len) != 0 };
        if appended { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// The client's address.
    pub(crate) fn client(&self) -> &[u8] {
        lent!(self, h264_client)
    }

    /// Writes a line about this request to the error log that is configured for it.
    pub(crate) fn log(&self, message: &dyn Display) {
        // The resource, too, where that is not the film itself.
        let path = [self.path(), self.path_info()].concat();
        let (client, query) = (Some(self.client()), self.query());
        let line = LogLine { client, path: &path, query, message }.to_string();
        ask!(self, h264_log_request, ffi::bytes(line.as_bytes()));
    }

    /// Whether the configuration asks for how requests are handled
    /// (`debug.log-request-handling`).
    pub(crate) fn logs_handling(&self) -> bool {
        ask!(self, h264_logs_handling) != 0
    }
}

/// An open file of the server's cache, which others may be sending as well.
pub(crate) struct OpenFile {
    raw: NonNull<ffi::stat_cache_entry>,
    file: ManuallyDrop<File>,
}

impl Deref for OpenFile {
    type Target = File;
    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // SAFETY: gives the one reference back that `open` got.
        unsafe { ffi::h264_close(self.raw.as_ptr()) };
    }
}
