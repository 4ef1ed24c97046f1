//! Text and chapters of joined scenes: each time is that of the film, moved with its scene.

use mp4seek::packaging::Address;
use mp4seek::{Answer, Settings};
use test_boxes::{Expanded, Film, TrackSpec, expand, expand_fragments, make_box, words};

use super::common::{clip, identity, seeker};
use super::{chapters, document, quicktime, sample, subtitles, vtt};

/// Ten seconds of video, ten frames each. Its subtitles are from 1 to 2, 2.5 to 4 and 4 to 5, and its
/// chapters from 0 to 2, 2 to 5, and 6 to 10 seconds.
fn film() -> Film {
    let references = make_box(b"tref", make_box(b"chap", words([3])));
    let video = TrackSpec { in_trak: vec![references], ..TrackSpec::video(100, 10) };
    let texts =
        subtitles(&[(1000, ""), (1000, "one"), (500, ""), (1500, "two"), (1000, "three"), (5000, "")]);
    let titles = [(2000, "Intro"), (3000, "Middle"), (1000, ""), (4000, "End")];
    let titles = titles.map(|(lasts, title)| (lasts, sample(title)));
    let titles = TrackSpec { enabled: false, ..TrackSpec::text(b"text", quicktime(), &titles) };
    Film::of(vec![video, texts, titles])
}

/// Two seconds, three, and one; the second goes back, and the third is in no chapter at first.
const QUERY: &str = "clip=3-5&clip=1-4&clip=5.5-6.5";

fn expected_texts() -> String {
    document(&[
        ("00:00:00.000 --> 00:00:01.000", "two"),
        ("00:00:01.000 --> 00:00:02.000", "three"),
        ("00:00:02.000 --> 00:00:03.000", "one"),
        ("00:00:03.500 --> 00:00:05.000", "two"),
    ])
}

fn expected_chapters() -> String {
    document(&[
        ("00:00:00.000 --> 00:00:02.000", "Middle"),
        ("00:00:02.000 --> 00:00:03.000", "Intro"),
        ("00:00:03.000 --> 00:00:05.000", "Middle"),
        ("00:00:05.500 --> 00:00:06.000", "End"),
    ])
}

/// When a track shows each text that is not empty, in seconds.
fn shown(track: &Expanded) -> Vec<String> {
    let shown = track.shown().into_iter().filter(|s| s.bytes.len() > 2);
    shown.map(|s| format!("{:.3} {:.3} {}", s.from, s.to, String::from_utf8_lossy(&s.bytes[2..]))).collect()
}

