//! A clip as if it were a file: length, validators, and the pieces of any byte range.

use std::io;
use std::ops::Range;

use crate::source::ReadAt;

/// The answer to a request, laid out to the last byte before the first is sent.
#[derive(Debug, Clone)]
pub struct VirtualFile {
    len: u64,
    etag: String,
}

/// A stretch of a [`VirtualFile`], in the form a server sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes that [`VirtualFile::generate`] makes: a range of the *virtual* file.
    Generated(Range<u64>),
    /// Bytes that stand in the *source* file, for sendfile.
    File {
        /// Offset in the source file.
        offset: u64,
        /// Length in bytes.
        len: u64,
    },
}

impl VirtualFile {
    /// Length in bytes: the exact `Content-Length` of a full answer.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it (never so for a film).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Strong entity tag, quotes included.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The pieces of `range` (clamped to the file), in order. No I/O.
    pub fn pieces(&self, _range: Range<u64>) -> impl Iterator<Item = Piece> {
        std::iter::empty()
    }

    /// Makes the bytes of `range`, a (part of a) [`Piece::Generated`], into `out`,
    /// whose length is that of the range.
    pub fn generate(&self, _source: &impl ReadAt, _range: Range<u64>, _out: &mut [u8]) -> io::Result<()> {
        Ok(())
    }
}
