//! Very much of everything, or the claim of it.

use std::time::Duration;

use mp4seek::pace::{Pace, Schedule};
use mp4seek::{Answer, Seeker};
use test_boxes::{MEDIA, Track, film_of_tracks as film, fourcc, ftyp, full_box, make_box, mvhd, table};

use crate::judge::{Bounds, Counted, judge, judge_within};
use crate::queries::ask;
use crate::{CUT, LARGE, all_queries, is_film, is_refused, judge_sparse};

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
    let mut audio = track(1);
    audio.handler = *b"soun";
    all_queries(&film(&[audio]));
}

/// Four thousand million samples in two packets of one byte, and a group for each of them in a few
/// words. What a sample costs is no read here: a walk through them would take minutes.
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
        // Two scenes of it have more than a clip can count.
        let many = judge_within(&film, "clip=1-4000000,0-4000000", &LARGE);
        is_refused(many, "more samples than can be counted");
    }
}

/// A list of sync samples that names one of two samples again and again: it is neither gone through nor
/// kept for what a segment says of them.
#[test]
fn a_sync_sample_that_is_named_very_often_is_one() {
    let track = Track {
        stsd: full_box(b"stsd", 0, [1, 36, fourcc(b"xxxx"), 0, 0, 0, 0, 0, 0, 0]),
        stts: table(b"stts", &[[2, 1000]]),
        stsc: table(b"stsc", &[[1, 2, 1]]),
        stsz: full_box(b"stsz", 0, [10, 2]),
        more: table(b"stss", &vec![[1]; 2_000_000]),
        ..Track::video()
    };
    let film = film(&[track]);
    let bounds = Bounds { calls: (2_000, 0), bytes: (2 << 20, 0), memory: (2 << 20, 0) };
    for query in ["start=0.1&format=fmp4", "/cmaf/v1.mp4?start=0.1"] {
        is_film(judge_within(&film, query, &bounds));
    }
}

/// Groups that are not as long as they say, and many descriptions that are alike: each pair of them
/// would be gone through.
#[test]
fn groups_are_not_read_for_each_description() {
    let described = make_box(b"sgpd", [&[1, 0, 0, 0][..], b"roll", &[0, 0, 0, 2, 0, 0, 0, 0]].concat());
    let pattern = [0x30, fourcc(b"roll"), 1, u32::MAX, 0];
    let mut groups: Vec<_> = pattern.iter().flat_map(|w| w.to_be_bytes()).collect();
    groups.resize(1 << 17, 0x12);
    let groups = make_box(b"csgp", groups);
    let track = Track { more: [described.repeat(64), groups.repeat(64)].concat(), ..Track::video() };
    let film = film(&[track]);
    is_film(judge_within(&film, CUT, &LARGE));
    is_film(judge_within(&film, &format!("clip={}", ["5-6,3-4,1-2"; 10].join(",")), &LARGE));
}

/// Eight scenes, each of which begins inside the sample behind 500 million hidden ones. A walk through
/// those would take minutes.
#[test]
fn hidden_samples_of_no_reads_are_not_walked() {
    const COUNT: u32 = 500_000_000;
    let track = Track {
        stts: table(b"stts", &[[COUNT, 2]]),
        stsc: table(b"stsc", &[[1, COUNT, 1]]),
        stsz: full_box(b"stsz", 0, [1, COUNT]),
        edts: make_box(b"edts", table(b"elst", &[[10_000, 2 * COUNT - 19_999, 0x1_0000]])),
        more: table(b"stss", &[[1]]),
        ..Track::video()
    };
    let prefix = film(&[track]);
    let query = format!("clip={}&mode=keyframe", ["0-1"; 8].join(","));
    is_film(judge_sparse(&prefix, prefix.len() as u64 + u64::from(COUNT), &query));
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

/// Offsets that leave every sample in doubt: where a time is, all of them say.
#[test]
fn a_pace_that_takes_too_long_to_find_is_none() {
    const COUNT: u32 = 1_100_000;
    let track = Track {
        stts: table(b"stts", &[[COUNT, 1000]]),
        stsz: full_box(b"stsz", 0, [1, COUNT]),
        stsc: table(b"stsc", &[[1, COUNT, 1]]),
        more: table(b"ctts", &[[1, 1 << 30], [1, 3 << 30]].repeat(COUNT as usize / 2)),
        ..Track::video()
    };
    let bytes = film(&[track]);
    let len = bytes.len() as u64;
    let source = Counted::new(bytes, len);
    let (Answer::Film(film), pace) =
        (ask(&Seeker::default(), &source, len, "start=1").unwrap(), Pace { lead_in: 10, rate: 0 })
    else {
        panic!()
    };
    for from in [0, film.len() / 2] {
        source.take();
        let range = from..film.len();
        let (mut schedule, until) =
            Schedule::look_up(None, pace, &film, &source, &range, Duration::ZERO).unwrap();
        let again = schedule.allowed(&film, &source, Duration::from_secs(1)).unwrap();
        let (_, bytes) = source.take();
        assert!(bytes < 20 << 20, "{bytes} bytes read");
        assert_eq!((until, again), (film.len(), film.len()));
    }
}

/// A film whose tracks count so many ticks a second.
fn with_timescale(mut film: Vec<u8>, timescale: u32) -> Vec<u8> {
    let places: Vec<_> =
        film.windows(4).enumerate().filter(|(_, w)| w == b"mdhd").map(|(at, _)| at).collect();
    for at in places {
        film[at + 16..at + 20].copy_from_slice(&timescale.to_be_bytes());
    }
    film
}

/// Ten million samples in a segment, of which a box of 16 bytes says that a decrypter needs nothing.
#[test]
fn entries_of_no_bytes_take_no_memory() {
    const COUNT: u32 = 10_000_000;
    let track = Track {
        handler: *b"soun",
        stts: table(b"stts", &[[COUNT, 1]]),
        stsc: table(b"stsc", &[[1, 1000, 1]]),
        stsz: full_box(b"stsz", 0, [1, COUNT]),
        stco: table(b"stco", &vec![[MEDIA]; COUNT as usize / 1000]),
        more: full_box(b"senc", 0, [u32::MAX]),
        ..Track::video()
    };
    let film = with_timescale(film(&[track]), COUNT);
    is_film(judge_within(&film, "format=fmp4", &LARGE));
}

/// A picture that lasts as long as five million samples of sound, all in one run.
#[test]
fn a_run_of_very_many_samples_is_not_generated_as_a_whole() {
    const COUNT: u32 = 5_000_000;
    let video = Track {
        stts: table(b"stts", &[[2, COUNT / 2]]),
        stsz: full_box(b"stsz", 0, [1, 2]),
        stsc: table(b"stsc", &[[1, 2, 1]]),
        more: table(b"stss", &[[1]]),
        ..Track::video()
    };
    let sound = Track {
        handler: *b"soun",
        stts: table(b"stts", &[[COUNT - 1, 1], [1, 2]]),
        stsc: table(b"stsc", &[[1, 1000, 1]]),
        stsz: full_box(b"stsz", 0, [1, COUNT]),
        stco: table(b"stco", &vec![[MEDIA]; COUNT as usize / 1000]),
        more: table(b"ctts", &[[COUNT, 1]]),
        ..Track::video()
    };
    is_film(judge_within(&film(&[video, sound]), "format=fmp4", &LARGE));
}
