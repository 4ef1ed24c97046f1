//! No panic gets into the server.

use std::cell::Cell;
use std::mem::{self, ManuallyDrop};
use std::panic::{self, AssertUnwindSafe};
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

thread_local! {
    /// What the last panic on this thread said, where that is not the server's own: its log is for that one only.
    /// Nothing is dropped when a thread ends, as a destructor would keep the library from being unloaded.
    static PANIC: Cell<ManuallyDrop<String>> = const { Cell::new(ManuallyDrop::new(String::new())) };
}

fn remember_panic(line: String) {
    PANIC.set(ManuallyDrop::new(line));
}

/// What the last panic on this thread said.
pub(crate) fn take_panic() -> String {
    ManuallyDrop::into_inner(PANIC.take())
}

/// Makes a panic one line in the error log.
pub(crate) fn install_panic_hook() {
    panic::set_hook(Box::new(|panic| {
        let line = panic.to_string().replace('\n', " ");
        if thread::current().name() == Some(POOL_THREAD) {
            remember_panic(line);
        } else {
            ffi::log(&line);
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use std::sync::Barrier;
    use std::thread::scope;

    use super::{boundary, remember_panic, take_panic};

    #[test]
    fn each_of_two_threads_that_panic_at_once_has_its_own_words() {
        let both = Barrier::new(2);
        let words = |line: &str| {
            remember_panic(line.into());
            both.wait();
            take_panic()
        };
        scope(|threads| {
            let other = threads.spawn(|| words("one"));
            assert_eq!(words("two"), "two");
            assert_eq!(other.join().ok().as_deref(), Some("one"));
        });
    }

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
