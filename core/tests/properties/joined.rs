//! What holds for clips of several scenes.

use proptest::prelude::*;
use std::time::Duration;

use test_boxes::{Expanded, Film, Shown, TrackSpec, boxes, expand, expand_fragments, position};

use crate::check::{TICK, assert_same, duration, has_coarse_times, presented, shown_in, shown_of};
use crate::common::{clip, identity, seeker};
use crate::generate::{encrypted_film, film};
use crate::{assert_protected, assert_same_samples, config, resource};
use mp4seek::{Answer, Seeker, Settings};

/// Scenes of a film of one second: where each begins, and how long it lasts.
fn scenes() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((0.0..0.95f64, 0.02..0.6f64), 2..6)
}

/// The times of scenes in milliseconds of a film that lasts so many seconds.
fn times(scenes: &[(f64, f64)], total: f64) -> Vec<(String, String)> {
    let millis = |seconds: f64| (seconds * total * 1000.0).round();
    let times = scenes.iter().map(|&(start, length)| {
        let start = millis(start);
        let end = start + millis(length).max(1.0);
        (format!("{:.3}", start / 1000.0), format!("{:.3}", end / 1000.0))
    });
    let mut times: Vec<_> = times.collect();
    // They are one scene, which shows no frame for longer because there is a joint.
    times.dedup_by(|next, last| {
        let goes_on = next.0 == last.1;
        if goes_on {
            last.1.clone_from(&next.1);
        }
        goes_on
    });
    times
}

/// The query for scenes.
fn query(scenes: &[(String, String)], mode: &str) -> String {
    let scenes = scenes.iter().map(|(start, end)| format!("clip={start}-{end}&"));
    format!("{}mode={mode}", scenes.collect::<String>())
}

/// Either mode.
fn modes() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("exact"), Just("keyframe")]
}

/// How long the longest packet of sound lasts, in seconds.
fn longest_packet(tracks: &[Expanded]) -> f64 {
    let packet = |track: &Expanded| {
        let longest = track.samples.iter().map(|s| s.delta).max().unwrap_or(0);
        f64::from(longest) / f64::from(track.timescale)
    };
    tracks.iter().filter(|track| &track.handler == b"soun").map(packet).fold(0.0, f64::max)
}

/// How long a movie says that it lasts, in seconds.
fn stated_duration(film: &[u8]) -> f64 {
    let fields = &film[film.windows(4).position(|w| w == b"mvhd").unwrap() + 4..];
    let word = |at: usize| u64::from(u32::from_be_bytes(fields[at..at + 4].try_into().unwrap()));
    let (timescale, duration) = match fields[0] {
        0 => (word(12), word(16)),
        _ => (word(20), word(24) << 32 | word(28)),
    };
    duration as f64 / timescale as f64
}

/// The clip of one scene and how long it lasts. There is none where nothing is presented.
fn alone(source: &[u8], (start, end): (&str, &str), mode: &str) -> (Option<Vec<u8>>, f64) {
    match clip(source, &format!("start={start}&end={end}&mode={mode}")) {
        Err(mp4seek::Error::Empty { .. }) => {
            let [start, end] = [start, end].map(|time| time.parse::<f64>().unwrap());
            (None, end.min(duration(source)) - start)
        }
        clip => {
            let clip = clip.unwrap();
            let lasts = stated_duration(&clip);
            (Some(clip), lasts)
        }
    }
}

/// The clip of all scenes; `None` where nothing is presented in any of them.
fn joined(source: &[u8], scenes: &[(String, String)], query: &str) -> Result<Option<Vec<u8>>, TestCaseError> {
    let times = scenes.iter().map(|(start, end)| (start.parse().unwrap(), end.parse().unwrap()));
    presented(source, query, &times.collect::<Vec<_>>())
}

