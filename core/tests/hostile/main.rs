//! Files that mean harm, and what the fuzzer has found. Nothing here measures time: what is counted is reads, bytes
//! read, and memory, and each has a bound (see `judge`).

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod allocator;
mod judge;
mod queries;

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use judge::{Bounds, Ending, examine, judge, judge_within};
use mp4seek::index::Index;
use mp4seek::source::{Identity, ReadAt};
use mp4seek::{Answer, Seeker, Settings};
use test_boxes::{MEDIA, Track, film_of_tracks as film, fourcc, ftyp, full_box, make_box, moov, mvhd, table};

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
fn the_film_that_is_made_worse_here_is_right() {
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

// The peers' holes, by their numbers.

/// nginx, CVE-2012-2089: tables that say less than the others need.
#[test]
fn tables_of_different_lengths_are_safe() {
    for (name, n) in
        [("stts", 0), ("stts", 3), ("stsc", 0), ("stsz", 4), ("stco", 0), ("stts", 90), ("stsz", 90)]
    {
        let mut track = Track::video();
        match name {
            "stts" => track.stts = table(b"stts", &[[n, 1000]]),
            "stsc" => track.stsc = table::<3>(b"stsc", &[]),
            "stsz" => track.stsz = full_box(b"stsz", 0, [10, n]),
            _ => track.stco = table::<1>(b"stco", &[]),
        }
        all_queries(&film(&[track, Track::video()]));
    }
    let mut track = Track::video();
    track.more = table(b"ctts", &[[3, 500]]);
    all_queries(&film(&[track]));
}

/// nginx, CVE-2018-16845: 64-bit sizes that are less than the header, or wrap.
#[test]
fn sizes_of_64_bits_are_checked() {
    for size in [0, 1, 7, 8, 15, 16, u64::MAX, u64::MAX - 15, 1 << 63, (1 << 32) + 16] {
        let wide = |t: &[u8; 4]| [&1u32.to_be_bytes(), &t[..], &size.to_be_bytes(), &[0; 64]].concat();
        for film in [
            [ftyp(), wide(b"moov")].concat(),
            [ftyp(), wide(b"mdat"), moov(&[Track::video()])].concat(),
            [ftyp(), make_box(b"moov", [mvhd(), wide(b"trak")].concat())].concat(),
            film(&[Track { more: wide(b"stss"), ..Track::video() }]),
            film(&[Track { edts: make_box(b"edts", wide(b"elst")), ..Track::video() }]),
        ] {
            all_queries(&film);
        }
    }
    let endless = [ftyp(), make_box(b"moov", [&[0, 0, 0, 1][..], b"trak", &[0; 8]].concat())].concat();
    is_refused(judge(&endless, CUT), "trak box at byte 28: size 0 is less than its header");
}

/// nginx, CVE-2022-41741 and CVE-2022-41742: the same box twice.
#[test]
fn a_second_box_of_a_kind_is_refused() {
    let good = film(&[Track::video()]);
    let boxes: [&[u8; 4]; 12] = [
        b"mvhd", b"tkhd", b"mdia", b"mdhd", b"hdlr", b"minf", b"stbl", b"stsd", b"stts", b"stsc", b"stsz",
        b"stco",
    ];
    for box_type in boxes {
        let twice = double(&good, box_type);
        is_refused(judge(&twice, CUT), "a second");
    }
    let other = |more| film(&[Track { more, ..Track::video() }]);
    is_refused(judge(&other(table(b"co64", &[[0, MEDIA]])), CUT), "co64");
    is_refused(judge(&other(full_box(b"stz2", 0, [8, 0])), CUT), "stz2");
    for more in [table(b"stss", &[[1]]), table(b"ctts", &[[10, 0]])] {
        is_refused(judge(&other([&more[..], &more].concat()), CUT), "a second");
    }
    let elst = table(b"elst", &[[10_000, 0, 0x1_0000]]);
    let edts = |elst: &[u8]| film(&[Track { edts: make_box(b"edts", elst), ..Track::video() }]);
    is_film(judge(&edts(&elst), CUT));
    is_refused(judge(&edts(&[&elst[..], &elst].concat()), CUT), "a second");
}

/// Doubles the first box of a type and makes room in those around it.
fn double(film: &[u8], box_type: &[u8; 4]) -> Vec<u8> {
    fn walk(boxes: &[u8], box_type: &[u8; 4], done: &mut bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = boxes;
        while rest.len() >= 8 {
            let size = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            let (this, after) = rest.split_at(size);
            let kind: &[u8; 4] = this[4..8].try_into().unwrap();
            if kind == box_type && !*done {
                *done = true;
                out.extend([this, this].concat());
            } else if matches!(kind, b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl") {
                out.extend(make_box(kind, walk(&this[8..], box_type, done)));
            } else {
                out.extend(this);
            }
            rest = after;
        }
        out
    }
    let mut done = false;
    let out = walk(film, box_type, &mut done);
    assert!(done);
    out
}

/// nginx, CVE-2024-7347: chunks and samples per chunk that overflow; chunks out of order.
#[test]
fn chunk_tables_that_overflow_or_run_backwards_are_safe() {
    const MAX: u32 = u32::MAX;
    let chunks: [&[[u32; 3]]; 9] = [
        &[[1, MAX, 1]],
        &[[1, 0, 1]],
        &[[MAX, 10, 1]],
        &[[0, 10, 1]],
        &[[1, 5, 1], [1, 5, 1]],
        &[[1, 5, 1], [MAX, MAX, 1]],
        &[[2, 5, 1], [1, 5, 1]],
        &[[1, MAX, MAX], [2, MAX, MAX], [3, MAX, MAX]],
        &[[1, 1, 1], [5, 1, 1], [3, 1, 1], [4, 1, 1]],
    ];
    for entries in chunks {
        for offsets in [&[[MEDIA]; 4][..], &[[MAX], [0], [MEDIA + 50], [MEDIA]]] {
            let stsc = table(b"stsc", entries);
            all_queries(&film(&[Track { stsc, stco: table(b"stco", offsets), ..Track::video() }]));
        }
    }
    let backwards = table(b"stsc", &[[1, 5, 1], [4, 5, 1], [2, 5, 1]]);
    let stco = table(b"stco", &[[MEDIA]; 4]);
    is_refused(judge(&film(&[Track { stsc: backwards, stco, ..Track::video() }]), CUT), "stsc box");
}

/// nginx, CVE-2026-27784, and all of that family: a count that fits only after an overflow.
#[test]
fn counts_are_held_against_the_box() {
    // 2^32-1, and what wraps to a few bytes when multiplied by 4, 8, 12, 20 in 32 bits.
    for count in [u32::MAX, 0x8000_0001, 0x4000_0001, 0x2000_0001, 0x1555_5556, 0x0ccc_cccd] {
        let claim = |t: &[u8; 4]| full_box(t, 0, [count, 1, 1, 1]);
        let made = |set: &dyn Fn(&mut Track)| {
            let mut track = Track::video();
            set(&mut track);
            film(&[track])
        };
        let fields = |t: &[u8; 4], field: u32| full_box(t, 0, [field, count, 1, 1]);
        for film in [
            made(&|t| t.stts = claim(b"stts")),
            made(&|t| t.stsc = claim(b"stsc")),
            made(&|t| t.stco = claim(b"stco")),
            made(&|t| t.stco = claim(b"co64")),
            made(&|t| t.stsz = fields(b"stsz", 0)),
            made(&|t| t.stsz = fields(b"stz2", 4)),
            made(&|t| t.stsz = fields(b"stz2", 8)),
            made(&|t| t.stsz = fields(b"stz2", 16)),
            made(&|t| t.more = claim(b"ctts")),
            made(&|t| t.more = claim(b"stss")),
            made(&|t| t.more = fields(b"sbgp", fourcc(b"roll"))),
            made(&|t| t.edts = make_box(b"edts", claim(b"elst"))),
        ] {
            all_queries(&film);
            let Ending::Refused(415, _) = judge(&film, CUT) else { panic!("{count} entries were believed") };
        }
        // Of these nothing is read by count, or a wrong one makes no difference.
        for name in [b"sgpd", b"stps", b"subs", b"saiz", b"saio", b"stsh", b"csgp", b"sdtp"] {
            all_queries(&made(&|t| t.more = claim(name)));
        }
    }
}

/// nginx, CVE-2026-32647: no chunks at all, and sync sample 0.
#[test]
fn empty_chunk_tables_and_sync_sample_0_are_safe() {
    all_queries(&film(&[Track { stco: table::<1>(b"stco", &[]), ..Track::video() }]));
    for numbers in [&[[0]][..], &[[0], [0], [0]], &[[0], [5], [0]], &[[11]], &[[u32::MAX]], &[]] {
        let film = film(&[Track { more: table(b"stss", numbers), ..Track::video() }]);
        all_queries(&film);
        is_film(judge(&film, CUT));
    }
}

/// The original: its heap overflowed from the counts in stts and stss, sizes were of 32 bits.
#[test]
fn more_samples_in_time_than_in_size_are_not_believed() {
    let stts = table(b"stts", &[[u32::MAX, 1000], [u32::MAX, 1000]]);
    let all: Vec<_> = (0..5000).map(|n| [n]).collect();
    let film = film(&[Track { stts, more: table(b"stss", &all), ..Track::video() }]);
    all_queries(&film);
    is_film(judge(&film, CUT));
}

/// What nginx answers with 500.
#[test]
fn a_long_ftyp_is_a_film_and_a_start_past_the_end_is_416() {
    let brands = make_box(b"ftyp", b"isom".repeat(5000));
    let after = [&brands[..], &make_box(b"mdat", [b'#'; 1000]), &moov(&[Track::video()])].concat();
    let offset = u32::try_from(brands.len() + 8).unwrap();
    let place = |t: &[u8; 4]| after.windows(4).rposition(|w| w == t).unwrap() + 12;
    let mut film = after.clone();
    film[place(b"stco")..][..4].copy_from_slice(&offset.to_be_bytes());
    is_film(judge(&film, CUT));
    assert!(matches!(judge(&film, "start=10"), Ending::Refused(416, _)));
}

#[test]
fn a_film_of_more_than_4_gib_is_cut_at_its_own_places() {
    let at = 5u64 << 30;
    let [high, low] = [u32::try_from(at >> 32).unwrap(), u32::try_from(at & 0xffff_ffff).unwrap()];
    let moov = moov(&[Track { stco: table(b"co64", &[[high, low]]), ..Track::video() }]);
    let prefix = [&ftyp()[..], &moov, &0u32.to_be_bytes(), b"mdat"].concat();
    is_film(judge_sparse(&prefix, 6 << 30, CUT));
    is_refused(judge_sparse(&prefix, 1 << 30, CUT), "cut off");
}

/// A packet here and a packet there, for hours: an answer holds no more than one of a film that is in one piece, and sends no
/// more than the packets.
#[test]
fn media_in_very_many_places_takes_no_memory() {
    let count = 400_000;
    let moov = |start: u32| {
        let places: Vec<[u32; 1]> = (0..count).map(|n| [start + 500 * n]).collect();
        moov(&[Track {
            handler: *b"soun",
            stts: table(b"stts", &[[count, 21]]),
            stsc: table(b"stsc", &[[1, 1, 1]]),
            stsz: full_box(b"stsz", 0, [100, count]),
            stco: table(b"stco", &places),
            ..Track::video()
        }])
    };
    let start = u32::try_from(ftyp().len() + moov(0).len() + 8).unwrap();
    let prefix = [&ftyp()[..], &moov(start), &0u32.to_be_bytes(), b"mdat"].concat();
    let len = u64::from(start) + 500 * u64::from(count);
    let film = Sparse { prefix: &prefix, len };
    let identity =
        Identity { device: 1, inode: 1, size: len, mtime: 0, mtime_nanos: 0, ctime: 0, ctime_nanos: 0 };
    let seeker = Seeker::new(0);
    let ask = || seeker.answer(&film, &identity, b"start=1", &Settings::default()).unwrap();
    let (answer, held) = allocator::held(ask);
    let Answer::Film(clip) = answer else { panic!("not a film") };
    let packets = u64::from(count) - 47 - 4;
    assert!((packets..packets + 9).contains(&((clip.len() - clip.generated_len()) / 100)));
    let mut out = vec![0; 48 << 10];
    let (_, more) = allocator::held(|| {
        for at in [0, clip.generated_len() - 100, clip.len() / 2, clip.len() - out.len() as u64] {
            let made = clip.next(&film, &(at..clip.len()), out.len()).made;
            clip.read_at(&film, at, &mut out[..made]).unwrap();
        }
    });
    assert!(held + more < 64 << 10, "{held} and {more} bytes");
    is_film(judge_sparse(&prefix, len, "start=1"));
}

// Boxes in boxes.

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

// Much of everything.

/// For films of megabytes: no more than a few times what they are.
const LARGE: Bounds = Bounds { calls: (600_000, 1), bytes: (160 << 20, 12), memory: (4 << 20, 8) };

#[test]
fn a_gibibyte_that_is_claimed_is_not_taken() {
    let claim = |t: &[u8; 4]| [&(1u32 << 30).to_be_bytes()[..], t, &[0; 1000]].concat();
    let none = Bounds { calls: (100, 0), bytes: (64 << 10, 0), memory: (64 << 10, 0) };
    is_refused(judge_within(&[ftyp(), claim(b"moov")].concat(), CUT, &none), "no moov");
    is_refused(judge_within(&claim(b"moov"), CUT, &none), "reaches past");
    let inside = [ftyp(), make_box(b"moov", [mvhd(), claim(b"trak")].concat())].concat();
    is_refused(judge_within(&inside, CUT, &none), "reaches past");
    // It is there, as a hole.
    let prefix = [ftyp(), vec![0x80, 0, 0, 0], b"moov".to_vec()].concat();
    is_refused(judge_sparse(&prefix, 3 << 30, CUT), "more than the");
}

#[test]
fn tables_in_a_hole_are_read_once_and_not_kept() {
    // Half a million chunks, each a group of no samples, at offset 0.
    let count = 500_000u32;
    let head = [&(16 + 4 * count).to_be_bytes()[..], b"stco", &[0; 4], &count.to_be_bytes()].concat();
    let stco = [head, vec![0; 4 * count as usize]].concat();
    let entries = [[1, 0, 1]];
    let track = Track { stco, stsc: table(b"stsc", &entries), ..Track::video() };
    judge_within(&film(&[track]), CUT, &LARGE);
    // And as many empty entries of time before and after the one that counts.
    for place in [0, 100_000, 199_999] {
        let mut entries = vec![[0, 1000]; 200_000];
        entries[place] = [10, 1000];
        let film = film(&[Track { stts: table(b"stts", &entries), ..Track::video() }]);
        is_film(judge_within(&film, CUT, &Bounds { bytes: (1 << 20, 6), ..LARGE }));
    }
}

#[test]
fn a_run_in_very_many_entries_is_not_walked_for_each_window() {
    let entries = vec![[1, 1]; 300_000];
    let track = Track {
        stts: table(b"stts", &entries),
        more: table(b"ctts", &entries),
        stsz: full_box(b"stsz", 0, [1, 300_000]),
        stsc: table(b"stsc", &[[1, 300, 1]]),
        stco: table(b"stco", &vec![[MEDIA]; 1000]),
        ..Track::video()
    };
    is_film(judge_within(&film(&[track]), "start=10.3", &Bounds { bytes: (1 << 20, 6), ..LARGE }));
}

#[test]
fn samples_without_number_take_no_memory() {
    const MAX: u32 = u32::MAX;
    let track = |size| Track {
        stts: table(b"stts", &[[MAX, 1000]]),
        stsc: table(b"stsc", &[[1, MAX, 1]]),
        stsz: full_box(b"stsz", 0, [size, MAX]),
        ..Track::video()
    };
    for size in [1, 10, MAX] {
        let film = film(&[track(size), track(size)]);
        all_queries(&film);
        judge(&film, "start=4000000000");
        is_refused(judge(&film, "start=2&end=4000000"), "cut off");
    }
    let mut sound = track(1);
    sound.handler = *b"soun";
    all_queries(&film(&[sound]));
}

/// Four thousand million samples in two packets of one byte, and a group for each of them in a few words. What a
/// sample costs is no read here: a walk through them would take minutes.
#[test]
fn samples_that_take_no_bytes_are_not_walked() {
    const MAX: u32 = u32::MAX;
    const HALF: u32 = 1 << 31;
    // QuickTime's sound description, version 1: samples and bytes of a packet.
    let entry = [&[0; 8][..], &[0, 1], &[0; 18], &HALF.to_be_bytes(), &[0; 4], &1u32.to_be_bytes(), &[0; 4]];
    let stsd =
        make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &make_box(b"ima4", entry.concat())].concat());
    let roll = fourcc(b"roll");
    // Pattern counts and indices of 32 bits: uniform, two alike, two that differ, none.
    for pattern in [&[1, MAX, 1][..], &[2, MAX, 1, 1], &[2, MAX, 1, 2], &[0, MAX]] {
        let words = [&[0x3f, roll, 1], pattern].concat();
        let csgp = make_box(b"csgp", words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>());
        let track = Track {
            handler: *b"soun",
            stsd: stsd.clone(),
            stts: table(b"stts", &[[MAX, 1]]),
            stsc: table(b"stsc", &[[1, MAX, 1]]),
            stsz: full_box(b"stsz", 0, [1, MAX]),
            more: csgp.repeat(20),
            ..Track::video()
        };
        let film = film(&[track]);
        is_film(judge_within(&film, "start=1&end=4000000", &LARGE));
        is_film(judge_within(&film, "start=3000000", &LARGE));
    }
}

