//! Answers that are sent no faster than the configuration says.
//!
//! The server's side of it is `hold.c` of `ffi-headers`: a filter that keeps the buckets of such an
//! answer, and passes on what may be sent. This file says how much that is. It is looked up once a
//! second for each answer.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use mp4seek::pace::{Pace, Schedule};
use mp4seek::server::boundary;
use mp4seek::virtual_file::VirtualFile;

use crate::bucket::ClipRef;
use crate::ffi;

/// How much of a bucket may be sent.
pub(crate) enum Permission {
    /// All of it: it is not held back.
    All,
    /// So many bytes.
    Some(u64),
    /// Nothing for so long.
    Wait(Duration),
}

/// From one look-up to the next.
const STEP: Duration = Duration::from_secs(1);

/// Keeps an answer to its pace.
pub(crate) struct Pacer {
    pace: Pace,
    part: Cell<Option<Part>>,
}

/// The byte range that is being sent.
struct Part {
    schedule: Schedule,
    range: Range<u64>,
    began: Instant,
    /// Up to where it may be sent, and when that was looked up.
    until: u64,
    looked_up: Instant,
}

impl Pacer {
    /// `None` where nothing is to be held back.
    pub(crate) fn new(pace: Pace) -> Option<Self> {
        pace.is_on().then_some(Self { pace, part: Cell::new(None) })
    }

    /// How much may be sent of what is left of a range.
    pub(crate) fn permission(
        &self,
        film: &VirtualFile,
        source: &File,
        range: &Range<u64>,
    ) -> io::Result<Permission> {
        let is_of = |part: &Part| part.range.end == range.end && part.range.start <= range.start;
        let mut part = match self.part.take().filter(is_of) {
            Some(part) => part,
            None => Part::begin(self.pace, film, source, range)?,
        };
        if part.until <= range.start && part.looked_up.elapsed() >= STEP {
            part.looked_up = Instant::now();
            part.until = part.schedule.allowed(film, source, part.began.elapsed())?;
        }
        let permission = match part.until.saturating_sub(range.start) {
            0 => Permission::Wait(STEP.saturating_sub(part.looked_up.elapsed())),
            len => Permission::Some(len),
        };
        self.part.set(Some(part));
        Ok(permission)
    }
}

impl Part {
    fn begin(pace: Pace, film: &VirtualFile, source: &File, range: &Range<u64>) -> io::Result<Self> {
        let began = Instant::now();
        let (schedule, until) = Schedule::look_up(None, pace, film, source, range, Duration::ZERO)?;
        Ok(Self { schedule, range: range.clone(), began, until, looked_up: began })
    }
}

/// As `h264_permission` of the header.
pub(crate) unsafe extern "C" fn permission(bucket: *const ffi::apr_bucket, wait: *mut u32) -> u64 {
    boundary(
        || u64::MAX,
        || {
            // SAFETY: a bucket of this thread's, and a place for the result.
            unsafe {
                match ClipRef::permission(bucket) {
                    Permission::All => u64::MAX,
                    Permission::Some(len) => len,
                    Permission::Wait(time) => {
                        // Never 0, which would be no time at all.
                        *wait = u32::try_from(time.as_millis()).unwrap_or(u32::MAX).saturating_add(1);
                        0
                    }
                }
            }
        },
    )
}
