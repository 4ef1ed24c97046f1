//! Bodies that are sent no faster than the configuration says.
//!
//! A body that may not go on yet is delayed by a timer of its connection, as by `limit_rate`. What
//! may be sent is looked up once a second: a connection that is drained in between finds nothing
//! new.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mp4seek::pace::{Pace, Schedule};
use mp4seek::source::{Awaited, Resident};
use mp4seek::virtual_file::VirtualFile;

use crate::pool::{self, Outcome, Ticket};
use crate::reads::OpenFile;
use crate::request::Request;

const SECOND: Duration = Duration::from_secs(1);

/// How far a body may be sent.
pub(crate) enum Limit {
    /// Up to this byte of the virtual file.
    Until(u64),
    /// No further until so much time has passed.
    After(Duration),
    /// That is being looked up: the request goes on then.
    Waits,
}

/// Keeps a body to its pace.
pub(crate) struct Pacer {
    pace: Pace,
    /// Of the range that is being sent.
    schedule: Option<Schedule>,
    /// When that was begun.
    began: Instant,
    /// Up to where it may be sent, and when that was looked up.
    until: u64,
    at: Instant,
    looked_up: Option<Ticket<io::Result<(Schedule, u64)>>>,
}

impl Pacer {
    /// `None` where nothing is to be held back.
    pub(crate) fn new(pace: Pace) -> Option<Self> {
        let now = Instant::now();
        pace.is_on().then_some(Self { pace, schedule: None, began: now, until: 0, at: now, looked_up: None })
    }

    /// A range of the virtual file begins to be sent.
    pub(crate) fn begin(&mut self) {
        self.schedule = None;
        self.began = Instant::now();
    }

    /// The client is gone.
    pub(crate) fn give_up(&self) {
        self.looked_up.iter().for_each(Ticket::give_up);
    }

    /// Up to where `range`, the rest of what is being sent, may be sent now.
    pub(crate) fn limit(
        &mut self,
        request: &Request,
        film: &Arc<VirtualFile>,
        file: &OpenFile,
        range: &Range<u64>,
    ) -> io::Result<Limit> {
        let is_due = self.until <= range.start && self.at.elapsed() >= SECOND;
        if self.looked_up.is_some() || self.schedule.is_none() || is_due {
            let Some((schedule, until)) = self.look_up(request, film, file, range)? else {
                return Ok(Limit::Waits);
            };
            self.schedule = Some(schedule);
            (self.until, self.at) = (until, Instant::now());
        }
        if self.until <= range.start {
            return Ok(Limit::After(SECOND.saturating_sub(self.at.elapsed())));
        }
        Ok(Limit::Until(self.until.min(range.end)))
    }

    /// Looks up how far the range may be sent now; `None` while a thread does so.
    fn look_up(
        &mut self,
        request: &Request,
        film: &Arc<VirtualFile>,
        file: &OpenFile,
        range: &Range<u64>,
    ) -> io::Result<Option<(Schedule, u64)>> {
        if self.looked_up.is_none() {
            let (pace, elapsed) = (self.pace, self.began.elapsed());
            match Schedule::look_up(self.schedule.clone(), pace, film, &Resident::of(file), range, elapsed) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                found => return found.map(Some),
            }
            let (schedule, film, range) = (self.schedule.clone(), Arc::clone(film), range.clone());
            let work = move |file: &Awaited| Schedule::look_up(schedule, pace, &film, file, &range, elapsed);
            self.looked_up = Some(pool::run(request, file, work)?);
        }
        let Some(ticket) = self.looked_up.take() else { return Ok(None) };
        match ticket.take(request) {
            Outcome::Pending | Outcome::Blocked => {
                self.looked_up = Some(ticket);
                Ok(None)
            }
            Outcome::Done(found) => found.map(Some),
            Outcome::Panicked(panic) => Err(io::Error::other(panic)),
        }
    }
}
