//! No panic gets into the server.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::ffi;

/// Runs `body`; if it panics, the answer is that of `default`, which must not panic.
pub(crate) fn boundary<T>(default: impl FnOnce() -> T, body: impl FnOnce() -> T) -> T {
    // Whatever `body` was changing is given up with it: a context is taken out of
    // its request before it is worked on.
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            // Dropping it may run code that panics.
            mem::forget(payload);
            default()
        }
    }
}

/// The name of threads that are not the server's own.
pub(crate) const POOL_THREAD: &str = "h264-streaming";

/// What the last panic on such a thread said. The server's log is for its own thread only.
static PANIC: Mutex<String> = Mutex::new(String::new());

pub(crate) fn take_panic() -> String {
    mem::take(&mut *PANIC.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Makes a panic one line in the error log.
pub(crate) fn install_panic_hook() {
    panic::set_hook(Box::new(|panic| {
        let line = panic.to_string().replace('\n', " ");
        if thread::current().name() == Some(POOL_THREAD) {
            *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = line;
        } else {
            ffi::log(&line);
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::boundary;

    #[test]
    fn a_value_passes() {
        assert_eq!(boundary(|| -1, || 7), 7);
    }

    #[test]
    fn a_panic_becomes_the_default() {
        assert_eq!(boundary(|| -1, || panic_any("in the body")), -1);
    }

    #[test]
    fn a_panic_whose_payload_panics_becomes_the_default() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic_any("while dropping");
            }
        }
        assert_eq!(boundary(|| -1, || panic_any(Bomb)), -1);
    }
}
