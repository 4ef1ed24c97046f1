//! What holds for every file and every cut, tried on files generated at random.

#![expect(clippy::unwrap_used, reason = "what fails here is a test")]

mod check;
#[path = "../common/mod.rs"]
mod common;
mod generate;
mod golden;
mod joined;
mod paced;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use check::{
    TICK, assert_lead_in, assert_same, due_in, duration, has_coarse_times, presented, shown_in, shown_of,
    snapped, with_sources,
};
use common::{ask, clip, identity, seeker};
use generate::{encrypted_film, film};
use mp4seek::packaging::Address;
use mp4seek::source::ReadAt;
use mp4seek::{Answer, Error, Settings};
use test_boxes::{
    Expanded, Film, Sample, Shown, TrackSpec, boxes, expand, expand_fragments, protection_of_fragments,
    segments, share_media,
};

/// 400 films, the same in every run: what fails is the change at hand. `PROPTEST_CASES` in the
/// environment asks for so many others, to search with.
fn config() -> ProptestConfig {
    let (cases, rng_seed) = match std::env::var("PROPTEST_CASES") {
        Ok(cases) => (cases.parse().unwrap(), RngSeed::Random),
        Err(_) => (400, RngSeed::Fixed(2008)),
    };
    ProptestConfig {
        cases,
        rng_seed,
        max_global_rejects: 20 * cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// A clip shows what the film shows in that range: the same samples, bit for
    /// bit, at the same times, in every track.
    #[test]
    fn a_clip_shows_what_the_film_shows(film in film(), start in 0.0..0.95f64, length in 0.02..1.0f64) {
        let source = film.build();
        let total = duration(&source);
        let start = (start * total * 1000.0).round() / 1000.0;
        let end = start + (length * total * 1000.0).round().max(1.0) / 1000.0;
        let clip = presented(&source, &format!("start={start}&end={end}"), &[(start, end)])?;
        let Some(clip) = clip else { return Ok(()) };
        let real_start = if start == 0.0 { 0.0 } else { snapped(&film, &source, start) };
        // The end is a whole tick of the video.
        let end = end.min(total);
        let real_end = (real_start + duration(&clip)).max(end);
        let tick = 1.0 / f64::from(film.tracks[0].timescale);
        prop_assert!(real_end < end + tick + TICK, "ends at {} instead of {}", real_end, end);
        assert_same(&shown_in(&clip, 0.0, f64::MAX), &due_in(&source, real_start, real_end.min(total)), 1.0)?;
    }

    /// Samples that only serve decoding are short, in the order in which the film presents them,
    /// and not composed before they are decoded. What is presented is as far apart as in the film,
    /// to the tick.
    #[test]
    fn hidden_samples_come_first_and_take_no_time(film in film(), start in 0.0..0.95f64, length in 0.02..1.0f64) {
        let source = film.build();
        let total = duration(&source);
        let start = (start * total * 1000.0).round() / 1000.0;
        let end = start + (length * total).max(0.001);
        let cut = presented(&source, &format!("start={start}&end={end:.3}"), &[(start, end)])?;
        let Some(cut) = cut else { return Ok(()) };
        for (of, cut) in with_sources(&expand(&source), &expand(&cut)) {
            if of.samples.len() == cut.samples.len() || of.handler == *b"soun" {
                continue;
            }
            assert_lead_in(of, cut)?;
        }
    }

    /// An empty edit is as long in the timescale of the media as it is in the movie's.
    #[test]
    fn an_empty_edit_is_the_same_in_either_timescale(film in film(), start in 0.0..0.95f64, length in 0.02..1.0f64) {
        let source = film.build();
        let start = (start * duration(&source)).max(0.001);
        let end = start + length;
        let cut = presented(&source, &format!("start={start:.3}&end={end:.3}"), &[(start, end)])?;
        let Some(cut) = cut else { return Ok(()) };
        let cut = expand(&cut);
        let waiting = |handler: [u8; 4]| {
            cut.iter().filter(move |t| t.handler == handler && t.edits.iter().any(|e| e.1 < 0))
        };
        // Only one of several audio tracks may be there, and none whose timescale is too coarse.
        let audio = waiting(*b"soun").filter(|t| t.timescale > 20_000).take(usize::from(waiting(*b"vide").count() == 0));
        for track in waiting(*b"vide").chain(audio) {
            prop_assert_eq!(track.timescale, track.movie_timescale);
        }
        for (of, cut) in with_sources(&expand(&source), &cut) {
            prop_assert!(of.handler != *b"soun" || of.timescale == cut.timescale);
        }
    }

    /// In keyframe mode the clip begins at a sync sample, no later than asked for.
    #[test]
    fn a_keyframe_clip_begins_at_a_sync_sample(film in film(), start in 0.0..0.9f64) {
        let source = film.build();
        let total = duration(&source);
        let start = (start * total * 1000.0).round() / 1000.0;
        let cut = clip(&source, &format!("start={start}&mode=keyframe")).unwrap();
        let length = duration(&cut);
        let real_start = total - length;
        prop_assert!(real_start <= start + TICK);
        let tick = 1.0 / f64::from(film.tracks[0].timescale);
        let cuts = if has_coarse_times(&cut, &source) { 1.0 + tick / TICK } else { 1.0 };
        assert_same(&shown_in(&cut, 0.0, f64::MAX), &due_in(&source, real_start, total), cuts)?;
    }

    /// Cutting a clip again gives what one cut would have given.
    #[test]
    fn a_clip_of_a_clip_is_a_clip(film in film(), start in 0.0..0.5f64, again in 0.0..0.9f64) {
        let source = film.build();
        let total = duration(&source);
        let start = (start * total * 1000.0).round() / 1000.0;
        let once = clip(&source, &format!("start={start}")).unwrap();
        // A single frame goes with the audio: nothing is set to it.
        prop_assume!(expand(&once)[0].samples.len() != 1);
        let length = duration(&once);
        let again = (again * length * 1000.0).round() / 1000.0;
        let twice = clip(&once, &format!("start={again}")).unwrap();
        let first = if start == 0.0 { 0.0 } else { snapped(&film, &source, start) };
        // A clip shows the last frame of a video track that has ended once more, and begins on it.
        let has_ended = shown_in(&source, first, f64::MAX)[0].is_empty();
        let at = match again {
            0.0 => first,
            _ if has_ended => first + snapped(&film, &once, again),
            _ => snapped(&film, &source, first + again),
        };
        assert_same(&shown_in(&twice, 0.0, f64::MAX), &due_in(&source, at, total), 2.0)?;
    }

    /// Two clips side by side hold each frame once, save for what leads in to the second.
    #[test]
    fn clips_side_by_side_share_no_frame_and_miss_none(film in film(), cuts in prop::array::uniform3(any::<prop::sample::Index>())) {
        let source = film.build();
        let total = duration(&source);
        let frames: Vec<f64> = shown_in(&source, 0.0, f64::MAX)[0].iter().map(|f| f.from).collect();
        prop_assume!(!frames.is_empty());
        let mut cuts = cuts.map(|c| frames[c.index(frames.len())]);
        cuts.sort_by(f64::total_cmp);
        let [a, b, c] = cuts;
        let micros = cuts.map(|at| (at * 1e6).floor() / 1e6);
        prop_assume!(micros[0] > 0.0 && micros[0] < micros[1] && micros[1] < micros[2] && c < total);
        prop_assume!(&film.tracks[0].handler == b"vide");
        let show = |from: f64, to: f64| {
            let clip = clip(&source, &format!("start={from:.6}&end={to:.6}")).unwrap();
            shown_in(&clip, 0.0, f64::MAX).swap_remove(0)
        };
        let later = |s: Shown| Shown { from: s.from + b - a, to: s.to + b - a, ..s };
        let mut parts = show(micros[0], micros[1]);
        parts.extend(show(micros[1], micros[2]).into_iter().map(later));
        assert_same(&[parts], &[show(micros[0], micros[2])], 1.0)?;
    }

    /// Any window of the answer is the same bytes, however it is asked for, and all of it parses.
    #[test]
    fn an_answer_is_a_file(film in film(), start in 0.0..0.9f64, windows in prop::collection::vec((any::<prop::sample::Index>(), 0usize..300), 20)) {
        let source = film.build();
        // From 0 on it is the whole film, whose media box is sent as it is, header included.
        let start = (start * duration(&source)).max(0.001);
        let query = format!("start={start:.3}");
        let seeker = seeker();
        let Answer::Film(file) = seeker.answer(&source, &identity(&source), query.as_bytes(), &Settings::default()).unwrap() else {
            return Ok(());
        };
        let whole = ask(&source, &query).unwrap().unwrap();
        prop_assert_eq!(whole.len() as u64, file.len());
        for (at, len) in windows {
            let from = at.index(whole.len());
            let len = len.min(whole.len() - from);
            let mut window = vec![0; len];
            file.read_at(&source, from as u64, &mut window).unwrap();
            prop_assert_eq!(&window[..], &whole[from..from + len]);
        }
    }

    /// No more of the source is sent than the clip's samples take, whatever tracks are asked for
    /// and however they lie; bytes that two tracks share are sent once.
    #[test]
    fn only_the_bytes_of_the_samples_are_sent(film in film(), twins in any::<bool>(), tracks in 0usize..4, start in 0.0..0.9f64) {
        let mut film = film;
        if twins {
            let twin = film.tracks[0].clone();
            film.tracks.push(twin);
        }
        let mut source = film.build();
        if twins {
            share_media(&mut source, film.tracks.len() - 1);
        }
        let start = (start * duration(&source)).max(0.001);
        let tracks = ["", "&tracks=1", "&tracks=1,2", "&tracks=audio"][tracks];
        let seeker = seeker();
        let query = format!("start={start:.3}{tracks}");
        let file = match seeker.answer(&source, &identity(&source), query.as_bytes(), &Settings::default()) {
            Ok(Answer::Film(file)) => file,
            Ok(Answer::Plain(_)) => unreachable!("the file as it is"),
            // None of the tracks, or, rounded, the end of what they present.
            Err(e) => {
                prop_assert!(matches!(e.status(), 400 | 416), "{}", e);
                return Ok(());
            }
        };
        let mut clip = vec![0; usize::try_from(file.len()).unwrap()];
        file.read_at(&source, 0, &mut clip).unwrap();
        let held: std::collections::BTreeSet<_> = expand(&clip).into_iter().flat_map(|t| t.samples).map(|s| s.bytes).collect();
        let held: usize = held.iter().map(Vec::len).sum();
        let sent = clip.len() - usize::try_from(file.generated_len()).unwrap();
        prop_assert!(sent as f64 <= held as f64 * 1.01, "{} bytes sent for {} of samples", sent, held);
    }

    /// A clip holds what its edits show, what is decoded before that from a sync sample on (the one
    /// before it, where it has leading pictures), what lies between in decode order, and what audio
    /// leads in with.
    #[test]
    fn a_clip_holds_only_what_its_edits_need(film in film(), start in 0.0..0.95f64, length in 0.02..1.0f64) {
        let source = film.build();
        let start = (start * duration(&source)).max(0.001);
        let end = start + length;
        let cut = presented(&source, &format!("start={start:.3}&end={end:.3}"), &[(start, end)])?;
        let Some(cut) = cut else { return Ok(()) };
        let cut = expand(&cut);
        let source = expand(&source);
        for cut in &cut {
            let of = source.iter().find(|t| t.id == cut.id).unwrap();
            let place = |bytes: &[u8]| of.samples.iter().position(|s| s.bytes == bytes).unwrap();
            let mut needed = vec![false; of.samples.len()];
            let mut elapsed = 0;
            for edit in &cut.edits {
                let alone = Expanded { edits: vec![(elapsed, -1, 0x10000), *edit], ..cut.clone() };
                elapsed += edit.0;
                let shown: Vec<_> = alone.shown().iter().map(|s| place(&s.bytes)).collect();
                let (Some(first), Some(last)) = (shown.iter().min(), shown.iter().max()) else { continue };
                let mut syncs = (0..=*first).rev().filter(|&n| of.samples[n].sync);
                let (first, last) = if of.samples.iter().all(|s| s.sync) {
                    // A packet more where its first tick may be heard, rounded.
                    (first.saturating_sub(4), (last + 1).min(of.samples.len() - 1))
                } else {
                    let nearest = syncs.next().unwrap_or(0);
                    (syncs.next().unwrap_or(nearest), *last)
                };
                needed[first..=last].fill(true);
            }
            for s in &cut.samples {
                let n = place(&s.bytes);
                prop_assert!(needed[n], "sample {} is held for nothing: {:?}", n, cut.edits);
            }
        }
    }

    /// The film with its metadata first shows the same as the film.
    #[test]
    fn a_fast_start_film_is_the_film(film in film()) {
        let source = film.build();
        match ask(&source, "").unwrap() {
            None => prop_assert!(film.moov_first),
            Some(fast) => {
                prop_assert!(!film.moov_first);
                prop_assert_eq!(shown_in(&fast, 0.0, f64::MAX), shown_in(&source, 0.0, f64::MAX));
                prop_assert_eq!(ask(&fast, "").unwrap(), None);
            }
        }
    }

    /// A film in fragments is the film: all of it, and any clip.
    #[test]
    fn fragments_do_not_show(film in film(), style in 0u32..256, start in 0.0..0.9f64, whole in any::<bool>()) {
        let flat = film.build();
        let fragmented = film.build_fragmented(style);
        let start = start * duration(&flat);
        let query = if whole { String::new() } else { format!("start={start:.3}") };
        let same = |a: &[u8], b: &[u8]| assert_same(&shown_in(a, 0.0, f64::MAX), &shown_in(b, 0.0, f64::MAX), 1.0);
        let (a, b) = (ask(&fragmented, &query).unwrap().unwrap(), clip(&flat, &query).unwrap());
        same(&a, &b)?;
        // The whole flat film also keeps samples that no edit presents.
        let sync = |film: &[u8]| -> std::collections::BTreeMap<Vec<u8>, bool> {
            expand(film).into_iter().flat_map(|t| t.samples).map(|s| (s.bytes, s.sync)).collect()
        };
        let known = sync(&flat);
        for (name, is_sync) in sync(&a) {
            prop_assert_eq!(Some(&is_sync), known.get(&name));
        }
    }

    /// Bytes that are damaged give an answer or an error, never a panic, and what is promised is
    /// delivered.
    #[test]
    fn damage_is_survived(film in encrypted_film(), fragmented in prop::option::of(0u32..256), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), start in 0.0..3.0f64) {
        let mut source = match fragmented {
            Some(style) => film.build_fragmented(style),
            None => film.build(),
        };
        let moov = source.windows(4).rposition(|w| w == b"moov").unwrap();
        let end = match source.windows(4).position(|w| w == b"mdat") {
            Some(mdat) if mdat > moov && fragmented.is_none() => mdat,
            _ => source.len(),
        };
        for (at, value) in hits {
            let at = moov + at.index(end - moov);
            source[at] = value;
        }
        let _ = common::index(&source, source.len() as u64);
        let seeker = seeker();
        for query in [
            format!("start={start:.3}"),
            format!("end={:.3}", start + 0.1),
            format!("start={start:.3}&format=fmp4"),
            String::new(),
        ] {
            if let Ok(Answer::Film(file)) = seeker.answer(&source, &identity(&source), query.as_bytes(), &Settings::default()) {
                let mut at = 0;
                let mut window = vec![0; 4096];
                while at < file.len().min(1 << 20) {
                    let n = window.len().min(usize::try_from(file.len() - at).unwrap());
                    file.read_at(&source, at, &mut window[..n]).unwrap();
                    at += n as u64;
                }
            }
        }
        let mut byte = [0];
        prop_assert_eq!(source.read_at(&mut byte, 0).unwrap(), 1);
    }
}

