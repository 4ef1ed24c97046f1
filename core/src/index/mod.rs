//! What one film's seeks need: built once, small, shared between requests.
//!
//! An index holds the shape of the `moov`, the headers that are rewritten, and for
//! each sample table its place in the file and sparse checkpoints: nothing per sample.

mod access;
mod auxiliary;
mod foreign;
mod pictures;
mod samples;
mod state;

use crate::boxes::{
    BoxCounter, BoxHeader, BoxType, ChunkOffsets, ElstEntry, FormatError, MdhdBox, MvhdBox, Reader, RunKind,
    Runs, SampleEntry, SampleSizes, SgpdBox, SyncSamples, Table, TkhdBox, find_senc, read_elst, read_hdlr,
    read_stsd, u16_at, u32_at,
};
use crate::limits;
use crate::request::TrackKind;
use crate::source::{GENERATED, Identity, ReadAt};
use crate::tracks::kind_of;

pub use crate::fragments::synthetic::{FilmSource, Synthetic};
pub use access::Access;
pub use auxiliary::{Auxiliary, AuxiliaryPlace, ToldAuxiliary};
pub use pictures::Pictures;
pub use samples::{Chunk, SampleTable, SyncEvidence};

use crate::fragments::{
    Fragments, MemoryPermits, TableLayout, TrackFragments, is_replaced, read_descriptions, read_fragments,
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

/// A box of the `moov`.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it stands.
    pub header: BoxHeader,
    /// The boxes in it, where a cut may change one of them.
    pub children: Vec<Node>,
    /// For a `trak`, which of [`Index::tracks`] it is.
    pub track: Option<usize>,
}

/// A track, ready to be cut.
#[derive(Debug)]
pub struct Track {
    /// The track header.
    pub tkhd: TkhdBox,
    /// The media header.
    pub mdhd: MdhdBox,
    /// `vide`, `soun`, `text` …
    pub handler: BoxType,
    /// The coding of the first sample description.
    pub coding: BoxType,
    /// The edit list; empty when there is none.
    pub edits: Vec<ElstEntry>,
    /// Where `PreSkip` of Opus stands in the file, if there is just one description.
    pub pre_skip: Option<u64>,
    /// Where the samples are, and when.
    pub samples: SampleTable,
    /// Language: a BCP 47 tag (`elng`), or three letters (`mdhd`), or empty.
    pub language: String,
    /// The `dref` of a track whose media lies in another file.
    pub external: Option<BoxHeader>,
    /// The tracks that hold this one's chapters (`tref`, type `chap`).
    pub chapters: Vec<u32>,
    /// A box that speaks of samples one by one and whose shape we cannot cut.
    pub unsliced: Option<BoxHeader>,
    /// What the description says of its samples, for those in fragments.
    entry: SampleEntry,
    /// What the `moov` says of encryption, sample by sample.
    pub(crate) senc: Option<BoxHeader>,
    /// The sample group descriptions, for fragments to refer to.
    pub(crate) descriptions: Vec<SgpdBox>,
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

/// QuickTime's compressed movie resource (`cmov`): the whole `moov` in one zlib stream.
fn unpack<R: ReadAt>(reader: &mut Reader<'_, R>, moov: &BoxHeader) -> Result<Option<Vec<u8>>, FormatError> {
    let children = reader.children(moov.payload(), moov.end())?;
    let Some(cmov) = children.iter().find(|b| &b.box_type.0 == b"cmov") else { return Ok(None) };
    let children = reader.children(cmov.payload(), cmov.end())?;
    let part = |t: &[u8; 4]| children.iter().find(|b| &b.box_type.0 == t);
    if let Some(dcom) = part(b"dcom") {
        if reader.payload(dcom, 4)? != b"zlib" {
            return Err(dcom.error("compressed with something other than zlib"));
        }
    }
    let cmvd = part(b"cmvd").ok_or_else(|| cmov.error("no compressed data (cmvd) in it"))?;
    if cmvd.payload_len() < 4 || cmvd.payload_len() > limits::UNPACKED_MOOV as u64 {
        return Err(cmvd.error("too short, or longer than we take"));
    }
    let mut packed = vec![0; usize::try_from(cmvd.payload_len() - 4).unwrap_or(0)];
    let offset = cmvd.payload() + 4;
    reader
        .source()
        .read_exact_at(&mut packed, offset)
        .map_err(|source| FormatError::Io { offset, source })?;
    let most = packed.len().saturating_mul(limits::UNPACKED_RATIO).clamp(1 << 16, limits::UNPACKED_MOOV);
    let unpacked = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&packed, most);
    unpacked.map(Some).map_err(|e| cmvd.error(format!("cannot be unpacked: {e}")))
}

