//! Sample groups that take a few bytes and claim very much.

use test_boxes::{MEDIA, Track, film_of_tracks, fourcc, full_box, make_box, table, words};

use crate::judge::{Bounds, judge, judge_within};
use crate::{LARGE, is_film, is_refused};

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