/// What the clips of scenes present, one clip after the other, and whether the times of one are
/// coarse. `None` where a scene is all of the
/// film: that is sent as it is, and may say what it likes of its duration.
fn concatenated(source: &[u8], scenes: &[(String, String)], mode: &str) -> Option<(Vec<Vec<Shown>>, bool)> {
    let mut all: Vec<Vec<Shown>> = shown_of(&[], 0.0, 0.0);
    let mut is_coarse = false;
    let mut begins = 0.0;
    for (start, end) in scenes {
        let (alone, lasts) = alone(source, (start, end), mode);
        let Some(alone) = alone else {
            begins += lasts;
            continue;
        };
        if alone == source {
            return None;
        }
        is_coarse |= has_coarse_times(&alone, source);
        let shown = shown_in(&alone, 0.0, f64::MAX);
        for (all, shown) in all.iter_mut().zip(shown) {
            let within =
                shown.into_iter().map(|s| Shown { from: s.from + begins, to: s.to.min(lasts) + begins, ..s });
            all.extend(within);
        }
        begins += lasts;
    }
    Some((all, is_coarse))
}

/// The same with what one sample shows twice in a row as one.
fn merged(tracks: Vec<Vec<Shown>>) -> Vec<Vec<Shown>> {
    let goes_on = |next: &mut Shown, last: &mut Shown| {
        let is_same = next.bytes == last.bytes && (next.from - last.to).abs() < TICK;
        if is_same {
            last.to = next.to;
        }
        is_same
    };
    let merge = |mut track: Vec<Shown>| {
        track.dedup_by(goes_on);
        track
    };
    tracks.into_iter().map(merge).collect()
}

