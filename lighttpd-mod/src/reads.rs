//! The file behind a request, as other threads than the server's own read it.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mp4seek::source::{Identity, ReadAt};

use crate::threads::Shared;

/// A file that a thread reads, until nobody waits for what comes of it.
pub(crate) struct Awaited {
    file: File,
    given_up: Arc<AtomicBool>,
    /// `None` on the server's own thread.
    shared: Option<Arc<Shared>>,
    since: Instant,
}

impl Awaited {
    pub(crate) fn new(file: File, given_up: Arc<AtomicBool>, shared: Option<Arc<Shared>>) -> Self {
        Self { file, given_up, shared, since: Instant::now() }
    }
}

/// A disk that has others try again has failed. Only who waits for another's work has to ask again.
fn of_disk(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::Error::other(error) } else { error }
}

impl ReadAt for Awaited {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.check_wanted()?;
        self.file.read_at(buf, offset).map_err(of_disk)
    }

    fn read_spare_at(&self, out: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        self.check_wanted()?;
        self.file.read_spare_at(out, offset).map_err(of_disk)
    }

    fn check_wanted(&self) -> io::Result<()> {
        if self.given_up.load(Ordering::Relaxed)
            || self.shared.as_ref().is_some_and(|shared| shared.is_closed())
        {
            return Err(io::Error::other("nobody waits for the answer any more"));
        }
        Ok(())
    }

    fn asks_again(&self) -> Option<Instant> {
        self.shared.as_ref().map(|_| self.since)
    }

    fn will_read(&self, range: Range<u64>) {
        self.file.will_read(range);
    }

    fn read_sparsely(&self, is_sparse: bool) {
        self.file.read_sparsely(is_sparse);
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        self.file.identity()
    }
}
