//! Scenes joined without edits between them: in the file of a track, for players of segments, and in
//! the mode for players without edit lists.

use crate::common::{clip, identity};
use crate::segments::{at, at_with};
use mp4seek::{Answer, Seeker, Settings};
use test_boxes::{Expanded, Film, One, Sample, TrackSpec, expand, expand_fragments};

/// Frames of 100 ms in groups of five, coded I P B B P: the second is presented as the fourth. An
/// edit takes away the frame by which all are presented later.
fn video(frames: u32, timescale: u32) -> TrackSpec {
    let frame = timescale / 10;
    let offset = |n: u32| i32::try_from([1, 3, 0, 0, 1][(n % 5) as usize] * frame).unwrap();
    let sample = |n| Sample { delta: frame, offset: offset(n), sync: n % 5 == 0, size: 20 };
    let edits = vec![(frames * 100, i32::try_from(frame).unwrap(), 0x10000)];
    TrackSpec { edits, ..TrackSpec::new(b"vide", b"avc1", timescale, (0..frames).map(sample).collect()) }
}

/// Two seconds of it, and audio.
fn film() -> Film {
    Film::of(vec![video(20, 1000), TrackSpec::audio(16)])
}

/// The file of a track of a clip.
fn track(film: &Film, name: &str, query: &str, settings: &Settings) -> Expanded {
    expand_fragments(&at_with(&film.build(), &format!("/cmaf/{name}.mp4"), query, settings)).remove(0)
}

/// The samples as their numbers in the film, of which this is track `t`, and two of their times.
fn samples(
    of: &Expanded,
    film: &Film,
    t: usize,
    times: impl Fn(&One) -> (i64, i64),
) -> Vec<(usize, i64, i64)> {
    let all = &film.tracks[t].samples;
    let number =
        |s: &One| (0..all.len()).find(|&n| Film::sample_bytes(t, n, all[n].size) == s.bytes).unwrap();
    of.samples.iter().map(|s| (number(s), times(s).0, times(s).1)).collect()
}

const THREE: &str = "clip=1-1.5&clip=0.5-0.7&clip=0-0.5";

#[test]
fn pictures_of_a_scene_follow_those_of_the_one_before() {
    let film = film();
    let video = track(&film, "v1", THREE, &Settings::default());
    // One edit, as long as the fragments.
    assert_eq!(video.edits.len(), 1, "{:?}", video.edits);
    let origin = video.edits[0].1;
    let at = samples(&video, &film, 0, |s| (s.dts, s.cts - origin));
    let decoded = at[0].1;
    let at: Vec<_> = at.into_iter().map(|(n, dts, cts)| (n, dts - decoded, cts)).collect();
    let expected = [
        (10, 0, 0),
        (11, 100, 300),
        (12, 200, 100),
        (13, 300, 200),
        (14, 400, 400),
        // The second, which the third needs, is presented after the end of the scene in the film, and
        // a tick before the last of the scene here.
        (5, 500, 500),
        (6, 600, 599),
        (7, 700, 600),
        // The third was decoded until the scene begins, so that two are decoded a tick apart.
        (0, 800, 700),
        (1, 801, 1000),
        (2, 900, 800),
        (3, 1000, 900),
        (4, 1100, 1100),
    ];
    assert_eq!(at, expected);
}

#[test]
fn the_last_frame_that_is_asked_for_stays() {
    // In segments, where players look at no end of an edit, also of a clip of one scene.
    let film = film();
    let video = track(&film, "v1", "start=0.5&end=0.7", &Settings::default());
    let origin = video.edits[0].1;
    let at = samples(&video, &film, 0, |s| (s.dts - origin, s.cts - origin));
    assert_eq!(at, [(5, -100, 0), (6, 0, 99), (7, 100, 100)]);
    assert_eq!(video.samples.iter().map(|s| s.delta).collect::<Vec<_>>(), [100, 100, 100]);
    // Where the clip ends amid a frame, nothing lasts longer.
    let video = track(&film, "v1", "start=0.5&end=0.65", &Settings::default());
    let at: Vec<_> = video.samples.iter().map(|s| (s.dts - origin, s.cts - origin, s.delta)).collect();
    assert_eq!(at, [(-100, 0, 100), (0, 99, 51), (51, 100, 50)]);
    let playlist = at_with(&film.build(), "/hls/v1.m3u8", "start=0.5&end=0.65", &Settings::default());
    assert!(String::from_utf8(playlist).unwrap().contains("#EXTINF:0.150000,"));
}

