//! What holds for every film and every cut, tried on films made at random.

#![expect(clippy::unwrap_used, reason = "what fails here is a test")]

#[path = "../common/mod.rs"]
mod common;

use std::ops::Range;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use common::{ask, clip, identity, seeker};
use mp4seek::source::ReadAt;
use mp4seek::{Answer, Settings};
use test_boxes::{Expanded, Film, One, Sample, Shown, TrackSpec, expand, media_end, share_media};

/// The order in which frames are decoded: their places on screen, and whether each is a sync sample. Of the anchors
/// (I, P) every `gop`th is one; before the anchors stand `between` B-frames, of which some may lead a sync sample.
fn decode_order(frames: u32, gop: u32, between: &[u32], open: bool, pyramid: bool) -> Vec<(u32, bool)> {
    let mut order = vec![(0, true)];
    let (mut last, mut anchors) = (0, 1);
    while last + 1 < frames {
        let sync = anchors % gop == 0;
        let b_frames = if sync && !open { 0 } else { between[anchors as usize % between.len()] };
        let next = (last + 1 + b_frames).min(frames - 1);
        order.push((next, sync));
        decode_between(last + 1..next, pyramid, &mut order);
        (last, anchors) = (next, anchors + 1);
    }
    order
}

fn decode_between(places: Range<u32>, pyramid: bool, order: &mut Vec<(u32, bool)>) {
    if !pyramid {
        order.extend(places.map(|n| (n, false)));
    } else if !places.is_empty() {
        let middle = u32::midpoint(places.start, places.end);
        order.push((middle, false));
        decode_between(places.start..middle, pyramid, order);
        decode_between(middle + 1..places.end, pyramid, order);
    }
}

/// How often frames are decoded, and what the offsets are.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// One whenever one goes on screen. Offsets are positive: all are presented late.
    Late,
    /// The same with negative offsets.
    Signed,
    /// Evenly, though they are not shown so.
    Even,
    /// One whenever one goes on screen, and all for as long.
    Steady,
}

/// Frames of these durations on screen, coded in that order; and when the first is presented.
fn coded(order: &[(u32, bool)], durations: &[u32], sizes: &[u32], pace: Pace) -> (Vec<Sample>, i32) {
    let at = |place: usize| durations[..place].iter().sum::<u32>();
    let mean = at(order.len()) / u32::try_from(order.len()).unwrap();
    let steps: Vec<u32> = match pace {
        Pace::Even => vec![mean.max(1); order.len()],
        _ => durations[..order.len()].to_vec(),
    };
    let mut dts = 0;
    let mut samples = Vec::new();
    for (n, &(place, sync)) in order.iter().enumerate() {
        let offset = i32::try_from(at(place as usize)).unwrap() - dts;
        samples.push(Sample { delta: steps[n], offset, sync, size: sizes[n % sizes.len()] });
        dts += i32::try_from(steps[n]).unwrap();
    }
    let late = match pace {
        Pace::Signed => 0,
        _ => samples.iter().map(|s| -s.offset).max().unwrap(),
    };
    for s in &mut samples {
        s.offset += late;
    }
    (samples, late)
}

/// Where the presentation of samples ends, as far as a film says.
fn decoded_end(samples: &[Sample]) -> i64 {
    let times = samples.iter().scan(0, |dts, s| {
        let cts = *dts + i64::from(s.offset);
        *dts += i64::from(s.delta);
        Some((cts, i64::from(s.delta)))
    });
    media_end(times)
}

/// An edit of a film that is still to be made; its parts are thousandths.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Wait(u32),
    /// From the start on.
    Play {
        to: u32,
    },
    /// From a part of the media on, for a part of what follows.
    Stretch {
        from: u32,
        len: u32,
    },
    /// One frame for some milliseconds.
    Dwell {
        at: u32,
        millis: u32,
    },
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        2 => (1u32..200).prop_map(Wish::Wait),
        2 => (0u32..1000).prop_map(|to| Wish::Play { to }),
        4 => (0u32..1000, 0u32..1000).prop_map(|(from, len)| Wish::Stretch { from, len }),
        1 => (0u32..1000, 1u32..200).prop_map(|(at, millis)| Wish::Dwell { at, millis }),
    ]
}

