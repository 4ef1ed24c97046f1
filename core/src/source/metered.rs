//! A file of which only so much is read.

use std::cell::Cell;
use std::io;

use super::identity::Identity;
use super::read_at::ReadAt;

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
