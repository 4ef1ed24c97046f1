//! A file and its generated metadata, as one source.
//!
//! Some of the metadata stands nowhere in the file: a compressed `moov`, unpacked, and the sample
//! tables of a fragmented movie. Those bytes have addresses of their own, far past the end of any
//! file, so that whatever reads boxes and tables need not know where they come from. Media is never
//! there. Few of those bytes are kept: the entries of the tables are generated when they are read.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::rc::Rc;

use crate::boxes::FormatError;
use crate::limits::{self, Limits};
use crate::source::{GENERATED, Memo, Page, ReadAt, ReadBudgetSpent, said_by};

use super::batch::Batch;
use super::batches::{Batches, Entries};
use super::tables::TableLayout;
use super::track::TrackFragments;

/// The metadata of a movie that stands nowhere in its file.
#[derive(Debug, Default)]
pub struct Synthetic {
    /// In order and without gaps, each with where it begins.
    parts: Vec<(u64, Part)>,
    len: u64,
    batches: Option<Box<Batches>>,
}

#[derive(Debug)]
enum Part {
    Bytes(Vec<u8>),
    /// The entries of a table of [`Batches`].
    Entries(usize),
}

impl Synthetic {
    /// All of it in memory.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        Self { len: bytes.len() as u64, parts: vec![(0, Part::Bytes(bytes))], batches: None }
    }

    /// The bytes of `layout`, whose entries are not kept but generated again when they are read.
    ///
    /// # Errors
    /// When more of them would have to be kept than may be.
    pub(crate) fn regenerated(
        file_len: u64,
        batches: Vec<Batch>,
        fragments: Vec<TrackFragments>,
        layout: &TableLayout,
        limits: &Limits,
    ) -> Result<Self, FormatError> {
        let batches = Box::new(Batches::new(file_len, batches, fragments, layout, limits)?);
        let mut parts = Vec::new();
        let mut at = 0;
        for (n, span) in layout.spans.iter().enumerate().filter(|(n, _)| !batches.is_small(*n)) {
            let bytes = layout.bytes.get(at..span.start).unwrap_or_default();
            parts.push((at as u64, Part::Bytes(bytes.to_vec())));
            parts.push((span.start as u64, Part::Entries(n)));
            at = span.end;
        }
        parts.push((at as u64, Part::Bytes(layout.bytes.get(at..).unwrap_or_default().to_vec())));
        Ok(Self { parts, len: layout.bytes.len() as u64, batches: Some(batches) })
    }

    /// The bytes that are in memory; of [`Self::of`], all.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let bytes = self.parts.into_iter().filter_map(|(_, part)| match part {
            Part::Bytes(bytes) => Some(bytes),
            Part::Entries(_) => None,
        });
        bytes.reduce(|a, b| [a, b].concat()).unwrap_or_default()
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none, as in most films.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it takes to generate all of it once, in bytes read.
    pub fn cost(&self) -> u64 {
        self.batches.as_ref().map_or(0, |s| s.total_cost())
    }

    /// Memory held besides the struct itself.
    pub(crate) fn heap_size(&self) -> usize {
        let parts = self.parts.iter().map(|(_, part)| match part {
            Part::Bytes(bytes) => bytes.capacity(),
            Part::Entries(_) => 0,
        });
        parts.sum::<usize>()
            + self.parts.capacity() * size_of::<(u64, Part)>()
            + self.batches.as_ref().map_or(0, |s| size_of_val(&**s) + s.heap_size())
    }
}

/// A file, and after it the generated metadata; for one request, on one thread.
///
/// Look-ups in tables read a few bytes here and there, and most of them again. They are served from
/// a few pages instead of by a system call each. What is read in order is read as it is asked for.
#[derive(Debug)]
pub struct FilmSource<'a, R: ReadAt> {
    file: &'a R,
    /// Where the file ends. What a movie places behind that is not asked of the file.
    file_len: u64,
    generated: &'a Synthetic,
    /// For look-ups.
    lookups: Option<Box<Lookups>>,
    /// Batches that were generated, and their bytes.
    held: RefCell<VecDeque<(usize, usize, Entries)>>,
    /// What may still be read to generate more.
    left: Cell<u64>,
}

/// Bytes of generated batches that are held, beyond the last: those that the look-ups of a clip's
/// tracks touch.
const HELD: usize = 384 << 10;

