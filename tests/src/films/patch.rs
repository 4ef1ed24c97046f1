//! Films that no encoder writes: another film's boxes, rearranged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

/// A box of a `moov`.
#[derive(Debug, Clone)]
struct Node {
    kind: [u8; 4],
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Leaf(Vec<u8>),
    Tree(Vec<Node>),
}

/// A film in memory, taken apart at its chunks.
#[derive(Debug)]
pub(super) struct Parts {
    bytes: Vec<u8>,
    ftyp: Vec<u8>,
    moov: Vec<Node>,
}

/// The media data between one chunk's start and the next one's.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    track: usize,
    bytes: Range<usize>,
}

/// How a media data box says its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MdatSize {
    /// In 32 bits.
    Bits32,
    /// In 64 bits.
    Bits64,
    /// Not at all: it goes on to the end of the file, so it comes last.
    ToEnd,
}

impl Parts {
    /// Takes the film at `path` apart. It must be flat, with one `mdat`.
    pub(super) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let top = |kind: &[u8; 4]| {
            boxes(&bytes).into_iter().find(|(k, ..)| k == kind).unwrap_or_else(|| panic!("no {kind:?}"))
        };
        let (_, ftyp, _) = top(b"ftyp");
        let (_, _, moov) = top(b"moov");
        Self { ftyp: bytes[ftyp].to_vec(), moov: parse(&bytes[moov]), bytes }
    }

    /// The chunks of all tracks in the order they stand in the file.
    pub(super) fn chunks(&self) -> Vec<Chunk> {
        let (_, _, mdat) =
            boxes(&self.bytes).into_iter().find(|(kind, ..)| kind == b"mdat").expect("media data");
        let mut starts = BTreeMap::new();
        for (track, trak) in self.moov.iter().filter(|n| n.kind == *b"trak").enumerate() {
            for offset in chunk_offsets(trak) {
                starts.insert(usize::try_from(offset).expect("a small film"), track);
            }
        }
        let ends: Vec<_> = starts.keys().copied().skip(1).chain([mdat.end]).collect();
        starts.into_iter().zip(ends).map(|((start, track), end)| Chunk { track, bytes: start..end }).collect()
    }

    /// The chunks track by track: nothing interleaved.
    pub(super) fn chunks_by_track(&self) -> Vec<Chunk> {
        let mut chunks = self.chunks();
        chunks.sort_by_key(|c| c.track);
        chunks
    }

    /// How many tracks there are.
    pub(super) fn tracks(&self) -> usize {
        self.moov.iter().filter(|n| n.kind == *b"trak").count()
    }

    /// Gives the track of index `track` another edit list: duration in seconds, start in
    /// seconds of what the track showed so far (`None`: an empty edit), and rate in 16.16
    /// fixed point.
    pub(super) fn set_edits(&mut self, track: usize, edits: &[(f64, Option<f64>, u32)]) {
        let movie_timescale = f64::from(be32(leaf(&self.moov, &[*b"mvhd"]), 12));
        let trak = self.moov.iter_mut().filter(|n| n.kind == *b"trak").nth(track).expect("a track");
        let Body::Tree(trak) = &mut trak.body else { panic!("a trak holds boxes") };
        let timescale = f64::from(be32(leaf(trak, &[*b"mdia", *b"mdhd"]), 12));
        let elst = leaf_mut(trak, &[*b"edts", *b"elst"]);
        // Version 0, one edit: what ffmpeg writes for a track that starts at zero.
        assert_eq!((elst[0], be32(elst, 4)), (0, 1), "an edit list as ffmpeg writes it");
        let base = i64::from(be32(elst, 12));
        let mut total = 0;
        let mut out = [0u32.to_be_bytes(), (edits.len() as u32).to_be_bytes()].concat();
        for &(duration, start, rate) in edits {
            let duration = (duration * movie_timescale).round() as u32;
            total += duration;
            let media_time = start.map_or(u32::MAX, |s| (base + (s * timescale).round() as i64) as u32);
            for field in [duration, media_time, rate] {
                out.extend(field.to_be_bytes());
            }
        }
        *elst = out;
        leaf_mut(trak, &[*b"tkhd"])[20..24].copy_from_slice(&total.to_be_bytes());
        let longest = self
            .moov
            .iter()
            .filter_map(|n| match &n.body {
                Body::Tree(trak) if n.kind == *b"trak" => Some(be32(leaf(trak, &[*b"tkhd"]), 20)),
                _ => None,
            })
            .max()
            .expect("a track");
        leaf_mut(&mut self.moov, &[*b"mvhd"])[16..20].copy_from_slice(&longest.to_be_bytes());
    }

    /// Says of the last sample of the track of index `track` that it lasts no time.
    pub(super) fn end_at_once(&mut self, track: usize) {
        let trak = self.moov.iter_mut().filter(|n| n.kind == *b"trak").nth(track).expect("a track");
        let stts = leaf_mut(tree_mut(trak, &[*b"mdia", *b"minf", *b"stbl"]), &[*b"stts"]);
        let last = stts.len() - 8;
        let (count, entries) = (be32(stts, last), be32(stts, 4));
        stts[last..last + 4].copy_from_slice(&(count - 1).to_be_bytes());
        stts[4..8].copy_from_slice(&(entries + 1).to_be_bytes());
        stts.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    }

    /// Leaves out the `stss` of the track of index `track`.
    pub(super) fn drop_sync_table(&mut self, track: usize) {
        let trak = self.moov.iter_mut().filter(|n| n.kind == *b"trak").nth(track).expect("a track");
        let stbl = tree_mut(trak, &[*b"mdia", *b"minf", *b"stbl"]);
        stbl.retain(|n| n.kind != *b"stss");
    }

    /// Lists every sample of the track of index `track` in an `stss`.
    pub(super) fn list_all_sync(&mut self, track: usize) {
        let trak = self.moov.iter_mut().filter(|n| n.kind == *b"trak").nth(track).expect("a track");
        let stbl = tree_mut(trak, &[*b"mdia", *b"minf", *b"stbl"]);
        let samples = be32(leaf(stbl, &[*b"stsz"]), 8);
        let fields = [0, samples].into_iter().chain(1..=samples);
        let stss = fields.flat_map(u32::to_be_bytes).collect();
        stbl.push(Node { kind: *b"stss", body: Body::Leaf(stss) });
    }

    /// Writes `ftyp`, a media data box for each group of chunks with `hole` bytes
    /// of nothing before the last group, and `moov` where `moov_first` says.
    ///
    /// # Errors
    /// What writing fails with.
    pub(super) fn write(
        mut self,
        out: &mut File,
        groups: &[&[Chunk]],
        size: MdatSize,
        hole: u64,
        moov_first: bool,
    ) -> io::Result<()> {
        let header_len = if size == MdatSize::Bits64 { 16 } else { 8 };
        // Every offset becomes 64 bits wide when any needs it, so the size of moov
        // does not depend on where it stands.
        let media: usize = groups.iter().flat_map(|g| g.iter()).map(|c| c.bytes.len()).sum();
        let wide = hole + self.bytes.len() as u64 + media as u64 > u64::from(u32::MAX);
        relocate(&mut self.moov, wide, &|old| old);
        let moov_len =
            serialize(&[Node { kind: *b"moov", body: Body::Tree(self.moov.clone()) }]).len() as u64;
        let mut at = self.ftyp.len() as u64 + if moov_first { moov_len } else { 0 };
        let mut moved = BTreeMap::new();
        let mut headers = Vec::new();
        for (i, group) in groups.iter().enumerate() {
            if i + 1 == groups.len() && hole > 0 {
                at += 16 + hole;
            }
            let len: usize = group.iter().map(|c| c.bytes.len()).sum();
            headers.push(mdat_header(size, len as u64));
            at += header_len;
            for chunk in *group {
                moved.insert(chunk.bytes.start as u64, at);
                at += chunk.bytes.len() as u64;
            }
        }
        relocate(&mut self.moov, wide, &|old| moved[&old]);
        let moov = serialize(&[Node { kind: *b"moov", body: Body::Tree(self.moov) }]);
        assert_eq!(moov.len() as u64, moov_len, "the same boxes");
        out.write_all(&self.ftyp)?;
        if moov_first {
            out.write_all(&moov)?;
        }
        for (i, (group, header)) in groups.iter().zip(headers).enumerate() {
            if i + 1 == groups.len() && hole > 0 {
                out.write_all(&[&1u32.to_be_bytes()[..], b"free", &(hole + 16).to_be_bytes()].concat())?;
                out.seek(SeekFrom::Current(i64::try_from(hole).expect("a size in range")))?;
            }
            out.write_all(&header)?;
            for chunk in *group {
                out.write_all(&self.bytes[chunk.bytes.clone()])?;
            }
        }
        if !moov_first {
            out.write_all(&moov)?;
        }
        Ok(())
    }
}