#[test]
fn packets_of_all_scenes_follow_one_another() {
    let film = film();
    let audio = track(&film, "a1", THREE, &Settings::default());
    assert_eq!(audio.edits.len(), 1, "{:?}", audio.edits);
    let at = samples(&audio, &film, 1, |s| (s.dts, s.delta.into()));
    let packets: Vec<_> = at.iter().map(|(n, ..)| *n).collect();
    // The first scene, 8000 to 12,000, is not led in, and its last packet ends at 12,288.
    // The next, 4000 to 5600, is heard 288 ticks late: its packet that begins nearest to 4288 is the
    // one at 4096. The last, from 0 on, is heard as many early as the one before ends early, and lasts a
    // packet longer for it.
    assert_eq!(packets, [7, 8, 9, 10, 11, 4, 0, 1, 2, 3, 4]);
    for (n, (_, dts, lasts)) in at.iter().enumerate() {
        assert_eq!((*dts - at[0].1, *lasts), (1024 * i64::try_from(n).unwrap(), 1024));
    }
    assert_eq!(audio.edits[0].1 - at[0].1, 8000 - 7 * 1024);
    // A scene that is heard 480 ticks early begins with the packet at 11,264, not with the one at
    // 12,288 that is nearer to its start, at 12,000.
    let audio = track(&film, "a1", "clip=0.5-0.7&clip=1.5-2", &Settings::default());
    let numbers = |audio: &Expanded, film: &Film| -> Vec<usize> {
        samples(audio, film, 1, |s| (s.dts, s.cts)).iter().map(|(n, ..)| *n).collect()
    };
    assert_eq!(numbers(&audio, &film), [3, 4, 11, 12, 13, 14, 15]);
    // The sound of the first scene ends 640 ticks before the scene does, and the second begins 50 ticks
    // into a packet: with the one before that.
    let sound = TrackSpec { edits: vec![(1005, 146, 0x10000)], ..TrackSpec::audio(8) };
    let film = Film::of(vec![video(20, 1000), sound]);
    let audio = track(&film, "a1", "clip=0.5-1.0857&clip=0.5-1", &Settings::default());
    assert_eq!(numbers(&audio, &film), [4, 5, 6, 7, 3, 4, 5, 6, 7]);
}

#[test]
fn hidden_pictures_take_a_tick_each() {
    // The scene begins with the fourth frame, which is a key frame of the first video only.
    let film = with_more_key_frames(film());
    let video = track(&film, "v2", "clip=1-1.5&clip=0.3-0.5", &Settings::default());
    let origin = video.edits[0].1;
    assert_eq!(video.edits.len(), 1);
    let at = samples(&video, &film, 1, |s| (s.dts - origin, s.cts - origin));
    // Four samples are decoded up to the last that is not presented.
    assert_eq!(at[5..], [(0, 400, 500), (1, 401, 504), (2, 402, 501), (3, 403, 502), (4, 404, 604)]);
}

#[test]
fn coarse_ticks_become_finer() {
    // So that a frame which is decoded for another one takes no more than 2 ms.
    let film = Film::of(vec![video(20, 10)]);
    let video = track(&film, "v1", "clip=0.5-0.7&clip=1-1.5", &Settings::default());
    assert_eq!(video.timescale, 500);
    let origin = video.edits[0].1;
    let at = samples(&video, &film, 0, |s| (s.dts - origin, s.cts - origin));
    assert_eq!(at[..4], [(5, -50, 0), (6, 0, 49), (7, 50, 50), (10, 100, 100)]);
}

#[test]
fn what_waits_keeps_its_place() {
    // The sound is over after 1.024 s, and the scene goes on for as long as six packets.
    let film = Film::of(vec![video(20, 1000), TrackSpec::audio(8)]);
    let audio = track(&film, "a1", "clip=0.5-1.8&clip=0-0.5", &Settings::default());
    let at = samples(&audio, &film, 1, |s| (s.dts, s.delta.into()));
    let origin = audio.edits[0].1;
    let begins: Vec<_> = at.iter().map(|(n, dts, _)| (*n, dts - origin)).collect();
    assert_eq!(begins.last(), Some(&(3, 13 * 800 + 3 * 1024)));
    assert_eq!(begins.iter().rfind(|(n, _)| *n == 0), Some(&(0, 13 * 800)));
}

