//! Clips of films with one thing special about them.

use crate::common::{ask, clip, identity, seeker};
use mp4seek::virtual_file::WINDOW;
use mp4seek::{Answer, Settings};
use test_boxes::{Film, One, Sample, TrackSpec, expand, fourcc, full_box, make_box, share_media};

/// Two seconds of video in groups of 5 frames, 100 ms each, from an edit that begins at the first.
fn video_with(more: Vec<Vec<u8>>) -> TrackSpec {
    TrackSpec { more, ..TrackSpec::video(20, 5) }
}

fn stbl_box(film: &[u8], box_type: &[u8; 4]) -> Option<Vec<u8>> {
    expand(film)[0].boxes.get(box_type).cloned()
}

fn status(film: &[u8], query: &str) -> (u16, String) {
    let e = ask(film, query).map(|_| "a clip").unwrap_err();
    (e.status(), e.to_string())
}

#[test]
fn sample_groups_are_cut_to_the_clip() {
    // Samples 1–7 in group 1, 8–9 in none, 10–12 in group 2; the rest is not spoken of.
    let sbgp = full_box(b"sbgp", 0, [fourcc(b"roll"), 3, 7, 1, 2, 0, 3, 2]);
    let sgpd = full_box(b"sgpd", 1, [fourcc(b"roll"), 2, 1, 0xffff_0000]);
    let film = Film::of(vec![video_with(vec![sbgp, sgpd.clone()])]).build();
    // Decoding begins at sample 6.
    let clip = clip(&film, "start=0.6&end=1.5").unwrap();
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
    assert_eq!(stbl_box(&clip, b"sbgp").unwrap(), words(&[0, fourcc(b"roll"), 4, 2, 1, 2, 0, 3, 2, 3, 0]));
    assert_eq!(stbl_box(&clip, b"sgpd").unwrap(), sgpd[8..]);
}

#[test]
fn samples_that_no_entry_speaks_of_are_in_the_default_group() {
    // Two descriptions, the second for samples of which nothing is said.
    let sgpd = full_box(b"sgpd", 2, [fourcc(b"roll"), 2, 2, 2, 0x0001_0002]);
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<u8>>();
    let sbgp = full_box(b"sbgp", 0, [fourcc(b"roll"), 2, 7, 1, 2, 0]);
    let film = Film::of(vec![video_with(vec![sbgp, sgpd.clone()])]).build();
    // Decoding begins at sample 6.
    let cut = clip(&film, "start=0.6&end=1.5").unwrap();
    assert_eq!(stbl_box(&cut, b"sbgp").unwrap(), words(&[0, fourcc(b"roll"), 3, 2, 1, 2, 0, 6, 2]));
    assert_eq!(stbl_box(&cut, b"sgpd").unwrap(), sgpd[8..]);
    // In none is not the default.
    let without = full_box(b"sbgp", 0, [fourcc(b"roll"), 1, 20, 0]);
    let point = full_box(b"sgpd", 2, [fourcc(b"rap "), 1, 1, 1, 0x8000_0000]);
    let of_points = |sbgp: &[u32]| {
        full_box(b"sbgp", 0, [&[fourcc(b"rap "), u32::try_from(sbgp.len() / 2).unwrap()], sbgp].concat())
    };
    let sync = |n: u32| Sample { delta: 100, offset: 0, sync: n == 0, size: 20 };
    let film = |more| {
        let samples = (0..20).map(sync).collect();
        let track = TrackSpec { more, ..TrackSpec::new(b"vide", b"avc1", 1000, samples) };
        Film::of(vec![track]).build()
    };
    assert_eq!(held(&film(vec![without]), "start=1.1"), 0..20);
    assert_eq!(held(&film(vec![of_points(&[20, 0]), point.clone()]), "start=1.1"), 0..20);
    assert_eq!(held(&film(vec![of_points(&[8, 0]), point.clone()]), "start=1.1"), 11..20);
    assert_eq!(held(&film(vec![point]), "start=1.1"), 11..20);
}

#[test]
fn tables_with_a_field_for_each_sample_are_cut_to_the_clip() {
    let sdtp: Vec<u8> = [0; 4].into_iter().chain(100..120).collect();
    let stdp: Vec<u8> = [0; 4].into_iter().chain((0..20).flat_map(|n| [9, n])).collect();
    let short = [0; 9];
    let film = |sdtp: &[u8]| {
        Film::of(vec![video_with(vec![make_box(b"sdtp", sdtp), make_box(b"stdp", &stdp)])]).build()
    };
    let cut = clip(&film(&sdtp), "start=0.6&end=0.8").unwrap();
    assert_eq!(stbl_box(&cut, b"sdtp").unwrap(), [0, 0, 0, 0, 105, 106, 107]);
    assert_eq!(stbl_box(&cut, b"stdp").unwrap(), [0, 0, 0, 0, 9, 5, 9, 6, 9, 7]);
    // One that does not speak of all samples is not cut at a guess.
    let cut = clip(&film(&short), "start=0.6&end=0.8").unwrap();
    assert_eq!(stbl_box(&cut, b"sdtp"), None);
}

#[test]
fn what_is_not_known_is_left_out_and_what_cannot_be_cut_is_refused() {
    let film = |box_type| Film::of(vec![video_with(vec![full_box(box_type, 0, [0])])]).build();
    assert_eq!(stbl_box(&clip(&film(b"what"), "start=1").unwrap(), b"what"), None);
    assert_eq!(stbl_box(&clip(&film(b"cslg"), "start=1").unwrap(), b"cslg"), None);
    // What a decrypter needs, without a word about where it is.
    let (status, reason) = status(&film(b"senc"), "start=1");
    assert_eq!(status, 415);
    assert!(reason.starts_with("senc box"), "{reason}");
    // The film itself is served all the same.
    ask(&film(b"senc"), "").unwrap();
}

