//! Builds the index of a file.

use std::time::SystemTime;

use crate::boxes::{BoxHeader, FormatError, MvhdBox, Reader, read_cmov};
use crate::fragments::synthetic::{FilmSource, Synthetic};
use crate::fragments::{Fragments, MemoryPermits, read_fragments};
use crate::limits::Limits;
use crate::movie::{Node, Track, read_moov};
use crate::source::{GENERATED, Identity, ReadAt, Sparsely};

use super::fingerprint::Fingerprint;
use super::growth::{End, Growth};
use super::top_level::find_moov;

/// The index of a file: all that is kept to cut clips from it.
#[derive(Debug)]
pub struct Index {
    /// Length of the file.
    pub file_len: u64,
    /// The boxes of the top level, in order.
    pub top: Vec<BoxHeader>,
    /// The `moov` as it stands in the file.
    pub outer_moov: BoxHeader,
    /// The boxes of the `moov`, which is unpacked if it was compressed, and completed from the
    /// fragments if there are any.
    pub moov: Node,
    /// Whether there are movie fragments.
    pub is_fragmented: bool,
    /// The metadata that is not in the file; see [`GENERATED`].
    pub generated: Synthetic,
    /// What a clip lacks, and why.
    pub notes: Vec<String>,
    /// The movie header.
    pub mvhd: MvhdBox,
    /// The tracks, in the order of the file.
    pub tracks: Vec<Track>,
    /// How the file is recognised while it grows.
    fingerprint: Fingerprint,
    /// What the boxes say of the end of the movie.
    end: End,
    /// What it was built within, and what its clips are found within.
    pub(crate) limits: Limits,
}

/// A `moov` up to this size is read from the disk at once. That takes no longer than to be asked
/// for each of its boxes and tables in turn; of a larger one, what is not needed takes longer.
const READ_WHOLE: u64 = 1 << 20;

impl Index {
    /// Reads the metadata: every box header of the `moov`, and once the tables that need
    /// checkpoints. The media is never read.
    ///
    /// # Errors
    /// When the file is not a movie that can be cut. The error names the box, its offset, and the
    /// reason.
    pub fn build<R: ReadAt>(file: &R, file_len: u64) -> Result<Self, FormatError> {
        Self::build_within(file, file_len, Limits::default())
    }

    /// As [`Self::build`], within other limits.
    #[doc(hidden)]
    pub fn build_within<R: ReadAt>(file: &R, file_len: u64, limits: Limits) -> Result<Self, FormatError> {
        Self::build_with(file, file_len, &MemoryPermits::default(), limits)
    }

