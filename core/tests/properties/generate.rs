//! Files generated at random, each of which can be cut.

use std::ops::Range;

use proptest::prelude::*;
use test_boxes::{Film, Protection, Sample, TrackSpec, media_end};

/// The order in which frames are decoded: their places on screen, and whether each is a sync
/// sample. Every `gop`th of the anchors (I, P) is one. `between` B-frames stand before each anchor;
/// some of them may lead a sync sample.
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

/// An edit of a film that is still to be generated; its parts are thousandths.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Wait(u32),
    /// From the start on.
    Play {
        to: u32,
    },
    /// From a part of the media on, for a part of what follows.
    Range {
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
        4 => (0u32..1000, 0u32..1000).prop_map(|(from, len)| Wish::Range { from, len }),
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
        Wish::Range { from, len } => {
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

/// How the samples of a track are encrypted: in whole or in parts, with one key or several.
fn protection() -> impl Strategy<Value = Protection> {
    let part = (any::<u8>(), 0u16..4, any::<bool>());
    let parts = (prop::collection::vec(part, 80), any::<[bool; 2]>());
    let whole = prop::sample::select(vec![8usize, 16]);
    let entries = prop_oneof![
        parts.prop_map(|(parts, [has_clear, has_vector])| {
            let vector = if has_vector { 8 } else { 0 };
            let entry = |&(n, count, is_clear): &(u8, u16, bool)| match has_clear && is_clear {
                true => Vec::new(),
                false => {
                    let subsamples = [n, 1, 0, 0, 0, 2].repeat(count.into());
                    [&vec![n; vector][..], &count.to_be_bytes(), &subsamples].concat()
                }
            };
            // Without vectors, only a `saiz` says for sure how long each entry is: the bytes of several
            // may be those of one with a vector.
            (parts.iter().map(entry).collect::<Vec<_>>(), true, has_clear || !has_vector)
        }),
        whole.prop_map(|len| ((0..80).map(|n| vec![n; len]).collect(), false, false)),
        Just((Vec::new(), false, false)),
    ];
    let keys = prop_oneof![Just(Vec::new()), prop::collection::vec((0u32..4, 1usize..30), 1..10)];
    (entries, keys, any::<bool>()).prop_map(
        |((entries, has_subsamples, has_to_be_located), keys, is_located)| {
            let keys = keys.into_iter().flat_map(|(key, count)| vec![key; count]).take(80).collect();
            Protection { entries, has_subsamples, is_located: is_located || has_to_be_located, keys }
        },
    )
}

/// Films of which some tracks are encrypted.
pub(crate) fn encrypted_film() -> impl Strategy<Value = Film> {
    let protections = prop::collection::vec(prop::option::weighted(0.4, protection()), 4);
    (film(), protections).prop_map(|(mut film, protections)| {
        for (track, protection) in film.tracks.iter_mut().zip(protections) {
            track.protection = protection.map(|mut protection| {
                protection.entries.truncate(track.samples.len());
                protection.keys.truncate(track.samples.len());
                protection
            });
        }
        film
    })
}

pub(crate) fn film() -> impl Strategy<Value = Film> {
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