#[test]
fn a_broken_track_is_left_out_unless_nothing_like_it_is_left() {
    let tracks = vec![video_with(vec![]), TrackSpec::audio(16), TrackSpec::audio(16)];
    let whole = Film { moov_first: true, ..Film::of(tracks) }.build();
    let tables: Vec<_> = (0..whole.len() - 4).filter(|&at| whole[at..].starts_with(b"stsz")).collect();
    let broken = |tracks: &[usize]| {
        let mut film = whole.clone();
        tracks.iter().for_each(|&n| film[tables[n]..tables[n] + 4].copy_from_slice(b"free"));
        film
    };
    let cut = |film: &[u8]| clip(film, "start=0.6&end=1.5").unwrap();
    assert_eq!(cut(&broken(&[2])), clip(&whole, "start=0.6&end=1.5&tracks=1-2").unwrap());
    assert_eq!(expand(&cut(&broken(&[1]))).len(), 2);
    for tracks in [&[0][..], &[1, 2]] {
        let (status, reason) = status(&broken(tracks), "start=1");
        assert_eq!((status, reason.starts_with("stbl box")), (415, true), "{reason}");
    }
    // Its places could not be told anew, so the film is sent as it is.
    let last = Film { moov_first: false, ..Film::of(vec![video_with(vec![]), TrackSpec::audio(16)]) };
    let mut film = last.build();
    assert!(ask(&film, "").unwrap().is_some());
    let at = film.windows(4).rposition(|w| w == b"hdlr").unwrap();
    film[at + 12..at + 16].copy_from_slice(b"text");
    let at = film.windows(4).rposition(|w| w == b"stsz").unwrap();
    film[at..at + 4].copy_from_slice(b"free");
    assert!(ask(&film, "").unwrap().is_none());
}

#[test]
fn of_two_movies_the_first_is_the_film() {
    let film = Film { moov_first: true, ..Film::of(vec![video_with(vec![])]) }.build();
    let other = Film::of(vec![TrackSpec::video(3, 3)]).build();
    let moov = other.windows(4).position(|w| w == b"moov").unwrap() - 4;
    let both = [&film[..], &other[moov..]].concat();
    assert_eq!(clip(&both, "start=0.6").unwrap(), clip(&film, "start=0.6").unwrap());
    assert!(ask(&both, "").unwrap().is_none());
}

#[test]
fn sound_begins_at_any_packet_unless_its_coding_says_otherwise() {
    // As VLC marks packets of AAC: every tenth. The configuration names AAC LC, or extended HE-AAC.
    let film = |coding: &[u8; 4], own: [u8; 2]| {
        let decoder = [&[4, 17, 0x40][..], &[0; 12], &[5, 2], &own].concat();
        let es = [&[0, 0, 0, 0, 3, 22, 0, 0, 0][..], &decoder].concat();
        let mut sound =
            TrackSpec { coding: *coding, in_entry: vec![make_box(b"esds", es)], ..TrackSpec::audio(40) };
        (0..).zip(&mut sound.samples).for_each(|(n, s)| s.sync = n % 10 == 0);
        Film::of(vec![sound]).build()
    };
    // From packet 31 on; three lead in.
    let cut = |film: &[u8]| expand(&clip(film, "start=4&end=4.1").unwrap()).swap_remove(0);
    for coding in [b"mp4a", b"ac-3"] {
        let sound = cut(&film(coding, [0x12, 0x10]));
        assert!(sound.samples.len() <= 5 && !sound.boxes.contains_key(b"stss"), "{}", sound.samples.len());
    }
    for (coding, own) in [(b"mp4a", [0xf9, 0x46]), (b"mha1", [0x12, 0x10])] {
        let sound = cut(&film(coding, own));
        assert!(sound.samples[0].sync && sound.boxes.contains_key(b"stss"), "{:?}", sound.samples[0]);
        assert!(!sound.samples[1].sync);
    }
}

#[test]
fn sound_leads_in_after_a_gap_and_not_across_it() {
    // Ten packets were lost after the 20th.
    let mut sound = TrackSpec::audio(40);
    sound.samples[20].delta = 11 * 1024;
    let film = Film::of(vec![sound]).build();
    let packet = |n: f64| n * 1024.0 / 8000.0;
    // In packet 20 itself, in the gap, and after it: which packet decoding begins with, and how much of it is hidden.
    for (at, first, hidden) in
        [(20.5, 17, 3584), (25.0, 20, 1024), (31.5, 20, 1536), (32.5, 20, 2560), (36.5, 23, 3584)]
    {
        let cut = expand(&clip(&film, &format!("start={}", packet(at))).unwrap()).swap_remove(0);
        let [(_, media_time, _)] = cut.edits[..] else { panic!("{:?}", cut.edits) };
        assert_eq!(cut.samples[0].bytes, expand(&film)[0].samples[first].bytes, "{at}");
        assert_eq!(media_time, hidden, "{at}");
        let next = cut.shown().iter().map(|s| s.from).find(|from| *from > 0.0).unwrap();
        let due = if at < 31.0 { 31.0 } else { at.ceil() };
        assert!((next - packet(due - at)).abs() < 1e-3, "{at}: {next}");
    }
    // The last of a track is often short; nothing is missing before it.
    let mut sound = TrackSpec::audio(40);
    sound.samples[39].delta = 300;
    let film = Film::of(vec![sound]).build();
    assert_eq!(held(&film, &format!("start={}", packet(39.1))).start, 36);
}

#[test]
fn a_last_frame_that_lasts_no_time_is_shown() {
    let mut track = TrackSpec::video(20, 1);
    track.samples.iter_mut().for_each(|s| s.offset = 0);
    track.samples[19].delta = 0;
    for edits in [vec![], vec![(2000, 0, 0x10000)]] {
        let film = Film::of(vec![TrackSpec { edits, ..track.clone() }]).build();
        for query in ["start=1.5", "start=1.9", "start=1.5&end=2.5"] {
            let cut = expand(&clip(&film, query).unwrap()).swap_remove(0);
            let shown = cut.shown();
            let last = shown.last().unwrap();
            assert_eq!(last.bytes, expand(&film)[0].samples[19].bytes, "{query}");
            assert!((last.to - last.from - 0.1).abs() < 1e-6, "{query}: {last:?}");
        }
    }
}

#[test]
fn boxes_that_speak_of_no_sample_are_copied() {
    let name = make_box(b"udta", make_box(b"name", b"\0\0\0\0A film"));
    let film =
        Film { more: vec![name.clone(), make_box(b"free", [0; 50])], ..Film::of(vec![video_with(vec![])]) };
    let clip = clip(&film.build(), "start=1").unwrap();
    assert!(clip.windows(name.len()).any(|w| w == name));
    assert!(!clip.windows(4).any(|w| w == b"free"));
}

#[test]
fn hints_of_the_movie_are_left_out_as_hint_tracks_are() {
    let (hints, name) = (make_box(b"hnti", make_box(b"rtp ", b"sdp v=0")), make_box(b"name", b"me"));
    let film = Film {
        more: vec![make_box(b"udta", [hints, name.clone()].concat())],
        ..Film::of(vec![video_with(vec![])])
    };
    let cut = clip(&film.build(), "start=0.7").unwrap();
    let kept = make_box(b"udta", name);
    assert!(cut.windows(kept.len()).any(|w| w == kept));
}