#[test]
fn a_million_chunk_groups_are_looked_up_not_walked() {
    let entries: Vec<_> = (1..=1_000_000).map(|n| [n, 1 + n % 2, 1]).collect();
    let track = Track {
        stsc: table(b"stsc", &entries),
        stco: table(b"stco", &vec![[MEDIA]; 1_000_000]),
        stsz: full_box(b"stsz", 0, [1, 1_500_000]),
        stts: table(b"stts", &[[1_500_000, 7]]),
        ..Track::video()
    };
    let film = film(&[track]);
    is_film(judge_within(&film, "start=5000&end=5001", &LARGE));
    is_film(judge_within(&film, "start=5", &LARGE));
}

#[test]
fn sync_samples_in_any_order_are_looked_up_in_bounded_steps() {
    let numbers: Vec<_> = (0u32..200_000).map(|n| [n.wrapping_mul(2_654_435_761)]).collect();
    let ones = vec![[1]; 200_000];
    for numbers in [numbers, ones] {
        let track = Track {
            stts: table(b"stts", &[[200_000, 100]]),
            stsz: full_box(b"stsz", 0, [1, 200_000]),
            stsc: table(b"stsc", &[[1, 200, 1]]),
            stco: table(b"stco", &vec![[MEDIA]; 1000]),
            more: table(b"stss", &numbers),
            ..Track::video()
        };
        let film = film(&[track]);
        judge_within(&film, "start=10000&end=10001", &LARGE);
        judge_within(&film, "start=10000&mode=keyframe", &LARGE);
    }
}