type Moov = (Node, MvhdBox, Vec<Track>, Vec<String>);

fn read_moov<R: ReadAt>(reader: &mut Reader<'_, R>, moov: BoxHeader) -> Result<Moov, FormatError> {
    let mut mvhd = None;
    let mut tracks = Vec::new();
    let mut broken = Vec::new();
    let mut children = Vec::new();
    let mut budget = limits::MOOV_BOXES;
    let (headers, junk) = reader.readable_children(moov.payload(), moov.end())?;
    for header in headers {
        let mut node = Node { header, children: Vec::new(), track: None };
        match &header.box_type.0 {
            b"mvhd" if mvhd.is_some() => return Err(header.error("a second movie header")),
            b"mvhd" => mvhd = Some(MvhdBox::read(reader, &header)?),
            b"trak" if tracks.len() >= limits::TRACKS => {
                return Err(header.error(format!("more than {} tracks", limits::TRACKS)));
            }
            b"trak" => {
                node.children = children_of(reader, &header, &mut budget)?;
                match Track::read(reader, &node) {
                    Ok(track) => {
                        node.track = Some(tracks.len());
                        tracks.push(track);
                    }
                    Err(e @ FormatError::Io { .. }) => return Err(e),
                    Err(e) => broken.push((handler_of(reader, &node)?, e)),
                }
            }
            b"udta" => node.children = children_of(reader, &header, &mut budget)?,
            _ => {}
        }
        children.push(node);
    }
    // Bytes after the tracks that are no box are no reason to refuse them.
    if let (Some(junk), true) = (junk, mvhd.is_none() || tracks.is_empty()) {
        return Err(junk);
    }
    let mvhd = mvhd.ok_or_else(|| moov.error("no movie header (mvhd)"))?;
    let mut notes = Vec::new();
    for (handler, e) in broken {
        // Players do without a track that is broken; without all that is seen, or heard, it would be another film.
        let kind = kind_of(handler);
        let is_like = |t: &Track| kind.is_none() || kind_of(t.handler) == kind;
        if matches!(kind, None | Some(TrackKind::Video | TrackKind::Audio)) && !tracks.iter().any(is_like) {
            return Err(e);
        }
        notes.push(format!("left out a track that cannot be read: {e}"));
    }
    if tracks.is_empty() {
        return Err(moov.error("no tracks"));
    }
    Ok((Node { header: moov, children, track: None }, mvhd, tracks, notes))
}

