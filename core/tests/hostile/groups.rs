//! Sample groups that take a few bytes and claim very much.

use test_boxes::{MEDIA, Track, film_of_tracks, fourcc, full_box, make_box, table, words};

use crate::fragments::{empty_track, fragmented};
use crate::judge::{Bounds, judge, judge_within};
use crate::{CUT, LARGE, is_film, is_refused};

/// A `csgp` of a pattern of two, which takes an entry of 8 bytes in an `sbgp` for each of its samples.
fn csgp(grouping: &[u8; 4], samples: u32) -> Vec<u8> {
    make_box(b"csgp", [&words([0x3c, fourcc(grouping), 1, 2, samples])[..], &[0x12]].concat())
}

/// A film of these tracks, with the media that they share.
fn film(tracks: &[Track]) -> Vec<u8> {
    [film_of_tracks(tracks), make_box(b"free", [0; 131_000])].concat()
}

fn track(more: Vec<u8>) -> Track {
    const COUNT: u32 = 131_000;
    Track {
        handler: *b"soun",
        stts: table(b"stts", &[[COUNT, 1]]),
        stsc: table(b"stsc", &[[1, COUNT, 1]]),
        stsz: full_box(b"stsz", 0, [1, COUNT]),
        stco: table(b"stco", &[[MEDIA]]),
        more,
        ..Track::video()
    }
}

#[test]
fn groups_of_a_clip_take_some_memory_for_all_tracks_together() {
    let tracks: Vec<_> = (0..2).map(|_| track(csgp(b"roll", 131_000).repeat(30))).collect();
    let bounds = Bounds { memory: (40 << 20, 0), ..LARGE };
    is_film(judge_within(&film(&tracks), "start=0.1", &bounds));
    // Without those of keys, samples would be decrypted with others.
    let tracks = [track([csgp(b"roll", 131_000).repeat(20), csgp(b"seig", 131_000)].concat())];
    is_refused(judge_within(&film(&tracks), "start=0.1", &bounds), "more such tables");
    // The last field is cut off.
    let mut damaged = csgp(b"seig", 131_000);
    damaged[3] -= 1;
    damaged.pop();
    is_refused(judge(&film(&[track(damaged)]), "start=0.1"), "malformed");
}

/// Descriptions that take no bytes.
#[test]
fn descriptions_that_are_only_claimed_take_no_memory() {
    let claims = |n: u32| {
        let of_no_length = full_box(b"sgpd", 0, [fourcc(b"aaaa") + n, 4096]);
        let cut_off = full_box(b"sgpd", 1, [fourcc(b"aaab") + n, 0, 4096]);
        [of_no_length, cut_off].concat()
    };
    let boxes: Vec<u8> = (0..32).flat_map(claims).collect();
    let tracks: Vec<_> = (0..8).map(|_| Track { more: boxes.clone(), ..Track::video() }).collect();
    is_film(judge_within(&film(&tracks), CUT, &LARGE));
    // And ones that do, in a fragment that says them again and again.
    let trun = make_box(b"trun", words([0, 10]));
    let again = make_box(b"sgpd", [&words([1 << 24, fourcc(b"aaaa"), 1, 400])[..], &[7; 400]].concat());
    let bounds = Bounds { memory: (2 << 20, 0), ..LARGE };
    for boxes in [boxes.repeat(20), again.repeat(2000)] {
        let film = fragmented(&[&trun[..], &boxes].concat(), 1, &empty_track());
        is_film(judge_within(&film, "start=0.03", &bounds));
    }
}

/// Groups of a fragment that are more than are taken, again and again: each would be gone through to
/// find that out.
#[test]
fn groups_that_are_not_taken_are_not_gone_through_very_often() {
    const COUNT: u32 = 131_200;
    let trun = make_box(b"trun", words([0, COUNT]));
    let boxes = [trun, csgp(b"aaaa", COUNT).repeat(40)].concat();
    let film = [fragmented(&boxes, 1, &empty_track()), make_box(b"free", [0; COUNT as usize])].concat();
    is_refused(judge_within(&film, CUT, &LARGE), "groups of samples");
}

/// The descriptions of fragments are put together in one box, which is read as a whole.
#[test]
fn descriptions_of_fragments_are_no_more_than_a_box_of_them_may_have() {
    const LEN: u32 = 600_000;
    let trun = make_box(b"trun", words([0, 10]));
    let traf = |n: u8| {
        let head = words([1 << 24, fourcc(b"aaaa"), LEN, 1]);
        let sgpd = make_box(b"sgpd", [head, vec![n; LEN as usize]].concat());
        [&trun[..], &sgpd, &full_box(b"sbgp", 0, [fourcc(b"aaaa"), 1, 10, 0x1_0001])].concat()
    };
    let one = fragmented(&traf(1), 1, &empty_track());
    is_film(judge_within(&one, "start=0.03", &LARGE));
    let other = fragmented(&traf(2), 1, &empty_track());
    let from = other.windows(4).position(|w| w == b"moof").unwrap() - 4;
    is_refused(judge_within(&[&one, &other[from..]].concat(), CUT, &LARGE), "descriptions");
}