/// Composition offsets of which one lies so far out that any sample may be presented at any time; durations of 0.
/// Each edit then asks for a walk through the whole table.
#[test]
fn many_edits_of_a_tangled_film_are_bounded() {
    let samples = 200_000u32;
    let edits: Vec<_> = (0..16_000u32).map(|n| [10, n % 1000, 0x1_0000]).collect();
    let offsets: Vec<_> = (0..samples).map(|n| [1, if n == 7 { 0x7fff_ffff } else { n % 2 }]).collect();
    let no_time: Vec<_> = (0..samples).map(|n| [1, u32::from(n % 2 == 0 && n > 190_000)]).collect();
    let plain = Track {
        stts: table(b"stts", &[[samples, 1]]),
        stsz: full_box(b"stsz", 0, [1, samples]),
        stsc: table(b"stsc", &[[1, 500, 1]]),
        stco: table(b"stco", &vec![[MEDIA]; 400]),
        edts: make_box(b"edts", table(b"elst", &edits)),
        ..Track::video()
    };
    let outlier = Track { more: table(b"ctts", &offsets), edts: plain.edts.clone(), ..plain.clone() };
    let timeless = Track { stts: table(b"stts", &no_time), ..plain.clone() };
    for track in [outlier, timeless, plain] {
        let film = film(&[track]);
        for query in ["start=0.5&mode=keyframe", "start=80&end=80.01"] {
            judge_within(&film, query, &LARGE);
        }
    }
}

