//! WebVTT that is in a movie already (`wvtt`).

use test_boxes::{Film, TrackSpec, make_box};

use super::{document, vtt};

fn entry(header: &str) -> Vec<u8> {
    make_box(b"wvtt", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &make_box(b"vttC", header)].concat())
}

/// A `vttc` of these boxes.
fn cue(boxes: &[(&[u8; 4], &str)]) -> Vec<u8> {
    make_box(b"vttc", boxes.iter().flat_map(|(box_type, text)| make_box(box_type, text)).collect::<Vec<_>>())
}

fn film(header: &str, samples: &[(u32, Vec<u8>)]) -> Vec<u8> {
    Film::of(vec![TrackSpec::text(b"wvtt", entry(header), samples)]).build()
}

#[test]
fn cues_come_back_as_they_were() {
    let gap = make_box(b"vtte", []);
    let one = cue(&[(b"iden", "1"), (b"sttg", "line:0 align:left"), (b"payl", "<i>Hi</i> &amp;\nho")]);
    let note = make_box(b"vtta", "NOTE this is not shown");
    let film = film("WEBVTT\n\nSTYLE\n::cue { color: red }", &[(1000, gap), (500, [note, one].concat())]);
    let expected = "WEBVTT\n\nSTYLE\n::cue { color: red }\n\n1\n\
        00:00:01.000 --> 00:00:01.500 line:0 align:left\n<i>Hi</i> &amp;\nho\n";
    assert_eq!(vtt(&film, 0, ""), expected);
    let expected = expected.replace("01.000 --> 00:00:01.500", "00.000 --> 00:00:00.250");
    assert_eq!(vtt(&film, 0, "start=1.25"), expected);
}

#[test]
fn a_cue_in_several_samples_is_one() {
    let (long, short) = (cue(&[(b"vsid", "0001"), (b"payl", "long")]), cue(&[(b"payl", "short")]));
    let other = cue(&[(b"vsid", "0002"), (b"payl", "long")]);
    let both = [long.clone(), short].concat();
    let film = film("WEBVTT", &[(1000, long.clone()), (1000, both), (1000, long), (1000, other)]);
    let expected = document(&[
        ("00:00:00.000 --> 00:00:03.000", "long"),
        ("00:00:01.000 --> 00:00:02.000", "short"),
        ("00:00:03.000 --> 00:00:04.000", "long"),
    ]);
    assert_eq!(vtt(&film, 0, ""), expected);
    let expected =
        document(&[("00:00:00.000 --> 00:00:00.500", "long"), ("00:00:00.000 --> 00:00:00.500", "short")]);
    assert_eq!(vtt(&film, 0, "start=1.5&end=2"), expected);
}

#[test]
fn words_are_spoken_when_they_were() {
    let karaoke = |now: &str| cue(&[(b"ctim", now), (b"payl", "one <00:00:02.500>two <00:00:04.000>three")]);
    let film = film("WEBVTT", &[(2000, karaoke("00:00:00.000")), (3000, karaoke("00:00:02.000"))]);
    let whole = document(&[("00:00:00.000 --> 00:00:05.000", "one <00:00:02.500>two <00:00:04.000>three")]);
    assert_eq!(vtt(&film, 0, ""), whole);
    let cut = document(&[("00:00:00.000 --> 00:00:02.000", "one two <00:00:01.000>three")]);
    assert_eq!(vtt(&film, 0, "start=3"), cut);
}
