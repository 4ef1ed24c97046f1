//! Bytes of the metadata that stand nowhere in the file: a compressed `moov`, unpacked, and the sample
//! tables of a fragmented film.
//!
//! They have addresses of their own, far past the end of any file, so that whatever reads
//! boxes and tables need not know where they come from. Media is never there.

use std::io;

use crate::source::ReadAt;

/// Where the made bytes begin.
pub const MADE: u64 = 1 << 62;

/// A film's file, and after it what was made of it.
#[derive(Debug, Clone, Copy)]
pub struct FilmSource<'a, R: ReadAt> {
    /// The file.
    pub file: &'a R,
    /// The made bytes.
    pub made: &'a [u8],
}

impl<R: ReadAt> ReadAt for FilmSource<'_, R> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match offset.checked_sub(MADE) {
            None => self.file.read_at(buf, offset),
            Some(offset) => self.made.read_at(buf, offset),
        }
    }
}
