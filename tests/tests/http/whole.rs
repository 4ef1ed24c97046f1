//! What a film and its clips are over the wire.

use std::fs;

use mp4seek::request::Mode;
use test_boxes::boxes;
use tests::films::film;
use tests::on_all;
use tests::probe::{Cut, Source, clip};
use tests::servers::{Site, engines};

use crate::{CUT, ask, mtime, with_clip};

on_all!(
    a_clip_is_what_was_asked_for,
    a_clip_is_the_same_as_without_a_server,
    head_says_what_get_would,
    a_film_without_times_starts_fast,
    a_film_that_starts_fast_is_sent_as_it_is,
    a_film_beyond_4_gib_is_cut,
    an_empty_query_is_no_query,
);

fn a_clip_is_what_was_asked_for(site: &Site) {
    let (film, target) = with_clip(site);
    let reply = ask(site, &target, &[]);
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(reply.length(), reply.body.len() as u64);
    assert_eq!(reply.header("content-type"), "video/mp4");
    assert_eq!(reply.header("accept-ranges"), "bytes");
    assert_eq!(reply.header("last-modified"), mtime(&film.path));
    assert!(reply.header("x-mod-h264-streaming").starts_with("version="), "{reply}");
    let etag = reply.header("etag");
    assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'), "{reply}");
    Source::of(&film).expect("a film").assert_shows(&target, &reply.body, &CUT);
}

fn a_clip_is_the_same_as_without_a_server(site: &Site) {
    for kind in ["bframes", "late_audio", "edits_several", "several_mdat", "audio_aac", "pcm"] {
        let film = film(kind);
        let path = site.publish(&film);
        for query in ["start=2&end=5", "start=1.5&mode=keyframe", "end=2.5", "start=4"] {
            let reply = site.get(&format!("{path}?{query}"));
            assert_eq!(reply.status, 200, "{path}?{query}\n{reply}");
            let alone = clip(&film.path, query).expect("a clip");
            assert!(reply.body == alone, "{path}?{query}: {} bytes, {} alone", reply.body.len(), alone.len());
        }
    }
}

fn head_says_what_get_would(site: &Site) {
    let (_, target) = with_clip(site);
    let fast = site.publish(&film("moov_first"));
    for target in [target, site.publish(&film("bframes")), fast] {
        let get = ask(site, &target, &[]);
        for request in [site.request(&target), site.request(&target).http2()] {
            let head = request.head().send();
            assert_eq!(head.status, 200);
            for name in [
                "content-length",
                "content-type",
                "etag",
                "last-modified",
                "accept-ranges",
                "x-mod-h264-streaming",
            ] {
                assert_eq!(head.header(name), get.header(name), "{name} of {target}\n{head}");
            }
        }
    }
}

/// Types of the boxes at the top of a film, in order.
fn top_boxes(film: &[u8]) -> Vec<[u8; 4]> {
    boxes(film).into_iter().map(|b| b.box_type).collect()
}

fn a_film_without_times_starts_fast(site: &Site) {
    let film = film("bframes");
    let path = site.publish(&film);
    let plain = fs::read(&film.path).expect("a film");
    assert_eq!(top_boxes(&plain).last(), Some(b"moov"));
    let reply = ask(site, &path, &[]);
    assert_eq!(reply.status, 200);
    let types = top_boxes(&reply.body);
    let place = |box_type: &[u8; 4]| types.iter().position(|t| t == box_type).expect("a box");
    assert!(place(b"moov") < place(b"mdat"), "{types:?}");
    let whole = Cut { start: None, end: None, mode: Mode::Exact };
    Source::of(&film).expect("a film").assert_shows(&path, &reply.body, &whole);
    assert!(reply.body == clip(&film.path, "").expect("a film"), "not what the core makes");
}

fn a_film_that_starts_fast_is_sent_as_it_is(site: &Site) {
    with_clip(site);
    let film = film("moov_first");
    let path = site.publish(&film);
    let plain = fs::read(&film.path).expect("a film");
    for query in ["", "?", "?foo=bar"] {
        let reply = ask(site, &format!("{path}{query}"), &[]);
        assert!(reply.status == 200 && reply.body == plain, "{path}{query}\n{reply}");
        let part = ask(site, &format!("{path}{query}"), &[("Range", "bytes=100-199")]);
        assert!(part.status == 206 && part.body == plain[100..200], "{path}{query}\n{part}");
    }
}

fn a_film_beyond_4_gib_is_cut(site: &Site) {
    let film = film("huge");
    let path = site.publish(&film);
    let source = Source::of(&film).expect("a film");
    for (query, cut) in [
        ("start=8&end=10", Cut { start: Some(8.0), end: Some(10.0), mode: Mode::Exact }),
        ("start=4&end=9&mode=keyframe", Cut { start: Some(4.0), end: Some(9.0), mode: Mode::Keyframe }),
    ] {
        let target = format!("{path}?{query}");
        let reply = ask(site, &target, &[]);
        assert_eq!(reply.status, 200, "{target}\n{reply}");
        assert!(reply.body.len() < 1 << 20, "{target} carries {} bytes", reply.body.len());
        source.assert_shows(&target, &reply.body, &cut);
    }
    let whole = site.request(&path).head().send();
    assert_eq!(whole.status, 200, "{whole}");
    let len = whole.length();
    let tail = ask(site, &path, &[("Range", "bytes=-1000")]);
    assert_eq!((tail.status, tail.body.len()), (206, 1000), "{tail}");
    assert_eq!(tail.header("content-range"), format!("bytes {}-{}/{len}", len - 1000, len - 1));
}

fn an_empty_query_is_no_query(site: &Site) {
    let film = film("bframes");
    let path = site.publish(&film);
    let whole = site.get(&path);
    assert!(whole.body == clip(&film.path, "").expect("a film"), "not what the core makes");
    let asked = site.get(&format!("{path}?"));
    assert!(asked.body == whole.body && asked.header("etag") == whole.header("etag"));
}

#[test]
fn all_servers_give_the_same_bytes_and_validators() {
    let sites = engines().map(Site::any);
    for kind in ["bframes", "vfr", "edit_empty_first", "subtitles", "chapters", "hevc", "audio_opus"] {
        let film = film(kind);
        for query in ["", "?start=3.05&end=7", "?start=3.05&end=7&mode=keyframe", "?end=4", "?start=2"] {
            let [a, others @ ..] =
                sites.each_ref().map(|site| site.get(&format!("{}{query}", site.publish(&film))));
            for b in others {
                assert_eq!((a.status, b.status), (200, 200), "{kind}{query}\n{a}\n{b}");
                assert!(a.body == b.body, "{kind}{query}: {} and {} bytes", a.body.len(), b.body.len());
                for name in ["etag", "last-modified", "content-type", "x-mod-h264-streaming", "accept-ranges"]
                {
                    // What no server touches keeps the server's own validators.
                    assert_eq!(a.header(name), b.header(name), "{name} of {kind}{query}");
                }
            }
        }
    }
}
