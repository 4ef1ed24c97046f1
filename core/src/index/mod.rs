//! What one film's seeks need: built once, small, shared between requests.
//!
//! An index holds the shape of the `moov`, the headers that are rewritten, and for
//! each sample table its place in the file and sparse checkpoints: nothing per sample.

mod foreign;
mod state;

use crate::boxes::{BoxCounter, BoxHeader, BoxType, FormatError, MvhdBox, Reader};
use crate::fragments::{Fragments, MemoryPermits, TableLayout, TrackFragments, is_replaced, read_fragments};
use crate::limits;
use crate::movie::{read_descriptions, read_moov, read_samples, unpack};
use crate::source::{GENERATED, Identity, ReadAt};

pub use crate::fragments::synthetic::{FilmSource, Synthetic};
pub use crate::movie::{
    Access, Auxiliary, AuxiliaryPlace, Chunk, Node, Pictures, SampleTable, SyncEvidence, ToldAuxiliary, Track,
};
use state::State;

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

    /// Puts the tables of the fragments in the place of the `moov`'s.
    fn take_fragments<R: ReadAt>(&mut self, file: &R, fragments: Fragments) -> Result<(), FormatError> {
        let Fragments { tracks: mut fragments, batches, .. } = fragments;
        let mut layout = TableLayout::of(std::mem::take(&mut self.made).into_bytes());
        let mut places = Vec::new();
        for (n, track) in fragments.iter_mut().enumerate() {
            let start = layout.bytes.len() as u64;
            track.write(n, &mut layout);
            places.push(GENERATED + start..GENERATED + layout.bytes.len() as u64);
        }
        let made = Synthetic::of(std::mem::take(&mut layout.bytes));
        let origin = Origin::of(&self.tracks, &fragments);
        let source = FilmSource::new(file, &made);
        let mut reader = Reader::with_generated(&source, self.file_len, made.len());
        for node in &mut self.moov.children {
            let Some(n) = node.track else { continue };
            let (Some(track), Some(fragment), Some(place)) =
                (self.tracks.get_mut(n), fragments.get(n), places.get(n))
            else {
                continue;
            };
            let stbl = node
                .descend(&[b"mdia", b"minf", b"stbl"])
                .ok_or_else(|| FormatError::Film("no stbl".into()))?;
            let is_described =
                |header: &BoxHeader, reader: &mut Reader<'_, _>| -> Result<bool, FormatError> {
                    if &header.box_type.0 != b"sgpd" || header.payload_len() < 8 {
                        return Ok(false);
                    }
                    let grouping = reader.bytes(header.payload() + 4, 4)?;
                    Ok(fragment.describes([grouping[0], grouping[1], grouping[2], grouping[3]]))
                };
            let mut kept = Vec::new();
            for child in std::mem::take(&mut stbl.children) {
                if !is_replaced(child.header.box_type) && !is_described(&child.header, &mut reader)? {
                    kept.push(child);
                }
            }
            stbl.children = kept;
            let made = reader.children(place.start, place.end)?;
            stbl.children.extend(made.into_iter().map(|header| Node {
                header,
                children: Vec::new(),
                track: None,
            }));
            let base = origin.from(fragment.first().unwrap_or(0), track.mdhd.timescale);
            let descriptions = read_descriptions(&mut reader, stbl)?;
            let packet = None;
            track.samples = read_samples(&mut reader, stbl, &descriptions, packet, base)?;
            track.samples.know_kind(track.handler, &track.entry, self.file_len);
            // What takes a pass over all of a table is found out while it is in memory.
            track.samples.sizes.bytes(reader.source(), 0..track.samples.count)?;
            track.samples.offsets.order(reader.source())?;
            track.samples.chunk_sizes = fragment.chunk_sizes(batches.len());
            track.unsliced = fragment.unsliced;
            let senc = stbl.children.iter().map(|c| c.header).find(|h| &h.box_type.0 == b"senc");
            match Auxiliary::read(&mut reader, stbl, senc, &track.samples)? {
                Ok(auxiliary) => track.samples.auxiliary = auxiliary,
                Err(unknown) => track.unsliced = track.unsliced.or(Some(unknown)),
            }
            if track.mdhd.timescale == 0 && track.samples.count > 0 {
                return Err(node.header.error("a track with a timescale of 0"));
            }
            self.notes.extend(fragment.notes.iter().cloned());
        }
        layout.bytes = made.into_bytes();
        self.made = Synthetic::anew(self.file_len, batches, fragments, &layout);
        #[cfg(test)]
        crate::fragments::synthetic::tests::assert_made_anew(file, &self.made, &layout.bytes);
        Ok(())
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