    /// As [`Self::build`], by one of several builders that share what memory there is.
    pub(crate) fn build_with<R: ReadAt>(
        file: &R,
        file_len: u64,
        permits: &MemoryPermits,
        limits: Limits,
    ) -> Result<Self, FormatError> {
        let sparsely = Sparsely::new(file);
        let (top, outer_moov) = find_moov(&mut Reader::new(file, file_len))?;
        if outer_moov.size <= READ_WHOLE {
            file.will_read(outer_moov.offset..outer_moov.end());
        }
        let mut this = Self::of_moov(file, file_len, top, outer_moov, limits)?;
        drop(sparsely);
        if let Some(fragments) = this.find_fragments(file, permits)? {
            this.is_fragmented = true;
            let source = this.film_in_order(file);
            let mut reader = Reader::with_generated(&source, file_len, this.generated.len());
            this.end = End::of_fragments(&mut reader, &this.moov)?;
            this.notes.extend(fragments.notes());
            if let Some(last) = &fragments.last {
                let probed = this.fingerprint.add(file, last);
                probed.map_err(|e| FormatError::read(last.offset, e))?;
            }
            this.top.retain(|b| &b.box_type.0 != b"moof");
            this.take_fragments(file, fragments)?;
        }
        let unknown = this.tracks.iter().filter(|t| t.samples.lacks_sync_evidence());
        this.notes.extend(unknown.map(Track::note_of_unknown_sync));
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
        let generated = Synthetic::of(unpacked.unwrap_or_default());
        let source = FilmSource::new(file, file_len, &generated);
        let mut reader = Reader::with_generated(&source, file_len, generated.len());
        let moov = match reader.header(GENERATED, GENERATED + generated.len())? {
            Some(moov) if &moov.box_type.0 == b"moov" => moov,
            Some(other) => return Err(other.error("a compressed moov box that holds no moov")),
            None => outer_moov,
        };
        let (moov, mvhd, tracks, notes) = read_moov(&mut reader, moov)?;
        let first_moof = top.iter().find(|b| &b.box_type.0 == b"moof");
        let probed: Vec<_> = std::iter::once(outer_moov).chain(first_moof.copied()).collect();
        let fingerprint =
            Fingerprint::of(file, &probed).map_err(|e| FormatError::read(outer_moov.offset, e))?;
        Ok(Self {
            file_len,
            top,
            outer_moov,
            moov,
            is_fragmented: false,
            generated,
            notes,
            mvhd,
            tracks,
            fingerprint,
            end: End::default(),
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
        let mut reader = Reader::with_generated(&source, self.file_len, self.generated.len());
        match read_fragments(&mut reader, from, mvex.as_ref(), &tracks, &self.top, permits, &self.limits) {
            Err(FormatError::Box { .. }) if first.is_none() => Ok(None),
            found => Ok(Some(found?).filter(|found| first.is_some() || !found.is_empty())),
        }
    }

    /// The file and the generated metadata, for look-ups.
    pub fn film<'a, R: ReadAt>(&'a self, file: &'a R) -> FilmSource<'a, R> {
        FilmSource::new(file, self.file_len, &self.generated)
    }

    /// The file and the generated metadata, to be read in order.
    pub fn film_in_order<'a, R: ReadAt>(&'a self, file: &'a R) -> FilmSource<'a, R> {
        FilmSource::in_order(file, self.file_len, &self.generated)
    }

    /// Checks that `file` is still the one that was `then` when this was built. A fragmented file
    /// may have grown.
    ///
    /// # Errors
    /// When it was changed, or cannot be read.
    pub fn check<R: ReadAt>(&self, file: &R, then: &Identity) -> std::io::Result<()> {
        self.fingerprint.check(file, then, self.is_fragmented)
    }

    /// Whether `file` has the metadata by which the one is recognised that this was built of.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn recognises<R: ReadAt>(&self, file: &R) -> std::io::Result<bool> {
        self.fingerprint.is_of(file)
    }

    /// Whether the movie is or was a recording: its boxes do not say in front how long it lasts.
    pub(crate) fn is_recording(&self) -> bool {
        self.end != End::Known
    }

    /// Whether the movie, whose file has this identity, is still being recorded.
    pub fn growth(&self, identity: &Identity, now: SystemTime) -> Growth {
        self.end.growth(identity, now)
    }

    /// Whether the track of this ID holds the chapters of another one.
    pub(crate) fn holds_chapters(&self, track_id: u32) -> bool {
        self.tracks.iter().any(|track| track.chapters.contains(&track_id))
    }

    /// A reader of single boxes, anywhere in the file or the generated metadata.
    pub fn reader<'a, R: ReadAt>(&self, source: &'a R) -> Reader<'a, R> {
        Reader::with_generated(source, self.file_len, self.generated.len()).for_one_box()
    }

    /// Whether the file can be played while it arrives: the `moov` comes before the media.
    pub fn is_fast_start(&self) -> bool {
        self.top
            .iter()
            .find(|b| matches!(&b.box_type.0, b"moov" | b"mdat"))
            .is_some_and(|b| *b == self.outer_moov)
    }

    /// Bytes of the metadata, what was generated of fragments included.
    pub(crate) fn metadata_len(&self) -> u64 {
        self.outer_moov.size.saturating_add(self.generated.len())
    }

    /// Bytes of memory that the index holds, about.
    pub fn heap_size(&self) -> usize {
        fn nodes(node: &Node) -> usize {
            node.children.capacity() * size_of::<Node>() + node.children.iter().map(nodes).sum::<usize>()
        }
        let tracks: usize = self.tracks.iter().map(Track::heap_size).sum();
        size_of::<Self>()
            + self.top.capacity() * size_of::<BoxHeader>()
            + self.tracks.capacity() * size_of::<Track>()
            + nodes(&self.moov)
            + self.generated.heap_size()
            + self.mvhd.heap_size()
            + tracks
    }
}