/// Bytes of a page.
const PAGE: usize = 4096;

/// Pages that are kept: what the look-ups of a few tracks touch.
const PAGES: usize = 32;

#[derive(Debug, Default)]
struct Lookups {
    pages: RefCell<Pages>,
    memo: Memo,
}

#[derive(Debug, Default)]
struct Pages {
    /// Numbers of pages of the file, and their bytes. Fewer than [`PAGE`] are all that the file
    /// has.
    held: Vec<(u64, Rc<Vec<u8>>)>,
    /// The place that is given up next.
    oldest: usize,
    /// The place of the one that was found last.
    found: usize,
}

impl<'a, R: ReadAt> FilmSource<'a, R> {
    /// A file of so many bytes and its generated metadata, for look-ups.
    pub fn new(file: &'a R, file_len: u64, generated: &'a Synthetic) -> Self {
        Self { lookups: Some(Box::default()), ..Self::in_order(file, file_len, generated) }
    }

    /// The same, to be read in order.
    pub fn in_order(file: &'a R, file_len: u64, generated: &'a Synthetic) -> Self {
        let most = limits::READS.saturating_add(generated.cost().saturating_mul(limits::READS_OF_METADATA));
        Self {
            file,
            file_len,
            generated,
            lookups: None,
            held: RefCell::new(VecDeque::new()),
            left: Cell::new(most),
        }
    }

