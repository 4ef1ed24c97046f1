//! A plain reader of what a decrypter needs of each sample.

use std::collections::BTreeMap;

use crate::{boxes, content, find, u32_at, u64_at};

/// Of each track by its ID, and of each of its samples: the auxiliary information, and the
/// description of the key. Both may be empty.
pub type Protected = BTreeMap<u32, Vec<(Vec<u8>, Vec<u8>)>>;

/// Reads that of a film whose samples are all in fragments.
///
/// # Panics
/// Where boxes contradict each other, or are not of the form that this reader knows.
pub fn protection_of_fragments(film: &[u8]) -> Protected {
    let moov = find(film, b"moov").unwrap();
    let mut descriptions = BTreeMap::new();
    for (_, trak) in content(moov).filter(|(t, _)| t == b"trak") {
        let tkhd = find(trak, b"tkhd").unwrap();
        let stbl = find(find(find(trak, b"mdia").unwrap(), b"minf").unwrap(), b"stbl").unwrap();
        descriptions.insert(u32_at(tkhd, if tkhd[0] == 1 { 20 } else { 12 }), of_keys(stbl, b"sgpd"));
    }
    let mut all = Protected::new();
    for moof in boxes(film).iter().filter(|b| &b.box_type == b"moof") {
        for (_, traf) in content(&film[moof.content.clone()]).filter(|(t, _)| t == b"traf") {
            let id = u32_at(find(traf, b"tfhd").unwrap(), 4);
            let runs = content(traf).filter(|(t, _)| t == b"trun");
            let count: u32 = runs.map(|(_, trun)| u32_at(trun, 4)).sum();
            let auxiliary = located(&film[moof.whole.start..], traf, count as usize);
            let keys = keys(traf, descriptions[&id], count as usize);
            all.entry(id).or_default().extend(auxiliary.into_iter().zip(keys));
        }
    }
    all
}

/// The entries that a `saiz` and a `saio` locate. Those of a `senc` have to be the same ones.
fn located(from: &[u8], traf: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    if let Some(saiz) = find(traf, b"saiz") {
        let saio = find(traf, b"saio").unwrap();
        assert_eq!((u32_at(saiz, 0), u32_at(saio, 0) & 0xff_ffff, u32_at(saio, 4)), (0, 0, 1));
        let mut at = usize::try_from(u64_at(saio, 8)).unwrap();
        let sizes = match saiz[4] {
            0 => saiz[9..].to_vec(),
            default => vec![default; u32_at(saiz, 5) as usize],
        };
        assert_eq!(sizes.len(), u32_at(saiz, 5) as usize);
        for size in sizes {
            entries.push(from[at..at + usize::from(size)].to_vec());
            at += usize::from(size);
        }
        if let Some(senc) = find(traf, b"senc") {
            assert_eq!(u32_at(senc, 4) as usize, count);
            assert_eq!(senc[8..], entries.concat());
        }
    } else {
        assert!(find(traf, b"senc").is_none_or(|senc| senc.len() == 8), "entries that nothing locates");
    }
    assert!(entries.len() <= count, "entries of other samples");
    entries.resize(count, Vec::new());
    entries
}

/// The descriptions of the keys of so many samples.
fn keys(traf: &[u8], descriptions: Option<&[u8]>, count: usize) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    for run in of_keys(traf, b"sbgp").map_or(&[][..], |sbgp| &sbgp[12..]).chunks(8) {
        let (samples, index) = (u32_at(run, 0) as usize, u32_at(run, 4) as usize);
        let key = match index.checked_sub(1) {
            None => Vec::new(),
            Some(n) => descriptions.unwrap()[16 + 20 * n..][..20].to_vec(),
        };
        keys.extend(vec![key; samples]);
    }
    assert!(keys.len() <= count, "keys of other samples");
    keys.resize(count, Vec::new());
    keys
}

/// The box of this type that is about keys.
fn of_keys<'a>(bytes: &'a [u8], box_type: &[u8; 4]) -> Option<&'a [u8]> {
    content(bytes).find(|(found, b)| found == box_type && b[4..8] == *b"seig").map(|(_, b)| b)
}
