//! Sample descriptions and user data that are much, or nonsense.

use test_boxes::{Track, film_of_tracks as film, make_box};

use crate::is_film;
use crate::judge::{judge, judge_descriptions};

/// An `stsd` with one description.
fn stsd(coding: &[u8; 4], fields: usize, boxes: &[u8]) -> Vec<u8> {
    let entry = make_box(coding, [&vec![0; fields][..], boxes].concat());
    make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &entry].concat())
}

fn of(handler: &[u8; 4], stsd: Vec<u8>) -> Vec<u8> {
    let film = film(&[Track { handler: *handler, stsd, ..Track::video() }]);
    is_film(judge(&film, "start=2.5&end=6"));
    film
}

#[test]
fn very_many_boxes_in_a_description_cost_no_more_than_their_bytes() {
    for box_type in [b"avcC", b"colr", b"pasp", b"dvcC", b"sinf"] {
        let boxes = make_box(box_type, [0; 3]).repeat(4000);
        judge_descriptions(&of(b"vide", stsd(b"avc1", 78, &boxes)));
    }
    // Each inside of the one before: what counts is the first.
    let schi = make_box(b"schi", make_box(b"tenc", [0; 3]).repeat(4000));
    let sinf = make_box(b"sinf", [schi, make_box(b"frma", b"mp4").repeat(4000)].concat());
    let wave = make_box(b"wave", [make_box(b"esds", [3; 9]).repeat(4000), sinf].concat());
    judge_descriptions(&of(b"soun", stsd(b"enca", 28, &wave)));
}

#[test]
fn configurations_of_any_bytes_are_none_or_something() {
    let configurations = [
        (*b"vide", *b"avc1", *b"avcC", 78),
        (*b"vide", *b"hvc1", *b"hvcC", 78),
        (*b"vide", *b"vvc1", *b"vvcC", 78),
        (*b"vide", *b"av01", *b"av1C", 78),
        (*b"vide", *b"vp09", *b"vpcC", 78),
        (*b"vide", *b"dvh1", *b"dvcC", 78),
        (*b"vide", *b"mp4v", *b"esds", 78),
        (*b"soun", *b"mp4a", *b"esds", 28),
        (*b"soun", *b"Opus", *b"dOps", 28),
        (*b"soun", *b"ac-3", *b"dac3", 28),
        (*b"soun", *b"ec-3", *b"dec3", 28),
        (*b"soun", *b"ac-4", *b"dac4", 28),
        (*b"soun", *b"fLaC", *b"dfLa", 28),
        (*b"soun", *b"alac", *b"alac", 28),
    ];
    let mut seed = 1u32;
    for (handler, coding, configuration, fields) in configurations {
        for len in 0..48 {
            for fill in [Some(0), Some(0xff), None] {
                let bytes: Vec<u8> = std::iter::repeat_with(|| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    fill.unwrap_or(u8::try_from(seed >> 24).unwrap())
                })
                .take(len)
                .collect();
                let stsd = stsd(&coding, fields, &make_box(&configuration, bytes));
                judge_descriptions(&film(&[Track { handler, stsd, ..Track::video() }]));
            }
        }
    }
}
