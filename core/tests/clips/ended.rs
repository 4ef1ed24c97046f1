//! Clips of films whose tracks begin apart or end apart.

use crate::common::{ask, clip};
use test_boxes::{Film, Sample, TrackSpec, expand, full_box, make_box};

fn tref(kind: &[u8; 4], id: u32) -> Vec<u8> {
    make_box(b"tref", make_box(kind, id.to_be_bytes()))
}

fn has(film: &[u8], box_type: &[u8; 4]) -> bool {
    film.windows(4).any(|w| w == box_type)
}

fn handlers(film: &[u8]) -> Vec<[u8; 4]> {
    expand(film).iter().map(|t| t.handler).collect()
}

#[test]
fn video_that_has_ended_goes_on_showing_its_last_frame() {
    // A second of video, four of audio.
    for gop in [5, 4] {
        let film = Film::of(vec![TrackSpec::video(10, gop), TrackSpec::audio(32)]).build();
        let last = expand(&film)[0].shown().pop().unwrap();
        for query in ["start=1", "start=2", "start=2&end=2.05", "start=2&mode=keyframe"] {
            let cut = clip(&film, query).unwrap();
            let tracks = expand(&cut);
            let shown = tracks[0].shown();
            assert_eq!(shown.iter().map(|s| &s.bytes).collect::<Vec<_>>(), [&last.bytes], "{query}");
            let lasts = if query.contains("end") { 0.05 } else { 0.1 };
            assert!((shown[0].to - lasts).abs() < 1e-6 && shown[0].from.abs() < 1e-9, "{query}: {shown:?}");
            assert!(tracks[0].samples[0].sync, "{query}");
            let until =
                if query.contains("end") { 0.05 } else { if query == "start=1" { 3.096 } else { 2.096 } };
            assert!((tracks[1].shown().last().unwrap().to - until).abs() < 1e-6, "{query}");
            // A clip of the clip begins where it is asked to, too.
            if query == "start=2" {
                let again = expand(&clip(&cut, "start=1").unwrap());
                assert_eq!(again[0].shown()[0].bytes, last.bytes);
                assert!((again[1].shown().last().unwrap().to - 1.096).abs() < 1e-6);
            }
        }
    }
}

/// Audio waits, so that the movie counts in its ticks, which those of the video are not a multiple of.
#[test]
fn video_that_has_ended_shows_its_last_frame_where_audio_begins_late() {
    let sample = |delta| Sample { delta, offset: 0, sync: true, size: 8 };
    let lengths = [1136, 1136, 1136, 1633, 1420, 1349];
    let video = TrackSpec::new(b"vide", b"avc1", 12_800, lengths.map(sample).to_vec());
    let edits = vec![(22, -1, 0x10000), (975, 0, 0x10000)];
    let audio = TrackSpec { timescale: 44_100, edits, ..TrackSpec::audio(42) };
    let film = Film::of(vec![TrackSpec { edits: vec![], ..video }, audio]).build();
    let last = expand(&film)[0].shown().pop().unwrap();
    // The video lasts 0.61016 s.
    let cut = expand(&clip(&film, "clip=0-0.02&clip=0.611-0.631").unwrap());
    assert_eq!(cut[0].movie_timescale, 44_100);
    let shown = cut[0].shown();
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[1].bytes, last.bytes);
    assert!((shown[1].from - 0.02).abs() < 1e-6 && (shown[1].to - 0.04).abs() < 1e-6, "{shown:?}");
}

/// What is presented before the frame that stays is as long as in the film, where all samples have
/// the times of a lead-in.
#[test]
fn the_edit_before_a_frame_that_stays_is_presented_to_its_end() {
    let samples = [(30, 60, true), (30, 120, false), (30, 60, false), (75, 0, false), (45, 60, true)];
    let sample = |(delta, offset, sync)| Sample { delta, offset, sync, size: 8 };
    let video = TrackSpec::new(b"vide", b"avc1", 1000, samples.map(sample).to_vec());
    let edits = vec![(151, 0, 0x10000), (76, 150, 0)];
    let film = Film { timescale: 1000, ..Film::of(vec![TrackSpec { edits, ..video }]) }.build();
    let cut = expand(&clip(&film, "clip=0.192-0.197&clip=0-0.005&clip=0.12-0.184").unwrap()).swap_remove(0);
    let ends = cut.samples.iter().map(|s| s.cts + i64::from(s.delta)).max().unwrap();
    let [.., (lasts, begins, _), (_, _, 0)] = cut.edits[..] else { panic!("{:?}", cut.edits) };
    assert_eq!(cut.movie_timescale, cut.timescale);
    let due = begins + i64::try_from(lasts).unwrap();
    assert!(due <= ends, "the media ends at {ends}, the edit at {due}");
}