#[test]
fn chapters_of_nero_move_with_the_clip() {
    let chapter = |tenths: u64, title: &str| {
        let mut out = (tenths * 1_000_000).to_be_bytes().to_vec();
        out.push(u8::try_from(title.len()).unwrap());
        out.extend(title.bytes());
        out
    };
    let list = |chapters: &[Vec<u8>]| {
        let count = u8::try_from(chapters.len()).unwrap();
        make_box(b"chpl", [&[1, 0, 0, 0, 0, 0, 0, 0, count][..], &chapters.concat()].concat())
    };
    let all = list(&[chapter(0, "one"), chapter(4, "two"), chapter(9, "three"), chapter(15, "four")]);
    let film = Film { more: vec![make_box(b"udta", all)], ..Film::of(vec![video_with(vec![])]) }.build();
    let cut = clip(&film, "start=0.7&end=1.5").unwrap();
    let kept = list(&[chapter(0, "two"), chapter(2, "three")]);
    assert!(cut.windows(kept.len()).any(|w| w == kept));
}

#[test]
fn compact_sizes_stay_compact() {
    let sizes: Vec<u32> = (0..20).map(|n| n % 15 + 1).collect();
    let samples = sizes.iter().map(|&size| Sample { delta: 100, offset: 0, sync: true, size });
    let track = TrackSpec { chunking: vec![4], ..TrackSpec::new(b"soun", b"alac", 1000, samples.collect()) };
    let film = Film::of(vec![track]).build();
    for (bits, packed) in [
        (4u8, sizes.chunks(2).map(|p| u8::try_from(p[0] << 4 | p[1]).unwrap()).collect::<Vec<_>>()),
        (8, sizes.iter().map(|&s| u8::try_from(s).unwrap()).collect()),
        (16, sizes.iter().flat_map(|&s| u16::try_from(s).unwrap().to_be_bytes()).collect()),
    ] {
        // In place of the stsz, padded to its length by a box that is left out.
        let old = full_box(b"stsz", 0, [0, 20].into_iter().chain(sizes.iter().copied()));
        let mut new = make_box(b"stz2", [&[0, 0, 0, 0, 0, 0, 0, bits, 0, 0, 0, 20][..], &packed].concat());
        new.extend(make_box(b"free", vec![0; old.len() - new.len() - 8]));
        let at = film.windows(old.len()).position(|w| w == old).unwrap();
        let mut source = film.clone();
        source[at..at + old.len()].copy_from_slice(&new);
        let want = clip(&film, "start=0.5&end=1.4").unwrap();
        let got = clip(&source, "start=0.5&end=1.4").unwrap();
        let field = |film: &[u8]| -> Vec<u8> {
            let at = film.windows(4).position(|w| w == b"stz2").unwrap();
            film[at + 4..at - 4 + film[at - 1] as usize].to_vec()
        };
        let kept = &sizes[5..14];
        let expected: Vec<u8> = match bits {
            4 => kept.chunks(2).map(|p| u8::try_from(p[0] << 4 | p.get(1).unwrap_or(&0)).unwrap()).collect(),
            8 => kept.iter().map(|&s| u8::try_from(s).unwrap()).collect(),
            _ => kept.iter().flat_map(|&s| u16::try_from(s).unwrap().to_be_bytes()).collect(),
        };
        assert_eq!(field(&got), [&[0, 0, 0, 0, 0, 0, 0, bits, 0, 0, 0, 9][..], &expected].concat());
        let media = |film: &[u8]| film[film.windows(4).rposition(|w| w == b"mdat").unwrap()..].to_vec();
        assert_eq!(media(&got), media(&want));
    }
}

#[test]
fn sound_counted_in_frames_is_cut_on_packets() {
    // QuickTime sound: packets of 64 frames in 34 bytes, a tick each.
    for (version, frames_at, bytes_at, len) in [(1, 28, 36, 44), (2, 60, 56, 64)] {
        let mut entry = vec![0; len];
        entry[9] = version;
        entry[frames_at..frames_at + 4].copy_from_slice(&64u32.to_be_bytes());
        entry[bytes_at..bytes_at + 4].copy_from_slice(&34u32.to_be_bytes());
        cut_on_packets(&entry);
    }
}

/// Cuts sound that is described like this.
fn cut_on_packets(entry: &[u8]) {
    let media: Vec<u8> = (0..125u32 * 34).map(|n| u8::try_from(n / 34).unwrap()).collect();
    let mdat = make_box(b"mdat", &media);
    let stbl = [
        make_box(b"stsd", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &make_box(b"ima4", entry)].concat()),
        full_box(b"stts", 0, [1, 8000, 1]),
        full_box(b"stsc", 0, [2, 1, 4800, 1, 2, 3200, 1]),
        full_box(b"stsz", 0, [1, 8000]),
        full_box(b"stco", 0, [2, 8, 8 + 75 * 34]),
    ];
    let hdlr = make_box(b"hdlr", [&[0; 8][..], b"soun", &[0; 13]].concat());
    let mdia =
        [full_box(b"mdhd", 0, [0, 0, 8000, 0, 0]), hdlr, make_box(b"minf", make_box(b"stbl", stbl.concat()))];
    let trak =
        [full_box(b"tkhd", 0, [&[0, 0, 1, 0, 0][..], &[0; 15]].concat()), make_box(b"mdia", mdia.concat())];
    let moov =
        [full_box(b"mvhd", 0, [&[0, 0, 1000, 0][..], &[0; 20]].concat()), make_box(b"trak", trak.concat())];
    let source = [mdat, make_box(b"moov", moov.concat())].concat();
    // 0.5 s is frame 4000, in packet 62; 0.7 s is frame 5600, in packet 87.
    let clip = clip(&source, "start=0.5&end=0.7").unwrap();
    let kept = &clip[clip.windows(4).rposition(|w| w == b"mdat").unwrap() + 4..];
    assert_eq!(kept, &media[62 * 34..88 * 34]);
    let stsz = clip.windows(4).position(|w| w == b"stsz").unwrap();
    assert_eq!(clip[stsz + 12..stsz + 16], (26u32 * 64).to_be_bytes());
}

#[test]
fn chunk_offsets_grow_and_shrink_with_the_clip() {
    let mut track = TrackSpec::video(20, 5);
    track.wide_offsets = true;
    let film = Film::of(vec![track]).build();
    let cut = clip(&film, "start=1").unwrap();
    assert!(stbl_box(&film, b"co64").is_some() && stbl_box(&cut, b"co64").is_none());
    assert!(stbl_box(&cut, b"stco").is_some());
}

