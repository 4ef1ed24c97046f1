//! A clip as if it were a file: length, validators, and the pieces of any byte range.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::extents::Extents;
use crate::generate::generate;
use crate::index::Index;
use crate::plan::Plan;
use crate::source::{Identity, ReadAt};

/// Goes into every ETag: counted up whenever the same request gives other bytes than before.
const FORMAT: u32 = 1;

/// The answer to a request, laid out to the last byte before the first is sent.
#[derive(Debug, Clone)]
pub struct VirtualFile {
    body: Body,
    len: u64,
    etag: String,
}

#[derive(Debug, Clone)]
enum Body {
    Film(Arc<Index>, Arc<Plan>),
    /// A few bytes, then the rest of the source.
    Tail(Vec<u8>, Extents),
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
    pub(crate) fn film(index: Arc<Index>, plan: Plan, identity: &Identity) -> Self {
        let len = plan.metadata_len + plan.extents.len();
        let etag = etag(identity, &plan.key);
        Self { body: Body::Film(index, Arc::new(plan)), len, etag }
    }

    pub(crate) fn tail(head: Vec<u8>, from: u64, identity: &Identity) -> Self {
        let extents = Extents::of(std::iter::once(from..identity.size));
        let len = head.len() as u64 + extents.len();
        Self { body: Body::Tail(head, extents), len, etag: etag(identity, &format!("flv-{from:x}")) }
    }

    /// Length in bytes: the exact `Content-Length` of a full answer.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is nothing in it (never so for a film).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Strong entity tag, quotes included. It depends on the source's size and modification time, the
    /// stretch and the format version, and on nothing else.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// What of the source was left out, for the debug log.
    pub fn notes(&self) -> &[String] {
        match &self.body {
            Body::Film(_, plan) => &plan.notes,
            Body::Tail(..) => &[],
        }
    }

    /// Length of what is generated; the media follows.
    pub fn generated_len(&self) -> u64 {
        match &self.body {
            Body::Film(_, plan) => plan.metadata_len,
            Body::Tail(head, _) => head.len() as u64,
        }
    }

    fn extents(&self) -> &Extents {
        match &self.body {
            Body::Film(_, plan) => &plan.extents,
            Body::Tail(_, extents) => extents,
        }
    }

    /// The pieces of `range` (clamped to the file), in order. No I/O.
    pub fn pieces(&self, range: Range<u64>) -> impl Iterator<Item = Piece> {
        let end = range.end.min(self.len);
        let metadata = self.generated_len();
        let generated =
            (range.start < metadata.min(end)).then(|| Piece::Generated(range.start..end.min(metadata)));
        let from = range.start.saturating_sub(metadata);
        let to = end.saturating_sub(metadata);
        let extents = if from < to { self.extents().starting_at(from) } else { &[] };
        let media = extents.iter().take_while(move |e| e.position < to).map(move |e| {
            let skip = from.saturating_sub(e.position);
            let len = (e.position + e.len).min(to) - e.position - skip;
            Piece::File { offset: e.offset + skip, len }
        });
        generated.into_iter().chain(media)
    }

    /// Makes the bytes of `range`, a (part of a) [`Piece::Generated`], into `out`,
    /// whose length is that of the range. Windows of 64 KiB are a good measure.
    ///
    /// # Errors
    /// When the source cannot be read, or no longer says what it said.
    pub fn generate(&self, source: &impl ReadAt, range: Range<u64>, out: &mut [u8]) -> io::Result<()> {
        if range.end.checked_sub(range.start) != Some(out.len() as u64) || range.end > self.generated_len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        match &self.body {
            Body::Film(index, plan) => generate(index, plan, &index.film(source), range.start, out),
            Body::Tail(head, _) => head.read_exact_at(out, range.start),
        }
    }

    /// Makes or copies any bytes of the file, for tools and tests.
    ///
    /// # Errors
    /// As [`Self::generate`].
    pub fn read_at(&self, source: &impl ReadAt, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut rest = out;
        for piece in self.pieces(offset..offset.saturating_add(rest.len() as u64)) {
            let len = match &piece {
                Piece::Generated(range) => range.end - range.start,
                Piece::File { len, .. } => *len,
            };
            let (now, later) = rest.split_at_mut(usize::try_from(len).unwrap_or(usize::MAX).min(rest.len()));
            match piece {
                Piece::Generated(range) => self.generate(source, range, now)?,
                Piece::File { offset, .. } => source.read_exact_at(now, offset)?,
            }
            rest = later;
        }
        if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

fn etag(identity: &Identity, key: &str) -> String {
    let Identity { size, mtime, mtime_nanos, .. } = identity;
    format!("\"h264s{FORMAT}-{size:x}-{mtime:x}.{mtime_nanos:x}-{key}\"")
}
