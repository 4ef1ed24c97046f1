//! When cues are shown: edits, clips, and what is rounded.

use test_boxes::{Film, Sample, TrackSpec};

use super::common::clip;
use super::{document, sample, subtitles, tx3g, vtt};

/// Five seconds: a gap, a text, a gap, and two texts.
fn track() -> TrackSpec {
    subtitles(&[(1000, ""), (1000, "one"), (500, ""), (1500, "two"), (1000, "three")])
}

fn edited(edits: &[(u32, i32, u32)]) -> Vec<u8> {
    Film::of(vec![TrackSpec { edits: edits.to_vec(), ..track() }]).build()
}

const PLAYS: u32 = 0x1_0000;

#[test]
fn a_sample_with_text_is_a_cue() {
    let expected = document(&[
        ("00:00:01.000 --> 00:00:02.000", "one"),
        ("00:00:02.500 --> 00:00:04.000", "two"),
        ("00:00:04.000 --> 00:00:05.000", "three"),
    ]);
    let film = Film::of(vec![track()]);
    assert_eq!(vtt(&film.build(), 0, ""), expected);
    for style in 0..8 {
        assert_eq!(vtt(&film.build_fragmented(style), 0, ""), expected, "{style}");
    }
    assert_eq!(vtt(&film.build(), 1, ""), "WEBVTT\n", "there is no such track");
}

#[test]
fn a_clip_that_begins_or_ends_in_a_cue_cuts_it() {
    let film = Film::of(vec![track()]).build();
    let expected = document(&[
        ("00:00:00.000 --> 00:00:00.500", "one"),
        ("00:00:01.000 --> 00:00:02.500", "two"),
        ("00:00:02.500 --> 00:00:02.750", "three"),
    ]);
    assert_eq!(vtt(&film, 0, "start=1.5&end=4.25"), expected);
    assert_eq!(vtt(&film, 0, "start=2&end=2.5"), document(&[]));
    assert_eq!(vtt(&film, 0, "start=4.5"), document(&[("00:00:00.000 --> 00:00:00.500", "three")]));
}

#[test]
fn an_empty_edit_delays_text() {
    let film = edited(&[(2000, -1, PLAYS), (5000, 0, PLAYS)]);
    let expected = document(&[
        ("00:00:03.000 --> 00:00:04.000", "one"),
        ("00:00:04.500 --> 00:00:06.000", "two"),
        ("00:00:06.000 --> 00:00:07.000", "three"),
    ]);
    assert_eq!(vtt(&film, 0, ""), expected);
    assert_eq!(vtt(&film, 0, "start=3.25&end=4"), document(&[("00:00:00.000 --> 00:00:00.750", "one")]));
}

#[test]
fn each_edit_shows_its_part_of_the_media() {
    // The end of `two` comes first, then the end of `one` and what follows it, and then `one`.
    let film = edited(&[(500, 3500, PLAYS), (1250, 1750, PLAYS), (1000, 1000, PLAYS)]);
    let expected = document(&[
        ("00:00:00.000 --> 00:00:00.500", "two"),
        ("00:00:00.500 --> 00:00:00.750", "one"),
        ("00:00:01.250 --> 00:00:01.750", "two"),
        ("00:00:01.750 --> 00:00:02.750", "one"),
    ]);
    assert_eq!(vtt(&film, 0, ""), expected);
    let expected =
        document(&[("00:00:00.000 --> 00:00:00.350", "two"), ("00:00:00.350 --> 00:00:00.600", "one")]);
    assert_eq!(vtt(&film, 0, "start=1.4&end=2"), expected);
}