#[test]
fn a_few_hundred_edits_are_a_film() {
    let edits: Vec<_> = (0..400u32).map(|n| [20, n * 20 % 9000, 0x1_0000]).collect();
    let edts = make_box(b"edts", table(b"elst", &edits));
    is_film(judge(&film(&[Track { edts, ..Track::video() }]), "start=0.5"));
}

#[test]
fn a_million_edits_are_refused() {
    let edits = vec![[1, 0, 0x1_0000]; 1_000_000];
    let edts = make_box(b"edts", table(b"elst", &edits));
    is_refused(judge_within(&film(&[Track { edts, ..Track::video() }]), CUT, &LARGE), "elst");
}

/// Edits whose numbers are as large as they come.
#[test]
fn edits_far_away_do_not_overflow() {
    let wide = |duration: u64, media_time: u64, rate: u32| {
        let mut content = vec![1, 0, 0, 0, 0, 0, 0, 1];
        content.extend(duration.to_be_bytes());
        content.extend(media_time.to_be_bytes());
        content.extend(rate.to_be_bytes());
        make_box(b"edts", make_box(b"elst", content))
    };
    const FAR: u64 = i64::MAX as u64;
    for duration in [0, 1, 20_000, u64::from(u32::MAX), FAR, u64::MAX] {
        for media_time in [0, 1, 9999, 10_000, 1 << 62, FAR, u64::MAX, FAR + 1] {
            for rate in [0, 1, 0xffff, 0x1_0000, 0x2_0000, 0x7fff_ffff, 0xffff_0000, u32::MAX] {
                for timescale in [1000u32, u32::MAX] {
                    let mut film =
                        film(&[Track { edts: wide(duration, media_time, rate), ..Track::video() }]);
                    let mdhd = film.windows(4).position(|w| w == b"mdhd").unwrap();
                    film[mdhd + 16..mdhd + 20].copy_from_slice(&timescale.to_be_bytes());
                    for query in [
                        "start=1",
                        "start=0.001&mode=keyframe",
                        "end=3",
                        "start=2000000000",
                        "start=9999999999999999",
                    ] {
                        judge(&film, query);
                    }
                }
            }
        }
    }
}