#[test]
fn a_track_may_have_nothing_in_a_scene() {
    // The sound is over after 1.024 s: of the second scene there is none, and the third waits for it.
    let film = Film::of(vec![video(20, 1000), TrackSpec::audio(8)]);
    let query = "clip=0-0.5&clip=1.5-1.8&clip=0.5-1";
    let [video, audio] = ["v1", "a1"].map(|name| track(&film, name, query, &Settings::default()));
    assert_eq!([video.edits.len(), audio.edits.len()], [1, 1], "{:?} {:?}", video.edits, audio.edits);
    let at = samples(&audio, &film, 1, |s| (s.dts, s.delta.into()));
    let begins: Vec<_> = at.iter().map(|(n, dts, _)| (*n, dts - audio.edits[0].1)).collect();
    // The packet nearest to 4000 is the one at 4096.
    let later = 8 * 800 + 96;
    let expected = [(4, later), (5, later + 1024), (6, later + 2048), (7, later + 3072)];
    assert_eq!(begins, [[(0, 0), (1, 1024), (2, 2048), (3, 3072)], expected].concat());
}

/// The film with composition offsets that go below 0, as cameras write it, and no edit.
fn with_negative_offsets() -> Film {
    let mut film = film();
    let video = &mut film.tracks[0];
    video.samples.iter_mut().for_each(|s| s.offset -= 100);
    video.edits.clear();
    film
}

/// The film behind a video whose frames are all key frames, by which it is cut.
fn with_more_key_frames(mut film: Film) -> Film {
    let mut first = video(20, 1000);
    first.samples.iter_mut().for_each(|s| (s.offset, s.sync) = (100, true));
    film.tracks.insert(0, first);
    film
}

#[test]
fn negative_offsets_are_raised() {
    // So that frames come when they come in a film with an edit instead.
    let (raised, signed) = (film(), with_negative_offsets());
    let cut_by_another = [film(), with_negative_offsets()].map(with_more_key_frames);
    for (query, [raised, signed], names) in [
        ("", [&raised, &signed], ["v1", "a1"]),
        (THREE, [&raised, &signed], ["v1", "a1"]),
        ("start=0.5&end=0.7", [&raised, &signed], ["v1", "a1"]),
        ("start=0.5&end=0.65", [&raised, &signed], ["v1", "a1"]),
        ("clip=0.5-0.65&clip=0-0.15&clip=1-1.5", [&raised, &signed], ["v1", "a1"]),
        ("clip=1-1.5&clip=0.3-0.5", cut_by_another.each_ref(), ["v2", "a1"]),
    ] {
        for name in names {
            let of = |film: &Film| {
                let track = track(film, name, query, &Settings::default());
                let lasts = track.samples.iter().map(|s| s.delta).collect::<Vec<_>>();
                (
                    track.edits,
                    track.samples.into_iter().map(|s| (s.dts, s.cts, s.bytes)).collect::<Vec<_>>(),
                    lasts,
                )
            };
            assert_eq!(of(signed), of(raised), "{name} {query}");
        }
    }
}

#[test]
fn negative_offsets_of_films_in_fragments_are_raised() {
    let signed = with_negative_offsets();
    for query in ["", THREE, "start=0.5&end=0.7"] {
        for name in ["v1", "a1"] {
            let of = |film: &Vec<u8>| {
                let address = format!("/cmaf/{name}.mp4");
                let track = expand_fragments(&at_with(film, &address, query, &Settings::default())).remove(0);
                let samples = track.samples.into_iter().map(|s| (s.dts, s.cts, s.delta, s.bytes));
                // The edit of a film in fragments goes on for as long as the film may.
                (track.edits[0].1, samples.collect::<Vec<_>>())
            };
            for style in [0, 5, 14] {
                assert_eq!(
                    of(&signed.build_fragmented(style)),
                    of(&signed.build()),
                    "{name} {query} {style}"
                );
            }
        }
    }
}

#[test]
fn a_film_in_fragments_may_have_one_group_of_pictures() {
    // Its table of sync samples has one entry, and is the last of all tables.
    let mut film = with_negative_offsets();
    film.tracks.truncate(1);
    film.tracks[0].samples.iter_mut().skip(1).for_each(|s| s.sync = false);
    let track = |film: &Vec<u8>| {
        let track = at_with(film, "/cmaf/v1.mp4", "", &Settings::default());
        expand_fragments(&track).remove(0).samples.into_iter().map(|s| (s.dts, s.cts)).collect::<Vec<_>>()
    };
    assert_eq!(track(&film.build_fragmented(0)), track(&film.build()));
}

