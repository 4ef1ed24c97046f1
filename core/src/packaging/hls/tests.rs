use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::boxes::{BoxType, PsshBox};
use crate::describe::{AudioDescription, Protection, SupplementalCodec, VideoRange};
use crate::packaging::testing::{all, audio, plain, presentation, pssh, pssh_of, rich, text, video};
use crate::packaging::{Address, Form, Presentation, Rendition, Rung};
use crate::plan::Spacing;
use crate::request::TrackKind;

/// Attribute lists by tag, in order. Splits at commas outside of quotes, as 4.2 has them.
fn tags<'t>(playlist: &'t str, tag: &str) -> Vec<BTreeMap<&'t str, &'t str>> {
    let prefix = format!("#{tag}:");
    let lists = playlist.lines().filter_map(|line| line.strip_prefix(&prefix));
    lists.map(attributes).collect()
}

fn attributes(mut list: &str) -> BTreeMap<&str, &str> {
    let mut all = BTreeMap::new();
    while !list.is_empty() {
        let (name, rest) = list.split_once('=').unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-'), "{name}");
        let end = match rest.strip_prefix('"') {
            Some(quoted) => quoted.find('"').unwrap() + 2,
            None => rest.find(',').unwrap_or(rest.len()),
        };
        let (value, after) = rest.split_at(end);
        assert!(all.insert(name, value.trim_matches('"')).is_none(), "{name} twice");
        list = after.strip_prefix(',').unwrap_or_else(|| {
            assert_eq!(after, "");
            after
        });
    }
    all
}

fn value<'t>(playlist: &'t str, tag: &str) -> Option<&'t str> {
    let prefix = format!("#{tag}:");
    let mut values = playlist.lines().filter_map(|line| line.strip_prefix(&prefix));
    let value = values.next();
    assert_eq!(values.next(), None, "{tag} twice");
    value
}

fn has(playlist: &str, line: &str) -> bool {
    playlist.lines().any(|other| other == line)
}

/// Links, which are no tags.
fn links(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| !line.starts_with('#')).collect()
}

fn range(text: &str) -> (u64, u64) {
    let (length, offset) = text.split_once('@').unwrap();
    let offset = offset.parse().unwrap();
    (offset, offset + length.parse::<u64>().unwrap())
}

/// Seconds, in millionths.
fn micros(seconds: &str) -> u64 {
    let (whole, part) = seconds.split_once('.').unwrap();
    assert_eq!(part.len(), 6);
    whole.parse::<u64>().unwrap() * 1_000_000 + part.parse::<u64>().unwrap()
}

/// What a link leads to from a playlist, with the query that it carries on.
fn address(link: &str) -> (Address, &str) {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let path = path.strip_prefix("..").map_or_else(|| format!("/hls/{path}"), str::to_owned);
    (Address::parse(path.as_bytes()).unwrap(), query)
}

fn in_segments(presentation: &Presentation) -> impl Iterator<Item = &Rendition> {
    presentation.renditions.iter().filter(|rendition| !rendition.segments.is_empty() && rendition.is_known())
}

/// Rules for each media playlist, by their section of RFC 8216bis.
fn obeys_rules(name: &str, text: &str, is_growing: bool) {
    assert!(text.starts_with("#EXTM3U\n") && text.ends_with('\n'), "{name}: 4.4.1.1");
    assert!(!text.contains('\r') && !text.contains("\n\n"), "{name}");
    let version: u32 = value(text, "EXT-X-VERSION").unwrap().parse().unwrap();
    let only_frames = has(text, "#EXT-X-I-FRAMES-ONLY");
    let has_map = !tags(text, "EXT-X-MAP").is_empty();
    let needed = match (has_map, only_frames) {
        (true, false) => 6,
        (true, true) => 5,
        (false, true) => 4,
        (false, false) if text.contains("#EXT-X-BYTERANGE") => 4,
        (false, false) => 3,
    };
    assert!(version >= needed, "{name}: 8");
    let target: u64 = value(text, "EXT-X-TARGETDURATION").unwrap().parse().unwrap();
    let durations = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
    let durations: Vec<_> = durations.map(|line| micros(line.strip_suffix(',').unwrap())).collect();
    assert!(durations.iter().all(|d| (d + 500_000) / 1_000_000 <= target), "{name}: 4.4.3.1");
    assert_eq!(durations.len(), links(text).len(), "{name}: 4.4.4.1");
    let kind = if is_growing { "EVENT" } else { "VOD" };
    assert_eq!(value(text, "EXT-X-PLAYLIST-TYPE"), Some(kind), "{name}: 4.4.3.5");
    assert_eq!(has(text, "#EXT-X-ENDLIST"), !is_growing, "{name}: 4.4.3.4");
}

