//! Movie fragments.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mp4seek::index::Index;
use mp4seek::limits::Limits;
use mp4seek::source::{Identity, ReadAt};
use mp4seek::{Seeker, Settings};
use test_boxes::{Film, Protection, Track, TrackSpec, fourcc, ftyp, full_box, make_box, mvhd, table};

use crate::allocator;
use crate::judge::{Bounds, Ending, examine, judge, judge_within};
use crate::{CUT, LARGE, Sparse, is_film, is_refused};

const DEFAULT_BASE_IS_MOOF: u32 = 0x2_0000;

pub(crate) fn fragmented(truns: &[u8], moofs: usize, track: &Track) -> Vec<u8> {
    let trex = full_box(b"trex", 0, [1, 1, 10, 0, 0]);
    let moov = make_box(b"moov", [mvhd(), track.build(1), make_box(b"mvex", trex)].concat());
    let tfhd = make_box(b"tfhd", [DEFAULT_BASE_IS_MOOF, 1].map(u32::to_be_bytes).concat());
    let traf = make_box(b"traf", [&tfhd[..], truns].concat());
    let moof = make_box(b"moof", traf);
    [ftyp(), moov, moof.repeat(moofs), make_box(b"mdat", [0; 1000])].concat()
}

pub(crate) fn empty_track() -> Track {
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

/// Sync samples that the `moov` of a film in fragments names again and again are kept once.
#[test]
fn sync_samples_of_a_moov_are_kept_once() {
    let claim = make_box(b"trun", [0, 100u32].map(u32::to_be_bytes).concat());
    let track = Track { more: table(b"stss", &vec![[1]; 2_000_000]), ..Track::video() };
    let bounds = Bounds { calls: (2_000, 0), bytes: (9 << 20, 0), memory: (2 << 20, 0) };
    is_film(judge_within(&fragmented(&claim, 1, &track), "start=0.1&end=0.5", &bounds));
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

/// The same in a `moov`, whose tracks all claim one range of the file, and in one fragment, of whose
/// runs each does.
#[test]
fn auxiliary_information_of_one_fragment_is_bounded() {
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
    let saiz = |count: u32| make_box(b"saiz", [&[0, 0, 0, 0, 255][..], &count.to_be_bytes()].concat());
    let padding = make_box(b"free", vec![0; 1 << 20]);
    let track = Track {
        stts: table(b"stts", &[[4096, 1]]),
        stsc: table(b"stsc", &[[1, 4096, 1]]),
        stsz: full_box(b"stsz", 0, [1, 4096]),
        more: [saiz(4096), full_box(b"saio", 0, [1, 0])].concat(),
        ..Track::video()
    };
    let tracks: Vec<u8> = (1..=20).flat_map(|n| track.build(n)).collect();
    let trex = full_box(b"trex", 0, [1, 1, 10, 0, 0]);
    let moov = make_box(b"moov", [mvhd(), tracks, make_box(b"mvex", trex)].concat());
    let film = [ftyp(), moov, make_box(b"moof", []), padding.clone()].concat();
    is_refused(judge_within(&film, CUT, &LARGE), "auxiliary information");

    let trun = make_box(b"trun", words(&[0, 4000]));
    let saio = make_box(b"saio", words(&[&[0, 20][..], &[0; 20]].concat()));
    let film = fragmented(&[trun.repeat(20), saiz(80_000), saio].concat(), 1, &empty_track());
    is_refused(judge_within(&[film, padding].concat(), CUT, &LARGE), "auxiliary information");
}

/// Groups of samples, whose pattern takes a few bytes: `count` samples in so many groupings.
fn grouped(count: u32, groupings: u32) -> Vec<u8> {
    // Lengths and counts of 32 bits, indices of 4: 1 and 2 in turn.
    let csgp = |n: u32| {
        let words = [0x3c, fourcc(b"aaaa") + n, 1, 2, count].map(u32::to_be_bytes).concat();
        make_box(b"csgp", [&words[..], &[0x12]].concat())
    };
    let trun = make_box(b"trun", [0, count].map(u32::to_be_bytes).concat());
    [trun, (0..groupings).flat_map(csgp).collect()].concat()
}

#[test]
fn groups_of_fragments_are_bounded() {
    let film = [fragmented(&grouped(20_000, 64), 1, &empty_track()), make_box(b"free", [0; 20_000])].concat();
    is_refused(judge_within(&film, CUT, &LARGE), "groups");
    // Before they are read, a server's only thread is told that it will take long.
    let film = [fragmented(&grouped(100_000, 12), 1, &empty_track()), make_box(b"free", vec![0; 1 << 20])];
    let film = film.concat();
    let source =
        Signalling { film: &film, before: 0, signalled: Cell::new(true), signal: || {}, may_wait: false };
    let identity = Identity {
        device: 1,
        inode: 1,
        size: film.len() as u64,
        mtime: 1,
        mtime_nanos: 0,
        ctime: 1,
        ctime_nanos: 0,
    };
    let answer = Seeker::default().answer(&source, &identity, b"", &Settings::default());
    assert!(answer.unwrap_err().would_block());
}

/// More samples than are taken are refused before the entries of their run are read.
#[test]
fn a_run_of_very_many_samples_is_not_read() {
    const COUNT: u32 = (1 << 24) + 1;
    let bytes = COUNT * 4;
    let empty = fragmented(&[], 1, &empty_track());
    let at = empty.windows(4).position(|w| w == b"moof").unwrap() - 4;
    let head = |t: &[u8; 4], len: u32, inside: &[u32]| {
        [&[len, fourcc(t)][..], inside].concat().into_iter().flat_map(u32::to_be_bytes).collect::<Vec<_>>()
    };
    let moof = [
        head(b"moof", bytes + 48, &[]),
        head(b"traf", bytes + 40, &[]),
        head(b"tfhd", 16, &[DEFAULT_BASE_IS_MOOF, 1]),
        head(b"trun", bytes + 16, &[0x200, COUNT]),
    ];
    let prefix = [&empty[..at], &moof.concat()].concat();
    let (len, real) = (prefix.len() as u64 + u64::from(bytes), prefix.len() as u64);
    let bounds = Bounds { calls: (1000, 0), bytes: (1 << 20, 0), memory: (1 << 20, 0) };
    is_refused(examine(&Sparse { prefix: &prefix, len }, len, real, CUT, &bounds), "samples");
}

/// Fragments that all end in the same place: each is an entry of the run of the one before.
#[test]
fn fragments_inside_of_each_other_are_bounded() {
    const COUNT: u32 = 4000;
    const STEP: u32 = 56;
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
    let empty = fragmented(&[], 1, &empty_track());
    let at = empty.windows(4).position(|w| w == b"moof").unwrap() - 4;
    let sidx = |first: u32| {
        let places = [STEP, 1, 0].repeat(COUNT as usize);
        full_box(b"sidx", 0, [&[1, 1000, 0, first, COUNT][..], &places].concat())
    };
    let damaged = words(&[16, fourcc(b"moof"), 4, 0]);
    let first = damaged.len();
    let sidx = sidx(u32::try_from(first).unwrap());
    // The data of a track that is there begins where no file ends; that of another one anywhere.
    for (track, base) in [(1, u32::MAX), (9, 0)] {
        let inside = (0..COUNT).flat_map(|n| {
            let left = (COUNT - n) * STEP;
            [
                words(&[left, fourcc(b"moof"), left - 8, fourcc(b"traf")]),
                words(&[24, fourcc(b"tfhd"), 1, track, base, u32::MAX]),
                words(&[left - 40, fourcc(b"trun"), 0x200, (left - 56) / 4]),
            ]
            .concat()
        });
        let film = [&empty[..at], &sidx, &damaged, &inside.collect::<Vec<_>>()].concat();
        let bounds = Bounds { calls: (100_000, 0), bytes: (1 << 20, 64), ..LARGE };
        let ending = judge_within(&film, CUT, &bounds);
        assert!(matches!(ending, Ending::Refused(415, _)), "{ending:?}");
    }
}

/// A `moov` whose chunks hold one sample, or none.
#[test]
fn chunks_of_no_samples_take_no_memory() {
    const COUNT: u32 = 1_000_000;
    for groups in [&[[1, 1, 1]][..], &[[1, 0, 1], [COUNT, 1, 1]]] {
        let track = Track {
            stts: table(b"stts", &[[1, 1000]]),
            stsc: table(b"stsc", groups),
            stsz: full_box(b"stsz", 0, [1, 1]),
            stco: table(b"stco", &vec![[100]; COUNT as usize]),
            ..Track::video()
        };
        let trun = make_box(b"trun", [0, 100].map(u32::to_be_bytes).concat());
        let film = fragmented(&trun, 1, &track);
        is_film(judge_within(&film, "start=0.1&end=0.5", &Bounds { memory: (1 << 20, 0), ..LARGE }));
    }
}

/// A film that signals when much memory is held by the thread that reads it.
struct Signalling<'a, F: Fn()> {
    film: &'a [u8],
    before: i64,
    signalled: Cell<bool>,
    signal: F,
    may_wait: bool,
}

impl<F: Fn()> ReadAt for Signalling<'_, F> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        if allocator::holds() - self.before > 24 << 20 && !self.signalled.replace(true) {
            (self.signal)();
        }
        self.film.read_at(buf, offset)
    }

    fn may_wait(&self) -> bool {
        self.may_wait
    }
}

