//! Where the decoding of a clip begins.

use test_boxes::{Film, Sample, TrackSpec, expand, fourcc, full_box, make_box};

use crate::common::clip;
use crate::held;

#[test]
fn audio_begins_at_any_packet_unless_its_coding_says_otherwise() {
    // As VLC marks packets of AAC: every tenth. The configuration names AAC LC, or extended HE-AAC.
    let film = |coding: &[u8; 4], own: [u8; 2]| {
        let decoder = [&[4, 17, 0x40][..], &[0; 12], &[5, 2], &own].concat();
        let es = [&[0, 0, 0, 0, 3, 22, 0, 0, 0][..], &decoder].concat();
        let mut audio =
            TrackSpec { coding: *coding, in_entry: vec![make_box(b"esds", es)], ..TrackSpec::audio(40) };
        (0..).zip(&mut audio.samples).for_each(|(n, s)| s.sync = n % 10 == 0);
        Film::of(vec![audio]).build()
    };
    // From packet 31 on; three lead in.
    let cut = |film: &[u8]| expand(&clip(film, "start=4&end=4.1").unwrap()).swap_remove(0);
    for coding in [b"mp4a", b"ac-3"] {
        let audio = cut(&film(coding, [0x12, 0x10]));
        assert!(audio.samples.len() <= 5 && !audio.boxes.contains_key(b"stss"), "{}", audio.samples.len());
    }
    for (coding, own) in [(b"mp4a", [0xf9, 0x46]), (b"mha1", [0x12, 0x10])] {
        let audio = cut(&film(coding, own));
        assert!(audio.samples[0].sync && audio.boxes.contains_key(b"stss"), "{:?}", audio.samples[0]);
        assert!(!audio.samples[1].sync);
    }
}

#[test]
fn audio_leads_in_after_a_gap_and_not_across_it() {
    // Ten packets were lost after the 20th.
    let mut audio = TrackSpec::audio(40);
    audio.samples[20].delta = 11 * 1024;
    let film = Film::of(vec![audio]).build();
    let packet = |n: f64| n * 1024.0 / 8000.0;
    // In packet 20 itself, in the gap, and after it: which packet decoding begins with, and how
    // much of it is hidden.
    for (at, first, hidden) in
        [(20.5, 17, 3584), (25.0, 20, 1024), (31.5, 20, 1536), (32.5, 20, 2560), (36.5, 23, 3584)]
    {
        let cut = expand(&clip(&film, &format!("start={}", packet(at))).unwrap()).swap_remove(0);
        let [(_, media_time, _)] = cut.edits[..] else { panic!("{:?}", cut.edits) };
        assert_eq!(cut.samples[0].bytes, expand(&film)[0].samples[first].bytes, "{at}");
        assert_eq!(media_time, hidden, "{at}");
        let next = cut.shown().iter().map(|s| s.from).find(|from| *from > 0.0).unwrap();
        let due = if at < 31.0 { 31.0 } else { at.ceil() };
        assert!((next - packet(due - at)).abs() < 1e-3, "{at}: {next}");
    }
    // The last of a track is often short; nothing is missing before it.
    let mut audio = TrackSpec::audio(40);
    audio.samples[39].delta = 300;
    let film = Film::of(vec![audio]).build();
    assert_eq!(held(&film, &format!("start={}", packet(39.1))).start, 36);
}

#[test]
fn audio_in_fine_ticks_begins_with_a_packet_that_is_heard() {
    // libavformat takes hidden ticks for audio samples.
    let mut audio = TrackSpec::audio(40);
    audio.timescale = 8_000_000;
    audio.samples.iter_mut().for_each(|s| s.delta *= 1000);
    let film = Film::of(vec![audio.clone()]).build();
    let packet = |n: f64| n * 1024.0 / 8000.0;
    for (from, first) in [(20.3, 20), (20.7, 21), (39.9, 39)] {
        let cut = expand(&clip(&film, &format!("start={}", packet(from))).unwrap()).swap_remove(0);
        assert_eq!(cut.samples[0].bytes, expand(&film)[0].samples[first].bytes, "{from}");
        assert_eq!((cut.edits[0].1, cut.samples.len()), (0, 40 - first), "{from}");
    }
    // A clip of it is as long as it is asked for.
    let query = format!("start={}&end={}", packet(20.3), packet(25.3));
    assert_eq!(expand(&clip(&film, &query).unwrap())[0].samples.len(), 5);
    // In a gap, what follows comes at its time.
    audio.samples[20].delta = 11_000 * 1024;
    let film = Film::of(vec![audio]).build();
    let cut = expand(&clip(&film, &format!("start={}", packet(25.0))).unwrap()).swap_remove(0);
    assert!(cut.shown().iter().any(|s| (s.from - packet(6.0)).abs() < 1e-3), "{:?}", cut.edits);
}

