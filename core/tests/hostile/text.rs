//! Text of files that mean harm.

use test_boxes::{Film, TrackSpec, make_box, words};

use crate::text_judge::judge_text;
use crate::{files, queries};

/// A film with each coding of text, one of which has its chapters, and where its media begins.
fn film() -> (Vec<u8>, usize) {
    let styles = make_box(b"styl", [0, 1, 0, 1, 0, 3, 0, 1, 7, 18, 200, 100, 50, 255]);
    let styled = [&b"\0\x05a\nb<c"[..], &styles, &make_box(b"tbox", [0, 9, 0, 9, 0, 40, 0, 90])].concat();
    let cue = [
        make_box(b"vsid", words([7])),
        make_box(b"iden", b"one"),
        make_box(b"sttg", b"line:0"),
        make_box(b"ctim", b"00:00.000"),
        make_box(b"payl", b"a <00:00.200>b"),
    ];
    let cue = make_box(b"vttc", cue.concat());
    let header = [&[0; 8][..], &make_box(b"vttC", b"WEBVTT\n\nSTYLE\n::cue { color: red }")].concat();
    let track = |coding: &[u8; 4], entry: Vec<u8>, sample: &[u8]| {
        let samples = [(300, sample.to_vec()), (200, Vec::new()), (500, sample.to_vec())];
        let edits = vec![(100, -1, 0x1_0000), (600, 100, 0x1_0000), (300, 0, 0x8000)];
        TrackSpec { edits, ..TrackSpec::text(coding, entry, &samples) }
    };
    let references = make_box(b"tref", make_box(b"chap", words([2])));
    let video = TrackSpec { area: [0, 0, 100, 50], in_trak: vec![references], ..TrackSpec::video(10, 5) };
    let area = [0, 10, 100, 40];
    let tracks = vec![
        video,
        TrackSpec { area, ..track(b"text", make_box(b"text", [1; 59]), &styled) },
        TrackSpec { area, ..track(b"tx3g", make_box(b"tx3g", [1; 38]), &styled) },
        track(b"wvtt", make_box(b"wvtt", header), &cue),
    ];
    let film = Film { moov_first: true, ..Film::of(tracks) }.build();
    let media = film.windows(4).position(|w| w == b"mdat").unwrap() + 4;
    (film, media)
}

/// Texts of a film with four tracks, and its chapters.
const TEXTS: usize = 5;

#[test]
fn a_byte_of_a_sample_costs_no_text() {
    let (film, media) = film();
    for at in media..film.len() {
        for byte in [0, 0xff] {
            let mut film = film.clone();
            film[at] = byte;
            assert_eq!(judge_text(&film, "start=0.25&end=0.85"), TEXTS, "{byte} at {at}");
        }
    }
}

#[test]
fn a_byte_of_the_metadata_does_no_harm() {
    let (film, media) = film();
    for at in 0..media {
        for byte in [0, 0xff, film[at] ^ 1] {
            let mut film = film.clone();
            film[at] = byte;
            judge_text(&film, "");
        }
    }
}

#[test]
fn a_film_that_is_cut_off_has_the_text_that_is_there() {
    let (film, media) = film();
    for len in (media..film.len()).step_by(7) {
        assert_eq!(judge_text(&film[..len], ""), TEXTS, "{len} bytes");
    }
}

#[test]
fn text_of_what_the_fuzzer_found_and_began_with_is_written() {
    for (name, film) in [files("fuzz/seeds/film"), files("tests/hostile/crashes")].concat() {
        println!("{name}");
        for query in queries::of(&film) {
            judge_text(&film, &query);
        }
    }
}
