//! Films that no encoder writes: another film's boxes, rearranged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use test_boxes::{boxes, u32_at};

use super::tree::{Body, Node, leaf, leaf_mut, parse, relocate};

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
        let top = |box_type: &[u8; 4]| {
            let found = boxes(&bytes).into_iter().find(|b| b.box_type == *box_type);
            found.unwrap_or_else(|| panic!("no {}", box_type.escape_ascii()))
        };
        let (ftyp, moov) = (top(b"ftyp").whole, top(b"moov").content);
        Self { ftyp: bytes[ftyp].to_vec(), moov: parse(&bytes[moov]), bytes }
    }

    /// The chunks of all tracks in the order they stand in the file.
    pub(super) fn chunks(&self) -> Vec<Chunk> {
        let mdat = boxes(&self.bytes).into_iter().find(|b| b.box_type == *b"mdat").expect("media data");
        let mut starts = BTreeMap::new();
        for (track, trak) in self.moov.iter().filter(|n| n.box_type == *b"trak").enumerate() {
            for offset in trak.chunk_offsets() {
                starts.insert(usize::try_from(offset).expect("a small film"), track);
            }
        }
        let ends: Vec<_> = starts.keys().copied().skip(1).chain([mdat.whole.end]).collect();
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
        self.moov.iter().filter(|n| n.box_type == *b"trak").count()
    }

    /// Gives the track of index `track` another edit list: duration in seconds, start in
    /// seconds of what the track showed so far (`None`: an empty edit), and rate in 16.16
    /// fixed point.
    pub(super) fn set_edits(&mut self, track: usize, edits: &[(f64, Option<f64>, u32)]) {
        let movie_timescale = f64::from(u32_at(leaf(&self.moov, &[*b"mvhd"]), 12));
        let trak = self.moov.iter_mut().filter(|n| n.box_type == *b"trak").nth(track).expect("a track");
        let Body::Tree(trak) = &mut trak.body else { panic!("a trak holds boxes") };
        let timescale = f64::from(u32_at(leaf(trak, &[*b"mdia", *b"mdhd"]), 12));
        let elst = leaf_mut(trak, &[*b"edts", *b"elst"]);
        // Version 0, one edit: what ffmpeg writes for a track that starts at zero.
        assert_eq!((elst[0], u32_at(elst, 4)), (0, 1), "an edit list as ffmpeg writes it");
        let base = i64::from(u32_at(elst, 12));
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
                Body::Tree(trak) if n.box_type == *b"trak" => Some(u32_at(leaf(trak, &[*b"tkhd"]), 20)),
                _ => None,
            })
            .max()
            .expect("a track");
        leaf_mut(&mut self.moov, &[*b"mvhd"])[16..20].copy_from_slice(&longest.to_be_bytes());
    }

    /// Says of the last sample of the track of index `track` that it lasts no time.
    pub(super) fn end_at_once(&mut self, track: usize) {
        let trak = self.moov.iter_mut().filter(|n| n.box_type == *b"trak").nth(track).expect("a track");
        let stts = leaf_mut(trak.tree_mut(&[*b"mdia", *b"minf", *b"stbl"]), &[*b"stts"]);
        let last = stts.len() - 8;
        let (count, entries) = (u32_at(stts, last), u32_at(stts, 4));
        stts[last..last + 4].copy_from_slice(&(count - 1).to_be_bytes());
        stts[4..8].copy_from_slice(&(entries + 1).to_be_bytes());
        stts.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    }

    /// Leaves out the `stss` of the track of index `track`.
    pub(super) fn drop_sync_table(&mut self, track: usize) {
        let trak = self.moov.iter_mut().filter(|n| n.box_type == *b"trak").nth(track).expect("a track");
        let stbl = trak.tree_mut(&[*b"mdia", *b"minf", *b"stbl"]);
        stbl.retain(|n| n.box_type != *b"stss");
    }

    /// Lists every sample of the track of index `track` in an `stss`.
    pub(super) fn list_all_sync(&mut self, track: usize) {
        let trak = self.moov.iter_mut().filter(|n| n.box_type == *b"trak").nth(track).expect("a track");
        let stbl = trak.tree_mut(&[*b"mdia", *b"minf", *b"stbl"]);
        let samples = u32_at(leaf(stbl, &[*b"stsz"]), 8);
        let fields = [0, samples].into_iter().chain(1..=samples);
        let stss = fields.flat_map(u32::to_be_bytes).collect();
        stbl.push(Node { box_type: *b"stss", body: Body::Leaf(stss) });
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
        let moov_len = Node::moov(&self.moov).len() as u64;
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
        let moov = Node::moov(&self.moov);
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
