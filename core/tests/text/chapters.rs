//! Chapters as WebVTT: of a text track, and of Nero's box.

use mp4seek::text::has_chapters;
use test_boxes::{Film, TrackSpec, make_box, words};

use super::{chapters, document, quicktime, sample, with_clip};

/// Ten seconds of video, and a disabled track of QuickTime text that has its chapters.
fn with_track(titles: &[(u32, &str)]) -> Film {
    let references = make_box(b"tref", make_box(b"chap", words([2])));
    let video = TrackSpec { in_trak: vec![references], ..TrackSpec::video(100, 10) };
    let samples: Vec<_> = titles.iter().map(|&(delta, title)| (delta, sample(title))).collect();
    let text = TrackSpec { enabled: false, ..TrackSpec::text(b"text", quicktime(), &samples) };
    Film::of(vec![video, text])
}

/// A `udta` with chapters that begin at so many milliseconds.
fn chpl(titles: &[(u64, &[u8])]) -> Vec<u8> {
    let mut content = vec![1, 0, 0, 0, 0, 0, 0, 0, u8::try_from(titles.len()).unwrap()];
    for (start, title) in titles {
        content.extend((start * 10_000).to_be_bytes());
        content.push(u8::try_from(title.len()).unwrap());
        content.extend_from_slice(title);
    }
    make_box(b"udta", make_box(b"chpl", content))
}

fn has(film: &Film) -> bool {
    with_clip(&film.build(), "", |film, _| has_chapters(film).unwrap())
}

#[test]
fn each_chapter_of_a_track_lasts_until_the_next() {
    let film = with_track(&[(2000, "Intro"), (3000, "A & B\r--> C"), (1000, ""), (3000, "End")]);
    let expected = document(&[
        ("00:00:00.000 --> 00:00:02.000", "Intro"),
        ("00:00:02.000 --> 00:00:05.000", "A &amp; B --&gt; C"),
        ("00:00:06.000 --> 00:00:10.000", "End"),
    ]);
    assert_eq!(chapters(&film.build(), ""), expected);
    assert_eq!(chapters(&film.build_fragmented(0), ""), expected);
    let expected = document(&[
        ("00:00:00.000 --> 00:00:01.500", "A &amp; B --&gt; C"),
        ("00:00:02.500 --> 00:00:05.500", "End"),
    ]);
    assert_eq!(chapters(&film.build(), "start=3.5&end=9"), expected);
    // The last chapter ends before the clip begins; no other one follows.
    assert_eq!(chapters(&film.build(), "start=9.5"), document(&[("00:00:00.000 --> 00:00:00.500", "End")]));
    assert!(has(&film));
}

#[test]
fn chapters_of_a_clip_are_those_of_the_tracks_that_were_left_out() {
    let film = with_track(&[(2000, "Intro"), (8000, "End")]).build();
    let expected = document(&[("00:00:00.000 --> 00:00:07.000", "End")]);
    assert_eq!(chapters(&film, "start=3&tracks=video"), expected);
}

#[test]
fn chapters_of_nero_are_moved_with_the_clip() {
    let more = vec![chpl(&[(4000, b"B\xf6se"), (0, "Größe".as_bytes()), (7000, b""), (8000, b"late")])];
    let film = Film { more, ..Film::of(vec![TrackSpec::video(100, 10)]) };
    let expected = document(&[
        ("00:00:00.000 --> 00:00:04.000", "Größe"),
        ("00:00:04.000 --> 00:00:07.000", "Böse"),
        ("00:00:08.000 --> 00:00:10.000", "late"),
    ]);
    assert_eq!(chapters(&film.build(), ""), expected);
    let expected =
        document(&[("00:00:00.000 --> 00:00:01.000", "Größe"), ("00:00:01.000 --> 00:00:02.500", "Böse")]);
    assert_eq!(chapters(&film.build(), "start=3&end=5.5"), expected);
    assert!(has(&film));
}

#[test]
fn chapters_of_a_track_come_before_those_of_nero() {
    let more = vec![chpl(&[(0, b"Nero")])];
    let film = Film { more: more.clone(), ..with_track(&[(10_000, "QuickTime")]) };
    let expected = |title| document(&[("00:00:00.000 --> 00:00:10.000", title)]);
    assert_eq!(chapters(&film.build(), ""), expected("QuickTime"));
    let film = Film { more, ..with_track(&[(10_000, "")]) };
    assert_eq!(chapters(&film.build(), ""), expected("Nero"));
}

#[test]
fn a_film_may_have_no_chapters() {
    let film = Film::of(vec![TrackSpec::video(10, 10)]);
    assert_eq!(chapters(&film.build(), ""), document(&[]));
    assert!(!has(&film));
    let broken = make_box(b"udta", make_box(b"chpl", [1, 0, 0, 0, 0, 0, 0, 0, 9, 9]));
    let film = Film { more: vec![broken], ..film };
    assert_eq!(chapters(&film.build(), ""), document(&[]));
    assert!(!has(&film));
    // The track that holds the chapters is not there.
    let mut film = with_track(&[(10_000, "x")]);
    film.tracks.pop();
    assert!(!has(&film));
}