proptest! {
    #![proptest_config(config())]

    /// Scenes joined show what the clips of each scene show, one after the other.
    #[test]
    fn scenes_joined_show_what_each_shows(film in film(), scenes in scenes(), mode in modes()) {
        let source = film.build();
        let scenes = times(&scenes, duration(&source));
        let Some(joined) = joined(&source, &scenes, &query(&scenes, mode))? else { return Ok(()) };
        let Some((due, is_coarse)) = concatenated(&source, &scenes, mode) else { return Ok(()) };
        let presented = |track: &Expanded| track.edits.iter().filter(|edit| edit.1 >= 0).count();
        if mode == "keyframe" && scenes.len() > 1 && expand(&joined).iter().all(|track| presented(track) < 2) {
            // See `scenes_follow_one_another_with_one_edit`.
            return Ok(());
        }
        let mut cuts = scenes.len() as f64 + 1.0;
        if is_coarse || has_coarse_times(&joined, &source) {
            // Audio waits in one of the scenes, and all times count in its timescale. The end of each
            // scene is moved up to a tick of the video, and so may be where one edit goes over into
            // the next.
            prop_assume!(film.tracks[0].edits.len() < 2);
            cuts += scenes.len() as f64 / f64::from(film.tracks[0].timescale) / TICK;
        }
        assert_same(&merged(shown_in(&joined, 0.0, f64::MAX)), &merged(due), cuts)?;
    }

    /// Decode times grow from sample to sample, and no sample is composed before it is decoded
    /// where some are hidden.
    #[test]
    fn hidden_samples_between_scenes_take_no_time(film in film(), scenes in scenes()) {
        let source = film.build();
        let scenes = times(&scenes, duration(&source));
        let Some(joined) = joined(&source, &scenes, &query(&scenes, "exact"))? else { return Ok(()) };
        let joined = expand(&joined);
        let of_film = expand(&source);
        for track in joined.iter().filter(|track| track.handler == *b"vide") {
            let of = of_film.iter().find(|of| of.id == track.id).unwrap();
            let rates_are_usual = track.edits.iter().all(|edit| edit.2 == 0x10000);
            // Scenes take no more of the media than they last, but for what leads in and what is
            // reordered, where nothing else makes them longer.
            let offsets = || of.samples.iter().map(|s| s.cts - s.dts);
            let depth = (offsets().max().unwrap() - offsets().min().unwrap()) as f64 / f64::from(of.timescale);
            let longest = of.samples.iter().map(|s| s.delta).max().unwrap();
            let ranges = of.edits.len().max(1) * scenes.len();
            // As long as the packets that audio begins with are heard by players without edits.
            let preroll = longest_packet(&of_film);
            let frame = f64::from(longest) / f64::from(of.timescale);
            let hidden = ranges as f64 * (0.1 + 2.0 * depth + frame + 5.0 * preroll);
            let lasts = track.samples.iter().map(|s| f64::from(s.delta)).sum::<f64>() / f64::from(track.timescale);
            let shown: f64 = track.edits.iter().map(|e| e.0 as f64 / f64::from(track.movie_timescale)).sum();
            if rates_are_usual && of.edits.len() < 2 {
                prop_assert!(lasts <= shown + hidden, "{} of {} s, {} hidden", lasts, shown, hidden);
            }
        }
    }

    /// What is hidden between two scenes takes as long in audio as in video: players that look at no
    /// edit but the first stay in sync.
    #[test]
    fn tracks_stay_in_step_without_edits(film in film(), scenes in scenes()) {
        let source = film.build();
        let of_film = expand(&source);
        let scenes = times(&scenes, duration(&source));
        let Some(joined) = joined(&source, &scenes, &query(&scenes, "exact"))? else { return Ok(()) };
        let joined = expand(&joined);
        let mut known: std::collections::BTreeMap<u64, (f64, f64)> = std::collections::BTreeMap::new();
        for track in &joined {
            let of = of_film.iter().find(|of| of.id == track.id).unwrap();
            let is_plain = of.edits.len() < 2 && track.edits.iter().all(|edit| edit.2 == 0x10000);
            if !is_plain || !matches!(&track.handler, b"vide" | b"soun") || track.edits[0].1 < 0 {
                continue;
            }
            let tick = 1.0 / f64::from(of.timescale);
            let (mut presented, mut first) = (0, None);
            for (lasts, media_time, _) in &track.edits {
                if *media_time >= 0 {
                    let since = *media_time as f64 / f64::from(track.timescale)
                        - presented as f64 / f64::from(track.movie_timescale);
                    let hidden = since - *first.get_or_insert(since);
                    let (other, their_tick) = *known.entry(presented).or_insert((hidden, tick));
                    let most = tick.max(their_tick) * scenes.len() as f64 + 1e-6;
                    prop_assert!((hidden - other).abs() <= most, "{} and {} at {}", hidden, other, presented);
                }
                presented += lasts;
            }
        }
    }

    /// A clip of joined scenes is a part of what they show.
    #[test]
    fn joined_scenes_can_be_cut_again(
        film in film(),
        scenes in scenes(),
        mode in modes(),
        again in 0.05..0.9f64,
    ) {
        prop_assume!(&film.tracks[0].handler != b"vide" || film.tracks[0].samples.len() > 1);
        let source = film.build();
        let scenes = times(&scenes, duration(&source));
        let Some(joined) = joined(&source, &scenes, &query(&scenes, mode))? else { return Ok(()) };
        let again = (again * stated_duration(&joined) * 1000.0).round() / 1000.0;
        let twice = match clip(&joined, &format!("start={again}")) {
            // Nothing of the film is in the last scene.
            Err(mp4seek::Error::PastEnd { .. } | mp4seek::Error::Empty { .. }) => return Ok(()),
            twice => twice.unwrap(),
        };
        let total = duration(&joined);
        let (at, cuts) = (total - duration(&twice), scenes.len() as f64 + 2.0);
        prop_assert!(at <= again + cuts * TICK);
        let due = crate::check::due_in(&joined, at, total);
        assert_same(&merged(shown_in(&twice, 0.0, f64::MAX)), &merged(due), cuts)?;
    }

    /// Scenes joined in fragments hold the samples of the flat answer, and show the same. Any
    /// windows of either are those of the whole.
    #[test]
    fn joined_scenes_are_the_same_in_fragments(
        film in encrypted_film(),
        scenes in scenes(),
        mode in modes(),
        from in 0..100usize,
        window in 1..5000usize,
    ) {
        let source = film.build();
        let scenes = times(&scenes, duration(&source));
        let query = query(&scenes, mode);
        let Some(flat) = joined(&source, &scenes, &query)? else { return Ok(()) };
        assert_windows(&source, &query, &flat, from, window)?;
        let query = format!("{query}&format=fmp4");
        let fragmented = clip(&source, &query).unwrap();
        let again = expand_fragments(&fragmented);
        assert_same_samples(&expand(&flat), &again)?;
        assert_same(&shown_of(&again, 0.0, f64::MAX), &shown_in(&flat, 0.0, f64::MAX), 1.0)?;
        assert_protected(&film, &again, &fragmented)?;
        assert_windows(&source, &query, &fragmented, from, window)?;
    }

    /// The file of a track, and a clip in the mode for players without edit lists, show what each scene
    /// shows, one after the other, with one edit.
    #[test]
    fn scenes_follow_one_another_with_one_edit(film in film(), scenes in scenes()) {
        let source = film.build();
        let scenes = times(&scenes, duration(&source));
        let Some((due, is_coarse)) = concatenated(&source, &scenes, "keyframe") else { return Ok(()) };
        prop_assume!(!is_coarse);
        let query = query(&scenes, "keyframe");
        let mut joints = vec![0.0];
        for (start, end) in &scenes {
            joints.push(joints.last().unwrap() + alone(&source, (start, end), "keyframe").1);
        }
        let Some(joined) = joined(&source, &scenes, &query)? else { return Ok(()) };
        let of_segments =
            ["v1", "a1"].map(|name| resource(&source, &format!("/cmaf/{name}.mp4"), &query));
        let of_segments = of_segments.iter().flatten().map(|bytes| expand_fragments(bytes).remove(0));
        let of_clip = expand(&joined).into_iter();
        for track in of_clip.filter(|t| matches!(&t.handler, b"vide" | b"soun")).chain(of_segments) {
            if track.edits.iter().filter(|edit| edit.1 >= 0).count() > 1 {
                continue;
            }
            for pair in track.samples.windows(2) {
                prop_assert!(pair[0].dts < pair[1].dts, "decode times {:?}", pair);
            }
            let (is_audio, shown) = (&track.handler == b"soun", track.shown());
            let Some(longest) = track.samples.iter().map(|s| s.delta).max() else { continue };
            let longest = f64::from(longest) / f64::from(track.timescale);
            let most = if is_audio { longest / 2.0 } else { 0.011 } + 2.0 / f64::from(track.timescale) + TICK;
            let all = &due[track.id as usize - 1];
            for (n, due) in all.iter().enumerate() {
                let is_cut = |joint: &f64| (due.from - joint).abs().min((due.to - joint).abs()) < longest;
                if due.to - due.from < 3.0 * most || is_audio && joints.iter().any(is_cut) {
                    continue;
                }
                // Where a track waits, nothing says that the beginning of its first frame is hidden.
                let has_waited = n == 0 && due.from > 0.0;
                let is_near = |s: &Shown| {
                    (s.from - due.from).abs() <= most || has_waited && (s.to - due.to).abs() <= most
                };
                prop_assert!(
                    shown.iter().any(|s| s.bytes == due.bytes && is_near(s)),
                    "{:?} within {} of {:?}", due, most, shown
                );
            }
        }
    }

    /// What scenes have in common is sent once.
    #[test]
    fn what_scenes_share_is_sent_once(film in film(), scenes in scenes(), mode in modes()) {
        let source = film.build();
        let query = query(&times(&scenes, duration(&source)), mode);
        let seeker = Seeker::default();
        let Answer::Film(file) = seeker.answer(&source, &identity(&source), query.as_bytes(), &Settings::default()).unwrap() else {
            return Ok(());
        };
        let mut joined = vec![0; usize::try_from(file.len()).unwrap()];
        file.read_at(&source, 0, &mut joined).unwrap();
        let held: std::collections::BTreeSet<_> =
            expand(&joined).into_iter().flat_map(|t| t.samples).map(|s| s.bytes).collect();
        let held: usize = held.iter().map(Vec::len).sum();
        let sent = joined.len() - usize::try_from(file.generated_len()).unwrap();
        prop_assert!(sent as f64 <= held as f64 * 1.01, "{} bytes sent for {} of samples", sent, held);
    }
}