#[test]
fn tracks_that_have_more_than_scenes_keep_their_edits() {
    let edits = vec![(600, 100, 0x10000), (1000, 1100, 0x10000)];
    let film = Film::of(vec![TrackSpec { edits, ..video(20, 1000) }, TrackSpec::audio(16)]);
    for name in ["v1", "a1"] {
        assert!(track(&film, name, "clip=0.5-1&clip=0-0.5", &Settings::default()).edits.len() > 1, "{name}");
    }
}

#[test]
fn one_edit_presents_all_scenes_that_begin_with_key_frames() {
    for film in [film(), with_negative_offsets()] {
        let source = film.build();
        let joined = expand(&clip(&source, &format!("{THREE}&mode=keyframe")).unwrap());
        let fragmented = clip(&source, &format!("{THREE}&mode=keyframe&format=fmp4")).unwrap();
        for tracks in [&joined, &expand_fragments(&fragmented)] {
            let [video, audio] = &tracks[..] else { panic!("{} tracks", tracks.len()) };
            assert_eq!([video.edits.len(), audio.edits.len()], [1, 1], "{:?} {:?}", video.edits, audio.edits);
            let of = |track: &Expanded, t| {
                let origin = track.edits[0].1;
                samples(track, &film, t, |s| (s.dts - origin, s.cts - origin))
            };
            let pictures = track(&film, "v1", THREE, &Settings::default());
            assert_eq!(of(video, 0), of(&pictures, 0));
            // Three packets are decoded before the first, and none before those of later scenes.
            let packets = track(&film, "a1", THREE, &Settings::default());
            let audio = of(audio, 1);
            assert_eq!(audio[..3].iter().map(|(n, ..)| *n).collect::<Vec<_>>(), [4, 5, 6]);
            assert_eq!(audio[3..], of(&packets, 1));
        }
        // What is decoded for the last scene and presented after it is hidden: the edit ends before it.
        let video = &expand(&clip(&source, "clip=1-1.5&clip=0.5-0.7&mode=keyframe").unwrap())[0];
        let (lasts, begins, _) = video.edits[0];
        assert_eq!(f64::from(u32::try_from(lasts).unwrap()) / f64::from(video.movie_timescale), 0.7);
        let end = begins + 700;
        let at = samples(video, &film, 0, |s| (s.cts - begins, (s.cts < end).into()));
        assert_eq!(at[5..], [(5, 500, 1), (6, 700, 0), (7, 600, 1)]);
    }
}

#[test]
fn scenes_that_begin_on_any_frame_have_an_edit_each() {
    let source = film().build();
    for track in expand(&clip(&source, &format!("{THREE}&mode=exact")).unwrap()) {
        assert_eq!(track.edits.len(), 3, "{:?}", track.edits);
    }
}

#[test]
fn scenes_that_go_on_are_one_wherever_they_meet() {
    // 29.97 frames a second with a key frame every 15, so that few whole times are those of frames.
    let sample = |n: u32| Sample { delta: 1001, offset: 0, sync: n % 15 == 0, size: 20 };
    let video = TrackSpec::new(b"vide", b"avc1", 30_000, (0..120).map(sample).collect());
    let film = Film::of(vec![video, TrackSpec::audio(31)]).build();
    for (scenes, one) in [
        ("clip=1-2&clip=2-3", "start=1&end=3"),
        ("clip=0.51-1.7,1.7-1.71&clip=1.71-", "start=0.51"),
        ("clip=3-3.5,1-2,2-3", "clip=3-3.5,1-3"),
    ] {
        for more in ["mode=exact", "mode=keyframe", "mode=exact&format=fmp4", "mode=keyframe&format=fmp4"] {
            let of = |query| clip(&film, &format!("{query}&{more}")).unwrap();
            assert!(of(scenes) == of(one), "{scenes}&{more}");
        }
        for address in ["/cmaf/v1.mp4", "/cmaf/a1.mp4", "/cmaf/v1/1.m4s"] {
            assert!(at(&film, address, scenes) == at(&film, address, one), "{address}?{scenes}");
        }
        let periods = |query| {
            let manifest = String::from_utf8(at(&film, "/dash/manifest.mpd", query)).unwrap();
            manifest.matches("<Period").count()
        };
        assert_eq!(periods(scenes), periods(one), "{scenes}");
    }
}

