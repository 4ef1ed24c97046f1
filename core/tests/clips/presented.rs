//! What a clip presents, and for how long.

use mp4seek::Settings;
use mp4seek::packaging::Address;
use test_boxes::{Film, Sample, TrackSpec, expand};

use crate::common::{clip, identity, seeker};

#[test]
fn a_last_frame_that_lasts_no_time_is_shown() {
    let mut track = TrackSpec::video(20, 1);
    track.samples.iter_mut().for_each(|s| s.offset = 0);
    track.samples[19].delta = 0;
    for edits in [vec![], vec![(2000, 0, 0x10000)]] {
        let film = Film::of(vec![TrackSpec { edits, ..track.clone() }]).build();
        for query in ["start=1.5", "start=1.9", "start=1.5&end=2.5"] {
            let cut = expand(&clip(&film, query).unwrap()).swap_remove(0);
            let shown = cut.shown();
            let last = shown.last().unwrap();
            assert_eq!(last.bytes, expand(&film)[0].samples[19].bytes, "{query}");
            assert!((last.to - last.from - 0.1).abs() < 1e-6, "{query}: {last:?}");
        }
    }
}

#[test]
fn what_is_left_of_a_subtitle_is_a_subtitle() {
    let cue = |delta| Sample { delta, offset: 0, sync: true, size: 20 };
    for lengths in [[700, 300, 700, 300], [500; 4]] {
        let text = TrackSpec::new(b"sbtl", b"tx3g", 1000, lengths.into_iter().map(cue).collect());
        let film = Film::of(vec![TrackSpec::video(20, 5), text]).build();
        let cut = clip(&film, "start=0.4&end=1.9").unwrap();
        let text = &expand(&cut)[1];
        assert_eq!(text.edits, [(135_000, 0, 0x10000)]);
        let times = text.samples.iter().map(|s| s.delta).collect::<Vec<_>>();
        assert_eq!(times, [&[lengths[0] - 400], &lengths[1..]].concat());
    }
}

#[test]
fn a_clip_ends_on_a_whole_tick_of_the_video() {
    let mut video = TrackSpec::video(50, 10);
    video.samples.iter_mut().for_each(|s| (s.delta, s.offset) = (1, 0));
    let film =
        Film::of(vec![TrackSpec { timescale: 25, edits: vec![], ..video }, TrackSpec::audio(16)]).build();
    for (end, until) in [("1.012", 1.04), ("1.04", 1.04), ("1.0399999", 1.04), ("1.041", 1.08)] {
        let cut = expand(&clip(&film, &format!("start=0.4&end={end}")).unwrap());
        for track in cut {
            let length =
                track.edits.iter().map(|e| e.0).sum::<u64>() as f64 / f64::from(track.movie_timescale);
            assert!((length - (until - 0.4)).abs() < 1e-9, "{end}: {length}");
        }
    }
}

#[test]
fn edits_at_other_rates_are_cut_to_what_they_play() {
    let edits = |rate: u32, query: &str| {
        let mut video = TrackSpec::video(100, 1);
        video.samples.iter_mut().for_each(|s| s.offset = 0);
        video.edits = vec![(1000, 4000, rate)];
        let cut = expand(&clip(&Film::of(vec![video]).build(), query).unwrap()).swap_remove(0);
        // Where in the film the first sample of the clip was, and how many there are.
        let first = String::from_utf8(cut.samples[0].bytes.clone()).unwrap();
        let first = first.split([':', '>']).nth(1).unwrap().parse::<i64>().unwrap();
        let [(duration, media_time, rate)] = cut.edits[..] else { panic!("{:?}", cut.edits) };
        (duration * 1000 / u64::from(cut.movie_timescale), media_time + first * 100, rate, cut.samples.len())
    };
    let half = 0x8000;
    for (rate, from, samples) in [
        (0x1_0000, 4300, 2),
        (half, 4150, 2),
        (0x2_0000, 4600, 4),
        (0, 4000, 1),
        // From the end of the media of the edit back to its beginning.
        (0xffff_0000, 4500, 2),
        (0xfffe_0000, 5000, 4),
    ] {
        assert_eq!(edits(rate, "start=0.3&end=0.5"), (200, from, rate, samples), "{rate:x}");
    }
}

/// Frames of 10, 90 and 200 ms, the second of which is decoded last and gives its own 90 to the
/// third.
fn reordered(frames: usize) -> TrackSpec {
    let sample = |delta, offset, sync| Sample { delta, offset, sync, size: 20 };
    let group = [sample(10, 90, true), sample(90, 180, false), sample(200, 0, false)];
    TrackSpec::new(b"vide", b"avc1", 1000, group.into_iter().cycle().take(frames).collect())
}

