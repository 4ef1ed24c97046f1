//! Whole files from a description of their tracks.

mod fragments;
mod protection;
mod tables;

pub use fragments::fragments_at;
pub use protection::Protection;

use crate::{full_box, make_box, u32_at};
use tables::trak;

/// One sample.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Its duration, in ticks of the media.
    pub delta: u32,
    /// Its composition offset.
    pub offset: i32,
    /// Whether it is a sync sample.
    pub sync: bool,
    /// Its bytes.
    pub size: u32,
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sync = if self.sync { "!" } else { "" };
        write!(f, "{}{:+}{sync}:{}", self.delta, self.offset, self.size)
    }
}

/// What a track is to be.
#[derive(Debug, Clone)]
pub struct TrackSpec {
    /// The handler type.
    pub handler: [u8; 4],
    /// The type of the sample entry.
    pub coding: [u8; 4],
    /// Ticks of the media per second.
    pub timescale: u32,
    /// In decoding order.
    pub samples: Vec<Sample>,
    /// Samples of each chunk, over and over.
    pub chunking: Vec<u32>,
    /// (duration in movie ticks, media time or -1, rate in 16.16)
    pub edits: Vec<(u32, i32, u32)>,
    /// Whether it is to be played.
    pub enabled: bool,
    /// One entry for each sample or chunk, though neighbours are alike.
    pub one_entry_each: bool,
    /// `co64` in the place of `stco`.
    pub wide_offsets: bool,
    /// The 15 bits of the `mdhd`.
    pub language: u32,
    /// The bytes of each sample; empty for bytes that [`Film::sample_bytes`] gives.
    pub contents: Vec<Vec<u8>>,
    /// The whole sample description, in the place of one of `coding` and `in_entry`.
    pub entry: Option<Vec<u8>>,
    /// Left, top, width and height, as the track header states them.
    pub area: [u32; 4],
    /// More boxes for the sample description.
    pub in_entry: Vec<Vec<u8>>,
    /// More boxes for the `stbl`.
    pub more: Vec<Vec<u8>>,
    /// More boxes for the `mdia`.
    pub in_mdia: Vec<Vec<u8>>,
    /// More boxes for the `minf`.
    pub in_minf: Vec<Vec<u8>>,
    /// More boxes for the `trak`.
    pub in_trak: Vec<Vec<u8>>,
    /// What decrypters need of the samples, if they are encrypted.
    pub protection: Option<Protection>,
}

impl TrackSpec {
    /// A track without edits, in chunks of 3 samples.
    pub fn new(handler: &[u8; 4], coding: &[u8; 4], timescale: u32, samples: Vec<Sample>) -> Self {
        Self {
            handler: *handler,
            coding: *coding,
            timescale,
            samples,
            chunking: vec![3],
            edits: Vec::new(),
            enabled: true,
            one_entry_each: false,
            wide_offsets: false,
            language: 0x55c4,
            contents: Vec::new(),
            entry: None,
            area: [0; 4],
            in_entry: Vec::new(),
            more: Vec::new(),
            in_mdia: Vec::new(),
            in_minf: Vec::new(),
            in_trak: Vec::new(),
            protection: None,
        }
    }

    /// Video of 10 frames a second: groups of `gop` frames, coded I P B P B …
    pub fn video(frames: u32, gop: u32) -> Self {
        let samples = (0..frames).map(|n| {
            let in_gop = n % gop;
            let last_alone = in_gop % 2 == 1 && (in_gop == gop - 1 || n == frames - 1);
            let offset = match in_gop {
                0 => 100,
                _ if last_alone => 100,
                n if n % 2 == 1 => 200,
                _ => 0,
            };
            Sample { delta: 100, offset, sync: in_gop == 0, size: 20 + n % 7 }
        });
        let mut track = Self::new(b"vide", b"avc1", 1000, samples.collect());
        track.edits = vec![(frames * 100, 100, 0x10000)];
        track
    }

    /// Audio in packets of 1024 frames at 8000 Hz.
    pub fn audio(packets: u32) -> Self {
        let samples = (0..packets).map(|n| Sample { delta: 1024, offset: 0, sync: true, size: 10 + n % 5 });
        Self { chunking: vec![2], ..Self::new(b"soun", b"mp4a", 8000, samples.collect()) }
    }

    /// Text of these durations and samples, a thousand ticks a second. `entry` is the whole sample
    /// description.
    pub fn text(coding: &[u8; 4], entry: Vec<u8>, samples: &[(u32, Vec<u8>)]) -> Self {
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
        let plain = samples.iter().map(|(delta, bytes)| Sample {
            delta: *delta,
            offset: 0,
            sync: true,
            size: size(bytes),
        });
        Self {
            contents: samples.iter().map(|(_, bytes)| bytes.clone()).collect(),
            entry: Some(entry),
            ..Self::new(b"text", coding, 1000, plain.collect())
        }
    }

