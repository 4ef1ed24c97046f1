//! The film as its metadata is read.
//!
//! Some of the metadata stands nowhere in the file: a compressed `moov`, unpacked, and the sample
//! tables of a fragmented film. Those bytes have addresses of their own, far past the end of any file, so that
//! whatever reads boxes and tables need not know where they come from. Media is never there.

use std::cell::RefCell;
use std::io;

use crate::source::ReadAt;

/// Where the made bytes begin.
pub const MADE: u64 = 1 << 62;

/// A film's file, and after it what was made of it; for one request, on one thread.
///
/// Look-ups in tables read a few bytes here and there, and most of them again: they are
/// served from a few pages instead of by a system call each.
#[derive(Debug)]
pub struct FilmSource<'a, R: ReadAt> {
    file: &'a R,
    made: &'a [u8],
    pages: RefCell<Pages>,
}

/// Bytes of a page.
const PAGE: usize = 4096;

/// Pages that are kept: what the look-ups of a few tracks touch.
const PAGES: usize = 32;

#[derive(Debug)]
struct Pages {
    bytes: Vec<u8>,
    /// Which page of the file stands in each place, and how many bytes of it there are.
    held: [(u64, usize); PAGES],
}

impl<'a, R: ReadAt> FilmSource<'a, R> {
    /// A film of a file and what was made of it.
    pub fn new(file: &'a R, made: &'a [u8]) -> Self {
        let pages = Pages { bytes: Vec::new(), held: [(u64::MAX, 0); PAGES] };
        Self { file, made, pages: RefCell::new(pages) }
    }

    fn read_page(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut pages = self.pages.borrow_mut();
        let pages = &mut *pages;
        let number = offset / PAGE as u64;
        // The place follows from the number: neighbours never push each other out.
        let place = usize::try_from(number % PAGES as u64).unwrap_or(0);
        pages.bytes.resize(PAGE * PAGES, 0);
        let (Some(held), Some(page)) =
            (pages.held.get_mut(place), pages.bytes.get_mut(place * PAGE..(place + 1) * PAGE))
        else {
            return self.file.read_at(buf, offset);
        };
        if held.0 != number {
            *held = (u64::MAX, 0);
            let mut len = 0;
            while len < PAGE {
                let rest = page.get_mut(len..).unwrap_or_default();
                match self.file.read_at(rest, number * PAGE as u64 + len as u64) {
                    Ok(0) => break,
                    Ok(n) => len += n,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
            *held = (number, len);
        }
        let from = usize::try_from(offset % PAGE as u64).unwrap_or(0);
        let bytes = page.get(from..held.1).unwrap_or_default();
        let n = bytes.len().min(buf.len());
        buf.get_mut(..n).unwrap_or_default().copy_from_slice(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }
}

impl<R: ReadAt> ReadAt for FilmSource<'_, R> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match offset.checked_sub(MADE) {
            Some(offset) => self.made.read_at(buf, offset),
            None if buf.len() <= PAGE => self.read_page(buf, offset),
            None => self.file.read_at(buf, offset),
        }
    }
}
