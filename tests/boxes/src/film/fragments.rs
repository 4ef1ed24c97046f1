//! Files in movie fragments.

use std::ops::Range;

use super::{Film, Sample, TrackSpec};
use crate::{flagged_box, full_box, make_box, position};

impl Film {
    /// The same film in fragments; the flags of its boxes are chosen by the bits of `style`.
    pub fn build_fragmented(&self, style: u32) -> Vec<u8> {
        let mut out = make_box(b"ftyp", b"iso5\0\0\x02\0iso5iso6mp41");
        let hollow = self.tracks.iter().map(|t| TrackSpec { samples: Vec::new(), ..t.clone() });
        let trex = (1..).zip(&self.tracks).flat_map(|(id, _)| full_box(b"trex", 0, [id, 1, 0, 0, 0]));
        let mvex = make_box(b"mvex", trex.collect::<Vec<_>>());
        let hollow = Self { tracks: hollow.collect(), more: vec![mvex], ..self.clone() };
        out.extend(hollow.moov(&vec![Vec::new(); self.tracks.len()]));
        let mut dts = vec![0u32; self.tracks.len()];
        let longest = self.tracks.iter().map(|t| t.samples.len()).max().unwrap();
        let size = 3 + style as usize % 5;
        for start in (0..longest).step_by(size) {
            let parts: Vec<_> =
                self.tracks.iter().enumerate().filter(|(_, t)| start < t.samples.len()).collect();
            let moof = |base: u32, dts: &mut [u32]| {
                let mut content = full_box(b"mfhd", 0, [1]);
                let mut at = base;
                for &(t, track) in &parts {
                    let end = (start + size).min(track.samples.len());
                    content.extend(traf(t, track, start..end, style, &mut at, &mut dts[t]));
                }
                make_box(b"moof", content)
            };
            let len = moof(0, &mut dts.clone()).len();
            let here = u32::try_from(out.len()).unwrap();
            // Offsets count from the moof or from the file, as the style says.
            let media = u32::try_from(len).unwrap() + 8 + if style & 1 == 0 { 0 } else { here };
            out.extend(moof(media, &mut dts));
            let bytes = parts.iter().flat_map(|&(t, track)| {
                let end = (start + size).min(track.samples.len());
                (start..end).flat_map(move |n| track.bytes_of(t, n))
            });
            out.extend(make_box(b"mdat", bytes.collect::<Vec<_>>()));
            if style & 2 != 0 {
                out.extend(make_box(b"free", [0; 5]));
            }
        }
        out
    }
}

/// What a track fragment says once for all of its samples, and not for each.
struct Defaults {
    size: bool,
    delta: bool,
    flags: bool,
    /// The flags of a sample that is no sync sample.
    dependent: u32,
}

impl Defaults {
    fn of(samples: &[Sample], style: u32) -> Self {
        let first = samples[0];
        // Some writers only say that a sample is no sync sample, some only that it depends on
        // others.
        let dependent = if style & 4 == 0 { 0x1_0000 } else { 0x100_0000 };
        let mut rest = samples.iter().skip(1);
        Self {
            size: samples.iter().all(|s| s.size == first.size),
            delta: samples.iter().all(|s| s.delta == first.delta) && style & 4 != 0,
            flags: style & 8 != 0 && rest.next().is_none_or(|second| rest.all(|s| s.sync == second.sync)),
            dependent,
        }
    }

    fn flags_of(&self, sample: &Sample) -> u32 {
        if sample.sync { 0x0200_0000 } else { self.dependent }
    }

    fn tfhd(&self, id: u32, samples: &[Sample], style: u32) -> Vec<u8> {
        let mut words = vec![id];
        let mut flags = 0;
        if style & 1 == 0 {
            flags |= 0x2_0000;
        } else {
            flags |= 1;
            words.extend([0, 0]);
        }
        if self.delta {
            flags |= 8;
            words.push(samples[0].delta);
        }
        if self.size {
            flags |= 0x10;
            words.push(samples[0].size);
        }
        if self.flags {
            flags |= 0x20;
            words.push(samples.get(1).map_or(0, |s| self.flags_of(s)));
        }
        flagged_box(b"tfhd", 0, flags, words)
    }
}