#[test]
fn a_sample_knows_its_fields() {
    // The generator above relies on it: a film of one sample is a film.
    let one = Sample { delta: 100, offset: 0, sync: true, size: 5 };
    let film = Film::of(vec![TrackSpec::new(b"vide", b"avc1", 1000, vec![one])]).build();
    assert_eq!(expand(&film)[0].samples.len(), 1);
}

proptest! {
    #![proptest_config(config())]

    /// A fragmented answer holds the samples of the flat one, with the same times, and shows the
    /// same. Any windows of it are those of the whole.
    #[test]
    fn fragments_hold_what_the_tables_hold(
        film in encrypted_film(),
        start in 0.0..0.95f64,
        length in 0.02..1.0f64,
        from in 0..100usize,
        window in 1..5000usize,
    ) {
        let source = film.build();
        let total = duration(&source);
        let start = (start * total * 1000.0).round() / 1000.0;
        let end = start + (length * total * 1000.0).round().max(1.0) / 1000.0;
        let query = format!("start={start}&end={end}");
        let Some(flat) = presented(&source, &query, &[(start, end)])? else { return Ok(()) };
        let fragmented = clip(&source, &format!("{query}&format=fmp4")).unwrap();
        let again = expand_fragments(&fragmented);
        assert_same_samples(&expand(&flat), &again)?;
        assert_same(&shown_of(&again, 0.0, f64::MAX), &shown_in(&flat, 0.0, f64::MAX), 1.0)?;
        assert_protected(&film, &again, &fragmented)?;
        let boxes = boxes(&fragmented);
        let begins = |at: &usize| boxes.iter().any(|b| b.whole.start == *at && &b.box_type == b"moof");
        let segments = segments(&fragmented);
        prop_assert!(segments[..segments.len() - 1].iter().all(begins));
        prop_assert_eq!(segments.last().copied(), Some(fragmented.len()));
        // Chromium loses the fragments of a segment behind its first one after some seeks.
        let fragments = boxes.iter().filter(|b| &b.box_type == b"moof").count();
        prop_assert_eq!(fragments, segments.len() - 1);

        let (identity, settings) = (identity(&source), Settings::default());
        let query = format!("{query}&format=fmp4");
        let Answer::Film(file) = seeker().answer(&source, &identity, query.as_bytes(), &settings).unwrap() else {
            panic!("the file as it is");
        };
        let from = fragmented.len() * from / 100;
        let to = fragmented.len().min(from + window);
        let mut out = vec![0; to - from];
        file.read_at(&source, from as u64, &mut out).unwrap();
        prop_assert!(out == fragmented[from..to], "bytes {} to {}", from, to);
    }
}

