//! What a decrypter needs of the samples of a track.

use std::ops::Range;

use crate::{full_box, make_box};

/// How the samples of a track are encrypted.
#[derive(Debug, Clone, Default)]
pub struct Protection {
    /// What the `senc` has of each sample; empty for a sample that is not encrypted.
    pub entries: Vec<Vec<u8>>,
    /// Whether entries say which bytes of a sample are encrypted.
    pub has_subsamples: bool,
    /// Whether a `saiz` and a `saio` locate the entries.
    pub is_located: bool,
    /// The index of each sample's key, from 1; 0 for that of the track. Empty for no groups.
    pub keys: Vec<u32>,
}

impl Protection {
    /// What a decrypter has to find of sample `n`, which has so many bytes: its entry, and the
    /// description of its key. In the place of an empty entry, one says that all bytes are clear.
    pub fn due(&self, n: usize, size: usize) -> (Vec<u8>, Vec<u8>) {
        let entry = self.entries.get(n).cloned().unwrap_or_default();
        let is_clear = entry.is_empty() && self.is_located && n < self.entries.len();
        let clear = [&[0, 1][..], &u16::try_from(size).unwrap().to_be_bytes(), &[0; 4]].concat();
        let key = self.keys.get(n).map_or(Vec::new(), |&key| description(key));
        (if is_clear { clear } else { entry }, key)
    }

    /// The `sgpd` of the keys.
    pub(super) fn descriptions(&self) -> Vec<u8> {
        let Some(&most) = self.keys.iter().max() else { return Vec::new() };
        let all: Vec<_> = (1..=most.max(1)).flat_map(description).collect();
        let count = most.max(1).to_be_bytes();
        make_box(b"sgpd", [&b"\x01\0\0\0seig\0\0\0\x14"[..], &count, &all].concat())
    }

    /// The other boxes for some samples. Indices of keys count from `base`.
    pub(super) fn boxes(&self, samples: Range<usize>, base: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let last = samples.end.min(self.keys.len());
        if let Some(keys) = self.keys.get(samples.start..last).filter(|keys| !keys.is_empty()) {
            let runs: Vec<_> = keys.chunk_by(|a, b| a == b).collect();
            let index = |key: u32| if key == 0 { 0 } else { base + key };
            let words = runs.iter().flat_map(|run| [u32::try_from(run.len()).unwrap(), index(run[0])]);
            let count = u32::try_from(runs.len()).unwrap();
            let seig = u32::from_be_bytes(*b"seig");
            out.extend(full_box(b"sbgp", 0, [seig, count].into_iter().chain(words)));
        }
        let Some(entries) = self.entries.get(samples).filter(|entries| !entries.is_empty()) else {
            return out;
        };
        let count = u32::try_from(entries.len()).unwrap().to_be_bytes();
        if self.is_located {
            let sizes: Vec<_> = entries.iter().map(|e| u8::try_from(e.len()).unwrap()).collect();
            let is_constant = sizes[0] > 0 && sizes.iter().all(|&size| size == sizes[0]);
            let (default, sizes) = if is_constant { (sizes[0], &[][..]) } else { (0, &sizes[..]) };
            out.extend(make_box(b"saiz", [&[0; 4][..], &[default], &count, sizes].concat()));
            // Readers take what the `senc` has, if its length is right.
            out.extend(full_box(b"saio", 0, [1, 0]));
        }
        let flags = [0, 0, 0, if self.has_subsamples { 2 } else { 0 }];
        out.extend(make_box(b"senc", [&flags[..], &count, &entries.concat()].concat()));
        out
    }
}

/// The description of a key: vectors of 8 bytes, and its ID. None for that of the track.
fn description(key: u32) -> Vec<u8> {
    let id = u8::try_from(key).unwrap();
    if key == 0 { Vec::new() } else { [&[0, 0, 1, 8][..], &[id; 16]].concat() }
}