#[test]
fn media_playlists_obey_the_rules() {
    for (name, film) in all() {
        let mut targets = BTreeSet::new();
        for rendition in in_segments(&film) {
            let text = media(&film, rendition);
            obeys_rules(name, &text, film.is_growing);
            let target = value(&text, "EXT-X-TARGETDURATION").unwrap();
            if rendition.track.kind == Some(TrackKind::Text) {
                assert_eq!(target, "66", "{name}");
            } else {
                targets.insert(target.to_owned());
            }
            let durations = text.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
            let sum: u64 = durations.map(|line| micros(line.trim_end_matches(','))).sum();
            let last = rendition.segments.last().unwrap();
            let end = (last.start + last.duration) * 1_000_000;
            assert_eq!(sum, (end + u64::from(rendition.timescale) / 2) / u64::from(rendition.timescale));
            let is_independent = rendition.segments.iter().all(|segment| segment.is_independent);
            let is_claimed = is_independent && !film.is_growing;
            assert_eq!(has(&text, "#EXT-X-INDEPENDENT-SEGMENTS"), is_claimed, "{name}: 4.4.2.1");
            if rendition.track.kind == Some(TrackKind::Video) {
                let text = iframes(&film, rendition);
                obeys_rules(name, &text, film.is_growing);
                assert!(has(&text, "#EXT-X-I-FRAMES-ONLY"), "{name}: 4.4.3.6");
                targets.insert(value(&text, "EXT-X-TARGETDURATION").unwrap().to_owned());
            }
        }
        assert_eq!(targets.len(), 1, "{name}: 6.2.4 {targets:?}");
        for rendition in film.renditions.iter().filter(|rendition| rendition.segments.is_empty()) {
            obeys_rules(name, &media(&film, rendition), false);
        }
    }
}

#[test]
fn the_target_duration_is_the_rounded_maximum() {
    let mut film = plain();
    let spacing = |target| Spacing { target, first: target };
    let cases = [
        (1, 1, "1"),
        (14_999, 1, "1"),
        (45_000, 1, "2"),
        (299_999, 9, "10"),
        (301_000, 10, "10"),
        (1, 7, "7"),
    ];
    for (longest, between, target) in cases {
        film.renditions.iter_mut().for_each(|rendition| rendition.spacing = spacing(between));
        for segment in film.renditions.iter_mut().flat_map(|rendition| &mut rendition.segments) {
            segment.duration = 1;
        }
        film.renditions[0].segments[2].duration = longest;
        for rendition in &film.renditions {
            assert_eq!(value(&media(&film, rendition), "EXT-X-TARGETDURATION"), Some(target), "{longest}");
        }
    }
}

#[test]
fn ranges_are_the_segments() {
    for (name, film) in all().into_iter().filter(|(_, film)| film.form == Form::Ranges) {
        for rendition in in_segments(&film) {
            let text = media(&film, rendition);
            let map = &tags(&text, "EXT-X-MAP")[0];
            assert_eq!(range(map["BYTERANGE"]), (0, 900), "{name}");
            let mut end = rendition.index.end;
            for line in text.lines().filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:")) {
                assert_eq!(range(line).0, end, "{name}: one after the other");
                end = range(line).1;
            }
            assert_eq!(end, rendition.segments.last().unwrap().bytes.end, "{name}");
            let files: BTreeSet<_> = links(&text).into_iter().chain([map["URI"]]).collect();
            assert_eq!(files.len(), 1, "{name}");
            assert_eq!(address(links(&text)[0]).0.to_string(), format!("/cmaf/{}.mp4", rendition.name));
        }
    }
}

