//! What has harmed other servers, by its number.

use mp4seek::source::Identity;
use mp4seek::{Answer, Seeker, Settings};
use test_boxes::{MEDIA, Track, film_of_tracks as film, fourcc, ftyp, full_box, make_box, moov, mvhd, table};

use crate::allocator;
use crate::judge::{Ending, judge};
use crate::{CUT, Sparse, all_queries, is_film, is_refused, judge_sparse};

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
        let with = |set: &dyn Fn(&mut Track)| {
            let mut track = Track::video();
            set(&mut track);
            film(&[track])
        };
        let fields = |t: &[u8; 4], field: u32| full_box(t, 0, [field, count, 1, 1]);
        for film in [
            with(&|t| t.stts = claim(b"stts")),
            with(&|t| t.stsc = claim(b"stsc")),
            with(&|t| t.stco = claim(b"stco")),
            with(&|t| t.stco = claim(b"co64")),
            with(&|t| t.stsz = fields(b"stsz", 0)),
            with(&|t| t.stsz = fields(b"stz2", 4)),
            with(&|t| t.stsz = fields(b"stz2", 8)),
            with(&|t| t.stsz = fields(b"stz2", 16)),
            with(&|t| t.more = claim(b"ctts")),
            with(&|t| t.more = claim(b"stss")),
            with(&|t| t.more = fields(b"sbgp", fourcc(b"roll"))),
            with(&|t| t.edts = make_box(b"edts", claim(b"elst"))),
        ] {
            all_queries(&film);
            let Ending::Refused(415, _) = judge(&film, CUT) else { panic!("{count} entries were believed") };
        }
        // Nothing of these is read by count, or a wrong count makes no difference.
        for name in [b"sgpd", b"stps", b"subs", b"saiz", b"saio", b"stsh", b"csgp", b"sdtp"] {
            all_queries(&with(&|t| t.more = claim(name)));
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

/// A packet here and a packet there, for hours: an answer holds no more than one of a film that is
/// in one piece, and sends no more than the packets.
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
            let generated = clip.next(&film, &(at..clip.len()), out.len()).generated;
            clip.read_at(&film, at, &mut out[..generated]).unwrap();
        }
    });
    assert!(held + more < 64 << 10, "{held} and {more} bytes");
    is_film(judge_sparse(&prefix, len, "start=1"));
}
