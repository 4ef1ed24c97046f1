//! Many edits, edits far away, and too many tracks and boxes.

use test_boxes::{
    Film, MEDIA, Track, TrackSpec, film_of_tracks as film, ftyp, full_box, make_box, mvhd, table,
    tangled_film,
};

use crate::judge::{Bounds, judge, judge_within};
use crate::{CUT, LARGE, is_film, is_refused};

/// A composition offset far out, or durations of 0: any sample may be presented at any time. Each
/// edit then asks for a walk through the whole table.
#[test]
fn many_edits_of_a_tangled_film_are_bounded() {
    let samples = 200_000u32;
    let edits: Vec<_> = (0..16_000u32).map(|n| [10, n % 1000, 0x1_0000]).collect();
    let no_time: Vec<_> = (0..samples).map(|n| [1, u32::from(n % 2 == 0 && n > 190_000)]).collect();
    let plain = Track {
        stts: table(b"stts", &[[samples, 1]]),
        stsz: full_box(b"stsz", 0, [1, samples]),
        stsc: table(b"stsc", &[[1, 500, 1]]),
        stco: table(b"stco", &vec![[MEDIA]; 400]),
        edts: make_box(b"edts", table(b"elst", &edits)),
        ..Track::video()
    };
    let timeless = Track { stts: table(b"stts", &no_time), ..plain.clone() };
    let films = [tangled_film(), film(&[timeless]), film(&[plain])];
    let [tangled, timeless, plain] = films.map(|film| {
        is_film(judge_within(&film, "start=80&end=80.01", &LARGE));
        judge_within(&film, "start=0.5&mode=keyframe", &LARGE)
    });
    is_refused(tangled, "too tangled");
    is_film(timeless);
    is_film(plain);
}

/// Each of the segments looks samples up, by what the edits present.
#[test]
fn many_edits_in_many_segments_are_bounded() {
    let samples = 96_000u32;
    let edits: Vec<_> = (0..16_000u32).map(|n| [6000, n * 6000, 0x1_0000]).collect();
    let track = Track {
        stts: table(b"stts", &[[samples, 1000]]),
        stsz: full_box(b"stsz", 0, [1, samples]),
        stsc: table(b"stsc", &[[1, samples, 1]]),
        stco: table(b"stco", &[[MEDIA]]),
        edts: make_box(b"edts", table(b"elst", &edits)),
        ..Track::video()
    };
    let film = film(&[track]);
    for query in ["/cmaf/v1.mp4", "/hls/v1.m3u8", "start=6&format=fmp4"] {
        is_film(judge_within(&film, query, &Bounds { memory: (8 << 20, 0), ..LARGE }));
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
fn references_without_number_are_bounded() {
    let references = |ids: usize, boxes: usize| {
        make_box(b"tref", make_box(b"sync", [0, 0, 0, 1].repeat(ids)).repeat(boxes))
    };
    let video = || TrackSpec::video(10, 5);
    let large = TrackSpec { in_trak: vec![references(1 << 16, 64)], ..video() };
    let misplaced = TrackSpec { in_mdia: vec![references(1 << 10, 1); 2000], ..video() };
    for track in [large, misplaced] {
        let film = Film::of(vec![track, TrackSpec::audio(8)]).build();
        for query in ["start=0.5", "tracks=video", "format=fmp4", "/cmaf/v1.mp4"] {
            is_film(judge_within(&film, query, &Bounds { memory: (4 << 20, 0), ..LARGE }));
        }
    }
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
