//! Bodies that are sent no faster than the configuration says.
//!
//! A body that may not go on yet waits for the server's trigger, which fires once a second. What may
//! be sent is looked up once for each: a connection that is drained in between finds nothing new. So
//! such a body costs one look-up and some writes a second, and neither a thread nor a timer.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use mp4seek::pace::{LONGEST_LEAD_IN, Pace, Schedule};
use mp4seek::source::{Awaited, Resident};
use mp4seek::virtual_file::VirtualFile;

use crate::ffi;
use crate::pool::{Outcome, Pool, Ticket};
use crate::request::{OpenFile, Request};

/// The value of `h264-streaming.buffer-seconds`.
pub(crate) fn buffer_seconds(seconds: u32) -> Result<u32, String> {
    if seconds <= LONGEST_LEAD_IN {
        return Ok(seconds);
    }
    Err(format!(
        "h264-streaming.buffer-seconds = {seconds}: it must be a number of seconds, 1 to {LONGEST_LEAD_IN}, or \
         0 for none"
    ))
}

/// The seconds of the server, and the requests that wait for the next.
#[derive(Default)]
pub(crate) struct Clock {
    /// How often the trigger has fired.
    seconds: Cell<u64>,
    waiting: RefCell<HashMap<u64, NonNull<ffi::request_st>>>,
    last: Cell<u64>,
}

/// A request that waits for the next second. Dropped, it waits no more.
struct Waiting {
    number: u64,
    clock: Rc<Clock>,
}

impl Clock {
    /// The trigger has fired: wakes what waits for it.
    pub(crate) fn tick(&self) {
        self.seconds.set(self.seconds.get() + 1);
        for request in self.waiting.take().into_values() {
            // SAFETY: it waits, so it has not been reset: its context would have dropped what keeps
            // it here.
            unsafe { ffi::h264_wake(request.as_ptr()) };
        }
    }

    fn wait(self: &Rc<Self>, request: &Request<'_>) -> Waiting {
        let number = self.last.get() + 1;
        self.last.set(number);
        self.waiting.borrow_mut().insert(number, request.as_ptr());
        Waiting { number, clock: Rc::clone(self) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.clock.waiting.borrow_mut().remove(&self.number);
    }
}

/// How far a body may be sent.
pub(crate) enum Limit {
    /// Up to this byte of the virtual file.
    Until(u64),
    /// That is being looked up: the request is woken then.
    Waits,
}

/// Keeps a body to its pace.
pub(crate) struct Pacer {
    pace: Pace,
    clock: Rc<Clock>,
    /// Of the range that is being sent.
    schedule: Option<Schedule>,
    /// When that was begun.
    began: Instant,
    /// Up to where it may be sent, and in which second that was looked up.
    until: u64,
    second: u64,
    looked_up: Option<Ticket<io::Result<(Schedule, u64)>>>,
    waiting: Option<Waiting>,
}

impl Pacer {
    /// `None` where nothing is to be held back.
    pub(crate) fn new(pace: Pace, clock: &Rc<Clock>) -> Option<Self> {
        pace.is_on().then(|| Self {
            pace,
            clock: Rc::clone(clock),
            schedule: None,
            began: Instant::now(),
            until: 0,
            second: 0,
            looked_up: None,
            waiting: None,
        })
    }

    /// A range of the virtual file begins to be sent.
    pub(crate) fn begin(&mut self) {
        self.schedule = None;
        self.began = Instant::now();
    }

    /// Up to where `range`, the rest of what is being sent, may be sent now. Where that is nothing,
    /// the request is woken in the next second.
    pub(crate) fn limit(
        &mut self,
        request: &Request<'_>,
        pool: &Pool,
        film: &Arc<VirtualFile>,
        file: &OpenFile,
        range: &Range<u64>,
    ) -> io::Result<Limit> {
        let second = self.clock.seconds.get();
        let is_due = self.until <= range.start && self.second != second;
        if self.looked_up.is_some() || self.schedule.is_none() || is_due {
            let Some((schedule, until)) = self.look_up(request, pool, film, file, range)? else {
                return Ok(Limit::Waits);
            };
            self.schedule = Some(schedule);
            (self.until, self.second) = (until, second);
        }
        let is_held = self.until <= range.start;
        self.waiting = is_held.then(|| self.clock.wait(request));
        if is_held {
            request.excuse_idleness();
        }
        Ok(Limit::Until(self.until.min(range.end)))
    }

    /// Looks up how far the range may be sent now; `None` while a thread does so.
    fn look_up(
        &mut self,
        request: &Request<'_>,
        pool: &Pool,
        film: &Arc<VirtualFile>,
        file: &OpenFile,
        range: &Range<u64>,
    ) -> io::Result<Option<(Schedule, u64)>> {
        if let Some(found) = self.take_looked_up() {
            return found.map(Some);
        }
        if self.looked_up.is_some() {
            return Ok(None);
        }
        let (pace, elapsed) = (self.pace, self.began.elapsed());
        match Schedule::look_up(self.schedule.clone(), pace, film, &Resident::of(file), range, elapsed) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let (schedule, film, range) = (self.schedule.clone(), Arc::clone(film), range.clone());
                let work =
                    move |file: &Awaited| Schedule::look_up(schedule, pace, &film, file, &range, elapsed);
                self.looked_up = Some(pool.run(request, file, work)?);
                // Where no thread can be had it is done already, and nothing wakes the request.
                self.take_looked_up().transpose()
            }
            found => found.map(Some),
        }
    }

    /// What came of the look-up of a thread, if there is one and it is done.
    fn take_looked_up(&mut self) -> Option<io::Result<(Schedule, u64)>> {
        let ticket = self.looked_up.take()?;
        match ticket.take() {
            Outcome::Pending => {
                self.looked_up = Some(ticket);
                None
            }
            Outcome::Done(found) => Some(found),
            Outcome::Panicked(panic) => Some(Err(io::Error::other(panic))),
            Outcome::Lost => None,
        }
    }
}
