//! Positioned reads of one open file, and what identifies it.

use std::cell::Cell;
use std::fs::{File, Metadata};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads at a position without moving a cursor, so that one open file can serve
/// many readers.
pub trait ReadAt {
    /// Reads up to `buf.len()` bytes at `offset`; 0 means the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Fills `buf` from `offset`, or fails with `UnexpectedEof` when the file ends first.
    fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            match self.read_at(buf, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buf = buf.get_mut(n..).unwrap_or_default();
                    offset = offset.saturating_add(n as u64);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Whether a reader may be kept waiting, by the disk or by another reader's work. One that
    /// may not gets `WouldBlock` instead.
    fn may_wait(&self) -> bool {
        true
    }

    /// Fails once nobody waits for what is read. Whoever waits for another reader's work asks now
    /// and then.
    ///
    /// # Errors
    /// That nobody waits.
    fn check_wanted(&self) -> io::Result<()> {
        Ok(())
    }

    /// What identifies the file as it is now; `None` for what cannot change.
    fn identity(&self) -> io::Result<Option<Identity>> {
        Ok(None)
    }
}

impl ReadAt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        Ok(Some(Identity::of(&self.metadata()?)))
    }
}

impl<R: ReadAt + ?Sized> ReadAt for &R {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buf, offset)
    }

    fn may_wait(&self) -> bool {
        (**self).may_wait()
    }

    fn check_wanted(&self) -> io::Result<()> {
        (**self).check_wanted()
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        (**self).identity()
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|o| self.get(o..)).unwrap_or_default();
        let n = rest.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(n)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.as_slice().read_at(buf, offset)
    }
}

/// Where the address space of generated metadata begins: bytes that stand nowhere in the file,
/// such as the tables of a fragmented file, have addresses of their own, far past the end of any
/// file.
pub const GENERATED: u64 = 1 << 62;

/// What is wrong with a file that is no longer what it was.
pub(crate) fn changed() -> io::Error {
    io::Error::other("the file was changed in the meantime")
}

/// A file of which no more than so much may be read.
#[derive(Debug)]
pub struct Metered<'a, R: ReadAt> {
    source: &'a R,
    left: Cell<u64>,
    is_spent: Cell<bool>,
}

/// What a read costs besides its bytes.
const COST_OF_READ: u64 = 256;

impl<'a, R: ReadAt> Metered<'a, R> {
    /// A file of which about `bytes` may be read.
    pub fn new(source: &'a R, bytes: u64) -> Self {
        Self { source, left: Cell::new(bytes), is_spent: Cell::new(false) }
    }

    /// Whether a read was refused.
    pub fn is_spent(&self) -> bool {
        self.is_spent.get()
    }
}

impl<R: ReadAt> ReadAt for Metered<'_, R> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.left.get().checked_sub(buf.len() as u64 + COST_OF_READ) {
            Some(left) => self.left.set(left),
            None => {
                self.is_spent.set(true);
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
        }
        self.source.read_at(buf, offset)
    }

    fn may_wait(&self) -> bool {
        self.source.may_wait()
    }

    fn check_wanted(&self) -> io::Result<()> {
        self.source.check_wanted()
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        self.source.identity()
    }
}

/// What tells one state of one file from every other: the cache key of its
/// index, and (size and whole seconds of mtime only) a part of every ETag made from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Device the file is on.
    pub device: u64,
    /// Inode number on that device.
    pub inode: u64,
    /// Length in bytes.
    pub size: u64,
    /// Modification time, seconds since the epoch.
    pub mtime: i64,
    /// Nanoseconds of the modification time.
    pub mtime_nanos: i64,
    /// Status change time, seconds since the epoch.
    pub ctime: i64,
    /// Nanoseconds of the status change time.
    pub ctime_nanos: i64,
}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Enough to tell files apart, and each request pays for it.
        state.write_u64(self.inode);
        state.write_i64(self.mtime_nanos);
    }
}

impl Identity {
    /// The identity of an open file, from its own metadata (never from its path,
    /// which may name another file by now).
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime: metadata.mtime(),
            mtime_nanos: metadata.mtime_nsec(),
            ctime: metadata.ctime(),
            ctime_nanos: metadata.ctime_nsec(),
        }
    }

    /// Whether the content may change once more without a change of the whole seconds of its
    /// modification time. File systems keep times in steps of up to two seconds. A time in the
    /// future is one of a clock that is ahead of this one.
    pub fn is_fresh(&self, now: SystemTime) -> bool {
        const FRESH: i128 = 2_000_000_000;
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let modified = i128::from(self.mtime) * 1_000_000_000 + i128::from(self.mtime_nanos);
        i128::try_from(now).unwrap_or(i128::MAX) - modified < FRESH
    }

    /// Whether the content is the same, as far as times tell. A file that is moved or deleted while
    /// it is open gets another `ctime`, and keeps its content.
    pub fn is_same_content(&self, other: &Self) -> bool {
        let content = |i: &Self| (i.device, i.inode, i.size, i.mtime, i.mtime_nanos);
        content(self) == content(other)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::index::Index;
    use crate::testing::{Film, TrackSpec};

    /// A file whose answers differ from those of a trait method that is not implemented.
    struct Unusual;

    impl ReadAt for Unusual {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            for (byte, at) in buf.iter_mut().zip(offset..) {
                *byte = at.to_le_bytes()[0];
            }
            Ok(buf.len())
        }

        fn may_wait(&self) -> bool {
            false
        }

        fn check_wanted(&self) -> io::Result<()> {
            Err(io::ErrorKind::TimedOut.into())
        }

        fn identity(&self) -> io::Result<Option<Identity>> {
            Ok(Some(crate::testing::identity(b"unusual")))
        }
    }

    #[test]
    fn what_wraps_a_file_answers_as_the_file_does() {
        fn answers<R: ReadAt>(file: R) -> (Vec<u8>, bool, io::ErrorKind, Option<Identity>) {
            let mut bytes = vec![0; 3];
            file.read_exact_at(&mut bytes, 7).unwrap();
            (bytes, file.may_wait(), file.check_wanted().unwrap_err().kind(), file.identity().unwrap())
        }
        let of_the_file = answers(Unusual);
        assert_eq!(of_the_file.3, Some(crate::testing::identity(b"unusual")));
        let film = Film::of(vec![TrackSpec::audio(40)]).build();
        let index = Index::build(&film, film.len() as u64).unwrap();
        assert_eq!(answers(&Unusual), of_the_file);
        assert_eq!(answers::<&dyn ReadAt>(&Unusual), of_the_file);
        assert_eq!(answers(Metered::new(&Unusual, 1000)), of_the_file);
        assert_eq!(answers(index.film(&Unusual)), of_the_file);
        assert_eq!(answers(index.film_in_order(&Unusual)), of_the_file);
    }

    #[test]
    fn a_file_is_fresh_for_two_seconds_and_while_its_time_is_to_come() {
        let at = |mtime, mtime_nanos| Identity { mtime, mtime_nanos, ..crate::testing::identity(b"") };
        let now = UNIX_EPOCH + Duration::new(1000, 500_000_000);
        for fresh in [at(1000, 0), at(999, 0), at(998, 500_000_001), at(1001, 0), at(i64::MAX, 999_999_999)] {
            assert!(fresh.is_fresh(now), "{fresh:?}");
        }
        for settled in [at(998, 500_000_000), at(998, 0), at(0, 0), at(-5, 0), at(i64::MIN, 0)] {
            assert!(!settled.is_fresh(now), "{settled:?}");
        }
        assert!(at(0, 0).is_fresh(UNIX_EPOCH - Duration::from_secs(9)));
    }
}