/// What a track is for, as far as that can be read.
fn handler_of<R: ReadAt>(reader: &mut Reader<'_, R>, trak: &Node) -> Result<BoxType, FormatError> {
    match trak.at(&[b"mdia", b"hdlr"]).map(|hdlr| read_hdlr(reader, &hdlr.header)) {
        Some(Ok(handler)) => Ok(handler),
        Some(Err(e @ FormatError::Io { .. })) => Err(e),
        _ => Ok(BoxType(*b"    ")),
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

/// The tree below a container; `budget` is how many boxes more may be in it.
fn children_of<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    parent: &BoxHeader,
    budget: &mut usize,
) -> Result<Vec<Node>, FormatError> {
    let children = match (reader.readable_children(parent.payload(), parent.end())?, &parent.box_type.0) {
        // What people put into a udta is their own affair.
        ((_, Some(_)), b"udta") => return Ok(Vec::new()),
        ((_, Some(error)), _) => return Err(error),
        ((children, None), _) => children,
    };
    *budget = budget
        .checked_sub(BoxCounter::of(&children))
        .ok_or_else(|| parent.error(format!("more than {} boxes in the moov", limits::MOOV_BOXES)))?;
    let mut out: Vec<Node> = Vec::new();
    for header in children {
        // Depth is bounded by this list: no box is in it as its own parent.
        let is_container = matches!(
            (&parent.box_type.0, &header.box_type.0),
            (b"trak", b"mdia" | b"edts") | (b"mdia", b"minf") | (b"minf", b"stbl")
        );
        if is_container && out.iter().any(|n| n.header.box_type == header.box_type) {
            return Err(header.error("a second box of its kind"));
        }
        let children = if is_container { children_of(reader, &header, budget)? } else { Vec::new() };
        out.push(Node { header, children, track: None });
    }
    Ok(out)
}

impl Node {
    /// The only child of a type.
    ///
    /// # Errors
    /// When there is a second one: which of the two a player believes is anyone's guess.
    pub fn child(&self, box_type: &[u8; 4]) -> Result<Option<&Node>, FormatError> {
        let mut found = self.children.iter().filter(|c| &c.header.box_type.0 == box_type);
        let first = found.next();
        match found.next() {
            Some(second) => Err(second.header.error("a second box of its kind")),
            None => Ok(first),
        }
    }

    /// The first box of these types, each in the one before it.
    fn at(&self, path: &[&[u8; 4]]) -> Option<&Node> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        self.children.iter().find(|c| &c.header.box_type.0 == *first)?.at(rest)
    }

    /// As [`Self::at`].
    fn descend(&mut self, path: &[&[u8; 4]]) -> Option<&mut Node> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        self.children.iter_mut().find(|c| &c.header.box_type.0 == *first)?.descend(rest)
    }

    /// The only child of one of two types that say the same.
    fn either(&self, one: &[u8; 4], other: &[u8; 4]) -> Result<&Node, FormatError> {
        match (self.child(one)?, self.child(other)?) {
            (Some(_), Some(second)) => Err(second.header.error(format!("there is a {} too", BoxType(*one)))),
            (Some(found), None) | (None, Some(found)) => Ok(found),
            (None, None) => {
                Err(self.header.error(format!("no {} or {} in it", BoxType(*one), BoxType(*other))))
            }
        }
    }

    fn need(&self, box_type: &[u8; 4]) -> Result<&Node, FormatError> {
        self.child(box_type)?.ok_or_else(|| self.header.error(format!("no {} in it", BoxType(*box_type))))
    }
}

impl Track {
    /// How samples of H.264 say whether they are IDR pictures.
    pub(crate) fn avc(&self) -> Option<Pictures> {
        let (configuration, length) = self.entry.units?;
        (&configuration.0 == b"avcC").then_some(Pictures::Avc(length))
    }

    /// A note that nothing says where decoding of the track can begin.
    pub fn untold_sync(&self) -> String {
        let (id, coding) = (self.tkhd.track_id, self.coding);
        format!(
            "track {id} ({coding}): nothing says where decoding can begin, so a clip may begin at any sample"
        )
    }

    fn heap_size(&self) -> usize {
        self.tkhd.heap_size()
            + self.mdhd.heap_size()
            + self.edits.capacity() * size_of::<ElstEntry>()
            + self.chapters.capacity() * size_of::<u32>()
            + self.samples.heap_size()
    }

