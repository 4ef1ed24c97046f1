//! QuickTime's sound in packets, whose tables count frames.

use crate::common::ask;
use test_boxes::{Track, expand, flagged_box, ftyp, full_box, make_box, mvhd, table, words};

const FRAMES: u32 = 64;
const BYTES: u32 = 34;

/// Packets in a `moov`, 3 and then 2 to a chunk, and 4 more in a fragment.
fn hybrid() -> Vec<u8> {
    let fields =
        [&[0; 6][..], &[0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 16, 0xff, 0xff, 0, 0, 0x03, 0xe8, 0, 0]];
    let version = words([FRAMES, BYTES, BYTES, 2]);
    let entry = make_box(b"ima4", [&fields.concat()[..], &version].concat());
    let media: Vec<u8> = (1..10).flat_map(|n| [n; BYTES as usize]).collect();
    let moov = |at: u32| {
        let track = Track {
            handler: *b"soun",
            stsd: make_box(b"stsd", [words([0, 1]), entry.clone()].concat()),
            stts: table(b"stts", &[[5 * FRAMES, 1]]),
            stsc: table(b"stsc", &[[1, 3 * FRAMES, 1], [2, 2 * FRAMES, 1]]),
            stsz: full_box(b"stsz", 0, [1, 5 * FRAMES]),
            stco: table(b"stco", &[[at], [at + 3 * BYTES]]),
            ..Track::video()
        };
        let trex = full_box(b"trex", 0, [1, 1, FRAMES, BYTES, 0x0200_0000]);
        make_box(b"moov", [mvhd(), track.build(1), make_box(b"mvex", trex)].concat())
    };
    let before = ftyp().len() + moov(0).len() + 8;
    let (first, rest) = media.split_at(5 * BYTES as usize);
    let moof = |at: u32| {
        let tfhd = flagged_box(b"tfhd", 0, 0x2_0000, [1]);
        let tfdt = full_box(b"tfdt", 0, [5 * FRAMES]);
        let trun = flagged_box(b"trun", 0, 1, [4, at]);
        make_box(b"moof", make_box(b"traf", [tfhd, tfdt, trun].concat()))
    };
    let at = u32::try_from(moof(0).len()).unwrap() + 8;
    let moov = moov(u32::try_from(before).unwrap());
    [ftyp(), moov, make_box(b"mdat", first), moof(at), make_box(b"mdat", rest)].concat()
}

#[test]
fn packets_in_the_moov_are_samples_beside_those_in_fragments() {
    let film = hybrid();
    let all = |film: &[u8]| {
        let track = expand(film).swap_remove(0);
        let samples = track.samples.iter().map(|s| {
            assert!(s.bytes.len() == BYTES as usize && s.bytes.iter().all(|b| *b == s.bytes[0]));
            (s.bytes[0], s.delta, s.sync)
        });
        samples.collect::<Vec<_>>()
    };
    let whole = ask(&film, "").unwrap().unwrap();
    assert_eq!(all(&whole), (1..10).map(|n| (n, FRAMES, true)).collect::<Vec<_>>());
    let cut = ask(&film, "start=0.2&end=0.4&mode=keyframe").unwrap().unwrap();
    assert_eq!(all(&cut), (4..8).map(|n| (n, FRAMES, true)).collect::<Vec<_>>());
}