proptest! {
    #![proptest_config(config())]

    /// A decrypter finds in an answer what it needs of each sample, where the film is in fragments
    /// itself.
    #[test]
    fn fragments_of_fragments_keep_what_decrypters_need(
        film in encrypted_film(),
        style in 0u32..256,
        start in 0.0..0.95f64,
    ) {
        let source = film.build_fragmented(style);
        let start = (start * duration(&film.build()) * 1000.0).round() / 1000.0;
        // What has no samples in the clip may be left out.
        if let Some(fragmented) = ask(&source, &format!("start={start}&format=fmp4")).unwrap() {
            if fragmented.windows(4).any(|w| w == b"sidx") {
                assert_protected(&film, &expand_fragments(&fragmented), &fragmented)?;
            }
        }
    }
}

/// Asserts that a decrypter finds what it needs of each sample.
fn assert_protected(film: &Film, read: &[Expanded], fragments: &[u8]) -> Result<(), TestCaseError> {
    let protected = protection_of_fragments(fragments);
    for track in read {
        let Some(protection) = &film.tracks[track.id as usize - 1].protection else {
            prop_assert!(protected[&track.id].iter().all(|(entry, key)| entry.is_empty() && key.is_empty()));
            continue;
        };
        let due = track.samples.iter().map(|sample| {
            let name = String::from_utf8_lossy(&sample.bytes).into_owned();
            let number = name.split([':', '>']).nth(1).unwrap().parse().unwrap();
            protection.due(number, sample.bytes.len())
        });
        prop_assert_eq!(&protected[&track.id], &due.collect::<Vec<_>>(), "track {}", track.id);
    }
    Ok(())
}

