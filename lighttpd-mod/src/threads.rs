//! The threads of a worker, and the event that they raise when work is done.
//!
//! Threads belong to the process that started them, and so does everything here. A copy of the
//! process has the memory, but not the threads: a lock that one of them held at that moment is
//! never released in the copy. [`Threads::is_of_this_process`] tells.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::c_void;
use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::{self, ManuallyDrop};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};

use crate::copies::Maker;
use crate::ffi;

/// Most threads. They wait more than they work: more would only make a slow disk slower.
pub(crate) const THREADS: usize = 8;

/// How long a server that stops or restarts waits for reads under way. A disk that is merely slow
/// answers within this time. A file server that is gone may never answer, and the server accepts no
/// connection while it waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// The threads of this process that read files.
pub(crate) struct Threads {
    shared: Arc<Shared>,
    handles: RefCell<Vec<JoinHandle<()>>>,
    maker: Maker,
}

/// What the threads share with the server's own.
pub(crate) struct Shared {
    event: File,
    work: Mutex<Work>,
    /// A job was queued, or there will be none any more.
    ready: Condvar,
    /// A thread has ended.
    ended: Condvar,
    is_closed: AtomicBool,
}

/// What the threads do.
pub(crate) struct Load {
    /// Jobs under way.
    pub(crate) busy: usize,
    /// Jobs that wait until another is done.
    pub(crate) waiting: usize,
}

#[derive(Default)]
struct Work {
    queue: VecDeque<Job>,
    /// Jobs that wait for what another job does. They hold no thread.
    parked: Vec<Job>,
    /// Numbers and movies of the jobs under way.
    running: Vec<(u64, String)>,
    done: Vec<u64>,
    /// Threads that wait for a job. One that was notified counts until it has taken the job.
    idle: usize,
    /// All threads that have not ended.
    threads: usize,
}

/// A piece of work.
pub(crate) struct Job {
    pub(crate) number: u64,
    /// The path of the movie that it reads, for the error log.
    pub(crate) film: String,
    /// Does it. Not, and `false`, where that has to wait for what another job does.
    pub(crate) run: Box<dyn FnMut() -> bool + Send>,
    /// Whether it still has to wait for that.
    pub(crate) is_blocked: Box<dyn Fn() -> bool + Send>,
}

impl Threads {
    /// Threads of the calling process. None is started before there is work.
    ///
    /// # Errors
    /// When the process may not have another descriptor, or copies of it could not be noticed.
    pub(crate) fn new() -> io::Result<Self> {
        let maker = Maker::this_process()?;
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let shared = Shared {
            event: File::from(event),
            work: Mutex::default(),
            ready: Condvar::new(),
            ended: Condvar::new(),
            is_closed: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared), handles: RefCell::default(), maker })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The event. It can be read when [`Self::take_done`] has something to give.
    pub(crate) fn event(&self) -> RawFd {
        self.shared.event.as_raw_fd()
    }

    /// Whether this process started the threads. In a copy of that process, nothing but
    /// [`Self::abandon`] may be called.
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.maker.is_this_process()
    }

    /// The process that started them.
    pub(crate) fn maker(&self) -> Maker {
        self.maker
    }

    /// Has a thread do the job. Where no thread can be had, it is done at once.
    pub(crate) fn submit(&self, job: Job) {
        let mut work = lock(&self.shared.work);
        work.queue.push_back(job);
        // Several jobs may be queued before an idle thread takes one: each needs a thread of its
        // own.
        let needs_thread = work.queue.len() > work.idle && work.threads < THREADS;
        // With other threads, the job waits for one of them.
        if needs_thread && self.start(&mut work).is_err() && work.threads == 0 {
            let job = work.queue.pop_back();
            drop(work);
            if let Some(mut job) = job {
                // No job of a thread can have it wait.
                while !(job.run)() {}
                lock(&self.shared.work).done.push(job.number);
                self.shared.tell();
            }
            return;
        }
        drop(work);
        self.shared.ready.notify_one();
    }

    fn start(&self, work: &mut Work) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name(NAME.into());
        let handle = without_signals(|| thread.spawn(move || shared.serve()))?;
        work.threads += 1;
        self.handles.borrow_mut().push(handle);
        Ok(())
    }

    /// What the threads do now, or begin to do: a job that is queued where a thread is free counts as
    /// under way, since nobody asks again when the thread has taken it.
    pub(crate) fn load(&self) -> Load {
        let work = lock(&self.shared.work);
        let jobs = work.running.len() + work.queue.len();
        let busy = jobs.min(THREADS);
        Load { busy, waiting: jobs - busy }
    }

    /// Takes a job back that no thread has begun.
    pub(crate) fn withdraw(&self, number: u64) {
        let mut work = lock(&self.shared.work);
        let place = work.queue.iter().position(|job| job.number == number);
        let mut job = place.and_then(|place| work.queue.remove(place));
        if let Some(place) = work.parked.iter().position(|job| job.number == number) {
            job = Some(work.parked.swap_remove(place));
        }
        drop(work);
        // What it holds is released without the lock.
        drop(job);
    }

    /// The numbers of the jobs that were done since the last call.
    pub(crate) fn take_done(&self) -> Vec<u64> {
        // Nothing to read is no harm: the list tells.
        let _ = (&self.shared.event).read(&mut [0; 8]);
        mem::take(&mut lock(&self.shared.work).done)
    }

    /// Ends the threads, and waits for the reads under way, but not for ever. The movies whose
    /// reads did not end.
    ///
    /// The server unloads this library afterwards. A thread that is still in a read would come back
    /// to code that is gone, so the library then stays where it is until the process ends. A server
    /// that loads it again for a restart gets the same copy. The thread touches nothing of the
    /// server's: the file, the event and the result are its own.
    pub(crate) fn close(&self) -> Vec<String> {
        let mut work = lock(&self.shared.work);
        self.shared.is_closed.store(true, Ordering::Relaxed);
        let left = (mem::take(&mut work.queue), mem::take(&mut work.parked));
        drop(work);
        drop(left);
        self.shared.ready.notify_all();
        let work = lock(&self.shared.work);
        let waited = self.shared.ended.wait_timeout_while(work, PATIENCE, |work| work.threads > 0);
        let (work, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let left: Vec<_> = work.running.iter().map(|(_, film)| film.clone()).collect();
        let is_all = work.threads == 0;
        drop(work);
        let handles = self.handles.take();
        if !is_all && stay_loaded() {
            return left;
        }
        // What has ended may have a few instructions left, in this library.
        for handle in handles {
            let _ = handle.join();
        }
        Vec::new()
    }

    /// Lets go of the threads of another process, of which this one is a copy.
    pub(crate) fn abandon(self) {
        // Detaching a thread that does not exist here would write to memory that is no longer its
        // own. What the threads share is never dropped, as their references to it are not.
        mem::forget(self.handles);
    }
}