#[test]
fn separate_segments_are_counted_from_1() {
    for (name, film) in all().into_iter().filter(|(_, film)| film.form == Form::Segments) {
        for rendition in in_segments(&film) {
            let text = media(&film, rendition);
            let map = &tags(&text, "EXT-X-MAP")[0];
            assert!(!text.contains("BYTERANGE"), "{name}");
            let track = &rendition.name;
            assert_eq!(address(map["URI"]).0.to_string(), format!("/cmaf/{track}/init.mp4"));
            let found: Vec<_> = links(&text).into_iter().map(|link| address(link).0.to_string()).collect();
            let segments = (1..=rendition.segments.len()).map(|n| format!("/cmaf/{track}/{n}.m4s"));
            assert_eq!(found, segments.collect::<Vec<_>>(), "{name}");
        }
    }
}

#[test]
fn key_frames_are_the_starts_of_segments() {
    let mut film = plain();
    let text = iframes(&film, &film.renditions[0]);
    let ranges = |text: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-BYTERANGE:"));
        lines.map(range).collect::<Vec<_>>()
    };
    let expected = [(1000, 201_000), (2_001_000, 2_301_000), (5_001_000, 5_101_000), (6_001_000, 6_051_000)];
    assert_eq!(ranges(&text), expected);
    film.form = Form::Segments;
    let text = iframes(&film, &film.renditions[0]);
    assert_eq!(ranges(&text), [(0, 200_000), (0, 300_000), (0, 100_000), (0, 50_000)]);
    assert_eq!(address(links(&text)[3]).0.to_string(), "/cmaf/v1/4.m4s");
}

/// 4.4.6.1.1: Members of one name have the same attributes in all groups, but for their resource and
/// its channels. All groups have what that of AAC has. Of the members that a player may choose, no
/// two have the same language, and are for the same.
fn members_correspond(name: &str, text: &str) {
    let mut by_name = BTreeMap::new();
    let mut groups: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    let mut chosen = BTreeSet::new();
    for mut media in tags(text, "EXT-X-MEDIA") {
        let kind = media["TYPE"];
        let group = media.remove("GROUP-ID").unwrap();
        groups.entry((kind, group)).or_default().insert(media["NAME"]);
        let purpose = ["LANGUAGE", "FORCED", "CHARACTERISTICS"].map(|key| media.get(key).copied());
        assert!(media["AUTOSELECT"] == "NO" || chosen.insert((kind, group, purpose)), "{name}: {media:?}");
        media.remove("URI");
        media.remove("CHANNELS");
        let first = by_name.entry((kind, media["NAME"])).or_insert(media.clone());
        assert_eq!(*first, media, "{name}");
    }
    let aac = groups.get(&("AUDIO", "aac")).cloned().unwrap_or_default();
    let mut sound = groups.iter().filter(|((kind, _), _)| *kind == "AUDIO");
    assert!(sound.all(|(_, members)| members.is_superset(&aac)), "{name}: {groups:?}");
}

#[test]
fn the_multivariant_playlist_obeys_the_rules() {
    for (name, film) in all() {
        let text = multivariant(&film);
        assert!(text.starts_with("#EXTM3U\n") && !text.contains('\r'), "{name}");
        let (mut groups, mut names) = (BTreeMap::new(), BTreeSet::new());
        for media in tags(&text, "EXT-X-MEDIA") {
            let group = (media["TYPE"], media["GROUP-ID"]);
            assert!(names.insert((group, media["NAME"])), "{name}: 4.4.6.1.1 one name in a group");
            assert!(media["DEFAULT"] == "NO" || media["AUTOSELECT"] == "YES", "{name}: 4.4.6.1");
            let defaults = groups.entry(group).or_insert(0);
            *defaults += u32::from(media["DEFAULT"] == "YES");
            assert!(*defaults <= 1, "{name}: 4.4.6.1.1 one default in a group");
        }
        members_correspond(name, &text);
        let mut used = BTreeSet::new();
        let variants = tags(&text, "EXT-X-STREAM-INF");
        assert_eq!(variants.len(), links(&text).len(), "{name}: 4.4.6.2");
        for variant in &variants {
            let rate = |key| variant[key].parse::<u64>().unwrap();
            assert!(rate("BANDWIDTH") >= rate("AVERAGE-BANDWIDTH"), "{name}");
            for (key, kind) in [("AUDIO", "AUDIO"), ("SUBTITLES", "SUBTITLES")] {
                used.extend(variant.get(key).map(|id| (kind, *id)));
            }
        }
        assert_eq!(used, groups.keys().copied().collect(), "{name}: groups are there, and used");
        let independent = in_segments(&film).flat_map(|r| &r.segments).all(|segment| segment.is_independent);
        let is_claimed = independent && !film.is_growing;
        assert_eq!(has(&text, "#EXT-X-INDEPENDENT-SEGMENTS"), is_claimed, "{name}: 4.4.2.1");
    }
}

