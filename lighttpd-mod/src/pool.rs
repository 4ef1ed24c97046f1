//! Reads that may wait for the disk, on threads of their own: the server's one thread
//! never does.
//!
//! What is in memory is read where it is needed, through [`Resident`](crate::reads::Resident).
//! Where that will not do, the same work is done once more by a thread with the file itself, and
//! the request waits for it as for any other event. Each request waits for one piece of work at a
//! time, so the queue is as long as the server has requests, and has no bound of its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::boundary::{boundary, take_panic};
use crate::ffi;
use crate::reads::Awaited;
use crate::request::Request;
use crate::threads::{Job, Threads, lock};

/// The threads, as the server's own thread sees them.
pub(crate) struct Pool(Rc<Waiting>);

struct Waiting {
    threads: Threads,
    /// Requests to wake, by the number of the work they wait for.
    requests: RefCell<HashMap<u64, NonNull<ffi::request_st>>>,
    last: Cell<u64>,
    /// `None` only until the pool is complete.
    watch: Cell<Option<Watch>>,
}

/// The event that is raised when work is done, as the server watches it.
struct Watch {
    server: *mut ffi::server,
    node: *mut ffi::fdnode_st,
}

/// A piece of work that a request waits for. Dropped, it is not waited for any more.
pub(crate) struct Ticket<T> {
    number: u64,
    given_up: Arc<AtomicBool>,
    result: Arc<Mutex<Option<Result<T, String>>>>,
    pool: Rc<Waiting>,
}

impl Pool {
    /// A pool of the process that calls this, which must not fork afterwards. Each worker needs an event
    /// of its own: of processes that share one, the first to read it takes the news from the others, and
    /// their requests sleep on. Threads exist only in the process that started them.
    ///
    /// # Errors
    /// When the process may not have another descriptor.
    pub(crate) fn new(server: *mut ffi::server) -> io::Result<Self> {
        let pool = Self(Rc::new(Waiting {
            threads: Threads::new()?,
            requests: RefCell::default(),
            last: Cell::new(0),
            watch: Cell::new(None),
        }));
        let (event, context) = (pool.0.threads.event(), Rc::as_ptr(&pool.0).cast_mut().cast());
        // SAFETY: the server of the running hook. The pool owns the event and the context, and ends the
        // watch before it lets go of them.
        let node = unsafe { ffi::h264_watch(server, event, Some(wake), context) };
        pool.0.watch.set(Some(Watch { server, node }));
        Ok(pool)
    }

    /// Has `work` done with `file`, and `request` woken then. Where no thread can be had, it is done at once.
    ///
    /// # Errors
    /// When the process may not have another descriptor.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        request: &Request<'_>,
        file: &File,
        work: impl FnOnce(&Awaited) -> T + Send + 'static,
    ) -> io::Result<Ticket<T>> {
        // The server may close its own when the request is gone.
        let file = file.try_clone()?;
        let pool = &self.0;
        pool.last.set(pool.last.get() + 1);
        let number = pool.last.get();
        pool.requests.borrow_mut().insert(number, request.as_ptr());
        let given_up = Arc::new(AtomicBool::new(false));
        let source = Awaited::new(file, Arc::clone(&given_up), Arc::clone(pool.threads.shared()));
        let ticket = Ticket { number, given_up, result: Arc::default(), pool: Rc::clone(pool) };
        let result = Arc::clone(&ticket.result);
        let run = Box::new(move || {
            // The payload is let go as in `boundary`.
            let done = panic::catch_unwind(AssertUnwindSafe(|| work(&source))).map_err(mem::forget);
            *lock(&result) = Some(done.map_err(|()| take_panic()));
        });
        let film = String::from_utf8_lossy(request.path()).into_owned();
        pool.threads.submit(Job { number, film, run });
        Ok(ticket)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut films = self.0.threads.close();
        if !films.is_empty() {
            let reads = films.len();
            films.sort_unstable();
            films.dedup();
            let films = films.join(", ");
            ffi::log(&format!("stops without {reads} reads that do not end, of {films}"));
        }
        if let Some(Watch { server, node }) = self.0.watch.take() {
            // SAFETY: the server lives until all modules are cleaned up, and watches the event since `new`.
            unsafe { ffi::h264_unwatch(server, node) };
        }
    }
}

/// The event: work was done.
unsafe extern "C" fn wake(waiting: *mut c_void) {
    boundary(
        || (),
        || {
            // SAFETY: what `new` handed over, on the server's own thread.
            let waiting = unsafe { &*waiting.cast::<Waiting>() };
            for number in waiting.threads.take_done() {
                if let Some(request) = waiting.requests.borrow_mut().remove(&number) {
                    // SAFETY: it waits, so it has not been reset: its context would have dropped the ticket.
                    unsafe { ffi::h264_wake(request.as_ptr()) };
                }
            }
        },
    );
}

impl<T> Ticket<T> {
    /// What came of it, once it is there: the result, or the words of a panic.
    pub(crate) fn take(&self) -> Option<Result<T, String>> {
        lock(&self.result).take()
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        if self.pool.requests.borrow_mut().remove(&self.number).is_some() {
            self.pool.threads.withdraw(self.number);
        }
    }
}
