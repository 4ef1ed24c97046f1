use super::*;
use crate::boxes::BoxType;
use crate::boxes::descriptions::hex;
use crate::index::Index;
use crate::testing::{Film as Movie, Sample, TrackSpec, index, make_box};

/// `name` in a box of the type, in the `udta` of a track.
fn udta(box_type: &[u8; 4], content: &[u8]) -> Vec<u8> {
    make_box(b"udta", make_box(box_type, content))
}

/// A video track of 10 frames a second, in H.264 with pixels of 2 : 1.
fn video() -> TrackSpec {
    let avcc = make_box(b"avcC", [1, 0x64, 0, 0x1f, 0xff, 0xe1]);
    let pasp = make_box(b"pasp", [0, 0, 0, 2, 0, 0, 0, 1]);
    let colr = make_box(b"colr", b"nclx\0\x09\0\x12\0\x09\0");
    let kind = udta(b"kind", b"\0\0\0\0urn:mpeg:dash:role:2011\0main\0");
    // The rest of the fields of a picture, behind width and height.
    let in_entry = vec![vec![0; 50], avcc, pasp, colr];
    TrackSpec { in_entry, in_trak: vec![kind], ..TrackSpec::video(30, 10) }
}

/// An audio track in AAC, of whose configuration the box is `esds`.
fn audio(esds: Vec<u8>) -> TrackSpec {
    let in_trak = vec![udta(b"name", b"Director's commentary")];
    TrackSpec { in_entry: vec![esds], in_trak, language: 0x1cb2, ..TrackSpec::audio(20) }
}