/// Frames of 100 ms, of which only the first is a sync sample.
fn video_with_one_sync(more: Vec<Vec<u8>>) -> Vec<u8> {
    let samples = (0..60).map(|n| Sample { delta: 100, offset: 0, sync: n == 0, size: 20 });
    Film::of(vec![TrackSpec { more, ..TrackSpec::new(b"vide", b"hvc1", 1000, samples.collect()) }]).build()
}

#[test]
fn decoding_begins_at_a_partial_sync_sample_unless_a_leading_picture_is_asked_for() {
    // Groups of 10 as they are decoded; 20 is presented after 21 and 22, which lead it.
    let open = |more: Vec<Vec<u8>>| {
        let samples = (0..60).map(|n| Sample {
            delta: 100,
            offset: match n % 10 {
                0 if n > 0 => 300,
                1 | 2 if n > 2 => 0,
                _ => 100,
            },
            sync: n == 0,
            size: 20,
        });
        let video = TrackSpec::new(b"vide", b"hvc1", 1000, samples.collect());
        Film::of(vec![TrackSpec { more, ..video }]).build()
    };
    let stps = vec![full_box(b"stps", 0, [4, 11, 21, 31, 41])];
    let runs = [10, 0, 1, 1, 9, 0, 1, 1, 9, 0, 1, 1, 9, 0, 1, 1, 19, 0];
    let sbgp = full_box(b"sbgp", 0, [fourcc(b"rap "), 9].into_iter().chain(runs));
    let sgpd = make_box(b"sgpd", [&[1, 0, 0, 0][..], b"rap ", &[0, 0, 0, 1, 0, 0, 0, 1, 0x82]].concat());
    for more in [stps, vec![sgpd, sbgp]] {
        let film = open(more);
        // 30 is shown at 3.3 s, 31 and 32 at 3.1 and 3.2 s.
        assert_eq!(held(&film, "start=3.35&end=3.4"), 30..31);
        assert_eq!(held(&film, "start=3.15&end=3.2"), 20..32);
        assert_eq!(held(&film, "start=3.85&mode=keyframe&end=4"), 30..39);
    }
    assert_eq!(held(&open(vec![]), "start=3.35&end=3.4").start, 0);
}

#[test]
fn decoding_begins_where_a_gradual_refresh_is_over_in_time() {
    // Each 15th frame begins one that takes 6.
    let sgpd = make_box(b"sgpd", [&[1, 0, 0, 0][..], b"roll", &[0, 0, 0, 2, 0, 0, 0, 1, 0, 6]].concat());
    let runs = (0..4).flat_map(|_| [1, 1, 14, 0]);
    let sbgp = full_box(b"sbgp", 0, [fourcc(b"roll"), 8].into_iter().chain(runs));
    let film = video_with_one_sync(vec![sgpd.clone(), sbgp]);
    assert_eq!(held(&film, "start=3.65&end=3.7"), 30..37);
    assert_eq!(held(&film, "start=3.55&end=3.6"), 15..36);
    // The first frame that is right.
    let cut = expand(&clip(&film, "start=4.2&end=4.4&mode=keyframe").unwrap());
    assert_eq!((cut[0].shown()[0].bytes.clone(), cut[0].shown().len()), (Film::sample_bytes(0, 36, 20), 8));
    assert_eq!(held(&video_with_one_sync(vec![]), "start=3.65&end=3.7"), 0..37);
    // The same in a csgp: a pattern of fifteen for sixty samples, in nibbles.
    let csgp = |grouping: &[u8; 4]| {
        let pattern = [&[0, 0, 0, 0x14][..], grouping, &[0, 0, 0, 1, 15, 60], &[0x10, 0, 0, 0, 0, 0, 0, 0]];
        make_box(b"csgp", pattern.concat())
    };
    let film = video_with_one_sync(vec![sgpd, csgp(b"roll")]);
    assert_eq!(held(&film, "start=3.65&end=3.7"), 30..37);
    assert_eq!(held(&film, "start=3.55&end=3.6"), 15..36);
    let sgpd = make_box(b"sgpd", [&[1, 0, 0, 0][..], b"rap ", &[0, 0, 0, 1, 0, 0, 0, 1, 0]].concat());
    let film = video_with_one_sync(vec![sgpd, csgp(b"rap ")]);
    assert_eq!(held(&film, "start=3.55&end=3.6"), 30..36);
}