/// An edit list, in milliseconds, that presents nothing but what there is.
fn edits(wishes: &[Wish], first: i32, end: i64, timescale: u32) -> Vec<(u32, i32, u32)> {
    let part =
        |of: u32, from: i32| from + i32::try_from((end - i64::from(from)) * i64::from(of) / 1000).unwrap();
    let millis_left =
        |from: i32| u32::try_from((end - i64::from(from)) * 1000 / i64::from(timescale)).unwrap();
    let edits = wishes.iter().map(|wish| match *wish {
        Wish::Wait(millis) => (millis, -1, 0x10000),
        Wish::Play { to } => ((millis_left(first) * to).div_ceil(1000), first, 0x10000),
        Wish::Stretch { from, len } => {
            let from = part(from, 0);
            ((millis_left(from) * len).div_ceil(1000), from, 0x10000)
        }
        Wish::Dwell { at, millis } => (millis, part(at, first), 0),
    });
    let mut edits: Vec<_> = edits.filter(|e| e.0 > 0).collect();
    // A film long enough to be cut.
    if !edits.is_empty() && edits.iter().filter(|e| e.1 >= 0).map(|e| e.0).sum::<u32>() < 100 {
        edits.push((millis_left(first), first, 0x10000));
    }
    edits
}

fn video() -> impl Strategy<Value = TrackSpec> {
    let timescale = prop::sample::select(vec![1000u32, 12_800, 30_000, 90_000, 600]);
    let pace = prop::sample::select(vec![Pace::Late, Pace::Signed, Pace::Even, Pace::Steady]);
    let shape = (5u32..50, 1u32..6, prop::collection::vec(0u32..8, 1..4), any::<bool>(), any::<bool>());
    let times = (timescale, pace, prop::collection::vec(6u32..24, 1..12));
    let place = (prop::collection::vec(1u32..6, 1..4), any::<bool>(), prop::collection::vec(8u32..40, 60));
    (shape, times, prop::collection::vec(wish(), 0..4), place).prop_map(
        |((frames, gop, between, open, pyramid), (timescale, pace, lengths), wishes, place)| {
            let order = decode_order(frames, gop, &between, open, pyramid);
            let lengths = if matches!(pace, Pace::Steady) { &lengths[..1] } else { &lengths };
            let lengths = lengths.iter().map(|length| timescale / 180 * length);
            let durations: Vec<u32> = lengths.cycle().take(order.len()).collect();
            let (samples, first) = coded(&order, &durations, &place.2, pace);
            let mut track = TrackSpec::new(b"vide", b"avc1", timescale, samples);
            let end = match pace {
                Pace::Even => decoded_end(&track.samples),
                _ => i64::from(first) + i64::from(durations.iter().sum::<u32>()),
            };
            track.edits = edits(&wishes, first, end, timescale);
            (track.chunking, track.one_entry_each) = (place.0, place.1);
            track
        },
    )
}

fn audio() -> impl Strategy<Value = TrackSpec> {
    let shape = (
        3u32..80,
        prop::sample::select(vec![8000u32, 44_100, 48_000]),
        0i32..1200,
        any::<bool>(),
        any::<bool>(),
    );
    (shape, prop::collection::vec(1u32..6, 1..4), prop::collection::vec(wish(), 0..3)).prop_map(
        |((packets, timescale, first, each, wide), chunking, wishes)| {
            let mut track = TrackSpec::audio(packets);
            track.timescale = timescale;
            track.edits = edits(&wishes, first, i64::from(packets) * 1024, timescale);
            track.chunking = chunking;
            track.one_entry_each = each;
            track.wide_offsets = wide;
            track
        },
    )
}

fn film() -> impl Strategy<Value = Film> {
    let timescale = prop::sample::select(vec![1000u32, 1000, 600_000, 90_000]);
    let hole = prop::sample::select(vec![0usize, 0, 3, 5000]);
    (
        prop::option::weighted(0.8, video()),
        prop::collection::vec(audio(), 0..3),
        timescale,
        any::<[bool; 2]>(),
        hole,
    )
        .prop_filter_map("no tracks", |(video, audio, timescale, [moov_first, sequential], hole)| {
            let mut tracks: Vec<_> = video.into_iter().chain(audio).collect();
            for edit in tracks.iter_mut().flat_map(|t| &mut t.edits) {
                edit.0 *= timescale / 1000;
            }
            (!tracks.is_empty()).then(|| Film { timescale, moov_first, sequential, hole, ..Film::of(tracks) })
        })
}

/// What a film shows of each track in a stretch, times moved to its start.
fn shown_in(film: &[u8], from: f64, to: f64) -> Vec<Vec<Shown>> {
    let cut = |s: Shown| {
        let (start, end) = (s.from.max(from) - from, s.to.min(to) - from);
        (end > start + TICK).then_some(Shown { from: start, to: end, ..s })
    };
    // By number of the track: a clip has none that shows nothing.
    let mut tracks = vec![Vec::new(); TRACKS];
    for track in expand(film) {
        tracks[track.id as usize - 1] = track.shown().into_iter().filter_map(cut).collect();
    }
    tracks
}

