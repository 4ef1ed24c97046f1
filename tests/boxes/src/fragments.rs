//! A plain reader of fragmented films: every sample one by one.

use std::collections::BTreeMap;

use crate::{Expanded, One, boxes, content, expand, find, u32_at, u64_at};

/// What the samples of a track have where their fragments say nothing: duration, size, flags.
type Defaults = BTreeMap<u32, (u32, u32, u32)>;

/// `sample_is_non_sync_sample`.
const NON_SYNC: u32 = 0x1_0000;

/// Reads every track of a film whose samples are all in fragments. An edit of no duration lasts as
/// long as the film.
///
/// # Panics
/// Where a box is not of the form that this reader knows.
pub fn expand_fragments(film: &[u8]) -> Vec<Expanded> {
    let moov = find(film, b"moov").unwrap();
    let trex = content(find(moov, b"mvex").unwrap()).filter(|(t, _)| t == b"trex");
    let defaults: Defaults =
        trex.map(|(_, b)| (u32_at(b, 4), (u32_at(b, 12), u32_at(b, 16), u32_at(b, 20)))).collect();
    // Without a length, which a recording has not, an edit has no end.
    let length = find(find(moov, b"mvex").unwrap(), b"mehd").map_or(u64::MAX / 4, |mehd| u64_at(mehd, 4));
    let mut tracks = expand(film);
    for track in &mut tracks {
        for edit in track.edits.iter_mut().filter(|edit| edit.0 == 0) {
            edit.0 = length;
        }
    }
    for moof in boxes(film).iter().filter(|b| &b.box_type == b"moof") {
        for (_, traf) in content(&film[moof.content.clone()]).filter(|(t, _)| t == b"traf") {
            let id = u32_at(find(traf, b"tfhd").unwrap(), 4);
            let track = tracks.iter_mut().find(|track| track.id == id).unwrap();
            append(&film[moof.whole.start..], traf, defaults[&id], &mut track.samples);
        }
    }
    tracks
}

/// Appends the samples of a `traf`. Offsets count from the start of `from`.
fn append(from: &[u8], traf: &[u8], defaults: (u32, u32, u32), samples: &mut Vec<One>) {
    assert_eq!(u32_at(find(traf, b"tfhd").unwrap(), 0), 0x2_0000, "only default-base-is-moof");
    let tfdt = find(traf, b"tfdt").unwrap();
    let mut dts = i64::try_from(u64_at(tfdt, 4)).unwrap();
    if let Some(last) = samples.last() {
        assert_eq!(dts, last.dts + i64::from(last.delta), "fragments follow each other");
    }
    for (_, trun) in content(traf).filter(|(t, _)| t == b"trun") {
        let (flags, count) = (u32_at(trun, 0) & 0xff_ffff, u32_at(trun, 4));
        let mut at = u32_at(trun, 8) as usize;
        let mut entries = trun[12..].chunks_exact(4).map(|word| u32_at(word, 0));
        for _ in 0..count {
            let mut field = |flag, default| if flags & flag > 0 { entries.next().unwrap() } else { default };
            let (delta, size) = (field(0x100, defaults.0), field(0x200, defaults.1));
            let (sample_flags, offset) = (field(0x400, defaults.2), field(0x800, 0));
            let bytes = from[at..at + size as usize].to_vec();
            at += bytes.len();
            let cts = dts + i64::from(i32::from_be_bytes(offset.to_be_bytes()));
            samples.push(One { dts, cts, delta, sync: sample_flags & NON_SYNC == 0, bytes });
            dts += i64::from(delta);
        }
        assert_eq!(entries.next(), None);
    }
}

/// Where the segments that a film's `sidx` names begin, and where the last ends, counted from the
/// start of the film.
///
/// # Panics
/// Where there is no index.
pub fn segments(film: &[u8]) -> Vec<usize> {
    let index = boxes(film).into_iter().find(|b| &b.box_type == b"sidx").unwrap();
    let content = &film[index.content.clone()];
    let mut at = index.whole.end;
    let mut all = vec![at];
    for reference in content[32..].chunks_exact(12) {
        at += (u32_at(reference, 0) & 0x7fff_ffff) as usize;
        all.push(at);
    }
    all
}