#[test]
fn errors_say_where_and_what() {
    let film = Film::of(vec![video_with(vec![])]).build();
    assert_eq!(status(&film, "start=2").0, 416);
    assert_eq!(status(&film, "start=2").1, "start 2.000 is at or past the end of the film, 2.000 seconds");
    assert_eq!(status(&film, "start=x").0, 400);
    assert_eq!(status(b"not a film at all", "start=1").0, 415);
    assert_eq!(status(b"", "start=1").0, 415);
    assert_eq!(ask(b"not a film at all", "").unwrap(), None);
    let stts = film.windows(4).position(|w| w == b"stts").unwrap();
    let mut broken = film.clone();
    broken[stts + 8..stts + 12].copy_from_slice(&u32::MAX.to_be_bytes());
    let (code, reason) = status(&broken, "start=1");
    assert_eq!(code, 415);
    assert!(
        reason.starts_with(&format!("stts box at byte {}: 4294967295 entries of 8 bytes", stts - 4)),
        "{reason}"
    );
    // The film's end is missing: what is there is served, what is not is refused.
    let film = Film { moov_first: true, ..Film::of(vec![video_with(vec![])]) }.build();
    let cut_off = &film[..film.len() - 100];
    clip(cut_off, "end=0.5").unwrap();
    assert!(status(cut_off, "start=1.5").1.contains("the film is cut off"));
}

#[test]
fn a_tag_names_the_source_and_the_stretch() {
    let film = Film::of(vec![video_with(vec![])]).build();
    let tag = |bytes: &Vec<u8>, mtime, query: &str| {
        let identity = mp4seek::source::Identity { mtime, ..identity(bytes) };
        match seeker().answer(bytes, &identity, query.as_bytes(), &Settings::default()).unwrap() {
            Answer::Film(file) => file.etag().to_string(),
            Answer::Plain(_) => panic!("not a clip"),
        }
    };
    let base = tag(&film, 1, "start=0.5&end=1");
    // Inside the same frame, with other keys, in another form: the same bytes, the same tag.
    assert_eq!(base, tag(&film, 1, "x=1&t=0.512,0:01"));
    assert_ne!(base, tag(&film, 1, "start=0.5&end=1.1"));
    assert_ne!(base, tag(&film, 1, "start=0.6&end=1"));
    assert_ne!(base, tag(&film, 1, ""));
    assert_ne!(base, tag(&film, 2, "start=0.5&end=1"));
    assert!(base.starts_with('"') && base.ends_with('"') && base.is_ascii());
}

#[test]
fn an_flv_begins_again_at_a_byte() {
    let film = [&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &[7; 500]].concat();
    let cut = ask(&film, "start=113").unwrap().unwrap();
    assert_eq!(cut, [&film[..13], &film[113..]].concat());
    assert_eq!(ask(&film, "").unwrap(), None);
    assert_eq!(ask(&film, "start=0").unwrap(), None);
    assert_eq!(status(&film, "start=513").0, 416);
    assert_eq!(status(&film, "start=1.5").0, 400);
}

#[test]
fn a_cover_does_not_hold_a_clip_back() {
    let cover = Sample { delta: 2000, offset: 0, sync: true, size: 30 };
    let cover = TrackSpec::new(b"vide", b"jpeg", 1000, vec![cover]);
    let film = Film::of(vec![TrackSpec::audio(16), cover]).build();
    let cut = expand(&clip(&film, "start=1").unwrap());
    let shown = cut[0].shown();
    assert!((shown[0].from, shown.last().unwrap().to) < (1e-6, 1.05), "{shown:?}");
    assert_eq!(cut[1].shown().len(), 1);
}

#[test]
fn a_track_marked_disabled_does_not_lead() {
    let mut disabled = TrackSpec::video(20, 20);
    disabled.enabled = false;
    let film = Film::of(vec![disabled, TrackSpec::video(20, 5)]).build();
    let keyframe = expand(&clip(&film, "start=0.7&mode=keyframe").unwrap());
    let length = keyframe[1].shown().last().unwrap().to;
    assert!((length - 1.5).abs() < 1e-6, "begins at 0.5, the sync sample of the second track: {length}");
}

#[test]
fn what_is_left_of_a_subtitle_is_a_subtitle() {
    let cue = |delta| Sample { delta, offset: 0, sync: true, size: 20 };
    for lengths in [[700, 300, 700, 300], [500; 4]] {
        let text = TrackSpec::new(b"sbtl", b"tx3g", 1000, lengths.into_iter().map(cue).collect());
        let film = Film::of(vec![TrackSpec::video(20, 5), text]).build();
        let cut = clip(&film, "start=0.4&end=1.9").unwrap();
        let text = &expand(&cut)[1];
        assert_eq!(text.edits, [(135_000, 0, 0x10000)]);
        let times = text.samples.iter().map(|s| s.delta).collect::<Vec<_>>();
        assert_eq!(times, [&[lengths[0] - 400], &lengths[1..]].concat());
    }
}

/// Video, sound in English and German, subtitles, and hints for the video.
fn several_tracks() -> Film {
    let sound = |lang: &[u8; 3]| {
        let code = lang.iter().fold(0, |code, c| code << 5 | u32::from(c - b'`'));
        TrackSpec { language: code, ..TrackSpec::audio(16) }
    };
    let cue = Sample { delta: 500, offset: 0, sync: true, size: 20 };
    let text = TrackSpec::new(b"sbtl", b"tx3g", 1000, vec![cue; 4]);
    let hint = TrackSpec::new(b"hint", b"rtp ", 1000, vec![cue; 4]);
    let references = [
        make_box(b"hint", 1u32.to_be_bytes()),
        make_box(b"subt", [4u32.to_be_bytes(), 5u32.to_be_bytes()].concat()),
    ];
    let references = make_box(b"tref", references.concat());
    let video = TrackSpec { in_trak: vec![references], ..TrackSpec::video(20, 5) };
    Film::of(vec![video, sound(b"eng"), sound(b"deu"), text, hint])
}

fn track_ids(film: &[u8]) -> Vec<u32> {
    film.windows(4)
        .enumerate()
        .filter(|(_, w)| w == b"tkhd")
        .map(|(at, _)| u32::from_be_bytes(film[at + 16..at + 20].try_into().unwrap()))
        .collect()
}

#[test]
fn only_the_tracks_asked_for_are_sent() {
    let film = several_tracks().build();
    for (query, ids) in [
        ("start=0.5", &[1, 2, 3, 4][..]),
        ("tracks=audio", &[2, 3]),
        ("tracks=v1-a2&start=0.5", &[1, 3]),
        ("tracks=4", &[4]),
        ("tracks=text,video", &[1, 4]),
        ("lang=de", &[1, 3, 4]),
        ("lang=de-AT&start=1", &[1, 3, 4]),
        ("lang=ger", &[1, 3, 4]),
        ("lang=deu&tracks=audio", &[3]),
        ("lang=fr&start=0.1", &[1, 2, 3, 4]),
    ] {
        let cut = clip(&film, query).unwrap();
        assert_eq!(track_ids(&cut), ids, "{query}");
        let held: usize = expand(&cut).iter().flat_map(|t| &t.samples).map(|s| s.bytes.len()).sum();
        let mdat = cut.windows(4).rposition(|w| w == b"mdat").unwrap();
        assert_eq!(cut.len() - mdat - 4, held, "{query}");
    }
    // Without video in it, a clip begins where it was asked to.
    let cut = expand(&clip(&film, "tracks=audio&start=0.55&end=1").unwrap());
    assert_eq!(cut[0].edits[0].0, u64::from(cut[0].movie_timescale) * 45 / 100);
    assert_eq!(status(&film, "tracks=a3").0, 400);
    assert_eq!(status(&film, "tracks=9&start=1").0, 400);
}