#[test]
fn each_link_leads_to_a_track_and_carries_the_query_on() {
    for (name, film) in all() {
        let text = multivariant(&film);
        let tagged = ["EXT-X-MEDIA", "EXT-X-I-FRAME-STREAM-INF"].map(|tag| tags(&text, tag)).concat();
        let playlists: BTreeSet<_> =
            links(&text).into_iter().chain(tagged.iter().map(|t| t["URI"])).collect();
        let is_left_out = |r: &&Rendition| film.is_growing && r.segments.is_empty() || !r.is_known();
        let expected = film.renditions.iter().filter(|r| !is_left_out(r)).map(|r| r.name.clone());
        let tracks = playlists.iter().filter_map(|link| address(link).0.track());
        let led: BTreeSet<_> = tracks.map(|track| track.to_string()).collect();
        assert_eq!(led, expected.collect(), "{name}");
        let inner = film.renditions.iter().map(|rendition| media(&film, rendition)).collect::<Vec<_>>();
        let query = film.query.replace('"', "%22").replace('<', "%3C").replace('>', "%3E");
        for link in playlists.into_iter().chain(inner.iter().flat_map(|text| links(text))) {
            assert_eq!(address(link).1, query, "{name}");
        }
    }
}

#[test]
fn a_plain_movie_has_one_variant() {
    // 3 MB in 6.006 s of pictures, 97,000 bytes in 287,744/48,000 s of sound: peaks add up.
    let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"a1.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=4125453,AVERAGE-BANDWIDTH=2725250,CODECS=\"avc1.640028,mp4a.40.2\",FRAME-RATE=29.970,RESOLUTION=1920x1080,VIDEO-RANGE=SDR,AUDIO=\"aac\"
v1.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=399601,AVERAGE-BANDWIDTH=259741,CODECS=\"avc1.640028\",RESOLUTION=1920x1080,VIDEO-RANGE=SDR,URI=\"v1-iframes.m3u8\"
";
    assert_eq!(multivariant(&plain()), expected);
}

#[test]
fn each_coding_of_sound_is_a_variant() {
    let mut film = rich();
    film.renditions[2].segments[1].bytes.end += 1_000_000;
    let text = multivariant(&film);
    let variants = tags(&text, "EXT-X-STREAM-INF");
    let found: Vec<_> = variants.iter().map(|v| (v["AUDIO"], v["CODECS"], v["SUBTITLES"])).collect();
    let expected = [
        ("aac", "avc1.640028,mp4a.40.2,mp4a.40.5", "text"),
        ("ac-3", "avc1.640028,mp4a.40.2,ac-3,mp4a.40.5", "text"),
    ];
    assert_eq!(found, expected);
    // What is added to one coding makes no other variant larger.
    assert_eq!(variants[0]["BANDWIDTH"], tags(&multivariant(&plain()), "EXT-X-STREAM-INF")[0]["BANDWIDTH"]);
    let larger = 3_000_000 * 8 * 1000 / 6006 + 1_097_000 * 8 * 48_000 / 287_744;
    assert_eq!(variants[1]["BANDWIDTH"].parse::<u64>().unwrap(), larger + 2);
}

