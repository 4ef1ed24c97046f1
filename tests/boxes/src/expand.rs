//! A plain reader of films: every sample one by one.

use std::collections::BTreeMap;

use crate::{content, find, u32_at, u64_at};

/// A track, every sample of it.
#[derive(Debug, Clone)]
pub struct Expanded {
    /// Its number.
    pub id: u32,
    /// The handler type.
    pub handler: [u8; 4],
    /// Ticks of the media per second.
    pub timescale: u32,
    /// Ticks of the movie per second.
    pub movie_timescale: u32,
    /// In decoding order.
    pub samples: Vec<One>,
    /// (duration, media time, rate)
    pub edits: Vec<(u64, i64, u32)>,
    /// The contents of the boxes of the `stbl`.
    pub boxes: BTreeMap<[u8; 4], Vec<u8>>,
}

/// A sample as its tables describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct One {
    /// When it is decoded.
    pub dts: i64,
    /// When it is presented.
    pub cts: i64,
    /// Its duration.
    pub delta: u32,
    /// Whether it is a sync sample.
    pub sync: bool,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A sample as the viewer meets it, times in seconds from the start of the film.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// When it begins.
    pub from: f64,
    /// When it ends.
    pub to: f64,
    /// Held by an edit of rate 0, which may begin anywhere.
    pub dwells: bool,
}

impl Expanded {
    /// The samples as each form of the track has them: their bytes, when they are decoded after the
    /// first, how much later they are presented, how long they last, whether they are sync samples.
    pub fn in_any_form(&self) -> Vec<(&[u8], i64, i64, u32, bool)> {
        let first = self.samples.first().map_or(0, |sample| sample.dts);
        self.samples.iter().map(|s| (&s.bytes[..], s.dts - first, s.cts - s.dts, s.delta, s.sync)).collect()
    }

    /// What is presented of the track, and when.
    pub fn shown(&self) -> Vec<Shown> {
        let mut by_time: Vec<&One> = self.samples.iter().collect();
        by_time.sort_by_key(|s| s.cts);
        let end = media_end(self.samples.iter().map(|s| (s.cts, i64::from(s.delta))));
        let media = |t: i64| t as f64 / f64::from(self.timescale);
        let movie = |t: u64| t as f64 / f64::from(self.movie_timescale);
        let mut edits = self.edits.clone();
        if edits.is_empty() {
            edits.push((u64::MAX / 2, 0, 0x10000));
        }
        let mut out = Vec::new();
        let mut elapsed = 0;
        for (duration, media_time, rate) in edits {
            let start = movie(elapsed);
            elapsed += duration;
            if media_time < 0 {
                continue;
            }
            if rate == 0 {
                let on_screen = by_time.iter().rfind(|s| s.cts <= media_time);
                let held = |s: &&One| Shown {
                    bytes: s.bytes.clone(),
                    from: start,
                    to: movie(elapsed),
                    dwells: true,
                };
                out.extend(on_screen.map(held));
                continue;
            }
            for (n, s) in by_time.iter().enumerate() {
                // The last is on screen until the edit ends: of frames that are not shown in the
                // order they are decoded in, the file says how long they are decoded.
                let until = by_time.get(n + 1).map(|next| next.cts).or(self.edits.is_empty().then_some(end));
                let from = (start + media(s.cts - media_time)).max(start);
                let to = until.map_or(f64::MAX, |t| start + media(t - media_time)).min(movie(elapsed));
                if to > from + 1e-9 {
                    out.push(Shown { bytes: s.bytes.clone(), from, to, dwells: false });
                }
            }
        }
        out
    }
}

/// Where samples of these composition times and durations are no longer presented: all are shown
/// for as long as all are decoded, and none for longer than the longest.
pub fn media_end(times: impl Iterator<Item = (i64, i64)> + Clone) -> i64 {
    let Some((first, last)) =
        times.clone().map(|(cts, _)| cts).min().zip(times.clone().map(|(cts, _)| cts).max())
    else {
        return 0;
    };
    let total: i64 = times.clone().map(|(_, delta)| delta).sum();
    let longest = times.clone().map(|(_, delta)| delta).max().unwrap_or(0);
    let latest = times.map(|(cts, delta)| cts + delta).max().unwrap_or(0);
    latest.max((first + total).min(last + longest))
}

/// Reads every track of a film.
pub fn expand(film: &[u8]) -> Vec<Expanded> {
    let moov = find(film, b"moov").unwrap();
    let mvhd = find(moov, b"mvhd").unwrap();
    let movie_timescale = u32_at(mvhd, if mvhd[0] == 1 { 20 } else { 12 });
    content(moov).filter(|(t, _)| t == b"trak").map(|(_, trak)| track(film, trak, movie_timescale)).collect()
}