#[test]
fn a_million_tracks_are_refused() {
    let moov_of =
        |trak: &[u8], n: usize| [ftyp(), make_box(b"moov", [mvhd(), trak.repeat(n)].concat())].concat();
    is_refused(judge_within(&moov_of(&make_box(b"trak", []), 1_000_000), CUT, &LARGE), "more than");
    is_refused(judge_within(&moov_of(&Track::video().build(1), 1000), CUT, &LARGE), "more than 256 tracks");
    let boxes = [ftyp(), make_box(b"free", []).repeat(1_000_000)].concat();
    is_refused(judge_within(&boxes, CUT, &LARGE), "more than");
    // As many as we take, each with chapters in all the others.
    let ids: Vec<u8> = (1..=256u32).flat_map(u32::to_be_bytes).collect();
    let tref = make_box(b"tref", make_box(b"chap", ids));
    let tracks: Vec<_> = (0..256).map(|_| Track { edts: tref.clone(), ..Track::video() }).collect();
    is_film(judge_within(&film(&tracks), CUT, &Bounds { bytes: (160 << 20, 256), ..LARGE }));
}

#[test]
fn boxes_without_number_in_a_table_are_bounded() {
    for name in [b"free", b"what", b"sgpd", b"stps", b"sbgp", b"subs"] {
        let more = full_box(name, 0, [0, 0, 0]).repeat(1000);
        judge_within(
            &film(&[Track { more, ..Track::video() }]),
            CUT,
            &Bounds { memory: (4 << 20, 64), ..LARGE },
        );
    }
}