#[test]
fn scenes_of_either_mode_have_a_tag_of_their_own() {
    // They begin and end at the same times.
    let source = film().build();
    let tag = |mode: &str, format: &str| {
        let query = format!("clip=0.5-1&clip=0-0.5&mode={mode}&format={format}");
        match Seeker::default().answer(&source, &identity(&source), query.as_bytes(), &Settings::default()) {
            Ok(Answer::Film(file)) => file.etag().to_string(),
            other => panic!("{other:?}"),
        }
    };
    for format in ["flat", "fmp4"] {
        assert_ne!(tag("exact", format), tag("keyframe", format));
    }
}

#[test]
fn what_is_read_is_not_on_screen_in_a_pause() {
    // The last line of text is over after a second.
    let line = |n: u32| Sample { delta: 500, offset: 0, sync: true, size: 10 + n };
    let text = TrackSpec::new(b"sbtl", b"tx3g", 1000, vec![line(0), line(1)]);
    let film = Film::of(vec![video(20, 1000), TrackSpec::audio(16), text]);
    let tracks = expand(&clip(&film.build(), "clip=0.5-1.5&clip=0-0.5&mode=keyframe").unwrap());
    assert_eq!(tracks[..2].iter().map(|t| t.edits.len()).collect::<Vec<_>>(), [1, 1]);
    let shown = tracks[2].shown();
    assert_eq!(shown.iter().map(|s| (s.from, s.to)).collect::<Vec<_>>(), [(0.0, 0.5), (1.0, 1.5)]);
}

#[test]
fn sound_goes_on_to_the_end_of_the_last_scene() {
    // Half a packet early at most, with a packet more than the scene has where it needs one.
    let film = film();
    for first in 1..10 {
        let query = format!("clip=0.5-{}&clip=0-0.5&mode=keyframe", 0.6 + f64::from(first) / 100.0);
        let audio = &expand(&clip(&film.build(), &query).unwrap())[1];
        let (last, (lasts, begins, _)) = (audio.samples.last().unwrap(), audio.edits[0]);
        let heard = u128::from(lasts) * u128::from(audio.timescale) / u128::from(audio.movie_timescale);
        let missing = begins + i64::try_from(heard).unwrap() - last.dts;
        assert!((1..=1024).contains(&missing), "{query}: {missing}");
    }
}

#[test]
fn no_sample_lasts_through_a_pause_that_no_field_holds() {
    // 5,000,000,000 ticks of sound.
    let second = |n: u32| Sample { delta: 10_000_000, offset: 0, sync: true, size: 10 + n };
    let sound = TrackSpec::new(b"soun", b"mp4a", 10_000_000, (0..600).map(second).collect());
    let film = Film::of(vec![video(13_000, 1000), sound]);
    let source = film.build();
    for (end, edits) in [(800, 1), (1200, 2)] {
        let query = format!("clip=0-60&clip=700-{end}&clip=60-120&mode=keyframe");
        let audio = &expand(&clip(&source, &query).unwrap())[1];
        assert_eq!(audio.edits.iter().filter(|e| e.1 >= 0).count(), edits, "{:?}", audio.edits);
        let due = Film::sample_bytes(1, 60, 70);
        let later = audio.shown().into_iter().find(|s| s.bytes == due).unwrap();
        assert_eq!(later.from, f64::from(60 + end - 700));
    }
}

#[test]
fn a_scene_may_need_no_other_times() {
    // Its frame is presented as it is decoded, when the one before is still being decoded.
    let sample = |n| Sample { delta: 105, offset: if n % 2 == 0 { 5 } else { 0 }, sync: true, size: 20 };
    let pictures = TrackSpec::new(b"vide", b"avc1", 1000, (0..6).map(sample).collect());
    let film = Film::of(vec![pictures, TrackSpec::audio(6)]);
    for query in ["clip=0.729-0.744&clip=0.573-0.588", "clip=0.42-0.43&clip=0.105-0.12&clip=0.315-0.33"] {
        let flat = &expand(&clip(&film.build(), &format!("{query}&mode=keyframe")).unwrap())[0];
        let segments = track(&film, "v1", query, &Settings::default());
        for video in [flat, &segments] {
            let at = samples(video, &film, 0, |s| (s.dts, s.cts));
            assert!(at.windows(2).all(|pair| pair[0].1 < pair[1].1), "{at:?}");
            assert!(at.iter().all(|(_, dts, cts)| dts <= cts), "{at:?}");
        }
    }
}

