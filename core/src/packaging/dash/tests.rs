use std::collections::BTreeSet;

use roxmltree::{Document, Node};

use super::*;
use crate::boxes::BoxType;
use crate::describe::{AudioDescription, Protection, SupplementalCodec, VideoRange};
use crate::packaging::testing::pssh;
use crate::packaging::testing::{all, audio, plain, presentation, rich, text, video};
use crate::packaging::{Address, Rendition};

const FORMS: [Form; 2] = [Form::Ranges, Form::Segments];

/// What the schema of ISO/IEC 23009-1 has of each element that we write: the attributes that it must
/// have, those that it may have, and its children in their order.
type Element = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);
const SCHEMA: [Element; 17] = [
    ("MPD", &["profiles", "minBufferTime"], &["type", "mediaPresentationDuration"], &["Period"]),
    ("Period", &[], &["id"], &["AdaptationSet"]),
    (
        "AdaptationSet",
        &[],
        &[
            "id",
            "contentType",
            "lang",
            "mimeType",
            "selectionPriority",
            "segmentAlignment",
            "startWithSAP",
            "subsegmentAlignment",
            "subsegmentStartsWithSAP",
        ],
        &["ContentProtection", "SupplementalProperty", "Label", "Accessibility", "Role", "Representation"],
    ),
    (
        "Representation",
        &["id", "bandwidth"],
        &[
            "codecs",
            "supplementalCodecs",
            "supplementalProfiles",
            "width",
            "height",
            "sar",
            "frameRate",
            "audioSamplingRate",
        ],
        &["AudioChannelConfiguration", "BaseURL", "SegmentBase", "SegmentTemplate"],
    ),
    ("ContentProtection", &["schemeIdUri"], &["value", "default_KID"], &["pssh"]),
    ("pssh", &[], &[], &[]),
    ("SupplementalProperty", &["schemeIdUri"], &["value"], &[]),
    ("AudioChannelConfiguration", &["schemeIdUri"], &["value"], &[]),
    ("Accessibility", &["schemeIdUri"], &["value"], &[]),
    ("Role", &["schemeIdUri"], &["value"], &[]),
    ("Label", &[], &[], &[]),
    ("BaseURL", &[], &[], &[]),
    ("SegmentBase", &[], &["timescale", "indexRange", "indexRangeExact"], &["Initialization"]),
    ("Initialization", &[], &["range"], &[]),
    ("SegmentTemplate", &[], &["timescale", "initialization", "media", "startNumber"], &["SegmentTimeline"]),
    ("SegmentTimeline", &[], &[], &["S"]),
    ("S", &["d"], &["t", "r"], &[]),
];

fn children<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

fn all_of<'a, 'i>(node: Node<'a, 'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.descendants().filter(move |node| node.has_tag_name(name))
}

fn name<'a>(node: Node<'a, '_>) -> &'a str {
    node.tag_name().name()
}

fn is_of_schema(node: Node) {
    let (_, required, optional, inner) =
        SCHEMA.iter().find(|(element, ..)| *element == name(node)).expect("known");
    let namespace = if name(node) == "pssh" { "urn:mpeg:cenc:2013" } else { "urn:mpeg:dash:schema:mpd:2011" };
    assert_eq!(node.tag_name().namespace(), Some(namespace));
    let attributes: BTreeSet<_> = node.attributes().map(|attribute| attribute.name()).collect();
    assert!(required.iter().all(|name| attributes.contains(name)), "{}: {attributes:?}", name(node));
    let known = |name: &&str| required.contains(name) || optional.contains(name);
    assert!(attributes.iter().all(known), "{}: {attributes:?}", name(node));
    let places: Vec<_> = children(node).map(|child| inner.iter().position(|c| *c == name(child))).collect();
    assert!(places.is_sorted() && !places.contains(&None), "{}: {places:?}", name(node));
    children(node).for_each(is_of_schema);
}

/// The address that a link leads to from the folder of manifests, and the query that it carries on.
fn address(link: &str) -> (Address, &str) {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    (Address::parse(path.strip_prefix("..").unwrap().as_bytes()).unwrap(), query)
}

