//! Reads that may wait for the disk, on the threads of the server's own pool.
//!
//! What is in memory is read where it is needed, through `Resident`, up to 2 MiB for one plan. A
//! plan or a window that needs a byte which is not in memory, or more bytes than that, is made by a
//! thread from the beginning. Each request waits for one piece of work at a time. The thread
//! touches its own descriptor and the result, and nothing of the server's.

use std::cell::Cell;
use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::mem::{self, ManuallyDrop};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use mp4seek::server::{Board, ReadWork, boundary};
use mp4seek::source::Awaited;

use crate::ffi;
use crate::measures;
use crate::request::Request;

/// A piece of work that a request waits for. Dropped, it is not waited for any more.
pub(crate) struct Ticket<T> {
    given_up: Arc<AtomicBool>,
    result: Arc<Mutex<Option<Tried<T>>>>,
}

/// What a thread leaves of a piece of work: nothing where it was blocked, or the words of a panic.
type Tried<T> = Result<Option<T>, String>;

/// What came of a piece of work.
pub(crate) enum Outcome<T> {
    /// Nothing yet.
    Pending,
    /// Nothing: it would have had to wait for what is done for another request.
    Blocked,
    /// The result.
    Done(T),
    /// The words of a panic.
    Panicked(String),
}

/// What a thread does.
type Work = Box<dyn FnOnce() + Send>;

/// Has `work` done with `file`, and the request go on then. Where the server has no threads, it is
/// done at once.
///
/// # Errors
/// When the process may not have another descriptor, or the pool takes no more work.
pub(crate) fn run<T: Send + 'static>(
    request: &Request,
    file: &File,
    work: impl FnOnce(&Awaited) -> T + Send + 'static,
) -> io::Result<Ticket<T>> {
    run_unless_blocked(request, file, Instant::now(), move |file| Some(work(file)))
}

/// The same for work that does nothing, and gives nothing, where it would have to wait for what is
/// done for another request: many who ask for one film at once would hold all threads. It was first
/// asked for at `since`.
///
/// # Errors
/// As for [`run`].
pub(crate) fn run_unless_blocked<T: Send + 'static>(
    request: &Request,
    file: &File,
    since: Instant,
    work: impl FnOnce(&Awaited) -> Option<T> + Send + 'static,
) -> io::Result<Ticket<T>> {
    let ticket = Ticket { given_up: Arc::default(), result: Arc::default() };
    let given_up = Arc::clone(&ticket.given_up);
    let is_wanted = move || {
        // A worker that ends at once waits for its threads, and is killed if that takes a second.
        // SAFETY: the call reads a number that a signal sets.
        let is_terminating = unsafe { ffi::h264_is_terminating() } != 0;
        !is_terminating && !given_up.load(Ordering::Relaxed)
    };
    let source = Awaited::new(file.try_clone()?, is_wanted, Some(since));
    let result = Arc::clone(&ticket.result);
    let mut counted = measures::board().map(Board::queue_read);
    let run: Work = Box::new(move || {
        counted.iter_mut().for_each(ReadWork::begin);
        // The payload is let go as in `boundary`.
        let done = panic::catch_unwind(AssertUnwindSafe(|| work(&source))).map_err(mem::forget);
        *lock(&result) = Some(done.map_err(|()| take_panic()));
        drop(counted);
    });
    let raw = Box::into_raw(Box::new(run));
    let posted = request.post(raw.cast());
    if posted == ffi::H264_POSTED {
        return Ok(ticket);
    }
    // SAFETY: the server has not taken it.
    let run = unsafe { Box::from_raw(raw) };
    if posted == ffi::H264_NOT_POSTED {
        return Err(io::Error::other("the thread pool takes no more reads"));
    }
    as_thread(*run);
    Ok(ticket)
}

impl<T> Ticket<T> {
    /// What came of it. A result is given once, and not before the server knows of it: a thread may
    /// be done while the request still has the server wait for it, and then it can neither end nor
    /// have more work done.
    pub(crate) fn take(&self, request: &Request) -> Outcome<T> {
        if request.is_reading() {
            return Outcome::Pending;
        }
        let mut result = lock(&self.result);
        if matches!(*result, Some(Ok(None))) {
            return Outcome::Blocked;
        }
        match result.take() {
            None => Outcome::Pending,
            Some(Ok(None)) => Outcome::Blocked,
            Some(Ok(Some(done))) => Outcome::Done(done),
            Some(Err(panic)) => Outcome::Panicked(panic),
        }
    }

    /// Lets the thread end early: the client is gone.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// As the header says.
///
/// # Safety
/// What [`run`] posted, once.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn h264_work(work: *mut c_void) {
    // SAFETY: by the caller's promise.
    boundary(|| (), || as_thread(*unsafe { Box::from_raw(work.cast::<Work>()) }));
}

thread_local! {
    static IS_AT_WORK: Cell<bool> = const { Cell::new(false) };
    /// The line of the last panic on a thread of the pool: the log of a request is for the worker's
    /// own thread only. Nothing is dropped when a thread ends: a destructor would keep the library
    /// from being unloaded.
    static PANIC: Cell<ManuallyDrop<String>> = const { Cell::new(ManuallyDrop::new(String::new())) };
}

fn as_thread(work: Work) {
    IS_AT_WORK.set(true);
    work();
    IS_AT_WORK.set(false);
}

/// Writes the line of a panic to the error log, or keeps it for the request that waits.
pub(crate) fn note_panic(line: String) {
    if IS_AT_WORK.get() {
        PANIC.set(ManuallyDrop::new(line));
    } else {
        let line = format!("mod_h264_streaming: {line}");
        // SAFETY: the server copies the line.
        unsafe { ffi::h264_log_process(ffi::bytes(line.as_bytes())) };
    }
}

fn take_panic() -> String {
    ManuallyDrop::into_inner(PANIC.take())
}

/// What panicked in here has not left anything half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
