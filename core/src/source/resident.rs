//! What of a file is in memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSliceMut};

use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::identity::Identity;
use super::read_at::ReadAt;

/// The most bytes that one piece of work reads on a server's own thread, a few tenths of a
/// millisecond's work. A thread does what needs more, even where all of it is in memory.
const INLINE: usize = 2 << 20;

/// As much of a file as is in memory, for a thread that must not wait for the disk.
///
/// It reads through the C library and not by a system call of its own, so that a library which is
/// loaded before it, as the tests' slow disk, sees it.
#[derive(Debug)]
pub struct Resident<'a> {
    file: &'a File,
    left: Cell<usize>,
}

impl<'a> Resident<'a> {
    /// For one piece of work.
    pub fn of(file: &'a File) -> Self {
        Self { file, left: Cell::new(INLINE) }
    }
}

impl ReadAt for Resident<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let Some(left) = self.left.get().checked_sub(buf.len()) else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        self.left.set(left);
        preadv2(self.file, &mut [IoSliceMut::new(buf)], offset, ReadWriteFlags::NOWAIT).map_err(|error| {
            match error {
                // File systems that cannot tell what is in memory say so with the latter.
                Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS => io::ErrorKind::WouldBlock.into(),
                error => error.into(),
            }
        })
    }

    fn may_wait(&self) -> bool {
        false
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        self.file.identity()
    }
}