/// What stands at an address behind a film.
fn resource(film: &[u8], address: &str, query: &str) -> String {
    let (source, address) = (film.to_vec(), Address::parse(address.as_bytes()).unwrap());
    let (identity, settings) = (identity(film), Settings::default());
    let answer = seeker().answer_address(&source, &identity, address, query.as_bytes(), &settings).unwrap();
    let Answer::Film(file) = answer else { panic!("the file as it is") };
    let mut out = vec![0; usize::try_from(file.len()).unwrap()];
    file.read_at(&source, 0, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn texts_and_chapters_move_with_their_scenes_in_either_form() {
    for source in [film().build(), film().build_fragmented(3)] {
        for format in ["flat", "fmp4"] {
            let cut = clip(&source, &format!("{QUERY}&format={format}")).unwrap();
            let tracks = if format == "flat" { expand(&cut) } else { expand_fragments(&cut) };
            let texts = ["0.000 1.000 two", "1.000 2.000 three", "2.000 3.000 one", "3.500 5.000 two"];
            assert_eq!(shown(&tracks[1]), texts, "{format}");
            let titles = ["0.000 2.000 Middle", "2.000 3.000 Intro", "3.000 5.000 Middle", "5.500 6.000 End"];
            assert_eq!(shown(&tracks[2]), titles, "{format}");
            assert_eq!(vtt(&cut, 1, ""), expected_texts(), "{format}");
            assert_eq!(chapters(&cut, ""), expected_chapters(), "{format}");
            assert_eq!(chapters(&source, QUERY), expected_chapters());
        }
    }
}

/// In segments and in the mode `keyframe`, scenes begin at key frames: the third one half a second
/// earlier.
#[test]
fn addresses_behind_the_film_have_texts_and_chapters_of_the_scenes() {
    let source = film().build();
    let by_key_frame = format!("{QUERY}&mode=keyframe");
    for (address, query) in
        [("/cmaf/t1.vtt", QUERY), ("/text/t1.vtt", QUERY), ("/text/t1.vtt", &*by_key_frame)]
    {
        assert_eq!(resource(&source, address, query), expected_texts(), "{address} {query}");
    }
    let moved = expected_chapters().replace("05.500 --> 00:00:06.000", "06.000 --> 00:00:06.500");
    assert_eq!(resource(&source, "/text/chapters.vtt", QUERY), expected_chapters());
    assert_eq!(resource(&source, "/text/chapters.vtt", &by_key_frame), moved);
    let playlist = resource(&source, "/hls/t1.m3u8", QUERY);
    assert!(playlist.contains("#EXTINF:6.5"), "{playlist}");
    assert!(playlist.contains(&format!("../cmaf/t1.vtt?{QUERY}")), "{playlist}");
    // A period of DASH asks for one of them.
    let second =
        document(&[("00:00:00.000 --> 00:00:01.000", "one"), ("00:00:01.500 --> 00:00:03.000", "two")]);
    assert_eq!(resource(&source, "/cmaf/t1.vtt", &format!("{QUERY}&scene=2")), second);
}

#[test]
fn text_is_in_time_with_the_clip_or_with_the_segments() {
    let source = film().build();
    let (exact, by_key_frame) = ("start=4.5&end=6", "start=4.5&end=6&mode=keyframe");
    let in_exact = vtt(&source, 1, exact);
    let of_segments = resource(&source, "/cmaf/t1.vtt", exact);
    assert_ne!(in_exact, of_segments);
    for (query, wanted) in [(exact, &in_exact), (by_key_frame, &of_segments)] {
        assert_eq!(&vtt(&source, 1, query), wanted, "{query}");
        assert_eq!(&resource(&source, "/text/t1.vtt", query), wanted, "{query}");
        // A playlist carries the query on.
        assert_eq!(resource(&source, "/cmaf/t1.vtt", query), of_segments, "{query}");
    }
    assert_eq!(resource(&source, "/text/chapters.vtt", exact), chapters(&source, exact));
    assert_eq!(resource(&source, "/text/t1.vtt", ""), resource(&source, "/cmaf/t1.vtt", ""));
}

/// A `udta` with chapters of Nero's form, which have no end.
fn chpl(titles: &[(u64, &str)]) -> Vec<u8> {
    let mut content = vec![1, 0, 0, 0, 0, 0, 0, 0, u8::try_from(titles.len()).unwrap()];
    for (millis, title) in titles {
        content.extend((millis * 10_000).to_be_bytes());
        content.push(u8::try_from(title.len()).unwrap());
        content.extend(title.bytes());
    }
    make_box(b"chpl", content)
}

#[test]
fn chapters_of_nero_move_with_their_scenes() {
    let more = make_box(b"udta", chpl(&[(2000, "Middle"), (6000, "End")]));
    let film = Film { more: vec![more], ..Film::of(vec![TrackSpec::video(100, 10)]) }.build();
    let query = "clip=7-8&clip=1-4&clip=5.5-6.5";
    // The film has no chapter before 2 s: that of the scene before does not go on.
    let kept = chpl(&[(0, "End"), (1000, ""), (2000, "Middle"), (4000, "Middle"), (4500, "End")]);
    let expected = document(&[
        ("00:00:00.000 --> 00:00:01.000", "End"),
        ("00:00:02.000 --> 00:00:04.000", "Middle"),
        ("00:00:04.000 --> 00:00:04.500", "Middle"),
        ("00:00:04.500 --> 00:00:05.000", "End"),
    ]);
    assert_eq!(chapters(&film, query), expected);
    // A film in fragments has them, too.
    for query in [query.to_owned(), format!("{query}&format=fmp4")] {
        let cut = clip(&film, &query).unwrap();
        assert!(cut.windows(kept.len()).any(|w| w == kept), "{query}");
        assert_eq!(chapters(&cut, ""), expected, "{query}");
    }
}