fn track(film: &[u8], trak: &[u8], movie_timescale: u32) -> Expanded {
    let mdia = find(trak, b"mdia").unwrap();
    let mdhd = find(mdia, b"mdhd").unwrap();
    let tkhd = find(trak, b"tkhd").unwrap();
    let hdlr = find(mdia, b"hdlr").unwrap();
    let stbl = find(find(mdia, b"minf").unwrap(), b"stbl").unwrap();
    let elst = find(trak, b"edts").and_then(|edts| find(edts, b"elst"));
    Expanded {
        id: u32_at(tkhd, if tkhd[0] == 1 { 20 } else { 12 }),
        handler: hdlr[8..12].try_into().unwrap(),
        timescale: u32_at(mdhd, if mdhd[0] == 1 { 20 } else { 12 }),
        movie_timescale,
        samples: samples(film, stbl),
        edits: elst.map(edits).unwrap_or_default(),
        boxes: content(stbl).map(|(t, b)| (t, b.to_vec())).collect(),
    }
}

/// The entries of a box of the `stbl`, which stand after its count and `skip` bytes more.
fn entries(stbl: &[u8], box_type: &[u8; 4], width: usize, skip: usize) -> Vec<Vec<u8>> {
    let Some(b) = find(stbl, box_type) else { return Vec::new() };
    let entries = &b[8 + skip..];
    assert_eq!(entries.len(), u32_at(b, 4 + skip) as usize * width, "{}", String::from_utf8_lossy(box_type));
    entries.chunks(width).map(<[u8]>::to_vec).collect()
}

/// The samples of a track, in decoding order.
fn samples(film: &[u8], stbl: &[u8]) -> Vec<One> {
    let runs = |box_type| {
        let runs = entries(stbl, box_type, 8, 0).into_iter();
        runs.flat_map(|e| vec![u32_at(&e, 4); u32_at(&e, 0) as usize])
    };
    let numbers = |box_type| entries(stbl, box_type, 4, 0).iter().map(|e| u32_at(e, 0)).collect::<Vec<_>>();
    let stsz = find(stbl, b"stsz").unwrap();
    let count = u32_at(stsz, 8) as usize;
    let size = |n: usize| if u32_at(stsz, 4) > 0 { u32_at(stsz, 4) } else { u32_at(stsz, 12 + 4 * n) };
    let (mut deltas, mut offsets) = (runs(b"stts"), runs(b"ctts"));
    let sync = find(stbl, b"stss").map(|_| numbers(b"stss"));
    let chunks: Vec<u64> = match find(stbl, b"co64") {
        Some(_) => entries(stbl, b"co64", 8, 0).iter().map(|e| u64_at(e, 0)).collect(),
        None => numbers(b"stco").into_iter().map(u64::from).collect(),
    };
    let stsc = entries(stbl, b"stsc", 12, 0);
    let mut samples = Vec::new();
    let mut dts = 0;
    for (c, offset) in chunks.iter().enumerate() {
        let entry = stsc.iter().rev().find(|e| u32_at(e, 0) as usize <= c + 1).unwrap();
        let mut at = usize::try_from(*offset).unwrap();
        for _ in 0..u32_at(entry, 4) {
            let n = samples.len();
            if n >= count {
                break;
            }
            let delta = deltas.next().unwrap();
            let shift = offsets.next().map_or(0, |o| i32::from_be_bytes(o.to_be_bytes()));
            let bytes = film[at..at + size(n) as usize].to_vec();
            at += bytes.len();
            let is_sync = sync.as_ref().is_none_or(|s| s.contains(&(u32::try_from(n).unwrap() + 1)));
            samples.push(One { dts, cts: dts + i64::from(shift), delta, sync: is_sync, bytes });
            dts += i64::from(delta);
        }
    }
    assert_eq!((samples.len(), deltas.next(), offsets.next()), (count, None, None));
    samples
}

/// The entries of an `elst`.
fn edits(elst: &[u8]) -> Vec<(u64, i64, u32)> {
    let wide = elst[0] == 1;
    let edit = |e: &[u8]| {
        if wide {
            (u64_at(e, 0), i64::from_be_bytes(e[8..16].try_into().unwrap()), u32_at(e, 16))
        } else {
            let media_time = i32::from_be_bytes(e[4..8].try_into().unwrap());
            (u64::from(u32_at(e, 0)), i64::from(media_time), u32_at(e, 8))
        }
    };
    elst[8..].chunks(if wide { 20 } else { 12 }).map(edit).collect()
}
