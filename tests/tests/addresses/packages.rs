//! What `mp4seek package` writes is what both servers send, and plays without them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use tests::built;
use tests::films::{Film, film};
use tests::on_all_engines;
use tests::pages::block;
use tests::probe::Reading;
use tests::servers::{APACHE, Builder, Engine, Site};

use crate::links::{get, links, resolve};
use crate::site;

on_all_engines!(
    a_package_is_what_the_server_sends,
    a_package_of_a_part_is_what_the_server_sends_but_for_queries,
    a_package_plays_without_the_module,
);

/// The files of a package, by their addresses.
type Files = BTreeMap<String, Vec<u8>>;

/// Writes a package into a folder.
pub(crate) fn package(film: &Path, folder: &Path, options: &[&str]) {
    let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
    let done = command.arg("package").args(options).arg(film).arg(folder).output();
    let done = done.expect("a program that runs");
    assert!(done.status.success() && done.stderr.is_empty(), "{options:?}: {done:?}");
}

fn packaged(film: &Film, options: &[&str]) -> Files {
    let dir = tempfile::tempdir().expect("a temporary directory");
    package(&film.path, &dir.path().join("package"), options);
    let mut files = Files::new();
    let mut next = vec![dir.path().join("package")];
    while let Some(folder) = next.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                next.push(path);
                continue;
            }
            let name = path.strip_prefix(dir.path().join("package")).expect("a file of the package");
            files.insert(format!("/{}", name.display()), fs::read(&path).expect("a file"));
        }
    }
    files
}

/// All addresses that links lead to from these.
fn linked(site: &Site, path: &str, roots: &[&str]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<_> = roots.iter().map(|address| (*address).to_owned()).collect();
    while let Some(address) = next.pop() {
        let is_text = address.ends_with(".m3u8") || address.ends_with(".mpd");
        if seen.insert(address.clone()) && is_text {
            let text = get(site, &format!("{path}{address}")).text();
            next.extend(links(&text).iter().map(|link| resolve(&address, link)));
            // All segments of a template, of which `links` names the first.
            for (template, count) in templates(&text) {
                let segments = (1..=count).map(|n| template.replace("$Number$", &n.to_string()));
                next.extend(segments.map(|link| resolve(&address, &link)));
            }
        }
    }
    seen
}

/// The templates of a manifest, and how many segments each has.
fn templates(text: &str) -> Vec<(String, u32)> {
    let attribute = |line: &str, name: &str| {
        let (_, value) = line.split_once(&format!(" {name}=\""))?;
        Some(value.split('"').next().unwrap_or_default().to_owned())
    };
    let mut found: Vec<(String, u32)> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("<SegmentTemplate ") {
            found.push((attribute(line, "media").expect("a template"), 0));
        } else if line.starts_with("<S ") {
            let repeats = attribute(line, "r").map_or(0, |n| n.parse::<u32>().expect("a number"));
            found.last_mut().expect("a template").1 += 1 + repeats;
        }
    }
    found
}

/// A server that has segments as ranges of six seconds, and as files of two seconds in a folder.
fn with_both_forms(engine: Engine) -> Site {
    let site = site(
        engine,
        "<Location /files>\nH264StreamingSegments files\nH264StreamingSegmentDuration 2\n</Location>",
        "$HTTP[\"url\"] =~ \"^/files/\" {\nh264-streaming.segments = \"files\"\n\
         h264-streaming.segment-duration = 2\n}",
        "location /files/ {\nh264_streaming_segments files;\nh264_streaming_segment_duration 2s;\n}",
    );
    site.put("files/none.txt", "");
    site
}

const FORMS: [(&str, &[&str], &[&str]); 2] = [
    ("", &[], &["/hls/master.m3u8", "/dash/manifest.mpd"]),
    (
        "files/",
        &["--segments", "files", "--segment-duration", "2"],
        &["/hls/master.m3u8", "/dash/manifest-template.mpd"],
    ),
];

fn a_package_is_what_the_server_sends(engine: Engine) {
    let site = with_both_forms(engine);
    for kind in ["subtitles", "chapters", "several_audio", "open_gop", "audio_aac", "frag_cmaf"] {
        let film = film(kind);
        for (folder, options, roots) in FORMS {
            let path = format!("/{folder}{kind}.mp4");
            site.publish_as(&film, path.trim_start_matches('/'));
            let files = packaged(&film, options);
            for (address, bytes) in &files {
                let reply = get(&site, &format!("{path}{address}"));
                assert!(reply.body == *bytes, "{path}{address}: other bytes\n{reply}");
            }
            let mut wanted = linked(&site, &path, roots);
            wanted.extend((kind == "chapters").then(|| "/text/chapters.vtt".to_owned()));
            assert_eq!(files.into_keys().collect::<BTreeSet<_>>(), wanted, "{path}");
        }
    }
}

