//! Clips whose samples lie in several ranges or places of the file.

use mp4seek::virtual_file::WINDOW;
use mp4seek::{Answer, Settings};
use test_boxes::{Film, One, Sample, TrackSpec, expand, fourcc, full_box, make_box, share_media};

use crate::common::{clip, identity, seeker};
use crate::{status, stbl_box};

/// A film of 50 minutes, a sample a second in groups of 5, that presents its last 5 seconds and
/// then its first 5.
fn far_apart(more: Vec<Vec<u8>>) -> Film {
    let mut video = TrackSpec::video(3000, 5);
    video.samples.iter_mut().for_each(|s| (s.delta, s.offset) = (1000, s.offset * 10));
    video.edits = vec![(5000, 2_991_000, 0x10000), (5000, 1000, 0x10000)];
    let mut audio = TrackSpec::new(
        b"soun",
        b"alac",
        1000,
        vec![Sample { delta: 500, offset: 0, sync: true, size: 9 }; 6000],
    );
    audio.edits = vec![(5000, 2_990_000, 0x10000), (5000, 0, 0x10000)];
    Film::of(vec![TrackSpec { more, ..video }, audio])
}

#[test]
fn what_lies_between_edits_is_left_out() {
    let source = far_apart(vec![]).build();
    let cut = clip(&source, "start=4&end=6").unwrap();
    let tracks = expand(&cut);
    let numbers = |t: usize| {
        let name =
            |s: &One| String::from_utf8_lossy(&s.bytes).split(['<', '>', ':']).nth(2).unwrap().to_string();
        tracks[t].samples.iter().map(name).collect::<Vec<_>>()
    };
    // Decoding begins at 2990; 2993 is presented last of its group. Audio needs no more than what
    // is heard.
    assert_eq!(numbers(0), ["0", "2990", "2991", "2992", "2993"]);
    assert_eq!(numbers(1), ["0", "1", "5988", "5989"]);
    let names =
        |t: usize| tracks[t].shown().iter().map(|s| (s.bytes.clone(), s.from, s.to)).collect::<Vec<_>>();
    let frame = |n| Film::sample_bytes(0, n, 20 + u32::try_from(n).unwrap() % 7);
    assert_eq!(names(0), [(frame(2993), 0.0, 1.0), (frame(0), 1.0, 2.0)]);
    let sync: Vec<_> = tracks[0].samples.iter().map(|s| s.sync).collect();
    assert_eq!(sync, [true, true, false, false, false]);
    let held: usize = tracks.iter().flat_map(|t| &t.samples).map(|s| s.bytes.len()).sum();
    assert!(cut.len() < held + 1500, "{} bytes for {held} of samples", cut.len());
}

#[test]
fn every_table_is_cut_to_each_range() {
    let sdtp: Vec<u8> =
        [0; 4].into_iter().chain((0..3000u32).map(|n| u8::try_from(n % 251).unwrap())).collect();
    let stdp: Vec<u8> = [0; 4].into_iter().chain((0..3000u16).flat_map(u16::to_be_bytes)).collect();
    let padb: Vec<u8> = [0, 0, 0, 0, 0, 0, 11, 184]
        .into_iter()
        .chain((0..1500u32).map(|n| u8::try_from(n % 8 * 16 + n / 8 % 8).unwrap()))
        .collect();
    let sbgp = full_box(b"sbgp", 0, [fourcc(b"roll"), 3, 1, 7, 2990, 2, 9, 1]);
    let scattered = full_box(b"sbgp", 0, [fourcc(b"test"), 4, 1, 3, 0, 9, 1, 3, 2998, 4]);
    let sgpd = full_box(b"sgpd", 1, [fourcc(b"roll"), 2, 1, 0xffff_0000]);
    let stsh = full_box(b"stsh", 0, [2, 2993, 2991, 8, 6]);
    let boxes = vec![
        make_box(b"sdtp", sdtp),
        make_box(b"stdp", stdp),
        make_box(b"padb", padb),
        sbgp,
        scattered,
        sgpd,
        stsh,
    ];
    let cut = clip(&far_apart(boxes).build(), "start=4&end=6").unwrap();
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
    // Samples 1 and 2991 to 2994, counted from 1.
    assert_eq!(stbl_box(&cut, b"sdtp").unwrap(), [0, 0, 0, 0, 0, 229, 230, 231, 232]);
    assert_eq!(stbl_box(&cut, b"stdp").unwrap(), [0, 0, 0, 0, 0, 0, 11, 174, 11, 175, 11, 176, 11, 177]);
    // Nibbles 0, then 2990 to 2993 (bytes 1495 and 1496: 7, 2 and 0, 3).
    assert_eq!(stbl_box(&cut, b"padb").unwrap(), [0, 0, 0, 0, 0, 0, 0, 5, 0x07, 0x20, 0x30]);
    assert_eq!(stbl_box(&cut, b"stsh").unwrap(), words(&[0, 1, 4, 2]));
    assert_eq!(stbl_box(&cut, b"stss").unwrap(), words(&[0, 2, 1, 2]));
    // Frame 0 lasts until nothing of the next range can come before its end; what is hidden there
    // lasts two ticks.
    assert_eq!(stbl_box(&cut, b"stts").unwrap(), words(&[0, 3, 1, 3000, 3, 2, 1, 1000]));
    let groups: Vec<_> = cut.windows(8).filter(|w| w.starts_with(b"sbgp")).collect();
    assert_eq!(groups.len(), 2);
    let at = |name: &[u8]| cut.windows(4).position(|w| w == name).unwrap() + 4;
    assert_eq!(cut[at(b"roll")..][..28], words(&[3, 1, 7, 1, 2, 3, 1]));
    assert_eq!(cut[at(b"test")..][..20], words(&[2, 1, 3, 4, 4]));
}

