//! The tables of a clip, each cut to its samples.

use mp4seek::{Answer, Settings};
use test_boxes::{Film, Sample, TrackSpec, expand, fourcc, full_box, make_box};

use crate::common::{ask, clip, identity, seeker};
use crate::{held, status, stbl_box, video_with};

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
fn audio_counted_in_frames_is_cut_on_packets() {
    // QuickTime audio: packets of 64 frames in 34 bytes, a tick each.
    for (version, frames_at, bytes_at, len) in [(1, 28, 36, 44), (2, 60, 56, 64)] {
        let mut entry = vec![0; len];
        entry[9] = version;
        entry[frames_at..frames_at + 4].copy_from_slice(&64u32.to_be_bytes());
        entry[bytes_at..bytes_at + 4].copy_from_slice(&34u32.to_be_bytes());
        cut_on_packets(&entry);
    }
}

/// Cuts audio that is described like this.
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

/// Tables long enough to be copied in blocks, and a clip whose composition offsets have to be
/// moved.
#[test]
fn long_tables_are_the_same_in_any_window() {
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
