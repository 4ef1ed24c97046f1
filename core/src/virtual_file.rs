//! A clip as if it were a file: length, validators, and any of its bytes, in the form a server
//! sends them.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::explanation::{Explanation, Times, Work};
use crate::extents::ExtentList;
use crate::generate::SegmentMedia;
use crate::http::opaque_tag;
use crate::index::{Film, Growth, Index};
use crate::limits::METADATA_WINDOW;
pub use crate::limits::WINDOW;
use crate::offsets::{FileOffset, MediaOffset};
use crate::poster;
use crate::request::{ClipRequest, Settings};
use crate::source::{Identity, Patch, Patched, ReadAt, changed, first_patch};

pub use location::Location;
use location::Naming;
pub(crate) use planned::Layout;
pub use planned::Planned;
use planned::etag;

/// The answer to a request, laid out to the last byte before the first is sent.
#[derive(Debug, Clone)]
pub struct VirtualFile {
    body: Body,
    /// The part of what was laid out that this is: all of it, or a segment.
    part: Range<u64>,
    /// Of the source.
    identity: Identity,
    /// Where media lies that is sent next, where that had to be looked up.
    generated: Arc<Mutex<ExtentList>>,
    /// The same of media in segments.
    segment: Arc<Mutex<SegmentMedia>>,
    /// Whether the source was modified so recently that its entity tag is a weak one.
    is_fresh: bool,
    /// Its media type, where that is not the one of the source.
    media_type: Option<&'static str>,
    /// Whether a cache may not send it without asking whether it is still so.
    is_changing: bool,
    /// Whether it becomes longer with the source, which is being recorded.
    may_grow: bool,
    /// How it is named, and for how long caches may keep it.
    naming: Naming,
}

#[derive(Debug, Clone)]
enum Body {
    Film(Arc<Index>, Arc<Planned>, Times, Work),
    /// A few bytes, then the rest of the source or a part of it; and the weak entity tag.
    Tail(Vec<u8>, Range<u64>, String),
    /// A text about the source, all in memory; and the weak entity tag.
    Text(Arc<[u8]>, String),
}

/// What of a [`VirtualFile`] a server sends next: some bytes from memory, and behind them media
/// from the file, or a table of the metadata that stays as it is.
///
/// Every part begins in memory. So the source is looked at before each, and a server that holds
/// back incomplete packets where a file follows memory does so for all of the media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// How many bytes [`VirtualFile::read_at`] is to make.
    pub generated: usize,
    /// What follows them, in the *source* file; empty where more has to be generated.
    pub media: Range<u64>,
}

impl Batch {
    /// Length in bytes.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> u64 {
        self.generated as u64 + (self.media.end - self.media.start)
    }
}

/// Most media that is sent before the source is looked at again: it may have been changed.
const SLICE: u64 = 4 << 20;

/// What is generated of a part that would begin with media.
const LEAD: u64 = 4 * 1024;

/// Media in parts below this is copied rather than sent from the file: a copy costs less than a
/// system call for each.
const SMALL: u64 = 16 * 1024;

impl VirtualFile {
    /// The answer of a plan.
    pub(crate) fn film(
        index: Arc<Index>,
        planned: Arc<Planned>,
        identity: &Identity,
        asked: Times,
        work: Work,
    ) -> Self {
        let len = planned.layout.len();
        Self::of_body(Body::Film(index, planned, asked, work), len, identity)
    }

    /// A body of that length, about the source of that identity.
    fn of_body(body: Body, len: u64, identity: &Identity) -> Self {
        let is_fresh = identity.is_fresh(SystemTime::now());
        let (generated, segment) = <_>::default();
        let (identity, media_type, is_changing) = (*identity, None, false);
        let (part, may_grow, naming) = (0..len, false, Naming::default());
        Self { body, part, identity, generated, segment, is_fresh, media_type, is_changing, may_grow, naming }
    }

    /// A part of this file, as a resource of its own.
    #[must_use]
    pub(crate) fn part(self, part: Range<u64>) -> Self {
        Self { part, ..self }
    }

