//! mod_h264_streaming for Apache httpd 2.4: `movie.mp4?start=61.5&end=90` is
//! answered with a playable MP4 of that part.
//!
//! The module is a content handler that runs after every other one and right
//! before the server's own handler for files. Whatever it does not serve (another
//! method, another handler's file, a movie that needs no change) it declines, and
//! the server goes on as if it were not there. What it serves goes through the
//! server's own conditional requests, byte ranges and filters.
//!
//! - `directives`: what each is called and sets.
//! - `config`: what the directives say, and how that of several contexts merges.
//! - `handler`: from a request to an answer.
//! - `bucket`: a movie as buckets: metadata generated when it is read, media from the file.
//! - `filter`: a slow client holds neither a worker nor a movie's whole metadata.
//! - `pace`: a clip is sent no faster than it is played, or than a rate allows.
//! - `sent_file`: the clip where a script sends a movie with `X-Sendfile`.
//! - `measures`: what is counted, and where it can be read.
//! - `request`: the server's request and log as Rust values.
//!
//! # Processes
//!
//! The first process reads the configuration and forks its children. What is there before a fork is
//! configuration, and nothing else:
//! - The first process registers the hooks and filters, installs the panic hook, and reads the
//!   directives into pools of the server and one static number. It makes the memory in which all
//!   children count (`measures`). It has no thread, no descriptor and no lock of the module's.
//! - A child makes its seeker, and so the cache and the locks in it, when it answers its first
//!   request about a movie. That needs no `child_init`, and a child that is asked for no movie goes
//!   without.
//! - Children share counts, all of them atomic numbers, and nothing else. A child that is killed leaves no lock behind that others wait for, and
//!   the size of the cache holds for each child.
//! - All work is done on threads of the server's, and signals are the server's. The module starts
//!   no thread, blocks no signal and handles none. Reads that a signal interrupts are repeated.
//! - A restart unloads the library in the first process and loads it again, so that its statics
//!   have their first values again. Where something keeps it loaded, `config::reset` sets them.
//!   Earlier children keep the copy that they were forked with. An answer under way needs nothing
//!   but its own bucket, which holds the open file.
//! - A child has nothing to tear down. The MPM prefork destroys the pools of a request in a signal
//!   handler when it must stop at once: the buckets free memory and close a file there, as the
//!   server's own do, and take no lock of the module's.
//! - Programs that the server starts inherit no descriptor of the module's: all of them close on
//!   exec.

use std::ffi::c_int;
use std::ptr;

mod bucket;
mod config;
mod directives;
mod ffi;
mod filter;
mod handler;
mod measures;
mod pace;
mod request;
mod sent_file;

use mp4seek::server::{boundary, report_panics};

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
    commands: directives::COMMANDS.0.as_ptr(),
    register_hooks: Some(register_hooks),
    flags: 0,
};

unsafe extern "C" fn register_hooks(_pool: *mut ffi::apr_pool_t) {
    boundary(
        || (),
        || {
            report_panics(|line| ffi::log(ffi::H264_LOG_CRITICAL, &line));
            config::reset();
            // SAFETY: the server calls this while it reads its configuration, when hooks and
            // filters are added.
            unsafe {
                ffi::h264_hook_handler(Some(handle));
                ffi::h264_register_filter(Some(filter::filter));
                ffi::h264_register_hold(Some(pace::permission));
                ffi::h264_hook_post_config(Some(measures::after_configuration));
                ffi::h264_hook_status(Some(measures::status));
                ffi::h264_hook_insert_filter(Some(sent_file::insert));
                ffi::h264_register_sent_file_filter(Some(sent_file::filter));
            }
        },
    );
}

unsafe extern "C" fn handle(request: *mut ffi::request_rec) -> c_int {
    boundary(
        || ffi::H264_INTERNAL_SERVER_ERROR,
        || {
            // SAFETY: the server hands a handler a request that lives until it returns, on this
            // thread alone.
            match unsafe { request::Request::new(request) } {
                Some(mut request) => handler::handle(&mut request),
                None => ffi::H264_DECLINED,
            }
        },
    )
}
