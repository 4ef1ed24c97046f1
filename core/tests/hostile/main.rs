//! Files that mean harm, and what the fuzzer has found. Nothing here measures time: what is counted
//! is reads, bytes read, and memory, and each has a bound (see `judge`).

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod allocator;
mod compressed;
mod descriptions;
mod edits;
mod fragments;
mod groups;
mod judge;
mod much;
mod nesting;
mod peers;
mod queries;
mod ranges;
mod segments;
mod text;
mod text_judge;

use std::io;
use std::path::Path;

use judge::{Bounds, Ending, examine, judge, judge_descriptions};
use mp4seek::index::Index;
use mp4seek::source::{Identity, ReadAt};
use mp4seek::{Answer, Seeker, Settings};
use test_boxes::{Track, film_of_tracks as film};

/// A file that is `prefix`, then zeros.
struct Sparse<'a> {
    prefix: &'a [u8],
    len: u64,
}

impl ReadAt for Sparse<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let n = left.min(buf.len());
        buf[..n].fill(0);
        self.prefix.read_at(&mut buf[..n], offset)?;
        Ok(n)
    }
}

/// Judges a file of `len` bytes that begins with `prefix`.
fn judge_sparse(prefix: &[u8], len: u64, query: &str) -> Ending {
    examine(&Sparse { prefix, len }, len, prefix.len() as u64, query, &Bounds::ANSWER)
}

/// For films of megabytes: no more than a few times what they are.
const LARGE: Bounds = Bounds { calls: (600_000, 1), bytes: (160 << 20, 12), memory: (4 << 20, 8) };

const CUT: &str = "start=2.5&end=6";

fn is_film(ending: Ending) {
    assert!(matches!(ending, Ending::Film(_)), "{ending:?}");
}

/// Refused as no film that can be cut, for this reason.
fn is_refused(ending: Ending, reason: &str) {
    let Ending::Refused(status, why) = &ending else { panic!("not refused: {ending:?}") };
    assert!(*status == 415 && why.contains(reason), "{status}: {why}");
}

fn all_queries(film: &[u8]) {
    judge_descriptions(film);
    for query in queries::of(film).iter().map(String::as_str).chain([CUT, "start=2.5&mode=keyframe"]) {
        judge(film, query);
    }
}

/// Files of a folder, in order.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut out: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|f| f.unwrap().path())
        .map(|p| (p.display().to_string(), std::fs::read(&p).unwrap()))
        .collect();
    out.sort();
    assert!(!out.is_empty(), "no files in {}", folder.display());
    out
}

#[test]
fn what_the_fuzzer_found_stays_fixed() {
    for (name, film) in files("tests/hostile/crashes") {
        println!("{name}");
        all_queries(&film);
    }
}

#[test]
fn the_seeds_of_the_fuzzer_are_films() {
    for (name, film) in files("fuzz/seeds/film") {
        println!("{name}");
        all_queries(&film);
        is_film(judge(&film, "start=0.3&end=0.7"));
    }
}

#[test]
fn ranges_of_every_form_are_parts_of_the_whole() {
    let mut seed = 1u64;
    let mut dice = || {
        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        seed.to_be_bytes()[0]
    };
    let (mut films, mut answered) = (0, [0; 8]);
    for (name, film) in files("fuzz/seeds/film") {
        println!("{name}");
        films += 1;
        for form in 0..16 {
            let choice = [form, dice() / 8, dice(), dice()].into_iter().chain((0..24).map(|_| dice()));
            let data: Vec<u8> = film.iter().copied().chain(choice).collect();
            let (film, address, ranges) = ranges::split(&data).unwrap();
            let is_there = ranges::judge_ranges(film, &address, &ranges);
            answered[usize::from(form) % 8] += usize::from(is_there);
        }
    }
    // Each form was asked for twice.
    assert!(answered.iter().all(|count| *count >= films / 2), "of {films} films: {answered:?}");
}

#[test]
fn the_film_that_is_damaged_here_is_right_before() {
    is_film(judge(&film(&[Track::video(), Track::video()]), CUT));
}

#[test]
fn an_index_says_what_it_holds() {
    let mut films = [files("fuzz/seeds/film"), files("tests/hostile/crashes")].concat();
    let long = |t: &[u8; 4], at: usize| {
        let mut film = film(&[Track::video()]);
        let name = film.windows(4).position(|w| w == t).unwrap();
        // Room for it in the boxes around, which are all too long now.
        film.splice(name + at..name + at, [0; 100_000]);
        film
    };
    for (box_type, at, around) in [
        (b"mvhd", 104, &[b"moov"][..]),
        (b"tkhd", 84, &[b"moov", b"trak"]),
        (b"mdhd", 28, &[b"moov", b"trak", b"mdia"]),
    ] {
        let mut film = long(box_type, at);
        for outer in around.iter().chain([&box_type]) {
            let at = film.windows(4).position(|w| w == **outer).unwrap() - 4;
            let size = u32::from_be_bytes(film[at..at + 4].try_into().unwrap()) + 100_000;
            film[at..at + 4].copy_from_slice(&size.to_be_bytes());
        }
        films.push((String::from_utf8_lossy(box_type).into_owned(), film));
    }
    for (name, film) in films {
        let (index, held) = allocator::held(|| Index::build(&film, film.len() as u64));
        let Ok(index) = index else {
            assert!(name.contains("crashes"), "{name}: no film");
            continue;
        };
        let said = index.heap_size() as u64;
        assert!(held <= said + said / 4 + 1024, "{name}: {held} bytes held, {said} said");
        assert!(said <= 2 * held + 4096, "{name}: {held} bytes held, {said} said");
    }
}

#[test]
fn ten_thousand_films_stay_inside_the_budget_of_the_cache() {
    const BUDGET: u64 = 1 << 20;
    let films: Vec<_> = (1..=8).map(|n| film(&(0..n).map(|_| Track::video()).collect::<Vec<_>>())).collect();
    let ((seeker, media), held) = allocator::held(|| {
        let seeker = Seeker::new(BUDGET);
        let mut media = 0;
        for inode in 0..10_000 {
            let film = &films[usize::try_from(inode % 8).unwrap()];
            let size = film.len() as u64;
            let identity =
                Identity { device: 1, inode, size, mtime: 1, mtime_nanos: 0, ctime: 1, ctime_nanos: 0 };
            // Each asked for more than once, as films are.
            for query in ["", "start=0.3&end=0.7", "start=0.3&end=0.7", "start=0.5"] {
                let answer = seeker.answer(film, &identity, query.as_bytes(), &Settings::default());
                let Ok(Answer::Film(clip)) = answer else { continue };
                let mut metadata = vec![0; usize::try_from(clip.generated_len()).unwrap()];
                clip.read_at(film, 0, &mut metadata).unwrap();
                media += 1;
            }
        }
        (seeker, media)
    });
    assert!(media >= 30_000, "{media} clips");
    assert!(held > BUDGET / 2, "{held} bytes are no cache");
    // What it holds of keys that have left (ghosts), and its tables, come on top.
    assert!(held < BUDGET * 5 / 4, "{held} bytes in a cache of {BUDGET}");
    drop(seeker);
}
