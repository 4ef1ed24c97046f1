//! Positioned reads of one open file, and what identifies it.
//!
//! - `read_at`: positioned reads.
//! - `memo`: what one request keeps of what it has looked up.
//! - `metered`: a file of which a limited number of bytes is read.
//! - `patched`: a file of which some bytes are others.
//! - `resident`: what of a file is in memory.
//! - `awaited`: a file that a thread reads for a request.
//! - `identity`: what identifies the state of a file.

mod awaited;
mod identity;
mod memo;
mod metered;
mod patched;
mod read_at;
mod resident;

pub use awaited::Awaited;
pub use identity::Identity;
pub use memo::Memo;
pub use metered::{Metered, ReadBudgetSpent};
pub(crate) use patched::{Patch, Patched, first_patch};
pub use read_at::{GENERATED, Page, ReadAt};
pub(crate) use read_at::{Sparsely, changed, said_by};
pub use resident::Resident;

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::io;
    use std::ops::Range;
    use std::rc::Rc;
    use std::time::Instant;

    use super::*;
    use crate::index::Index;
    use crate::offsets::FileOffset;
    use crate::testing::{Film, TrackSpec};

    /// A file whose answers differ from those of a trait method that is not implemented.
    struct Unusual {
        memo: Memo,
        told: RefCell<Vec<String>>,
        asked: Instant,
    }

    impl Default for Unusual {
        fn default() -> Self {
            Self { memo: Memo::default(), told: RefCell::default(), asked: Instant::now() }
        }
    }

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

        fn asks_again(&self) -> Option<Instant> {
            Some(self.asked)
        }

        fn check_wanted(&self) -> io::Result<()> {
            Err(io::ErrorKind::TimedOut.into())
        }

        fn will_read(&self, range: Range<u64>) {
            self.told.borrow_mut().push(format!("{range:?}"));
        }

        fn read_sparsely(&self, is_sparse: bool) {
            self.told.borrow_mut().push(format!("{is_sparse}"));
        }

        fn identity(&self) -> io::Result<Option<Identity>> {
            Ok(Some(crate::testing::identity(b"unusual")))
        }

        fn page(&self, offset: u64, _len: usize) -> io::Result<Option<Page>> {
            Ok(Some(Page { bytes: Rc::new(vec![7; 3]), start: offset }))
        }

        fn memo(&self) -> Option<&Memo> {
            Some(&self.memo)
        }
    }

    #[test]
    fn what_wraps_a_file_answers_as_the_file_does() {
        fn answers<R: ReadAt>(file: R) -> (Vec<u8>, bool, io::ErrorKind, Option<Identity>) {
            let mut bytes = vec![0; 3];
            file.read_exact_at(&mut bytes, 7).unwrap();
            let mut more = Vec::with_capacity(2);
            assert_eq!((file.read_spare_at(&mut more, 10).unwrap(), more), (2, vec![10, 11]));
            file.will_read(7..10);
            drop(Sparsely::new(&file));
            assert!(file.asks_again().is_some());
            (bytes, file.may_wait(), file.check_wanted().unwrap_err().kind(), file.identity().unwrap())
        }
        let of_the_file = answers(Unusual::default());
        assert_eq!(of_the_file.3, Some(crate::testing::identity(b"unusual")));
        let film = Film::of(vec![TrackSpec::audio(40)]).build();
        let index = Index::build(&film, film.len() as u64).unwrap();
        let file = Unusual::default();
        assert_eq!(answers(&file), of_the_file);
        assert_eq!(answers::<&dyn ReadAt>(&file), of_the_file);
        assert_eq!(answers(Metered::new(&file, &Cell::new(1000))), of_the_file);
        let unlike = [Patch { offset: FileOffset(3), byte: 0 }];
        assert_eq!(answers(Patched::new(&file, &unlike)), of_the_file);
        assert_eq!(answers(index.film(&file)), of_the_file);
        assert_eq!(answers(index.film_in_order(&file)), of_the_file);
        assert_eq!(file.told.take(), ["7..10", "true", "false"].repeat(6));

        // A film has pages and a memo of its own, and others lend those of the file.
        fn lends<R: ReadAt>(file: R) -> (Option<Vec<u8>>, bool) {
            let page = file.page(7, 2).unwrap();
            (page.map(|page| page.bytes.to_vec()), file.memo().is_some())
        }
        let of_the_file = lends(&file);
        assert_eq!(of_the_file, (Some(vec![7; 3]), true));
        assert_eq!(lends::<&dyn ReadAt>(&file), of_the_file);
        assert_eq!(lends(Metered::new(&file, &Cell::new(1000))), of_the_file);
        assert_eq!(lends(Patched::new(&file, &unlike)), of_the_file);
    }

    #[test]
    fn patches_are_read_in_place_of_what_the_file_has() {
        let patches = [8, 9, 12].map(|at| Patch { offset: FileOffset(at), byte: 99 });
        let file = Unusual::default();
        let read = |from, len| {
            let mut bytes = vec![0; len];
            Patched::new(&file, &patches).read_exact_at(&mut bytes, from).unwrap();
            bytes
        };
        assert_eq!(read(7, 6), [7, 99, 99, 10, 11, 99]);
        let mut spare = Vec::with_capacity(3);
        spare.push(1);
        Patched::new(&file, &patches).read_spare_at(&mut spare, 8).unwrap();
        assert_eq!(spare, [1, 99, 99]);
        assert_eq!((read(9, 1), read(10, 2), read(13, 1)), (vec![99], vec![10, 11], vec![13]));
        assert_eq!(first_patch(&patches, &(9..12)), Some(9));
        assert_eq!((first_patch(&patches, &(10..12)), first_patch(&patches, &(13..99))), (None, None));
    }
}