#[test]
fn batches_add_up_to_the_file_however_it_is_asked_for() {
    let mut film = Film::of(vec![TrackSpec::video(20, 5), TrackSpec::audio(16)]);
    film.hole = 3000;
    for (n, s) in film.tracks[0].samples.iter_mut().enumerate() {
        // Chunks of three: some above what is sent from the file, some below.
        s.size = if n % 6 < 3 { 9_000 } else { 2_000 };
    }
    let source = film.build();
    let answer = seeker().answer(&source, &identity(&source), b"start=0.5", &Settings::default());
    let Ok(Answer::Film(file)) = answer else { panic!("not a clip") };
    let whole = clip(&source, "start=0.5").unwrap();
    let mut from_file = 0;
    for (from, to) in [
        (0, file.len()),
        (1, 40_000),
        (0, 1),
        (file.generated_len(), file.len()),
        (70_001, 70_002),
        (60_000, 99_000),
        (file.len() - 1, file.len()),
        // In the middle of what is sent from the file.
        (file.generated_len() + 1000, file.len()),
        (file.generated_len() + 11_000, file.len()),
        (file.generated_len() + 40_000, file.len()),
    ] {
        let to = to.min(file.len());
        for most in [5_000, 24 << 10, WINDOW] {
            let mut got = Vec::new();
            let mut left = from..to;
            while !left.is_empty() {
                let chunk = file.next(&source, &left, most);
                assert!((1..=most).contains(&chunk.generated), "{chunk:?} of {left:?}");
                let mut window = vec![0; chunk.generated];
                file.read_at(&source, left.start, &mut window).unwrap();
                got.extend(window);
                from_file += usize::from(!chunk.media.is_empty());
                let media = [chunk.media.start, chunk.media.end].map(|at| usize::try_from(at).unwrap());
                got.extend(&source[media[0]..media[1]]);
                left.start += chunk.len();
            }
            let (from, to) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
            assert!(got == whole[from..to], "{from}..{to}, at most {most} at once");
        }
    }
    assert!(from_file >= 15, "{from_file}");
}

#[test]
fn holes_between_shared_chunks_are_left_out() {
    let mut video = TrackSpec::video(40, 5);
    video.samples.iter_mut().for_each(|s| s.size = 20);
    video.chunking = vec![1];
    // The second track's own chunks are holes. For eleven frames or so the two need as many bytes
    // as there are.
    let mut source = Film { hole: 1, ..Film::of(vec![video.clone(), video]) }.build();
    share_media(&mut source, 1);
    for frames in 1..20 {
        let cut = clip(&source, &format!("start=1&end={:.1}", 1.0 + f64::from(frames) / 10.0)).unwrap();
        let mdat = cut.windows(4).rposition(|w| w == b"mdat").unwrap();
        assert_eq!(cut.len() - mdat - 4, 20 * expand(&cut)[0].samples.len(), "{frames} frames");
    }
}

/// Audio in which each packet is a chunk, and lies apart from the others.
fn scattered(packets: u32, hole: usize) -> Film {
    let packet = |n: u32| Sample { delta: 1, offset: 0, sync: true, size: 7 + n % 5 };
    let audio = TrackSpec::new(b"soun", b"alac", 1000, (0..packets).map(packet).collect());
    Film { hole, ..Film::of(vec![TrackSpec { chunking: vec![1], ..audio }]) }
}

#[test]
fn what_is_scattered_all_over_the_file_is_sent_without_what_lies_between() {
    let film = scattered(280_000, 30).build();
    let answer = seeker().answer(&film, &identity(&film), b"start=1", &Settings::default());
    let Ok(Answer::Film(file)) = answer else { panic!("not a clip") };
    let cut = clip(&film, "start=1").unwrap();
    let samples = expand(&cut).swap_remove(0).samples;
    assert_eq!(samples.len(), 279_000);
    let held: usize = samples.iter().map(|s| s.bytes.len()).sum();
    assert_eq!(cut.len() - usize::try_from(file.generated_len()).unwrap(), held);
    for (n, sample) in samples.iter().enumerate() {
        assert!(sample.bytes == Film::sample_bytes(0, n + 1000, sample.bytes.len().try_into().unwrap()));
    }
    // Any window is the same bytes.
    for (from, len) in
        [(held / 2, 70_000), (cut.len() - 5000, 5000), (cut.len() - held - 9, 12), (100_000, 4)]
    {
        let mut window = vec![0; len];
        file.read_at(&film, from as u64, &mut window).unwrap();
        assert!(window == cut[from..from + len], "{len} bytes from {from}");
    }
}

