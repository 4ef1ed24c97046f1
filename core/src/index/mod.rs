//! What one film's seeks need: built once, small, shared between requests.
//!
//! An index holds the shape of the `moov`, the headers that are rewritten, and for
//! each sample table its place in the file and sparse checkpoints: nothing per sample.

mod samples;

use crate::boxes::{
    BoxHeader, BoxType, ChunkOffsets, ElstEntry, FormatError, MdhdBox, MvhdBox, Reader, RunKind, Runs,
    SampleSizes, SyncSamples, Table, TkhdBox, read_elst, read_hdlr, read_stsd, u32_at,
};
use crate::limits;
use crate::source::ReadAt;

pub use samples::{Chunk, SampleTable};

/// A film, ready to be cut.
#[derive(Debug)]
pub struct Index {
    /// Length of the file.
    pub file_len: u64,
    /// The boxes of the top level, in order.
    pub top: Vec<BoxHeader>,
    /// The `moov` and, in order, what is in it.
    pub moov: Node,
    /// The movie header.
    pub mvhd: MvhdBox,
    /// The tracks, in the order of the file.
    pub tracks: Vec<Track>,
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
    /// Where the samples are, and when.
    pub samples: SampleTable,
    /// The tracks that hold this one's chapters (`tref`, type `chap`).
    pub chapters: Vec<u32>,
    /// A per-sample box that we cannot slice; see [`UNSLICED`].
    pub unsliced: Option<BoxHeader>,
}

/// Containers whose children a cut may change.
const CONTAINERS: &[&[u8; 4]] = &[b"trak", b"edts", b"mdia", b"minf", b"stbl", b"udta"];

/// Boxes of an `stbl` that speak of samples one by one and that we do not slice (yet):
/// a clip of a track that has one is refused. What they are is in the table of `docs`.
pub const UNSLICED: &[&[u8; 4]] = &[b"stsh", b"padb", b"subs", b"saiz", b"saio", b"senc", b"csgp"];

impl Index {
    /// Reads the film's metadata: every box header of the `moov`, and once through the
    /// tables that need checkpoints. Never the media.
    ///
    /// # Errors
    /// When the file is not a film that we can cut; says which box, where, and why.
    pub fn build<R: ReadAt>(source: &R, file_len: u64) -> Result<Self, FormatError> {
        let mut reader = Reader::new(source, file_len);
        let top = top_level(&mut reader)?;
        let film = |reason: &str| FormatError::Film(reason.into());
        if let Some(moof) = top.iter().find(|b| &b.box_type.0 == b"moof") {
            return Err(moof.error("fragmented films are not cut yet"));
        }
        let mut moovs = top.iter().filter(|b| &b.box_type.0 == b"moov");
        let moov =
            *moovs.next().ok_or_else(|| film("no moov box: not an MP4 film, or one still being written"))?;
        if let Some(second) = moovs.next() {
            return Err(second.error("a second moov box"));
        }
        if moov.size > limits::MOOV {
            return Err(moov.error(format!("{} bytes, more than the {} we take", moov.size, limits::MOOV)));
        }
        let mut mvhd = None;
        let mut tracks = Vec::new();
        let mut children = Vec::new();
        for header in reader.children(moov.payload(), moov.end())? {
            let mut node = Node { header, children: Vec::new(), track: None };
            match &header.box_type.0 {
                b"mvhd" if mvhd.is_some() => return Err(header.error("a second movie header")),
                b"mvhd" => mvhd = Some(MvhdBox::read(&mut reader, &header)?),
                b"cmov" => return Err(header.error("compressed movie headers are not read yet")),
                b"trak" if tracks.len() >= limits::TRACKS => {
                    return Err(header.error(format!("more than {} tracks", limits::TRACKS)));
                }
                b"trak" => {
                    node.children = children_of(&mut reader, &header)?;
                    node.track = Some(tracks.len());
                    tracks.push(Track::read(&mut reader, &node)?);
                }
                b"udta" => node.children = children_of(&mut reader, &header)?,
                _ => {}
            }
            children.push(node);
        }
        let mvhd = mvhd.ok_or_else(|| moov.error("no movie header (mvhd)"))?;
        if tracks.is_empty() {
            return Err(moov.error("no tracks"));
        }
        Ok(Self { file_len, top, moov: Node { header: moov, children, track: None }, mvhd, tracks })
    }

    /// Whether the film can be played while it arrives: the `moov` comes before the media.
    pub fn is_fast_start(&self) -> bool {
        self.top
            .iter()
            .find(|b| matches!(&b.box_type.0, b"moov" | b"mdat"))
            .is_some_and(|b| b == &self.moov.header)
    }

    /// Memory the index holds, about.
    pub fn heap_size(&self) -> usize {
        fn nodes(node: &Node) -> usize {
            node.children.capacity() * size_of::<Node>() + node.children.iter().map(nodes).sum::<usize>()
        }
        let tracks: usize =
            self.tracks.iter().map(|t| t.samples.heap_size() + t.edits.capacity() * 24 + 256).sum();
        size_of::<Self>()
            + self.top.capacity() * size_of::<BoxHeader>()
            + self.tracks.capacity() * size_of::<Track>()
            + nodes(&self.moov)
            + tracks
    }
}