#[test]
fn text_that_no_player_knows_is_nowhere() {
    let of = |codec: &str| {
        let mut text = audio("t1", codec, Some("en"));
        (text.track.kind, text.track.audio) = (Some(TrackKind::Text), None);
        multivariant(&presentation(vec![video(), text]))
    };
    for codec in ["c608", "mp4s", "sbtt", "tx3g"] {
        assert_eq!(of(codec), multivariant(&presentation(vec![video()])), "{codec}");
    }
    for (codec, codecs) in [
        ("stpp.ttml.im1t", "avc1.640028,stpp.ttml.im1t"),
        ("wvtt", "avc1.640028,wvtt"),
        ("stpp", "avc1.640028,stpp"),
    ] {
        assert_eq!(tags(&of(codec), "EXT-X-STREAM-INF")[0]["CODECS"], codecs);
    }
}

#[test]
fn what_a_track_is_for_is_said() {
    let mut film = rich();
    let all = [("a4", "description"), ("t1", "easyreader"), ("a1", "enhanced-audio-intelligibility")];
    for (name, role) in all {
        let rendition = film.renditions.iter_mut().find(|rendition| rendition.name == name).unwrap();
        rendition.track.roles = vec![role.to_owned(), "\"unknown\n".to_owned()];
    }
    film.renditions[5].track.is_enabled = true;
    let text = multivariant(&film);
    let media = tags(&text, "EXT-X-MEDIA");
    let of = |uri: &str| media.iter().find(|media| media["URI"] == uri).unwrap();
    assert_eq!(of("a4.m3u8")["CHARACTERISTICS"], "public.accessibility.describes-video");
    assert_eq!(of("a4.m3u8").get("LANGUAGE"), None);
    assert_eq!(of("a1.m3u8")["CHARACTERISTICS"], "public.accessibility.enhances-speech-intelligibility");
    assert_eq!(of("t1.m3u8")["CHARACTERISTICS"], "public.easy-to-read");
    let captions =
        "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound";
    assert_eq!(of("t2.m3u8")["CHARACTERISTICS"], captions);
    assert_eq!(of("a2.m3u8").get("CHARACTERISTICS"), None);
    assert_eq!(of("a2.m3u8")["CHANNELS"], "6");
    assert_eq!(of("a3.m3u8")["NAME"], "The 'director' & Zoë");
    assert_eq!(of("t1.m3u8")["LANGUAGE"], "pt-BR");
    let forced: Vec<_> = media.iter().filter(|m| m.contains_key("FORCED")).map(|m| m["URI"]).collect();
    assert_eq!(forced, ["t3.m3u8"]);
    let text: Vec<_> = media.iter().filter(|m| m["TYPE"] == "SUBTITLES").map(|m| m["DEFAULT"]).collect();
    assert_eq!(text, ["NO", "YES", "NO"]);
}

#[test]
fn mp3_has_the_name_that_it_has_in_hls() {
    let playlist = multivariant(&presentation(vec![audio("a1", "mp3", None)]));
    assert_eq!(tags(&playlist, "EXT-X-STREAM-INF")[0]["CODECS"], "mp4a.40.34");
}

#[test]
fn sound_alone_is_a_variant_by_itself() {
    let one = multivariant(&presentation(vec![audio("a1", "mp4a.40.2", Some("en"))]));
    assert!(!one.contains("EXT-X-MEDIA") && !one.contains("I-FRAME") && !one.contains("RESOLUTION"), "{one}");
    assert_eq!(links(&one), ["a1.m3u8"]);
    assert_eq!(tags(&one, "EXT-X-STREAM-INF")[0]["CODECS"], "mp4a.40.2");
    let mut film = presentation(vec![
        audio("a1", "mp4a.40.2", Some("en")),
        audio("a2", "mp4a.40.2", Some("de")),
        audio("a3", "Opus", Some("de")),
    ]);
    film.renditions[0].track.is_enabled = false;
    film.renditions[1].track.audio = Some(AudioDescription { channels: 0, sampling_rate: 48_000 });
    let text = multivariant(&film);
    // The one that is played by default is the variant.
    assert_eq!(links(&text), ["a2.m3u8", "a3.m3u8"]);
    let media: Vec<_> = tags(&text, "EXT-X-MEDIA").iter().map(|m| (m["URI"], m["DEFAULT"])).collect();
    let expected = [("a1.m3u8", "NO"), ("a2.m3u8", "YES"), ("a1.m3u8", "NO"), ("a3.m3u8", "YES")];
    assert_eq!(media, expected);
    assert_eq!(tags(&text, "EXT-X-MEDIA")[1].get("CHANNELS"), None);
}