#[test]
fn chunks_that_go_back_and_forth_are_sent_once() {
    // Turned round as a whole, in two halves, or two by two.
    for reversed in [40, 20, 2] {
        let mut film = scattered(40, 30);
        film.tracks[0].samples.iter_mut().for_each(|s| s.size = 20);
        let mut video = TrackSpec { edits: Vec::new(), ..TrackSpec::video(20, 5) };
        video.samples.iter_mut().for_each(|s| (s.delta, s.offset) = (2, 0));
        film.tracks.push(video);
        let mut film = film.build();
        let stco = film.windows(4).position(|w| w == b"stco").unwrap() + 12;
        let places: Vec<Vec<u8>> = film[stco..stco + 160].chunks(4).map(<[u8]>::to_vec).collect();
        let in_turns = places.chunks(reversed).flat_map(|places| places.iter().rev().flatten().copied());
        let in_turns: Vec<u8> = in_turns.collect();
        film[stco..stco + 160].copy_from_slice(&in_turns);
        for query in ["start=0.003", "start=0.01&end=0.02&tracks=audio"] {
            let cut = clip(&film, query).unwrap();
            let (all, tracks) = (expand(&film), expand(&cut));
            let first = all[0].samples.iter().position(|s| s.bytes == tracks[0].samples[0].bytes).unwrap();
            assert!(first > 0 && tracks[0].samples.len() >= 10);
            for (a, b) in all[0].samples[first..].iter().zip(&tracks[0].samples) {
                assert!(a.bytes == b.bytes, "{reversed}, {query}");
            }
            let held: usize = tracks.iter().flat_map(|t| &t.samples).map(|s| s.bytes.len()).sum();
            let mdat = cut.windows(4).rposition(|w| w == b"mdat").unwrap();
            assert_eq!(cut.len() - mdat - 4, held, "{reversed}, {query}");
        }
    }
}

#[test]
fn chunks_in_no_order_are_gathered_or_refused() {
    let in_turns = |packets, hole| {
        let mut film = scattered(packets, hole);
        film.tracks[0].samples.iter_mut().for_each(|s| s.size = 20);
        let mut film = film.build();
        let count = packets as usize;
        let stco = film.windows(4).position(|w| w == b"stco").unwrap() + 12;
        let places: Vec<Vec<u8>> = film[stco..stco + 4 * count].chunks(4).map(<[u8]>::to_vec).collect();
        for (n, place) in places.iter().rev().enumerate() {
            film[stco + 4 * n..stco + 4 * n + 4].copy_from_slice(place);
        }
        film
    };
    // Backwards, but side by side.
    let cut = clip(&in_turns(1000, 0), "start=0.1").unwrap();
    assert_eq!(expand(&cut)[0].samples.len(), 900);
    // As much again as is needed is sent at most.
    let near = in_turns(1000, 18);
    let cut = clip(&near, "start=0.1").unwrap();
    assert!(cut.len() > 900 * 38 && expand(&cut)[0].samples.len() == 900);
    let (status, reason) = status(&in_turns(1000, 30), "start=0.1");
    assert_eq!(status, 415);
    assert!(reason.contains("places of the file, in no order"), "{reason}");
    clip(&in_turns(1000, 30), "start=0.99").unwrap();
}

/// The second scene's audio goes back: what it presents first is stored behind what it presents then.
/// That is not hidden, and no other track waits for it.
#[test]
fn a_scene_that_goes_back_within_itself_makes_no_track_wait() {
    let frame = Sample { delta: 30, offset: 0, sync: true, size: 8 };
    let video = TrackSpec { edits: vec![], ..TrackSpec::new(b"vide", b"avc1", 1000, vec![frame; 5]) };
    let edits = vec![(1998, 12_931, 0x10000), (3448, 65, 0x10000)];
    let film = Film::of(vec![video, TrackSpec { edits, ..TrackSpec::audio(41) }]).build();
    let tracks = expand(&clip(&film, "clip=4.603-4.712&clip=1.929-3.343").unwrap());
    // When the second scene begins for a player that looks at no edit but the first.
    let begins = |t: usize| {
        let (track, first) = (&tracks[t], tracks[t].edits[0].1);
        let later = track.edits[1..].iter().filter(|edit| edit.1 >= 0);
        (later.map(|edit| edit.1).min().unwrap() - first) as f64 / f64::from(track.timescale)
    };
    assert!((begins(0) - begins(1)).abs() < 2e-4, "{} and {}", begins(0), begins(1));
    let lasts: u32 = tracks[0].samples.iter().map(|s| s.delta).sum();
    assert!(f64::from(lasts) / f64::from(tracks[0].timescale) < 0.3, "{:?}", tracks[0].samples);
}
