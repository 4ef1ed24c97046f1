//! Counts what a thread has allocated, so that a test can say how much a call took at its highest.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    // Neither is initialized lazily nor dropped, so the allocator may use them at any time.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: i64) {
    let held = HELD.get() + sign * i64::try_from(bytes).unwrap_or(i64::MAX);
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: every call is passed to the system's allocator as it came, and what that returns is
// returned; counting allocates nothing and cannot unwind.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: as in `alloc`; `ptr` came from the system's allocator.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Both may be there while the content is moved.
        count(new_size, 1);
        count(layout.size(), -1);
        // SAFETY: as in `dealloc`.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// What `work` returns, and how many bytes more than before were held at most while it ran.
pub(crate) fn peak<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = HELD.get();
    PEAK.set(before);
    let result = work();
    (result, u64::try_from(PEAK.get() - before).unwrap_or(0))
}

/// What `work` returns, and how many bytes are held after it that were not before.
pub(crate) fn held<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = HELD.get();
    let result = work();
    (result, u64::try_from(HELD.get() - before).unwrap_or(0))
}

/// Bytes that this thread holds, from some number on.
pub(crate) fn holds() -> i64 {
    HELD.get()
}
