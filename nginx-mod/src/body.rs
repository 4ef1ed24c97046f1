//! The body of an answer, piece by piece as the client drains it.

use std::io;
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use mp4seek::http::Part;
use mp4seek::server::InProgress;
use mp4seek::source::{Awaited, Resident};
use mp4seek::virtual_file::{Batch, VirtualFile, WINDOW};

use crate::ffi;
use crate::pace::{Limit, Pacer};
use crate::pool::{self, Outcome, Ticket};
use crate::reads::OpenFile;
use crate::request::Request;

/// What is left to send. Its memory is one window, used again for each.
pub(crate) struct Body {
    film: Arc<VirtualFile>,
    file: OpenFile,
    parts: vec::IntoIter<Part>,
    /// What is left of the part that has begun, as bytes of the virtual file.
    range: Range<u64>,
    /// What holds it back, if anything does.
    pacer: Option<Pacer>,
    /// What counts it: the server lets go of a body once its last byte has gone out, or the client has.
    _answer: Option<InProgress>,
    window: Vec<u8>,
    /// How much of it stands before what is generated: the head of a part.
    text_len: usize,
    /// What follows the window, where that is not sent yet.
    ready: Option<Range<u64>>,
    /// The next window, while a thread generates it.
    awaited: Option<Window>,
}

struct Window {
    generated: Ticket<io::Result<Vec<u8>>>,
    /// What follows it.
    media: Range<u64>,
}

/// What there is to send.
pub(crate) enum Progress {
    /// This.
    Piece,
    /// A piece once it is read: the server asks again then.
    Waits,
    /// A piece after this time.
    Paced(Duration),
}

impl Body {
    pub(crate) fn new(
        film: Box<VirtualFile>,
        file: OpenFile,
        parts: Vec<Part>,
        pacer: Option<Pacer>,
        answer: Option<InProgress>,
    ) -> Self {
        Self {
            film: film.into(),
            file,
            parts: parts.into_iter(),
            range: 0..0,
            pacer,
            _answer: answer,
            window: Vec::new(),
            text_len: 0,
            ready: None,
            awaited: None,
        }
    }

    /// The client is gone.
    pub(crate) fn give_up(&self) {
        self.awaited.iter().for_each(|window| window.generated.give_up());
        self.pacer.iter().for_each(Pacer::give_up);
    }

    pub(crate) fn film(&self) -> &VirtualFile {
        &self.film
    }

    /// Fills in what comes next. The last piece was sent.
    pub(crate) fn next(&mut self, request: &Request, piece: &mut ffi::h264_piece) -> io::Result<Progress> {
        let progress = self.prepare(request)?;
        if let Some(media) = self.ready.take() {
            self.fill(piece, media);
        }
        Ok(progress)
    }

    /// Has what comes next ready.
    pub(crate) fn prepare(&mut self, request: &Request) -> io::Result<Progress> {
        if self.ready.is_some() {
            return Ok(Progress::Piece);
        }
        if self.awaited.is_none() {
            if self.range.is_empty() {
                self.begin_part();
            }
            let end = match self.limit(request)? {
                Limit::Until(end) => end,
                Limit::After(wait) => return Ok(Progress::Paced(wait)),
                Limit::Waits => return Ok(Progress::Waits),
            };
            self.ready = self.generate(request, end)?;
            if self.ready.is_some() {
                return Ok(Progress::Piece);
            }
        }
        let Some(window) = self.awaited.take() else { return Ok(Progress::Waits) };
        match window.generated.take(request) {
            Outcome::Pending | Outcome::Blocked => {
                self.awaited = Some(window);
                Ok(Progress::Waits)
            }
            Outcome::Done(generated) => {
                self.window = generated?;
                self.ready = Some(window.media);
                Ok(Progress::Piece)
            }
            Outcome::Panicked(panic) => Err(io::Error::other(panic)),
        }
    }

    /// Goes on to the next range, with the text before it in the window.
    fn begin_part(&mut self) {
        self.window.clear();
        for part in self.parts.by_ref() {
            match part {
                Part::Text(text) => self.window.extend_from_slice(text.as_bytes()),
                Part::Range(range) => {
                    self.range = range;
                    self.pacer.as_mut().into_iter().for_each(Pacer::begin);
                    break;
                }
            }
        }
        self.text_len = self.window.len();
    }

    /// Up to where the part that has begun may be sent now.
    fn limit(&mut self, request: &Request) -> io::Result<Limit> {
        match &mut self.pacer {
            Some(pacer) if !self.range.is_empty() => {
                pacer.limit(request, &self.film, &self.file, &self.range)
            }
            _ => Ok(Limit::Until(self.range.end)),
        }
    }

    /// Generates the next window before byte `end`, and says what media follows it; `None` where a thread does.
    fn generate(&mut self, request: &Request, end: u64) -> io::Result<Option<Range<u64>>> {
        if self.range.is_empty() {
            return Ok(Some(0..0));
        }
        let source = Resident::of(&self.file);
        let start = self.range.start;
        let Batch { generated, media } = self.film.next(&source, &(start..end), WINDOW);
        let text_len = self.text_len;
        self.window.resize(text_len + generated, 0);
        match self.film.read_at(&source, start, behind(&mut self.window, text_len)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let (film, mut out) = (Arc::clone(&self.film), mem::take(&mut self.window));
                let make = move |file: &Awaited| {
                    film.read_at(file, start, behind(&mut out, text_len))?;
                    Ok(out)
                };
                let generated = pool::run(request, &self.file, make)?;
                self.awaited = Some(Window { generated, media });
                Ok(None)
            }
            done => done.map(|()| Some(media)),
        }
    }

    /// Describes the window, and the `media` that follows it.
    fn fill(&mut self, piece: &mut ffi::h264_piece, media: Range<u64>) {
        let generated = self.window.len() - mem::take(&mut self.text_len);
        self.range.start += generated as u64 + (media.end - media.start);
        (piece.ptr, piece.len) = (self.window.as_mut_ptr(), self.window.len());
        (piece.media_start, piece.media_end) = (media.start, media.end);
        piece.is_last = (self.range.is_empty() && self.parts.as_slice().is_empty()).into();
    }
}

/// What of a window is generated.
fn behind(window: &mut [u8], text_len: usize) -> &mut [u8] {
    window.get_mut(text_len..).unwrap_or_default()
}