/// The boxes of the top level. A file may end in bytes that are no box, or in a
/// box that is cut off: players take such a film as far as it goes, and so do we.
fn top_level<R: ReadAt>(reader: &mut Reader<'_, R>) -> Result<Vec<BoxHeader>, FormatError> {
    let end = reader.file_len();
    let mut out: Vec<BoxHeader> = Vec::new();
    let mut at = 0;
    loop {
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
        if out.len() >= limits::CHILDREN {
            return Err(header.error(format!("more than {} boxes in the file", limits::CHILDREN)));
        }
        at = header.end();
        out.push(header);
        if &header.box_type.0 == b"moof" {
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

fn children_of<R: ReadAt>(reader: &mut Reader<'_, R>, parent: &BoxHeader) -> Result<Vec<Node>, FormatError> {
    let mut out = Vec::new();
    for header in reader.children(parent.payload(), parent.end())? {
        // Depth is bounded by this list of names: no container of it holds itself in a
        // way that is followed (a trak inside a trak is not).
        let descend = CONTAINERS.contains(&&header.box_type.0) && &header.box_type.0 != b"trak";
        let known_parent = match &header.box_type.0 {
            b"minf" => &parent.box_type.0 == b"mdia",
            b"stbl" => &parent.box_type.0 == b"minf",
            b"mdia" | b"edts" => &parent.box_type.0 == b"trak",
            _ => false,
        };
        let children = if descend && known_parent { children_of(reader, &header)? } else { Vec::new() };
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

    fn need(&self, box_type: &[u8; 4]) -> Result<&Node, FormatError> {
        self.child(box_type)?.ok_or_else(|| self.header.error(format!("no {} in it", BoxType(*box_type))))
    }
}

impl Track {
    fn read<R: ReadAt>(reader: &mut Reader<'_, R>, trak: &Node) -> Result<Self, FormatError> {
        let tkhd = TkhdBox::read(reader, &trak.need(b"tkhd")?.header)?;
        let edits = match trak.child(b"edts")?.map(|edts| edts.child(b"elst")).transpose()?.flatten() {
            Some(elst) => read_elst(reader, &elst.header)?,
            None => Vec::new(),
        };
        let mdia = trak.need(b"mdia")?;
        let mdhd = MdhdBox::read(reader, &mdia.need(b"mdhd")?.header)?;
        let handler = match mdia.child(b"hdlr")? {
            Some(hdlr) => read_hdlr(reader, &hdlr.header)?,
            None => BoxType(*b"    "),
        };
        let stbl = mdia.need(b"minf")?.need(b"stbl")?;
        let entry = read_stsd(reader, &stbl.need(b"stsd")?.header, handler)?;
        let samples = read_samples(reader, stbl, entry.packet)?;
        if mdhd.timescale == 0 && samples.count > 0 {
            return Err(mdia.need(b"mdhd")?.header.error("timescale is 0"));
        }
        let chapters = match trak.child(b"tref")? {
            Some(tref) => read_chapter_ids(reader, &tref.header)?,
            None => Vec::new(),
        };
        let unsliced = stbl.children.iter().find(|c| UNSLICED.contains(&&c.header.box_type.0));
        let unsliced = unsliced.map(|c| c.header).filter(|_| samples.count > 0);
        Ok(Self { tkhd, mdhd, handler, coding: entry.coding, edits, samples, chapters, unsliced })
    }
}

/// `tref` (8.3.3): the tracks named in its `chap` box.
fn read_chapter_ids<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    tref: &BoxHeader,
) -> Result<Vec<u32>, FormatError> {
    let chap = reader.children(tref.payload(), tref.end())?.into_iter().find(|b| &b.box_type.0 == b"chap");
    let Some(chap) = chap else { return Ok(Vec::new()) };
    let ids = reader.payload(&chap, 0)?;
    Ok(ids.chunks_exact(4).take(limits::TRACKS).map(|id| u32_at(id, 0)).collect())
}

fn read_samples<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    stbl: &Node,
    packet: Option<(u32, u32)>,
) -> Result<SampleTable, FormatError> {
    let stts = &stbl.need(b"stts")?.header;
    let sizes = match stbl.child(b"stsz")? {
        Some(stsz) => stsz,
        None => stbl.child(b"stz2")?.ok_or_else(|| stbl.header.error("no stsz or stz2 in it"))?,
    };
    // PCM frames are counted one tick each; a constant size with any other timing
    // is that of whole packets.
    let counts_frames = is_one_tick_each(reader, stts)?;
    let sizes = SampleSizes::read(reader, &sizes.header, packet.filter(|_| counts_frames))?;
    let offsets = match stbl.child(b"stco")? {
        Some(stco) => stco,
        None => stbl.child(b"co64")?.ok_or_else(|| stbl.header.error("no stco or co64 in it"))?,
    };
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
    for sbgp in stbl.children.iter().filter(|c| &c.header.box_type.0 == b"sbgp") {
        if groups.len() >= limits::GROUPINGS {
            return Err(sbgp.header.error(format!("more than {} sample groupings", limits::GROUPINGS)));
        }
        groups.push(Runs::read(reader, &sbgp.header, RunKind::Sbgp, count)?);
    }
    SampleTable::new(reader.source(), count, stts, ctts, stsc, sizes, offsets, sync, groups)
}

fn is_one_tick_each<R: ReadAt>(reader: &mut Reader<'_, R>, stts: &BoxHeader) -> Result<bool, FormatError> {
    let table = Table::read(reader, stts, 0, 8)?;
    Ok(table.count == 1 && reader.bytes(table.offset + 4, 4)? == [0, 0, 0, 1])
}
