//! From sample ranges to the exact layout of the answer: every box's size, every extent,
//! the total length. The tables themselves are made when they are sent (see `generate`).

mod id3;
mod small;
mod tags;
mod times;
mod treatment;

use std::ops::Range;

use crate::boxes::{
    BoxHeader, BoxType, ChunkOffsets, FormatError, Order, Runs, SampleSizes, SencBox, SyncSamples, Table,
    is_senc, u32_at, u64_at, write_box, write_elst,
};
use crate::extents::{ExtentList, Extents, find_extents};
use crate::index::{Auxiliary, AuxiliaryPlace, Index, Node, SampleTable, SyncEvidence, ToldAuxiliary, Track};
use crate::limits;
use crate::seek::{Clip, LeadIn, SampleRange, TrackClip};
use crate::source::ReadAt;

pub(crate) use times::clamped;
pub use treatment::{LISTED, Place, Treatment};

/// The layout of an answer: metadata first, then the media.
#[derive(Debug)]
pub struct Plan {
    /// The metadata, in order.
    pub parts: Vec<Part>,
    /// Length of the metadata.
    pub metadata_len: u64,
    /// The media.
    pub extents: Extents,
    /// What tells this plan from every other of the same source; part of the ETag.
    pub key: String,
    /// What was left out, for the debug log.
    pub notes: Vec<String>,
}

/// A stretch of the metadata.
#[derive(Debug)]
pub struct Part {
    /// Offset in the answer.
    pub start: u64,
    /// Length.
    pub len: u64,
    /// How its bytes come about.
    pub content: Content,
}

/// How the bytes of a part come about. A table's entries are made on demand.
#[derive(Debug)]
pub enum Content {
    /// Made already: headers and small boxes.
    Bytes(Vec<u8>),
    /// As they stand in the source, from this offset on.
    Source(u64),
    /// A table of a track.
    Entries(Entries),
}

/// The entries of an output table.
#[derive(Debug)]
pub struct Entries {
    /// The track they are of.
    pub track: usize,
    /// Bytes of one entry.
    pub entry_size: u8,
    /// Which table.
    pub kind: EntryKind,
}

/// Which table of a track, and which part of it.
#[derive(Debug)]
pub enum EntryKind {
    /// `stts`, with what each duration is multiplied by.
    Times(RunSlice, u32),
    /// `ctts`, with what each offset is multiplied by, and what is then added to it.
    Offsets(RunSlice, u32, i64),
    /// `ctts` of a lead-in, an entry a sample, with what is added to each offset. It begins with this sample.
    LeadIn(LeadIn, u32, i64),
    /// `sbgp`: which of the track's groupings.
    Group(RunSlice, usize),
    /// `stsc`
    Chunks(ChunkSlice),
    /// `stco` (4 bytes an entry) or `co64` (8): these chunks of the source, the first
    /// beginning at this offset, because samples before it in the chunk are left out.
    ChunkOffsets(Range<u32>, u64),
    /// `stss` and the like: entries of a table from this index on, moved by so many samples.
    SampleNumbers(Table, u32, i64),
    /// The entries of a `senc`, byte by byte: those of these samples.
    Auxiliary(Range<u32>),
    /// `saio`, of 8 bytes an entry: the film's own, moved.
    AuxiliaryOffsets,
    /// 4-bit `stz2` and `padb`: these samples, in pairs.
    Nibbles(Table, Vec<Range<u32>>),
}

/// A stretch of a run-length table, counted in merged runs.
#[derive(Debug, Clone)]
pub struct RunSlice {
    /// The units it covers.
    pub units: Range<u32>,
    /// Ordinal of the run that holds the first unit.
    pub first: u32,
    /// Number of runs.
    pub count: u32,
}

impl RunSlice {
    fn of<R: ReadAt>(runs: &Runs, source: &R, units: Range<u32>) -> Result<Self, FormatError> {
        if units.is_empty() {
            return Ok(Self { units, first: 0, count: 0 });
        }
        let first = runs.at_unit(source, units.start)?.ordinal;
        let last = runs.at_unit(source, units.end - 1)?.ordinal;
        let count = last.checked_sub(first).ok_or_else(FormatError::changed)? + 1;
        Ok(Self { units, first, count })
    }
}

/// A part of the `stsc` of a clip: the source's, with a first and a last chunk that may hold less.
#[derive(Debug, Clone)]
pub struct ChunkSlice {
    /// Chunks of the clip before it.
    pub place: u32,
    /// The first chunk where it differs from those after it: samples and description.
    pub head: Option<(u32, u32)>,
    /// The chunks between, as they are in the source; the first counts as the chunk that `from` says.
    pub body: RunSlice,
    /// The source chunk that is its first.
    pub from: u32,
    /// Whether the first run of the body begins with the first chunk.
    pub body_has_first: bool,
    /// The last chunk where it differs from those before it: number from the first (1-based), samples, description.
    pub tail: Option<(u32, u32, u32)>,
}

impl ChunkSlice {
    fn of<R: ReadAt>(
        samples: &SampleTable,
        source: &R,
        range: &Range<u32>,
        place: u32,
    ) -> Result<Self, FormatError> {
        let first = samples.chunk_of(source, range.start)?;
        let last = samples.chunk_of(source, range.end - 1)?;
        let head_end = first.first_sample.saturating_add(first.samples).min(range.end);
        let less = |a: u32, b: u32| a.checked_sub(b).ok_or_else(FormatError::changed);
        let head = (less(head_end, range.start)?, first.description_index);
        let mut this = Self {
            place,
            head: Some(head),
            body: RunSlice { units: 0..0, first: 0, count: 0 },
            from: first.index,
            body_has_first: false,
            tail: None,
        };
        if first.index == last.index {
            return Ok(this);
        }
        let tail = (less(range.end, last.first_sample)?, last.description_index);
        let mut before_tail = head;
        if first.index + 1 < last.index {
            this.body = RunSlice::of(&samples.stsc, source, first.index + 1..last.index)?;
            let next = samples.chunk(source, first.index + 1)?;
            this.body_has_first = head == (next.samples, next.description_index);
            let previous = samples.chunk(source, last.index - 1)?;
            before_tail = (previous.samples, previous.description_index);
        }
        if this.body_has_first {
            this.head = None;
        }
        if tail != before_tail {
            this.tail = Some((less(last.index, first.index)? + 1, tail.0, tail.1));
        }
        Ok(this)
    }

    /// Number of entries.
    pub fn count(&self) -> u32 {
        u32::from(self.head.is_some()) + self.body.count + u32::from(self.tail.is_some())
    }
}

