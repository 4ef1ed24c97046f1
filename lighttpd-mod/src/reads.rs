//! The file behind a request, as the server's own thread reads it, and as other threads do.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mp4seek::source::{Identity, ReadAt};

use crate::threads::Shared;

/// The most bytes that one piece of work reads on the server's own thread, a few tenths of a
/// millisecond's work. A thread does what needs more, even where all of it is in memory.
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
    /// `None` on the server's own thread.
    shared: Option<Arc<Shared>>,
}

impl Awaited {
    pub(crate) fn new(file: File, given_up: Arc<AtomicBool>, shared: Option<Arc<Shared>>) -> Self {
        Self { file, given_up, shared }
    }
}

impl ReadAt for Awaited {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.check_wanted()?;
        self.file.read_at(buf, offset)
    }

    fn read_spare_at(&self, out: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        self.check_wanted()?;
        self.file.read_spare_at(out, offset)
    }

    fn check_wanted(&self) -> io::Result<()> {
        if self.given_up.load(Ordering::Relaxed)
            || self.shared.as_ref().is_some_and(|shared| shared.is_closed())
        {
            return Err(io::Error::other("nobody waits for the answer any more"));
        }
        Ok(())
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        self.file.identity()
    }
}
