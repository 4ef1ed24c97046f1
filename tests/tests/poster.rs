//! `?poster=12.5` is a picture: the key frame of that place, as a file like any other.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;

use tests::browser::Browser;
use tests::films::film;
use tests::servers::Site;
use tests::{on_all, poster};

on_all!(it_is_a_file_like_any_other, it_is_refused_where_there_is_none, chromium_shows_it);

fn chromium_shows_it(site: &Site) {
    poster::assert_shown(Browser::Chromium, site);
    // nginx says so of what a browser asks for by itself.
    site.allow_log("favicon.ico");
}

fn it_is_a_file_like_any_other(site: &Site) {
    let film = film("av1");
    let path = site.publish(&film);
    let get = |query: &str| site.get(&format!("{path}?{query}"));
    let picture = get("poster=2.5");
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/avif"), "{picture}");
    assert!(picture.header("x-mod-h264-streaming").starts_with("version="), "{picture}");
    assert_eq!(picture.header("content-length"), picture.body.len().to_string());
    assert!(picture.body.starts_with(b"\0\0\0\x1cftypavif"));
    let media = picture.body.windows(4).position(|bytes| bytes == b"mdat").expect("media") + 4;
    let frame = &picture.body[media..];
    let source = fs::read(&film.path).expect("a film");
    assert!(source.windows(frame.len()).any(|bytes| bytes == frame), "the frame is the film's");

    // All places up to the next key frame have one picture, and one tag.
    let (later, next) = (get("poster=0:03.9&start=1"), get("poster=4"));
    let tag = picture.header("etag");
    assert!(later.body == picture.body && later.header("etag") == tag && tag.starts_with('"'), "{later}");
    assert!(next.body != picture.body && next.header("etag") != tag, "{next}");
    assert_ne!(get("start=2.5").header("etag"), tag);

    let url = format!("{path}?poster=2.5");
    let head = site.request(&url).head().send();
    assert_eq!((head.status, head.header("etag"), head.body.len()), (200, tag, 0), "{head}");
    assert_eq!(head.header("content-length"), picture.header("content-length"));
    assert_eq!(site.request(&url).header("If-None-Match", tag).send().status, 304);
    let (first, last) = (media - 3, media + 4);
    let part = site.request(&url).range(&format!("{first}-{last}")).send();
    assert_eq!(part.status, 206, "{part}");
    assert!(part.body == picture.body[first..=last], "{part}");
}

fn it_is_refused_where_there_is_none(site: &Site) {
    let (av1, avc) = (site.publish(&film("av1")), site.publish(&film("bframes")));
    for (path, query, status, says) in [
        (&av1, "poster=6", 416, "past the end"),
        (&av1, "poster=1&tracks=v2", 400, "none of the tracks"),
        (&avc, "poster=1", 415, "single frame of AV1"),
    ] {
        let reply = site.get(&format!("{path}?{query}"));
        let body = String::from_utf8_lossy(&reply.body);
        assert!(reply.status == status && body.contains(says), "{query}\n{reply}");
    }
    // A value of somebody else's.
    let plain = site.get(&avc);
    let reply = site.get(&format!("{avc}?poster=poster.jpg"));
    assert!(reply.status == 200 && reply.body == plain.body, "{reply}");
    site.allow_log("poster");
    site.allow_log("past the end");
    site.allow_log("none of the tracks");
}