    fn read_generated(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let Synthetic { parts, len, batches } = self.generated;
        let at = parts.partition_point(|(start, _)| *start <= offset);
        let Some((start, part)) = at.checked_sub(1).and_then(|at| parts.get(at)) else { return Ok(0) };
        let end = parts.get(at).map_or(*len, |(start, _)| *start);
        let most = usize::try_from(end.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let buf = buf.get_mut(..most).unwrap_or_default();
        match (part, batches) {
            (Part::Bytes(bytes), _) => bytes.read_at(buf, offset - start),
            (Part::Entries(table), Some(batches)) if most > 0 => {
                self.read_entries(batches, *table, buf, offset - start)
            }
            _ => Ok(0),
        }
    }

    /// Reads from the entries of a table, up to the end of a batch.
    fn read_entries(
        &self,
        batches: &Batches,
        table: usize,
        buf: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        let number = batches.holding(table, offset);
        let from = offset.saturating_sub(batches.span(number, table).start as u64);
        let read = |entries: &Entries, buf: &mut [u8]| match entries.get(table) {
            Some(entries) => entries.read_at(buf, from),
            None => Ok(0),
        };
        if let Some(kept) = batches.kept(number) {
            return kept.get(table).map_or(Ok(0), |entries| entries.read_at(buf, from));
        }
        let mut held = self.held.borrow_mut();
        if let Some((.., entries)) = held.iter().find(|(n, ..)| *n == number) {
            return read(entries, buf);
        }
        let left = self.left.get().checked_sub(batches.cost(number));
        self.left.set(left.ok_or_else(|| io::Error::other(ReadBudgetSpent))?);
        let entries = batches.generate(self.file, number)?;
        let n = read(&entries, buf)?;
        let bytes = HELD / 256 + entries.iter().map(Vec::len).sum::<usize>();
        let mut total = bytes + held.iter().map(|(_, bytes, _)| bytes).sum::<usize>();
        while total > HELD {
            total -= held.pop_front().map_or(total, |(_, bytes, _)| bytes);
        }
        held.push_back((number, bytes, entries));
        Ok(n)
    }

    /// Reads from one page.
    fn read_page(&self, pages: &RefCell<Pages>, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let page = pages.borrow_mut().page(self.file, offset / PAGE as u64)?;
        let from = usize::try_from(offset % PAGE as u64).unwrap_or(0);
        let bytes = page.get(from..).unwrap_or_default();
        let n = bytes.len().min(buf.len());
        buf.get_mut(..n).unwrap_or_default().copy_from_slice(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }
}

impl Pages {
    /// A page of the file, read unless it is held.
    fn page<R: ReadAt>(&mut self, file: &R, number: u64) -> io::Result<Rc<Vec<u8>>> {
        // The same is mostly asked for again, and else one of those read last.
        if let Some((_, page)) = self.held.get(self.found).filter(|(held, _)| *held == number) {
            return Ok(Rc::clone(page));
        }
        if let Some(found) = self.held.iter().rposition(|(held, _)| *held == number) {
            self.found = found;
            return Ok(self.held.get(found).map(|(_, page)| Rc::clone(page)).unwrap_or_default());
        }
        let page = Rc::new(read_page(file, number)?);
        if self.held.len() < PAGES {
            self.found = self.held.len();
            self.held.push((number, Rc::clone(&page)));
        } else if let Some(place) = self.held.get_mut(self.oldest) {
            self.found = self.oldest;
            *place = (number, Rc::clone(&page));
            self.oldest = (self.oldest + 1) % PAGES;
        }
        Ok(page)
    }
}

/// Reads a page of the file: as much of it as the file has.
fn read_page<R: ReadAt>(file: &R, number: u64) -> io::Result<Vec<u8>> {
    let mut page = Vec::with_capacity(PAGE);
    while page.len() < PAGE {
        let offset = number * PAGE as u64 + page.len() as u64;
        match file.read_spare_at(&mut page, offset) {
            Ok(0) => break,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(page)
}

impl<R: ReadAt> ReadAt for FilmSource<'_, R> {
    said_by!(self => self.file);

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match (offset.checked_sub(GENERATED), &self.lookups) {
            (Some(offset), _) => self.read_generated(buf, offset),
            (None, _) if offset >= self.file_len => Ok(0),
            (None, Some(lookups)) if buf.len() <= PAGE => self.read_page(&lookups.pages, buf, offset),
            (None, _) => self.file.read_at(buf, offset),
        }
    }

    fn will_read(&self, range: Range<u64>) {
        let range = range.start..range.end.min(self.file_len);
        if !range.is_empty() {
            self.file.will_read(range);
        }
    }

    fn page(&self, offset: u64, len: usize) -> io::Result<Option<Page>> {
        let Some(lookups) = self.lookups.as_ref().filter(|_| offset < self.file_len) else { return Ok(None) };
        let start = offset - offset % PAGE as u64;
        if offset - start + len as u64 > PAGE as u64 {
            return Ok(None);
        }
        let bytes = lookups.pages.borrow_mut().page(self.file, start / PAGE as u64)?;
        let is_held = offset - start + len as u64 <= bytes.len() as u64;
        Ok(is_held.then_some(Page { bytes, start }))
    }

    fn memo(&self) -> Option<&Memo> {
        self.lookups.as_ref().map(|lookups| &lookups.memo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::RunKind;
    use crate::testing::{read_runs, untidy_entries, values};

    /// Longer than some pages, and entries of 12 bytes do not end where pages do.
    #[test]
    fn lookups_in_pages_find_what_the_file_has() {
        let entries: Vec<_> = untidy_entries().into_iter().cycle().take(3000).collect();
        let units = u32::try_from(values(&entries).len()).unwrap();
        for kind in [RunKind::Stts, RunKind::Ctts] {
            let (file, runs) = read_runs(kind, &entries, units).unwrap();
            let nothing = Synthetic::default();
            let film = FilmSource::new(&file, file.len() as u64, &nothing);
            let numbers = || (0..units).step_by(37).chain([units - 1]);
            // The memo has given up the first blocks when it is asked for them again.
            for unit in numbers().chain(numbers()) {
                let found = runs.at_unit(&file, unit).unwrap();
                assert_eq!(runs.at_unit(&film, unit).unwrap(), found, "{kind:?} {unit}");
                assert_eq!(runs.at_sum(&film, found.sum).unwrap(), runs.at_sum(&file, found.sum).unwrap());
                let first = runs.pieces_from(&film, unit).unwrap().next().unwrap().unwrap();
                assert_eq!(first, found, "{kind:?} {unit}");
            }
            runs.at_unit(&film, units).unwrap_err();
        }
    }

    #[test]
    fn a_page_at_the_end_of_a_file_has_no_more_than_the_file() {
        let file = vec![7; PAGE + 10];
        let nothing = Synthetic::default();
        let film = FilmSource::new(&file, file.len() as u64, &nothing);
        let len = |offset, len| film.page(offset, len).unwrap().map(|page| page.bytes.len());
        assert_eq!(len(0, 10), Some(PAGE));
        assert_eq!(len(PAGE as u64 - 5, 10), None, "in two pages");
        assert_eq!(len(PAGE as u64, 10), Some(10));
        assert_eq!(len(PAGE as u64 + 5, 10), None, "past the end");
    }
}