fn mdat_header(size: MdatSize, len: u64) -> Vec<u8> {
    match size {
        MdatSize::Bits32 => {
            [&u32::try_from(len + 8).expect("a small box").to_be_bytes()[..], b"mdat"].concat()
        }
        MdatSize::Bits64 => [&1u32.to_be_bytes()[..], b"mdat", &(len + 16).to_be_bytes()].concat(),
        MdatSize::ToEnd => [&[0; 4][..], b"mdat"].concat(),
    }
}

/// Kind, whole range and body range of each box in `bytes`.
fn boxes(bytes: &[u8]) -> Vec<([u8; 4], Range<usize>, Range<usize>)> {
    let mut at = 0;
    let mut found = Vec::new();
    while at + 8 <= bytes.len() {
        let kind = bytes[at + 4..at + 8].try_into().expect("four bytes");
        let (header, len) = match be32(bytes, at) {
            1 => (16, u64::from_be_bytes(bytes[at + 8..at + 16].try_into().expect("eight bytes")) as usize),
            len => (8, len as usize),
        };
        found.push((kind, at..at + len, at + header..at + len));
        at += len;
    }
    found
}

fn parse(bytes: &[u8]) -> Vec<Node> {
    const CONTAINERS: [&[u8; 4]; 5] = [b"trak", b"edts", b"mdia", b"minf", b"stbl"];
    boxes(bytes)
        .into_iter()
        .map(|(kind, _, body)| {
            let body = &bytes[body];
            let tree = CONTAINERS.contains(&&kind);
            Node { kind, body: if tree { Body::Tree(parse(body)) } else { Body::Leaf(body.to_vec()) } }
        })
        .collect()
}