#[test]
fn a_frame_that_is_reordered_lasts_as_long_as_it_is_shown() {
    let mut video = reordered(3);
    video.edits = vec![(300, 90, 0x10000)];
    let film = Film::of(vec![video]).build();
    let shown = |film: &[u8]| {
        let shown = expand(film)[0].shown();
        shown.iter().map(|s| (s.bytes[3], (s.from * 1e3).round(), (s.to * 1e3).round())).collect::<Vec<_>>()
    };
    assert_eq!(shown(&clip(&film, "start=0.05").unwrap()), [(b'2', 0.0, 90.0), (b'1', 90.0, 290.0)]);
    let last = clip(&film, "start=0.2").unwrap();
    assert_eq!(shown(&last), [(b'1', 0.0, 200.0)]);
    // Its sample is decoded for 90 ms in the film.
    let track = expand(&last).swap_remove(0);
    assert_eq!(f64::from(track.samples[1].delta) / f64::from(track.timescale), 0.2);
    assert_eq!(shown(&clip(&last, "start=0.1&end=0.18").unwrap()), [(b'1', 0.0, 180.0)]);
}

#[test]
fn ranges_of_reordered_frames_do_not_overlap() {
    let mut video = reordered(30);
    // The last of one group, and the first two of another, whose decoding takes 300 ms.
    video.edits = vec![(200, 190, 0x10000), (100, 2190, 0x10000)];
    let film = clip(&Film::of(vec![video]).build(), "start=0.01").unwrap();
    let names: Vec<_> = expand(&film)[0].shown().iter().map(|s| s.bytes.clone()).collect();
    let frame = |n| Film::sample_bytes(0, n, 20);
    assert_eq!(names, [frame(1), frame(21), frame(23)]);
}

#[test]
fn a_frame_that_is_held_is_named_by_its_own_time() {
    let mut video = reordered(3);
    // Within the 200 ms of the frame that is decoded for 90.
    video.edits = vec![(290, 90, 0x10000), (1000, 350, 0)];
    let film = clip(&Film::of(vec![video]).build(), "start=0.5&end=0.7").unwrap();
    let track = expand(&film).swap_remove(0);
    let [(duration, media_time, 0)] = track.edits[..] else { panic!("{:?}", track.edits) };
    assert_eq!(duration * 5, u64::from(track.movie_timescale));
    assert_eq!(media_time, track.samples[1].cts);
}

#[test]
fn where_nothing_is_presented_there_is_no_clip() {
    // Both tracks begin after two seconds, and pause from the third to the fifth.
    let edits = |first, second| {
        vec![(2000, -1, 0x10000), (1000, first, 0x10000), (2000, -1, 0x10000), (800, second, 0x10000)]
    };
    let video = TrackSpec { edits: edits(100, 1100), ..TrackSpec::video(20, 5) };
    let audio = TrackSpec { edits: edits(0, 8000), ..TrackSpec::audio(16) };
    let film = Film::of(vec![video, audio]).build();
    for query in ["end=1", "start=0.5&end=2", "start=3.5&end=4.5", "clip=0-1,3.5-4.5", "t=0,1"] {
        for more in ["", "&mode=keyframe", "&format=fmp4", "&tracks=video", "&tracks=audio"] {
            let refused = clip(&film, &format!("{query}{more}")).unwrap_err();
            assert_eq!(refused.status(), 416, "{query}{more}");
            assert!(refused.to_string().starts_with("the film presents nothing from "), "{refused}");
        }
        for at in ["/hls/master.m3u8", "/hls/v1.m3u8", "/dash/manifest.mpd", "/cmaf/a1.mp4"] {
            let address = Address::parse(at.as_bytes()).unwrap();
            let (source, settings) = (film.clone(), Settings::default());
            let answer =
                seeker().answer_address(&source, &identity(&film), address, query.as_bytes(), &settings);
            assert_eq!(answer.unwrap_err().status(), 416, "{at}?{query}");
        }
    }
    for query in ["end=2.1", "start=1", "start=2.5&end=3.5", "start=4&end=5.2", "clip=0-1,2-3", "t=1"] {
        assert!(clip(&film, query).is_ok(), "{query}");
        let address = Address::parse(b"/dash/manifest.mpd").unwrap();
        let (source, settings) = (film.clone(), Settings::default());
        let answer = seeker().answer_address(&source, &identity(&film), address, query.as_bytes(), &settings);
        assert!(answer.is_ok(), "{query}");
    }
}
