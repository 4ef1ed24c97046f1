//! What of a file is in memory.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;

use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::identity::Identity;
use super::read_at::ReadAt;

/// The most bytes that one piece of work reads on a server's own thread, a few tenths of a
/// millisecond's work. A thread does what needs more, even where all of it is in memory.
const INLINE: usize = 2 << 20;

/// The disk is read in pieces of at least so many bytes: where the first of each is in memory, the
/// rest mostly is.
const LOOK_EVERY: usize = 64 << 10;

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

    fn is_at_hand(&self, range: &Range<u64>) -> bool {
        let last = range.end.saturating_sub(1);
        let mut looks = range.clone().step_by(LOOK_EVERY).chain([last]);
        looks.all(|at| matches!(self.read_at(&mut [0], at), Ok(1)))
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        self.file.identity()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{Advice, fadvise};

    use super::*;

    #[test]
    fn what_was_read_is_at_hand_and_what_the_kernel_gave_up_is_not() {
        const LEN: usize = 1 << 20;
        // Beside the tests, as what is for temporary files may be in memory.
        let tests = std::env::current_exe().unwrap();
        let held = tempfile::NamedTempFile::new_in(tests.parent().unwrap()).unwrap();
        fs::write(held.path(), vec![1; LEN]).unwrap();
        let file = held.reopen().unwrap();
        let all = 0..LEN as u64;
        let is_at_hand = |range: &Range<u64>| Resident::of(&file).is_at_hand(range);
        assert!(is_at_hand(&all));
        assert!(!is_at_hand(&(0..all.end + 1)), "past the end");
        file.sync_all().unwrap();
        let (middle, len) = (LEN as u64 / 2, std::num::NonZeroU64::new(LEN as u64 / 4));
        fadvise(&file, middle, len, Advice::DontNeed).unwrap();
        // Here, too, where that is so.
        let is_held = matches!(Resident::of(&file).read_at(&mut [0], middle), Ok(1));
        assert_eq!(is_at_hand(&all), is_held);
        assert!(is_at_hand(&(0..middle)));
        fs::read(held.path()).unwrap();
        assert!(is_at_hand(&all));
    }
}
