//! How fast an answer is sent: no faster than it is played, after a lead, or than a rate allows.
//!
//! ```text
//! lead-in of N seconds     at elapsed time t, what is presented before N + t
//! rate of R bytes/s        the metadata, and R × (t + 1) bytes behind it
//! both                     what is presented before N, and R × t bytes behind that
//! ```
//!
//! A byte range has times of its own: it is counted from the time that one can play up to with what
//! precedes it. A client that fell behind may catch up: what it may be sent depends on the time
//! alone.

use std::io;
use std::ops::Range;
use std::time::Duration;

use crate::source::ReadAt;
use crate::virtual_file::VirtualFile;

/// How fast answers are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// How much of the presentation is sent at once, in seconds; the rest follows at the pace at
    /// which it is played. 0 where that is not asked for.
    pub lead_in: u32,
    /// Bytes a second, in the place of the pace at which it is played. 0 where that is not asked for.
    pub rate: u32,
}

/// The longest lead-in that makes sense: a day.
pub const LONGEST_LEAD_IN: u32 = 86_400;

impl Pace {
    /// Whether answers are sent slower than they could be.
    pub fn is_on(&self) -> bool {
        self.lead_in > 0 || self.rate > 0
    }
}

/// Which bytes of a range of an answer may be sent by which time.
#[derive(Debug, Clone)]
pub struct Schedule {
    pace: Pace,
    range: Range<u64>,
    /// The time of the presentation at which the range begins.
    begins: Duration,
    /// Up to where it is sent at once.
    at_once: u64,
    /// Up to where it may be sent by now.
    allowed: u64,
}

impl Schedule {
    /// The schedule of a range of `file`, which begins to be sent now.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn of(pace: Pace, file: &VirtualFile, source: &impl ReadAt, range: Range<u64>) -> io::Result<Self> {
        let mut this = Self { pace, begins: Duration::ZERO, at_once: 0, allowed: range.start, range };
        if pace.lead_in > 0 {
            this.begins = file.playable_until(source, this.range.start)?;
        }
        let lead_in = Duration::from_secs(pace.lead_in.into());
        // Without a lead-in, that is the metadata.
        this.at_once = this.limited(file.presented_before(source, this.begins.saturating_add(lead_in))?);
        this.allowed = this.at_once;
        Ok(this)
    }

    /// The schedule that was `begun`, or that of a range, and up to where the range may be sent when so
    /// much time has passed.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn look_up(
        begun: Option<Self>,
        pace: Pace,
        file: &VirtualFile,
        source: &impl ReadAt,
        range: &Range<u64>,
        elapsed: Duration,
    ) -> io::Result<(Self, u64)> {
        let mut schedule = match begun {
            Some(schedule) => schedule,
            None => Self::of(pace, file, source, range.clone())?,
        };
        let until = schedule.allowed(file, source, elapsed)?;
        Ok((schedule, until))
    }

    fn limited(&self, offset: u64) -> u64 {
        offset.max(self.allowed).min(self.range.end)
    }

    /// Up to which byte of the file the range may be sent when so much time has passed. It never
    /// becomes less.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn allowed(
        &mut self,
        file: &VirtualFile,
        source: &impl ReadAt,
        elapsed: Duration,
    ) -> io::Result<u64> {
        let Pace { lead_in, rate } = self.pace;
        let offset = if rate > 0 {
            let since = elapsed + Duration::from_secs(u64::from(lead_in == 0));
            let bytes = since.as_millis().saturating_mul(rate.into()) / 1000;
            self.at_once.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX))
        } else if lead_in > 0 {
            let time =
                self.begins.saturating_add(Duration::from_secs(lead_in.into())).saturating_add(elapsed);
            file.presented_before(source, time)?
        } else {
            self.range.end
        };
        self.allowed = self.limited(offset);
        Ok(self.allowed)
    }
}
