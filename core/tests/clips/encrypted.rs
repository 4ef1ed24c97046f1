//! Flat films with what a decrypter needs for each sample, located in every way there is.

use crate::common::{ask, clip, identity, seeker};
use mp4seek::{Answer, Settings};
use test_boxes::{
    Film, Protection, TrackSpec, expand, expand_fragments, find, full_box, make_box, protection_of_fragments,
};

const SAMPLES: u32 = 20;

/// A vector of 8 bytes, and one or two subsamples.
fn entry(n: u32) -> Vec<u8> {
    let subsamples = if n % 2 == 0 { 1u16 } else { 2 };
    let vector = [u8::try_from(n).unwrap() + 1; 8];
    [&vector[..], &subsamples.to_be_bytes(), &[0xaa; 6].repeat(usize::from(subsamples))].concat()
}

fn entries(samples: std::ops::Range<u32>) -> Vec<u8> {
    samples.flat_map(entry).collect()
}

fn saiz(samples: u32) -> Vec<u8> {
    let lengths = (0..samples).map(|n| u8::try_from(entry(n).len()).unwrap()).collect::<Vec<_>>();
    make_box(b"saiz", [&[0; 5][..], &samples.to_be_bytes(), &lengths].concat())
}

fn senc(samples: u32) -> Vec<u8> {
    make_box(b"senc", [&[0, 0, 0, 2][..], &samples.to_be_bytes(), &entries(0..samples)].concat())
}

fn piff() -> Vec<u8> {
    let kind = b"\xa2\x39\x4f\x52\x5a\x9b\x4f\x14\xa2\x44\x6c\x42\x7c\x64\x8d\xf4";
    make_box(b"uuid", [&kind[..], &senc(SAMPLES)[8..]].concat())
}

/// A film whose first track is encrypted, chunks of 3 samples.
fn film(more: Vec<Vec<u8>>, in_trak: Vec<Vec<u8>>) -> Film {
    let video = TrackSpec { more, in_trak, ..TrackSpec::video(SAMPLES, 5) };
    Film::of(vec![video, TrackSpec::audio(16)])
}

fn position(film: &[u8], what: &[u8]) -> usize {
    film.windows(what.len()).position(|w| w == what).unwrap()
}

/// The `saio` says where in `senc` the first entry is.
fn points_into_senc(mut film: Vec<u8>) -> Vec<u8> {
    let place = u32::try_from(position(&film, &entry(0))).unwrap();
    let saio = position(&film, b"saio");
    film[saio + 12..saio + 16].copy_from_slice(&place.to_be_bytes());
    film
}

/// What is known of each chunk lies before the chunk, between the media.
fn between_the_media(moov_first: bool, covered: u32) -> Vec<u8> {
    let chunks = SAMPLES.div_ceil(3);
    let saio = full_box(b"saio", 0, [&[chunks][..], &vec![0; chunks as usize]].concat());
    let film = Film { moov_first, hole: 70, ..film(vec![saiz(covered), saio], vec![]) };
    let mut film = film.build();
    let (stco, saio) = (position(&film, b"stco"), position(&film, b"saio"));
    for chunk in 0..chunks {
        let at = 12 + 4 * chunk as usize;
        let place = u32::from_be_bytes(film[stco + at..stco + at + 4].try_into().unwrap()) - 70;
        film[saio + at..saio + at + 4].copy_from_slice(&place.to_be_bytes());
        let known = entries(3 * chunk..(3 * chunk + 3).min(covered).max(3 * chunk));
        film[place as usize..][..known.len()].copy_from_slice(&known);
    }
    film
}

fn word(b: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(b[at..at + 4].try_into().unwrap())
}

