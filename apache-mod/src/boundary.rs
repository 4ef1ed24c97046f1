//! No panic leaves the module: it would abort the server.

use std::panic::{self, AssertUnwindSafe};

use crate::ffi;

/// Runs the body of an entry the server calls; a panic gives `default`.
pub(crate) fn boundary<T>(default: T, body: impl FnOnce() -> T) -> T {
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or(default)
}

/// Makes a panic one line in the server's log. The hook belongs to this library's
/// own copy of the standard library and goes away with it.
pub(crate) fn report_panics() {
    panic::set_hook(Box::new(|info| {
        ffi::log(ffi::H264_LOG_CRITICAL, &info.to_string().replace('\n', " "));
    }));
}
