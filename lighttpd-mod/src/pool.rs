//! Reads that may wait for the disk, on threads of their own: the server's one thread
//! never does.
//!
//! What is in memory is read where it is needed, through [`Resident`](mp4seek::source::Resident),
//! up to 2 MiB for one plan. A plan that needs a byte which is not in memory, or more bytes than that, is
//! made by a thread from the beginning, with the file itself. The request waits for it as for any
//! other event. Each request waits for one piece of work at a time, so the queue is as long as the
//! server has requests, and has no bound of its own.
//!
//! # Processes
//!
//! Before the server forks there is configuration, and nothing else. Threads, locks, the event
//! and the cache belong to one process:
//! - `worker_init` makes them: each worker of `server.max-worker` calls it after it was forked, and
//!   a server without workers calls it too. The process that watches over the workers never does.
//! - A server that restarts (SIGUSR1) unloads this library and loads it again, in the same process
//!   where it has no workers. `cleanup` ends the threads before; one that hangs in a read stays,
//!   and the library with it.
//! - With `server.graceful-restart-bg` a server copies itself in the middle of its work: the copy
//!   goes on with the requests under way, and the original starts again. The copy has requests that
//!   wait, but no threads. It makes all it needs once more ([`Pool::renew`]), and asks for each
//!   answer again.
//! - Programs that the server starts get no descriptor of ours: all of them close on exec.
//! - Signals are the server's: its thread takes them, ours block all of them.

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
use std::time::Instant;

use mp4seek::server::{Board, boundary};
use mp4seek::source::Awaited;

use crate::copies::Maker;
use crate::ffi;
use crate::request::Request;
use crate::threads::{Job, THREADS, Threads, lock, take_panic};

/// The threads, as the server's own thread sees them.
pub(crate) struct Pool(Rc<Waiting>);

struct Waiting {
    /// `None` where the process can have none.
    threads: RefCell<Option<Threads>>,
    /// Requests to wake, by the number of the work they wait for.
    requests: RefCell<HashMap<u64, NonNull<ffi::request_st>>>,
    last: Cell<u64>,
    /// Where work is counted.
    board: Option<&'static Board>,
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
    /// Whose threads do it, if there are any.
    maker: Option<Maker>,
}

/// What came of a piece of work.
pub(crate) enum Outcome<T> {
    /// Nothing yet.
    Pending,
    /// Nothing, ever: it was to be done by threads of another process, of which this one is a copy.
    Lost,
    /// The result.
    Done(T),
    /// The words of a panic.
    Panicked(String),
}

impl Pool {
    /// A pool of the process that calls this, which must not fork afterwards. Each worker needs an
    /// event of its own: of processes that share one, the first to read it takes the news from the
    /// others, and their requests sleep on. Threads exist only in the process that started them.
    ///
    /// # Errors
    /// When the process may not have another descriptor.
    pub(crate) fn new(server: *mut ffi::server, board: Option<&'static Board>) -> io::Result<Self> {
        let pool = Self(Rc::new(Waiting {
            threads: RefCell::new(Some(Threads::new()?)),
            requests: RefCell::default(),
            last: Cell::new(0),
            board,
            watch: Cell::new(None),
        }));
        pool.watch(server);
        Ok(pool)
    }

    fn watch(&self, server: *mut ffi::server) {
        let Some(event) = self.0.threads.borrow().as_ref().map(Threads::event) else { return };
        let context = Rc::as_ptr(&self.0).cast_mut().cast();
        // SAFETY: the server of the running hook, or the one that lives until all modules are
        // cleaned up. The pool owns the event and the context, and ends the watch before it lets go
        // of them.
        let node = unsafe { ffi::h264_watch(server, event, Some(wake), context) };
        self.0.watch.set(Some(Watch { server, node }));
    }

    fn unwatch(&self) -> Option<*mut ffi::server> {
        let Watch { server, node } = self.0.watch.take()?;
        // SAFETY: the server lives until all modules are cleaned up, and watches the event since
        // `watch`.
        unsafe { ffi::h264_unwatch(server, node) };
        Some(server)
    }

    /// Whether the process is a copy of the one that the threads belong to.
    pub(crate) fn is_copied(&self) -> bool {
        self.0.threads.borrow().as_ref().is_some_and(|threads| !threads.is_of_this_process())
    }

    /// Makes the pool one of this process, which is a copy of the one that created it. All requests
    /// that wait are woken.
    pub(crate) fn renew(&self) {
        let server = self.unwatch();
        if let Some(threads) = self.0.threads.take() {
            threads.abandon();
        }
        match Threads::new() {
            Ok(threads) => *self.0.threads.borrow_mut() = Some(threads),
            Err(error) => ffi::log(&format!("cannot make an event, and reads wait for the disk: {error}")),
        }
        if let Some(server) = server {
            self.watch(server);
        }
        for request in self.0.requests.take().into_values() {
            // SAFETY: it waits, as in `wake`; the copy of the process has a copy of the request in
            // its place.
            unsafe { ffi::h264_wake(request.as_ptr()) };
        }
    }

