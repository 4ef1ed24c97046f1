//! The file behind a request, as the worker's own thread reads it, and as other threads do.

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::{Deref, Range};
use std::os::fd::FromRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mp4seek::source::{Identity, ReadAt};

use crate::ffi;

/// The file that what is generated is read from.
pub(crate) enum OpenFile {
    /// The server's, which closes it.
    Lent(ManuallyDrop<File>),
    /// Opened once more.
    Own(File),
}

impl OpenFile {
    /// The server opens what `directio` names for reads of whole sectors only, which ours are not:
    /// the same file is opened once more for them, without the name, which may be another's by now.
    ///
    /// # Errors
    /// When it cannot be opened once more.
    ///
    /// # Safety
    /// The server keeps it open until the request ends, and closes it.
    pub(crate) unsafe fn new(fd: c_int, is_directio: bool) -> io::Result<Self> {
        if is_directio {
            return File::open(format!("/proc/self/fd/{fd}")).map(Self::Own);
        }
        // SAFETY: by the caller's promise.
        Ok(Self::Lent(ManuallyDrop::new(unsafe { File::from_raw_fd(fd) })))
    }
}

impl Deref for OpenFile {
    type Target = File;

    fn deref(&self) -> &File {
        match self {
            Self::Lent(file) => file,
            Self::Own(file) => file,
        }
    }
}

/// A file that a thread reads, until nobody waits for what comes of it.
pub(crate) struct Awaited {
    file: File,
    given_up: Arc<AtomicBool>,
    since: Instant,
}

impl Awaited {
    pub(crate) fn new(file: File, given_up: Arc<AtomicBool>, since: Instant) -> Self {
        Self { file, given_up, since }
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
        // A worker that ends at once waits for its threads, and is killed if that takes a second.
        // SAFETY: the call reads a number that a signal sets.
        let is_terminating = unsafe { ffi::h264_is_terminating() } != 0;
        if is_terminating || self.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for the answer any more"));
        }
        Ok(())
    }

    fn asks_again(&self) -> Option<Instant> {
        Some(self.since)
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
