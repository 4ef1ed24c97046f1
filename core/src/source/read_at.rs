//! Positioned reads of one open file.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::time::Instant;

use rustix::fs::{Advice, fadvise};

use super::identity::Identity;
use super::memo::Memo;

/// Bytes of a file that are in memory.
#[derive(Debug, Clone)]
pub struct Page {
    /// The bytes.
    pub bytes: Rc<Vec<u8>>,
    /// The offset in the file of the first.
    pub start: u64,
}

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

    /// Appends to `out` what its spare capacity has room for, from `offset` on, and returns how
    /// many bytes these are; 0 means the end of the file. Some sources need no zeroed memory for
    /// that.
    fn read_spare_at(&self, out: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        let held = out.len();
        out.resize(out.capacity(), 0);
        let read = self.read_at(out.get_mut(held..).unwrap_or_default(), offset);
        out.truncate(held + read.as_ref().map_or(0, |n| *n));
        read
    }

    /// Whether a reader may be kept waiting, by the disk or by another reader's work. One that
    /// may not gets `WouldBlock` instead.
    fn may_wait(&self) -> bool {
        true
    }

    /// Since when a reader asks that does not wait for another's work, though it may wait for the disk: it
    /// gets `WouldBlock`, and asks again once that work is done. `None` for one that waits.
    fn asks_again(&self) -> Option<Instant> {
        None
    }

    /// Whether `range`, which lies in the file, can be had without a wait, as far as a look here and
    /// there shows it; always so for a reader that may be kept waiting.
    fn is_at_hand(&self, _range: &Range<u64>) -> bool {
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

    /// Says that all of `range` is read soon, so that a disk need not be asked for one part after
    /// the other.
    fn will_read(&self, _range: Range<u64>) {}

    /// Says that reads are few and far between from now on, so that a disk is not asked for what
    /// follows on them; or, with `false`, no longer.
    fn read_sparsely(&self, _is_sparse: bool) {}

    /// What identifies the file as it is now; `None` for what cannot change.
    fn identity(&self) -> io::Result<Option<Identity>> {
        Ok(None)
    }

    /// The page that holds all of `len` bytes at `offset`, from a source that keeps pages.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn page(&self, _offset: u64, _len: usize) -> io::Result<Option<Page>> {
        Ok(None)
    }

    /// What the look-ups of one request keep, where the source is of one request.
    fn memo(&self) -> Option<&Memo> {
        None
    }
}

impl ReadAt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }

    fn read_spare_at(&self, out: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        Ok(rustix::io::pread(self, rustix::buffer::spare_capacity(out), offset)?)
    }

    fn will_read(&self, range: Range<u64>) {
        let end = range.end.min(range.start.saturating_add(READ_TOGETHER));
        let mut at = range.start;
        while let Some(len) = end.checked_sub(at).and_then(NonZeroU64::new) {
            let len = len.min(ADVISED);
            // A file system that takes no advice reads as it is asked to.
            if fadvise(self, at, Some(len), Advice::WillNeed).is_err() {
                return;
            }
            at += len.get();
        }
    }

    fn read_sparsely(&self, is_sparse: bool) {
        // As above.
        let _ = fadvise(self, 0, None, if is_sparse { Advice::Random } else { Advice::Normal });
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        Identity::now(self).map(Some)
    }
}

/// What one advice is about. Linux heeds no more of it than its largest request to the device or,
/// where that is unknown, as on NFS, the readahead, which is this unless it was changed.
const ADVISED: NonZeroU64 = NonZeroU64::new(128 << 10).expect("some");

/// The most that is read in advance of one pass. A file says how long its tables are, and they need
/// not all stay in memory until the pass gets there.
const READ_TOGETHER: u64 = 16 << 20;

/// What a source that wraps another one says as that does. New of these methods belong here, for no
/// wrapper to fall back on what the trait says by itself.
macro_rules! said_by {
    ($self:ident => $source:expr) => {
        fn may_wait(&$self) -> bool {
            $source.may_wait()
        }

        fn asks_again(&$self) -> Option<std::time::Instant> {
            $source.asks_again()
        }

        fn is_at_hand(&$self, range: &std::ops::Range<u64>) -> bool {
            $source.is_at_hand(range)
        }

        fn check_wanted(&$self) -> std::io::Result<()> {
            $source.check_wanted()
        }

        fn read_sparsely(&$self, is_sparse: bool) {
            $source.read_sparsely(is_sparse);
        }

        fn identity(&$self) -> std::io::Result<Option<$crate::source::Identity>> {
            $source.identity()
        }
    };
}
pub(crate) use said_by;

impl<R: ReadAt + ?Sized> ReadAt for &R {
    said_by!(self => (**self));

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buf, offset)
    }

    fn read_spare_at(&self, out: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        (**self).read_spare_at(out, offset)
    }

    fn will_read(&self, range: Range<u64>) {
        (**self).will_read(range);
    }

    fn page(&self, offset: u64, len: usize) -> io::Result<Option<Page>> {
        (**self).page(offset, len)
    }

    fn memo(&self) -> Option<&Memo> {
        (**self).memo()
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

/// A file whose reads are few and far between until this is dropped.
pub(crate) struct Sparsely<'a, R: ReadAt>(&'a R);

impl<'a, R: ReadAt> Sparsely<'a, R> {
    pub(crate) fn new(file: &'a R) -> Self {
        file.read_sparsely(true);
        Self(file)
    }
}

impl<R: ReadAt> Drop for Sparsely<'_, R> {
    fn drop(&mut self) {
        self.0.read_sparsely(false);
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