#[test]
fn of_many_codings_of_sound_few_are_offered() {
    let sound = (0..40).map(|n| audio(&format!("a{n}"), &format!("mp4a.{n:02x}"), None));
    let text = multivariant(&presentation(sound.collect()));
    assert_eq!(links(&text), ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"].map(|a| format!("{a}.m3u8")));
    // That which all players decode is among them.
    let sound = (0..12).map(|n| match n {
        11 => audio("a11", "mp4a.40.2", Some("de")),
        n => audio(&format!("a{n}"), &format!("mp4a.{n:02x}"), Some("en")),
    });
    let text = multivariant(&presentation(sound.collect()));
    assert!(links(&text).len() == 8 && links(&text).contains(&"a11.m3u8"), "{text}");
}

#[test]
fn pictures_are_described_as_they_are_presented() {
    let mut film = plain();
    let described = |film: &Presentation| {
        let text = multivariant(film);
        let variant = &tags(&text, "EXT-X-STREAM-INF")[0];
        let key_frames = &tags(&text, "EXT-X-I-FRAME-STREAM-INF")[0];
        assert_eq!(variant.get("RESOLUTION"), key_frames.get("RESOLUTION"));
        assert_eq!(variant["VIDEO-RANGE"], key_frames["VIDEO-RANGE"]);
        assert!(!key_frames.contains_key("FRAME-RATE") && !key_frames.contains_key("AUDIO"), "4.4.6.3");
        let text = |key| variant.get(key).copied().unwrap_or_default().to_owned();
        [text("RESOLUTION"), text("FRAME-RATE"), text("VIDEO-RANGE")]
    };
    let rates = [(Some((25, 1)), "25.000"), (Some((24_000, 1001)), "23.976"), (Some((2, 3)), "0.667")];
    for (rate, expected) in rates.into_iter().chain([(None, ""), (Some((1, 0)), ""), (Some((1, 9999)), "")]) {
        film.renditions[0].track.video.as_mut().unwrap().frame_rate = rate;
        assert_eq!(described(&film), ["1920x1080", expected, "SDR"]);
    }
    let video = film.renditions[0].track.video.as_mut().unwrap();
    (video.presented, video.range) = ((1080, 1920), VideoRange::Pq);
    assert_eq!(described(&film), ["1080x1920", "", "PQ"]);
    let video = film.renditions[0].track.video.as_mut().unwrap();
    (video.presented, video.range) = ((0, 1920), VideoRange::Hlg);
    assert_eq!(described(&film), ["", "", "HLG"]);
}

#[test]
fn dolby_vision_is_said_beside_what_others_see() {
    let mut film = plain();
    let said = |film: &Presentation| {
        let text = multivariant(film);
        ["EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF"]
            .map(|tag| tags(&text, tag)[0].get("SUPPLEMENTAL-CODECS").map(|&value| value.to_owned()))
    };
    assert_eq!(said(&film), [None, None]);
    film.renditions[0].track.video.as_mut().unwrap().supplemental =
        Some(SupplementalCodec { codec: "dvh1.08.04".to_owned(), brand: "db4h" });
    assert_eq!(said(&film), ["dvh1.08.04/db4h", "dvh1.08.04/db4h"].map(|value| Some(value.to_owned())));
}

#[test]
fn a_complete_event_says_no_less_than_its_segments_last() {
    let target = |is_growing, event_target| {
        let film = Presentation { is_growing, event_target, ..plain() };
        let text = media(&film, &film.renditions[0]);
        let target = text.lines().find_map(|line| line.strip_prefix("#EXT-X-TARGETDURATION:"));
        target.unwrap().parse().unwrap()
    };
    // The longest lasts 6 s.
    assert_eq!((target(true, Some(3)), target(false, Some(3)), target(false, Some(12))), (3, 6, 12));
    assert_eq!(target(false, None), 6);
}

#[test]
fn text_is_one_segment() {
    let mut film = presentation(vec![video(), text("t1", "en")]);
    film.query = "start=3".to_owned();
    let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:21
#EXT-X-PLAYLIST-TYPE:VOD
#EXTINF:20.020000,
../cmaf/t1.vtt?start=3
#EXT-X-ENDLIST
";
    assert_eq!(media(&film, &film.renditions[1]), expected);
    for duration in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        film.duration = duration;
        assert!(media(&film, &film.renditions[1]).contains("../cmaf/t1.vtt?start=3\n"));
    }
}

