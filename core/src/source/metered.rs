//! A file of which a limited number of bytes is read.

use std::cell::Cell;
use std::io;
use std::ops::Range;

use super::memo::Memo;
use super::read_at::{Page, ReadAt, said_by};

/// Reading was refused because it would take too long to read all that a cut needs.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("its tables and edits are too tangled to be cut in reasonable time")]
pub struct ReadBudgetSpent;

/// A file of which only a limited number of bytes may be read. A read beyond that gives
/// [`ReadBudgetSpent`].
#[derive(Debug)]
pub struct Metered<'a, R: ReadAt> {
    source: &'a R,
    left: &'a Cell<u64>,
}

/// What a read costs besides its bytes.
const COST_OF_READ: u64 = 256;

impl<'a, R: ReadAt> Metered<'a, R> {
    /// A file of which about so many bytes may still be read as are `left`.
    pub fn new(source: &'a R, left: &'a Cell<u64>) -> Self {
        Self { source, left }
    }

    fn spend(&self, len: usize) -> io::Result<()> {
        let left = self.left.get().checked_sub(len as u64 + COST_OF_READ);
        self.left.set(left.ok_or_else(|| io::Error::other(ReadBudgetSpent))?);
        Ok(())
    }
}

impl<R: ReadAt> ReadAt for Metered<'_, R> {
    said_by!(self => self.source);

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.spend(buf.len())?;
        self.source.read_at(buf, offset)
    }

    fn will_read(&self, range: Range<u64>) {
        self.source.will_read(range);
    }

    fn page(&self, offset: u64, len: usize) -> io::Result<Option<Page>> {
        let page = self.source.page(offset, len)?;
        if page.is_some() {
            self.spend(len)?;
        }
        Ok(page)
    }

    /// A look-up there counts as a read. When nothing more may be read, what follows is a read,
    /// which says so.
    fn memo(&self) -> Option<&Memo> {
        self.spend(0).ok()?;
        self.source.memo()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    /// A source of one page.
    #[derive(Debug, Default)]
    struct Paged(Memo);

    impl ReadAt for Paged {
        fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
            Ok(0)
        }

        fn page(&self, offset: u64, _: usize) -> io::Result<Option<Page>> {
            Ok((offset == 0).then(|| Page { bytes: Rc::default(), start: 0 }))
        }

        fn memo(&self) -> Option<&Memo> {
            Some(&self.0)
        }
    }

    #[test]
    fn pages_and_memos_count_as_reads() {
        let source = Paged::default();
        let left = Cell::new(2 * COST_OF_READ + 10);
        let file = Metered::new(&source, &left);
        assert!(file.memo().is_some());
        assert_eq!(file.left.get(), COST_OF_READ + 10);
        assert!(file.page(1, 10).unwrap().is_none(), "what is not in a page is read and counted then");
        assert_eq!(file.left.get(), COST_OF_READ + 10);
        assert!(file.page(0, 10).unwrap().is_some());
        assert_eq!(file.left.get(), 0);
        file.page(0, 10).unwrap_err();
        assert!(file.memo().is_none());
    }
}
