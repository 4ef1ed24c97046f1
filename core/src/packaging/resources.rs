//! All resources of a presentation.

use crate::request::Packaging;

use super::choice::Choice;
use super::{Address, Form, Presentation, Rendition, TrackName};

/// The addresses of all that players fetch of a presentation: its playlists and manifest, what
/// these link to, and the chapters. HLS and DASH are left out where `packaging` does, and HLS where
/// there are neither pictures nor sound: it has no text alone.
///
/// Media is in the form of the presentation only, and so is the manifest that links to it. What is
/// linked to comes before what links to it: a copy in this order is never without what its
/// playlists link to.
pub fn resources(presentation: &Presentation, packaging: Packaging) -> Vec<Address> {
    let hls = Choice::in_hls(presentation);
    let has_hls = packaging.hls && (hls.video.is_some() || !hls.audio.is_empty());
    let in_hls = if has_hls { named(&hls) } else { Vec::new() };
    let in_dash = if packaging.dash { named(&Choice::new(presentation)) } else { Vec::new() };
    // What is in HLS is in DASH, too.
    let tracks = if packaging.dash { &in_dash } else { &in_hls };
    let mut all = Vec::new();
    for &(name, rendition) in tracks {
        add_media(&mut all, name, rendition, presentation.form);
    }
    let has_chapters = presentation.has_chapters && (has_hls || packaging.dash);
    all.extend(has_chapters.then_some(Address::Chapters));
    all.extend(in_hls.iter().map(|&(name, _)| Address::Media(name)));
    if has_hls {
        all.extend(hls.video.and_then(name).map(Address::Iframes));
        all.push(Address::Multivariant);
    }
    all.extend(packaging.dash.then_some(Address::Manifest(presentation.form)));
    all
}

fn named<'p>(choice: &Choice<'p>) -> Vec<(TrackName, &'p Rendition)> {
    choice.tracks().filter_map(|rendition| Some((name(rendition)?, rendition))).collect()
}

fn name(rendition: &Rendition) -> Option<TrackName> {
    TrackName::parse(&rendition.name)
}

fn add_media(all: &mut Vec<Address>, name: TrackName, rendition: &Rendition, form: Form) {
    if rendition.is_webvtt() {
        all.push(Address::TextOfSegments(name));
        return;
    }
    match form {
        Form::Ranges => all.push(Address::TrackFile(name)),
        Form::Segments => {
            let segments = rendition.segments.iter().zip(1..);
            all.push(Address::Init(name));
            all.extend(segments.map(|(_, number)| Address::Segment(name, number)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::packaging::testing::{all, presentation, text};
    use crate::packaging::{dash, hls};

    /// The links of a playlist.
    fn of_playlist(text: &str) -> Vec<String> {
        let uri = |line: &str| Some(line.split_once("URI=\"")?.1.split_once('"')?.0.to_owned());
        let link = |line: &str| if line.starts_with('#') { uri(line) } else { Some(line.to_owned()) };
        text.lines().filter_map(link).collect()
    }

    /// The links of a manifest.
    fn of_manifest(text: &str) -> Vec<String> {
        let document = roxmltree::Document::parse(text).unwrap();
        let mut links = Vec::new();
        for node in document.descendants() {
            match node.tag_name().name() {
                "BaseURL" => links.extend(node.text().map(str::to_owned)),
                "SegmentTemplate" => {
                    links.extend(node.attribute("initialization").map(str::to_owned));
                    let repeats = |node: roxmltree::Node<'_, '_>| node.attribute("r").map(str::to_owned);
                    let lines = node.descendants().filter(|node| node.has_tag_name((NAMESPACE, "S")));
                    let count: u32 =
                        lines.map(|s| repeats(s).map_or(1, |r| r.parse::<u32>().unwrap() + 1)).sum();
                    let media = node.attribute("media").unwrap();
                    links.extend((1..=count).map(|n| media.replace("$Number$", &n.to_string())));
                }
                _ => {}
            }
        }
        links
    }

    const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";

    /// The texts that are at these addresses.
    fn links(presentation: &Presentation, address: Address) -> Vec<String> {
        let of =
            |track: TrackName| presentation.renditions.iter().find(|r| r.name == track.to_string()).unwrap();
        let (folder, links) = match address {
            Address::Multivariant => ("/hls", of_playlist(&hls::multivariant(presentation))),
            Address::Media(track) => ("/hls", of_playlist(&hls::media(presentation, of(track)))),
            Address::Iframes(track) => ("/hls", of_playlist(&hls::iframes(presentation, of(track)))),
            Address::Manifest(form) => ("/dash", of_manifest(&dash::manifest(presentation, form))),
            _ => return Vec::new(),
        };
        let resolve = |link: String| {
            let path = link.split('?').next().unwrap();
            path.strip_prefix("..").map_or_else(|| format!("{folder}/{path}"), str::to_owned)
        };
        links.into_iter().map(resolve).collect()
    }

    #[test]
    fn resources_are_what_is_linked_to() {
        for (name, presentation) in all() {
            for (hls, dash) in [(true, true), (true, false), (false, true), (false, false)] {
                let found = resources(&presentation, Packaging { hls, dash });
                let mut linked = BTreeSet::new();
                let mut next = Vec::new();
                next.extend(hls.then_some(Address::Multivariant));
                next.extend(dash.then_some(Address::Manifest(presentation.form)));
                while let Some(address) = next.pop() {
                    if linked.insert(address.to_string()) {
                        let links = links(&presentation, address).into_iter();
                        next.extend(links.map(|link| Address::parse(link.as_bytes()).unwrap()));
                    }
                }
                let all: BTreeSet<_> = found.iter().map(Address::to_string).collect();
                assert_eq!(all, linked, "{name} {hls} {dash}");
                assert_eq!(all.len(), found.len(), "{name}: one of them twice");
                assert_eq!(all.is_empty(), !hls && !dash, "{name}");
                let place = |path: &str| found.iter().position(|address| address.to_string() == path);
                for (at, &address) in found.iter().enumerate() {
                    let links = links(&presentation, address);
                    assert!(
                        links.iter().all(|link| place(link) < Some(at)),
                        "{name}: {address} comes before"
                    );
                }
            }
            let with_chapters = Presentation { has_chapters: true, ..presentation };
            let packaging = Packaging { hls: true, dash: false };
            assert!(resources(&with_chapters, packaging).contains(&Address::Chapters), "{name}");
            assert_eq!(resources(&with_chapters, Packaging::default()), []);
        }
    }

    #[test]
    fn text_alone_is_in_no_playlist() {
        let text = presentation(vec![text("t1", "en")]);
        let found = |hls, dash| {
            let all = resources(&text, Packaging { hls, dash });
            all.iter().map(Address::to_string).collect::<Vec<_>>()
        };
        let in_dash = ["/cmaf/t1.vtt", "/dash/manifest.mpd"];
        assert_eq!(found(true, true), in_dash);
        assert_eq!(found(false, true), in_dash);
        assert_eq!(found(true, false), [""; 0]);
    }
}