#[test]
fn text_in_fragments_is_a_coding_of_the_variant() {
    let (_, film) = all().into_iter().find(|(name, _)| *name == "text in fragments").unwrap();
    let text = multivariant(&film);
    let variant = &tags(&text, "EXT-X-STREAM-INF")[0];
    assert_eq!(variant["CODECS"], "avc1.640028,stpp.ttml.im1t");
    // Those of 6 s of pictures, and of the 72 s of text that have the most.
    let rates = (3_000_000 * 8_000 / 6006 + 1, 1_300 * 8_000 / 72_006 + 1);
    assert_eq!(variant["BANDWIDTH"].parse::<u64>().unwrap(), rates.0 + rates.1);
}

/// A parser of others reads in our playlists what is in them.
#[test]
fn m3u8_rs_reads_the_playlists() {
    for (name, film) in all() {
        let text = multivariant(&film);
        let read = m3u8_rs::parse_master_playlist_res(text.as_bytes()).expect(name);
        let key_frames = usize::from(film.renditions[0].track.video.is_some());
        let variants = tags(&text, "EXT-X-STREAM-INF").len();
        assert_eq!(read.variants.len(), variants + key_frames, "{name}");
        assert_eq!(read.alternatives.len(), tags(&text, "EXT-X-MEDIA").len(), "{name}");
        for rendition in &film.renditions {
            let text = media(&film, rendition);
            let read = m3u8_rs::parse_media_playlist_res(text.as_bytes()).expect(name);
            assert_eq!(read.segments.len(), rendition.segments.len().max(1), "{name}");
            assert_eq!(read.end_list, !film.is_growing || rendition.segments.is_empty(), "{name}");
            let ranges = read.segments.iter().filter_map(|segment| segment.byte_range.as_ref());
            let ranges: Vec<_> = ranges.map(|r| r.offset.unwrap()..r.offset.unwrap() + r.length).collect();
            let expected: Vec<_> = rendition.segments.iter().map(|segment| segment.bytes.clone()).collect();
            assert!(film.form == Form::Segments || ranges == expected, "{name}");
        }
    }
}

#[test]
fn keys_are_those_that_the_film_has_a_system_for() {
    let hex = |digits: &str| u128::from_str_radix(digits, 16).unwrap().to_be_bytes();
    let widevine = pssh_of(hex("edef8ba979d64acea3c827dcd51d21ed"));
    let playready = pssh_of(hex("9a04f07998404286ab92e65be0885f95"));
    let mut film = plain();
    let mut protect = |scheme: &[u8; 4], systems: Vec<PsshBox>| {
        let (scheme, key_id) = (Some(BoxType(*scheme)), Some([0xab; 16]));
        for rendition in &mut film.renditions {
            rendition.track.protection = Some(Protection { scheme, key_id, systems: systems.clone() });
        }
        (multivariant(&film), media(&film, &film.renditions[0]), iframes(&film, &film.renditions[0]))
    };
    // Of other systems, and of other schemes, HLS has no names.
    for (scheme, system) in [(b"cenc", pssh(1)), (b"cens", widevine.clone())] {
        let (all, one, frames) = protect(scheme, vec![system]);
        assert!(!(all + &one + &frames).contains("-KEY:"));
    }
    for (scheme, method) in [(b"cenc", "SAMPLE-AES-CTR"), (b"cbcs", "SAMPLE-AES")] {
        let (all, one, frames) = protect(scheme, vec![widevine.clone(), pssh(1), playready.clone()]);
        let keys = tags(&one, "EXT-X-KEY");
        assert_eq!(keys, tags(&frames, "EXT-X-KEY"));
        assert_eq!(keys, tags(&all, "EXT-X-SESSION-KEY"));
        assert!(one.find("EXT-X-KEY").unwrap() < one.find("EXTINF").unwrap());
        assert_eq!(keys.len(), 2);
        for (key, format) in
            keys.iter().zip(["urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed", "com.microsoft.playready"])
        {
            assert_eq!((key["METHOD"], key["KEYFORMAT"], key["KEYFORMATVERSIONS"]), (method, format, "1"));
            assert_eq!(key["KEYID"], format!("0x{}", "AB".repeat(16)));
        }
        // The box, and what is in it.
        assert!(keys[0]["URI"].starts_with("data:text/plain;base64,AAAAInBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7Q"));
        assert_eq!(keys[1]["URI"], "data:text/plain;charset=UTF-16;base64,BQY=");
    }
}