/// Strangers' films that take much memory while they are read.
#[test]
fn films_that_take_much_memory_are_read_one_at_a_time() {
    let trun = make_box(b"trun", [0, 100_000].map(u32::to_be_bytes).concat());
    let one = fragmented(&trun, 1, &empty_track());
    let (init, moof) = one.split_at(one.windows(4).position(|w| w == b"moof").unwrap() - 4);
    let film = [init, &[moof, &make_box(b"free", [0; 100_000])].concat().repeat(40)].concat();
    let seeker = Seeker::default();
    let size = film.len() as u64;
    let build = |inode, may_wait, signal: &dyn Fn()| {
        let before = allocator::holds();
        let source = Signalling { film: &film, before, signalled: Cell::new(false), signal, may_wait };
        let identity =
            Identity { device: 1, inode, size, mtime: 1, mtime_nanos: 0, ctime: 1, ctime_nanos: 0 };
        seeker.answer(&source, &identity, b"", &Settings::default()).map(drop)
    };
    let (signal, signalled) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let second = &AtomicBool::new(false);
    let build = &build;
    thread::scope(move |threads| {
        let wait = move || {
            signal.send(()).unwrap();
            // Or what went before has failed.
            let _ = may_go_on.recv();
        };
        threads.spawn(move || build(1, true, &wait).unwrap());
        signalled.recv().unwrap();
        let other = threads.spawn(move || build(2, true, &|| second.store(true, Ordering::SeqCst)));
        // Time in which it would get there.
        thread::sleep(Duration::from_millis(500));
        assert!(!second.load(Ordering::SeqCst));
        // A server's only thread may not wait, either.
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

/// A film with more boxes or samples than we take ends before them.
#[test]
fn a_film_ends_before_too_many_boxes_and_samples() {
    let trun = |count: u32| make_box(b"trun", [0, count].map(u32::to_be_bytes).concat());
    let ends = |film: &[u8], limits, samples, note: &str| {
        let film = film.to_vec();
        let index = Index::build_within(&film, film.len() as u64, limits).unwrap();
        assert_eq!(index.tracks[0].samples.count, samples);
        assert_eq!(index.notes.iter().any(|said| said.starts_with("the film ends")), !note.is_empty());
        assert!(index.notes.iter().any(|said| said.contains(note)), "{:?}", index.notes);
    };
    let one = fragmented(&trun(1), 1, &empty_track());
    let at = one.windows(4).position(|w| w == b"moof").unwrap() - 4;
    let mdat = one.windows(4).position(|w| w == b"mdat").unwrap() - 4;
    let (init, moof) = (&one[..at], &one[at..mdat]);
    let fragment = [moof, &make_box(b"mdat", [])].concat();
    let limits = Limits { boxes: 100, fragments: 200, ..Limits::default() };
    // A fragment for each frame, and then two boxes for each.
    ends(&[init, &fragment.repeat(200)].concat(), limits, 200, "");
    ends(&[init, &fragment.repeat(400)].concat(), limits, 250, "more than 100 boxes");
    ends(&[init, &fragment, &make_box(b"free", []).repeat(200)].concat(), limits, 1, "more than 100 boxes");
    // As many samples as the file has bytes.
    let film = fragmented(&trun(400), 5, &empty_track());
    ends(&film, Limits::default(), 400 * (u32::try_from(film.len()).unwrap() / 400), "samples in fragments");
}

/// Damage, and tables that know a way out every eight bytes.
#[test]
fn the_way_past_damage_is_bounded() {
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

/// Damage again and again, with a fragment between that is well formed and holds next to nothing,
/// in a film of very many tracks: where each of them is then would be noted each time.
#[test]
fn damage_in_a_film_of_many_tracks_is_bounded() {
    let tracks: Vec<u8> = (1..=256).flat_map(|n| empty_track().build(n)).collect();
    let trex = full_box(b"trex", 0, [1, 1, 10, 0, 0]);
    let moov = make_box(b"moov", [mvhd(), tracks, make_box(b"mvex", trex)].concat());
    let head = [ftyp(), moov].concat();
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
    let damaged = make_box(b"moof", words(&[4, 0]));
    let trun = make_box(b"trun", words(&[0, 4]));
    let traf = |flags: u32, inside: &[u8]| {
        make_box(b"traf", [&make_box(b"tfhd", words(&[flags, 1])), inside].concat())
    };
    let tfdt = make_box(b"tfdt", words(&[0, 40]));
    let good = make_box(b"moof", traf(DEFAULT_BASE_IS_MOOF, &trun));
    let empty = make_box(b"moof", []);
    let pause = make_box(b"moof", traf(0x1_0000, &tfdt));
    for between in [&empty, &pause] {
        let film = [&head, &[&damaged[..], between].concat().repeat(3000)[..]].concat();
        is_refused(judge_within(&film, CUT, &LARGE), "less than its header");
        // The samples before are a film.
        let film = [&head, &good[..], &[&damaged[..], between].concat().repeat(3000)].concat();
        assert_eq!(Index::build(&film, film.len() as u64).unwrap().tracks[0].samples.count, 4);
        is_film(judge_within(&film, "start=0.01", &LARGE));
    }
    // No damage, but a batch for each sixteen fragments.
    let trun = make_box(b"trun", words(&[0, 16]));
    let moof = make_box(b"moof", traf(DEFAULT_BASE_IS_MOOF, &trun));
    let film = [&head, &moof.repeat(64_000)[..]].concat();
    is_refused(judge_within(&film, CUT, &Bounds { memory: (96 << 20, 8), ..LARGE }), "more fragments");
}

/// What decrypters need is damaged, in a flat film and in one of fragments.
#[test]
fn damaged_auxiliary_information_is_survived() {
    let entries: Vec<_> = (0..20).map(|n| [&[n; 8][..], &[0, 1, 0, 1, 0, 0, 0, 2]].concat()).collect();
    let keys = vec![1, 1, 2, 2, 0, 2, 3];
    let protection = |is_located| {
        let (entries, keys) = (entries.clone(), keys.clone());
        Some(Protection { entries, has_subsamples: true, is_located, keys })
    };
    for is_located in [false, true] {
        let video = TrackSpec { protection: protection(is_located), ..TrackSpec::video(20, 5) };
        let film = Film::of(vec![video]);
        for whole in [film.build(), film.build_fragmented(0), film.build_fragmented(128)] {
            for box_type in [b"saiz", b"saio", b"senc", b"sbgp", b"sgpd"] {
                let Some(at) = whole.windows(4).rposition(|w| w == box_type) else { continue };
                for byte in (at - 4..at + 40).filter(|byte| *byte < whole.len()) {
                    for value in [1, 0xff] {
                        let mut damaged = whole.clone();
                        damaged[byte] = value;
                        judge(&damaged, "start=0.6&format=fmp4");
                        judge(&damaged, "/cmaf/v1/1.m4s");
                    }
                }
            }
        }
    }
}
