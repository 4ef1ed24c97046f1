//! The tables of a flat file.

use super::TrackSpec;
use crate::{full_box, make_box};

pub(super) fn trak(id: u32, track: &TrackSpec, offsets: &[u32]) -> Vec<u8> {
    let [left, top, width, height] = track.area.map(|length| length << 16);
    let place = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, left, top, 0, width, height];
    let mut tkhd = full_box(b"tkhd", 0, [&[0, 0, id, 0, 0][..], &place].concat());
    tkhd[11] = u8::from(track.enabled);
    let mut content = tkhd;
    if !track.edits.is_empty() {
        let count = u32::try_from(track.edits.len()).unwrap();
        let entries = track.edits.iter().flat_map(|&(d, m, r)| [d, u32::from_be_bytes(m.to_be_bytes()), r]);
        content.extend(make_box(b"edts", full_box(b"elst", 0, std::iter::once(count).chain(entries))));
    }
    let mut mdia = full_box(b"mdhd", 0, [0, 0, track.timescale, 0, track.language << 16]);
    let handler = [&[0; 8][..], &track.handler, &[0; 13]].concat();
    mdia.extend(make_box(b"hdlr", handler));
    mdia.extend(track.in_mdia.concat());
    mdia.extend(make_box(b"minf", [track.in_minf.concat(), stbl(track, offsets)].concat()));
    content.extend(track.in_trak.concat());
    content.extend(make_box(b"mdia", mdia));
    make_box(b"trak", content)
}

fn stbl(track: &TrackSpec, offsets: &[u32]) -> Vec<u8> {
    let mut fields = vec![0; 28];
    fields[7] = 1;
    fields.extend(track.in_entry.concat());
    let entry = track.entry.clone().unwrap_or_else(|| make_box(&track.coding, fields));
    let mut content = make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &entry].concat());
    let each = track.one_entry_each;
    let times = runs(track.samples.iter().map(|s| s.delta), each);
    content.extend(full_box(b"stts", 0, times));
    if track.samples.iter().any(|s| s.offset != 0) {
        let offsets = track.samples.iter().map(|s| u32::from_be_bytes(s.offset.to_be_bytes()));
        let version = u8::from(track.samples.iter().any(|s| s.offset < 0));
        content.extend(full_box(b"ctts", version, runs(offsets, each)));
    }
    let mut entries: Vec<[u32; 3]> = Vec::new();
    for (c, chunk) in track.chunks().iter().enumerate() {
        let samples = u32::try_from(chunk.len()).unwrap();
        if each || entries.last().is_none_or(|e| e[1] != samples) {
            entries.push([u32::try_from(c).unwrap() + 1, samples, 1]);
        }
    }
    let count = u32::try_from(entries.len()).unwrap();
    content.extend(full_box(b"stsc", 0, std::iter::once(count).chain(entries.into_iter().flatten())));
    let count = u32::try_from(track.samples.len()).unwrap();
    content.extend(full_box(b"stsz", 0, [0, count].into_iter().chain(track.samples.iter().map(|s| s.size))));
    if track.samples.iter().any(|s| !s.sync) {
        let numbers = (1..).zip(&track.samples).filter(|(_, s)| s.sync).map(|(n, _)| n);
        let numbers: Vec<u32> = numbers.collect();
        let count = u32::try_from(numbers.len()).unwrap();
        content.extend(full_box(b"stss", 0, std::iter::once(count).chain(numbers)));
    }
    content.extend(track.more.concat());
    if let Some(protection) = &track.protection {
        content.extend(protection.descriptions());
        content.extend(protection.boxes(0..track.samples.len(), 0));
    }
    let count = u32::try_from(offsets.len()).unwrap();
    if track.wide_offsets {
        let words = offsets.iter().flat_map(|&o| [0, o]);
        content.extend(full_box(b"co64", 0, std::iter::once(count).chain(words)));
    } else {
        content.extend(full_box(b"stco", 0, std::iter::once(count).chain(offsets.iter().copied())));
    }
    make_box(b"stbl", content)
}

fn runs(values: impl Iterator<Item = u32>, each: bool) -> Vec<u32> {
    let mut entries: Vec<[u32; 2]> = Vec::new();
    for value in values {
        match entries.last_mut() {
            Some(last) if last[1] == value && !each => last[0] += 1,
            _ => entries.push([1, value]),
        }
    }
    std::iter::once(u32::try_from(entries.len()).unwrap()).chain(entries.into_iter().flatten()).collect()
}