/// Asserts that each track that has samples has the same ones, decoded and presented as far apart.
fn assert_same_samples(flat: &[Expanded], fragmented: &[Expanded]) -> Result<(), TestCaseError> {
    let flat: Vec<_> = flat.iter().filter(|track| !track.samples.is_empty()).collect();
    prop_assert_eq!(flat.len(), fragmented.len());
    for (flat, fragmented) in flat.iter().zip(fragmented) {
        prop_assert_eq!(flat.timescale, fragmented.timescale);
        prop_assert_eq!(flat.in_any_form(), fragmented.in_any_form());
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    /// The file of a track has the samples that a clip from a key frame has of it, but for packets
    /// that nobody hears. They are presented at the same times, what is asked for last comes last, and
    /// the parts of the file are slices of it.
    #[test]
    fn a_track_file_holds_what_the_clip_holds(
        film in encrypted_film(),
        start in 0.0..0.95f64,
        length in 0.02..1.0f64,
    ) {
        let source = film.build();
        let total = duration(&source);
        let start = (start * total * 1000.0).round() / 1000.0;
        let end = start + (length * total * 1000.0).round().max(1.0) / 1000.0;
        let query = format!("start={start}&end={end}");
        let flat = presented(&source, &format!("{query}&mode=keyframe"), &[(start, end)])?;
        let Some(flat) = flat else { return Ok(()) };
        let flat = expand(&flat);
        let mut numbers = [0, 0];
        for (spec, id) in film.tracks.iter().zip(1..) {
            let (prefix, number) = match &spec.handler {
                b"vide" => ("v", &mut numbers[0]),
                b"soun" => ("a", &mut numbers[1]),
                _ => continue,
            };
            *number += 1;
            let name = format!("{prefix}{number}");
            let due = flat.iter().find(|track| track.id == id && !track.samples.is_empty());
            let Some(whole) = resource(&source, &format!("/cmaf/{name}.mp4"), &query) else {
                prop_assert!(due.is_none(), "{} is missing", name);
                continue;
            };
            let read = expand_fragments(&whole);
            let due = due.unwrap().clone();
            assert_holds(spec, &due, &read[0])?;
            assert_begins_alike(&due, &read[0])?;
            assert_protected(&film, &read, &whole)?;
            let mut joined = resource(&source, &format!("/cmaf/{name}/init.mp4"), &query).unwrap();
            let places = segments(&whole);
            joined.extend_from_slice(&whole[joined.len()..places[0]]);
            for (n, _) in places.iter().enumerate().skip(1) {
                joined.extend(resource(&source, &format!("/cmaf/{name}/{n}.m4s"), &query).unwrap());
            }
            prop_assert!(joined == whole);
            let past = format!("/cmaf/{name}/{}.m4s", places.len());
            prop_assert!(resource(&source, &past, &query).is_none());
        }
    }
}

/// What stands at an address behind a film; `None` where that is nothing.
fn resource(film: &[u8], address: &str, query: &str) -> Option<Vec<u8>> {
    let source = film.to_vec();
    let address = Address::parse(address.as_bytes()).unwrap();
    let (identity, settings) = (identity(film), Settings::default());
    match seeker().answer_address(&source, &identity, address, query.as_bytes(), &settings) {
        Ok(Answer::Film(file)) => {
            let mut out = vec![0; usize::try_from(file.len()).unwrap()];
            file.read_at(&source, 0, &mut out).unwrap();
            Some(out)
        }
        Ok(Answer::Plain(_)) => unreachable!("the file as it is"),
        Err(Error::NoSuchAddress) => None,
        Err(e) => unreachable!("{address:?}: {e}"),
    }
}

/// Asserts that the file of a track has the samples of a clip but for packets that are not heard
/// before the first, and that what is presented last of the clip comes last.
fn assert_holds(spec: &TrackSpec, due: &Expanded, read: &Expanded) -> Result<(), TestCaseError> {
    let bytes = |of: &Expanded| of.samples.iter().map(|s| (s.bytes.clone(), s.sync)).collect::<Vec<_>>();
    let (all, held) = (bytes(due), bytes(read));
    prop_assert_eq!(due.timescale, read.timescale);
    prop_assert!(all.ends_with(&held), "{:?} is not the end of {:?}", held, all);
    let shown = due.shown();
    for left_out in &all[..all.len() - held.len()] {
        prop_assert!(shown.iter().all(|shown| shown.bytes != left_out.0), "{:?} is missing", left_out);
    }
    // Where a frame is all that is presented, what is decoded for it has no place before it, nor where
    // frames are presented before they are decoded.
    let has_place = due.edits.len() == 1 && spec.samples.iter().all(|sample| sample.offset >= 0);
    if let (true, [.., _, last]) = (has_place, &shown[..]) {
        let latest = read.samples.iter().max_by_key(|s| s.cts).map(|s| &s.bytes);
        prop_assert_eq!(latest, Some(&last.bytes));
    }
    Ok(())
}

/// Asserts that both show the same at the same times. The file of a track does not say when a clip
/// ends, be it amid the first sample; and where the track waits, not that the beginning of its first sample is hidden.
/// What the clip hides before its first picture precedes that here, for 10 ms at most.
fn assert_begins_alike(due: &Expanded, read: &Expanded) -> Result<(), TestCaseError> {
    let due_timescale = due.timescale;
    let begins = due.edits.iter().map(|(_, media_time, _)| *media_time).find(|media_time| *media_time >= 0);
    let has_hidden = due.handler == *b"vide" && due.samples.iter().any(|s| begins.is_some_and(|t| s.cts < t));
    let late = if has_hidden { 0.01 } else { 0.0 };
    let (due, read) = (due.shown(), read.shown());
    let ends = due.last().map_or(0.0, |last| last.to);
    for shown in due.iter().filter(|shown| shown.to - shown.from > 2.0 * TICK) {
        let near = TICK + 0.5 / f64::from(due_timescale);
        let is_near = |a: f64, b: f64| (-near..near + late).contains(&(a - b));
        let is_same = |other: &&Shown| {
            let begins_alike = is_near(other.from, shown.from);
            other.bytes == shown.bytes
                && (begins_alike
                    || other.from < shown.from && (is_near(other.to, shown.to) || is_near(shown.to, ends)))
        };
        prop_assert!(read.iter().any(|other| is_same(&other)), "{:?} is not in {:?}", shown, read);
    }
    Ok(())
}
