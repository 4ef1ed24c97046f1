//! Clips of films of which only a part may be seen: with the mode `keyframe`, and in segments, they
//! hold nothing that is before it.

use crate::common::{identity, seeker};
use mp4seek::packaging::Address;
use mp4seek::request::{Restrictions, Window};
use mp4seek::{Answer, Settings};
use test_boxes::{Film, Sample, TrackSpec};

/// Ten minutes of frames of a second each, of which these are sync samples.
fn video(is_sync: impl Fn(u32) -> bool) -> TrackSpec {
    let sample = |n| Sample { delta: 1000, offset: 0, sync: is_sync(n), size: 20 };
    TrackSpec::new(b"vide", b"avc1", 1000, (0..600).map(sample).collect())
}

/// What stands at an address behind the film, or at that of the film itself, where only `window` may
/// be seen; or the status of the refusal.
fn within(film: &Vec<u8>, window: &str, address: &str, query: &str) -> Result<Vec<u8>, u16> {
    let window = Window::from_directive(window.as_bytes());
    let restrictions = Restrictions { window, ..Restrictions::default() };
    let settings = Settings { restrictions, ..Settings::default() };
    let address = Address::parse(address.as_bytes());
    let answer = seeker().answer_at(film, &identity(film), address, query.as_bytes(), &settings);
    let Answer::Film(file) = answer.map_err(|refused| refused.status())? else { panic!("the film itself") };
    let mut bytes = vec![0; file.len().try_into().unwrap()];
    file.read_at(film, 0, &mut bytes).unwrap();
    Ok(bytes)
}

/// The first frame of a track that a file holds, and the last.
fn frames(file: &[u8], track: usize) -> (usize, usize) {
    let holds = |n: &usize| {
        let frame = Film::sample_bytes(track, *n, 20);
        file.windows(frame.len()).any(|bytes| bytes == frame)
    };
    ((0..600).find(holds).unwrap(), (0..600).rfind(holds).unwrap())
}

const KEYFRAME: [(&str, &str); 3] =
    [("", "mode=keyframe"), ("", "mode=keyframe&format=fmp4"), ("/cmaf/v1.mp4", "")];
const TEXTS: [&str; 4] = ["/hls/master.m3u8", "/hls/v1.m3u8", "/dash/manifest.mpd", "/hls/v1-iframes.m3u8"];

#[test]
fn the_next_key_frame_is_waited_for() {
    let film = Film::of(vec![video(|n| n % 60 == 0)]).build();
    for (address, query) in KEYFRAME {
        let held = |window, more: &str| within(&film, window, address, &format!("{query}{more}"));
        assert_eq!(frames(&held("70-600", "").unwrap(), 0), (120, 599), "{address} {query}");
        assert_eq!(frames(&held("70-600", "&start=80").unwrap(), 0), (120, 599), "{address} {query}");
        assert_eq!(frames(&held("60-600", "&start=80").unwrap(), 0), (60, 599), "{address} {query}");
        assert_eq!(frames(&held("70-600", "&clip=100-130,300-310").unwrap(), 0), (120, 309), "{query}");
    }
    let playlist = String::from_utf8(within(&film, "70-600", "/hls/v1.m3u8", "").unwrap()).unwrap();
    let lasts = playlist.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    let total: f64 = lasts.map(|line| line.trim_end_matches(',').parse::<f64>().unwrap()).sum();
    assert_eq!(total, 480.0, "{playlist}");
}

#[test]
fn a_clip_without_a_key_frame_is_refused() {
    let film = Film::of(vec![video(|n| n % 60 == 0), TrackSpec::audio(4687)]).build();
    for (window, more) in [("130-170", ""), ("70-600", "&start=90&end=120"), ("70-", "&clip=300-310,70-90")] {
        for (address, query) in KEYFRAME.into_iter().chain(TEXTS.map(|text| (text, ""))) {
            let query = format!("{query}{more}");
            assert_eq!(within(&film, window, address, &query), Err(403), "{window} {address} {query}");
        }
        // The edit list hides what is before.
        assert!(within(&film, window, "", &format!("mode=exact{more}")).is_ok());
    }
    // Sound alone has no key frames.
    let sound = within(&film, "130-170", "", "mode=keyframe&tracks=audio").unwrap();
    assert!(!sound.is_empty());
}

#[test]
fn another_video_begins_with_a_key_frame_of_its_own() {
    let film = Film::of(vec![video(|n| n % 60 == 0), video(|n| n % 65 == 0), video(|n| n == 0)]).build();
    // That of 65 s may not be seen, and that of 130 s may.
    for (address, query) in [("", "mode=keyframe"), ("/cmaf/v2.mp4", "")] {
        let held = within(&film, "70-600", address, query).unwrap();
        assert_eq!(frames(&held, 1), (130, 599), "{address}");
    }
    assert_eq!(within(&film, "70-600", "/cmaf/v3.mp4", ""), Err(404));
    // One that is decoded before the window begins is left alone where that may be seen, too.
    assert_eq!(frames(&within(&film, "60-600", "/cmaf/v2.mp4", "start=130").unwrap(), 1), (65, 599));
}

#[test]
fn a_key_frame_less_than_a_tick_before_the_window_is_not_seen() {
    // 25 frames a second, each a tick long.
    let coarse = |key_frames: [u32; 3]| {
        let sample = |n| Sample { delta: 1, offset: 0, sync: key_frames.contains(&n), size: 20 };
        TrackSpec::new(b"vide", b"avc1", 25, (0..600).map(sample).collect())
    };
    for (key_frame, window) in [(249, "10-"), (250, "10.02-")] {
        let film = Film::of(vec![coarse([0, key_frame, 350])]).build();
        for (address, query) in [KEYFRAME[0], KEYFRAME[2], ("", "mode=keyframe&start=12")] {
            let held = within(&film, window, address, query).unwrap();
            assert_eq!(frames(&held, 0).0, 350, "{window}: {address} {query}");
        }
    }
    // As one beside another that begins in time.
    let sample = |n: u32| Sample { delta: 40, offset: 0, sync: n % 300 == 0, size: 20 };
    let fine = TrackSpec::new(b"vide", b"avc1", 1000, (0..600).map(sample).collect());
    let film = Film::of(vec![fine, coarse([0, 250, 350])]).build();
    let held = within(&film, "10.02-", "", "mode=keyframe&start=13").unwrap();
    assert_eq!((frames(&held, 0).0, frames(&held, 1).0), (300, 350));
    // That of the tick at which the window begins is seen.
    let film = Film::of(vec![coarse([0, 250, 350])]).build();
    assert_eq!(frames(&within(&film, "10-", "", "mode=keyframe&start=12").unwrap(), 0).0, 250);
}

#[test]
fn a_picture_that_is_still_shown_is_no_earlier_one() {
    let still = |seconds: u32| Sample { delta: seconds * 1000, offset: 0, sync: true, size: 20 };
    let slides = TrackSpec::new(b"vide", b"avc1", 1000, vec![still(300), still(300)]);
    let film = Film::of(vec![slides]).build();
    for (address, query) in KEYFRAME {
        let held = |window| within(&film, window, address, query).unwrap();
        assert_eq!(frames(&held("70-200"), 0), (0, 0), "{address} {query}");
        assert_eq!(frames(&held("70-400"), 0), (1, 1), "{address} {query}");
    }
}
