//! No panic reaches a server: it would end the process.

use std::mem;
use std::panic::{self, AssertUnwindSafe};

/// Runs the body of a function that a server calls. After a panic the result is that of `default`,
/// which must not panic.
///
/// What `body` was changing must be given up after a panic: nothing rolls it back.
pub fn boundary<T>(default: impl FnOnce() -> T, body: impl FnOnce() -> T) -> T {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            // Dropping the payload may run code that panics.
            mem::forget(payload);
            default()
        }
    }
}

/// Hands each panic to `report`, as one line. The hook belongs to the copy of the standard library
/// that the module carries. Other modules keep theirs.
pub fn report_panics(report: impl Fn(String) + Send + Sync + 'static) {
    panic::set_hook(Box::new(move |panic| report(panic.to_string().replace('\n', " "))));
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
