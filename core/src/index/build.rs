//! Builds the index of a file.

use crate::boxes::{BoxHeader, FormatError, MvhdBox, Reader, read_cmov};
use crate::fragments::synthetic::{FilmSource, Synthetic};
use crate::fragments::{Fragments, MemoryPermits, read_fragments};
use crate::limits::Limits;
use crate::movie::{Node, Track, read_moov};
use crate::source::{GENERATED, Identity, ReadAt};

use super::fingerprint::State;
use super::top_level::find_moov;

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
    /// What it was built within, and what its clips are found within.
    pub(crate) limits: Limits,
}

impl Index {
    /// Reads the film's metadata: every box header of the `moov`, and once through the
    /// tables that need checkpoints. Never the media.
    ///
    /// # Errors
    /// When the file is not a film that we can cut; says which box, where, and why.
    pub fn build<R: ReadAt>(file: &R, file_len: u64) -> Result<Self, FormatError> {
        Self::build_with(file, file_len, &MemoryPermits::default(), Limits::default())
    }

    /// As [`Self::build`], by one of several builders that share what memory there is.
    pub(crate) fn build_with<R: ReadAt>(
        file: &R,
        file_len: u64,
        permits: &MemoryPermits,
        limits: Limits,
    ) -> Result<Self, FormatError> {
        let (top, outer_moov) = find_moov(&mut Reader::new(file, file_len))?;
        let mut this = Self::of_moov(file, file_len, top, outer_moov, limits)?;
        if let Some(fragments) = this.find_fragments(file, permits)? {
            this.is_fragmented = true;
            this.notes.extend(fragments.notes());
            this.top.retain(|b| &b.box_type.0 != b"moof");
            this.take_fragments(file, fragments)?;
        }
        // Only the fragments refer to these copies. The boxes themselves stay where they are.
        this.tracks.iter_mut().for_each(|t| t.descriptions = Vec::new());
        let untold = this.tracks.iter().filter(|t| t.samples.is_untold());
        this.notes.extend(untold.map(Track::untold_sync));
        Ok(this)
    }

    /// What the `moov` alone says.
    fn of_moov<R: ReadAt>(
        file: &R,
        file_len: u64,
        top: Vec<BoxHeader>,
        outer_moov: BoxHeader,
        limits: Limits,
    ) -> Result<Self, FormatError> {
        let unpacked = read_cmov(&mut Reader::new(file, file_len), &outer_moov)?;
        let made = Synthetic::of(unpacked.unwrap_or_default());
        let source = FilmSource::new(file, &made);
        let mut reader = Reader::with_generated(&source, file_len, made.len());
        let moov = match reader.header(GENERATED, GENERATED + made.len())? {
            Some(moov) if &moov.box_type.0 == b"moov" => moov,
            Some(other) => return Err(other.error("a compressed moov box that holds no moov")),
            None => outer_moov,
        };
        let (moov, mvhd, tracks, notes) = read_moov(&mut reader, moov)?;
        let last_moof = top.iter().rfind(|b| &b.box_type.0 == b"moof");
        let probed: Vec<_> = std::iter::once(outer_moov).chain(last_moof.copied()).collect();
        let state = State::of(file, &probed)
            .map_err(|source| FormatError::Io { offset: outer_moov.offset, source })?;
        Ok(Self {
            file_len,
            top,
            outer_moov,
            moov,
            is_fragmented: false,
            made,
            notes,
            mvhd,
            tracks,
            state,
            limits,
        })
    }

    /// Reads the movie fragments, if there are any.
    fn find_fragments<R: ReadAt>(
        &self,
        file: &R,
        permits: &MemoryPermits,
    ) -> Result<Option<Fragments>, FormatError> {
        let mvex = self.moov.child(b"mvex")?.map(|n| n.header);
        let first = self.top.iter().find(|b| &b.box_type.0 == b"moof").map(|b| b.offset);
        // In a file that should have fragments, the first one may be damaged.
        let end = self.top.last().map(BoxHeader::end);
        let damaged = end.filter(|&end| mvex.is_some() && end < self.file_len);
        let Some(from) = first.or(damaged) else { return Ok(None) };
        let stbls = self.moov.children.iter().filter_map(|trak| {
            let track = self.tracks.get(trak.track?)?;
            Some((track, trak.at(&[b"mdia", b"minf", b"stbl"])?))
        });
        let tracks: Vec<_> = stbls.collect();
        let source = self.film_in_order(file);
        let mut reader = Reader::with_generated(&source, self.file_len, self.made.len());
        match read_fragments(&mut reader, from, mvex.as_ref(), &tracks, &self.top, permits, &self.limits) {
            Err(FormatError::Box { .. }) if first.is_none() => Ok(None),
            found => Ok(Some(found?).filter(|found| first.is_some() || !found.is_empty())),
        }
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