proptest! {
    #![proptest_config(config())]

    /// What is shown before a time is sent by then, whichever scene is first in the film.
    #[test]
    fn joined_scenes_are_sent_in_time(
        film in film(),
        scenes in scenes(),
        mode in modes(),
        is_flat in any::<bool>(),
        times in prop::collection::vec(0.0..1.1f64, 1..8),
    ) {
        let source = film.build();
        let mut query = query(&self::times(&scenes, duration(&source)), mode);
        if !is_flat {
            query += "&format=fmp4";
        }
        assert_sent_in_time(&source, &query, &times)?;
    }
}

/// Asserts that what joined scenes show before times, which are parts of how long they last, is sent by then.
fn assert_sent_in_time(source: &Vec<u8>, query: &str, times: &[f64]) -> Result<(), TestCaseError> {
    let Answer::Film(file) =
        seeker().answer(source, &identity(source), query.as_bytes(), &Settings::default()).unwrap()
    else {
        return Ok(());
    };
    let mut bytes = vec![0; usize::try_from(file.len()).unwrap()];
    file.read_at(source, 0, &mut bytes).unwrap();
    let is_flat = boxes(&bytes).iter().all(|b| &b.box_type != b"moof");
    let held = if is_flat { expand(&bytes) } else { expand_fragments(&bytes) };
    let of = expand(source);
    let is_played = |track: &&Expanded| {
        matches!(&track.handler, b"vide" | b"soun")
            && of.iter().any(|of| of.id == track.id && of.samples.len() > 1)
    };
    let played: Vec<_> = held.iter().filter(is_played).collect();
    let lasts = played.iter().flat_map(|t| t.shown()).map(|s| s.to).fold(0.0, f64::max);
    let mut times: Vec<f64> = times.iter().map(|time| time * lasts).collect();
    times.sort_by(f64::total_cmp);
    let mut last = 0;
    for time in times {
        let end = file.presented_before(source, Duration::from_secs_f64(time)).unwrap();
        prop_assert!(end >= last && end <= file.len(), "{} after {} at {}", end, last, time);
        last = end;
        let shown = played.iter().flat_map(|track| track.shown());
        // The first copy of a sample is the one that a flat answer has.
        let shown = shown.filter(|shown| shown.from < time - 8.0 * TICK);
        let needed = shown.map(|shown| position(&bytes, &shown.bytes) + shown.bytes.len()).max().unwrap_or(0);
        prop_assert!(needed as u64 <= end, "{} of {} needed at {}", end, needed, time);
    }
    Ok(())
}