#[test]
fn the_last_frame_stays_where_ticks_of_the_movie_are_coarser() {
    // The film's sound goes on, and a track of sound that waits makes its timescale that of the movie. The
    // last frame ends in the middle of a tick of that.
    let frame = |_| Sample { delta: 6631, offset: 0, sync: true, size: 8 };
    let pictures = TrackSpec::new(b"vide", b"avc1", 90_000, (0..8).map(frame).collect());
    let packet = |n: u32| Sample { delta: 1024, offset: 0, sync: true, size: 10 + n };
    let short = TrackSpec::new(b"soun", b"mp4a", 48_000, (0..5).map(packet).collect());
    let film = Film::of(vec![pictures, short, TrackSpec::audio(15)]);
    for end in 10..40 {
        let query = format!("clip=1.467-1.5{end}&clip=0-0.133&mode=keyframe");
        let [video, audio, _] = &expand(&clip(&film.build(), &query).unwrap())[..] else { panic!() };
        assert_eq!((video.movie_timescale, audio.edits[0].1), (48_000, -1));
        let numbers: Vec<_> = samples(video, &film, 0, |s| (s.dts, s.cts)).iter().map(|s| s.0).collect();
        assert_eq!(numbers, [7, 0, 1], "{query}");
    }
}

#[test]
fn a_picture_that_has_ended_is_held_as_long_as_it_lasted() {
    // A clip may have one picture, which ended before the sound.
    let frame = |_| Sample { delta: 30, offset: 0, sync: true, size: 8 };
    let pictures = TrackSpec::new(b"vide", b"avc1", 1000, (0..7).map(frame).collect());
    let source = Film::of(vec![pictures, TrackSpec::audio(5)]).build();
    let held = clip(&source, "start=0.376&end=0.6").unwrap();
    for (film, query) in [(&source, "start=0.3&end=0.39"), (&held, "start=0.11&end=0.2")] {
        let [video, audio] = &expand(&clip(film, query).unwrap())[..] else { panic!() };
        let lasts = |track: &Expanded| track.shown().last().map(|shown| shown.to);
        assert_eq!((lasts(video), lasts(audio)), (Some(0.03), Some(0.09)), "{query} {:?}", video.edits);
    }
}

/// Twenty seconds of frames, and of packets of 128 ms, with a pause from 5.12 to 15.12 s.
fn with_a_pause() -> Film {
    let mut audio = TrackSpec::audio(78);
    audio.samples[39].delta += 80_000;
    Film::of(vec![video(200, 1000), audio])
}

#[test]
fn sound_is_at_its_place_again_behind_a_pause() {
    let film = with_a_pause();
    /// The number of a packet in the film, and when it is due, in seconds of the clip.
    type Due<'d> = &'d [(usize, f64)];
    let due: [(&str, Due<'_>, f64); 5] = [
        // A scene that begins in the pause, behind another and as the first.
        ("clip=16-18&clip=8-17", &[(46, -0.112), (40, 9.12), (54, 10.912)], 11.0),
        ("clip=8-10&clip=16-18", &[(47, 2.016), (61, 3.808)], 4.0),
        // One that ends in it, and one that holds it.
        ("clip=4-8&clip=16-18", &[(39, 0.992), (47, 4.016), (61, 5.808)], 6.0),
        ("clip=4-16&clip=1-2", &[(39, 0.992), (40, 11.12), (46, 11.888), (8, 12.024)], 13.0),
        // Nothing is heard of the second.
        ("clip=1-2&clip=8-10&clip=3-4", &[(8, 0.024), (23, 2.97)], 4.0),
    ];
    for (query, due, lasts) in due {
        for is_segmented in [true, false] {
            let sound = match is_segmented {
                true => track(&film, "a1", query, &Settings::default()),
                false => expand(&clip(&film.build(), &format!("{query}&mode=keyframe")).unwrap()).remove(1),
            };
            let origin = sound.edits[0].1;
            let held = samples(&sound, &film, 1, |s| (s.cts - origin, i64::from(s.delta)));
            let seconds = |ticks: i64| ticks as f64 / f64::from(sound.timescale);
            for (number, at) in due {
                let packets = held.iter().filter(|(n, ..)| n == number).map(|(_, cts, _)| seconds(*cts));
                let nearest = packets.map(|cts| (cts - at).abs()).fold(f64::INFINITY, f64::min);
                assert!(nearest <= 0.065, "{query}: packet {number} is {nearest} s from {at}: {held:?}");
            }
            let end = held.last().map(|(_, cts, delta)| seconds(cts + delta)).unwrap();
            assert!((end - lasts).abs() <= 0.13, "{query}: ends at {end} instead of {lasts}: {held:?}");
        }
    }
}