    fn read<R: ReadAt>(reader: &mut Reader<'_, R>, trak: &Node) -> Result<Self, FormatError> {
        let tkhd = TkhdBox::read(reader, &trak.need(b"tkhd")?.header)?;
        let edits = match trak.child(b"edts")?.map(|edts| edts.child(b"elst")).transpose()?.flatten() {
            Some(elst) => read_elst(reader, &elst.header)?,
            None => Vec::new(),
        };
        let edits = with_media(edits);
        let mdia = trak.need(b"mdia")?;
        let mdhd = MdhdBox::read(reader, &mdia.need(b"mdhd")?.header)?;
        let handler = match mdia.child(b"hdlr")? {
            Some(hdlr) => read_hdlr(reader, &hdlr.header)?,
            None => BoxType(*b"    "),
        };
        let language = match mdia.child(b"elng")? {
            Some(elng) => read_elng(reader, &elng.header)?,
            None => mdhd.language(),
        };
        let minf = mdia.need(b"minf")?;
        let stbl = minf.need(b"stbl")?;
        let entry = read_stsd(reader, &stbl.need(b"stsd")?.header, handler)?;
        let external = match minf.child(b"dinf")? {
            Some(dinf) => external_media(reader, &dinf.header, &stbl.need(b"stsd")?.header)?,
            None => None,
        };
        let descriptions = read_descriptions(reader, stbl)?;
        let mut samples = read_samples(reader, stbl, &descriptions, entry.packet, 0)?;
        samples.know_kind(handler, &entry, reader.file_len());
        if mdhd.timescale == 0 && samples.count > 0 {
            return Err(mdia.need(b"mdhd")?.header.error("timescale is 0"));
        }
        let chapters = match trak.child(b"tref")? {
            Some(tref) => read_chapter_ids(reader, &tref.header)?,
            None => Vec::new(),
        };
        let mut unsliced = None;
        let boxes = [stbl, trak].into_iter().flat_map(|parent| &parent.children).map(|c| c.header);
        let (senc, second_senc) = find_senc(reader, boxes)?;
        if samples.count > 0 {
            match Auxiliary::read(reader, stbl, senc, &samples)? {
                Ok(auxiliary) => samples.auxiliary = auxiliary,
                Err(unknown) => unsliced = Some(unknown),
            }
            unsliced = unsliced.or(second_senc);
        }
        Ok(Self {
            tkhd,
            mdhd,
            handler,
            coding: entry.coding,
            pre_skip: entry.pre_skip,
            edits,
            samples,
            language,
            external,
            chapters,
            unsliced,
            entry,
            senc,
            descriptions,
        })
    }
}

/// `elng` (8.4.6): the extended language tag.
fn read_elng<R: ReadAt>(reader: &mut Reader<'_, R>, elng: &BoxHeader) -> Result<String, FormatError> {
    let tag = reader.payload(elng, 4)?.get(4..).unwrap_or_default();
    let tag = tag.split(|&b| b == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(tag.get(..tag.len().min(64)).unwrap_or_default()).into_owned())
}

/// `dref` (8.7.2): the box, if a sample description refers to an entry of it that is another file.
fn external_media<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    dinf: &BoxHeader,
    stsd: &BoxHeader,
) -> Result<Option<BoxHeader>, FormatError> {
    let (children, _) = reader.readable_children(dinf.payload(), dinf.end())?;
    let Some(dref) = children.into_iter().find(|b| &b.box_type.0 == b"dref") else { return Ok(None) };
    let mut here = Vec::new();
    for entry in reader.readable_children(dref.payload().saturating_add(8), dref.end())?.0 {
        let flags = if entry.payload_len() < 4 { 1 } else { u32_at(reader.bytes(entry.payload(), 4)?, 0) };
        // An entry that names no place can only mean this file, whatever its flags say.
        here.push(flags & 1 != 0 || entry.payload_len() <= 5);
    }
    for description in reader.readable_children(stsd.payload().saturating_add(8), stsd.end())?.0 {
        if description.payload_len() >= 8 {
            let index = usize::from(u16_at(reader.bytes(description.payload() + 6, 2)?, 0));
            if index.checked_sub(1).and_then(|n| here.get(n)) == Some(&false) {
                return Ok(Some(dref));
            }
        }
    }
    Ok(None)
}

