//! Fragmented films that are unfinished, damaged, or put together in odd ways.

use super::{Film, TrackSpec, ask, expand, identity, make_box};
use crate::{Answer, Seeker, Settings};

fn film() -> Film {
    Film::of(vec![TrackSpec::video(20, 5), TrackSpec::audio(16)])
}

/// The boxes at the top level: type, start, end.
fn boxes(film: &[u8]) -> Vec<([u8; 4], usize, usize)> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < film.len() {
        let size = u32::from_be_bytes(film[at..at + 4].try_into().unwrap()) as usize;
        out.push((film[at + 4..at + 8].try_into().unwrap(), at, at + size));
        at += size;
    }
    out
}

/// The samples of each track.
type Names = Vec<Vec<Vec<u8>>>;

fn names(film: &[u8]) -> Names {
    expand(film).into_iter().map(|t| t.samples.into_iter().map(|s| s.bytes).collect()).collect()
}

/// What [`Film::build_fragmented`] has put into the fragments of which `len` bytes of the file are there.
fn complete(film: &Film, bytes: &[u8], style: u32, len: usize) -> Names {
    let size = 3 + style as usize % 5;
    let mut out: Names = vec![Vec::new(); film.tracks.len()];
    let media = boxes(bytes).into_iter().filter(|(t, ..)| t == b"mdat");
    for (n, (_, start, _)) in media.enumerate() {
        let mut at = start + 8;
        for (t, track) in film.tracks.iter().enumerate() {
            let samples = track.samples.iter().enumerate().skip(n * size).take(size);
            for (n, sample) in samples {
                at += sample.size as usize;
                if at <= len {
                    out[t].push(Film::sample_bytes(t, n, sample.size));
                }
            }
        }
    }
    out
}

fn notes(film: &Vec<u8>) -> String {
    let seeker = Seeker::default();
    match seeker.answer(film, &identity(film), b"", &Settings::default()).unwrap() {
        Answer::Film(file) => file.notes().join("\n"),
        Answer::Plain(reason) => reason.unwrap_or_default(),
    }
}

#[test]
fn a_film_that_is_being_written_gives_what_is_complete() {
    let film = film();
    for style in [0, 1, 5, 66, 128 + 64] {
        let whole = film.build_fragmented(style);
        let first = boxes(&whole).iter().find(|(t, ..)| t == b"moof").unwrap().1;
        for len in (first..=whole.len()).rev().step_by(5) {
            let expected = complete(&film, &whole, style, len);
            let got = ask(&whole[..len], "").unwrap();
            if expected.iter().all(Vec::is_empty) {
                // Players may know what to do with it.
                assert_eq!(got, None, "style {style}, {len} bytes");
            } else {
                assert_eq!(names(&got.unwrap()), expected, "style {style}, {len} bytes");
            }
        }
    }
}

#[test]
fn a_film_ends_where_it_is_damaged() {
    let film = film();
    let style = 1 + 32 + 64;
    let whole = film.build_fragmented(style);
    let moofs: Vec<usize> =
        boxes(&whole).into_iter().filter(|(t, ..)| t == b"moof").map(|(_, start, _)| start).collect();
    let inside = |box_type: &[u8; 4], nth: usize, from: usize| {
        let all = whole.windows(4).enumerate().skip(from).filter(|(_, w)| w == box_type);
        all.map(|(at, _)| at).nth(nth).unwrap()
    };
    for moof in [0, 1, 2] {
        let from = moofs[moof];
        let expected = complete(&film, &whole, style, from);
        for (at, bytes) in [
            // A box shorter than its own header, and one far longer than the file.
            (from, [0, 0, 0, 3]),
            (from, [0x7f, 0xff, 0xff, 0xff]),
            // No tfhd in the first traf, none in the second.
            (inside(b"tfhd", 0, from), *b"oops"),
            (inside(b"tfhd", 1, from), *b"oops"),
            // More samples than fit, in the second run of the second track.
            (inside(b"trun", 3, from) + 8, [0, 0, 1, 0]),
            // A decode time far away, after the first track has been taken.
            (inside(b"tfdt", 1, from) + 8, [0x7f, 0xff, 0xff, 0xff]),
        ] {
            let mut damaged = whole.clone();
            damaged[at..at + 4].copy_from_slice(&bytes);
            let what = format!("fragment {moof}, byte {at}: {}", notes(&damaged));
            match ask(&damaged, "").unwrap() {
                None => assert_eq!(moof, 0, "{what}"),
                Some(got) => {
                    assert_eq!(names(&got), expected, "{what}");
                    assert!(what.contains("the film ends before the file does"), "{what}");
                }
            }
            if moof == 0 {
                let error = ask(&damaged, "start=0.1").unwrap_err();
                // Without a box that could be a fragment, it is a film of no length.
                let status = if at == from { 416 } else { 415 };
                assert_eq!(error.status(), status, "{what}: {error}");
            }
        }
    }
}

#[test]
fn the_moov_may_come_last() {
    let whole = film().build_fragmented(0);
    let part = |wanted: bool| -> Vec<u8> {
        let parts = boxes(&whole).into_iter().filter(|(t, ..)| (t == b"moov") == wanted);
        parts.flat_map(|(_, start, end)| whole[start..end].to_vec()).collect()
    };
    let moved = [part(false), part(true)].concat();
    for query in ["", "start=0.7&end=1.5"] {
        assert_eq!(ask(&moved, query).unwrap(), ask(&whole, query).unwrap());
    }
    assert_eq!(ask(&part(false), "start=1").unwrap_err().status(), 415);
}

/// The first samples in the `moov`, the others in fragments.
fn hybrid(film: &Film, fragments_before: usize) -> Vec<u8> {
    let size = 3;
    let mut first = film.clone();
    first.moov_first = true;
    first.tracks.iter_mut().for_each(|t| t.samples.truncate(fragments_before * size));
    let trex = (1..).zip(&film.tracks).flat_map(|(id, _)| super::full_box(b"trex", 0, [id, 1, 0, 0, 0]));
    first.more.push(make_box(b"mvex", trex.collect::<Vec<_>>()));
    let fragments = film.build_fragmented(0);
    let from = boxes(&fragments).into_iter().filter(|(t, ..)| t == b"moof").nth(fragments_before).unwrap().1;
    [first.build(), fragments[from..].to_vec()].concat()
}

#[test]
fn samples_in_the_moov_and_in_fragments_are_one_film() {
    let film = film();
    for (before, query) in [(1, ""), (3, ""), (3, "start=0.6&end=1.2"), (3, "start=1.1")] {
        let got = ask(&hybrid(&film, before), query).unwrap().unwrap();
        let expected = ask(&film.build_fragmented(0), query).unwrap().unwrap();
        let shown = |film: &[u8]| expand(film).iter().map(|t| t.shown()).collect::<Vec<_>>();
        assert_eq!(shown(&got), shown(&expected), "{before} fragments before, {query}");
    }
}
