//! The clip where a script sends a movie with `X-Sendfile`.
//!
//! mod_xsendfile replaces the answer of a script by the file that the script names, in a filter. A
//! filter of ours stands right behind it. That filter answers from the file as the handler would,
//! where the query of the script's URL asks for a clip, the module is on for that URL, and the file
//! has the extension of a movie. In every other case the filter removes itself.
//!
//! The status, the ranges and the conditions are those of the clip. But mod_xsendfile applies the
//! conditions to the whole file first: an `If-Match` that names a clip is 412.

use std::ffi::c_int;
use std::fs::File;
use std::os::fd::BorrowedFd;
use std::ptr;

use mp4seek::request::Asked;
use mp4seek::server::boundary;

use crate::ffi;
use crate::handler;
use crate::request::{Request, SentFile};

/// Runs when the filters of a request are set up. The script has not run yet.
pub(crate) unsafe extern "C" fn insert(request: *mut ffi::request_rec) {
    boundary(
        || (),
        || {
            // SAFETY: the server runs the hook for a live request, on this thread alone.
            let Some(mut request) = (unsafe { Request::new(request) }) else { return };
            let hides_parts = request.config().restrictions().hide_parts();
            if request.config().is_on()
                && (request.is_get() || hides_parts && request.is_post())
                && !request.is_subrequest()
                && (!request.query().is_empty() || hides_parts)
                && request.sends_named_files()
                && Asked::wants_clip(request.query(), &request.config().settings())
            {
                request.filter_named_file();
            }
        },
    );
}

/// The filter behind that of mod_xsendfile. The first brigade decides.
pub(crate) unsafe extern "C" fn filter(
    filter: *mut ffi::ap_filter_t,
    brigade: *mut ffi::apr_bucket_brigade,
) -> c_int {
    // SAFETY: the server hands a filter of a live request a brigade that is this thread's. Each
    // call below is one that a running filter may make.
    unsafe {
        if ffi::h264_has_answered(filter) != 0 {
            // The script goes on after its answer is complete.
            ffi::h264_empty(brigade);
            return 0;
        }
        let status = boundary(|| ffi::H264_INTERNAL_SERVER_ERROR, || answer(filter, brigade));
        if status == ffi::H264_DECLINED {
            ffi::h264_step_aside(filter);
            return ffi::h264_pass_on(filter, brigade);
        }
        ffi::h264_note_answered(filter);
        ffi::h264_empty(brigade);
        match status {
            ffi::H264_OK => 0,
            ffi::H264_FILTER_ERROR => ffi::H264_EGENERAL,
            status => {
                ffi::h264_refuse(filter, status);
                0
            }
        }
    }
}

/// Answers from the file in the brigade. The result is as a handler's.
///
/// # Safety
/// As for a filter.
unsafe fn answer(filter: *mut ffi::ap_filter_t, brigade: *mut ffi::apr_bucket_brigade) -> c_int {
    let (mut path, mut descriptor) = (ptr::null(), -1);
    // SAFETY: the caller's; the file of the bucket is open as long as the bucket is there, and its
    // name is in a pool that outlives the answer.
    let (file, request, len) = unsafe {
        if ffi::h264_sent_file(brigade, &raw mut path, &raw mut descriptor) == 0 {
            return ffi::H264_DECLINED;
        }
        let len = ffi::h264_bucket_len(ffi::h264_first_bucket(brigade)) as u64;
        let file = BorrowedFd::borrow_raw(descriptor).try_clone_to_owned().map(File::from);
        (file, Request::new(ffi::h264_request_of(filter)), len)
    };
    let (Ok(file), Some(request)) = (file, request) else { return ffi::H264_DECLINED };
    if request.status() != ffi::H264_HTTP_OK {
        return ffi::H264_DECLINED;
    }
    // The server's own handler for files sends this one: ours has declined it.
    let mapped = request.filename().to_owned();
    // SAFETY: the filter's own request, and a path in its pool.
    let mut request = unsafe { request.with_sent_file(SentFile { filter, path }) };
    if mapped == request.filename() || !request.config().covers(request.filename()) {
        return ffi::H264_DECLINED;
    }
    match file.metadata() {
        Ok(metadata) if metadata.is_file() && metadata.len() == len => {
            handler::answer(&mut request, file, &metadata, None)
        }
        _ => ffi::H264_DECLINED,
    }
}
