//! The film as its metadata is read.
//!
//! Some of the metadata stands nowhere in the file: a compressed `moov`, unpacked, and the sample
//! tables of a fragmented film. Those bytes have addresses of their own, far past the end of any file, so that
//! whatever reads boxes and tables need not know where they come from. Media is never there.

use std::cell::RefCell;
use std::io;

use crate::source::{Identity, ReadAt};

/// Where the made bytes begin.
pub const MADE: u64 = 1 << 62;

/// A film's file, and after it what was made of it; for one request, on one thread.
///
/// Look-ups in tables read a few bytes here and there, and most of them again: they are
/// served from a few pages instead of by a system call each. What is made in order is read as it is asked for.
#[derive(Debug)]
pub struct FilmSource<'a, R: ReadAt> {
    file: &'a R,
    made: &'a [u8],
    pages: Option<RefCell<Pages>>,
}

/// Bytes of a page.
const PAGE: usize = 4096;

/// Pages that are kept: what the look-ups of a few tracks touch.
const PAGES: usize = 32;

#[derive(Debug, Default)]
struct Pages {
    bytes: Vec<u8>,
    /// Which page of the file stands in each place, and how many bytes of it there are.
    held: Vec<(u64, usize)>,
    /// The place that is given up next.
    oldest: usize,
}

impl<'a, R: ReadAt> FilmSource<'a, R> {
    /// A film of a file and what was made of it, for look-ups.
    pub fn new(file: &'a R, made: &'a [u8]) -> Self {
        Self { file, made, pages: Some(RefCell::default()) }
    }

    /// The same, to be read in order.
    pub fn in_order(file: &'a R, made: &'a [u8]) -> Self {
        Self { file, made, pages: None }
    }

    fn read_page(&self, pages: &RefCell<Pages>, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut pages = pages.borrow_mut();
        let number = offset / PAGE as u64;
        let place = match pages.held.iter().position(|(held, _)| *held == number) {
            Some(place) => place,
            None => pages.load(self.file, number)?,
        };
        let len = pages.held.get(place).map_or(0, |(_, len)| *len);
        let page = pages.bytes.get(place * PAGE..place * PAGE + len).unwrap_or_default();
        let from = usize::try_from(offset % PAGE as u64).unwrap_or(0);
        let bytes = page.get(from..).unwrap_or_default();
        let n = bytes.len().min(buf.len());
        buf.get_mut(..n).unwrap_or_default().copy_from_slice(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }
}

impl Pages {
    /// Reads a page into a place of its own, or into that of the oldest.
    fn load<R: ReadAt>(&mut self, file: &R, number: u64) -> io::Result<usize> {
        let place = if self.held.len() < PAGES {
            self.held.push((u64::MAX, 0));
            self.bytes.resize(self.held.len() * PAGE, 0);
            self.held.len() - 1
        } else {
            self.oldest = (self.oldest + 1) % PAGES;
            self.oldest
        };
        let page = self.bytes.get_mut(place * PAGE..(place + 1) * PAGE).unwrap_or_default();
        let mut held = (u64::MAX, 0);
        while held.1 < PAGE {
            let rest = page.get_mut(held.1..).unwrap_or_default();
            match file.read_at(rest, number * PAGE as u64 + held.1 as u64) {
                Ok(0) => break,
                Ok(n) => held.1 += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        held.0 = number;
        if let Some(slot) = self.held.get_mut(place) {
            *slot = held;
        }
        Ok(place)
    }
}

impl<R: ReadAt> ReadAt for FilmSource<'_, R> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match (offset.checked_sub(MADE), &self.pages) {
            (Some(offset), _) => self.made.read_at(buf, offset),
            (None, Some(pages)) if buf.len() <= PAGE => self.read_page(pages, buf, offset),
            (None, _) => self.file.read_at(buf, offset),
        }
    }

    fn identity(&self) -> io::Result<Option<Identity>> {
        self.file.identity()
    }
}
