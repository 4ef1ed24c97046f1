//! The films are what they are said to be, and the judge of clips sees what is wrong.

#![expect(clippy::panic, reason = "a test that fails panics")]

use mp4seek::request::Mode;
use tests::films::{self, Film};
use tests::probe::{Cut, Reading, Source, copied_by_ffmpeg};

const WHOLE: Cut = Cut { start: None, end: None, mode: Mode::Exact };

fn source(film: &Film) -> Source {
    Source::of(film).unwrap_or_else(|e| panic!("{}: {e}", film.name))
}

#[test]
fn every_frame_tells_its_number_and_time() {
    for kind in films::KINDS {
        let film = films::film(kind);
        let source = source(&film);
        assert!(film.stamped != source.decoded.frames.is_empty(), "{kind}");
        let mut last = None;
        for frame in &source.decoded.frames {
            let stamp = frame.stamp.unwrap_or_else(|| panic!("{kind}: no stamp at {}", frame.time));
            assert!(last < Some(stamp.number), "{kind}: {stamp:?} after {last:?}");
            last = Some(stamp.number);
        }
        for audio in &source.decoded.audio_tracks {
            assert!(audio.is_loud(), "{kind} is silent");
        }
    }
}

#[test]
fn times_in_a_frame_are_times_of_presentation() {
    for (kind, offset) in [("bframes", 0.0), ("vfr", 0.0), ("late_video", 0.72), ("edit_inside", -1.6)] {
        for frame in source(&films::film(kind)).decoded.frames {
            let filmed = f64::from(frame.stamp.map_or(0, |s| s.millis)) / 1000.0 + offset;
            assert!((frame.time - filmed).abs() < 0.001, "{kind}: {frame:?}");
        }
    }
}

#[test]
fn a_wrong_clip_is_recognized() {
    let film = films::film("bframes");
    let source = source(&film);
    let dir = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let faults = |args: &[&str], cut: Cut| {
        let clip = copied_by_ffmpeg(&film.path, args, dir.path().join("clip.mp4"));
        source.faults(&clip, &cut).join("\n")
    };
    let said = faults(&["-t", "6"], WHOLE);
    assert!(
        said.contains("lasts 6") && said.contains("is missing") && said.contains("frames instead of"),
        "{said}"
    );
    let said = faults(&["-bsf:a", "setts=ts=TS+100"], WHOLE);
    assert!(said.contains("is not the source's of that time") && said.contains("100 samples"), "{said}");
    let said = faults(&["-bsf:v", "noise=amount=200"], WHOLE);
    assert!(said.contains("is not the source's") && said.contains("track 0"), "{said}");
    let late = Cut { start: Some(0.04), ..WHOLE };
    let said = faults(&[], late);
    assert!(said.contains("frame 0 at 0.000000 is #0 (0 ms) instead of #1 (40 ms)"), "{said}");
}

#[test]
fn the_start_of_a_clip_is_the_frame_on_screen() {
    let source = source(&films::film("bframes"));
    let begin = |start, mode| source.bounds(&Cut { start: Some(start), end: None, mode }).0;
    assert!((begin(3.05, Mode::Exact) - 3.04).abs() < 1e-9);
    assert!((begin(3.04, Mode::Exact) - 3.04).abs() < 1e-9);
    assert!((begin(3.05, Mode::Keyframe) - 2.0).abs() < 1e-9);
    assert!(begin(0.0, Mode::Keyframe).abs() < 1e-9);
}

#[test]
fn peculiarities_are_there() {
    let reading = |kind| Reading::of(&films::film(kind).path);
    let first = |kind, track: usize| {
        reading(kind).streams[track].packets.iter().find(|p| p.shown).map_or(0.0, |p| p.time)
    };
    assert!((first("late_audio", 1) - 1.513).abs() < 0.03);
    assert!((first("late_video", 0) - 0.72).abs() < 0.001);
    assert!(reading("edit_inside").streams[0].packets.iter().any(|p| !p.shown), "nothing is hidden");
    assert_eq!(reading("several_audio").streams.len(), 4);
    assert_eq!(reading("subtitles").streams[2].kind, "subtitle");
    let huge = films::film("huge").path;
    assert!(std::fs::metadata(huge).is_ok_and(|m| m.len() > 1 << 32));
}
