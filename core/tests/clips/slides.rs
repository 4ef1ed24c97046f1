//! Clips of films whose pictures stand for long.

use crate::common::{clip, identity, seeker};
use mp4seek::request::{Restrictions, Window};
use mp4seek::{Answer, Settings};
use test_boxes::{Expanded, Film, Sample, Shown, TrackSpec, expand};

/// Six pictures of ten seconds. Without key frames of their own, each second one is decoded before the
/// one that is presented before it.
fn slides(are_sync: bool) -> TrackSpec {
    let offset = |n: u32| match n {
        _ if are_sync => 0,
        0 | 5 => 10_000,
        _ => n % 2 * 20_000,
    };
    let offset = |n| i32::try_from(offset(n)).unwrap();
    let sample = |n| Sample { delta: 10_000, offset: offset(n), sync: are_sync || n == 0, size: 20 };
    let edits = if are_sync { Vec::new() } else { vec![(60_000, 10_000, 0x10000)] };
    TrackSpec { edits, ..TrackSpec::new(b"vide", b"avc1", 1000, (0..6).map(sample).collect()) }
}

fn film(are_sync: bool) -> Vec<u8> {
    Film::of(vec![slides(are_sync), TrackSpec::audio(480)]).build()
}

/// What the only edit of a track presents.
fn shown(track: &Expanded) -> Vec<Shown> {
    assert_eq!(track.edits.len(), 1, "{:?}", track.edits);
    track.shown()
}

#[test]
fn a_clip_begins_amid_a_slide() {
    for are_sync in [true, false] {
        let film = film(are_sync);
        let source = expand(&film);
        for (query, first, next) in [
            ("start=15&end=17", 10.0, None),
            ("start=8.5&end=33", 0.0, Some(1.5)),
            ("start=29&end=31", 20.0, Some(1.0)),
        ] {
            let cut = expand(&clip(&film, query).unwrap());
            let (video, audio) = (shown(&cut[0]), shown(&cut[1]));
            let begun = source[0].shown().into_iter().find(|s| (s.from - first).abs() < 1e-6).unwrap();
            assert_eq!((&video[0].bytes, video[0].from), (&begun.bytes, 0.0), "{are_sync} {query}");
            let later = video.get(1).map(|s| (s.from * 1000.0).round() / 1000.0);
            assert_eq!(later, next, "{are_sync} {query}");
            let ends = [&video, &audio].map(|track| track.last().unwrap().to);
            assert!((ends[0] - ends[1]).abs() < 0.05, "{are_sync} {query} {ends:?}");
            // It begins with the edit, for readers that drop what begins before it, and without the edit it
            // lasts as long as it is on screen.
            let [(_, at, _)] = cut[0].edits[..] else { panic!() };
            let held: Vec<_> = cut[0].samples.iter().filter(|s| s.cts >= at).map(|s| s.cts - at).collect();
            assert_eq!(held.iter().min(), Some(&0), "{are_sync} {query}");
            if next.is_none() {
                let lasts = cut[0].samples.iter().map(|s| s.cts + i64::from(s.delta) - at).max().unwrap();
                assert!(lasts as f64 <= 2.01 * f64::from(cut[0].timescale), "{are_sync} {query} {lasts}");
            }
            assert!(at as f64 <= 0.1 * f64::from(cut[0].timescale), "{are_sync} {query} {at}");
        }
    }
}