fn seconds(duration: &str) -> f64 {
    duration.strip_prefix("PT").unwrap().strip_suffix('S').unwrap().parse().unwrap()
}

/// The rendition that a representation is.
fn rendition<'p>(film: &'p Presentation, representation: Node) -> &'p Rendition {
    let id = representation.attribute("id").unwrap();
    film.renditions.iter().find(|rendition| rendition.name == id).unwrap()
}

#[test]
fn manifests_are_of_the_schema() {
    for (name, film) in all() {
        for form in FORMS {
            let text = manifest(&film, form);
            let document = Document::parse(&text).expect(name);
            let root = document.root_element();
            is_of_schema(root);
            assert_eq!(root.attribute("type"), Some("static"), "{name}");
            let duration = seconds(root.attribute("mediaPresentationDuration").unwrap());
            assert!((duration - film.duration).abs() < 1e-6, "{name}");
            assert!(seconds(root.attribute("minBufferTime").unwrap()) > 0.0, "{name}");
            let profile = root.attribute("profiles").unwrap();
            assert_eq!(profile.contains("on-demand"), form == Form::Ranges, "{name}");
            let ids: Vec<_> = all_of(root, "AdaptationSet").map(|set| set.attribute("id").unwrap()).collect();
            let known = film.renditions.iter().filter(|rendition| rendition.is_known()).count();
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), known, "{name}");
            assert_eq!(ids.len(), known, "{name}");
            for representation in all_of(root, "Representation") {
                let rendition = rendition(&film, representation);
                let is_text = rendition.segments.is_empty();
                assert_eq!(representation.attribute("codecs").is_none(), is_text, "{name}");
            }
        }
    }
}

#[test]
fn ranges_are_those_of_the_file() {
    for (name, film) in all() {
        let text = manifest(&film, Form::Ranges);
        let document = Document::parse(&text).unwrap();
        assert_eq!(all_of(document.root_element(), "SegmentTemplate").count(), 0, "{name}");
        for base in all_of(document.root_element(), "SegmentBase") {
            let rendition = rendition(&film, base.parent().unwrap());
            // The last byte is part of a range.
            assert_eq!(base.attribute("indexRange"), Some("900-999"), "{name}");
            assert_eq!(base.attribute("timescale"), Some(&*rendition.timescale.to_string()), "{name}");
            assert_eq!(children(base).next().unwrap().attribute("range"), Some("0-899"), "{name}");
            let url = all_of(base.parent().unwrap(), "BaseURL").next().unwrap().text().unwrap();
            assert_eq!(address(url).0.to_string(), format!("/cmaf/{}.mp4", rendition.name), "{name}");
        }
    }
}

/// What a player makes of a timeline (5.3.9.6).
fn expanded(template: Node) -> Vec<(u64, u64)> {
    let (mut start, mut all) = (0, Vec::new());
    for line in all_of(template, "S") {
        let number = |name| line.attribute(name).map(|value| value.parse::<u64>().unwrap());
        start = number("t").unwrap_or(start);
        for _ in 0..=number("r").unwrap_or(0) {
            all.push((start, number("d").unwrap()));
            start += number("d").unwrap();
        }
    }
    all
}