// Fragments.

const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;

fn fragmented(truns: &[u8], moofs: usize, track: &Track) -> Vec<u8> {
    let trex = full_box(b"trex", 0, [1, 1, 10, 0, 0]);
    let moov = make_box(b"moov", [mvhd(), track.build(1), make_box(b"mvex", trex)].concat());
    let tfhd = make_box(b"tfhd", [DEFAULT_BASE_IS_MOOF, 1].map(u32::to_be_bytes).concat());
    let traf = make_box(b"traf", [&tfhd[..], truns].concat());
    let moof = make_box(b"moof", traf);
    [ftyp(), moov, moof.repeat(moofs), make_box(b"mdat", [0; 1000])].concat()
}

fn empty_track() -> Track {
    Track {
        stts: table::<2>(b"stts", &[]),
        stsc: table::<3>(b"stsc", &[]),
        stsz: full_box(b"stsz", 0, [0, 0]),
        stco: table::<1>(b"stco", &[]),
        ..Track::video()
    }
}

#[test]
fn samples_that_fragments_only_claim_are_refused() {
    let claim = |count: u32| make_box(b"trun", [0, count].map(u32::to_be_bytes).concat());
    is_refused(judge(&fragmented(&claim(10_000_000), 1, &empty_track()), CUT), "samples");
    is_refused(judge(&fragmented(&claim(u32::MAX), 1, &empty_track()), CUT), "samples");
    is_refused(judge(&fragmented(&claim(1000).repeat(100), 50, &empty_track()), CUT), "samples");
    is_film(judge(&fragmented(&claim(100), 1, &empty_track()), "start=0.1&end=0.5"));
    // A film whose moov claims them.
    let full = Track {
        stts: table(b"stts", &[[9_000_000, 1]]),
        stsc: table(b"stsc", &[[1, 9_000_000, 1]]),
        stsz: full_box(b"stsz", 0, [1, 9_000_000]),
        ..Track::video()
    };
    is_refused(judge(&fragmented(&claim(1), 1, &full), CUT), "samples");
}

#[test]
fn fields_of_fragments_are_checked() {
    for flags in [0u32, 1, 4, 5, 0x100, 0x200, 0x400, 0x800, 0xf05, 0xff_ffff] {
        for count in [0u32, 1, 3, u32::MAX] {
            for word in [0u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
                let words = [[flags, count].as_slice(), &[word; 8]].concat();
                let trun = make_box(b"trun", words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>());
                let far = [[0x0100_0000].as_slice(), &[word; 2]].concat();
                let tfdt = make_box(b"tfdt", far.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>());
                for boxes in [trun.clone(), [&tfdt[..], &trun].concat(), [&trun[..], &tfdt, &trun].concat()] {
                    judge(&fragmented(&boxes, 2, &empty_track()), "start=0.01");
                    judge(&fragmented(&boxes, 1, &Track::video()), CUT);
                }
            }
        }
    }
}

#[test]
fn group_descriptions_of_fragments_are_bounded() {
    let count = 1_000_000u32;
    let head = [&[1, 0, 0, 0][..], b"roll", &1u32.to_be_bytes(), &count.to_be_bytes()].concat();
    let sgpd = make_box(b"sgpd", [head, vec![7; count as usize]].concat());
    let group = |parameter: u32| {
        let words = [1 << 24, fourcc(b"roll"), parameter, 1, 1, 1];
        make_box(b"sbgp", words.map(u32::to_be_bytes).concat())
    };
    let groups: Vec<u8> = (0..64).flat_map(group).collect();
    let trun = make_box(b"trun", [0, 10].map(u32::to_be_bytes).concat());
    let track = Track { more: sgpd.clone(), ..empty_track() };
    let in_moov = fragmented(&[&trun[..], &groups].concat(), 1, &track);
    is_film(judge_within(&in_moov, "start=0.03", &LARGE));
    let in_fragment = fragmented(&[&trun[..], &sgpd, &groups].concat(), 2, &empty_track());
    is_film(judge_within(&in_fragment, "start=0.03", &LARGE));
}