#[test]
fn a_track_of_which_a_clip_has_no_samples_is_left_out_with_its_references() {
    // Four seconds of video; a second of audio, and of text.
    let mut video = TrackSpec::video(40, 5);
    video.in_trak = vec![make_box(
        b"tref",
        [make_box(b"chap", 3u32.to_be_bytes()), make_box(b"fall", [0, 0, 0, 1, 0, 0, 0, 2])].concat(),
    )];
    let mut text = TrackSpec::audio(8);
    (text.handler, text.coding) = (*b"text", *b"tx3g");
    let film = Film::of(vec![video, TrackSpec::audio(8), text]).build();
    let early = clip(&film, "start=0.5").unwrap();
    assert_eq!(handlers(&early), [*b"vide", *b"soun", *b"text"]);
    assert!(has(&early, b"chap"));
    let late = clip(&film, "start=2").unwrap();
    assert_eq!(handlers(&late), [*b"vide"]);
    assert!(!has(&late, b"chap"));
    let fall = late.windows(4).position(|w| w == b"fall").unwrap();
    assert_eq!(late[fall - 4..fall + 8], make_box(b"fall", 1u32.to_be_bytes()));
    // The video begins after the clip has ended.
    let late =
        TrackSpec { edits: vec![(1000, -1, 0x10000), (1000, 100, 0x10000)], ..TrackSpec::video(10, 5) };
    let film = Film::of(vec![late, TrackSpec::audio(16)]).build();
    assert_eq!(handlers(&clip(&film, "end=0.5").unwrap()), [*b"soun"]);
    assert_eq!(handlers(&clip(&film, "end=1.5").unwrap()), [*b"vide", *b"soun"]);
    assert_eq!(clip(&film, "end=0.5&tracks=video").unwrap_err().status(), 416);
}

#[test]
fn a_film_loses_a_track_without_samples_when_its_metadata_is_moved() {
    let mut empty = TrackSpec::audio(0);
    empty.more = vec![full_box(b"stss", 0, [0])];
    let mut video = TrackSpec::video(10, 5);
    video.in_trak = vec![tref(b"sync", 2)];
    let film = Film::of(vec![video, empty.clone()]);
    let fast = ask(&film.build(), "").unwrap().unwrap();
    assert_eq!(handlers(&fast), [*b"vide"]);
    assert!(!has(&fast, b"tref"));
    assert_eq!(expand(&fast)[0].shown(), expand(&film.build())[0].shown());
    // What needs no change stays as it is.
    assert!(ask(&Film { moov_first: true, ..film }.build(), "").unwrap().is_none());
    // A film of nothing keeps its tracks.
    let nothing = ask(&Film::of(vec![empty.clone(), empty]).build(), "").unwrap().unwrap();
    assert_eq!(handlers(&nothing).len(), 2);
}

#[test]
fn an_edit_list_that_presents_nothing_is_none() {
    let mut video = TrackSpec::video(40, 5);
    video.edits = Vec::new();
    let without = Film::of(vec![video.clone(), TrackSpec::audio(32)]).build();
    video.edits = vec![(0, -1, 0x10000)];
    let with = Film::of(vec![video, TrackSpec::audio(32)]).build();
    let shown = |film: &[u8]| expand(&clip(film, "start=2").unwrap())[0].shown().len();
    assert_eq!(shown(&with), shown(&without));
    assert!(shown(&with) > 0);
}

#[test]
fn after_empty_edits_alone_the_whole_media_follows() {
    let mut video = TrackSpec::video(40, 5);
    video.edits = vec![(600, -1, 0x10000), (400, -1, 0x10000)];
    let film = Film::of(vec![video, TrackSpec::audio(64)]).build();
    let first_at = |query: &str| {
        let cut = expand(&clip(&film, query).unwrap());
        let first = cut[0].shown().swap_remove(0);
        (first.from, first.bytes)
    };
    // Composition times begin at 0.1 s.
    let media = expand(&film)[0].samples[0].bytes.clone();
    let (from, bytes) = first_at("start=0.4");
    assert!((from - 0.7).abs() < 1e-6 && bytes == media, "{from}");
    let (from, bytes) = first_at("start=2.1");
    assert!(from.abs() < 1e-6 && bytes.starts_with(b"<0:"), "{from}");
    assert_eq!(handlers(&clip(&film, "end=0.9").unwrap()), [*b"soun"]);
    // A clip of the clip shows the same.
    let again = clip(&clip(&film, "start=0.4").unwrap(), "start=0.4").unwrap();
    let again = expand(&again);
    assert!((again[0].shown()[0].from - 0.3).abs() < 1e-6 && again[0].shown()[0].bytes == media);
}