#[test]
fn a_timeline_has_the_time_of_each_segment() {
    let mut gaps = plain();
    gaps.renditions[0].segments[2].start += 7;
    gaps.renditions[1].segments.iter_mut().for_each(|segment| segment.start += 100);
    for (name, film) in all().into_iter().chain([("gaps", gaps)]) {
        let text = manifest(&film, Form::Segments);
        let document = Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!(all_of(root, "SegmentBase").count(), 0, "{name}");
        for template in all_of(root, "SegmentTemplate") {
            let rendition = rendition(&film, template.parent().unwrap());
            let segments = rendition.segments.iter().map(|segment| (segment.start, segment.duration));
            assert_eq!(expanded(template), segments.collect::<Vec<_>>(), "{name}");
            assert_eq!(template.attribute("timescale"), Some(&*rendition.timescale.to_string()), "{name}");
            assert_eq!(template.attribute("startNumber"), Some("1"), "{name}");
            let link = |name| template.attribute(name).unwrap();
            let media = link("media").replacen("$Number$", "42", 1).replace("$$", "$");
            let track = &rendition.name;
            assert_eq!(address(&media).0.to_string(), format!("/cmaf/{track}/42.m4s"), "{name}");
            let init = link("initialization").replace("$$", "$");
            assert_eq!(address(&init).0.to_string(), format!("/cmaf/{track}/init.mp4"), "{name}");
            let query = film.query.replace('"', "%22").replace('<', "%3C").replace('>', "%3E");
            assert_eq!((address(&media).1, address(&init).1), (&*query, &*query), "{name}");
        }
    }
    let three = manifest(&plain(), Form::Segments);
    assert!(three.contains("<S t=\"0\" d=\"180180\" r=\"2\"/>\n"), "{three}");
}

#[test]
fn each_link_carries_the_query_on() {
    let (_, film) = all().into_iter().find(|(name, _)| *name == "a clip").unwrap();
    let text = manifest(&film, Form::Ranges);
    let document = Document::parse(&text).unwrap();
    let links: Vec<_> = all_of(document.root_element(), "BaseURL").map(|url| url.text().unwrap()).collect();
    assert_eq!(links.len(), film.renditions.len());
    for link in links {
        assert_eq!(address(link).1, "start=3&end=0:01:02&tracks=v1-a2&x=%22'%3C$%3E");
    }
}

/// The values of the descriptors or the texts of this name.
fn values(set: Node, name: &str) -> String {
    let nodes = set.descendants().filter(|node| node.has_tag_name(name));
    nodes.map(|node| node.attribute("value").or(node.text()).unwrap()).collect::<Vec<_>>().join(" ")
}

/// The sets of a manifest: representation, language, label, roles, and whom it helps.
fn sets(film: &Presentation) -> Vec<[String; 5]> {
    let text = manifest(film, Form::Ranges);
    let document = Document::parse(&text).unwrap();
    let sets = all_of(document.root_element(), "AdaptationSet");
    let set = |set: Node| {
        let id = all_of(set, "Representation").next().unwrap().attribute("id").unwrap().to_owned();
        let language = set.attribute("lang").unwrap_or_default().to_owned();
        [id, language, values(set, "Label"), values(set, "Role"), values(set, "Accessibility")]
    };
    sets.map(set).collect()
}

#[test]
fn each_track_is_a_set_by_coding_and_language() {
    let mut film = rich();
    film.renditions[6].track.roles = ["description", "\"unknown", "main"].map(str::to_owned).to_vec();
    let expected = [
        ["v1", "", "", "main", ""],
        ["a1", "en", "English", "main", ""],
        ["a3", "en", "The \"director\" & Zoë", "alternate commentary", ""],
        ["a4", "", "Audio (described)", "alternate description", "1"],
        ["a2", "de", "German", "alternate", ""],
        ["t1", "pt-BR", "Portuguese, BR", "alternate subtitle", ""],
        ["t2", "en", "English (captions)", "alternate caption", "2"],
        ["t3", "en", "English (forced)", "alternate forced-subtitle", ""],
    ];
    assert_eq!(sets(&film), expected);
    let text = manifest(&film, Form::Ranges);
    assert_eq!(text.matches("selectionPriority").count(), 1);
    assert!(text.contains("lang=\"en\" mimeType=\"audio/mp4\" selectionPriority=\"2\""), "{text}");
}

#[test]
fn random_access_is_said_only_where_it_is_true() {
    let attributes = |film: &Presentation, form| {
        let text = manifest(film, form);
        let document = Document::parse(&text).unwrap();
        let sets = all_of(document.root_element(), "AdaptationSet");
        let names = ["segmentAlignment", "startWithSAP", "subsegmentAlignment", "subsegmentStartsWithSAP"];
        let said = sets.map(|set| names.map(|name| set.attribute(name).unwrap_or("-").to_owned()).join(" "));
        said.collect::<Vec<_>>()
    };
    let mut film = plain();
    film.renditions.push(text("t1", "en"));
    assert_eq!(attributes(&film, Form::Ranges), ["- - true 2", "- - true 1", "- - - -"]);
    assert_eq!(attributes(&film, Form::Segments), ["true 2 - -", "true 1 - -", "- - - -"]);
    film.renditions[0].segments[3].is_independent = false;
    assert_eq!(attributes(&film, Form::Ranges), ["- - true -", "- - true 1", "- - - -"]);
    assert_eq!(attributes(&film, Form::Segments), ["true - - -", "true 1 - -", "- - - -"]);
}