/// Lays out the whole film with its metadata first. `None` with a reason when that
/// would take more than moving boxes.
///
/// # Errors
/// When the file cannot be read.
pub fn plan_fast_start<R: ReadAt>(index: &Index, source: &R) -> Result<Result<Plan, String>, FormatError> {
    if let Some(broken) =
        index.moov.children.iter().find(|n| &n.header.box_type.0 == b"trak" && n.track.is_none())
    {
        return Ok(Err(format!("a track that cannot be read, at byte {}", broken.header.offset)));
    }
    let first_media = index.top.iter().position(|b| &b.box_type.0 == b"mdat").unwrap_or(0);
    let mut before = Vec::new();
    let mut after = Vec::new();
    for (n, header) in index.top.iter().enumerate().filter(|(_, h)| **h != index.outer_moov) {
        match &header.box_type.0 {
            b"free" | b"skip" | b"wide" | b"moov" => {}
            b"meta" if holds_file_offsets(source, index, header)? => {
                return Ok(Err("a meta box with item locations".into()));
            }
            _ if n < first_media => before.push(header),
            _ => after.push(header.offset..header.end()),
        }
    }
    if let Some(meta) = find_meta_with_offsets(source, index, &index.moov)? {
        return Ok(Err(format!("a {} box with item locations", meta.box_type)));
    }
    if index.tracks.iter().any(|t| t.external.is_some()) {
        return Ok(Err("media in another file".into()));
    }
    let list = ExtentList::of(after);
    for node in index.moov.children.iter().filter(|n| find(n, b"saio").is_some()) {
        let track = node.track.and_then(|n| index.tracks.get(n));
        if !track.is_some_and(|t| can_be_moved(&t.samples, index, &list)) {
            return Ok(Err("sample auxiliary information at places that we cannot move (saio)".into()));
        }
    }
    if !all_chunks_inside(index, source, &list)? {
        return Ok(Err("samples that lie in no media box".into()));
    }
    let extents = list.into();
    let layout = Layout {
        index,
        clip: None,
        left_out: without_samples(index),
        chunks: whole_chunks(index, source)?,
        extents: &extents,
        media_header_len: 0,
    };
    let mut assembly = Assembly::default();
    for header in before {
        assembly.copy(header);
    }
    let assembly = layout.solve(source, assembly)?;
    Ok(Plan::new(assembly, extents, "whole".into()))
}

/// The tracks that a film would be better off without: they have no samples. All stay where none has any.
fn without_samples(index: &Index) -> Vec<bool> {
    let is_empty = |track: &Track| track.samples.count == 0;
    let stay = index.tracks.iter().all(is_empty);
    index.tracks.iter().map(|track| !stay && is_empty(track)).collect()
}

/// Whether the auxiliary information of a track can be told to be where it will be: it lies in the media that is sent, or
/// in the `moov`, which is sent as well.
fn can_be_moved(samples: &SampleTable, index: &Index, extents: &ExtentList) -> bool {
    let Some(Auxiliary::Told(told)) = &samples.auxiliary else { return false };
    match &told.place {
        AuxiliaryPlace::Stretch(offset) => {
            (index.moov.header.payload()..index.moov.header.end()).contains(offset)
                || extents.holding(*offset).is_some()
        }
        AuxiliaryPlace::Chunks { bounds, .. } => {
            extents.holding(bounds.start).is_some_and(|e| bounds.end <= e.offset + e.len)
        }
    }
}

fn whole_chunks<R: ReadAt>(index: &Index, source: &R) -> Result<Vec<Option<TrackChunks>>, FormatError> {
    let of_track = |offsets: &ChunkOffsets| {
        let all = ChunkRange { chunks: 0..offsets.count(), first_offset: None };
        let order = offsets.order(source)?;
        Ok(order.map(|o| TrackChunks { ranges: vec![all], highest: o.highest }))
    };
    index.tracks.iter().map(|t| of_track(&t.samples.offsets)).collect()
}