    /// Has `work` done with `file`, and `request` woken then. Where no thread can be had, it is
    /// done at once.
    ///
    /// # Errors
    /// When the process may not have another descriptor.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        request: &Request<'_>,
        file: &File,
        work: impl FnOnce(&Awaited) -> T + Send + 'static,
    ) -> io::Result<Ticket<T>> {
        let mut work = Some(work);
        self.run_in_turns(request, file, move |file| work.take().map(|work| work(file)), || false)
    }

    /// The same for work that does nothing, and gives nothing, where it would have to wait for what is
    /// done for another request. It is then tried again once it `is_blocked` no more, and holds no
    /// thread until then: many who ask for one film at once would hold all of them.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub(crate) fn run_in_turns<T: Send + 'static>(
        &self,
        request: &Request<'_>,
        file: &File,
        mut work: impl FnMut(&Awaited) -> Option<T> + Send + 'static,
        is_blocked: impl Fn() -> bool + Send + 'static,
    ) -> io::Result<Ticket<T>> {
        // The server may close its own when the request is gone.
        let file = file.try_clone()?;
        let pool = &self.0;
        pool.last.set(pool.last.get() + 1);
        let number = pool.last.get();
        pool.requests.borrow_mut().insert(number, request.as_ptr());
        let given_up = Arc::new(AtomicBool::new(false));
        // `None` on the server's own thread.
        let shared = pool.threads.borrow().as_ref().map(|threads| Arc::clone(threads.shared()));
        let asked = shared.as_ref().map(|_| Instant::now());
        let is_given_up = Arc::clone(&given_up);
        let is_wanted = move || {
            !is_given_up.load(Ordering::Relaxed) && !shared.as_ref().is_some_and(|shared| shared.is_closed())
        };
        let source = Awaited::new(file, is_wanted, asked);
        let ticket = Ticket {
            number,
            given_up,
            result: Arc::default(),
            pool: Rc::clone(pool),
            maker: pool.threads.borrow().as_ref().map(Threads::maker),
        };
        let result = Arc::clone(&ticket.result);
        let mut run: Box<dyn FnMut() -> bool + Send> = Box::new(move || {
            // The payload is let go as in `boundary`.
            let done = panic::catch_unwind(AssertUnwindSafe(|| work(&source))).map_err(mem::forget);
            let done = done.map_err(|()| take_panic()).transpose();
            let is_done = done.is_some();
            *lock(&result) = done;
            is_done
        });
        let is_blocked = Box::new(is_blocked);
        let film = String::from_utf8_lossy(request.path()).into_owned();
        match &*pool.threads.borrow() {
            Some(threads) => threads.submit(Job { number, film, run, is_blocked }),
            None => while !run() {},
        }
        pool.board.into_iter().for_each(Board::note_read);
        pool.note();
        Ok(ticket)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.unwatch();
        let mut films = match self.0.threads.take() {
            Some(threads) if threads.is_of_this_process() => threads.close(),
            Some(threads) => {
                threads.abandon();
                return;
            }
            None => return,
        };
        if !films.is_empty() {
            let reads = films.len();
            films.sort_unstable();
            films.dedup();
            let films = films.join(", ");
            ffi::log(&format!("stops without {reads} reads that do not end, of {films}"));
        }
    }
}

/// The event: work was done.
unsafe extern "C" fn wake(waiting: *mut c_void) {
    boundary(
        || (),
        || {
            // SAFETY: what `watch` handed over, on the server's own thread.
            let waiting = unsafe { &*waiting.cast::<Waiting>() };
            waiting.note();
            for number in waiting.own_threads(Threads::take_done).unwrap_or_default() {
                if let Some(request) = waiting.requests.borrow_mut().remove(&number) {
                    // SAFETY: it waits, so it has not been reset: its context would have dropped
                    // the ticket.
                    unsafe { ffi::h264_wake(request.as_ptr()) };
                }
            }
        },
    );
}

impl Waiting {
    /// Notes for other processes what the threads do.
    fn note(&self) {
        if let (Some(board), Some(load)) = (self.board, self.own_threads(Threads::load)) {
            board.note_pool(THREADS, load.busy, load.waiting);
        }
    }

    /// The result of `body`, where there are threads and they are of this process.
    fn own_threads<T>(&self, body: impl FnOnce(&Threads) -> T) -> Option<T> {
        self.threads.borrow().as_ref().filter(|threads| threads.is_of_this_process()).map(body)
    }
}

impl<T> Ticket<T> {
    /// What came of it. A result is given once.
    pub(crate) fn take(&self) -> Outcome<T> {
        // A thread that is not there may have held the lock.
        if self.maker.is_some_and(|maker| !maker.is_this_process()) {
            return Outcome::Lost;
        }
        match lock(&self.result).take() {
            None => Outcome::Pending,
            Some(Ok(done)) => Outcome::Done(done),
            Some(Err(panic)) => Outcome::Panicked(panic),
        }
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::Relaxed);
        if self.pool.requests.borrow_mut().remove(&self.number).is_some() {
            self.pool.own_threads(|threads| threads.withdraw(self.number));
            // Nothing is raised for work that is not done.
            self.pool.note();
        }
    }
}