#[test]
fn the_index_of_a_long_fragmented_film_is_small() {
    let sample = |n: u32| [10, if n % 2 == 0 { 1000 } else { 0 }];
    let fields: Vec<u32> = [0xa00, 50].into_iter().chain((0..50).flat_map(sample)).collect();
    let trun = make_box(b"trun", fields.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>());
    let film = fragmented(&trun, 4000, &empty_track());
    let index = Index::build(&film, film.len() as u64).unwrap();
    assert_eq!(index.tracks[0].samples.count, 200_000);
    // Their tables have 12 bytes for each.
    assert!(index.heap_size() < 200_000, "{}", index.heap_size());
    is_film(judge_within(&film, "start=1990.5&end=1991", &LARGE));
}

/// Auxiliary information of which each fragment claims the whole file.
#[test]
fn auxiliary_information_of_fragments_is_bounded() {
    let trun = make_box(b"trun", [0, 200].map(u32::to_be_bytes).concat());
    let saiz = make_box(b"saiz", [&[0, 0, 0, 0, 255][..], &200u32.to_be_bytes()].concat());
    let saio = full_box(b"saio", 0, [1, 0]);
    let film = fragmented(&[trun, saiz, saio].concat(), 2000, &empty_track());
    is_refused(judge_within(&film, CUT, &LARGE), "auxiliary information");
}

/// A film that tells when much memory is held by the thread that reads it.
struct Telling<'a, F: Fn()> {
    film: &'a [u8],
    before: i64,
    told: Cell<bool>,
    tell: F,
    may_wait: bool,
}

impl<F: Fn()> ReadAt for Telling<'_, F> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if allocator::holds() - self.before > 24 << 20 && !self.told.replace(true) {
            (self.tell)();
        }
        self.film.read_at(buf, offset)
    }

    fn may_wait(&self) -> bool {
        self.may_wait
    }
}

/// Strangers' films that take much memory while they are read.
#[test]
fn of_films_that_take_much_memory_one_is_read_at_a_time() {
    let trun = make_box(b"trun", [0, 100_000].map(u32::to_be_bytes).concat());
    let one = fragmented(&trun, 1, &empty_track());
    let (init, moof) = one.split_at(one.windows(4).position(|w| w == b"moof").unwrap() - 4);
    let film = [init, &[moof, &make_box(b"free", [0; 100_000])].concat().repeat(40)].concat();
    let seeker = Seeker::default();
    let size = film.len() as u64;
    let build = |inode, may_wait, tell: &dyn Fn()| {
        let before = allocator::holds();
        let source = Telling { film: &film, before, told: Cell::new(false), tell, may_wait };
        let identity =
            Identity { device: 1, inode, size, mtime: 1, mtime_nanos: 0, ctime: 1, ctime_nanos: 0 };
        seeker.answer(&source, &identity, b"", &Settings::default()).map(drop)
    };
    let (tell, told) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let second = &AtomicBool::new(false);
    let build = &build;
    thread::scope(move |threads| {
        let wait = move || {
            tell.send(()).unwrap();
            // Or what went before has failed.
            let _ = may_go_on.recv();
        };
        threads.spawn(move || build(1, true, &wait).unwrap());
        told.recv().unwrap();
        let other = threads.spawn(move || build(2, true, &|| second.store(true, Ordering::SeqCst)));
        // Time in which it would get there.
        thread::sleep(Duration::from_millis(500));
        assert!(!second.load(Ordering::SeqCst));
        // Nor may a server's only thread.
        assert!(build(3, false, &|| {}).unwrap_err().would_block());
        go_on.send(()).unwrap();
        other.join().unwrap().unwrap();
        assert!(second.load(Ordering::SeqCst));
    });
}

#[test]
fn empty_fragments_without_number_are_bounded() {
    let moof = make_box(b"moof", make_box(b"traf", make_box(b"tfhd", [0, 0, 0, 0, 0, 0, 0, 1])));
    let film = [fragmented(&[], 1, &empty_track()), moof.repeat(200_000)].concat();
    judge_within(&film, CUT, &LARGE);
    let film = [fragmented(&[], 1, &empty_track()), make_box(b"free", []).repeat(1_200_000)].concat();
    is_refused(judge_within(&film, CUT, &LARGE), "more than");
}