fn serialize(nodes: &[Node]) -> Vec<u8> {
    let mut out = Vec::new();
    for node in nodes {
        let body = match &node.body {
            Body::Leaf(bytes) => bytes.clone(),
            Body::Tree(nodes) => serialize(nodes),
        };
        out.extend((body.len() as u32 + 8).to_be_bytes());
        out.extend(node.kind);
        out.extend(body);
    }
    out
}

fn leaf<'a>(nodes: &'a [Node], path: &[[u8; 4]]) -> &'a Vec<u8> {
    let (kind, rest) = path.split_first().expect("a path");
    let node = nodes.iter().find(|n| n.kind == *kind).unwrap_or_else(|| panic!("no {kind:?}"));
    match &node.body {
        Body::Leaf(bytes) if rest.is_empty() => bytes,
        Body::Tree(nodes) => leaf(nodes, rest),
        Body::Leaf(_) => panic!("{kind:?} holds no boxes"),
    }
}

fn leaf_mut<'a>(nodes: &'a mut [Node], path: &[[u8; 4]]) -> &'a mut Vec<u8> {
    let (kind, rest) = path.split_first().expect("a path");
    let node = nodes.iter_mut().find(|n| n.kind == *kind).unwrap_or_else(|| panic!("no {kind:?}"));
    match &mut node.body {
        Body::Leaf(bytes) if rest.is_empty() => bytes,
        Body::Tree(nodes) => leaf_mut(nodes, rest),
        Body::Leaf(_) => panic!("{kind:?} holds no boxes"),
    }
}

fn tree_mut<'a>(node: &'a mut Node, path: &[[u8; 4]]) -> &'a mut Vec<Node> {
    let Body::Tree(nodes) = &mut node.body else { panic!("{:?} holds no boxes", node.kind) };
    let Some((kind, rest)) = path.split_first() else { return nodes };
    tree_mut(nodes.iter_mut().find(|n| n.kind == *kind).unwrap_or_else(|| panic!("no {kind:?}")), rest)
}

fn chunk_offsets(trak: &Node) -> Vec<u64> {
    let mut found = Vec::new();
    each_offset_box(std::slice::from_ref(trak), &mut |kind, body| found.extend(read_offsets(kind, body)));
    found
}

fn each_offset_box(nodes: &[Node], see: &mut impl FnMut([u8; 4], &[u8])) {
    for node in nodes {
        match &node.body {
            Body::Leaf(body) if matches!(&node.kind, b"stco" | b"co64") => see(node.kind, body),
            Body::Leaf(_) => {}
            Body::Tree(nodes) => each_offset_box(nodes, see),
        }
    }
}

fn read_offsets(kind: [u8; 4], body: &[u8]) -> Vec<u64> {
    let width = if kind == *b"co64" { 8 } else { 4 };
    body[8..].chunks_exact(width).map(|c| c.iter().fold(0, |n, &b| n << 8 | u64::from(b))).collect()
}

fn relocate(nodes: &mut [Node], wide: bool, to: &impl Fn(u64) -> u64) {
    for node in nodes {
        match &mut node.body {
            Body::Leaf(body) if matches!(&node.kind, b"stco" | b"co64") => {
                let offsets = read_offsets(node.kind, body);
                body.truncate(8);
                for offset in offsets.into_iter().map(to) {
                    if wide {
                        body.extend(offset.to_be_bytes());
                    } else {
                        body.extend((offset as u32).to_be_bytes());
                    }
                }
                node.kind = if wide { *b"co64" } else { *b"stco" };
            }
            Body::Leaf(_) => {}
            Body::Tree(nodes) => relocate(nodes, wide, to),
        }
    }
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