/// A track fragment; `at` is where its media is, `dts` its decode time.
fn traf(
    t: usize,
    track: &TrackSpec,
    range: Range<usize>,
    style: u32,
    at: &mut u32,
    dts: &mut u32,
) -> Vec<u8> {
    let (start, samples) = (range.start, &track.samples[range.clone()]);
    let defaults = Defaults::of(samples, style);
    let mut content = defaults.tfhd(u32::try_from(t).unwrap() + 1, samples, style);
    // The time may be left out where it only goes on.
    if style & 16 == 0 || start == 0 {
        content.extend(if style & 32 == 0 {
            full_box(b"tfdt", 0, [*dts])
        } else {
            full_box(b"tfdt", 1, [0, *dts])
        });
    }
    let half = if style & 64 == 0 { samples.len() } else { samples.len().div_ceil(2) };
    for (n, run) in samples.chunks(half).enumerate() {
        let mut words = vec![u32::try_from(run.len()).unwrap()];
        let mut flags = 0xa00;
        if n == 0 || style & 128 == 0 {
            flags |= 1;
            words.push(*at);
        }
        let each_flags = !defaults.flags || n > 0;
        if each_flags {
            flags |= 0x400;
        } else {
            flags |= 4;
            words.push(defaults.flags_of(&run[0]));
        }
        flags = if defaults.size { flags & !0x200 } else { flags };
        flags = if defaults.delta { flags } else { flags | 0x100 };
        for s in run {
            words.extend((!defaults.delta).then_some(s.delta));
            words.extend((!defaults.size).then_some(s.size));
            words.extend(each_flags.then(|| defaults.flags_of(s)));
            words.push(u32::from_be_bytes(s.offset.to_be_bytes()));
            *at += s.size;
            *dts += s.delta;
        }
        content.extend(flagged_box(b"trun", 1, flags, words));
    }
    if let Some(protection) = &track.protection {
        // Keys are described in the fragment or in the `moov`.
        let base = if style & 128 == 0 { 0 } else { 0x1_0000 };
        content.extend(if base == 0 { Vec::new() } else { protection.descriptions() });
        content.extend(protection.boxes(range, base));
    }
    make_box(b"traf", content)
}

/// A file of one track, and a fragment of four samples at each of these decode times. Each sample
/// has 10 ticks and 5 bytes. The samples lie in two runs. `more` builds the other boxes of a `traf`
/// from the number of the fragment and their offset in the `moof`.
pub fn fragments_at(times: impl IntoIterator<Item = u32>, more: impl Fn(u32, u32) -> Vec<u8>) -> Vec<u8> {
    let sample = Sample { delta: 10, offset: 0, sync: true, size: 5 };
    let track = TrackSpec::new(b"vide", b"avc1", 100, vec![sample]);
    let mut out = Film::of(vec![track]).build_fragmented(0);
    out.truncate(position(&out, b"moof") - 4);
    for (n, time) in (0..).zip(times) {
        let tfhd = flagged_box(b"tfhd", 0, 0x2_0018, [1, 10, 5]);
        let tfdt = full_box(b"tfdt", 0, [time]);
        let runs = |data: u32| {
            let run = |offset: u32| flagged_box(b"trun", 0, 1, [2, offset]);
            // Something lies between the runs.
            [run(data), run(data + 13)].concat()
        };
        // moof and traf headers before, and what there is in the traf.
        let before = 8 + 8 + tfhd.len() + tfdt.len() + runs(0).len();
        let more = more(n, u32::try_from(before).unwrap());
        let data = u32::try_from(before + more.len() + 8).unwrap();
        let traf = make_box(b"traf", [tfhd, tfdt, runs(data), more].concat());
        out.extend(make_box(b"moof", traf));
        let bytes = |from: usize| (from..from + 2).flat_map(|n| Film::sample_bytes(0, n, 5));
        let first = n as usize * 4;
        let media = bytes(first).chain([b'#'; 3]).chain(bytes(first + 2));
        out.extend(make_box(b"mdat", media.collect::<Vec<_>>()));
    }
    out
}