#[test]
fn pictures_have_a_grid_and_a_rate() {
    let (square, sdr) = (Some("1:1"), (30, 1));
    for (coded, presented, rate, size, sar, frame_rate) in [
        ((1920, 1080), (1920, 1080), Some((30_000, 1001)), (1920, 1080), square, Some("30000/1001")),
        ((1920, 1080), (1080, 1920), Some((50, 2)), (1080, 1920), square, Some("25")),
        ((720, 576), (1024, 576), Some(sdr), (720, 576), Some("64:45"), Some("30")),
        ((720, 576), (576, 1024), Some(sdr), (576, 720), Some("45:64"), Some("30")),
        ((640, 480), (640, 0), None, (640, 480), None, None),
        ((640, 480), (640, 480), Some((5, 0)), (640, 480), square, None),
    ] {
        let mut film = plain();
        let video = film.renditions[0].track.video.as_mut().unwrap();
        (video.coded, video.presented, video.frame_rate) = (coded, presented, rate);
        let text = manifest(&film, Form::Ranges);
        let document = Document::parse(&text).unwrap();
        let video = all_of(document.root_element(), "Representation").next().unwrap();
        let (width, height): (u32, u32) = size;
        assert_eq!(video.attribute("width"), Some(&*width.to_string()));
        assert_eq!(video.attribute("height"), Some(&*height.to_string()));
        assert_eq!((video.attribute("sar"), video.attribute("frameRate")), (sar, frame_rate));
    }
    let mut film = plain();
    film.renditions[0].track.video.as_mut().unwrap().coded = (0, 480);
    assert!(!manifest(&film, Form::Ranges).contains("height"));
}

#[test]
fn channels_are_said_where_their_order_is_clear() {
    for (channels, scheme, value) in [
        (1, "23003:3", Some("1")),
        (6, "23003:3", Some("6")),
        (7, "cicp", Some("11")),
        (8, "cicp", Some("12")),
        (0, "", None),
        (9, "", None),
    ] {
        let mut sound = audio("a1", "ec-3", None);
        sound.track.audio = Some(AudioDescription { channels, sampling_rate: 44_100 });
        let text = manifest(&presentation(vec![sound]), Form::Ranges);
        let document = Document::parse(&text).unwrap();
        let found = all_of(document.root_element(), "AudioChannelConfiguration").next();
        assert_eq!(found.and_then(|node| node.attribute("value")), value);
        assert!(found.is_none_or(|node| node.attribute("schemeIdUri").unwrap().contains(scheme)));
        assert!(text.contains("audioSamplingRate=\"44100\""));
    }
}

#[test]
fn bandwidth_and_buffer_are_the_real_ones() {
    let text = manifest(&plain(), Form::Ranges);
    let document = Document::parse(&text).unwrap();
    let rates: Vec<_> = all_of(document.root_element(), "Representation")
        .map(|r| r.attribute("bandwidth").unwrap())
        .collect();
    // 3 MB in 6.006 s, and 97,000 bytes in 287,744/48,000 s.
    assert_eq!(rates, ["3996004", "129449"]);
    // The largest segment takes as long to receive as it lasts: 6.006 s, and what is rounded up.
    assert!(text.contains("minBufferTime=\"PT6.007S\""), "{text}");
}

#[test]
fn pauses_of_text_make_no_rate_smaller() {
    let (_, film) = all().into_iter().find(|(name, _)| *name == "text in fragments").unwrap();
    let text = manifest(&film, Form::Ranges);
    let document = Document::parse(&text).unwrap();
    let rates = all_of(document.root_element(), "Representation").map(|r| r.attribute("bandwidth").unwrap());
    assert_eq!(rates.collect::<Vec<_>>(), ["3996004", "145"]);
}