#[test]
fn a_language_falls_back_part_by_part() {
    let speaking = |tag: &str| {
        let elng = make_box(b"elng", [&[0; 4][..], tag.as_bytes(), &[0]].concat());
        TrackSpec { in_mdia: vec![elng], ..TrackSpec::audio(16) }
    };
    let tags = ["zh-Hans", "zh-Hant", "pt", "pt-BR", "en-GB", "en-US"];
    let film = Film::of(tags.into_iter().map(speaking).collect()).build();
    for (lang, ids) in [
        ("zh-Hant-TW", &[2][..]),
        ("ZH-hans", &[1]),
        ("zh-TW", &[1, 2]),
        ("pt", &[3]),
        ("por-BR", &[4]),
        ("pt-AO", &[3, 4]),
        ("en", &[5, 6]),
        ("e", &[1, 2, 3, 4, 5, 6]),
    ] {
        assert_eq!(track_ids(&clip(&film, &format!("lang={lang}&start=0.1")).unwrap()), ids, "{lang}");
    }
}

#[test]
fn references_to_tracks_that_are_left_out_are_left_out() {
    let film = several_tracks().build();
    let tref = |query: &str| {
        let cut = clip(&film, query).unwrap();
        let at = cut.windows(4).position(|w| w == b"tref");
        at.map(|at| cut[at + 4..at - 4 + cut[at - 1] as usize].to_vec())
    };
    let subtitle = make_box(b"subt", 4u32.to_be_bytes());
    assert_eq!(tref("start=0.5").unwrap(), [make_box(b"hint", 1u32.to_be_bytes()), subtitle].concat());
    assert_eq!(tref("tracks=v1").unwrap(), make_box(b"hint", 1u32.to_be_bytes()));
    assert_eq!(tref("tracks=audio"), None);
}

#[test]
fn a_tag_tells_tracks_apart() {
    let film = several_tracks().build();
    let tag = |query: &str| match seeker()
        .answer(&film, &identity(&film), query.as_bytes(), &Settings::default())
        .unwrap()
    {
        Answer::Film(file) => file.etag().to_string(),
        Answer::Plain(_) => panic!("not a clip"),
    };
    assert_ne!(tag("start=0.5"), tag("start=0.5&tracks=v1"));
    assert_ne!(tag("start=0.5&tracks=v1-a1"), tag("start=0.5&tracks=v1-a2"));
    assert_eq!(tag("start=0.5&tracks=v1-a1"), tag("start=0.5&tracks=2,1"));
}

#[test]
fn media_in_another_file_is_refused_unless_it_is_left_out() {
    let elsewhere = make_box(b"dref", [&[0, 0, 0, 0, 0, 0, 0, 1][..], &make_box(b"alis", [0; 10])].concat());
    let mut film = Film::of(vec![TrackSpec::video(20, 5), TrackSpec::audio(16)]);
    film.tracks[1].in_minf = vec![make_box(b"dinf", elsewhere)];
    let film = film.build();
    assert_eq!(status(&film, "start=1").0, 415);
    assert!(status(&film, "start=1").1.starts_with("dref box"), "{}", status(&film, "start=1").1);
    clip(&film, "start=1&tracks=video").unwrap();
    // Of the film as it is, the places in another file stay what they are.
    assert_eq!(ask(&film, "").unwrap(), None);
}

#[test]
fn stretches_make_the_file_however_it_is_asked_for() {
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
                let stretch = file.next(&source, &left, most);
                assert!((1..=most).contains(&stretch.made), "{stretch:?} of {left:?}");
                let mut window = vec![0; stretch.made];
                file.read_at(&source, left.start, &mut window).unwrap();
                got.extend(window);
                from_file += usize::from(!stretch.media.is_empty());
                let media = [stretch.media.start, stretch.media.end].map(|at| usize::try_from(at).unwrap());
                got.extend(&source[media[0]..media[1]]);
                left.start += stretch.len();
            }
            let (from, to) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
            assert!(got == whole[from..to], "{from}..{to}, at most {most} at once");
        }
    }
    assert!(from_file >= 15, "{from_file}");
}

#[test]
fn telemetry_does_not_make_a_film_longer() {
    let sample = Sample { delta: 1000, offset: 0, sync: true, size: 20 };
    let data = TrackSpec::new(b"meta", b"gpmd", 1000, vec![sample; 4]);
    let film = Film::of(vec![TrackSpec::video(20, 5), data.clone()]).build();
    let cut = expand(&clip(&film, "start=1").unwrap());
    let ends = cut.iter().map(|t| t.shown().last().unwrap().to).collect::<Vec<_>>();
    assert!(ends.iter().all(|end| (end - 1.0).abs() < 1e-6), "{ends:?}");
    assert_eq!(status(&film, "start=2").0, 416);
    let alone = expand(&clip(&Film::of(vec![data]).build(), "start=1").unwrap());
    assert!((alone[0].shown().last().unwrap().to - 3.0).abs() < 1e-6);
}