    /// The bytes of sample `n`, where this is track `t`.
    fn bytes_of(&self, t: usize, n: usize) -> Vec<u8> {
        let own = self.contents.get(n).cloned();
        own.unwrap_or_else(|| Film::sample_bytes(t, n, self.samples[n].size))
    }

    fn chunks(&self) -> Vec<std::ops::Range<usize>> {
        let mut out = Vec::new();
        let mut at = 0;
        for n in self.chunking.iter().cycle() {
            if at >= self.samples.len() {
                break;
            }
            let end = (at + usize::try_from(*n).unwrap().max(1)).min(self.samples.len());
            out.push(at..end);
            at = end;
        }
        out
    }
}

/// What a file is to be.
#[derive(Debug, Clone)]
pub struct Film {
    /// Ticks of the movie per second.
    pub timescale: u32,
    /// Its tracks, numbered from 1.
    pub tracks: Vec<TrackSpec>,
    /// Whether the `moov` stands before the media.
    pub moov_first: bool,
    /// All of one track's chunks before the next track's.
    pub sequential: bool,
    /// Unused bytes before each chunk.
    pub hole: usize,
    /// More boxes for the `moov`.
    pub more: Vec<Vec<u8>>,
}

impl Film {
    /// A file of these tracks, interleaved, with the `moov` last.
    pub fn of(tracks: Vec<TrackSpec>) -> Self {
        Self { timescale: 1000, tracks, moov_first: false, sequential: false, hole: 0, more: Vec::new() }
    }

    /// The bytes of sample `n` of track `t`. They differ from those of any other sample.
    pub fn sample_bytes(t: usize, n: usize, size: u32) -> Vec<u8> {
        let name = format!("<{t}:{n}>");
        name.bytes().cycle().take(usize::try_from(size).unwrap()).collect()
    }

    /// The file, flat.
    pub fn build(&self) -> Vec<u8> {
        let ftyp = make_box(b"ftyp", b"isom\0\0\x02\0isomiso2mp41");
        let moov_len = self.moov(&self.offsets(0)).len();
        let before_media = ftyp.len() + if self.moov_first { moov_len } else { 0 } + 8;
        let moov = self.moov(&self.offsets(before_media));
        let mdat = make_box(b"mdat", self.media());
        if self.moov_first { [ftyp, moov, mdat].concat() } else { [ftyp, mdat, moov].concat() }
    }

    /// (track, chunk) in the order of the file.
    fn order(&self) -> Vec<(usize, usize)> {
        let mut order = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            let mut time = 0.0;
            for (c, chunk) in track.chunks().into_iter().enumerate() {
                order.push((time, t, c));
                time += track.samples[chunk].iter().map(|s| f64::from(s.delta)).sum::<f64>()
                    / f64::from(track.timescale);
            }
        }
        if !self.sequential {
            order.sort_by(|a, b| a.partial_cmp(b).unwrap());
        }
        order.into_iter().map(|(_, t, c)| (t, c)).collect()
    }

    fn media(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let chunks: Vec<_> = self.tracks.iter().map(TrackSpec::chunks).collect();
        for (t, c) in self.order() {
            out.extend(std::iter::repeat_n(b'#', self.hole));
            for n in chunks[t][c].clone() {
                out.extend(self.tracks[t].bytes_of(t, n));
            }
        }
        out
    }

    fn offsets(&self, start: usize) -> Vec<Vec<u32>> {
        let chunks: Vec<_> = self.tracks.iter().map(TrackSpec::chunks).collect();
        let mut out: Vec<Vec<u32>> = chunks.iter().map(|c| vec![0; c.len()]).collect();
        let mut at = start;
        for (t, c) in self.order() {
            at += self.hole;
            out[t][c] = u32::try_from(at).unwrap();
            let chunk = chunks[t][c].clone();
            at += self.tracks[t].samples[chunk].iter().map(|s| s.size as usize).sum::<usize>();
        }
        out
    }

    fn moov(&self, offsets: &[Vec<u32>]) -> Vec<u8> {
        let mut content = full_box(b"mvhd", 0, [&[0, 0, self.timescale, 0][..], &[0; 20]].concat());
        for (t, track) in self.tracks.iter().enumerate() {
            content.extend(trak(u32::try_from(t).unwrap() + 1, track, &offsets[t]));
        }
        content.extend(self.more.concat());
        make_box(b"moov", content)
    }
}

/// Gives a track the chunk offsets of the first track, of which it is a copy.
pub fn share_media(film: &mut [u8], track: usize) {
    let places: Vec<_> = (4..film.len())
        .filter(|&at| [b"stco", b"co64"].contains(&film[at..].first_chunk().unwrap_or(b"    ")))
        .collect();
    let size = u32_at(film, places[0] - 4) as usize - 4;
    film.copy_within(places[0]..places[0] + size, places[track]);
}
