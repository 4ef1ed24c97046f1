//! Which tracks a clip has, and which of them it goes by.

use mp4seek::{Answer, Settings};
use test_boxes::{Film, Sample, TrackSpec, expand, find, make_box};

use crate::common::{ask, clip, identity, seeker};
use crate::segments::at;
use crate::{status, video_with};

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
    // The new positions could not be written, so the film is sent as it is.
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

/// Video, audio in English and German, subtitles, and hints for the video.
fn several_tracks() -> Film {
    let audio = |lang: &[u8; 3]| {
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
    Film::of(vec![video, audio(b"eng"), audio(b"deu"), text, hint])
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
    // In fragments, too.
    for query in ["start=0.5", "tracks=1,2,4", "tracks=v1-a1", "tracks=audio"] {
        assert_eq!(tref(&format!("{query}&format=fmp4")), tref(query), "{query}");
    }
    // A track file has no track to refer to.
    assert_eq!(tref("tracks=v1&format=fmp4"), None);
    assert_eq!(
        find(find(&at(&film, "/cmaf/v1.mp4", ""), b"moov").unwrap(), b"trak").map(|trak| find(trak, b"tref")),
        Some(None)
    );
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
    // In the unchanged film, the positions in another file stay what they are.
    assert_eq!(ask(&film, "").unwrap(), None);
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