/// `tref` (8.3.3): the tracks named in its `chap` box.
fn read_chapter_ids<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    tref: &BoxHeader,
) -> Result<Vec<u32>, FormatError> {
    let (children, _) = reader.readable_children(tref.payload(), tref.end())?;
    let Some(chap) = children.into_iter().find(|b| &b.box_type.0 == b"chap") else { return Ok(Vec::new()) };
    let ids = reader.payload(&chap, 0)?;
    Ok(ids.chunks_exact(4).take(limits::TRACKS).map(|id| u32_at(id, 0)).collect())
}

fn read_samples<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    stbl: &Node,
    descriptions: &[SgpdBox],
    packet: Option<(u32, u32)>,
    base: i64,
) -> Result<SampleTable, FormatError> {
    let stts = &stbl.need(b"stts")?.header;
    let sizes = stbl.either(b"stsz", b"stz2")?;
    // PCM frames are counted one tick each; a constant size with any other timing
    // is that of whole packets.
    let counts_frames = is_one_tick_each(reader, stts)?;
    let sizes = SampleSizes::read(reader, &sizes.header, packet.filter(|_| counts_frames))?;
    let offsets = stbl.either(b"stco", b"co64")?;
    let offsets = ChunkOffsets::read(reader, &offsets.header)?;
    let chunks = if sizes.count() == 0 { 0 } else { offsets.count() };
    let stsc = Runs::read(reader, &stbl.need(b"stsc")?.header, RunKind::Stsc, chunks)?;
    let count = sizes.count().min(u32::try_from(stsc.sum()).unwrap_or(u32::MAX));
    let stts = Runs::read(reader, stts, RunKind::Stts, count)?;
    let count = stts.units();
    let ctts = match stbl.child(b"ctts")? {
        Some(ctts) => Some(Runs::read(reader, &ctts.header, RunKind::Ctts, count)?),
        None => None,
    };
    let sync = match stbl.child(b"stss")? {
        Some(stss) => SyncSamples::read(reader, &stss.header)?,
        None => SyncSamples::All,
    };
    let mut groups = Vec::new();
    // Each csgp becomes an sbgp in a clip, which must be within the limit, too.
    let mut groupings = stbl.children.iter().filter(|c| matches!(&c.header.box_type.0, b"sbgp" | b"csgp"));
    if let Some(excess) = groupings.nth(limits::GROUPINGS) {
        return Err(excess.header.error(format!("more than {} sample groupings", limits::GROUPINGS)));
    }
    for sbgp in stbl.children.iter().filter(|c| &c.header.box_type.0 == b"sbgp") {
        let head = usize::try_from(sbgp.header.payload_len()).unwrap_or(8).min(8);
        let head = reader.bytes(sbgp.header.payload(), head)?;
        let described = descriptions.iter().find(|d| head.ends_with(&d.grouping));
        let kind = RunKind::Sbgp { default: described.map_or(0, |d| d.default) };
        groups.push(Runs::read(reader, &sbgp.header, kind, count)?);
    }
    let access = Access::read(reader, stbl, descriptions, &groups, count)?;
    SampleTable::new(reader.source(), count, stts, ctts, stsc, sizes, offsets, sync, groups, access, base)
}

/// An edit list that presents something: after the empty edits of one that presents nothing, the whole media follows, as
/// Chromium plays it. (Firefox plays the media at once, and libavformat by itself nothing at all.)
fn with_media(mut edits: Vec<ElstEntry>) -> Vec<ElstEntry> {
    if !edits.is_empty() && edits.iter().all(|e| e.media_time.is_none()) {
        // Its duration of 0 means to the end.
        edits.push(ElstEntry {
            segment_duration: 0,
            media_time: Some(0),
            media_rate: ElstEntry::NORMAL_RATE,
        });
    }
    edits
}

fn is_one_tick_each<R: ReadAt>(reader: &mut Reader<'_, R>, stts: &BoxHeader) -> Result<bool, FormatError> {
    let table = Table::read(reader, stts, 0, 8)?;
    Ok(table.count == 1 && reader.bytes(table.offset + 4, 4)? == [0, 0, 0, 1])
}