    /// `head`, then the file from byte `from` on.
    pub(crate) fn tail(head: Vec<u8>, from: u64, identity: &Identity) -> Self {
        let len = head.len() as u64 + (identity.size - from);
        let etag = etag(identity, &format!("flv-{from:x}"));
        Self::of_body(Body::Tail(head, from..identity.size, etag), len, identity)
    }

    /// `head`, then a part of the file. `key` tells it from all other answers about the source.
    pub(crate) fn excerpt(head: Vec<u8>, part: Range<FileOffset>, key: &str, identity: &Identity) -> Self {
        let part = part.start.0..part.end.0;
        let len = head.len() as u64 + (part.end - part.start);
        Self::of_body(Body::Tail(head, part, etag(identity, key)), len, identity)
    }

    /// A text about the source. `key` tells it from all other answers about it.
    pub fn text(text: Arc<[u8]>, key: &str, identity: &Identity) -> Self {
        let len = text.len() as u64;
        Self::of_body(Body::Text(text, etag(identity, key)), len, identity)
    }

    /// The same, as a resource of this media type.
    #[must_use]
    pub fn of_type(self, media_type: &'static str) -> Self {
        Self { media_type: Some(media_type), ..self }
    }

    /// The media type, where that is not the one of the source.
    pub fn media_type(&self) -> Option<&'static str> {
        self.media_type
    }

    /// The same, as something that soon changes if `is_changing`: a playlist of a movie that is being
    /// recorded.
    #[must_use]
    pub(crate) fn changing(self, is_changing: bool) -> Self {
        Self { is_changing, ..self }
    }

    /// Makes it the answer to this request, which has a canonical query unless it `is_signed`.
    pub(crate) fn name(&mut self, request: &ClipRequest, is_signed: bool, settings: &Settings) {
        self.name_by((!is_signed).then(|| request.query(settings)), settings);
        self.may_grow = self.grows_with_source(settings.now.unwrap_or_else(SystemTime::now));
    }

    /// Whether it becomes longer with the source. The segments of a clip that are complete do not, but
    /// for those amid several scenes.
    fn grows_with_source(&self, now: SystemTime) -> bool {
        let Body::Film(index, planned, asked, _) = &self.body else { return false };
        let is_whole = self.part == (0..planned.layout.len());
        let reaches_end = planned.summary.as_ref().is_none_or(|summary| {
            (is_whole || summary.is_joined()) && (asked.is_open() || summary.reaches_end())
        });
        reaches_end && index.growth(&self.identity, now) != Growth::None
    }

    /// Makes it the answer to what has this canonical query, if any.
    pub(crate) fn name_by(&mut self, query: Option<String>, settings: &Settings) {
        self.naming = Naming::of(query, settings);
    }

    /// Where it is. `target` is what the client asked for, a path and query or a whole address; `path`,
    /// decoded, and `query` are those that the server came to in the end.
    pub fn location(&self, target: &[u8], path: &[u8], query: &[u8]) -> Location {
        self.naming.location(target, path, query, self.is_compressible())
    }

    /// The `Cache-Control` to send, if any. Where it may be old within seconds, caches and players
    /// have to ask again (RFC 9111, 5.2.2.4). What an application has said of it (`is_said`) holds, but
    /// for that: it is then kept by nobody, as the application may have forbidden more than this. What is
    /// sent with the status of an error (`is_error`), as the page that says so, is kept for no time.
    pub fn cache_control(&self, is_said: bool, is_error: bool) -> Option<String> {
        match (self.is_changing, is_said) {
            (true, false) => Some("no-cache".to_owned()),
            (true, true) => Some("no-store".to_owned()),
            (false, false) => self.naming.max_age().filter(|_| !self.is_fresh && !self.may_grow && !is_error),
            (false, true) => None,
        }
    }

    /// Whether a server may compress it. Media is as small as it can be, and its byte ranges are
    /// those of the media.
    pub fn is_compressible(&self) -> bool {
        matches!(self.body, Body::Text(..))
    }

    /// The same, sharing no lock with this one: a thread that holds one of its locks may hang, or
    /// not exist in a copy of the process.
    #[must_use]
    pub fn without_shared_locks(&self) -> Self {
        Self { generated: Arc::default(), segment: Arc::default(), ..self.clone() }
    }

    /// Length in bytes: the exact `Content-Length` of a full answer.
    pub fn len(&self) -> u64 {
        self.part.end - self.part.start
    }

    /// Whether there is nothing in it (never so for a movie).
    pub fn is_empty(&self) -> bool {
        self.part.is_empty()
    }

    /// The entity tag, quotes included. It depends on the clip, the format version, and of the
    /// source on its size and the whole seconds of its modification time, so that copies of a movie
    /// on several machines have the same one.
    ///
    /// The tag is weak (RFC 9110, section 8.8.1) for a source that was modified less than two
    /// seconds before the request. So no strong tag names two contents of the same second.
    pub fn etag(&self) -> &str {
        let weak = match &self.body {
            Body::Film(_, planned, ..) => &planned.etag,
            Body::Tail(.., etag) | Body::Text(_, etag) => etag,
        };
        if self.is_fresh { weak } else { opaque_tag(weak) }
    }

    /// What of the source was left out, for the debug log.
    pub fn notes(&self) -> &[String] {
        match &self.body {
            Body::Film(_, planned, ..) => &planned.layout.plan().notes,
            Body::Tail(..) | Body::Text(..) => &[],
        }
    }

    /// How this came about, for the debug log; `None` for the rest of an FLV and for a text, of which
    /// there is nothing to tell.
    pub fn explanation(&self) -> Option<Explanation> {
        match &self.body {
            Body::Film(_, planned, asked, work) => {
                let found = planned.summary.clone();
                Some(Explanation { asked: *asked, found, bytes: self.len(), work: *work })
            }
            Body::Tail(..) | Body::Text(..) => None,
        }
    }

    /// Notes how long it took to find all this out.
    pub(crate) fn note_time(&mut self, took: Duration) {
        if let Body::Film(_, _, _, work) = &mut self.body {
            work.took = took;
        }
    }

    /// The form of the answer: `flat`, `fmp4`, `flv`, `avif` or `text`.
    pub fn format(&self) -> &'static str {
        match &self.body {
            Body::Film(_, planned, ..) if planned.fragmented().is_some() => "fmp4",
            Body::Film(..) => "flat",
            Body::Tail(..) if self.is_poster() => "avif",
            Body::Tail(..) => "flv",
            Body::Text(..) => "text",
        }
    }

    /// Whether it is a picture of a movie.
    pub(crate) fn is_poster(&self) -> bool {
        self.media_type == Some(poster::MEDIA_TYPE)
    }

    /// Bytes of what precedes all media.
    pub fn metadata_len(&self) -> u64 {
        match &self.body {
            Body::Film(_, planned, ..) => {
                let head = 0..planned.layout.head_len();
                head.end.min(self.part.end).saturating_sub(self.part.start)
            }
            Body::Tail(head, ..) => head.len() as u64,
            Body::Text(text, _) => text.len() as u64,
        }
    }

    /// Length of the metadata, all of which is generated; the media follows.
    pub fn generated_len(&self) -> u64 {
        match &self.body {
            Body::Film(_, planned, ..) => planned.layout.generated_len().min(self.len()),
            Body::Tail(head, ..) => head.len() as u64,
            Body::Text(text, _) => text.len() as u64,
        }
    }

    /// Whether more metadata follows byte `end`. Not in a segment, which a player takes at once.
    fn is_amid_metadata(&self, end: u64) -> bool {
        matches!(self.body, Body::Film(..)) && self.part.start == 0 && end < self.generated_len()
    }

    /// What of `range`, which is not empty and lies in the file, is to be sent next, with at most
    /// `most` bytes generated. Where it cannot be looked up where media lies, something is to be
    /// generated, and [`Self::read_at`] says why not.
    pub fn next(&self, source: &impl ReadAt, range: &Range<u64>, most: usize) -> Batch {
        let most = match self.is_amid_metadata(range.start.saturating_add(most as u64)) {
            true => most.min(METADATA_WINDOW),
            false => most,
        };
        let generated_end = range.end.min(range.start.saturating_add(most as u64));
        let generated = |end| usize::try_from(end - range.start).unwrap_or(most);
        match self.large_media(source, range, generated_end) {
            None => Batch { generated: generated(generated_end), media: 0..0 },
            Some((place, offset)) => {
                let lead = if place.start == range.start { LEAD.min(most as u64) } else { 0 };
                let len = (place.end - place.start).min(SLICE);
                let patch = first_patch(self.patches(), &(offset + lead..offset + len));
                let until = patch.map_or(len, |patch| patch - offset);
                if until < SMALL {
                    // The patch is copied with what is before it.
                    let end = generated_end.min(place.start + until + 1);
                    return Batch { generated: generated(end), media: 0..0 };
                }
                Batch { generated: generated(place.start + lead), media: offset + lead..offset + until }
            }
        }
    }

    /// The bytes of the media that are not those of the source.
    fn patches(&self) -> &[Patch] {
        match &self.body {
            Body::Film(_, planned, ..) => &planned.layout.plan().patches,
            Body::Tail(..) | Body::Text(..) => &[],
        }
    }

    fn generated(&self) -> MutexGuard<'_, ExtentList> {
        self.generated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segment(&self) -> MutexGuard<'_, SegmentMedia> {
        self.segment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills `out` with what the file has from `offset` on.
    ///
    /// # Errors
    /// When the source cannot be read, or is no longer what this was planned from. It is looked at
    /// now. A file that was replaced is not changed while it is open, and a fragmented movie may
    /// grow.
    pub fn read_at(&self, source: &impl ReadAt, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > self.len()) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let source = &Patched::new(source, self.patches());
        let metadata = self.generated_len();
        let generated = usize::try_from(metadata.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
        let (generated, media) = out.split_at_mut(generated);
        if !generated.is_empty() {
            match &self.body {
                Body::Film(index, planned, ..) => {
                    let film = Film { index, source: &index.film_in_order(source) };
                    let from = self.part.start + offset;
                    let media = self.segment();
                    let head = media.known_after(from, generated.len()).unwrap_or(generated.len());
                    let (head, rest) = generated.split_at_mut(head);
                    if !rest.is_empty() {
                        media.copy(&film, from + head.len() as u64, rest)?;
                    }
                    drop(media);
                    if !head.is_empty() {
                        planned.generate(index, source, from, head)?;
                    }
                }
                Body::Tail(head, ..) => head.read_exact_at(generated, offset)?,
                Body::Text(text, _) => text.read_exact_at(generated, offset)?,
            }
        }
        let position = MediaOffset::of_answer(offset, metadata).unwrap_or_default();
        match &self.body {
            Body::Film(index, planned, ..) => {
                let film = Film { index, source: &index.film_in_order(source) };
                if let Layout::Flat(plan) = &planned.layout {
                    plan.extents.copy(&film, position, media, &mut self.generated())?;
                }
            }
            Body::Tail(_, rest, _) => source.read_exact_at(media, rest.start.saturating_add(position.0))?,
            Body::Text(..) => {}
        }
        self.check(source)
    }

    /// Whether the source is still the file that this was planned from.
    fn check(&self, source: &impl ReadAt) -> io::Result<()> {
        match &self.body {
            Body::Film(index, ..) => index.check(source, &self.identity),
            Body::Tail(..) => match source.identity()? {
                Some(now)
                    if !now.is_same_content(&self.identity)
                        && !now.may_have_grown(&self.identity, SystemTime::now()) =>
                {
                    Err(changed())
                }
                _ => Ok(()),
            },
            // It was complete before the first byte was sent.
            Body::Text(..) => Ok(()),
        }
    }
}

mod large_media;
mod location;
mod planned;
mod presented;
#[cfg(test)]
mod tests;