/// What `saiz` and `saio` say of each sample of the first track.
fn located(film: &[u8]) -> Vec<Vec<u8>> {
    let track = expand(film).swap_remove(0);
    let (saiz, saio) = (&track.boxes[b"saiz"], &track.boxes[b"saio"]);
    let lengths = &saiz[9..];
    assert_eq!((saiz[4], word(saiz, 5) as usize), (0, lengths.len()));
    let places: Vec<usize> = match saio[0] {
        0 => saio[8..].chunks(4).map(|p| word(p, 0) as usize).collect(),
        _ => saio[8..].chunks(8).map(|p| word(p, 4) as usize).collect(),
    };
    assert_eq!(places.len(), word(saio, 4) as usize);
    let per_chunk = if places.len() == 1 { lengths.len() } else { 3 };
    let mut out = Vec::new();
    for (lengths, mut at) in lengths.chunks(per_chunk).zip(places) {
        for &len in lengths {
            out.push(film[at..at + usize::from(len)].to_vec());
            at += usize::from(len);
        }
    }
    out
}

/// What is to be known of the samples of a clip of the first track.
fn due(clip: &[u8]) -> Vec<Vec<u8>> {
    let number = |bytes: &[u8]| -> u32 {
        let name = String::from_utf8_lossy(bytes).into_owned();
        name.split([':', '>']).nth(1).unwrap().parse().unwrap()
    };
    expand(clip)[0].samples.iter().map(|s| entry(number(&s.bytes))).collect()
}

const QUERIES: [&str; 4] = ["start=0.6&end=1.2", "start=1.1", "end=0.5", "start=0.4&end=1.9&tracks=video"];

#[test]
fn what_decrypters_need_is_cut_wherever_it_lies() {
    let saio = || full_box(b"saio", 0, [1, 0]);
    let in_stbl = points_into_senc(film(vec![saiz(SAMPLES), saio(), senc(SAMPLES)], vec![]).build());
    let in_trak = points_into_senc(film(vec![saiz(SAMPLES), saio()], vec![senc(SAMPLES)]).build());
    let in_piff = points_into_senc(film(vec![saiz(SAMPLES), saio(), piff()], vec![]).build());
    let no_saio = film(vec![saiz(SAMPLES), senc(SAMPLES)], vec![]).build();
    let between = between_the_media(false, SAMPLES);
    for (n, film) in [in_stbl, in_trak, in_piff, no_saio, between].iter().enumerate() {
        for query in QUERIES {
            let cut = clip(film, query).unwrap();
            assert_eq!(located(&cut), due(&cut), "film {n}, {query}");
            let boxes = &expand(&cut)[0].boxes;
            let Some(senc) = boxes.get(b"senc") else {
                assert_eq!(n, 4, "the film has none");
                continue;
            };
            assert_ne!(n, 4, "from the entries alone nobody knows its flags");
            let count = u32::try_from(due(&cut).len()).unwrap();
            assert_eq!(senc[..8], [&[0, 0, 0, 2][..], &count.to_be_bytes()].concat());
            assert_eq!(senc[8..], due(&cut).concat());
            // There is no other one, of all samples.
            let firsts = due(&cut).iter().filter(|e| **e == entry(0)).count();
            assert_eq!(cut.windows(8).filter(|w| *w == [1; 8]).count(), firsts);
        }
    }
}

