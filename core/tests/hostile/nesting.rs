//! Boxes in boxes.

use test_boxes::{Track, film_of_tracks as film, ftyp, make_box, mvhd, table};

use crate::judge::{Ending, judge};
use crate::{CUT, all_queries, is_film, is_refused};

#[test]
fn boxes_in_boxes_in_boxes_are_not_followed_down() {
    for box_type in [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"meta", b"moof", b"cmov"]
    {
        let mut deep = vec![0; 16];
        for _ in 0..10_000 {
            deep = make_box(box_type, deep);
        }
        all_queries(&deep);
        all_queries(&[&ftyp()[..], &deep].concat());
        let outer = make_box(b"moov", [&mvhd()[..], &Track::video().build(1), &deep].concat());
        all_queries(&[ftyp(), outer].concat());
        all_queries(&film(&[Track { edts: deep.clone(), ..Track::video() }]));
        all_queries(&film(&[Track { more: deep, ..Track::video() }]));
    }
}

/// A track whose boxes cannot be told apart is left out, if the movie can do without it.
#[test]
fn a_track_that_is_no_tree_does_not_cost_the_movie() {
    let too_long = b"\0\0\0\x09what".to_vec();
    let edts = || make_box(b"edts", table(b"elst", &[[10, 0, 0x1_0000]]));
    for broken in [
        Track { more: too_long, ..Track::video() },
        Track { edts: [edts(), edts()].concat(), ..Track::video() },
        Track { more: make_box(b"what", []).repeat(5000), ..Track::video() },
    ] {
        for (handler, is_spared) in [(b"text", true), (b"meta", true), (b"soun", false), (b"vide", true)] {
            let of = |track: &Track| Track { handler: *handler, ..track.clone() };
            for tracks in [[of(&broken), Track::video()], [Track::video(), of(&broken)]] {
                let ending = judge(&film(&tracks), CUT);
                assert_eq!(matches!(ending, Ending::Film(_)), is_spared, "{handler:?} {ending:?}");
            }
        }
        let ending = judge(&film(&[broken]), CUT);
        assert!(matches!(ending, Ending::Refused(415, _)), "{ending:?}");
    }
}

#[test]
fn boxes_that_hold_themselves_or_reach_outside_are_refused() {
    for size in [0u32, 1, 2, 7, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        for box_type in [b"ftyp", b"moov", b"mdat", b"trak", b"free", b"moof"] {
            let bad = |len: usize| [&size.to_be_bytes()[..], box_type, &vec![0; len]].concat();
            for len in [0, 1, 8, 100] {
                all_queries(&bad(len));
                all_queries(&[ftyp(), bad(len)].concat());
                all_queries(&[film(&[Track::video()]), bad(len)].concat());
                all_queries(&[ftyp(), make_box(b"moov", [mvhd(), bad(len)].concat())].concat());
                all_queries(&film(&[Track { more: bad(len), ..Track::video() }]));
            }
        }
    }
    // A table that ends where its track goes on.
    let mut stts = table(b"stts", &[[10, 1000]]);
    stts[..4].copy_from_slice(&400u32.to_be_bytes());
    is_refused(judge(&film(&[Track { stts, ..Track::video() }]), CUT), "reaches past");
}

#[test]
fn a_box_to_the_end_keeps_its_length_where_something_follows_it_in_the_clip() {
    let to_end = |t: &[u8; 4]| [&[0; 4], &t[..], &[0; 4], b"roll", &[0; 4]].concat();
    let film = film(&[Track::video()]);
    let name = [&0u32.to_be_bytes()[..], b"uuid"].concat();
    let last_of_all = [film.clone(), to_end(b"uuid")].concat();
    let tracks = Track { more: to_end(b"sgpd"), ..Track::video() };
    let last_of_table = test_boxes::film_of_tracks(&[tracks]);
    let last_of_moov =
        [ftyp(), make_box(b"moov", [mvhd(), Track::video().build(1), to_end(b"uuid")].concat())].concat();
    let last_of_moov = [last_of_moov, make_box(b"mdat", [0; 200])].concat();
    for film in [last_of_all, last_of_table, last_of_moov] {
        assert!(film.windows(8).any(|w| w == name) || film.windows(8).any(|w| w == b"\0\0\0\0sgpd"));
        is_film(judge(&film, CUT));
    }
}
