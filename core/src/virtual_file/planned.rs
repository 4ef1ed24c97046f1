//! A layout, what is kept with it, and its entity tag.

use std::io;

use crate::explanation::Summary;
use crate::generate::{generate, generate_all, read_fragmented};
use crate::index::{Film, Index};
use crate::plan::{FragmentedFile, Plan};
use crate::source::{Identity, ReadAt};

/// Goes into every ETag: counted up whenever the same request gives other bytes than before.
const FORMAT: u32 = 11;

/// What was laid out.
#[derive(Debug)]
pub(crate) enum Layout {
    /// Metadata, then all media.
    Flat(Plan),
    /// Segments.
    Fragmented(FragmentedFile),
}

impl Layout {
    /// What has the key and the notes of the answer.
    pub(super) fn plan(&self) -> &Plan {
        match self {
            Self::Flat(plan) => plan,
            Self::Fragmented(file) => &file.head,
        }
    }

    /// Length of the answer.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Flat(plan) => plan.metadata_len + plan.extents.len(),
            Self::Fragmented(file) => file.len(),
        }
    }

    /// Length of what precedes all media.
    pub(super) fn head_len(&self) -> u64 {
        match self {
            Self::Flat(plan) => plan.metadata_len,
            Self::Fragmented(file) => file.index().end,
        }
    }

    /// Length of what is generated before the media; all of it, where media lies in small pieces.
    pub(super) fn generated_len(&self) -> u64 {
        match self {
            Self::Flat(plan) => plan.metadata_len,
            Self::Fragmented(file) => file.len(),
        }
    }
}

/// A layout, and its metadata if that is worth keeping.
#[derive(Debug)]
pub struct Planned {
    pub(super) layout: Layout,
    /// What there is in it; `None` for all of the movie.
    pub(super) summary: Option<Summary>,
    /// The weak form of the entity tag. Whether it is sent so depends on the time of the request.
    pub(super) etag: String,
    metadata: Option<Box<[u8]>>,
}

/// Metadata up to this length is kept with its plan: for a clip of seconds, asked for again and
/// again, making it costs more than sending it.
const KEPT_METADATA: u64 = 16 * 1024;

impl Planned {
    /// A plan that was generated from the source of that identity.
    pub(crate) fn new(layout: Layout, summary: Option<Summary>, identity: &Identity) -> Self {
        let etag = etag(identity, &layout.plan().key);
        Self { layout, summary, etag, metadata: None }
    }

    /// The segments, where it has some.
    pub(crate) fn fragmented(&self) -> Option<&FragmentedFile> {
        match &self.layout {
            Layout::Fragmented(file) => Some(file),
            Layout::Flat(_) => None,
        }
    }

    /// Bytes it takes, with the metadata that is kept.
    pub fn heap_size(&self) -> usize {
        let kept = self.metadata.as_ref().map_or(0, |metadata| metadata.len());
        let summary = self.summary.as_ref().map_or(0, Summary::heap_size);
        let layout = match &self.layout {
            Layout::Flat(plan) => plan.heap_size(),
            Layout::Fragmented(file) => file.heap_size(),
        };
        size_of::<Self>() + layout + summary + self.etag.capacity() + kept
    }

    /// Generates metadata that is worth keeping. A film that has just been planned from has in
    /// memory most of what that takes.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn keep_metadata(&mut self, film: &Film<'_>) -> io::Result<()> {
        if let Layout::Flat(plan) = &self.layout {
            if plan.metadata_len <= KEPT_METADATA {
                self.metadata = Some(generate_all(film, plan)?.into());
            }
        }
        Ok(())
    }

    /// Generates what is before the media, or is read from what is kept where that is there.
    pub(super) fn generate(
        &self,
        index: &Index,
        source: &impl ReadAt,
        from: u64,
        out: &mut [u8],
    ) -> io::Result<()> {
        if let Some(metadata) = &self.metadata {
            return metadata.read_exact_at(out, from);
        }
        let film = Film { index, source: &index.film_in_order(source) };
        match &self.layout {
            Layout::Flat(plan) => generate(&film, plan, from, out),
            Layout::Fragmented(file) => read_fragmented(&film, file, from, out),
        }
    }
}

/// A weak entity tag.
pub(super) fn etag(identity: &Identity, key: &str) -> String {
    let Identity { size, mtime, .. } = identity;
    format!("W/\"h264s{FORMAT}-{size:x}-{mtime:x}-{key}\"")
}
