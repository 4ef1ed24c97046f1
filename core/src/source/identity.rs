//! What identifies the state of a file.

use std::fs::{File, Metadata};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, StatxFlags, makedev, statx};
use rustix::io::Errno;

/// What tells one state of one file from every other: the cache key of its
/// index, and (size and whole seconds of mtime only) a part of every ETag of its clips.
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

    /// The identity of an open file as it is now: a file system on a network asks its server, where
    /// it would else answer from what it remembers, for a minute and longer.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn now(file: &File) -> io::Result<Self> {
        let wanted = StatxFlags::INO | StatxFlags::SIZE | StatxFlags::MTIME | StatxFlags::CTIME;
        match statx(file, "", AtFlags::EMPTY_PATH | AtFlags::STATX_FORCE_SYNC, wanted) {
            Ok(now) => Ok(Self {
                device: makedev(now.stx_dev_major, now.stx_dev_minor),
                inode: now.stx_ino,
                size: now.stx_size,
                mtime: now.stx_mtime.tv_sec,
                mtime_nanos: now.stx_mtime.tv_nsec.into(),
                ctime: now.stx_ctime.tv_sec,
                ctime_nanos: now.stx_ctime.tv_nsec.into(),
            }),
            // An old kernel, or a container that does not let this through.
            Err(Errno::NOSYS | Errno::PERM) => Ok(Self::of(&file.metadata()?)),
            Err(error) => Err(error.into()),
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

    /// Whether bytes may have been appended since the file was `then`, as far as size and times
    /// tell. A write gives a file its new time before its new size, and both can be seen between.
    pub fn may_have_grown(&self, then: &Self, now: SystemTime) -> bool {
        self.size > then.size || (self.size == then.size && self.is_fresh(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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

    #[test]
    fn a_file_that_is_being_written_may_have_grown_before_its_size_tells() {
        let at = |mtime, size| Identity { mtime, size, ..crate::testing::identity(b"") };
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let then = at(990, 100);
        for (mtime, size, expected) in
            [(1000, 100, true), (1000, 101, true), (990, 101, true), (998, 100, false), (1000, 99, false)]
        {
            assert_eq!(at(mtime, size).may_have_grown(&then, now), expected, "{size} at {mtime}");
        }
    }
}
