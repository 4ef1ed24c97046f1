//! The body of an answer, queued as the client drains it.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::vec;

use mp4seek::http::Part;
use mp4seek::virtual_file::{Stretch, VirtualFile, WINDOW};

use crate::pool::{Outcome, Pool, Ticket};
use crate::reads::{Awaited, Resident};
use crate::request::{FilmFile, Request};

/// Over HTTP/2 the server takes up to 32 KiB at a time and comes back only while something is left:
/// more than that has to be queued, in smaller windows.
const HTTP2_WINDOW: usize = 24 << 10;
const HTTP2_LOW_WATER: u64 = 40 << 10;

/// Below this many queued bytes, more is queued behind them: the server writes both at once.
const LOW_WATER: u64 = 64 << 10;

/// After this many bytes that were made, other connections come first, as they do after as many bytes of a file.
const TURN: u64 = 256 << 10;

/// What is left to queue.
pub(crate) struct Body {
    film: Arc<VirtualFile>,
    file: FilmFile,
    parts: vec::IntoIter<Part>,
    /// Of the virtual file: what is left of the part that has begun.
    range: Range<u64>,
    /// The next window, while it is made elsewhere.
    awaited: Option<Window>,
    /// Bytes queued so far, and how many they were at the end of the last window.
    queued: u64,
    window_end: u64,
    /// Bytes made in this turn.
    turn: u64,
}

struct Window {
    made: Ticket<io::Result<Vec<u8>>>,
    /// What follows it.
    media: Range<u64>,
}

/// How far the queue is filled.
pub(crate) enum Progress {
    /// What is queued is the end.
    Ended,
    /// There is more, once this is sent.
    Full,
    /// There is more, once it is read: the request is woken then.
    Waits,
}

impl Body {
    pub(crate) fn new(film: Box<VirtualFile>, file: FilmFile, parts: Vec<Part>) -> Self {
        Self {
            film: film.into(),
            file,
            parts: parts.into_iter(),
            range: 0..0,
            awaited: None,
            queued: 0,
            window_end: 0,
            turn: 0,
        }
    }

    /// Queues what the server is to write next.
    pub(crate) fn top_up(&mut self, request: &mut Request<'_>, pool: &Pool) -> io::Result<Progress> {
        if self.turn >= TURN && request.queued() == 0 && !request.is_http2() {
            self.turn = 0;
            request.come_back_later();
            return Ok(Progress::Full);
        }
        while !self.is_full(request) {
            if let Some(window) = self.awaited.take() {
                let made = match window.made.take() {
                    Outcome::Pending => {
                        self.awaited = Some(window);
                        return Ok(Progress::Waits);
                    }
                    Outcome::Lost => {
                        self.film = Arc::new(self.film.without_shared_locks());
                        continue;
                    }
                    Outcome::Done(made) => made?,
                    Outcome::Panicked(panic) => return Err(io::Error::other(panic)),
                };
                request.append(&made)?;
                self.has_queued(request, made.len(), window.media)?;
                continue;
            }
            if !self.range.is_empty() {
                self.queue_stretch(request, pool)?;
                continue;
            }
            match self.parts.next() {
                None => return Ok(Progress::Ended),
                Some(Part::Range(range)) => self.range = range,
                Some(Part::Text(text)) => {
                    request.append(text.as_bytes())?;
                    self.queued += text.len() as u64;
                }
            }
        }
        let ended = self.range.is_empty() && self.parts.as_slice().is_empty();
        Ok(if ended { Progress::Ended } else { Progress::Full })
    }

    /// Whether the server has enough to write. Over HTTP/1 the next window is made when the last one is sent: an
    /// answer whose client does not read holds one.
    fn is_full(&self, request: &Request<'_>) -> bool {
        let waiting = request.queued();
        if request.is_http2() {
            return waiting >= HTTP2_LOW_WATER;
        }
        let holds_window = self.queued - waiting.min(self.queued) < self.window_end;
        waiting >= LOW_WATER || holds_window
    }

    /// Queues what comes next, or has it made elsewhere.
    fn queue_stretch(&mut self, request: &mut Request<'_>, pool: &Pool) -> io::Result<()> {
        let most = if request.is_http2() { HTTP2_WINDOW } else { WINDOW };
        let source = Resident::of(&self.file);
        let Stretch { made, media } = self.film.next(&source, &self.range, most);
        let start = self.range.start;
        match request.append_with(made, |out| self.film.read_at(&source, start, out)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                let film = Arc::clone(&self.film);
                let make = move |file: &Awaited| {
                    let mut out = vec![0; made];
                    film.read_at(file, start, &mut out)?;
                    Ok(out)
                };
                let made = pool.run(request, &self.file, make)?;
                self.awaited = Some(Window { made, media });
                Ok(())
            }
            done => done.and_then(|()| self.has_queued(request, made, media)),
        }
    }

    /// Goes on behind `made` bytes that were queued: with the `media` that follows them.
    fn has_queued(&mut self, request: &mut Request<'_>, made: usize, media: Range<u64>) -> io::Result<()> {
        self.queued += made as u64;
        self.turn += made as u64;
        self.window_end = self.queued;
        let len = media.end - media.start;
        if len > 0 {
            request.append_file(&self.file, media.start, len)?;
        }
        self.queued += len;
        self.range.start += made as u64 + len;
        Ok(())
    }
}