/// Tables long enough to be copied in blocks, and a clip whose composition offsets have to be moved.
#[test]
fn long_tables_are_made_alike_in_any_window() {
    let video = |each| {
        let mut video = TrackSpec::video(900, 9);
        // All is presented two frames before it is decoded, but for one frame.
        video.samples.iter_mut().for_each(|s| s.offset -= 200);
        video.edits = Vec::new();
        video.one_entry_each = each;
        TrackSpec { chunking: vec![1, 2], ..video }
    };
    for (each, wide, hole) in [(false, false, 0), (true, false, 0), (false, true, 0), (false, false, 5000)] {
        let mut film = Film::of(vec![video(each), TrackSpec::audio(800)]);
        film.tracks[1].chunking = vec![1, 1, 2];
        film.tracks[0].wide_offsets = wide;
        film.hole = hole;
        let source = film.build();
        let answer = seeker().answer(&source, &identity(&source), b"start=9.8&end=80", &Settings::default());
        let Ok(Answer::Film(file)) = answer else { panic!("not a clip") };
        let whole = clip(&source, "start=9.8&end=80").unwrap();
        for len in [13, 1023, 4097] {
            let mut window = vec![0; len];
            for (start, expected) in (0u64..).step_by(len).zip(whole.chunks(len)) {
                let window = &mut window[..expected.len()];
                file.read_at(&source, start, window).unwrap();
                assert!(window == expected, "{len} bytes from {start}");
            }
        }
        let of = |film: &[u8]| expand(film).swap_remove(0).samples;
        let (all, cut) = (of(&source), of(&whole));
        assert!(cut.len() > 600);
        let before = all.iter().position(|s| s.bytes == cut[0].bytes).unwrap();
        let shift = cut[0].cts - all[before].cts;
        assert!(shift > -all[before].dts, "the offsets are not moved");
        for (a, b) in all[before..].iter().zip(&cut) {
            assert_eq!((&a.bytes, a.cts + shift, a.delta, a.sync), (&b.bytes, b.cts, b.delta, b.sync));
        }
    }
}

/// A film of 50 minutes, a sample a second in groups of 5, that presents its last 5 seconds and then its first 5.
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
    // Decoding begins at 2990; 2993 is presented last of its group. Sound needs no more than what is heard.
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
fn every_table_is_cut_to_each_stretch() {
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
    // Frame 0 lasts until nothing of the next range can come before its end; what is hidden there lasts two ticks.
    assert_eq!(stbl_box(&cut, b"stts").unwrap(), words(&[0, 3, 1, 3000, 3, 2, 1, 1000]));
    let groups: Vec<_> = cut.windows(8).filter(|w| w.starts_with(b"sbgp")).collect();
    assert_eq!(groups.len(), 2);
    let at = |name: &[u8]| cut.windows(4).position(|w| w == name).unwrap() + 4;
    assert_eq!(cut[at(b"roll")..][..28], words(&[3, 1, 7, 1, 2, 3, 1]));
    assert_eq!(cut[at(b"test")..][..20], words(&[2, 1, 3, 4, 4]));
}

#[test]
fn holes_between_shared_chunks_are_left_out() {
    let mut video = TrackSpec::video(40, 5);
    video.samples.iter_mut().for_each(|s| s.size = 20);
    video.chunking = vec![1];
    // The second track's own chunks are holes. For eleven frames or so the two need as many bytes as there are.
    let mut source = Film { hole: 1, ..Film::of(vec![video.clone(), video]) }.build();
    share_media(&mut source, 1);
    for frames in 1..20 {
        let cut = clip(&source, &format!("start=1&end={:.1}", 1.0 + f64::from(frames) / 10.0)).unwrap();
        let mdat = cut.windows(4).rposition(|w| w == b"mdat").unwrap();
        assert_eq!(cut.len() - mdat - 4, 20 * expand(&cut)[0].samples.len(), "{frames} frames");
    }
}

/// Sound of which each packet is a chunk, and lies apart from the others.
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
    for turn in [40, 20, 2] {
        let mut film = scattered(40, 30);
        film.tracks[0].samples.iter_mut().for_each(|s| s.size = 20);
        let mut video = TrackSpec { edits: Vec::new(), ..TrackSpec::video(20, 5) };
        video.samples.iter_mut().for_each(|s| (s.delta, s.offset) = (2, 0));
        film.tracks.push(video);
        let mut film = film.build();
        let stco = film.windows(4).position(|w| w == b"stco").unwrap() + 12;
        let places: Vec<Vec<u8>> = film[stco..stco + 160].chunks(4).map(<[u8]>::to_vec).collect();
        let turned = places.chunks(turn).flat_map(|places| places.iter().rev().flatten().copied());
        let turned: Vec<u8> = turned.collect();
        film[stco..stco + 160].copy_from_slice(&turned);
        for query in ["start=0.003", "start=0.01&end=0.02&tracks=audio"] {
            let cut = clip(&film, query).unwrap();
            let (all, tracks) = (expand(&film), expand(&cut));
            let first = all[0].samples.iter().position(|s| s.bytes == tracks[0].samples[0].bytes).unwrap();
            assert!(first > 0 && tracks[0].samples.len() >= 10);
            for (a, b) in all[0].samples[first..].iter().zip(&tracks[0].samples) {
                assert!(a.bytes == b.bytes, "{turn}, {query}");
            }
            let held: usize = tracks.iter().flat_map(|t| &t.samples).map(|s| s.bytes.len()).sum();
            let mdat = cut.windows(4).rposition(|w| w == b"mdat").unwrap();
            assert_eq!(cut.len() - mdat - 4, held, "{turn}, {query}");
        }
    }
}