/// What a clip must show: a picture that has ended by its start shows its last frame once more, for as long as a clip
/// likes.
fn due_in(film: &[u8], from: f64, to: f64) -> Vec<Vec<Shown>> {
    let mut tracks = shown_in(film, from, to);
    for track in expand(film).iter().filter(|t| &t.handler == b"vide") {
        let shown = track.shown();
        let Some(last) = shown.last().filter(|last| last.to <= from + 1e-6) else { continue };
        tracks[track.id as usize - 1] = vec![Shown { from: 0.0, to: f64::INFINITY, ..last.clone() }];
    }
    tracks
}

/// Tracks of a film that is made here, at most.
const TRACKS: usize = 4;

/// A frame of sound at the lowest rate that is tried here: how exact a cut of sound can be.
/// (A little more, as the whole of a film is rounded, too.)
const TICK: f64 = 1.1 / 8000.0;

fn duration(film: &[u8]) -> f64 {
    expand(film).iter().flat_map(|t| t.shown()).map(|s| s.to).fold(0.0, f64::max)
}

/// Where a clip of `[start, …)` really begins: on the frame on screen.
fn snapped(film: &Film, source: &[u8], start: f64) -> f64 {
    if &film.tracks[0].handler != b"vide" {
        return start;
    }
    let frames = shown_in(source, 0.0, f64::MAX).swap_remove(0);
    let on_screen = frames.iter().rev().find(|f| f.from <= start + 1e-6);
    on_screen.filter(|f| start + 1e-6 < f.to && !f.dwells).map_or(start, |f| f.from)
}

/// That both show the same, but for so many cuts that are rounded to a tick.
fn assert_same(clip: &[Vec<Shown>], source: &[Vec<Shown>], cuts: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(clip.len(), source.len());
    for (t, (clip, source)) in clip.iter().zip(source).enumerate() {
        let name = |s: &Shown| String::from_utf8_lossy(&s.bytes).into_owned();
        let names = |l: &[Shown]| l.iter().map(name).collect::<Vec<_>>();
        // What is shown for about a tick may round to one more or to none.
        let is_sliver = |s: &Shown| s.to - s.from < (cuts + 1.0) * TICK;
        let off = |c: &Shown, s: &Shown| {
            let late = if s.to == f64::INFINITY { 0.0 } else { (c.to - s.to).abs() };
            (c.from - s.from).abs().max(late)
        };
        let (mut held, mut due) = (clip.iter().peekable(), source.iter().peekable());
        loop {
            match (held.peek(), due.peek()) {
                (None, None) => break,
                // A sample may be shown again by the next edit, after a sliver of it by this one.
                (Some(c), Some(s)) if c.bytes == s.bytes && off(c, s) <= cuts * TICK => {
                    held.next();
                    due.next();
                }
                (Some(c), _) if is_sliver(c) => drop(held.next()),
                (_, Some(s)) if is_sliver(s) => drop(due.next()),
                (c, s) => {
                    prop_assert_eq!(names(clip), names(source), "track {}", t);
                    prop_assert!(false, "track {}: {:?}, was {:?}", t, c, s);
                }
            }
        }
    }
    Ok(())
}

/// The tracks of a clip, each with that of the film which its samples are of.
fn with_sources<'a>(film: &'a [Expanded], clip: &'a [Expanded]) -> Vec<(&'a Expanded, &'a Expanded)> {
    let source = |cut: &Expanded| {
        let first = &cut.samples.first()?.bytes;
        film.iter().find(|of| of.samples.iter().any(|s| s.bytes == *first))
    };
    clip.iter().filter_map(|cut| Some((source(cut)?, cut))).collect()
}

/// Where in its media an edit ends.
fn media_end_of(track: &Expanded, &(duration, media_time, rate): &(u64, i64, u32)) -> i64 {
    let ticks = u128::from(duration) * u128::from(track.timescale) * u128::from(rate);
    media_time + i64::try_from(ticks.div_ceil(u128::from(track.movie_timescale) << 16)).unwrap().max(1)
}

