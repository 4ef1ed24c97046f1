//! The body of an answer, piece by piece as the client drains it.

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::vec;

use mp4seek::http::Part;
use mp4seek::virtual_file::{Batch, VirtualFile, WINDOW};

use crate::ffi;

/// What is left to send. Its memory is one window, used again for each.
pub(crate) struct Body {
    film: Box<VirtualFile>,
    /// The server's, which closes it.
    file: ManuallyDrop<File>,
    parts: vec::IntoIter<Part>,
    range: Range<u64>,
    window: Vec<u8>,
}

impl Body {
    pub(crate) fn new(film: Box<VirtualFile>, file: ManuallyDrop<File>, parts: Vec<Part>) -> Self {
        Self { film, file, parts: parts.into_iter(), range: 0..0, window: Vec::new() }
    }

    /// Fills in what comes next. The last piece was sent.
    pub(crate) fn next(&mut self, piece: &mut ffi::h264_piece) -> io::Result<()> {
        let mut media = 0..0;
        self.window.clear();
        if self.range.is_empty() {
            match self.parts.next() {
                Some(Part::Range(range)) => self.range = range,
                Some(Part::Text(text)) => self.window.extend_from_slice(text.as_bytes()),
                None => {}
            }
        }
        if !self.range.is_empty() {
            let batch = self.film.next(&*self.file, &self.range, WINDOW);
            let Batch { generated, media: follows } = batch;
            self.window.resize(generated, 0);
            self.film.read_at(&*self.file, self.range.start, &mut self.window)?;
            self.range.start += generated as u64 + (follows.end - follows.start);
            media = follows;
        }
        (piece.ptr, piece.len) = (self.window.as_mut_ptr(), self.window.len());
        (piece.media_start, piece.media_end) = (media.start, media.end);
        piece.is_last = (self.range.is_empty() && self.parts.as_slice().is_empty()).into();
        Ok(())
    }
}