#[test]
fn pictures_of_coarse_ticks_stay_in_time_with_sound() {
    // Pictures of two seconds, in ticks of one.
    let sample = |_| Sample { delta: 2, offset: 0, sync: true, size: 20 };
    let slides = TrackSpec::new(b"vide", b"avc1", 1, (0..30).map(sample).collect());
    let film = Film::of(vec![slides, TrackSpec::audio(480)]).build();
    let source = expand(&film);
    let begins = |query: &str, window: Option<&str>| {
        let window = window.and_then(|window| Window::from_directive(window.as_bytes()));
        let restrictions = Restrictions { window, ..Restrictions::default() };
        let settings = Settings { restrictions, ..Settings::default() };
        let answer = seeker().answer(&film, &identity(&film), query.as_bytes(), &settings).unwrap();
        let Answer::Film(file) = answer else { panic!("the film itself") };
        let mut bytes = vec![0; file.len().try_into().unwrap()];
        file.read_at(&film, 0, &mut bytes).unwrap();
        // When the clip begins in the film, by the second sample of each track that it presents.
        let cut = expand(&bytes);
        let [video, audio] = [0, 1].map(|n| {
            let second = cut[n].shown().swap_remove(1);
            let of_film = source[n].shown().into_iter().find(|s| s.bytes == second.bytes).unwrap();
            of_film.from - second.from
        });
        assert!((video - audio).abs() < 0.002, "{query}: pictures at {video}, sound at {audio}");
        video
    };
    for (query, window, at) in [
        ("start=21.4", None, 21.0),
        ("start=21.6", None, 21.0),
        ("start=21.6&end=30.2", None, 21.0),
        ("start=21.4", Some("21.2-"), 22.0),
        ("", Some("21.2-50"), 22.0),
        ("start=21", Some("21-"), 21.0),
    ] {
        assert!((begins(query, window) - at).abs() < 0.002, "{query} {window:?}");
    }
}

#[test]
fn a_short_picture_is_shown_whole() {
    let mut film = slides(true);
    film.samples.iter_mut().for_each(|sample| sample.delta = 900);
    let cut = expand(&clip(&Film::of(vec![film]).build(), "start=1.7&end=2").unwrap());
    assert_eq!(shown(&cut[0])[0].to, 0.9);
}

/// Scenes have edits of their own, and begin with whole pictures.
#[test]
fn a_scene_of_several_begins_with_its_slide() {
    let cut = expand(&clip(&film(true), "clip=15-17&clip=35-37").unwrap());
    let video = cut[0].shown();
    assert_eq!(video.iter().map(|s| s.to).fold(0.0, f64::max), 14.0);
}

#[test]
fn nothing_is_heard_of_what_is_before_a_window() {
    let film = film(true);
    let window = Window::from_directive(b"15-45");
    let restrictions = Restrictions { window, ..Restrictions::default() };
    let settings = Settings { restrictions, ..Settings::default() };
    let heard = |bytes: &[u8]| -> Vec<usize> {
        let shown = expand(bytes)[1].shown();
        (0..480).filter(|n| shown.iter().any(|s| s.bytes == expand(&film)[1].samples[*n].bytes)).collect()
    };
    // The packet that is heard at 15 s.
    let before = 15 * 8000 / 1024;
    assert!(heard(&clip(&film, "start=10&end=20").unwrap())[0] < before);
    for query in ["", "start=16", "start=16&end=18", "clip=16-17&clip=22-23", "mode=keyframe"] {
        let answer = seeker().answer(&film, &identity(&film), query.as_bytes(), &settings).unwrap();
        let Answer::Film(file) = answer else { panic!("the film itself") };
        let mut bytes = vec![0; file.len().try_into().unwrap()];
        file.read_at(&film, 0, &mut bytes).unwrap();
        let heard = heard(&bytes);
        assert!(heard[0] + 1 >= before, "{query}: {} before {before}", heard[0]);
    }
}

#[test]
fn what_comes_after_the_rest_of_a_slide_is_in_time() {
    // Key frames, frames that are decoded with the ones before them, and some of these in another order.
    let plain = |n| Sample { delta: 10_000, offset: 0, sync: n == 0, size: 20 };
    let plain = TrackSpec::new(b"vide", b"avc1", 1000, (0..6).map(plain).collect());
    for (kind, video) in [slides(true), plain, slides(false)].into_iter().enumerate() {
        let film = Film::of(vec![video, TrackSpec::audio(480)]).build();
        for millis in [1, 2, 5, 9, 10, 11, 40] {
            let rest = f64::from(millis) / 1000.0;
            let cut = expand(&clip(&film, &format!("start={:.3}", 30.0 - rest)).unwrap());
            let video = shown(&cut[0]);
            assert!(
                video[0].from.abs() < 1e-6 && (video[1].from - rest).abs() < 1e-6,
                "{kind} {rest} {video:?}"
            );
        }
    }
}