#[test]
fn text_is_one_resource() {
    let mut film = presentation(vec![video(), text("t1", "fr")]);
    film.duration = f64::NAN;
    for form in FORMS {
        let text = manifest(&film, form);
        let set = text.split("<AdaptationSet").nth(2).unwrap();
        assert!(set.contains("contentType=\"text\" lang=\"fr\" mimeType=\"text/vtt\">"), "{set}");
        assert!(set.contains("<BaseURL>../cmaf/t1.vtt</BaseURL>"), "{set}");
        assert!(!set.contains("Segment") && !set.contains("Alignment") && !set.contains("codecs"), "{set}");
        assert!(text.contains("mediaPresentationDuration=\"PT0S\""), "{text}");
    }
}

#[test]
fn an_encrypted_track_names_its_scheme_and_key() {
    let mut film = plain();
    assert!(!manifest(&film, Form::Ranges).contains("cenc"));
    let key_id = Some(*b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff");
    film.renditions[0].track.is_encrypted = true;
    let systems = [1, 2, 1].map(pssh).to_vec();
    film.renditions[0].track.protection =
        Some(Protection { scheme: Some(BoxType(*b"cbcs")), key_id, systems });
    let text = manifest(&film, Form::Ranges);
    let document = Document::parse(&text).unwrap();
    let all: Vec<_> = all_of(document.root_element(), "ContentProtection").collect();
    assert_eq!(all.len(), 3);
    is_of_schema(document.root_element());
    assert_eq!(all[0].attribute("value"), Some("cbcs"));
    let key = all[0].attribute(("urn:mpeg:cenc:2013", "default_KID"));
    assert_eq!(key, Some("00112233-4455-6677-8899-aabbccddeeff"));
    let of_system = |node: Node| children(node).map(|pssh| pssh.text().unwrap_or("").to_owned()).collect();
    let systems: Vec<Vec<String>> = all.iter().map(|node| of_system(*node)).collect();
    assert_eq!(systems.iter().map(Vec::len).collect::<Vec<_>>(), [0, 2, 1]);
    // Length, type, and version and flags.
    assert!(systems[1][0].starts_with("AAAAInBzc2gAAAAAAQEB"), "{systems:?}");
    let schemes = all[1..].iter().map(|node| node.attribute("schemeIdUri").unwrap());
    assert!(schemes.eq([1, 2].map(|n| {
        let [two, four] = [2, 4].map(|count| format!("0{n}").repeat(count));
        format!("urn:uuid:{four}-{two}-{two}-{two}-{four}{two}")
    })));
    film.renditions[0].track.protection = None;
    assert!(Document::parse(&manifest(&film, Form::Segments)).is_ok());
}

#[test]
fn pictures_of_a_ladder_are_one_set_where_their_coding_is_the_same() {
    let (silent, plain) = (presentation(vec![video()]), plain());
    let mut hevc = presentation(vec![video()]);
    hevc.renditions[0].track.codec = Some("hvc1.1.6.L93.B0".to_owned());
    let rung = |film: &'static str, presentation| Rung { film: film.as_bytes(), presentation };
    for form in FORMS {
        let rungs = [rung("a&b.mp4", &silent), rung("c.mp4", &plain), rung("d.mp4", &hevc)];
        let text = ladder(&rungs, form);
        let document = Document::parse(&text).unwrap();
        let sets = all_of(document.root_element(), "AdaptationSet").map(|set| {
            let ids = all_of(set, "Representation").map(|r| r.attribute("id").unwrap());
            ids.collect::<Vec<_>>()
        });
        assert_eq!(sets.collect::<Vec<_>>(), [&["1-v1", "2-v1"][..], &["3-v1"], &["a1"]]);
        assert!(!text.contains("TransferCharacteristics"), "{text}");
        assert!(text.contains("a&amp;b.mp4/cmaf/v1") && !text.contains("../"), "{text}");
        // Of one film, it is what the film has itself.
        let one = ladder(&[rung("c.mp4", &plain)], form);
        assert_eq!(one.replace("c.mp4/", "../"), manifest(&plain, form));
    }
    // Films that are not in step are not said to be.
    let mut late = presentation(vec![video()]);
    late.renditions[0].segments[1].start += 3000;
    let text = ladder(&[rung("a.mp4", &silent), rung("b.mp4", &late)], Form::Ranges);
    assert!(!text.contains("subsegmentAlignment"), "{text}");
}

#[test]
fn a_pause_in_the_sound_changes_no_rate_of_the_pictures() {
    let said = |renditions: Vec<Rendition>| {
        let text = manifest(&presentation(renditions), Form::Ranges);
        let document = Document::parse(&text).unwrap();
        let video = all_of(document.root_element(), "Representation").next().unwrap();
        let buffer = document.root_element().attribute("minBufferTime").unwrap();
        let seconds: f64 = buffer.trim_start_matches("PT").trim_end_matches('S').parse().unwrap();
        (video.attribute("bandwidth").unwrap().to_owned(), seconds)
    };
    let mut sound = audio("a1", "mp4a.40.2", None);
    sound.segments[3].duration += 144 * 48_000;
    let (alone, with_a_pause) = (said(vec![video()]), said(vec![video(), sound]));
    assert_eq!(alone.0, with_a_pause.0);
    assert!(with_a_pause.1 < 12.0, "{with_a_pause:?}");
}

#[test]
fn dolby_vision_is_said_beside_what_others_see() {
    const SCTE_214: &str = "urn:scte:dash:scte214-extensions";
    let mut film = presentation(vec![video()]);
    let codec = "dvh1.08.04".to_owned();
    let said = |film: &Presentation| {
        let text = manifest(film, Form::Ranges);
        let document = Document::parse(&text).unwrap();
        is_of_schema(document.root_element());
        let video = all_of(document.root_element(), "Representation").next().unwrap();
        assert_eq!(video.attribute("codecs"), Some("avc1.640028"));
        let said = |name| video.attribute((SCTE_214, name)).map(str::to_owned);
        [said("supplementalCodecs"), said("supplementalProfiles")]
    };
    assert_eq!(said(&film), [None, None]);
    film.renditions[0].track.video.as_mut().unwrap().supplemental =
        Some(SupplementalCodec { codec, brand: "db4h" });
    assert_eq!(said(&film), [Some("dvh1.08.04".to_owned()), Some("db4h".to_owned())]);
}

#[test]
fn pictures_of_other_dynamic_ranges_are_sets_of_their_own() {
    let of = |range| {
        let mut film = presentation(vec![video()]);
        film.renditions[0].track.video.as_mut().unwrap().range = range;
        film
    };
    let films = [VideoRange::Sdr, VideoRange::Pq, VideoRange::Hlg, VideoRange::Pq].map(of);
    let names = ["a.mp4", "b.mp4", "c.mp4", "d.mp4"];
    let rungs =
        names.iter().zip(&films).map(|(film, presentation)| Rung { film: film.as_bytes(), presentation });
    let text = ladder(&rungs.collect::<Vec<_>>(), Form::Ranges);
    let document = Document::parse(&text).unwrap();
    is_of_schema(document.root_element());
    let sets = all_of(document.root_element(), "AdaptationSet").map(|set| {
        let ids = all_of(set, "Representation").map(|r| r.attribute("id").unwrap());
        let said = all_of(set, "SupplementalProperty").map(|property| {
            assert_eq!(
                property.attribute("schemeIdUri"),
                Some("urn:mpeg:mpegB:cicp:TransferCharacteristics")
            );
            property.attribute("value").unwrap()
        });
        (ids.collect::<Vec<_>>(), said.collect::<Vec<_>>())
    });
    let expected = [(vec!["1-v1"], vec![]), (vec!["2-v1", "4-v1"], vec!["16"]), (vec!["3-v1"], vec!["18"])];
    assert_eq!(sets.collect::<Vec<_>>(), expected);
}
