//! Frames that begin or end where the ticks of the movie and of the media do not meet.

use crate::common::clip;
use test_boxes::{Film, TrackSpec, expand};

/// Video whose frames are all sync samples and last so many ticks, in turns.
fn video(timescale: u32, frames: u32, durations: &[u32], edits: Vec<(u32, i32, u32)>) -> TrackSpec {
    let mut video = TrackSpec::video(frames, 1);
    for (sample, duration) in video.samples.iter_mut().zip(durations.iter().cycle()) {
        (sample.delta, sample.offset, sample.size) = (*duration, 0, 8);
    }
    TrackSpec { timescale, edits, ..video }
}

/// Audio of 44.1 kHz that begins after so many milliseconds: the clip then counts in its ticks.
fn audio(packets: u32, waits: u32, lasts: u32) -> TrackSpec {
    let mut audio = TrackSpec::audio(packets);
    audio.samples.iter_mut().for_each(|sample| sample.delta = 1024);
    let edits = match waits {
        0 => Vec::new(),
        _ => vec![(waits, -1, 0x10000), (lasts, 0, 0x10000)],
    };
    TrackSpec { timescale: 44_100, edits, ..audio }
}

/// The numbers of the frames that a clip shows.
fn frames(film: &[u8], query: &str) -> Vec<usize> {
    let all: Vec<_> = expand(film)[0].samples.iter().map(|sample| sample.bytes.clone()).collect();
    let shown = expand(&clip(film, query).unwrap()).swap_remove(0).shown();
    shown.iter().map(|s| all.iter().position(|bytes| *bytes == s.bytes).unwrap()).collect()
}

#[test]
fn a_frame_of_one_coarse_tick_at_the_end_is_shown() {
    // The edit ends a tick after frame 5 begins.
    let film = Film::of(vec![video(1000, 8, &[40], vec![(161, 40, 0x10000)]), audio(4, 1, 92)]).build();
    assert_eq!(frames(&film, "start=0.001"), [1, 2, 3, 4, 5]);
    // So does a scene.
    let film = Film::of(vec![video(600, 25, &[24], vec![]), audio(3, 0, 0)]).build();
    let query = "clip=0.7-0.72&clip=0.08-0.2817&clip=0.7-0.72&mode=keyframe";
    assert_eq!(frames(&film, query), [17, 2, 3, 4, 5, 6, 7, 17]);
}

#[test]
fn a_time_is_that_of_a_frame_though_the_edit_begins_between_two_ticks() {
    // 155 ms are 6,835.5 ticks of 44.1 kHz.
    let edits = vec![(155, -1, 0x10000), (325, 0, 0x10000)];
    let film = Film::of(vec![video(1000, 5, &[65], edits), audio(11, 221, 255)]).build();
    assert_eq!(frames(&film, "start=0.22&end=0.285"), [1]);
    assert_eq!(frames(&film, "start=0.155&end=0.22"), [0]);
    assert_eq!(frames(&film, "start=0.219&end=0.285"), [0, 1]);
}

#[test]
fn the_last_frame_is_held_though_it_is_shown_for_less_than_a_tick() {
    // 649 ms are 8,307.2 ticks, and frame 9 begins at 8,307.
    let film = Film::of(vec![video(12_800, 40, &[923], vec![(649, 0, 0x10000)]), audio(80, 0, 0)]).build();
    assert_eq!(frames(&film, "start=1"), [9]);
}

#[test]
fn the_last_frame_is_held_though_the_last_edit_shows_none() {
    let mut video = video(1000, 5, &[30], vec![(13, 90, 0x10000), (30, 90, 0x10000), (58, 0, 0x10000)]);
    video.samples.iter_mut().for_each(|sample| sample.offset = 90);
    let film = Film::of(vec![video, audio(40, 0, 0)]).build();
    assert_eq!(frames(&film, "start=0.5"), [0]);
}