/// Whether every chunk lies in the media that is sent, so that its offset can be told.
fn all_chunks_inside<R: ReadAt>(
    index: &Index,
    source: &R,
    extents: &ExtentList,
) -> Result<bool, FormatError> {
    for track in &index.tracks {
        let offsets = &track.samples.offsets;
        let Some(Order { lowest, highest, .. }) = offsets.order(source)? else { continue };
        let holds_both = extents.iter().any(|e| {
            let range = e.offset..e.offset + e.len;
            range.contains(&lowest) && range.contains(&highest)
        });
        if holds_both {
            continue;
        }
        let mut reader = offsets.reader(source, 1024);
        for chunk in 0..offsets.count() {
            if extents.position_of(reader.get(chunk)?).is_none() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A `meta` of the film or a track that says where in the file its items are.
fn find_meta_with_offsets<R: ReadAt>(
    source: &R,
    index: &Index,
    node: &Node,
) -> Result<Option<BoxHeader>, FormatError> {
    for child in &node.children {
        if &child.header.box_type.0 == b"meta" && holds_file_offsets(source, index, &child.header)? {
            return Ok(Some(child.header));
        }
        if child.track.is_some() {
            if let Some(found) = find_meta_with_offsets(source, index, child)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn find<'a>(node: &'a Node, box_type: &[u8; 4]) -> Option<&'a Node> {
    if &node.header.box_type.0 == box_type {
        return Some(node);
    }
    node.children.iter().find_map(|c| find(c, box_type))
}

fn names_places(header: &BoxHeader) -> String {
    format!("left out {} at byte {}: it names places in the file", header.box_type, header.offset)
}

/// Whether a `meta` box says where in the file its items are (`iloc`).
fn holds_file_offsets<R: ReadAt>(source: &R, index: &Index, header: &BoxHeader) -> Result<bool, FormatError> {
    let mut reader = index.reader(source);
    let mut has_iloc = |from| match reader.children(from, header.end()) {
        Ok(children) => Ok(children.iter().any(|c| &c.box_type.0 == b"iloc")),
        Err(e @ FormatError::Io { .. }) => Err(e),
        Err(_) => Ok(false),
    };
    // QuickTime's meta is a plain box, ISO's has a version and flags.
    Ok(has_iloc(header.payload() + 4)? || has_iloc(header.payload())?)
}

/// Lays out a clip.
///
/// # Errors
/// When the film has something that we cannot cut, or cannot be read.
pub fn plan_clip<R: ReadAt>(index: &Index, source: &R, clip: &Clip) -> Result<Plan, FormatError> {
    for (track, held) in index.tracks.iter().zip(&clip.tracks) {
        if held.as_ref().is_none_or(|h| h.ranges.is_empty()) {
            continue;
        }
        if let Some(unsliced) = track.unsliced {
            return Err(unsliced.error("per-sample information of this kind is not cut yet"));
        }
        if let Some(dref) = track.external {
            let id = track.tkhd.track_id;
            return Err(
                dref.error(format!("the media of track {id} lies in another file; tracks= can leave it out"))
            );
        }
    }
    let extents = find_extents(index, source, &clip.tracks)?;
    let chunks = index
        .tracks
        .iter()
        .zip(&clip.tracks)
        .map(|(track, held)| {
            let held = held.as_ref().filter(|h| !h.ranges.is_empty());
            held.map(|h| TrackChunks::of(&track.samples, source, &h.ranges)).transpose()
        })
        .collect::<Result<_, _>>()?;
    let media_header_len = if extents.len() + 8 > u64::from(u32::MAX) { 16 } else { 8 };
    let left_out = clip.tracks.iter().map(Option::is_none).collect();
    let layout = Layout { index, clip: Some(clip), left_out, chunks, extents: &extents, media_header_len };
    let mut assembly = Assembly { notes: index.notes.clone(), ..Assembly::default() };
    for (track, held) in index.tracks.iter().zip(&clip.tracks) {
        if held.is_some() && track.samples.sync_evidence(source)? == SyncEvidence::Nothing {
            assembly.note(track.untold_sync());
        }
    }
    for header in &index.top {
        match Treatment::of(Place::File, header.box_type) {
            Treatment::Copied => assembly.copy(header),
            Treatment::Metadata if holds_file_offsets(source, index, header)? => {
                assembly.note(format!("left out {}: it names places in the file", header.box_type));
            }
            Treatment::Metadata => layout.tags(source, header, &mut assembly)?,
            // The `moov` and the media follow; nothing else has a rule here.
            _ => {}
        }
    }
    let mut assembly = layout.solve(source, assembly)?;
    let mut header = Vec::new();
    if media_header_len == 8 {
        header.extend_from_slice(&u32::try_from(extents.len() + 8).unwrap_or(u32::MAX).to_be_bytes());
        header.extend_from_slice(b"mdat");
    } else {
        header.extend_from_slice(b"\0\0\0\x01mdat");
        header.extend_from_slice(&(extents.len() + 16).to_be_bytes());
    }
    assembly.bytes(&header);
    let mut key = format!("{:x}-{:x}-{:x}", clip.timescale, clip.start, clip.duration);
    if clip
        .tracks
        .iter()
        .zip(&index.tracks)
        .any(|(held, track)| held.is_none() && &track.handler.0 != b"hint")
    {
        // By place: two tracks of a broken film may have the same number.
        let held = clip.tracks.iter().enumerate().filter(|(_, held)| held.is_some());
        key.extend(held.map(|(n, _)| format!("-{n:x}")));
    }
    Plan::new(assembly, extents, key).map_err(FormatError::Film)
}

impl Plan {
    /// `Err` when something is told to be where it is not.
    fn new(assembly: Assembly, extents: Extents, key: String) -> Result<Self, String> {
        let metadata_len = assembly.len();
        let mut marks = Vec::new();
        let mut copies = Vec::new();
        let mut start = 0;
        for (len, piece) in &assembly.parts {
            match piece {
                Piece::Mark(track) => marks.push((*track, start)),
                Piece::Content(Content::Source(from)) => copies.push((*from..*from + len, start)),
                _ => {}
            }
            start += len;
        }
        let copy_of = |offset: u64| {
            let copied = copies.iter().find(|(from, _)| from.contains(&offset));
            let copied = copied.map(|(from, start)| start + (offset - from.start));
            copied.or_else(|| extents.listed()?.position_of(offset).map(|at| metadata_len + at))
        };
        let nowhere = || "auxiliary information that is not sent".to_string();
        let mut parts = Vec::new();
        let mut start = 0;
        for (len, piece) in assembly.parts {
            let content = match piece {
                Piece::Content(content) => content,
                Piece::Mark(_) => continue,
                Piece::PlaceOfMark(track) => {
                    let place = marks.iter().find(|(t, _)| *t == track).ok_or_else(nowhere)?.1;
                    Content::Bytes(place.to_be_bytes().to_vec())
                }
                Piece::PlaceOf(offset) => {
                    Content::Bytes(copy_of(offset).ok_or_else(nowhere)?.to_be_bytes().to_vec())
                }
            };
            parts.push(Part { start, len, content });
            start += len;
        }
        Ok(Self { parts, metadata_len, extents, key, notes: assembly.notes })
    }

    /// Bytes it takes besides its own size.
    pub fn heap_size(&self) -> usize {
        let made = self.parts.iter().map(|part| match &part.content {
            Content::Bytes(bytes) => bytes.capacity(),
            Content::Entries(Entries { kind: EntryKind::Nibbles(_, ranges), .. }) => {
                ranges.capacity() * size_of::<Range<u32>>()
            }
            _ => 0,
        });
        self.parts.capacity() * size_of::<Part>()
            + made.sum::<usize>()
            + self.extents.heap_size()
            + self.key.capacity()
            + self.notes.iter().map(|note| size_of::<String>() + note.capacity()).sum::<usize>()
    }
}

/// The chunks of a track in an answer.
#[derive(Debug, Clone)]
struct TrackChunks {
    ranges: Vec<ChunkRange>,
    /// No chunk of them stands after this.
    highest: u64,
}

/// Neighbouring chunks.
#[derive(Debug, Clone)]
struct ChunkRange {
    chunks: Range<u32>,
    /// Where the first begins, when it is cut.
    first_offset: Option<u64>,
}

impl TrackChunks {
    fn of<R: ReadAt>(samples: &SampleTable, source: &R, held: &[SampleRange]) -> Result<Self, FormatError> {
        let mut this = Self { ranges: Vec::new(), highest: 0 };
        for range in held.iter().map(|h| &h.samples) {
            let first = samples.chunk_of(source, range.start)?;
            let last = samples.chunk_of(source, range.end - 1)?;
            let first_offset = samples.offset_in(source, &first, range.start)?;
            let chunks = first.index..last.index + 1;
            let last_offset = if samples.offsets.is_ascending(source, chunks.clone())? {
                samples.offsets.get(source, last.index)?
            } else {
                samples.offsets.order(source)?.map_or(0, |o| o.highest)
            };
            this.highest = this.highest.max(first_offset).max(last_offset);
            this.ranges.push(ChunkRange { chunks, first_offset: Some(first_offset) });
        }
        Ok(this)
    }
}

/// Metadata as it is put together.
enum Piece {
    Content(Content),
    /// Where the auxiliary information of a track begins; it takes no bytes.
    Mark(usize),
    /// Eight bytes that say where that is, once it is known.
    PlaceOfMark(usize),
    /// Eight bytes that say where in the answer an offset of the source is.
    PlaceOf(u64),
}

/// Metadata as it is put together.
#[derive(Default)]
struct Assembly {
    parts: Vec<(u64, Piece)>,
    notes: Vec<String>,
}

impl Assembly {
    fn note(&mut self, note: String) {
        if self.notes.len() < NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn len(&self) -> u64 {
        self.parts.iter().map(|(len, _)| len).sum()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            Some((len, Piece::Content(Content::Bytes(last)))) => {
                last.extend_from_slice(bytes);
                *len += bytes.len() as u64;
            }
            _ if bytes.is_empty() => {}
            _ => self.parts.push((bytes.len() as u64, Piece::Content(Content::Bytes(bytes.to_vec())))),
        }
    }

    fn source(&mut self, offset: u64, len: u64) {
        match self.parts.last_mut() {
            Some((last_len, Piece::Content(Content::Source(last)))) if *last + *last_len == offset => {
                *last_len += len
            }
            _ if len == 0 => {}
            _ => self.parts.push((len, Piece::Content(Content::Source(offset)))),
        }
    }

    /// A box as it is. One whose size is 0, to the end of what it is in, is told its size: here something
    /// may follow it.
    fn copy(&mut self, header: &BoxHeader) {
        if header.header_len == 8 {
            match u32::try_from(header.size) {
                Ok(size) => {
                    self.bytes(&size.to_be_bytes());
                    self.bytes(&header.box_type.0);
                }
                Err(_) => {
                    self.bytes(&1u32.to_be_bytes());
                    self.bytes(&header.box_type.0);
                    self.bytes(&header.size.saturating_add(8).to_be_bytes());
                }
            }
            self.source(header.payload(), header.payload_len());
        } else {
            self.source(header.offset, header.size);
        }
    }

    /// A box as it is, but for some bytes of it, which stand `at` an offset of the file.
    fn copy_but(&mut self, header: &BoxHeader, at: u64, bytes: &[u8]) {
        let mut copy = Self::default();
        copy.copy(header);
        let end = at.saturating_add(bytes.len() as u64);
        for (len, piece) in copy.parts {
            match piece {
                Piece::Content(Content::Source(offset)) if (offset..offset + len).contains(&at) => {
                    self.source(offset, at - offset);
                    self.bytes(bytes);
                    self.source(end, (offset + len).saturating_sub(end));
                }
                Piece::Content(Content::Source(offset)) => self.source(offset, len),
                Piece::Content(Content::Bytes(own)) => self.bytes(&own),
                piece => self.parts.push((len, piece)),
            }
        }
    }

    fn entries(&mut self, count: u32, entries: Entries) {
        let len = u64::from(count) * u64::from(entries.entry_size);
        if len > 0 {
            self.parts.push((len, Piece::Content(Content::Entries(entries))));
        }
    }

    fn append(&mut self, other: Self) {
        for (len, piece) in other.parts {
            match piece {
                Piece::Content(Content::Bytes(bytes)) => self.bytes(&bytes),
                Piece::Content(Content::Source(offset)) => self.source(offset, len),
                piece => self.parts.push((len, piece)),
            }
        }
        other.notes.into_iter().for_each(|note| self.note(note));
    }

    /// A box around `content`.
    fn wrap(&mut self, box_type: BoxType, content: Self) -> Result<(), FormatError> {
        let size = u32::try_from(content.len() + 8)
            .map_err(|_| FormatError::Film(format!("the {box_type} box of the clip would be over 4 GiB")))?;
        self.bytes(&size.to_be_bytes());
        self.bytes(&box_type.0);
        self.append(content);
        Ok(())
    }

    /// The runs of `slice` as entries: copied where the source has them as they should be, but for the first and
    /// the last, which may be cut; made when they are sent where it has not.
    fn runs<R: ReadAt>(
        &mut self,
        source: &R,
        runs: &Runs,
        slice: RunSlice,
        made: Option<Entries>,
    ) -> Result<(), FormatError> {
        if let Some(entries) = made {
            self.entries(slice.count, entries);
            return Ok(());
        }
        if slice.count == 0 {
            return Ok(());
        }
        let entry = |this: &mut Self, unit: u32| -> Result<(), FormatError> {
            let run = runs.at_unit(source, unit)?;
            this.entry(run.end().min(slice.units.end) - unit, u32::try_from(run.value).unwrap_or(u32::MAX));
            Ok(())
        };
        entry(self, slice.units.start)?;
        if slice.count > 1 {
            let table = runs.table();
            let inner = u64::from(slice.count - 2) * u64::from(table.entry_size);
            self.source(table.entry_offset(slice.first + 1), inner);
            let last = runs.runs_from(source, slice.first + slice.count - 1)?.next().transpose()?;
            entry(self, last.map_or(slice.units.end - 1, |run| run.unit))?;
        }
        Ok(())
    }

    /// An entry of a run-length table.
    fn entry(&mut self, count: u32, value: u32) {
        self.bytes(&count.to_be_bytes());
        self.bytes(&value.to_be_bytes());
    }

    /// A full box: what stands before the entry count, the count, and the entries, of which there are as many as
    /// `list` is long.
    fn list(
        &mut self,
        box_type: BoxType,
        prefix: &[u8],
        entry_size: u64,
        list: Self,
    ) -> Result<(), FormatError> {
        let count = u32::try_from(list.len() / entry_size)
            .map_err(|_| FormatError::Film(format!("more {box_type} entries than can be counted")))?;
        let mut content = Self::default();
        content.bytes(prefix);
        content.bytes(&count.to_be_bytes());
        content.append(list);
        self.wrap(box_type, content)
    }
}

/// Rounds in which tracks are given 64-bit chunk offsets one by one. A film that is not made to need more needs two.
const SOLVE_ROUNDS: u32 = 4;

/// Notes of one answer: it is a line each in the debug log.
const NOTES: usize = 16;

/// Puts the `moov` of an answer together.
struct Layout<'a> {
    index: &'a Index,
    /// `None` for the whole film, whose boxes all stay as they are.
    clip: Option<&'a Clip>,
    /// Tracks that the answer does not have.
    left_out: Vec<bool>,
    chunks: Vec<Option<TrackChunks>>,
    extents: &'a Extents,
    /// Bytes between the `moov` and the media.
    media_header_len: u64,
}

impl Layout<'_> {
    /// Appends the `moov`. Which tracks need 64-bit chunk offsets depends on where the media begins, which
    /// depends on the size of the offsets: begin with none and add until it holds.
    fn solve<R: ReadAt>(&self, source: &R, before: Assembly) -> Result<Assembly, FormatError> {
        let mut wide = vec![false; self.index.tracks.len()];
        let mut round = 0;
        loop {
            let mut moov = Assembly::default();
            for node in &self.index.moov.children {
                self.moov_child(source, node, &wide, &mut moov)?;
            }
            let media_start = before.len() + 8 + moov.len() + self.media_header_len;
            let is_far = |position: u64| position.saturating_add(media_start) > u64::from(u32::MAX);
            let mut changed = false;
            let mut places = self.extents.places(self.index, source);
            let last = self.extents.end().saturating_sub(1);
            for (wide, chunks) in wide.iter_mut().zip(&self.chunks) {
                // A track more in each round is a film made to waste time: then all get wide.
                let mut needed = round >= SOLVE_ROUNDS;
                if let Some(chunks) = chunks.as_ref().filter(|_| is_far(self.extents.len())) {
                    let highest = places.position_of(chunks.highest.min(last))?;
                    needed |= is_far(highest.unwrap_or(self.extents.len()));
                }
                changed |= needed && !*wide;
                *wide |= needed;
            }
            if !changed {
                if moov.len() + 8 > limits::MOOV_OF_CLIP {
                    let most = limits::MOOV_OF_CLIP;
                    let reason =
                        format!("the answer's metadata would be larger than the {most} bytes we take");
                    return Err(FormatError::Film(reason));
                }
                let mut all = before;
                all.wrap(BoxType(*b"moov"), moov)?;
                return Ok(all);
            }
            round += 1;
        }
    }

    fn moov_child<R: ReadAt>(
        &self,
        source: &R,
        node: &Node,
        wide: &[bool],
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let header = &node.header;
        match (Treatment::of(Place::Movie, header.box_type), self.clip) {
            (Treatment::Container, _) if &header.box_type.0 == b"trak" => {
                let Some(track) = node.track else { return Ok(()) };
                if self.is_left_out(track) {
                    return Ok(());
                }
                let wide = wide.get(track).copied().unwrap_or(false);
                self.container(source, node, track, wide, out)
            }
            (_, None) => {
                out.copy(header);
                Ok(())
            }
            (Treatment::Header, Some(clip)) => {
                let mut bytes = Vec::new();
                self.index.mvhd.write(&mut bytes, clip.timescale, clip.duration);
                out.bytes(&bytes);
                Ok(())
            }
            (Treatment::Container, Some(clip)) => {
                let children: Vec<_> = node.children.iter().map(|child| child.header).collect();
                self.udta(source, header, &children, clip, out)
            }
            (Treatment::Metadata, Some(_)) if holds_file_offsets(source, self.index, header)? => {
                out.note(names_places(header));
                Ok(())
            }
            (Treatment::Metadata, Some(_)) => self.tags(source, header, out),
            (Treatment::LeftOut, Some(_)) => Ok(()),
            _ => {
                out.copy(header);
                Ok(())
            }
        }
    }

    /// A `trak` or a box in it.
    fn container<R: ReadAt>(
        &self,
        source: &R,
        node: &Node,
        track: usize,
        wide: bool,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let mut content = Assembly::default();
        let has_edts = node.children.iter().any(|c| &c.header.box_type.0 == b"edts");
        for child in &node.children {
            self.trak_child(source, child, track, wide, &mut content)?;
            if &child.header.box_type.0 == b"tkhd" && !has_edts {
                self.edts(track, &mut content);
            }
        }
        out.wrap(node.header.box_type, content)
    }

    fn trak_child<R: ReadAt>(
        &self,
        source: &R,
        node: &Node,
        track: usize,
        wide: bool,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let header = &node.header;
        let held = self.held(track);
        let Some(of) = self.index.tracks.get(track) else { return Ok(()) };
        match (Treatment::of(Place::Track, header.box_type), held) {
            (Treatment::Container, None) if &header.box_type.0 == b"stbl" => {
                let mut content = Assembly::default();
                for child in &node.children {
                    match &child.header.box_type.0 {
                        b"stco" | b"co64" => self.chunk_offsets(track, wide, &mut content)?,
                        b"saio" => self.moved_saio(track, &of.samples, &mut content)?,
                        _ => content.copy(&child.header),
                    }
                }
                return out.wrap(header.box_type, content);
            }
            (Treatment::Container, Some(held)) if &header.box_type.0 == b"stbl" => {
                let mut content = Assembly::default();
                for child in &node.children {
                    self.stbl_child(source, child, track, of, held, wide, &mut content)?;
                }
                self.seen_sync(source, &of.samples, held, &mut content)?;
                return out.wrap(header.box_type, content);
            }
            (Treatment::UserData, Some(_)) => self.track_udta(source, header, out)?,
            (Treatment::Container, _) => return self.container(source, node, track, wide, out),
            (Treatment::Header, Some(held)) if &header.box_type.0 == b"tkhd" => {
                let mut bytes = Vec::new();
                of.tkhd.write(&mut bytes, held.duration());
                out.bytes(&bytes);
            }
            (Treatment::Header, Some(held)) => {
                let mut bytes = Vec::new();
                let timescale = of.mdhd.timescale.saturating_mul(held.multiplier);
                of.mdhd.write(&mut bytes, timescale, held.media_duration);
                out.bytes(&bytes);
            }
            (Treatment::Edits, Some(_)) => self.edts(track, out),
            (Treatment::References, _) if self.clip.is_some() || self.left_out.contains(&true) => {
                self.tref(source, header, out)?
            }
            (Treatment::Encryption, Some(held)) if is_senc(&mut self.index.reader(source), header)? => {
                self.senc(source, header, of, held, out)?;
            }
            (Treatment::Metadata, Some(_)) if holds_file_offsets(source, self.index, header)? => {
                out.note(names_places(header));
            }
            (Treatment::Metadata, Some(_)) => self.tags(source, header, out)?,
            (Treatment::LeftOut, Some(_)) => {}
            _ => out.copy(header),
        }
        Ok(())
    }

    fn edts(&self, track: usize, out: &mut Assembly) {
        if let Some(held) = self.held(track).filter(|h| !h.edits.is_empty()) {
            let mut bytes = Vec::new();
            write_box(&mut bytes, b"edts", |out| write_elst(out, &held.edits));
            out.bytes(&bytes);
        }
    }

    fn is_left_out(&self, track: usize) -> bool {
        self.left_out.get(track).copied().unwrap_or(false)
    }

    fn held(&self, track: usize) -> Option<&TrackClip> {
        self.clip?.tracks.get(track)?.as_ref()
    }

    /// References to tracks that are left out are left out.
    fn tref<R: ReadAt>(&self, source: &R, header: &BoxHeader, out: &mut Assembly) -> Result<(), FormatError> {
        let held = |id: u32| {
            let mut tracks = self.index.tracks.iter().enumerate();
            tracks.any(|(n, t)| t.tkhd.track_id == id && !self.is_left_out(n))
        };
        let mut reader = self.index.reader(source);
        let mut kept = Vec::new();
        for kind in reader.children(header.payload(), header.end())? {
            let ids =
                reader.payload(&kind, 0)?.chunks_exact(4).map(|id| u32_at(id, 0)).filter(|&id| held(id));
            let ids: Vec<u32> = ids.collect();
            if !ids.is_empty() {
                write_box(&mut kept, &kind.box_type.0, |out| {
                    ids.iter().for_each(|id| out.extend_from_slice(&id.to_be_bytes()));
                });
            }
        }
        if !kept.is_empty() {
            let mut content = Assembly::default();
            content.bytes(&kept);
            out.wrap(header.box_type, content)?;
        }
        Ok(())
    }

    fn chunk_offsets(&self, track: usize, wide: bool, out: &mut Assembly) -> Result<(), FormatError> {
        let (box_type, entry_size) = if wide { (b"co64", 8) } else { (b"stco", 4) };
        let mut list = Assembly::default();
        let chunks = self.chunks.get(track).and_then(Option::as_ref);
        for range in chunks.map_or(&[][..], |c| &c.ranges) {
            let count = range.chunks.end - range.chunks.start;
            // u64::MAX is no chunk's offset: then the table's own holds for the first chunk too.
            let first = range.first_offset.unwrap_or(u64::MAX);
            let kind = EntryKind::ChunkOffsets(range.chunks.clone(), first);
            list.entries(count, Entries { track, entry_size, kind });
        }
        out.list(BoxType(*box_type), &[0; 4], u64::from(entry_size), list)
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where all of them meet")]
    fn stbl_child<R: ReadAt>(
        &self,
        source: &R,
        node: &Node,
        track: usize,
        of: &Track,
        held: &TrackClip,
        wide: bool,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let header = &node.header;
        let samples = &of.samples;
        let ranges = held.ranges.as_slice();
        let entries = |entry_size, kind| Entries { track, entry_size, kind };
        let mut list = Assembly::default();
        match Treatment::of(Place::SampleTable, header.box_type) {
            Treatment::Descriptions => match (held.pre_skip, of.pre_skip) {
                (Some(value), Some(at)) => out.copy_but(header, at, &value.to_be_bytes()),
                _ => out.copy(header),
            },
            Treatment::Durations => times::durations(source, track, samples, held, out)?,
            Treatment::CompositionOffsets => {
                let version = version_of(source, self.index, header)?;
                times::composition_offsets(source, track, samples, held, header, version, out)?;
            }
            Treatment::Chunks => {
                let chunks = self.chunks.get(track).and_then(Option::as_ref);
                let mut place = 0;
                for (range, of) in ranges.iter().zip(chunks.map_or(&[][..], |c| &c.ranges)) {
                    let slice = ChunkSlice::of(samples, source, &range.samples, place)?;
                    place += of.chunks.end - of.chunks.start;
                    list.entries(slice.count(), entries(12, EntryKind::Chunks(slice)));
                }
                out.list(header.box_type, &[0; 4], 12, list)?;
            }
            Treatment::Sizes => self.sizes(track, samples, held, out)?,
            Treatment::ChunkOffsets => self.chunk_offsets(track, wide, out)?,
            _ if ranges.is_empty() => {}
            // It is known better.
            Treatment::SyncSamples
                if matches!(samples.sync, SyncSamples::All)
                    || samples.pictures(source)?.is_some()
                    || samples.is_whole(source)? => {}
            Treatment::SyncSamples | Treatment::PartialSyncSamples => {
                let table = Table::read(&mut self.index.reader(source), header, 0, 4)?;
                for SampleRange { samples, place, joined_until, .. } in ranges {
                    let shift = i64::from(*place) - i64::from(samples.start);
                    let is_joined = *joined_until > samples.start;
                    let first = is_joined.then_some(samples.start..samples.start + 1);
                    let rest = samples.start.max(*joined_until)..samples.end;
                    for part in first.into_iter().chain([rest]) {
                        let first = SyncSamples::listed_before(&table, source, part.start)?;
                        let end = SyncSamples::listed_before(&table, source, part.end)?;
                        let kind = EntryKind::SampleNumbers(table, first, shift);
                        // The file's own order is not to be trusted.
                        list.entries(end.saturating_sub(first), entries(4, kind));
                    }
                }
                out.list(header.box_type, &[0; 4], 4, list)?;
            }
            Treatment::ByteForEachSample => per_sample(header, 1, held, out)?,
            Treatment::WordForEachSample => per_sample(header, 2, held, out)?,
            Treatment::GroupDescriptions => out.copy(header),
            Treatment::Groups => {
                let grouping = samples.groups.iter().enumerate();
                let mut grouping = grouping.map(|(n, g)| (n, g, g.table().offset));
                let Some((n, runs, offset)) =
                    grouping.find(|(_, _, at)| (header.payload()..=header.end()).contains(at))
                else {
                    return Ok(());
                };
                for range in ranges {
                    let slice = RunSlice::of(runs, source, range.samples.clone())?;
                    let made = (!runs.is_normal()).then(|| entries(8, EntryKind::Group(slice.clone(), n)));
                    list.runs(source, runs, slice, made)?;
                }
                let mut reader = self.index.reader(source);
                // Version, flags, grouping type and its parameter stay; the count is new.
                let prefix = usize::try_from(offset - 4 - header.payload()).unwrap_or(0);
                out.list(header.box_type, reader.bytes(header.payload(), prefix)?, 8, list)?;
            }
            Treatment::AuxiliarySizes | Treatment::AuxiliaryOffsets if samples.auxiliary.is_none() => {
                out.note(format!("left out {}: it is not about encryption", header.box_type));
            }
            Treatment::AuxiliarySizes => self.auxiliary(source, track, samples, held, out)?,
            // It comes with the saiz.
            Treatment::AuxiliaryOffsets => {}
            Treatment::Encryption if is_senc(&mut self.index.reader(source), header)? => {
                self.senc(source, header, of, held, out)?;
            }
            Treatment::PaddingBits => {
                let table = Table::read(&mut self.index.reader(source), header, 0, 0)?;
                let len = header.payload_len().saturating_sub(8);
                let last = ranges.last().map_or(0, |r| r.samples.end);
                if u64::from(table.count.min(last).div_ceil(2)) > len || table.count < last {
                    out.note(format!(
                        "left out {}: it has fewer entries than the track has samples",
                        header.box_type
                    ));
                } else {
                    let table = Table { count: last.div_ceil(2), entry_size: 1, ..table };
                    let count = held.sample_count();
                    let mut content = Assembly::default();
                    content.bytes(&[0; 4]);
                    content.bytes(&count.to_be_bytes());
                    content.entries(count.div_ceil(2), entries(1, nibbles(table, ranges)));
                    out.wrap(header.box_type, content)?;
                }
            }
            Treatment::Small if header.payload_len() > limits::SMALL_BOX as u64 => {
                out.note(format!("left out {}: {} bytes are more than we cut", header.box_type, header.size));
            }
            Treatment::Small => {
                let mut reader = self.index.reader(source);
                match small::cut(header.box_type, reader.payload(header, 0)?, ranges) {
                    Some(bytes) => out.bytes(&bytes),
                    None => {
                        out.note(format!("left out {} at byte {}: malformed", header.box_type, header.offset))
                    }
                }
            }
            Treatment::LeftOut => {}
            _ => out.note(format!(
                "left out {} at byte {}: not known how it is cut",
                header.box_type, header.offset
            )),
        }
        Ok(())
    }

    /// The `stss` of a track that has none, or a wrong one, and that is not as it says: a reader that believed it would begin
    /// decoding in the middle of what an edit hides.
    fn seen_sync<R: ReadAt>(
        &self,
        source: &R,
        samples: &SampleTable,
        held: &TrackClip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        if held.ranges.is_empty() || samples.pictures(source)?.is_none() {
            return Ok(());
        }
        let mut list = Assembly::default();
        for range in &held.ranges {
            for sample in samples.seen_sync(source, &range.samples)? {
                list.bytes(&(range.place + (sample - range.samples.start) + 1).to_be_bytes());
            }
        }
        out.list(BoxType(*b"stss"), &[0; 4], 4, list)
    }

    /// `saiz`, `saio` and `senc`: what a decrypter needs of the samples that are left.
    fn auxiliary<R: ReadAt>(
        &self,
        source: &R,
        track: usize,
        samples: &SampleTable,
        held: &TrackClip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let Some(Auxiliary::Told(told)) = &samples.auxiliary else { return Ok(()) };
        let (mut all, mut count) = (0, 0);
        for SampleRange { samples, place, .. } in &held.ranges {
            all += told.bytes(source, samples)?;
            count = count.max(if told.covered(samples) > 0 { place + told.covered(samples) } else { 0 });
        }
        if all == 0 {
            // The clip lies in the clear part of the film.
            return Ok(());
        }
        let clear = self.clear_entries(source, samples, told, held)?;
        let mut sizes = Assembly::default();
        let mut data = Assembly::default();
        data.parts.push((0, Piece::Mark(track)));
        for SampleRange { samples, .. } in &held.ranges {
            let covered = samples.start..samples.start + told.covered(samples);
            let mut next = covered.start;
            for (sample, entry) in clear.iter().filter(|(sample, _)| covered.contains(sample)) {
                Self::entries_of(source, track, told, next..*sample, (&mut sizes, &mut data))?;
                sizes.bytes(&[u8::try_from(entry.len()).unwrap_or(u8::MAX)]);
                data.bytes(entry);
                next = sample + 1;
            }
            Self::entries_of(source, track, told, next..covered.end, (&mut sizes, &mut data))?;
        }
        let (flag, kind) = kind_of(told);
        let mut saiz = Assembly::default();
        saiz.bytes(&[0, 0, 0, flag]);
        saiz.bytes(kind);
        saiz.bytes(&[told.default_size]);
        saiz.bytes(&count.to_be_bytes());
        saiz.append(sizes);
        out.wrap(BoxType(*b"saiz"), saiz)?;
        saio(told, 1, (8, Piece::PlaceOfMark(track)), out)?;
        if !clear.is_empty() {
            // A senc has no entries for samples that are not encrypted.
            return out.wrap(BoxType(*b"free"), data);
        }
        let mut senc = Assembly::default();
        senc.bytes(&told.senc);
        senc.bytes(&held.sample_count().to_be_bytes());
        senc.append(data);
        out.wrap(BoxType(*b"senc"), senc)
    }

    /// Entries for the samples of a clip that have none, as they are not encrypted: libavformat takes each sample to have one as long as
    /// an initialisation vector at least, and gives up a film that has shorter ones.
    fn clear_entries<R: ReadAt>(
        &self,
        source: &R,
        samples: &SampleTable,
        told: &ToldAuxiliary,
        held: &TrackClip,
    ) -> Result<Vec<(u32, Vec<u8>)>, FormatError> {
        let mut entries = Vec::new();
        for range in held.ranges.iter().map(|r| &r.samples) {
            for sample in told.clear(source, range)? {
                let size = samples.sizes.bytes(source, sample..sample + 1)?;
                match told.clear_entry(size).filter(|_| entries.len() < limits::CLEAR_SAMPLES) {
                    Some(entry) => entries.push((sample, entry)),
                    None => return Ok(Vec::new()),
                }
            }
        }
        Ok(entries)
    }

    /// The film's own entries for some samples, and their lengths.
    fn entries_of<R: ReadAt>(
        source: &R,
        track: usize,
        told: &ToldAuxiliary,
        samples: Range<u32>,
        (sizes, data): (&mut Assembly, &mut Assembly),
    ) -> Result<(), FormatError> {
        if samples.is_empty() {
            return Ok(());
        }
        if let SampleSizes::Table { table, .. } = &told.sizes {
            sizes.source(table.entry_offset(samples.start), (samples.end - samples.start).into());
        }
        let len = told.bytes(source, &samples)?;
        match &told.place {
            AuxiliaryPlace::Stretch(start) => {
                data.source(start.saturating_add(told.sizes.bytes(source, 0..samples.start)?), len);
            }
            AuxiliaryPlace::Chunks { .. } => {
                let too_much = |_| FormatError::Film("over 4 GiB of auxiliary information".into());
                let len = u32::try_from(len).map_err(too_much)?;
                data.entries(len, Entries { track, entry_size: 1, kind: EntryKind::Auxiliary(samples) });
            }
        }
        Ok(())
    }

    /// The `saio` of the whole film.
    fn moved_saio(&self, track: usize, samples: &SampleTable, out: &mut Assembly) -> Result<(), FormatError> {
        let Some(Auxiliary::Told(told)) = &samples.auxiliary else { return Ok(()) };
        match &told.place {
            AuxiliaryPlace::Stretch(offset) => saio(told, 1, (8, Piece::PlaceOf(*offset)), out),
            AuxiliaryPlace::Chunks { offsets, .. } => {
                let entries = Entries { track, entry_size: 8, kind: EntryKind::AuxiliaryOffsets };
                let count = offsets.count();
                saio(told, count, (u64::from(count) * 8, Piece::Content(Content::Entries(entries))), out)
            }
        }
    }

    /// A `senc` of which no `saiz` speaks.
    fn senc<R: ReadAt>(
        &self,
        source: &R,
        header: &BoxHeader,
        of: &Track,
        held: &TrackClip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        // Where one does, a senc comes with the saiz.
        let Some(Auxiliary::Untold(senc)) = &of.samples.auxiliary else { return Ok(()) };
        if senc.header != *header || held.ranges.is_empty() {
            return Ok(());
        }
        let SencBox { data, .. } = *senc;
        let mut content = Assembly::default();
        content.source(header.payload(), data - 4 - header.payload());
        content.bytes(&held.sample_count().to_be_bytes());
        let mut reader = self.index.reader(source);
        for range in held.ranges.iter().map(|r| &r.samples) {
            let start = senc.place_of(&mut reader, range.start)?;
            let end = senc.place_of(&mut reader, range.end)?;
            content.source(start, end.saturating_sub(start));
        }
        out.wrap(header.box_type, content)
    }

    fn sizes(
        &self,
        track: usize,
        samples: &SampleTable,
        held: &TrackClip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let count = held.sample_count();
        let mut content = Assembly::default();
        content.bytes(&[0; 4]);
        match &samples.sizes {
            SampleSizes::Constant { stored, .. } => {
                content.bytes(&stored.to_be_bytes());
                content.bytes(&count.to_be_bytes());
                out.wrap(BoxType(*b"stsz"), content)
            }
            SampleSizes::Table { table, field_bits, .. } => {
                let box_type = if *field_bits == 32 { b"stsz" } else { b"stz2" };
                let field = if *field_bits == 32 { 0 } else { u32::from(*field_bits) };
                content.bytes(&field.to_be_bytes());
                content.bytes(&count.to_be_bytes());
                if *field_bits == 4 {
                    let kind = nibbles(*table, &held.ranges);
                    content.entries(count.div_ceil(2), Entries { track, entry_size: 1, kind });
                } else {
                    for SampleRange { samples, .. } in &held.ranges {
                        let len = u64::from(samples.end - samples.start) * u64::from(table.entry_size);
                        content.source(table.entry_offset(samples.start), len);
                    }
                }
                out.wrap(BoxType(*box_type), content)
            }
        }
    }

    /// The `udta` of a track.
    fn track_udta<R: ReadAt>(
        &self,
        source: &R,
        header: &BoxHeader,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let children = self.index.reader(source).readable_children(header.payload(), header.end())?;
        match (self.clip, children) {
            (Some(clip), (children, None)) => self.udta(source, header, &children, clip, out),
            _ => {
                out.copy(header);
                Ok(())
            }
        }
    }

    /// A `udta` with these boxes in it. Some of them count from the start of the film, and hints are for hint tracks.
    fn udta<R: ReadAt>(
        &self,
        source: &R,
        header: &BoxHeader,
        children: &[BoxHeader],
        clip: &Clip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let treatment = |child: &BoxHeader| Treatment::of(Place::UserData, child.box_type);
        if children.iter().all(|child| treatment(child) == Treatment::Copied) {
            out.copy(header);
            return Ok(());
        }
        let mut content = Assembly::default();
        for child in children {
            let mut reader = self.index.reader(source);
            let is_small = child.payload_len() <= limits::SMALL_BOX as u64;
            match treatment(child) {
                Treatment::Chapters if is_small => {
                    content.bytes(&cut_chpl(reader.payload(child, 0)?, clip).unwrap_or_default());
                }
                Treatment::Highlights if is_small => {
                    content.bytes(&tags::cut_highlights(reader.payload(child, 0)?, clip).unwrap_or_default());
                }
                Treatment::Chapters | Treatment::Highlights | Treatment::LeftOut => {}
                Treatment::StartTimeCode if clip.start > 0 => {}
                Treatment::Tags => self.tags(source, child, &mut content)?,
                _ => content.copy(child),
            }
        }
        out.wrap(header.box_type, content)
    }

    /// A `meta`, without what counts samples or times of the whole film.
    fn tags<R: ReadAt>(&self, source: &R, meta: &BoxHeader, out: &mut Assembly) -> Result<(), FormatError> {
        match tags::without_counts(&mut self.index.reader(source), meta)? {
            Some(kept) => out.append(kept),
            None => out.copy(meta),
        }
        Ok(())
    }
}

fn kind_of(told: &ToldAuxiliary) -> (u8, &[u8]) {
    (u8::from(told.kind.is_some()), told.kind.as_ref().map_or(&[], |kind| kind))
}

/// A `saio` of offsets of 8 bytes.
fn saio(
    told: &ToldAuxiliary,
    count: u32,
    offsets: (u64, Piece),
    out: &mut Assembly,
) -> Result<(), FormatError> {
    let (flag, kind) = kind_of(told);
    let mut saio = Assembly::default();
    saio.bytes(&[1, 0, 0, flag]);
    saio.bytes(kind);
    saio.bytes(&count.to_be_bytes());
    saio.parts.push(offsets);
    out.wrap(BoxType(*b"saio"), saio)
}

fn nibbles(table: Table, ranges: &[SampleRange]) -> EntryKind {
    EntryKind::Nibbles(table, ranges.iter().map(|r| r.samples.clone()).collect())
}

fn version_of<R: ReadAt>(source: &R, index: &Index, header: &BoxHeader) -> Result<u8, FormatError> {
    Ok(index.reader(source).bytes(header.payload(), 1)?.first().copied().unwrap_or(0))
}

/// A table with a fixed number of bytes for each sample and no count.
fn per_sample(
    header: &BoxHeader,
    size: u64,
    held: &TrackClip,
    out: &mut Assembly,
) -> Result<(), FormatError> {
    let mut content = Assembly::default();
    content.bytes(&[0; 4]);
    for SampleRange { samples, .. } in &held.ranges {
        let start = header.payload() + 4 + u64::from(samples.start) * size;
        let len = u64::from(samples.end - samples.start) * size;
        if start + len > header.end() {
            out.note(format!(
                "left out {}: it has fewer entries than the track has samples",
                header.box_type
            ));
            return Ok(());
        }
        content.source(start, len);
    }
    out.wrap(header.box_type, content)
}

/// Nero's chapters (`chpl`, undocumented but everywhere): those of the clip, moved with
/// it. Times are in units of 100 ns.
fn cut_chpl(payload: &[u8], clip: &Clip) -> Option<Vec<u8>> {
    let ticks =
        |t: u64| u64::try_from(u128::from(t) * 10_000_000 / u128::from(clip.timescale)).unwrap_or(u64::MAX);
    let (from, to) = (ticks(clip.start), ticks(clip.start + clip.duration));
    let prefix = if payload.first() == Some(&0) { 4 } else { 8 };
    let count = usize::from(*payload.get(prefix)?);
    let mut at = prefix + 1;
    let mut kept: Vec<(u64, &[u8])> = Vec::new();
    for _ in 0..count {
        let start = u64_at(payload.get(at..at + 8)?, 0);
        let len = usize::from(*payload.get(at + 8)?);
        let title = payload.get(at + 8..at + 9 + len)?;
        at += 9 + len;
        if start <= from {
            // The chapter the clip begins in.
            kept.clear();
        }
        if start < to {
            kept.push((start.saturating_sub(from), title));
        }
    }
    let mut out = Vec::new();
    write_box(&mut out, b"chpl", |out| {
        out.extend_from_slice(payload.get(..prefix).unwrap_or_default());
        out.push(u8::try_from(kept.len()).unwrap_or(u8::MAX));
        for (start, title) in &kept {
            out.extend_from_slice(&start.to_be_bytes());
            out.extend_from_slice(title);
        }
    });
    Some(out)
}