#[test]
fn an_edit_plays_at_its_rate() {
    let twice = edited(&[(2500, 0, 0x2_0000)]);
    let expected = document(&[
        ("00:00:00.500 --> 00:00:01.000", "one"),
        ("00:00:01.250 --> 00:00:02.000", "two"),
        ("00:00:02.000 --> 00:00:02.500", "three"),
    ]);
    assert_eq!(vtt(&twice, 0, ""), expected);
    // From 1.25 s to 4 s of the media, which `two` begins in, at half of the clip.
    assert_eq!(vtt(&twice, 0, "start=1.5&end=2"), document(&[("00:00:00.000 --> 00:00:00.500", "two")]));
    let backwards = edited(&[(4000, 1000, u32::MAX << 16)]);
    let expected = document(&[
        ("00:00:00.000 --> 00:00:01.000", "three"),
        ("00:00:01.000 --> 00:00:02.500", "two"),
        ("00:00:03.000 --> 00:00:04.000", "one"),
    ]);
    assert_eq!(vtt(&backwards, 0, ""), expected);
    let dwells = edited(&[(1000, -1, PLAYS), (3000, 2600, 0)]);
    assert_eq!(vtt(&dwells, 0, ""), document(&[("00:00:01.000 --> 00:00:04.000", "two")]));
    assert_eq!(vtt(&dwells, 0, "start=2"), document(&[("00:00:00.000 --> 00:00:02.000", "two")]));
}

#[test]
fn times_are_rounded_once() {
    // A tick is a third of a millisecond, and an edit begins at the first.
    let samples = [(1, sample("one")), (3, sample("two")), (1, sample("three")), (2996, sample("four"))];
    let track = TrackSpec { timescale: 3000, ..TrackSpec::text(b"tx3g", tx3g([0; 4]), &samples) };
    let film = Film { timescale: 3000, ..Film::of(vec![track.clone()]) };
    // What is shorter than half a millisecond leaves no cue.
    let expected = document(&[
        ("00:00:00.000 --> 00:00:00.001", "two"),
        ("00:00:00.001 --> 00:00:00.002", "three"),
        ("00:00:00.002 --> 00:00:01.000", "four"),
    ]);
    assert_eq!(vtt(&film.build(), 0, ""), expected);
    // Two thirds of a millisecond and another two thirds are one, and one third.
    let edits = vec![(2, -1, PLAYS), (2999, 2, PLAYS)];
    let film = Film { timescale: 3000, ..Film::of(vec![TrackSpec { edits, ..track }]) };
    let expected =
        document(&[("00:00:00.001 --> 00:00:00.002", "three"), ("00:00:00.002 --> 00:00:01.000", "four")]);
    assert_eq!(vtt(&film.build(), 0, ""), expected);
}

#[test]
fn text_of_a_clip_is_text_of_the_film_it_is() {
    let video = TrackSpec::video(50, 5);
    let delayed =
        TrackSpec { edits: vec![(700, -1, PLAYS), (2000, 1300, PLAYS), (2000, 0, PLAYS)], ..track() };
    let film = Film::of(vec![video, delayed]);
    for file in [film.build(), film.build_fragmented(3)] {
        for query in ["start=0.3", "start=1&end=3", "start=2.05&end=4.2", "end=1.5", "start=2.1&end=2.2"] {
            let clip = clip(&file, query).unwrap();
            let track = usize::from(test_boxes::expand(&clip).len() > 1);
            assert_eq!(vtt(&clip, track, ""), vtt(&file, 1, query), "{query}");
        }
    }
}

#[test]
fn text_may_be_presented_in_another_order() {
    let mut track = subtitles(&[(1000, "one"), (1000, "two"), (1000, "three")]);
    for (sample, offset) in track.samples.iter_mut().zip([2000, 0, -2000]) {
        *sample = Sample { offset, ..*sample };
    }
    let expected = document(&[
        ("00:00:00.000 --> 00:00:01.000", "three"),
        ("00:00:01.000 --> 00:00:02.000", "two"),
        ("00:00:02.000 --> 00:00:03.000", "one"),
    ]);
    assert_eq!(vtt(&Film::of(vec![track]).build(), 0, ""), expected);
}