/// 48,000 Hz, 5.1 channels.
fn esds() -> Vec<u8> {
    let start = [0, 0, 0, 0, 3, 22, 0, 1, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    make_box(b"esds", [&start[..], &[5, 2, 0x11, 0xb0]].concat())
}

/// A text track that nobody switched on.
fn text() -> TrackSpec {
    let sample = Sample { delta: 1000, offset: 0, sync: true, size: 10 };
    let mut track = TrackSpec::new(b"sbtl", b"tx3g", 1000, vec![sample; 3]);
    track.in_mdia = vec![make_box(b"elng", b"\0\0\0\0zh-hant\0")];
    track.enabled = false;
    track
}

/// The movie, with `bytes` at a place in the sample description of this coding.
fn with_fields(movie: &Movie, coding: &[u8; 4], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = movie.build();
    let entry = file.windows(4).position(|four| four == coding).unwrap() + 4;
    file[entry + at..entry + at + bytes.len()].copy_from_slice(bytes);
    file
}

fn describe_all(file: &Vec<u8>) -> Vec<TrackDescription> {
    let index = index(file, file.len() as u64).unwrap();
    let film = &Film { index: &index, source: &index.film(file) };
    (0..index.tracks.len()).map(|track| describe(film, track).unwrap()).collect()
}

#[test]
fn a_movie_says_what_its_tracks_are() {
    let movie = Movie::of(vec![video(), audio(esds()), text()]);
    for file in [movie.build(), movie.build_fragmented(0)] {
        let tracks = describe_all(&file);
        let [video, audio, text] = &tracks[..] else { panic!("{tracks:?}") };
        assert_eq!((video.kind, video.codec.as_deref()), (Some(TrackKind::Video), Some("avc1.64001f")));
        assert_eq!((video.language.as_deref(), video.is_enabled), (None, true));
        assert_eq!(video.roles, ["main"]);
        let described = video.video.as_ref().unwrap();
        assert_eq!((described.frame_rate, described.range), (Some((10, 1)), VideoRange::Hlg));

        assert_eq!((audio.kind, audio.codec.as_deref()), (Some(TrackKind::Audio), Some("mp4a.40.2")));
        assert_eq!(audio.name.as_deref(), Some("Director's commentary"));
        assert_eq!(audio.language.as_deref(), Some("de"));
        assert_eq!(audio.audio, Some(AudioDescription { channels: 6, sampling_rate: 48_000 }));

        assert_eq!((text.kind, text.codec.as_deref()), (Some(TrackKind::Text), Some("tx3g")));
        assert_eq!((text.language.as_deref(), text.is_enabled), (Some("zh-Hant"), false));
        assert_eq!((text.track, &text.video, &text.audio, text.is_forced), (2, &None, &None, false));
    }
}

#[test]
fn the_fields_of_descriptions_are_read() {
    let movie = Movie::of(vec![video(), audio(Vec::new()), text()]);
    let size = with_fields(&movie, b"avc1", 24, &[2, 208, 2, 64]);
    let described = describe_all(&size)[0].video.clone().unwrap();
    assert_eq!((described.coded, described.presented), ((720, 576), (1440, 576)));
    // One channel at 22,050 Hz.
    let sound = with_fields(&movie, b"mp4a", 16, &[0, 1, 0, 16, 0, 0, 0, 0, 0x56, 0x22, 0, 0]);
    let expected = AudioDescription { channels: 1, sampling_rate: 22_050 };
    assert_eq!(describe_all(&sound)[1].audio, Some(expected));
    assert_eq!(describe_all(&sound)[1].codec.as_deref(), Some("mp4a"));
    assert!(describe_all(&with_fields(&movie, b"tx3g", 8, &[0xc0, 0, 0, 0]))[2].is_forced);
}

#[test]
fn a_rate_that_no_field_has_is_the_timescale() {
    let movie = Movie::of(vec![audio(Vec::new())]);
    assert_eq!(describe_all(&movie.build())[0].audio.as_ref().unwrap().sampling_rate, 8000);
}

#[test]
fn an_encrypted_track_is_described_as_what_it_is() {
    let frma = make_box(b"frma", b"avc1");
    let schm = make_box(b"schm", b"\0\0\0\0cbcs\0\x01\0\0");
    let tenc = make_box(b"tenc", [&[0, 0, 0, 0, 0, 0, 1, 8][..], &[7; 16]].concat());
    let sinf = make_box(b"sinf", [frma, schm, make_box(b"schi", tenc)].concat());
    let mut encrypted = TrackSpec { coding: *b"encv", ..video() };
    encrypted.in_entry.push(sinf);
    let pssh = |key: u8| {
        let head = [&[1, 0, 0, 0][..], &[key; 16], &[0, 0, 0, 1]].concat();
        make_box(b"pssh", [head, vec![key; 16], vec![0; 4]].concat())
    };
    let mut movie = Movie::of(vec![encrypted, audio(esds())]);
    // One is about another key, one is malformed, one is too long.
    movie.more = vec![pssh(7), pssh(8), make_box(b"pssh", [0; 30]), make_box(b"pssh", vec![0; 40_000])];
    let track = describe_all(&movie.build()).remove(0);
    assert_eq!((track.codec.as_deref(), track.is_encrypted), (Some("avc1.64001f"), true));
    let protection = track.protection.unwrap();
    assert_eq!((protection.scheme, protection.key_id), (Some(BoxType(*b"cbcs")), Some([7; 16])));
    let systems = protection.systems.into_iter().map(|system| system.whole);
    assert_eq!(systems.collect::<Vec<_>>(), [pssh(7)]);
}

#[test]
fn the_coded_video_says_its_colours_where_no_box_does() {
    let described = |coding: &[u8; 4], boxes: &[Vec<u8>]| {
        let in_entry = [&[vec![0; 50]], boxes].concat();
        let track = TrackSpec { coding: *coding, in_entry, ..TrackSpec::video(30, 10) };
        let track = describe_all(&Movie::of(vec![track]).build()).remove(0);
        (track.codec.unwrap(), track.video.unwrap().range)
    };
    let sps = hex("42010102200000030090000003000003003ca00a080c1f3b6595952930bc05a84880482000");
    let hvcc = [&hex("0102200000009000000000003cf000fcfdfafa00000f01a100010025")[..], &sps].concat();
    let hvcc = make_box(b"hvcC", hvcc);
    let av1c = make_box(b"av1C", hex("81004c000a0e000000043cfecc02f85091009040"));
    let sdr = make_box(b"colr", b"nclx\0\x01\0\x01\0\x01\0");
    assert_eq!(described(b"hvc1", std::slice::from_ref(&hvcc)).1, VideoRange::Pq);
    assert_eq!(described(b"hvc1", &[hvcc, sdr.clone()]).1, VideoRange::Sdr);
    let (codec, range) = described(b"av01", std::slice::from_ref(&av1c));
    assert_eq!((&*codec, range), ("av01.0.00M.10.0.110.09.16.09.0", VideoRange::Pq));
    assert_eq!(described(b"av01", &[av1c, sdr]), ("av01.0.00M.10".to_owned(), VideoRange::Sdr));
}

#[test]
fn there_are_no_more_tracks_than_there_are() {
    let file = Movie::of(vec![video()]).build();
    let index = index(&file, file.len() as u64).unwrap();
    let film = &Film { index: &index, source: &index.film(&file) };
    assert!(describe(film, 1).unwrap_err().to_string().contains("no such track"));
}

#[test]
fn no_byte_can_do_more_than_make_a_description_shorter() {
    let file = Movie::of(vec![video(), audio(esds()), text()]).build();
    let moov = file.windows(4).position(|four| four == b"moov").unwrap();
    for at in moov..file.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut file = file.clone();
            file[at] = value;
            let Ok(index) = Index::build(&file, file.len() as u64) else { continue };
            let film = &Film { index: &index, source: &index.film(&file) };
            for track in 0..index.tracks.len() {
                assert!(describe(film, track).is_ok(), "{at} {value}");
            }
        }
    }
}