/// Damage, and tables that know a way out every eight bytes.
#[test]
fn the_way_behind_damage_is_bounded() {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
    let trun = make_box(b"trun", [0, 4].map(u32::to_be_bytes).concat());
    let good = fragmented(&trun, 1, &empty_track());
    let first = good.windows(4).position(|w| w == b"moof").unwrap() - 4;
    let (init, good) = good.split_at(first);
    let nothing = [0, 0, 0, 3, 0, 0, 0, 0].repeat(200_000);
    let sidx = full_box(b"sidx", 0, [&[1, 1000, 0, 0, 65_535][..], &[8, 1, 0].repeat(65_535)].concat());
    let start = u32::try_from(init.len() + sidx.len() * 20 + good.len()).unwrap();
    let entries: Vec<u32> = (0..200_000).flat_map(|n| [n, start + 8 * n, 0x0101_0101]).collect();
    let tfra = full_box(b"tfra", 0, [&[1, 1, 200_000][..], &entries].concat());
    let size = u32::try_from(tfra.len() + 8 + 16).unwrap();
    let mfra = make_box(b"mfra", [tfra, full_box(b"mfro", 0, [size])].concat());
    is_film(judge_within(&[init, &sidx.repeat(20), good, &nothing, &mfra].concat(), "start=0.01", &LARGE));
    // The same inside of a box.
    let nothing = make_box(b"free", &nothing[8..]);
    is_film(judge_within(&[init, &sidx.repeat(20), good, &nothing, &mfra].concat(), "start=0.01", &LARGE));

    // Each of these is taken in part before it is found out.
    let traf = |time: u32| {
        let tfhd = make_box(b"tfhd", words(&[DEFAULT_BASE_IS_MOOF, 1]));
        let tfdt = make_box(b"tfdt", words(&[1 << 24, time, 0]));
        make_box(b"traf", [tfhd, tfdt, trun.clone()].concat())
    };
    let spoilt = make_box(b"moof", [traf(0), traf(1 << 20)].concat());
    let film = [init, good, &spoilt.repeat(20_000)].concat();
    assert_eq!(Index::build(&film, film.len() as u64).unwrap().tracks[0].samples.count, 4);
    is_film(judge_within(&film, "start=0.01", &LARGE));
}

// A compressed moov.

fn compressed(moov: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(moov, 9);
    let size = u32::try_from(moov.len()).unwrap().to_be_bytes();
    let cmvd = make_box(b"cmvd", [&size[..], &packed].concat());
    let cmov = make_box(b"cmov", [make_box(b"dcom", b"zlib"), cmvd].concat());
    [ftyp(), make_box(b"mdat", [b'#'; 1000]), make_box(b"moov", cmov)].concat()
}

#[test]
fn a_moov_that_unpacks_to_too_much_is_refused() {
    is_film(judge(&compressed(&moov(&[Track::video()])), CUT));
    let padded = |n: usize| moov(&[Track { more: make_box(b"free", vec![0; n]), ..Track::video() }]);
    is_refused(judge(&compressed(&padded(30 << 20)), CUT), "cannot be unpacked");
    is_refused(judge(&compressed(&padded(40 << 20)), CUT), "cannot be unpacked");
    // One in the other.
    let inner = compressed(&moov(&[Track::video()]));
    let at = inner.windows(4).position(|w| w == b"moov").unwrap() - 4;
    all_queries(&compressed(&inner[at..]));
    // Cut off, or no zlib at all.
    let whole = compressed(&moov(&[Track::video()]));
    for n in (0..whole.len()).step_by(7) {
        let mut broken = whole.clone();
        broken[n] ^= 0x55;
        all_queries(&broken);
        all_queries(&whole[..n]);
    }
}

#[test]
fn any_word_of_a_film_may_be_any_number() {
    let track = || Track {
        more: [table(b"ctts", &[[5, 100], [5, 0]]), table(b"stss", &[[1], [6]]), table(b"stps", &[[3]])]
            .concat(),
        edts: make_box(b"edts", table(b"elst", &[[1000, u32::MAX, 0x1_0000], [9000, 100, 0x1_0000]])),
        stsz: full_box(b"stsz", 0, [&[0, 10][..], &[10; 10]].concat()),
        ..Track::video()
    };
    let good = film(&[track()]);
    is_film(judge(&good, CUT));
    let moov = good.windows(4).position(|w| w == b"moov").unwrap() - 4;
    for at in (moov..good.len() - 3).step_by(4) {
        for word in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
            let mut bad = good.clone();
            bad[at..at + 4].copy_from_slice(&u32::to_be_bytes(word));
            judge(&bad, CUT);
            judge(&bad, "start=2.5&mode=keyframe");
            judge(&bad, "");
        }
    }
}