/// When the presentation of a fragmented film begins: recordings of live streams count from when
/// the stream began.
struct Origin {
    ticks: i64,
    timescale: u32,
}

impl Origin {
    fn of(tracks: &[Track], fragments: &[TrackFragments]) -> Self {
        let firsts = tracks.iter().zip(fragments).filter_map(|(track, fragment)| {
            Some(Self { ticks: fragment.first()?, timescale: track.mdhd.timescale.max(1) })
        });
        let earlier = |a: &Self, b: &Self| {
            (i128::from(a.ticks) * i128::from(b.timescale))
                .cmp(&(i128::from(b.ticks) * i128::from(a.timescale)))
        };
        firsts.min_by(earlier).unwrap_or(Self { ticks: 0, timescale: 1 })
    }

    /// A decode time, counted from the origin.
    fn from(&self, ticks: i64, timescale: u32) -> i64 {
        let origin = i128::from(self.ticks) * i128::from(timescale) / i128::from(self.timescale);
        i64::try_from(i128::from(ticks) - origin).unwrap_or(0)
    }
}

/// Why a file without a `moov` is none that we can cut; `error` is what its boxes say.
fn no_moov<R: ReadAt>(reader: &mut Reader<'_, R>, error: Option<FormatError>) -> FormatError {
    if matches!(error, Some(FormatError::Io { .. })) || reader.file_len() == 0 {
        return error.unwrap_or_else(|| FormatError::Film("the file is empty".into()));
    }
    match foreign::media_type(reader) {
        Err(error) => error,
        Ok(Some(kind)) => FormatError::Film(format!("not an MP4: by its first bytes it is {kind}")),
        Ok(None) => match error {
            Some(FormatError::Box { box_type, offset: 0, .. }) if !foreign::may_begin_with(box_type) => {
                FormatError::Film("not an MP4: its first bytes are no box of one".into())
            }
            Some(error) => error,
            None => FormatError::Film("no moov box: not an MP4 film, or one still being written".into()),
        },
    }
}

/// The boxes of the top level, up to the first fragment; and the `moov`, where that comes later. A file may end in bytes
/// that are no box, or in a box that is cut off: players take such a film as far as it goes, and so do we.
fn top_level<R: ReadAt>(reader: &mut Reader<'_, R>) -> Result<Vec<BoxHeader>, FormatError> {
    let end = reader.file_len();
    let mut out: Vec<BoxHeader> = Vec::new();
    let mut at = 0;
    let mut fragments = None;
    let mut counter = BoxCounter::default();
    for _ in 0..limits::FRAGMENT_BOXES {
        let header = match reader.header(at, end) {
            Ok(Some(header)) => header,
            Ok(None) => break,
            Err(e @ FormatError::Io { .. }) => return Err(e),
            Err(e) if out.is_empty() => return Err(e),
            Err(_) => {
                if let Some(cut_off) = cut_off(reader, at)? {
                    out.push(cut_off);
                }
                break;
            }
        };
        if header.box_type == BoxType([0; 4]) {
            break;
        }
        if !counter.takes(header.box_type) {
            return Err(header.error(format!("more than {} boxes in the file", limits::CHILDREN)));
        }
        at = header.end();
        let is_moov = &header.box_type.0 == b"moov";
        if fragments.is_none() || is_moov {
            out.push(header);
        }
        if &header.box_type.0 == b"moof" {
            fragments = Some(header);
        }
        if fragments.is_some() && out.iter().any(|b| &b.box_type.0 == b"moov") {
            break;
        }
    }
    Ok(out)
}

/// The `mdat` of a file whose end is missing, as long as what is there.
fn cut_off<R: ReadAt>(reader: &mut Reader<'_, R>, at: u64) -> Result<Option<BoxHeader>, FormatError> {
    let left = reader.file_len().saturating_sub(at);
    let b = reader.bytes(at, 8)?;
    let header_len = if b.starts_with(&[0, 0, 0, 1]) { 16 } else { 8 };
    let whole = b.ends_with(b"mdat") && left >= u64::from(header_len);
    Ok(whole.then_some(BoxHeader { box_type: BoxType(*b"mdat"), offset: at, header_len, size: left }))
}