fn a_package_of_a_part_is_what_the_server_sends_but_for_queries(engine: Engine) {
    let site = with_both_forms(engine);
    let film = film("several_audio");
    for (folder, options, roots) in FORMS {
        let path = format!("/{folder}f.mp4");
        site.publish_as(&film, path.trim_start_matches('/'));
        let part = ["--start", "2.5", "--end", "0:08", "--tracks", "v1-a2-a3"];
        let files = packaged(&film, &[&part[..], options].concat());
        let query = "?start=2.5&end=0:08&tracks=v1-a2-a3";
        for root in roots {
            assert!(files.contains_key(*root), "{path}{root}");
        }
        assert!(!files.keys().any(|address| address.contains("a1")), "{files:?}");
        for (address, bytes) in &files {
            let reply = get(&site, &format!("{path}{address}{query}"));
            if address.ends_with(".m3u8") || address.ends_with(".mpd") {
                let wanted = reply.text().replace(query, "").replace(&query.replace('&', "&amp;"), "");
                assert!(!wanted.contains('?') || wanted.contains("<?xml"), "{wanted}");
                assert_eq!(String::from_utf8_lossy(bytes), wanted, "{address}");
            } else {
                assert!(reply.body == *bytes, "{path}{address}: other bytes\n{reply}");
            }
        }
    }
}

/// The hashes of the packets of each track of a kind, in the order of their times.
pub(crate) fn hashes(reading: &Reading, kind: &str) -> Vec<Vec<String>> {
    let of_kind = reading.streams.iter().filter(|stream| stream.kind == kind);
    of_kind
        .map(|stream| {
            let mut packets: Vec<_> = stream.packets.iter().collect();
            packets.sort_by(|a, b| a.time.total_cmp(&b.time));
            packets.into_iter().map(|packet| packet.hash.clone()).collect()
        })
        .collect()
}

fn a_package_plays_without_the_module(engine: Engine) {
    let site = Builder::new(engine).without_module().start();
    let film = film("bframes");
    let whole = Reading::of(&film.path);
    for (name, options) in [
        ("ranges", &[][..]),
        ("files", &["--segments", "files", "--segment-duration", "2"]),
        ("part", &["--start", "3.2", "--end", "8"]),
    ] {
        package(&film.path, &site.docroot().join(name), options);
        let manifest = if name == "files" { "manifest-template" } else { "manifest" };
        for address in ["hls/master.m3u8".to_owned(), format!("dash/{manifest}.mpd")] {
            let played = Reading::of(Path::new(&site.url(&format!("/{name}/{address}"))));
            for kind in ["video", "audio"] {
                let (wanted, found) = (hashes(&whole, kind), hashes(&played, kind));
                assert_eq!((wanted.len(), found.len()), (1, 1), "{name} {address} {kind}");
                let (wanted, found) = (&wanted[0], &found[0]);
                assert!(found.len() > 50, "{name} {address}: {} packets of {kind}", found.len());
                let is_part = wanted.windows(found.len()).any(|packets| packets == *found);
                assert!(is_part, "{name} {address}: other packets of {kind}");
                if name == "part" {
                    continue;
                }
                // ffmpeg ends a presentation of DASH with the track that ends first.
                let left_out = usize::from(kind == "audio" && address.ends_with(".mpd"));
                assert!(wanted.len() - found.len() <= left_out, "{name} {address}: {kind} ends early");
            }
        }
    }
}

#[test]
fn the_types_of_the_page_are_those_that_the_module_sends() {
    let types = block("streaming.md", "Without the module", "apache");
    let plain = Builder::new(APACHE).without_module().config(&types).start();
    let site = with_both_forms(APACHE);
    let film = film("subtitles");
    site.publish_as(&film, "files/f.mp4");
    package(&film.path, &plain.docroot().join("f"), FORMS[1].1);
    for address in
        ["hls/master.m3u8", "dash/manifest-template.mpd", "cmaf/v1/init.mp4", "cmaf/v1/1.m4s", "cmaf/t1.vtt"]
    {
        let (ours, theirs) =
            (get(&site, &format!("/files/f.mp4/{address}")), get(&plain, &format!("/f/{address}")));
        assert_eq!(ours.header("content-type"), theirs.header("content-type"), "{address}\n{ours}\n{theirs}");
    }
}

#[test]
fn segments_in_files_are_the_file_of_their_track() {
    let film = film("bframes");
    let files = packaged(&film, &["--segments", "files", "--segment-duration", "2"]);
    let ranges = packaged(&film, &["--segment-duration", "2"]);
    for track in ["v1", "a1"] {
        let whole = &ranges[&format!("/cmaf/{track}.mp4")];
        let init = &files[&format!("/cmaf/{track}/init.mp4")];
        let segments = (1..).map_while(|n| files.get(&format!("/cmaf/{track}/{n}.m4s")));
        let media: Vec<_> = segments.cloned().collect();
        let count = files.keys().filter(|address| address.starts_with(&format!("/cmaf/{track}/"))).count();
        assert!(media.len() > 2 && media.len() + 1 == count, "{track}: {} of {count}", media.len());
        let sidx = whole[init.len()..][..4].try_into().map(u32::from_be_bytes).expect("four bytes");
        assert!(whole.starts_with(init), "{track}");
        assert!(whole[init.len() + sidx as usize..] == media.concat(), "{track}: other bytes");
    }
}
