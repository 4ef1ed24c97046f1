//! What a disk is told while a film is read for the first time.

use std::cell::RefCell;
use std::io;
use std::ops::Range;

use mp4seek::index::Index;
use mp4seek::source::ReadAt;
use test_boxes::{Film, TrackSpec, position, u32_at};

/// The most that is read of a file without notice: headers of boxes and what follows on them.
const UNANNOUNCED: usize = 16 << 10;

/// A film that remembers what it is told.
#[derive(Default)]
struct Told {
    film: Vec<u8>,
    /// What is read soon.
    announced: RefCell<Vec<Range<u64>>>,
    /// Whether reads are few and far between, each time that this was said.
    sparse: RefCell<Vec<bool>>,
    /// What was read without notice while they were.
    unannounced: RefCell<Vec<Range<u64>>>,
}

impl ReadAt for Told {
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = offset..offset + out.len() as u64;
        let holds = |announced: &Range<u64>| announced.start <= read.start && read.end <= announced.end;
        let is_sparse = self.sparse.borrow().last() == Some(&true);
        if is_sparse && out.len() > UNANNOUNCED && !self.announced.borrow().iter().any(holds) {
            self.unannounced.borrow_mut().push(read);
        }
        self.film.read_at(out, offset)
    }

    fn will_read(&self, range: Range<u64>) {
        self.announced.borrow_mut().push(range);
    }

    fn read_sparsely(&self, is_sparse: bool) {
        self.sparse.borrow_mut().push(is_sparse);
    }
}

/// Where a box stands, the first of its type.
fn span_of(film: &[u8], box_type: &[u8]) -> Range<u64> {
    let start = position(film, box_type) - 4;
    start as u64..start as u64 + u64::from(u32_at(film, start))
}

fn told(samples: u32) -> Told {
    let film = Film::of(vec![TrackSpec::video(samples, 50), TrackSpec::audio(samples)]).build();
    let told = Told { film, ..Told::default() };
    Index::build(&told, told.film.len() as u64).unwrap();
    assert_eq!(told.sparse.take(), [true, false], "only while the metadata is read");
    told
}

#[test]
fn a_short_moov_is_read_at_once() {
    let told = told(500);
    assert!(told.announced.borrow().contains(&span_of(&told.film, b"moov")));
}

#[test]
fn tables_that_are_read_whole_are_announced_before() {
    let told = told(200_000);
    let moov = span_of(&told.film, b"moov");
    assert!(moov.end - moov.start > 1 << 20, "too long to be read as a whole");
    let announced = told.announced.borrow();
    assert!(announced.contains(&span_of(&told.film, b"ctts")), "{announced:?}");
    let bytes: u64 = announced.iter().map(|range| range.end - range.start).sum();
    assert!(bytes * 2 < told.film.len() as u64, "not what is looked up: {announced:?}");
    assert_eq!(told.unannounced.take(), []);
}
