//! mod_h264_streaming for lighttpd 1.4: `movie.mp4?start=61.5&end=90` answers with
//! a playable MP4 of that part.
//!
//! The file must be named `mod_h264_streaming.so`, and is loaded with
//! `server.modules += ( "mod_h264_streaming" )`; where `mod_staticfile` is listed as
//! well, it comes after this one. Options, each also inside conditions:
//!
//! | option | value | default |
//! |---|---|---|
//! | `h264-streaming.enable` | `"enable"` or `"disable"` | `"enable"` |
//! | `h264-streaming.extensions` | list of file name extensions; `()` is none | [`DEFAULT_EXTENSIONS`](mp4seek::request::DEFAULT_EXTENSIONS) |
//! | `h264-streaming.mode` | `"keyframe"` or `"exact"`, where the query names none | `"exact"` |
//! | `h264-streaming.parameters` | list of names by parameter: `( "start" => "from" )` | none |
//! | `h264-streaming.secret-file` | a file with keys that links have to be signed with, or `"none"` | none |
//! | `h264-streaming.window` | a part of films, as `"10-60"`, or `"none"` | `"none"` |
//! | `h264-streaming.longest-clip`, `h264-streaming.shortest-clip` | seconds; 0 for any | 0 |
//! | `h264-streaming.refuse` | list of words for what a query may not name, or `( "none" )` | `()` |
//! | `h264-streaming.buffer-seconds` | seconds of a clip that are sent at once; the rest follows as it is played; 0 for none | 0 |
//! | `h264-streaming.rate` | bytes a second, in the place of the pace at which it is played; 0 for none | 0 |
//! | `h264-streaming.clips-per-client` | how many clips a client may have at a time, up to 32; 0 for any | 0 |
//! | `h264-streaming.canonical` | `"off"` or `"redirect"`, where the query is not the canonical one | `"off"` |
//! | `h264-streaming.max-age` | seconds that caches may send an answer without asking | none |
//! | `h264-streaming.server-timing` | `"enable"` or `"disable"`: send `Server-Timing` | `"disable"` |
//! | `h264-streaming.metrics-url` | the path of the counts as OpenMetrics | none |
//! | `h264-streaming.version-header` | `"enable"` or `"disable"`: send `X-Mod-H264-Streaming` | `"enable"` |
//! | `h264-streaming.log-client-errors` | `"enable"` or `"disable"`: a line in the error log for each request that is refused for the client's own mistake | `"disable"` |
//! | `h264-streaming.cache-size` | kbytes; 0 for none; not inside conditions | [16 MiB](mp4seek::answer::DEFAULT_CACHE_SIZE) |
//!
//! The hooks come in this order: `subrequest_start` takes GET and HEAD of files with
//! our extensions, and lets the modules after it still refuse them; `subrequest`
//! opens the file as the server would and asks the core; what the core leaves
//! alone goes to the server's own static file handler. A body is generated piece by
//! piece: `subrequest` is called again after each write, and tops the queue up. What is
//! not in memory is read by other threads: `subrequest` is called again when it is there.

mod body;
mod config;
mod context;
mod copies;
mod ffi;
mod handler;
mod hooks;
mod measures;
mod pace;
mod pool;
mod request;
mod state;
mod target;
mod threads;

use std::ffi::c_int;
use std::io::{self, Write};

use mp4seek::server::{boundary, report_panics};

/// The server's entry: checks that this is the version it was built for, and
/// registers the hooks. 0, or -1 where the module must not be loaded.
///
/// # Safety
/// `plugin` is the zeroed record that lighttpd hands to a module it loads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_h264_streaming_plugin_init(plugin: *mut ffi::plugin) -> c_int {
    boundary(|| -1, || load(plugin))
}

fn load(plugin: *mut ffi::plugin) -> c_int {
    // SAFETY: neither looks into anything of the server's: the one calls a built-in
    // module's initialiser with a record of its own, the other is a constant.
    let (running, built) = unsafe { (ffi::h264_running_version_id(), ffi::h264_built_version_id()) };
    if running != built {
        // Not through the server's log function, which may be another one too. It
        // has not opened its error log yet: its own lines go here as well.
        let _ = writeln!(
            io::stderr(),
            "mod_h264_streaming: built for lighttpd version id {built:#x}, but this server's is {running:#x} \
             (0 is unknown): not loaded; build it again for this server"
        );
        return -1;
    }
    report_panics(threads::note_panic);
    // SAFETY: `plugin` is the record the caller promises, and its layout is the one
    // that was compiled in, by the check above. HOOKS is static.
    unsafe { ffi::h264_register(plugin, &raw const hooks::HOOKS) };
    0
}
