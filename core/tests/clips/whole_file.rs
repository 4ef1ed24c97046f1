//! Boxes beside the tracks, entity tags, and refusals.

use mp4seek::{Answer, Settings};
use test_boxes::{Film, TrackSpec, make_box};

use crate::common::{ask, clip, identity, seeker};
use crate::{status, video_with};

#[test]
fn the_first_of_two_movies_is_the_film() {
    let film = Film { moov_first: true, ..Film::of(vec![video_with(vec![])]) }.build();
    let other = Film::of(vec![TrackSpec::video(3, 3)]).build();
    let moov = other.windows(4).position(|w| w == b"moov").unwrap() - 4;
    let both = [&film[..], &other[moov..]].concat();
    assert_eq!(clip(&both, "start=0.6").unwrap(), clip(&film, "start=0.6").unwrap());
    assert!(ask(&both, "").unwrap().is_none());
}

#[test]
fn boxes_that_speak_of_no_sample_are_copied() {
    let name = make_box(b"udta", make_box(b"name", b"\0\0\0\0A film"));
    let film =
        Film { more: vec![name.clone(), make_box(b"free", [0; 50])], ..Film::of(vec![video_with(vec![])]) };
    let clip = clip(&film.build(), "start=1").unwrap();
    assert!(clip.windows(name.len()).any(|w| w == name));
    assert!(!clip.windows(4).any(|w| w == b"free"));
}

#[test]
fn hints_of_the_movie_are_left_out_as_hint_tracks_are() {
    let (hints, name) = (make_box(b"hnti", make_box(b"rtp ", b"sdp v=0")), make_box(b"name", b"me"));
    let film = Film {
        more: vec![make_box(b"udta", [hints, name.clone()].concat())],
        ..Film::of(vec![video_with(vec![])])
    };
    let cut = clip(&film.build(), "start=0.7").unwrap();
    let kept = make_box(b"udta", name);
    assert!(cut.windows(kept.len()).any(|w| w == kept));
}

#[test]
fn chapters_of_nero_move_with_the_clip() {
    let chapter = |tenths: u64, title: &str| {
        let mut out = (tenths * 1_000_000).to_be_bytes().to_vec();
        out.push(u8::try_from(title.len()).unwrap());
        out.extend(title.bytes());
        out
    };
    let list = |chapters: &[Vec<u8>]| {
        let count = u8::try_from(chapters.len()).unwrap();
        make_box(b"chpl", [&[1, 0, 0, 0, 0, 0, 0, 0, count][..], &chapters.concat()].concat())
    };
    let all = list(&[chapter(0, "one"), chapter(4, "two"), chapter(9, "three"), chapter(15, "four")]);
    let film = Film { more: vec![make_box(b"udta", all)], ..Film::of(vec![video_with(vec![])]) }.build();
    let cut = clip(&film, "start=0.7&end=1.5").unwrap();
    let kept = list(&[chapter(0, "two"), chapter(2, "three")]);
    assert!(cut.windows(kept.len()).any(|w| w == kept));
}

#[test]
fn errors_say_where_and_what() {
    let film = Film::of(vec![video_with(vec![])]).build();
    assert_eq!(status(&film, "start=2").0, 416);
    assert_eq!(status(&film, "start=2").1, "start 2.000 is at or past the end of the film, 2.000 seconds");
    assert_eq!(status(&film, "start=x").0, 400);
    assert_eq!(status(b"not a film at all", "start=1").0, 415);
    assert_eq!(status(b"", "start=1").0, 415);
    assert_eq!(ask(b"not a film at all", "").unwrap(), None);
    let stts = film.windows(4).position(|w| w == b"stts").unwrap();
    let mut broken = film.clone();
    broken[stts + 8..stts + 12].copy_from_slice(&u32::MAX.to_be_bytes());
    let (code, reason) = status(&broken, "start=1");
    assert_eq!(code, 415);
    assert!(
        reason.starts_with(&format!("stts box at byte {}: 4294967295 entries of 8 bytes", stts - 4)),
        "{reason}"
    );
    // The film's end is missing: what is there is served, what is not is refused.
    let film = Film { moov_first: true, ..Film::of(vec![video_with(vec![])]) }.build();
    let cut_off = &film[..film.len() - 100];
    clip(cut_off, "end=0.5").unwrap();
    assert!(status(cut_off, "start=1.5").1.contains("the film is cut off"));
}

#[test]
fn a_tag_names_the_source_and_the_range() {
    let film = Film::of(vec![video_with(vec![])]).build();
    let tag = |bytes: &Vec<u8>, mtime, query: &str| {
        let identity = mp4seek::source::Identity { mtime, ..identity(bytes) };
        match seeker().answer(bytes, &identity, query.as_bytes(), &Settings::default()).unwrap() {
            Answer::Film(file) => file.etag().to_string(),
            Answer::Plain(_) => panic!("not a clip"),
        }
    };
    let base = tag(&film, 1, "start=0.5&end=1");
    // Inside the same frame, with other keys, in another form: the same bytes, the same tag.
    assert_eq!(base, tag(&film, 1, "x=1&t=0.512,0:01"));
    assert_ne!(base, tag(&film, 1, "start=0.5&end=1.1"));
    assert_ne!(base, tag(&film, 1, "start=0.6&end=1"));
    assert_ne!(base, tag(&film, 1, ""));
    assert_ne!(base, tag(&film, 2, "start=0.5&end=1"));
    assert!(base.starts_with('"') && base.ends_with('"') && base.is_ascii());
}

#[test]
fn an_flv_begins_again_at_a_byte() {
    let film = [&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &[7; 500]].concat();
    let cut = ask(&film, "start=113").unwrap().unwrap();
    assert_eq!(cut, [&film[..13], &film[113..]].concat());
    assert_eq!(ask(&film, "").unwrap(), None);
    assert_eq!(ask(&film, "start=0").unwrap(), None);
    assert_eq!(status(&film, "start=513").0, 416);
    assert_eq!(status(&film, "start=1.5").0, 400);
}