/// What holds for the times of a clip's samples, hidden ones above all.
fn assert_lead_in(of: &Expanded, cut: &Expanded) -> Result<(), TestCaseError> {
    let scale = i64::from(cut.timescale / of.timescale);
    prop_assert_eq!(cut.timescale % of.timescale, 0);
    let place = |s: &One| of.samples.iter().position(|o| o.bytes == s.bytes).unwrap();
    let held: Vec<(usize, &One)> = cut.samples.iter().map(|s| (place(s), s)).collect();
    for pair in held.windows(2) {
        prop_assert!(pair[0].1.dts < pair[1].1.dts, "decode times {:?}", pair);
    }
    // Samples that lie side by side in the film.
    for range in held.chunk_by(|a, b| a.0 + 1 == b.0) {
        let first_dts = range[0].1.dts;
        // Where edits begin in it, in media time.
        let ends = range.iter().map(|(_, s)| s.cts.max(s.dts) + i64::from(s.delta)).max().unwrap();
        let mut edits: Vec<i64> =
            cut.edits.iter().map(|e| e.1).filter(|t| (first_dts..=ends).contains(t)).collect();
        edits.sort_unstable();
        let latest = range.iter().map(|(_, s)| s.cts).max().unwrap();
        let Some(first) = edits.first().copied().filter(|first| *first <= latest) else { continue };
        let shown = range.iter().map(|(_, s)| s.cts).filter(|cts| *cts <= first).max().unwrap_or(first);
        let (hidden, rest): (Vec<_>, Vec<_>) = range.iter().copied().partition(|(_, s)| s.cts < shown);
        let end = cut
            .edits
            .iter()
            .filter(|e| (first_dts..=ends).contains(&e.1))
            .map(|e| media_end_of(cut, e))
            .max()
            .unwrap();
        let (presented, late): (Vec<_>, Vec<_>) = rest.iter().copied().partition(|(_, s)| s.cts < end);
        // What is presented last, and what is decoded but presented later, ends with the clip, unless that is not much
        // longer than its frames are reordered.
        let is_last = range.last() == held.last() && cut.edits.iter().all(|e| e.2 == 0x10000);
        let last = presented.iter().max_by_key(|(_, s)| s.cts).filter(|_| presented.len() > 12);
        let negative = scale * of.samples.iter().map(|s| s.dts - s.cts).max().unwrap().max(0);
        // What is decoded after the end is not composed before that.
        let is_moved = |s: &One| s.cts - s.dts > negative;
        let ends = last.into_iter().chain(late.iter().filter(|(_, s)| last.is_some() && is_moved(s)));
        // An edit may end amid a tick of the film.
        let longest =
            i64::try_from(late.len()).unwrap() + 3 * scale + i64::from(cut.timescale / cut.movie_timescale);
        for (n, s) in ends.filter(|_| is_last) {
            prop_assert!(
                s.cts + i64::from(s.delta) <= end + longest,
                "sample {} ends after {}: {:?}",
                n,
                end,
                s
            );
        }
        for &(n, sample) in late.iter().filter(|_| is_last) {
            prop_assert!(sample.cts >= sample.dts, "sample {} is composed before it is decoded", n);
            let later = late.iter().filter(|(m, _)| of.samples[*m].cts > of.samples[n].cts);
            let in_order = later.clone().all(|(_, s)| s.cts > sample.cts);
            prop_assert!(!is_moved(sample) || in_order, "sample {} is out of order", n);
        }
        for &(n, sample) in &hidden {
            prop_assert!(sample.cts >= sample.dts, "sample {} is composed before it is decoded", n);
            let later = hidden.iter().filter(|(m, _)| of.samples[*m].cts > of.samples[n].cts);
            prop_assert!(later.clone().all(|(_, s)| s.cts > sample.cts), "sample {} is out of order", n);
            prop_assert!(sample.cts + i64::from(sample.delta) <= shown, "sample {} lasts too long", n);
        }
        prop_assert!(hidden.is_empty() || cut.samples.iter().all(|s| s.cts >= s.dts), "a negative offset");
        for &(n, sample) in &presented {
            let (m, other) = presented[0];
            let apart = of.samples[n].cts - of.samples[m].cts;
            prop_assert_eq!(sample.cts - other.cts, apart * scale, "samples {} and {}", m, n);
        }
        let offsets = || of.samples.iter().map(|s| s.cts - s.dts);
        let depth = offsets().max().unwrap() - offsets().min().unwrap();
        let allowed = f64::from(of.timescale) * 0.1 + depth as f64;
        prop_assert!(
            hidden.is_empty() || (shown - first_dts) as f64 <= allowed * scale as f64,
            "{} of {}",
            shown - first_dts,
            cut.timescale
        );
    }
    Ok(())
}

