//! Where the links of playlists and manifests lead.

use std::collections::BTreeSet;

use regex::Regex;
use tests::client::Reply;
use tests::films::film;
use tests::on_all_engines;
use tests::servers::{Engine, Site};

use crate::site;

on_all_engines!(
    each_link_leads_to_a_resource_of_the_same_clip,
    segments_together_are_the_film,
    a_playlist_in_files_has_the_same_bytes,
    the_duration_of_segments_is_configured,
);

/// Where a link leads from an address (RFC 3986, 5.2).
pub(crate) fn resolve(base: &str, link: &str) -> String {
    let path = base.split('?').next().unwrap_or_default();
    let mut folders: Vec<_> = path.split('/').collect();
    folders.pop();
    let mut rest = link;
    while let Some(above) = rest.strip_prefix("../") {
        folders.pop();
        rest = above;
    }
    format!("{}/{rest}", folders.join("/"))
}

/// The links of a playlist or manifest.
pub(crate) fn links(text: &str) -> BTreeSet<String> {
    let pattern =
        "(?m)^([^#\\s<].*)$|URI=\"([^\"]+)\"|<BaseURL>([^<]+)|(?:initialization|media)=\"([^\"]+)\"";
    let found = Regex::new(pattern).expect("a regular expression");
    let link = |found: regex::Captures<'_>| (1..=4).find_map(|n| Some(found.get(n)?.as_str().to_owned()));
    found
        .captures_iter(text)
        .filter_map(link)
        .map(|link| link.replace("&amp;", "&").replace("$Number$", "1"))
        .collect()
}

pub(crate) fn get(site: &Site, target: &str) -> Reply {
    let reply = site.get(target);
    assert_eq!(reply.status, 200, "{target}\n{reply}");
    reply
}

fn each_link_leads_to_a_resource_of_the_same_clip(engine: Engine) {
    let site = site(engine, "", "", "");
    let path = site.publish(&film("subtitles"));
    for query in ["", "?start=2&end=8.5&token=a%20b%26&x"] {
        let mut seen = BTreeSet::new();
        let mut next: Vec<_> = ["/hls/master.m3u8", "/dash/manifest.mpd", "/dash/manifest-template.mpd"]
            .map(|address| format!("{path}{address}{query}"))
            .into();
        while let Some(target) = next.pop() {
            let reply = get(&site, &target);
            if target.contains(".m3u8") || target.contains(".mpd") {
                let found = links(&reply.text());
                assert!(!found.is_empty(), "{target}\n{}", reply.text());
                next.extend(
                    found.iter().map(|link| resolve(&target, link)).filter(|link| !seen.contains(link)),
                );
            }
            seen.insert(target);
        }
        assert!(seen.iter().all(|link| link.ends_with(query)), "{query}: {seen:#?}");
        for address in [
            "/hls/v1.m3u8",
            "/hls/a1.m3u8",
            "/hls/t1.m3u8",
            "/hls/v1-iframes.m3u8",
            "/cmaf/t1.vtt",
            "/cmaf/v1.mp4",
            "/cmaf/a1/1.m4s",
        ] {
            assert!(seen.contains(&format!("{path}{address}{query}")), "{address} is not in {seen:#?}");
        }
    }
}

/// The segments of a media playlist, in order: the initialization section first.
fn segments(site: &Site, playlist: &str) -> Vec<Vec<u8>> {
    let text = get(site, playlist).text();
    let map = Regex::new("#EXT-X-MAP:URI=\"([^\"]+)\"(?:,BYTERANGE=\"(\\d+)@(\\d+)\")?")
        .expect("a regular expression");
    let range = Regex::new("^#EXT-X-BYTERANGE:(\\d+)@(\\d+)$").expect("a regular expression");
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let part = |link: &str, range: Option<(u64, u64)>| {
        let target = resolve(playlist, link);
        let Some((len, start)) = range else { return get(site, &target).body };
        let reply = site.request(&target).range(&format!("{start}-{}", start + len - 1)).send();
        assert_eq!((reply.status, reply.body.len() as u64), (206, len), "{target}\n{reply}");
        reply.body
    };
    let found = map.captures(&text).expect("an initialization section");
    let place = found.get(2).zip(found.get(3)).map(|(len, at)| (number(len.as_str()), number(at.as_str())));
    let mut parts = vec![part(&found[1], place)];
    let mut place = None;
    for line in text.lines() {
        if let Some(found) = range.captures(line) {
            place = Some((number(&found[1]), number(&found[2])));
        } else if !line.starts_with('#') {
            parts.push(part(line, place.take()));
        }
    }
    parts
}

fn segments_together_are_the_film(engine: Engine) {
    let site = site(engine, "", "", "");
    let path = site.publish(&film("bframes"));
    for query in ["", "?start=2&end=8.5"] {
        for track in ["v1", "a1"] {
            let parts = segments(&site, &format!("{path}/hls/{track}.m3u8{query}"));
            let whole = get(&site, &format!("{path}/cmaf/{track}.mp4{query}")).body;
            let init = parts.first().expect("an initialization section").len();
            let sidx = whole[init..init + 4].try_into().map(u32::from_be_bytes).expect("four bytes");
            let media = parts[1..].concat();
            assert!(parts.len() > 2 && whole.starts_with(&parts[0]), "{track}{query}");
            assert!(whole[init + sidx as usize..] == media, "{track}{query}: other bytes");
        }
    }
}

fn a_playlist_in_files_has_the_same_bytes(engine: Engine) {
    let site = site(
        engine,
        "<Location /files>\nH264StreamingSegments files\n</Location>",
        "$HTTP[\"url\"] =~ \"^/files/\" {\nh264-streaming.segments = \"files\"\n}",
        "location /files/ { h264_streaming_segments files; }",
    );
    let film = film("bframes");
    site.put("files/none.txt", "");
    for name in ["f.mp4", "files/f.mp4"] {
        site.publish_as(&film, name);
    }
    for track in ["v1", "a1"] {
        let address = format!("f.mp4/hls/{track}.m3u8?start=3");
        let [ranges, files] = ["/", "/files/"].map(|folder| format!("{folder}{address}"));
        assert!(!get(&site, &ranges).text().contains(".m4s"));
        let text = get(&site, &files).text();
        assert!(text.contains("1.m4s") && !text.contains("BYTERANGE"), "{text}");
        assert!(segments(&site, &ranges) == segments(&site, &files), "{track}");
    }
}

fn the_duration_of_segments_is_configured(engine: Engine) {
    let site = site(
        engine,
        "H264StreamingSegmentDuration 60\n<Location /short>\nH264StreamingSegmentDuration 2\n</Location>",
        "h264-streaming.segment-duration = 60\n\
         $HTTP[\"url\"] =~ \"^/short/\" {\nh264-streaming.segment-duration = 2\n}",
        "h264_streaming_segment_duration 60s;\nlocation /short/ { h264_streaming_segment_duration 2s; }",
    );
    let film = film("bframes");
    site.put("short/none.txt", "");
    for (name, is_short) in [("f.mp4", false), ("short/f.mp4", true)] {
        site.publish_as(&film, name);
        let count = segments(&site, &format!("/{name}/hls/v1.m3u8")).len() - 1;
        assert!(if is_short { count >= 4 } else { count == 1 }, "{name}: {count} segments");
    }
}
