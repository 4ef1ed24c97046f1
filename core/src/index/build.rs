//! Builds the index of a file.

use crate::boxes::{BoxHeader, FormatError, MvhdBox, Reader};
use crate::fragments::synthetic::{FilmSource, Synthetic};
use crate::fragments::{MemoryPermits, read_fragments};
use crate::limits;
use crate::movie::{Node, Track, read_moov, unpack};
use crate::source::{GENERATED, Identity, ReadAt};

use super::fingerprint::State;
use super::top_level::{no_moov, top_level};

/// A film, ready to be cut.
#[derive(Debug)]
pub struct Index {
    /// Length of the file.
    pub file_len: u64,
    /// The boxes of the top level, in order.
    pub top: Vec<BoxHeader>,
    /// The `moov` as it stands in the file.
    pub outer_moov: BoxHeader,
    /// The `moov`, unpacked if it was compressed and completed from the fragments if there are any, and in order what is in it.
    pub moov: Node,
    /// Whether there are movie fragments.
    pub is_fragmented: bool,
    /// What of the metadata is not in the file; see [`GENERATED`].
    pub made: Synthetic,
    /// What of the film is not carried over into a clip.
    pub notes: Vec<String>,
    /// The movie header.
    pub mvhd: MvhdBox,
    /// The tracks, in the order of the file.
    pub tracks: Vec<Track>,
    /// What the file was like.
    state: State,
}

impl Index {
    /// Reads the film's metadata: every box header of the `moov`, and once through the
    /// tables that need checkpoints. Never the media.
    ///
    /// # Errors
    /// When the file is not a film that we can cut; says which box, where, and why.
    pub fn build<R: ReadAt>(file: &R, file_len: u64) -> Result<Self, FormatError> {
        Self::build_with(file, file_len, &MemoryPermits::default())
    }

    /// As [`Self::build`], by one of several builders that share what memory there is.
    pub(crate) fn build_with<R: ReadAt>(
        file: &R,
        file_len: u64,
        permits: &MemoryPermits,
    ) -> Result<Self, FormatError> {
        let mut reader = Reader::new(file, file_len);
        let top = top_level(&mut reader);
        // Of several, players take the first.
        let found = top.as_ref().ok().and_then(|top| top.iter().find(|b| &b.box_type.0 == b"moov"));
        let Some(&outer_moov) = found else { return Err(no_moov(&mut reader, top.err())) };
        let top = top?;
        if outer_moov.size > limits::MOOV_OF_CLIP {
            return Err(outer_moov.error(format!(
                "{} bytes, more than the {} we take",
                outer_moov.size,
                limits::MOOV_OF_CLIP
            )));
        }
        let made = Synthetic::of(unpack(&mut reader, &outer_moov)?.unwrap_or_default());
        let source = FilmSource::new(file, &made);
        let mut reader = Reader::with_generated(&source, file_len, made.len());
        let moov = match reader.header(GENERATED, GENERATED + made.len())? {
            Some(moov) if &moov.box_type.0 == b"moov" => moov,
            Some(other) => return Err(other.error("a compressed moov box that holds no moov")),
            None => outer_moov,
        };
        let (moov, mvhd, tracks, notes) = read_moov(&mut reader, moov)?;
        let mut this = Self {
            file_len,
            outer_moov,
            moov,
            is_fragmented: false,
            made: Synthetic::default(),
            notes,
            mvhd,
            tracks,
            top,
            state: State::default(),
        };
        let last_moof = this.top.iter().rfind(|b| &b.box_type.0 == b"moof");
        let ends: Vec<_> = std::iter::once(outer_moov).chain(last_moof.copied()).collect();
        this.state =
            State::of(file, &ends).map_err(|source| FormatError::Io { offset: outer_moov.offset, source })?;
        let mvex = this.moov.child(b"mvex")?.map(|n| n.header);
        let first = this.top.iter().find(|b| &b.box_type.0 == b"moof").map(|b| b.offset);
        // Of a film that should have some, the first may be damaged.
        let damaged = this.top.last().map(BoxHeader::end).filter(|&end| mvex.is_some() && end < file_len);
        let fragments = match first.or(damaged) {
            Some(from) => {
                let stbls = this.moov.children.iter().filter_map(|trak| {
                    let track = this.tracks.get(trak.track?)?;
                    Some((track, trak.at(&[b"mdia", b"minf", b"stbl"])?))
                });
                let tracks: Vec<_> = stbls.collect();
                let source = FilmSource::in_order(file, &made);
                let mut reader = Reader::with_generated(&source, file_len, made.len());
                match read_fragments(&mut reader, from, mvex.as_ref(), &tracks, &this.top, permits) {
                    Err(FormatError::Box { .. }) if first.is_none() => None,
                    found => Some(found?).filter(|found| first.is_some() || !found.is_empty()),
                }
            }
            None => None,
        };
        this.made = made;
        if let Some(fragments) = fragments {
            this.is_fragmented = true;
            this.notes.extend(fragments.notes());
            this.top.retain(|b| &b.box_type.0 != b"moof");
            this.take_fragments(file, fragments)?;
        }
        // The fragments have been told of them; the boxes themselves stay where they are.
        this.tracks.iter_mut().for_each(|t| t.descriptions = Vec::new());
        let untold = this.tracks.iter().filter(|t| t.samples.is_untold());
        this.notes.extend(untold.map(Track::untold_sync));
        Ok(this)
    }

    /// The film as its metadata is looked up: the file and what was made of it.
    pub fn film<'a, R: ReadAt>(&'a self, file: &'a R) -> FilmSource<'a, R> {
        FilmSource::new(file, &self.made)
    }

    /// The film as its metadata is read in order.
    pub fn film_in_order<'a, R: ReadAt>(&'a self, file: &'a R) -> FilmSource<'a, R> {
        FilmSource::in_order(file, &self.made)
    }

    /// Whether `file`, which was `then` when this was built, still says the same. A fragmented film may grow.
    ///
    /// # Errors
    /// When it was changed, or cannot be read.
    pub fn check<R: ReadAt>(&self, file: &R, then: &Identity) -> std::io::Result<()> {
        self.state.check(file, then, self.is_fragmented)
    }

    /// A reader of one box or another anywhere in the film.
    pub fn reader<'a, R: ReadAt>(&self, source: &'a R) -> Reader<'a, R> {
        Reader::with_generated(source, self.file_len, self.made.len()).for_one_box()
    }

    /// Whether the film can be played while it arrives: the `moov` comes before the media.
    pub fn is_fast_start(&self) -> bool {
        self.top
            .iter()
            .find(|b| matches!(&b.box_type.0, b"moov" | b"mdat"))
            .is_some_and(|b| *b == self.outer_moov)
    }

    /// Memory the index holds, about.
    pub fn heap_size(&self) -> usize {
        fn nodes(node: &Node) -> usize {
            node.children.capacity() * size_of::<Node>() + node.children.iter().map(nodes).sum::<usize>()
        }
        let tracks: usize = self.tracks.iter().map(Track::heap_size).sum();
        size_of::<Self>()
            + self.top.capacity() * size_of::<BoxHeader>()
            + self.tracks.capacity() * size_of::<Track>()
            + nodes(&self.moov)
            + self.made.heap_size()
            + self.mvhd.heap_size()
            + tracks
    }
}