/// Of sound that ends before a scene does, a packet is heard that the film does not present: the sound
/// of the scene is early by half a packet.
#[test]
fn sound_that_is_early_is_sent_in_time() {
    let longer = TrackSpec { timescale: 44_100, ..TrackSpec::audio(61) };
    let shorter = TrackSpec { timescale: 48_000, edits: vec![(887, 238, 0x10000)], ..TrackSpec::audio(69) };
    let tracks = [longer, shorter].map(|track| TrackSpec { chunking: vec![1], ..track });
    let source = Film::of(tracks.to_vec()).build();
    assert_sent_in_time(&source, "clip=0.542-0.611&clip=0.542-1.28&mode=keyframe", &[0.5276]).unwrap();
}

/// Asserts that a window of an answer is that of the whole.
fn assert_windows(
    source: &[u8],
    query: &str,
    whole: &[u8],
    from: usize,
    window: usize,
) -> Result<(), TestCaseError> {
    let (identity, settings) = (identity(source), Settings::default());
    let source = source.to_vec();
    let Answer::Film(file) = seeker().answer(&source, &identity, query.as_bytes(), &settings).unwrap() else {
        return Ok(());
    };
    let from = whole.len() * from / 100;
    let to = whole.len().min(from + window);
    let mut out = vec![0; to - from];
    file.read_at(&source, from as u64, &mut out).unwrap();
    prop_assert!(out == whole[from..to], "bytes {} to {}", from, to);
    Ok(())
}

/// The names of samples tell which film they are of.
#[test]
fn scenes_are_in_the_order_that_is_asked_for() {
    let film = Film::of(vec![TrackSpec::video(100, 10)]).build();
    let names = |query: &str| {
        let shown = shown_in(&clip(&film, query).unwrap(), 0.0, f64::MAX).swap_remove(0);
        shown
            .into_iter()
            .map(|s| (String::from_utf8_lossy(&s.bytes).into_owned(), s.from))
            .collect::<Vec<_>>()
    };
    let (late, early) = (names("start=7&end=8"), names("start=2.5&end=3.5"));
    let both = names("clip=7-8&clip=2.5-3.5");
    assert_eq!(both.len(), late.len() + early.len());
    let moved = early.iter().map(|(name, from)| (name.clone(), from + 1.0));
    for ((name, from), (due, when)) in both.iter().zip(late.iter().cloned().chain(moved)) {
        assert_eq!(*name, due);
        assert!((from - when).abs() < 1e-6, "{name} at {from}, not {when}");
    }
}