impl Shared {
    /// Whether nobody waits for any job any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Raises the event. Fails only where that counts to 2^64, and is raised then all the more.
    fn tell(&self) {
        let _ = (&self.event).write(&1u64.to_ne_bytes());
    }

    /// Ends the turn of a job. One that is not done has another once it need not wait any more, and so
    /// have those that waited for this one.
    fn put_back(&self, mut job: Job, is_done: bool) {
        let mut work = lock(&self.work);
        let place = work.running.iter().position(|(number, _)| *number == job.number);
        job.film = place.map(|place| work.running.swap_remove(place).1).unwrap_or_default();
        // A job is dropped behind the lock: it holds what came with the request.
        let ended = if is_done || self.is_closed() {
            work.done.push(job.number);
            Some(job)
        } else {
            work.parked.push(job);
            None
        };
        let ready = work.unpark();
        drop(work);
        for _ in 0..ready {
            self.ready.notify_one();
        }
        // What the threads do is counted anew, also where nothing was done.
        self.tell();
        drop(ended);
    }

    /// What a thread does.
    fn serve(&self) {
        let mut work = lock(&self.work);
        while !self.is_closed() {
            let Some(mut job) = work.queue.pop_front() else {
                work.idle += 1;
                work = self.ready.wait(work).unwrap_or_else(PoisonError::into_inner);
                work.idle -= 1;
                continue;
            };
            work.running.push((job.number, mem::take(&mut job.film)));
            drop(work);
            let is_done = (job.run)();
            self.put_back(job, is_done);
            work = lock(&self.work);
        }
        work.threads -= 1;
        drop(work);
        self.ended.notify_all();
    }
}

impl Work {
    /// Queues the jobs that have what they waited for, behind all others. How many.
    fn unpark(&mut self) -> usize {
        let (blocked, ready): (Vec<_>, Vec<_>) =
            mem::take(&mut self.parked).into_iter().partition(|job| (job.is_blocked)());
        let count = ready.len();
        self.parked = blocked;
        self.queue.extend(ready);
        count
    }
}

/// The name of the threads.
const NAME: &str = "h264-streaming";

thread_local! {
    /// The line of the last panic on one of the threads. The log of the server is for the server's
    /// own thread only. Nothing is dropped when a thread ends: a destructor would keep the library
    /// from being unloaded.
    static PANIC: Cell<ManuallyDrop<String>> = const { Cell::new(ManuallyDrop::new(String::new())) };
}

/// Writes the line of a panic to the error log, or keeps it for [`take_panic`] on a thread that is
/// not the server's.
pub(crate) fn note_panic(line: String) {
    if thread::current().name() == Some(NAME) {
        remember_panic(line);
    } else {
        ffi::log(&line);
    }
}

fn remember_panic(line: String) {
    PANIC.set(ManuallyDrop::new(line));
}

/// The line of the last panic on this thread.
pub(crate) fn take_panic() -> String {
    ManuallyDrop::into_inner(PANIC.take())
}

/// What panicked in here has not left anything half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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

/// Keeps this library loaded until the process ends, whatever the server does. Whether that worked.
fn stay_loaded() -> bool {
    let here: *const c_void = (stay_loaded as fn() -> bool) as *const c_void;
    // SAFETY: `dladdr` fills the record, and its name lives as long as the library. The name is
    // that of a library that is loaded, so that no file is opened.
    unsafe {
        let mut found: libc::Dl_info = mem::zeroed();
        libc::dladdr(here, &raw mut found) != 0
            && !found.dli_fname.is_null()
            && !libc::dlopen(found.dli_fname, libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE)
                .is_null()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread::scope;

    use super::{remember_panic, take_panic};

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
}
