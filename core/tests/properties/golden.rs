//! The bytes of answers, as they were when `FORMAT` was last counted up. It is part of each entity
//! tag: where the same request gives other bytes under the same tag, caches and resumed downloads
//! mix two layouts.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use mp4seek::packaging::Address;
use mp4seek::{Answer, Error, Seeker, Settings};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sha2::{Digest, Sha256};
use test_boxes::{Film, TrackSpec, make_box};

use crate::common::{ask, identity};
use crate::generate::{encrypted_film, film};

/// Requests whose answers are laid out in all the ways there are; what precedes a `?` is an address
/// behind the film.
const REQUESTS: [&str; 14] = [
    "",
    "start=0.31",
    "start=0.31&end=0.9",
    "start=0.31&end=0.9&mode=keyframe",
    "start=0.31&format=fmp4",
    "format=fmp4",
    "tracks=audio&start=0.2",
    "clip=0.3-0.6&clip=0.1-0.4",
    "clip=0.3-0.6,0.1-0.4&mode=keyframe&format=fmp4",
    "poster=1.5",
    "/cmaf/v1.mp4?start=0.31",
    "/cmaf/a1.mp4?",
    "/cmaf/a1.mp4?start=0.31&end=0.9",
    "/cmaf/v1/1.m4s?",
];

/// Films that are the same in every run, and their names.
fn films() -> Vec<(String, Vec<u8>)> {
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut generated = |films: &dyn Fn(&mut TestRunner) -> Film| films(&mut runner).build();
    let mut films = Vec::new();
    for n in 0..10 {
        let built = generated(&|runner| film().new_tree(runner).unwrap().current());
        // And as one in fragments.
        if let (0..3, Ok(Some(fragmented))) = (n, ask(&built, "format=fmp4")) {
            films.push((format!("fragmented-{n}"), fragmented));
        }
        films.push((format!("film-{n}"), built));
    }
    for n in 0..2 {
        let built = generated(&|runner| encrypted_film().new_tree(runner).unwrap().current());
        films.push((format!("encrypted-{n}"), built));
    }
    let av1c = make_box(b"av1C", [0x81, 0, 0x0c, 0]);
    // The fields of a video entry go on for 50 bytes.
    let av1 = TrackSpec { coding: *b"av01", in_entry: vec![vec![0; 50], av1c], ..TrackSpec::video(100, 10) };
    films.push(("av1".into(), Film::of(vec![av1, TrackSpec::audio(400)]).build()));
    // Of QuickTime: version 1, which has 16 bytes more, and boxes in a `wave`.
    let in_wave = make_box(b"wave", [make_box(b"frma", b"mp4a"), make_box(b"esds", [7; 20])].concat());
    let mut entry = [0; 44];
    (entry[7], entry[9], entry[17]) = (1, 1, 2);
    let entry = Some(make_box(b"mp4a", [&entry[..], &in_wave].concat()));
    let sound = TrackSpec { entry, ..TrackSpec::audio(400) };
    films.push(("quicktime".into(), Film::of(vec![TrackSpec::video(100, 10), sound]).build()));
    films.push(("flv".into(), [b"FLV\x01\x05\0\0\0\x09\0\0\0\0".as_slice(), &[7; 500]].concat()));
    films
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}

/// A hash of the answer, or why there is none.
fn answer(film: &[u8], request: &str) -> String {
    let source = film.to_vec();
    let (identity, settings) = (identity(film), Settings::default());
    let seeker = Seeker::default();
    let answer = match request.split_once('?') {
        Some((address, query)) => {
            let address = Address::parse(address.as_bytes()).unwrap();
            seeker.answer_address(&source, &identity, address, query.as_bytes(), &settings)
        }
        None if film.starts_with(b"FLV") => {
            // There, times are bytes.
            let query = if request.is_empty() { "" } else { "start=100" };
            seeker.answer(&source, &identity, query.as_bytes(), &settings)
        }
        None => seeker.answer(&source, &identity, request.as_bytes(), &settings),
    };
    match answer {
        Ok(Answer::Film(file)) => {
            let mut bytes = vec![0; usize::try_from(file.len()).unwrap()];
            file.read_at(&source, 0, &mut bytes).unwrap();
            hash(&bytes)
        }
        Ok(Answer::Plain(_)) => "plain".into(),
        Err(Error::NoSuchAddress) => "none".into(),
        Err(e) => e.status().to_string(),
    }
}

/// The number that goes into entity tags, which is nobody's business but the core's.
fn format() -> u32 {
    let source = include_str!("../../src/virtual_file/planned.rs");
    let number = source.split_once("const FORMAT: u32 = ").unwrap().1;
    number.split_once(';').unwrap().0.parse().unwrap()
}

/// Each line is a film and the hash of it, then what answers each request.
#[test]
fn the_same_entity_tag_is_of_the_same_bytes() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/properties/golden.txt");
    let mut now = format!("FORMAT {}\n", format());
    let mut laid_out = [0; REQUESTS.len()];
    for (name, film) in films() {
        // Those in fragments are answers themselves.
        let of_film = if name.starts_with("fragmented") { "-".to_owned() } else { hash(&film) };
        write!(now, "{name} {of_film}:").unwrap();
        for (count, request) in laid_out.iter_mut().zip(REQUESTS) {
            let answer = answer(&film, request);
            *count += usize::from(answer.len() == 16);
            write!(now, " {answer}").unwrap();
        }
        now.push('\n');
    }
    assert!(laid_out.iter().all(|count| *count > 0), "nothing answers some requests: {laid_out:?}");
    let then = fs::read_to_string(&path).unwrap();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (then, is) = (lines(&then), lines(&now));
    let films = |lines: &[String]| {
        lines[1..].iter().map(|line| line.split(':').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (are_the_same, is_counted_up) = (films(&then) == films(&is), then[0] != is[0]);
    let other: Vec<_> = then.iter().zip(&is).skip(1).filter(|(then, is)| then != is).collect();
    assert!(
        is_counted_up || !are_the_same || other.is_empty(),
        "answers have other bytes: count FORMAT in virtual_file/planned.rs up. {other:#?}"
    );
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &now).unwrap();
    } else {
        assert!(then == is, "films of this test are others, or FORMAT: say UPDATE=1");
    }
}