/// 400 films, the same in every run: what fails is the change at hand. `PROPTEST_CASES` in the environment
/// asks for so many others, to search with.
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

    /// A clip shows what the film shows in that stretch: the same samples, bit for
    /// bit, at the same times, in every track.
    #[test]
    fn a_clip_shows_what_the_film_shows(film in film(), start in 0.0..0.95f64, length in 0.02..1.0f64) {
        let source = film.build();
        let total = duration(&source);
        let start = (start * total * 1000.0).round() / 1000.0;
        let end = start + (length * total * 1000.0).round().max(1.0) / 1000.0;
        let clip = clip(&source, &format!("start={start}&end={end}")).unwrap();
        let real_start = if start == 0.0 { 0.0 } else { snapped(&film, &source, start) };
        // The end is a whole tick of the video.
        let end = end.min(total);
        let real_end = (real_start + duration(&clip)).max(end);
        let tick = 1.0 / f64::from(film.tracks[0].timescale);
        prop_assert!(real_end < end + tick + TICK, "ends at {} instead of {}", real_end, end);
        assert_same(&shown_in(&clip, 0.0, f64::MAX), &due_in(&source, real_start, real_end.min(total)), 1.0)?;
    }

    /// Samples that only serve decoding are short, in the order in which the film presents them, and not composed
    /// before they are decoded. What is presented is as far apart as in the film, to the tick.
    #[test]
    fn hidden_samples_come_first_and_take_no_time(film in film(), start in 0.0..0.95f64, length in 0.02..1.0f64) {
        let source = film.build();
        let total = duration(&source);
        let start = (start * total * 1000.0).round() / 1000.0;
        let cut = clip(&source, &format!("start={start}&end={:.3}", start + (length * total).max(0.001))).unwrap();
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
        let cut = clip(&source, &format!("start={start:.3}&end={:.3}", start + length)).unwrap();
        let cut = expand(&cut);
        let waiting = |handler: [u8; 4]| {
            cut.iter().filter(move |t| t.handler == handler && t.edits.iter().any(|e| e.1 < 0))
        };
        // Of several sounds there may be but one, and none in too coarse a timescale.
        let sound = waiting(*b"soun").filter(|t| t.timescale > 20_000).take(usize::from(waiting(*b"vide").count() == 0));
        for track in waiting(*b"vide").chain(sound) {
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
        assert_same(&shown_in(&cut, 0.0, f64::MAX), &due_in(&source, real_start, total), 1.0)?;
    }

    /// Cutting a clip again gives what one cut would have given.
    #[test]
    fn a_clip_of_a_clip_is_a_clip(film in film(), start in 0.0..0.5f64, again in 0.0..0.9f64) {
        let source = film.build();
        let total = duration(&source);
        let start = (start * total * 1000.0).round() / 1000.0;
        let once = clip(&source, &format!("start={start}")).unwrap();
        // A single frame goes with the sound: nothing is set to it.
        prop_assume!(expand(&once)[0].samples.len() != 1);
        let length = duration(&once);
        let again = (again * length * 1000.0).round() / 1000.0;
        let twice = clip(&once, &format!("start={again}")).unwrap();
        let first = if start == 0.0 { 0.0 } else { snapped(&film, &source, start) };
        // Of a picture that has ended a clip shows the last frame once more, and begins on it.
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

    /// No more of the source is sent than the clip's samples take, whatever tracks are asked for and however they
    /// lie; bytes that two tracks share are sent once.
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
        let Ok(Answer::Film(file)) = seeker.answer(&source, &identity(&source), query.as_bytes(), &Settings::default()) else {
            return Ok(());
        };
        let mut clip = vec![0; usize::try_from(file.len()).unwrap()];
        file.read_at(&source, 0, &mut clip).unwrap();
        let held: std::collections::BTreeSet<_> = expand(&clip).into_iter().flat_map(|t| t.samples).map(|s| s.bytes).collect();
        let held: usize = held.iter().map(Vec::len).sum();
        let sent = clip.len() - usize::try_from(file.generated_len()).unwrap();
        prop_assert!(sent as f64 <= held as f64 * 1.01, "{} bytes sent for {} of samples", sent, held);
    }

    /// A clip holds what its edits show, what is decoded before that from a sync sample on (the one before it, where
    /// it has leading pictures), what lies between in decode order, and what sound leads in with.
    #[test]
    fn a_clip_holds_only_what_its_edits_need(film in film(), start in 0.0..0.95f64, length in 0.02..1.0f64) {
        let source = film.build();
        let start = (start * duration(&source)).max(0.001);
        let cut = clip(&source, &format!("start={start:.3}&end={:.3}", start + length)).unwrap();
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

    /// Bytes that are damaged give an answer or an error, never a panic, and what is promised is delivered.
    #[test]
    fn damage_is_survived(film in film(), fragmented in prop::option::of(0u32..256), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), start in 0.0..3.0f64) {
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
        for query in [format!("start={start:.3}"), format!("end={:.3}", start + 0.1), String::new()] {
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
