//! A file that a thread reads for a request, in the place of the server's own.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::time::Instant;

use super::identity::Identity;
use super::read_at::ReadAt;

/// A file that a thread reads, until nobody waits for what comes of it.
pub struct Awaited {
    file: File,
    is_wanted: Box<dyn Fn() -> bool + Send>,
    asked: Option<Instant>,
}

impl Awaited {
    /// A file that is read while `is_wanted`. With `asked`, the reader [asks again](ReadAt::asks_again).
    pub fn new(file: File, is_wanted: impl Fn() -> bool + Send + 'static, asked: Option<Instant>) -> Self {
        Self { file, is_wanted: Box::new(is_wanted), asked }
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
        match (self.is_wanted)() {
            true => Ok(()),
            false => Err(io::Error::other("nobody waits for the answer any more")),
        }
    }

    fn asks_again(&self) -> Option<Instant> {
        self.asked
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn it_is_read_while_somebody_waits() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"film").unwrap();
        let (wanted, now) = (Arc::new(AtomicBool::new(true)), Instant::now());
        let is_wanted = Arc::clone(&wanted);
        let file = Awaited::new(file, move || is_wanted.load(Ordering::Relaxed), Some(now));
        let mut bytes = [0; 4];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!((&bytes, file.asks_again()), (b"film", Some(now)));
        wanted.store(false, Ordering::Relaxed);
        file.check_wanted().unwrap_err();
        file.read_at(&mut bytes, 0).unwrap_err();
        file.read_spare_at(&mut Vec::with_capacity(4), 0).unwrap_err();
    }

    #[test]
    fn a_disk_has_nobody_ask_again() {
        let kind = |kind: io::ErrorKind| of_disk(kind.into()).kind();
        assert_eq!(kind(io::ErrorKind::WouldBlock), io::ErrorKind::Other);
        assert_eq!(kind(io::ErrorKind::TimedOut), io::ErrorKind::TimedOut);
    }
}