#[test]
fn chunks_in_no_order_are_gathered_or_refused() {
    let turned = |packets, hole| {
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
    let cut = clip(&turned(1000, 0), "start=0.1").unwrap();
    assert_eq!(expand(&cut)[0].samples.len(), 900);
    // As much again as is needed is sent at most.
    let near = turned(1000, 18);
    let cut = clip(&near, "start=0.1").unwrap();
    assert!(cut.len() > 900 * 38 && expand(&cut)[0].samples.len() == 900);
    let (status, reason) = status(&turned(1000, 30), "start=0.1");
    assert_eq!(status, 415);
    assert!(reason.contains("places of the file, in no order"), "{reason}");
    clip(&turned(1000, 30), "start=0.99").unwrap();
}

#[test]
fn a_clip_ends_on_a_whole_tick_of_the_video() {
    let mut video = TrackSpec::video(50, 10);
    video.samples.iter_mut().for_each(|s| (s.delta, s.offset) = (1, 0));
    let film =
        Film::of(vec![TrackSpec { timescale: 25, edits: vec![], ..video }, TrackSpec::audio(16)]).build();
    for (end, until) in [("1.012", 1.04), ("1.04", 1.04), ("1.0399999", 1.04), ("1.041", 1.08)] {
        let cut = expand(&clip(&film, &format!("start=0.4&end={end}")).unwrap());
        for track in cut {
            let length =
                track.edits.iter().map(|e| e.0).sum::<u64>() as f64 / f64::from(track.movie_timescale);
            assert!((length - (until - 0.4)).abs() < 1e-9, "{end}: {length}");
        }
    }
}

/// The places in the film of the samples that a clip holds of its first track.
fn held(film: &[u8], query: &str) -> std::ops::Range<usize> {
    let (all, cut) =
        (expand(film).swap_remove(0).samples, expand(&clip(film, query).unwrap()).swap_remove(0).samples);
    let first = all.iter().position(|s| s.bytes == cut[0].bytes).unwrap();
    assert!(all[first..first + cut.len()].iter().zip(&cut).all(|(a, b)| a.bytes == b.bytes));
    first..first + cut.len()
}

/// Frames of 100 ms, of which only the first is a sync sample.
fn video_with_one_sync(more: Vec<Vec<u8>>) -> Vec<u8> {
    let samples = (0..60).map(|n| Sample { delta: 100, offset: 0, sync: n == 0, size: 20 });
    Film::of(vec![TrackSpec { more, ..TrackSpec::new(b"vide", b"hvc1", 1000, samples.collect()) }]).build()
}

#[test]
fn decoding_begins_at_a_partial_sync_sample_unless_a_leading_picture_is_asked_for() {
    // Groups of 10 as they are decoded; 20 is presented after 21 and 22, which lead it.
    let open = |more: Vec<Vec<u8>>| {
        let samples = (0..60).map(|n| Sample {
            delta: 100,
            offset: match n % 10 {
                0 if n > 0 => 300,
                1 | 2 if n > 2 => 0,
                _ => 100,
            },
            sync: n == 0,
            size: 20,
        });
        let video = TrackSpec::new(b"vide", b"hvc1", 1000, samples.collect());
        Film::of(vec![TrackSpec { more, ..video }]).build()
    };
    let stps = vec![full_box(b"stps", 0, [4, 11, 21, 31, 41])];
    let runs = [10, 0, 1, 1, 9, 0, 1, 1, 9, 0, 1, 1, 9, 0, 1, 1, 19, 0];
    let sbgp = full_box(b"sbgp", 0, [fourcc(b"rap "), 9].into_iter().chain(runs));
    let sgpd = make_box(b"sgpd", [&[1, 0, 0, 0][..], b"rap ", &[0, 0, 0, 1, 0, 0, 0, 1, 0x82]].concat());
    for more in [stps, vec![sgpd, sbgp]] {
        let film = open(more);
        // 30 is shown at 3.3 s, 31 and 32 at 3.1 and 3.2 s.
        assert_eq!(held(&film, "start=3.35&end=3.4"), 30..31);
        assert_eq!(held(&film, "start=3.15&end=3.2"), 20..32);
        assert_eq!(held(&film, "start=3.85&mode=keyframe&end=4"), 30..39);
    }
    assert_eq!(held(&open(vec![]), "start=3.35&end=3.4").start, 0);
}

#[test]
fn decoding_begins_where_a_gradual_refresh_is_over_in_time() {
    // Each 15th frame begins one that takes 6.
    let sgpd = make_box(b"sgpd", [&[1, 0, 0, 0][..], b"roll", &[0, 0, 0, 2, 0, 0, 0, 1, 0, 6]].concat());
    let runs = (0..4).flat_map(|_| [1, 1, 14, 0]);
    let sbgp = full_box(b"sbgp", 0, [fourcc(b"roll"), 8].into_iter().chain(runs));
    let film = video_with_one_sync(vec![sgpd.clone(), sbgp]);
    assert_eq!(held(&film, "start=3.65&end=3.7"), 30..37);
    assert_eq!(held(&film, "start=3.55&end=3.6"), 15..36);
    // The first frame that is right.
    let cut = expand(&clip(&film, "start=4.2&end=4.4&mode=keyframe").unwrap());
    assert_eq!((cut[0].shown()[0].bytes.clone(), cut[0].shown().len()), (Film::sample_bytes(0, 36, 20), 8));
    assert_eq!(held(&video_with_one_sync(vec![]), "start=3.65&end=3.7"), 0..37);
    // The same in a csgp: a pattern of fifteen for sixty samples, in nibbles.
    let csgp = |grouping: &[u8; 4]| {
        let pattern = [&[0, 0, 0, 0x14][..], grouping, &[0, 0, 0, 1, 15, 60], &[0x10, 0, 0, 0, 0, 0, 0, 0]];
        make_box(b"csgp", pattern.concat())
    };
    let film = video_with_one_sync(vec![sgpd, csgp(b"roll")]);
    assert_eq!(held(&film, "start=3.65&end=3.7"), 30..37);
    assert_eq!(held(&film, "start=3.55&end=3.6"), 15..36);
    let sgpd = make_box(b"sgpd", [&[1, 0, 0, 0][..], b"rap ", &[0, 0, 0, 1, 0, 0, 0, 1, 0]].concat());
    let film = video_with_one_sync(vec![sgpd, csgp(b"rap ")]);
    assert_eq!(held(&film, "start=3.55&end=3.6"), 30..36);
}

#[test]
fn sound_leads_in_as_the_film_says() {
    let packets = |coding, more, in_entry| {
        let packet = Sample { delta: 1000, offset: 0, sync: true, size: 9 };
        let track = TrackSpec::new(b"soun", coding, 1000, vec![packet; 60]);
        Film::of(vec![TrackSpec { more, in_entry, ..track }]).build()
    };
    let described = |version: u8, grouping: &[u8; 4], default: &[u8]| {
        let mut b = vec![version, 0, 0, 0];
        b.extend(grouping);
        b.extend([0, 0, 0, 2]);
        b.extend(default);
        b.extend([0, 0, 0, 1, 0xff, 0xf9]);
        make_box(b"sgpd", b)
    };
    let first = |film: Vec<u8>| held(&film, "start=40&end=41").start;
    assert_eq!(first(packets(b"alac", vec![], vec![])), 40);
    assert_eq!(first(packets(b"mp4a", vec![], vec![])), 37);
    for grouping in [b"roll", b"prol"] {
        let group = u32::from_be_bytes(*grouping);
        let sbgp = full_box(b"sbgp", 0, [group, 2, 30, 0, 30, 1]);
        assert_eq!(first(packets(b"what", vec![described(1, grouping, &[]), sbgp], vec![])), 33);
        // Patterns of one: none for thirty samples, the first group for thirty.
        let csgp = [&[0, 0, 0, 0x14][..], grouping, &[0, 0, 0, 2, 1, 30, 1, 30, 0x01]].concat();
        let csgp = make_box(b"csgp", csgp);
        let film = packets(b"what", vec![described(1, grouping, &[]), csgp], vec![]);
        assert_eq!(first(film.clone()), 33);
        assert_eq!(held(&film, "start=30&end=31").start, 23);
        assert_eq!(held(&film, "start=29&end=30").start, 29);
        // What is said of all samples that nothing else is said of.
        assert_eq!(first(packets(b"mp4a", vec![described(2, grouping, &[0, 0, 0, 1])], vec![])), 33);
    }
    // A film that says less than the coding needs.
    let sbgp = full_box(b"sbgp", 0, [fourcc(b"roll"), 1, 60, 1]);
    let one = make_box(b"sgpd", [&[1, 0, 0, 0][..], b"roll", &[0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff]].concat());
    assert_eq!(first(packets(b"mp4a", vec![one, sbgp], vec![])), 37);
    // Encrypted: what it is of counts.
    let sinf = |format: &[u8; 4]| vec![make_box(b"sinf", make_box(b"frma", format))];
    assert_eq!(first(packets(b"enca", vec![], sinf(b"Opus"))), 32);
    assert_eq!(first(packets(b"enca", vec![], sinf(b"fLaC"))), 40);
    // Not every packet is one to begin at (xHE-AAC, MPEG-H, AC-4).
    let mut film = packets(b"mhm1", vec![full_box(b"stss", 0, [3, 1, 21, 36])], vec![]);
    assert_eq!(first(film.clone()), 35);
    let stss = film.windows(4).position(|w| w == b"stss").unwrap();
    film[stss + 23] = 39;
    assert_eq!(first(film), 20);
}

#[test]
fn what_holds_for_all_of_the_film_is_in_every_clip() {
    let one = |handler, delta, count| {
        let sample = Sample { delta, offset: 0, sync: true, size: 12 };
        TrackSpec::new(handler, b"mp4s", 1000, vec![sample; count])
    };
    let time_code = one(b"tmcd", 2000, 1);
    let tracks = vec![
        TrackSpec::video(20, 5),
        one(b"odsm", 1, 1),
        one(b"meta", 0, 7),
        one(b"text", 100, 1),
        time_code,
    ];
    let film = Film::of(tracks).build();
    for query in ["start=1", "end=1", "start=0.5&end=0.9"] {
        let mut cut = expand(&clip(&film, query).unwrap());
        let counts: Vec<_> = cut.iter().map(|t| (t.id, t.samples.len())).collect();
        // A line of text is there for as long as it says.
        let mut wanted = vec![(2, 1), (3, 7), (4, 1), (5, 1)];
        wanted.retain(|(id, _)| *id != 4 || query == "end=1");
        assert_eq!(counts[1..], wanted, "{query}");
        cut.retain(|t| t.id != 4);
        let length = |t: usize| cut[t].edits.iter().map(|e| e.0).sum::<u64>();
        assert_eq!((length(1), length(2)), (length(0), length(0)), "{query}");
        // A time code counts on.
        let start = if query == "start=1" { 1000 } else { i64::from(query != "end=1") * 500 };
        assert_eq!((cut[1].edits[0].1, cut[3].edits[0].1), (0, start), "{query}");
    }
    // They do not make the film longer.
    assert_eq!(status(&film, "start=2").0, 416);
}

#[test]
fn edits_at_other_rates_are_cut_to_what_they_play() {
    let edits = |rate: u32, query: &str| {
        let mut video = TrackSpec::video(100, 1);
        video.samples.iter_mut().for_each(|s| s.offset = 0);
        video.edits = vec![(1000, 4000, rate)];
        let cut = expand(&clip(&Film::of(vec![video]).build(), query).unwrap()).swap_remove(0);
        // Where in the film the first sample of the clip was, and how many there are.
        let first = String::from_utf8(cut.samples[0].bytes.clone()).unwrap();
        let first = first.split([':', '>']).nth(1).unwrap().parse::<i64>().unwrap();
        let [(duration, media_time, rate)] = cut.edits[..] else { panic!("{:?}", cut.edits) };
        (duration * 1000 / u64::from(cut.movie_timescale), media_time + first * 100, rate, cut.samples.len())
    };
    let half = 0x8000;
    for (rate, from, samples) in [
        (0x1_0000, 4300, 2),
        (half, 4150, 2),
        (0x2_0000, 4600, 4),
        (0, 4000, 1),
        // From the end of the media of the edit back to its beginning.
        (0xffff_0000, 4500, 2),
        (0xfffe_0000, 5000, 4),
    ] {
        assert_eq!(edits(rate, "start=0.3&end=0.5"), (200, from, rate, samples), "{rate:x}");
    }
}

/// Frames of 10, 90 and 200 ms, the second of which is decoded last and gives its own 90 to the third.
fn reordered(frames: usize) -> TrackSpec {
    let sample = |delta, offset, sync| Sample { delta, offset, sync, size: 20 };
    let group = [sample(10, 90, true), sample(90, 180, false), sample(200, 0, false)];
    TrackSpec::new(b"vide", b"avc1", 1000, group.into_iter().cycle().take(frames).collect())
}

#[test]
fn a_frame_that_is_reordered_lasts_as_long_as_it_is_shown() {
    let mut video = reordered(3);
    video.edits = vec![(300, 90, 0x10000)];
    let film = Film::of(vec![video]).build();
    let shown = |film: &[u8]| {
        let shown = expand(film)[0].shown();
        shown.iter().map(|s| (s.bytes[3], (s.from * 1e3).round(), (s.to * 1e3).round())).collect::<Vec<_>>()
    };
    assert_eq!(shown(&clip(&film, "start=0.05").unwrap()), [(b'2', 0.0, 90.0), (b'1', 90.0, 290.0)]);
    let last = clip(&film, "start=0.2").unwrap();
    assert_eq!(shown(&last), [(b'1', 0.0, 200.0)]);
    // Its sample is decoded for 90 ms in the film.
    let track = expand(&last).swap_remove(0);
    assert_eq!(f64::from(track.samples[1].delta) / f64::from(track.timescale), 0.2);
    assert_eq!(shown(&clip(&last, "start=0.1&end=0.18").unwrap()), [(b'1', 0.0, 180.0)]);
}

#[test]
fn stretches_of_frames_that_are_reordered_do_not_overlap() {
    let mut video = reordered(30);
    // The last of one group, and the first two of another, whose decoding takes 300 ms.
    video.edits = vec![(200, 190, 0x10000), (100, 2190, 0x10000)];
    let film = clip(&Film::of(vec![video]).build(), "start=0.01").unwrap();
    let names: Vec<_> = expand(&film)[0].shown().iter().map(|s| s.bytes.clone()).collect();
    let frame = |n| Film::sample_bytes(0, n, 20);
    assert_eq!(names, [frame(1), frame(21), frame(23)]);
}

#[test]
fn a_frame_that_is_held_is_named_by_its_own_time() {
    let mut video = reordered(3);
    // Within the 200 ms of the frame that is decoded for 90.
    video.edits = vec![(290, 90, 0x10000), (1000, 350, 0)];
    let film = clip(&Film::of(vec![video]).build(), "start=0.5&end=0.7").unwrap();
    let track = expand(&film).swap_remove(0);
    let [(duration, media_time, 0)] = track.edits[..] else { panic!("{:?}", track.edits) };
    assert_eq!(duration * 5, u64::from(track.movie_timescale));
    assert_eq!(media_time, track.samples[1].cts);
}
