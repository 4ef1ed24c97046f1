//! mod_h264_streaming for Apache httpd 2.4: `movie.mp4?start=61.5&end=90` is
//! answered with a playable MP4 of that stretch.
//!
//! The module is a content handler that runs after every other one and right
//! before the server's own handler for files. Whatever it does not serve (another
//! method, another handler's file, a film that needs no change) it declines, and
//! the server goes on as if it were not there. What it serves goes through the
//! server's own conditional requests, byte ranges and filters.
//!
//! - `config`: the directives and how they merge.
//! - `handler`: from a request to an answer.
//! - `bucket`: a film as buckets: metadata made when it is read, media from the file.
//! - `drain`: a slow client holds neither a worker nor a film's whole metadata.
//! - `sent_file`: the clip where a script sends a film with `X-Sendfile`.
//! - `server`: the server's request and log as Rust values.
//! - `boundary`: no panic leaves the module.

use std::ffi::c_int;
use std::ptr;

mod boundary;
mod bucket;
mod config;
mod drain;
mod ffi;
mod handler;
mod sent_file;
mod server;

use boundary::boundary;

/// What `LoadModule h264_streaming_module` looks for. The server writes to it while
/// it starts, nothing here reads it.
#[unsafe(no_mangle)]
pub static mut h264_streaming_module: ffi::h264_module = ffi::h264_module {
    version: ffi::H264_MAGIC_MAJOR,
    minor_version: ffi::H264_MAGIC_MINOR,
    module_index: -1,
    // Also what `<IfModule>` compares, and `h264_streaming` in the log.
    name: c"mod_h264_streaming.c".as_ptr(),
    dynamic_load_handle: ptr::null_mut(),
    next: ptr::null_mut(),
    magic: ffi::H264_MAGIC_COOKIE.unsigned_abs() as _,
    rewrite_args: None,
    create_dir_config: Some(config::create),
    merge_dir_config: Some(config::merge),
    create_server_config: None,
    merge_server_config: None,
    commands: config::COMMANDS.0.as_ptr(),
    register_hooks: Some(register_hooks),
    flags: 0,
};

unsafe extern "C" fn register_hooks(_pool: *mut ffi::apr_pool_t) {
    boundary((), || {
        boundary::report_panics();
        config::reset();
        // SAFETY: the server calls this while it reads its configuration, when hooks and filters are added.
        unsafe {
            ffi::h264_hook_handler(Some(handle));
            ffi::h264_register_filter(Some(drain::filter));
            ffi::h264_hook_insert_filter(Some(sent_file::insert));
            ffi::h264_register_sent_file_filter(Some(sent_file::filter));
        }
    });
}

unsafe extern "C" fn handle(request: *mut ffi::request_rec) -> c_int {
    boundary(ffi::H264_INTERNAL_SERVER_ERROR, || {
        // SAFETY: the server hands a handler a request that lives until it returns, on this thread alone.
        match unsafe { server::Request::new(request) } {
            Some(mut request) => handler::handle(&mut request),
            None => ffi::H264_DECLINED,
        }
    })
}
