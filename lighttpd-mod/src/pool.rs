//! Reads that may wait for the disk, on threads of their own: the server's one thread
//! never does.
//!
//! What is in memory is read where it is needed, through [`Resident`]. Where that will not
//! do, the same work is done once more by a thread with the file itself, and the request waits
//! for it as for any other event. Each request waits for one piece of work at a time, so the
//! queue is as long as the server has requests, and has no bound of its own.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::fs::File;
use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use mp4seek::source::{Identity, ReadAt};

use crate::boundary::{POOL_THREAD, boundary, take_panic};
use crate::ffi;
use crate::request::Request;

/// Most threads. They wait more than they work: more would only make a slow disk slower.
const THREADS: usize = 8;

/// Most bytes read at once without a thread, a few tenths of a millisecond's work: a film that needs more is
/// planned by a thread even where all of it is in memory.
const INLINE: usize = 2 << 20;

/// As much of a file as is in memory.
pub(crate) struct Resident<'a> {
    file: &'a File,
    left: Cell<usize>,
}

impl<'a> Resident<'a> {
    pub(crate) fn of(file: &'a File) -> Self {
        Self { file, left: Cell::new(INLINE) }
    }
}

impl ReadAt for Resident<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let Some(left) = self.left.get().checked_sub(buf.len()) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        self.left.set(left);
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        let part = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: buf.len() };
        // SAFETY: an open file, and one buffer that is ours to write to.
        let n = unsafe { libc::preadv2(self.file.as_raw_fd(), &raw const part, 1, offset, libc::RWF_NOWAIT) };
        usize::try_from(n).map_err(|_| match io::Error::last_os_error() {
            // File systems that cannot tell what is in memory say so with the latter.
            e if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EOPNOTSUPP | libc::ENOSYS)) => {
                io::ErrorKind::WouldBlock.into()
            }
            e => e,
        })
    }

    fn may_wait(&self) -> bool {
        false
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        self.file.identity()
    }
}

/// A file that a thread reads, until nobody waits for what comes of it.
pub(crate) struct Awaited {
    file: File,
    given_up: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl ReadAt for Awaited {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.given_up.load(Ordering::Relaxed) || self.shared.is_closed.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for the answer any more"));
        }
        self.file.read_at(buf, offset)
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        self.file.identity()
    }
}

/// The threads, as the server's own thread sees them.
pub(crate) struct Pool(Rc<Waiting>);

struct Waiting {
    shared: Arc<Shared>,
    /// Requests to wake, by the number of the work they wait for.
    requests: RefCell<HashMap<u64, NonNull<ffi::request_st>>>,
    last: Cell<u64>,
    threads: RefCell<Vec<JoinHandle<()>>>,
    /// `None` only until the pool is complete.
    watch: Cell<Option<Watch>>,
}

/// The event that is raised when work is done, as the server watches it.
struct Watch {
    server: *mut ffi::server,
    node: *mut ffi::fdnode_st,
}

struct Shared {
    event: File,
    work: Mutex<Work>,
    ready: Condvar,
    is_closed: AtomicBool,
}

#[derive(Default)]
struct Work {
    queue: VecDeque<Job>,
    done: Vec<u64>,
    idle: usize,
}

struct Job {
    number: u64,
    run: Box<dyn FnOnce() + Send>,
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
        // SAFETY: takes numbers only.
        let event = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if event < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, and nobody else's.
        let event = unsafe { File::from_raw_fd(event) };
        let (work, ready) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { event, work, ready, is_closed: AtomicBool::new(false) });
        let pool = Self(Rc::new(Waiting {
            shared,
            requests: RefCell::default(),
            last: Cell::new(0),
            threads: RefCell::default(),
            watch: Cell::new(None),
        }));
        let (event, context) = (pool.0.shared.event.as_raw_fd(), Rc::as_ptr(&pool.0).cast_mut().cast());
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
        let source = Awaited { file, given_up: Arc::clone(&given_up), shared: Arc::clone(&pool.shared) };
        let ticket = Ticket { number, given_up, result: Arc::default(), pool: Rc::clone(pool) };
        let result = Arc::clone(&ticket.result);
        let run: Box<dyn FnOnce() + Send> = Box::new(move || {
            // The payload is let go as in `boundary`.
            let done = panic::catch_unwind(AssertUnwindSafe(|| work(&source))).map_err(mem::forget);
            *lock(&result) = Some(done.map_err(|()| take_panic()));
        });
        match pool.thread() {
            Ok(()) => {
                lock(&pool.shared.work).queue.push_back(Job { number, run });
                pool.shared.ready.notify_one();
            }
            Err(_) => run(),
        }
        Ok(ticket)
    }
}

impl Drop for Pool {
    /// Waits for the work under way: the library may be unloaded next.
    fn drop(&mut self) {
        let pool = &self.0;
        {
            let mut work = lock(&pool.shared.work);
            pool.shared.is_closed.store(true, Ordering::Relaxed);
            work.queue.clear();
        }
        pool.shared.ready.notify_all();
        for thread in pool.threads.take() {
            let _ = thread.join();
        }
        if let Some(Watch { server, node }) = pool.watch.take() {
            // SAFETY: the server lives until all modules are cleaned up, and watches the event since `new`.
            unsafe { ffi::h264_unwatch(server, node) };
        }
    }
}

impl Waiting {
    /// Sees to it that there is a thread for one more piece of work, or as many as there may be.
    fn thread(&self) -> io::Result<()> {
        let mut threads = self.threads.borrow_mut();
        if threads.len() == THREADS || lock(&self.shared.work).idle > 0 {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let spawned =
            without_signals(|| thread::Builder::new().name(POOL_THREAD.into()).spawn(move || shared.serve()));
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(e) if threads.is_empty() => return Err(e),
            Err(_) => {}
        }
        Ok(())
    }
}

/// The event: work was done.
unsafe extern "C" fn wake(waiting: *mut c_void) {
    boundary(
        || (),
        || {
            // SAFETY: what `new` handed over, on the server's own thread.
            let waiting = unsafe { &*waiting.cast::<Waiting>() };
            let _ = (&waiting.shared.event).read(&mut [0; 8]);
            let done = mem::take(&mut lock(&waiting.shared.work).done);
            for number in done {
                if let Some(request) = waiting.requests.borrow_mut().remove(&number) {
                    // SAFETY: it waits, so it has not been reset: its context would have dropped the ticket.
                    unsafe { ffi::h264_wake(request.as_ptr()) };
                }
            }
        },
    );
}

impl Shared {
    /// What a thread does.
    fn serve(&self) {
        let mut work = lock(&self.work);
        while !self.is_closed.load(Ordering::Relaxed) {
            let Some(job) = work.queue.pop_front() else {
                work.idle += 1;
                work = self.ready.wait(work).unwrap_or_else(PoisonError::into_inner);
                work.idle -= 1;
                continue;
            };
            drop(work);
            (job.run)();
            work = lock(&self.work);
            work.done.push(job.number);
            // Fails only where it counts to 2^64, and is raised then all the more.
            let _ = (&self.event).write(&1u64.to_ne_bytes());
        }
    }
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
            lock(&self.pool.shared.work).queue.retain(|job| job.number != self.number);
        }
    }
}

/// What panicked in here has not left anything half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signals are for the server's own thread: they have to interrupt what it waits in.
fn without_signals<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: both sets are filled before they are read, and this thread gets its own back.
    unsafe {
        let (mut all, mut before) = (mem::zeroed(), mem::zeroed());
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        let value = body();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        value
    }
}