#[test]
fn one_session_key_is_of_all_keys_at_the_same_address() {
    let hex = |digits: &str| u128::from_str_radix(digits, 16).unwrap().to_be_bytes();
    let mut film = plain();
    for (rendition, id) in film.renditions.iter_mut().zip(1..) {
        let systems = vec![pssh_of(hex("edef8ba979d64acea3c827dcd51d21ed"))];
        let (scheme, key_id) = (Some(BoxType(*b"cenc")), Some([id; 16]));
        rendition.track.protection = Some(Protection { scheme, key_id, systems });
    }
    let text = multivariant(&film);
    let keys = tags(&text, "EXT-X-SESSION-KEY");
    assert_eq!(keys.len(), 1, "4.4.6.5: {keys:?}");
    let of_track = |n: usize| tags(&media(&film, &film.renditions[n]), "EXT-X-KEY")[0]["KEYID"].to_owned();
    assert_eq!([of_track(0), of_track(1)], ["01", "02"].map(|id| format!("0x{}", id.repeat(16))));
}

#[test]
fn a_ladder_has_a_variant_for_each_film_and_the_sound_of_one() {
    let (silent, rich, plain) = (presentation(vec![video()]), rich(), plain());
    let rung = |film: &'static str, presentation| Rung { film: film.as_bytes(), presentation };
    let text = ladder(&[rung("a b.mp4", &silent), rung("2/c?.mp4", &rich), rung("d.mp4", &plain)]);
    obeys_ladder(&text, 3 * 2, multivariant(&rich).matches("TYPE=").count());
    let media: BTreeSet<_> = text.lines().filter(|line| line.starts_with("#EXT-X-MEDIA")).collect();
    assert!(media.iter().all(|line| line.contains("URI=\"2/c%3F.mp4/hls/")), "{media:?}");
    let variants: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let expected = ["a%20b.mp4", "2/c%3F.mp4", "d.mp4"].map(|film| format!("{film}/hls/v1.m3u8"));
    assert_eq!(variants, expected.iter().flat_map(|link| [link, link]).collect::<Vec<_>>());
    // What is heard with the pictures is a part of what they take.
    let bandwidth = |text: &str| tags(text, "EXT-X-STREAM-INF")[0]["BANDWIDTH"].to_owned();
    assert_eq!(bandwidth(&text), bandwidth(&multivariant(&rich)));
    // Of one film, it is what the film has itself.
    let one = ladder(&[rung("d.mp4", &plain)]);
    assert_eq!(one.replace("d.mp4/hls/", ""), multivariant(&plain));
}

/// A multivariant playlist that a parser of others reads, with so many variants and renditions.
fn obeys_ladder(text: &str, variants: usize, renditions: usize) {
    let read = m3u8_rs::parse_master_playlist_res(text.as_bytes()).unwrap();
    assert_eq!(read.variants.iter().filter(|variant| !variant.is_i_frame).count(), variants);
    assert_eq!(read.variants.iter().filter(|variant| variant.is_i_frame).count(), 3);
    assert_eq!(read.alternatives.len(), renditions);
}