#[test]
fn audio_leads_in_as_the_film_says() {
    let packets = |coding, more, in_entry| {
        let packet = Sample { delta: 1000, offset: 0, sync: true, size: 9 };
        let track = TrackSpec::new(b"soun", coding, 1000, vec![packet; 60]);
        Film::of(vec![TrackSpec { more, in_entry, ..track }]).build()
    };
    let described = |version: u8, grouping: &[u8; 4], default: &[u8]| {
        let mut b = vec![version, 0, 0, 0];
        b.extend(grouping);
        b.extend([0, 0, 0, 2]);
        b.extend(default);
        b.extend([0, 0, 0, 1, 0xff, 0xf9]);
        make_box(b"sgpd", b)
    };
    let first = |film: Vec<u8>| held(&film, "start=40&end=41").start;
    assert_eq!(first(packets(b"alac", vec![], vec![])), 40);
    assert_eq!(first(packets(b"mp4a", vec![], vec![])), 37);
    for grouping in [b"roll", b"prol"] {
        let group = u32::from_be_bytes(*grouping);
        let sbgp = full_box(b"sbgp", 0, [group, 2, 30, 0, 30, 1]);
        assert_eq!(first(packets(b"what", vec![described(1, grouping, &[]), sbgp], vec![])), 33);
        // Patterns of one: none for thirty samples, the first group for thirty.
        let csgp = [&[0, 0, 0, 0x14][..], grouping, &[0, 0, 0, 2, 1, 30, 1, 30, 0x01]].concat();
        let csgp = make_box(b"csgp", csgp);
        let film = packets(b"what", vec![described(1, grouping, &[]), csgp], vec![]);
        assert_eq!(first(film.clone()), 33);
        assert_eq!(held(&film, "start=30&end=31").start, 23);
        assert_eq!(held(&film, "start=29&end=30").start, 29);
        // What is said of all samples that nothing else is said of.
        assert_eq!(first(packets(b"mp4a", vec![described(2, grouping, &[0, 0, 0, 1])], vec![])), 33);
    }
    // A film that says less than the coding needs.
    let sbgp = full_box(b"sbgp", 0, [fourcc(b"roll"), 1, 60, 1]);
    let one = make_box(b"sgpd", [&[1, 0, 0, 0][..], b"roll", &[0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff]].concat());
    assert_eq!(first(packets(b"mp4a", vec![one, sbgp], vec![])), 37);
    // Encrypted: what it is of counts.
    let sinf = |format: &[u8; 4]| vec![make_box(b"sinf", make_box(b"frma", format))];
    assert_eq!(first(packets(b"enca", vec![], sinf(b"Opus"))), 32);
    assert_eq!(first(packets(b"enca", vec![], sinf(b"fLaC"))), 40);
    // Not every packet is one to begin at (xHE-AAC, MPEG-H, AC-4).
    let mut film = packets(b"mhm1", vec![full_box(b"stss", 0, [3, 1, 21, 36])], vec![]);
    assert_eq!(first(film.clone()), 35);
    let stss = film.windows(4).position(|w| w == b"stss").unwrap();
    film[stss + 23] = 39;
    assert_eq!(first(film), 20);
}