/// Shaka Packager's clear lead: nothing is said of the first samples, as they are not encrypted.
/// ffmpeg wants something said of all, and gets to know that all of their bytes are clear.
#[test]
fn samples_that_are_not_encrypted_have_an_entry_that_says_so() {
    let lengths = (0..SAMPLES).map(|n| if n < 10 { 0 } else { u8::try_from(entry(n).len()).unwrap() });
    let lengths = lengths.collect::<Vec<_>>();
    let saiz = make_box(b"saiz", [&[0; 5][..], &SAMPLES.to_be_bytes(), &lengths].concat());
    let senc = make_box(b"senc", [&[0, 0, 0, 2][..], &SAMPLES.to_be_bytes(), &entries(10..SAMPLES)].concat());
    let tenc = make_box(b"tenc", [&[0, 0, 0, 0, 0, 0, 1, 8][..], &[7; 16]].concat());
    let sinf = make_box(b"sinf", make_box(b"schi", tenc));
    let mut film = film(vec![saiz, full_box(b"saio", 0, [1, 0]), senc], vec![]);
    film.tracks[0].coding = *b"encv";
    film.tracks[0].in_entry = vec![vec![0; 50], sinf];
    // More than the clear bytes of one subsample can hold.
    film.tracks[0].samples[6].size = 70_000;
    let film = film.build();
    for (query, clear) in [("start=0.6", 5), ("start=1.1", 0)] {
        let cut = clip(&film, query).unwrap();
        let track = expand(&cut).swap_remove(0);
        let expected = due(&cut).into_iter().enumerate().map(|(n, due)| match track.samples[n].bytes.len() {
            _ if n >= clear => due,
            70_000 => [&[0; 8][..], &[0, 2, 255, 255, 0, 0, 0, 0, 0x11, 0x71, 0, 0, 0, 0]].concat(),
            len => [&[0; 8][..], &[0, 1, 0, u8::try_from(len).unwrap(), 0, 0, 0, 0]].concat(),
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(located(&cut), expected, "{query}");
        assert_eq!(track.boxes.contains_key(b"senc"), clear == 0, "{query}");
        // It can be cut again.
        let again = clip(&cut, "start=0.3").unwrap();
        let skipped = expected.len() - located(&again).len();
        assert_eq!(located(&again), expected[skipped..], "{query}");
    }
    assert!(!expand(&clip(&film, "end=0.4").unwrap())[0].boxes.contains_key(b"saiz"));
}

#[test]
fn what_no_box_tells_the_length_of_is_cut() {
    for (n, (in_stbl, in_trak)) in
        [(vec![senc(SAMPLES)], vec![]), (vec![], vec![senc(SAMPLES)]), (vec![piff()], vec![])]
            .into_iter()
            .enumerate()
    {
        let film = film(in_stbl, in_trak).build();
        for query in QUERIES {
            let cut = clip(&film, query).unwrap();
            let all = due(&cut);
            let count = u32::try_from(all.len()).unwrap();
            let content = [&[0, 0, 0, 2][..], &count.to_be_bytes(), &all.concat()].concat();
            let content = if n == 2 { [&piff()[8..24], &content].concat() } else { content };
            let expected = make_box(if n == 2 { b"uuid" } else { b"senc" }, content);
            assert_eq!(position(&cut, &expected), position(&cut, &expected[4..8]) - 4, "film {n}, {query}");
            assert_eq!(cut.windows(4).filter(|w| *w == b"senc" || *w == b"uuid").count(), 1);
        }
        // As it is, and its metadata first.
        let whole = ask(&film, "").unwrap().unwrap();
        assert_eq!(due(&whole).len(), 20);
        position(&whole, &entries(0..SAMPLES));
    }
    // One that speaks of fewer samples, or of none that can be located.
    for senc in [senc(SAMPLES - 1), full_box(b"senc", 1, [SAMPLES]), senc(SAMPLES)[..100].to_vec()] {
        let mut senc = senc;
        let size = u32::try_from(senc.len()).unwrap();
        senc[..4].copy_from_slice(&size.to_be_bytes());
        let error = ask(&film(vec![senc], vec![]).build(), "start=1").unwrap_err();
        assert!(error.status() == 415 && error.to_string().starts_with("senc box"), "{error}");
    }
}

#[test]
fn long_lists_are_looked_up_in_the_middle() {
    let count = 3000u32;
    let entry = |n: u32| [&n.to_be_bytes().repeat(2)[..], &[0, 1], &[9; 6]].concat();
    let senc = make_box(
        b"senc",
        [&[0, 0, 0, 2][..], &count.to_be_bytes(), &(0..count).flat_map(entry).collect::<Vec<_>>()].concat(),
    );
    let video = TrackSpec { more: vec![senc], ..TrackSpec::video(count, 5) };
    let film = Film::of(vec![video]).build();
    for (query, first, len) in
        [("start=100&end=101", 1000, 12), ("start=25.5", 255, 2745), ("end=76.8", 0, 770)]
    {
        let cut = expand(&clip(&film, query).unwrap()).swap_remove(0);
        let samples = u32::try_from(cut.samples.len()).unwrap();
        assert!(samples.abs_diff(len) < 3, "{query}: {samples}");
        let all = (first..first + samples).flat_map(entry).collect::<Vec<_>>();
        assert!(cut.boxes[b"senc"][8..] == all, "{query}");
    }
}

#[test]
fn what_is_not_said_of_the_last_samples_is_not_made_up() {
    let film = between_the_media(true, 11);
    for (query, known) in [("start=0.6&end=0.9", 5), ("start=0.6", 6), ("start=1.5", 0)] {
        let cut = clip(&film, query).unwrap();
        if known == 0 {
            assert!(!expand(&cut)[0].boxes.contains_key(b"saiz"));
        } else {
            assert_eq!(located(&cut), due(&cut)[..known], "{query}");
        }
    }
}

/// Packagers put the entries between the media, and have no `senc`. What they are, their lengths and
/// that of the vector show.
#[test]
fn a_senc_has_the_flags_that_fit_its_entries() {
    let tenc = make_box(b"tenc", [&[0, 0, 0, 0, 0, 0, 1, 8][..], &[7; 16]].concat());
    let sinf = make_box(b"sinf", make_box(b"schi", tenc));
    let film = |lengths: &[usize], default_size: u8| {
        let entries: Vec<_> = (0u8..).zip(lengths).map(|(n, &len)| vec![n + 1; len]).collect();
        let listed = lengths.iter().map(|&len| u8::try_from(len).unwrap()).filter(|_| default_size == 0);
        let head = [&[0, 0, 0, 0, default_size][..], &SAMPLES.to_be_bytes()].concat();
        let saiz = make_box(b"saiz", head.into_iter().chain(listed).collect::<Vec<_>>());
        let held = make_box(b"free", entries.concat());
        let mut film = film(vec![saiz, full_box(b"saio", 0, [1, 0]), held], vec![]);
        film.tracks[0].coding = *b"encv";
        film.tracks[0].in_entry = vec![vec![0; 50], sinf.clone()];
        let mut film = film.build();
        let place = u32::try_from(position(&film, &entries[0])).unwrap();
        let saio = position(&film, b"saio");
        film[saio + 12..saio + 16].copy_from_slice(&place.to_be_bytes());
        film
    };
    let all = |len| vec![len; SAMPLES as usize];
    let mixed: Vec<_> = (0..SAMPLES).map(|n| if n % 2 == 0 { 8 } else { 16 }).collect();
    let longer: Vec<_> = (0..SAMPLES).map(|n| if n % 2 == 0 { 22 } else { 16 }).collect();
    for (lengths, default_size, flags) in [
        (all(8), 8, Some(0)),
        (all(8), 0, Some(0)),
        (all(16), 16, Some(2)),
        (longer, 0, Some(2)),
        (mixed, 0, None),
        // Of vectors of 16 bytes, as a group of samples may say.
        (all(24), 24, None),
    ] {
        let film = film(&lengths, default_size);
        let cut = clip(&film, "start=0.6&end=1.2").unwrap();
        let senc = expand(&cut)[0].boxes.get(b"senc").map(|senc| senc[3]);
        assert_eq!(senc, flags, "{default_size} {:?}", &lengths[..2]);
    }
}

/// ISO/IEC 23001-7, 7.2: it has an entry for each of its samples.
#[test]
fn a_senc_of_which_samples_have_no_entries_is_none() {
    let film = points_into_senc(film(vec![saiz(11), full_box(b"saio", 0, [1, 0]), senc(11)], vec![]).build());
    let has_senc = |query| {
        let cut = clip(&film, query).unwrap();
        let known = located(&cut).len();
        assert_eq!(located(&cut), due(&cut)[..known], "{query}");
        expand(&cut)[0].boxes.contains_key(b"senc")
    };
    assert!(has_senc("start=0.2&end=0.9"));
    assert!(!has_senc("start=0.6"));
}

/// A `saiz` and a `saio` that are not about encryption, with the place that the `saio` states.
fn foreign(place: u32) -> Vec<Vec<u8>> {
    let kind = |box_type: &[u8; 4], rest: &[u8]| {
        make_box(box_type, [&[0, 0, 0, 1][..], b"pict", &[0; 4], rest].concat())
    };
    vec![
        kind(b"saiz", &[&[7][..], &SAMPLES.to_be_bytes()].concat()),
        kind(b"saio", &[&[0, 0, 0, 1][..], &place.to_be_bytes()].concat()),
    ]
}

/// How many boxes of these types there are, at any depth.
fn count(film: &[u8], box_types: [&[u8; 4]; 3]) -> [usize; 3] {
    box_types.map(|box_type| film.windows(4).filter(|w| w == box_type).count())
}

#[test]
fn information_about_something_else_is_left_out() {
    let about = |box_type: &str| format!("left out {box_type}: it is not about encryption");
    let notes = [about("saiz"), about("saio")];
    let located = || vec![saiz(SAMPLES), full_box(b"saio", 0, [1, 0]), senc(SAMPLES)];
    // One about encryption is cut wherever the other stands, and once.
    for (n, (boxes, counts)) in [
        (foreign(0), [0, 0, 0]),
        ([foreign(0), located()].concat(), [1, 1, 1]),
        ([located(), foreign(0)].concat(), [1, 1, 1]),
        ([foreign(0), vec![senc(SAMPLES)]].concat(), [0, 0, 1]),
        ([foreign(0), vec![saiz(SAMPLES), senc(SAMPLES)]].concat(), [1, 1, 1]),
    ]
    .into_iter()
    .enumerate()
    {
        let film = film(boxes, vec![]).build();
        let answer = seeker().answer(&film, &identity(&film), b"start=1", &Settings::default());
        let Ok(Answer::Film(cut)) = answer else { panic!("film {n}") };
        assert_eq!(cut.notes(), notes, "film {n}");
        let cut = clip(&film, "start=1").unwrap();
        assert_eq!(count(&cut, [b"saiz", b"saio", b"senc"]), counts, "film {n}");
        if counts[0] > 0 {
            assert_eq!(self::located(&cut), due(&cut), "film {n}");
        }
    }
}

/// What it locates may be longer than what the movie's own `saio` says, and lie anywhere.
#[test]
fn a_film_stays_as_it_is_where_information_about_something_else_would_move() {
    let saio = || full_box(b"saio", 0, [1, 0]);
    let located = || vec![saiz(SAMPLES), saio(), senc(SAMPLES)];
    for boxes in [[foreign(40), located()].concat(), [located(), foreign(40)].concat(), foreign(40)] {
        let film = film(boxes, vec![]).build();
        assert!(ask(&film, "").unwrap().is_none());
    }
    let film = points_into_senc(film(located(), vec![]).build());
    ask(&film, "").unwrap().expect("its metadata first");
}

#[test]
fn what_decrypters_need_moves_with_the_metadata() {
    let saio = || full_box(b"saio", 0, [1, 0]);
    let in_stbl = points_into_senc(film(vec![saiz(SAMPLES), saio(), senc(SAMPLES)], vec![]).build());
    let in_trak = points_into_senc(film(vec![saiz(SAMPLES), saio()], vec![senc(SAMPLES)]).build());
    for film in [in_stbl, in_trak, between_the_media(false, SAMPLES)] {
        assert_eq!(located(&film), due(&film));
        let fast = ask(&film, "").unwrap().expect("its metadata first");
        assert_eq!(due(&fast).len(), 20);
        assert_eq!(located(&fast), due(&fast));
        assert_eq!(ask(&fast, "").unwrap(), None);
    }
    // What points to nowhere, or into what is not sent, is left as it is.
    let mut nowhere = between_the_media(false, SAMPLES);
    let saio = position(&nowhere, b"saio");
    nowhere[saio + 16..saio + 20].copy_from_slice(&[0, 0, 0, 1]);
    assert_eq!(ask(&nowhere, "").unwrap(), None);
    let mut far = nowhere;
    far[saio + 16..saio + 20].copy_from_slice(&[255; 4]);
    assert_eq!(ask(&far, "").unwrap(), None);
    assert_eq!(ask(&far, "start=1").unwrap_err().status(), 415);
}

/// A film of encrypted video, with what two systems need to give out its key.
fn with_pssh(protection: Protection) -> Film {
    let tenc = make_box(b"tenc", [&[0, 0, 0, 0, 0, 0, 1, 8][..], &[7; 16]].concat());
    let sinf = make_box(b"sinf", make_box(b"schi", tenc));
    let mut film = film(vec![], vec![]);
    film.tracks[0].coding = *b"encv";
    film.tracks[0].in_entry = vec![vec![0; 50], sinf];
    film.tracks[0].protection = Some(protection);
    let pssh = |system: u8| make_box(b"pssh", [&[0; 4][..], &[system; 16], &[0, 0, 0, 2, 5, 6]].concat());
    film.more = vec![pssh(1), pssh(2)];
    film
}

#[test]
fn fragments_say_how_they_are_encrypted_as_the_film_does() {
    let entries = (0..SAMPLES).map(entry).collect();
    let protection = Protection { entries, has_subsamples: true, is_located: true, keys: vec![1; 8] };
    let film = with_pssh(protection.clone()).build();
    let sent = clip(&film, "start=0.6&format=fmp4").unwrap();
    let in_moov = |of: &[u8], box_type: &[u8; 4]| {
        let moov = find(of, b"moov").unwrap();
        let all = test_boxes::content(moov).filter(|(found, _)| found == box_type);
        all.map(|(_, content)| content.to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(in_moov(&sent, b"pssh").len(), 2);
    assert_eq!(in_moov(&sent, b"pssh"), in_moov(&film, b"pssh"));
    let read = expand_fragments(&sent);
    for box_type in [b"stsd", b"sgpd"] {
        assert_eq!(read[0].boxes[box_type], expand(&film)[0].boxes[box_type]);
    }
    let due = read[0].samples.iter().map(|sample| {
        let name = String::from_utf8_lossy(&sample.bytes).into_owned();
        protection.due(name.split([':', '>']).nth(1).unwrap().parse().unwrap(), sample.bytes.len())
    });
    assert_eq!(protection_of_fragments(&sent)[&1], due.collect::<Vec<_>>());
}

#[test]
fn keys_that_fragments_cannot_name_are_refused() {
    let keys = Protection { keys: vec![1; 20], ..Protection::default() };
    let csgp = make_box(b"csgp", [&[0, 0, 0, 0x14][..], b"seig", &[0, 0, 0, 1, 1, 20, 0x10]].concat());
    let group = full_box(b"sbgp", 0, [u32::from_be_bytes(*b"seig"), 1, 20, 1]);
    for (more, reason) in [(csgp, "csgp"), (group, "several groupings")] {
        let mut film = with_pssh(keys.clone());
        film.tracks[0].more = vec![more];
        let error = ask(&film.build(), "start=1&format=fmp4").unwrap_err();
        assert!(error.status() == 415 && error.to_string().contains(reason), "{error}");
    }
}

/// Fragmented clips of a protected film, flat and in fragments, none of whose samples has an entry.
/// Those that others have would name parts of samples, or would not.
fn cuts_without_entries(has_subsamples: bool) -> [Vec<u8>; 3] {
    let entries = vec![Vec::new(); SAMPLES as usize];
    let protection = Protection { entries, has_subsamples, is_located: true, keys: Vec::new() };
    let video = TrackSpec { protection: Some(protection), ..TrackSpec::video(SAMPLES, 5) };
    let film = Film::of(vec![video]);
    [film.build(), film.build_fragmented(0), film.build_fragmented(5)]
        .map(|source| clip(&source, "start=0.3&format=fmp4").unwrap())
}

/// Without any entry, players refuse an encrypted track, even where nothing of it is encrypted.
#[test]
fn a_track_of_clear_samples_alone_has_entries_in_fragments() {
    for cut in cuts_without_entries(true) {
        let found = &protection_of_fragments(&cut)[&1];
        let samples = expand_fragments(&cut).swap_remove(0).samples;
        assert!(!samples.is_empty());
        for (sample, (entry, _)) in samples.iter().zip(found) {
            let size = u8::try_from(sample.bytes.len()).unwrap();
            assert_eq!(*entry, [0, 1, 0, size, 0, 0, 0, 0]);
        }
    }
}

/// With a constant vector, a sample that is encrypted as a whole needs no entry (ISO/IEC 23001-7,
/// 10.4): one that says that all of it is clear would be wrong.
#[test]
fn samples_without_entries_are_not_called_clear_where_entries_name_no_parts() {
    for cut in cuts_without_entries(false) {
        assert!(protection_of_fragments(&cut)[&1].iter().all(|(entry, _)| entry.is_empty()));
    }
}
