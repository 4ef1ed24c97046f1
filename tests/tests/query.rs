//! What the parameters of a query may hold: ours, and those of others that have the same names.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;

use tests::films::film;
use tests::on_all;
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site};

on_all!(
    values_of_others_get_the_whole_film,
    values_of_others_beside_a_time_are_400,
    a_number_in_t_is_a_time_only_within_the_film,
    the_last_of_a_repeated_parameter_counts,
    values_that_are_none_change_nothing,
    an_flv_takes_the_last_start,
    a_rewrite_may_add_to_the_query,
);

const MARK: &str = "x-mod-h264-streaming";

/// Links that work without the module. A film that needs no change is the plain file for them.
fn values_of_others_get_the_whole_film(site: &Site) {
    let (fast, slow) = (film("moov_first"), film("bframes"));
    let (fast_path, slow_path) = (site.publish(&fast), site.publish(&slow));
    let plain = fs::read(&fast.path).expect("a film");
    let whole = site.get(&slow_path);
    assert!(whole.body == clip(&slow.path, "").expect("a film"), "not what the core makes");
    for query in [
        "t=d41d8cd98f00b204e9800998ecf8427e&e=1700003600",
        "t=1700000000000",
        "t=2025-01-19T13:00:00Z",
        "t=,",
        "mode=download",
        "lang=en_US",
        "lang=",
        "tracks=all",
        "start=&end=",
        "start",
        "start=NaN",
        "start=undefined&end=null",
        "end=Infinity",
        "t=TOKEN&mode=download&lang=en_US&tracks=all&start=",
    ] {
        let reply = site.get(&format!("{fast_path}?{query}"));
        assert_eq!((reply.status, reply.header(MARK)), (200, ""), "{query}\n{reply}");
        assert!(reply.body == plain, "{query} is not the plain file");
        let reply = site.get(&format!("{slow_path}?{query}"));
        assert!(reply.status == 200 && reply.body == whole.body, "{query}\n{reply}");
        assert_eq!(reply.header("etag"), whole.header("etag"), "{query}");
    }
}

fn values_of_others_beside_a_time_are_400(site: &Site) {
    let path = site.publish(&film("bframes"));
    for query in [
        "start=1&t=TOKEN&e=1700003600",
        "start=1&t=1700000000000",
        "mode=download&end=5",
        "vbegin=1&lang=en_US",
        "tracks=all&vend=9",
    ] {
        let reply = site.get(&format!("{path}?{query}"));
        assert_eq!(reply.status, 400, "{query}\n{reply}");
    }
    site.allow_log("bframes");
}

fn a_number_in_t_is_a_time_only_within_the_film(site: &Site) {
    // Twelve seconds.
    let path = site.publish(&film("bframes"));
    let (whole, wanted) = (site.get(&path), site.get(&format!("{path}?start=11.5")));
    assert!(wanted.status == 200 && wanted.body.len() < whole.body.len() / 2, "{wanted}");
    for (query, wanted) in
        [("t=11.5", &wanted), ("t=0:11.5", &wanted), ("t=0", &whole), ("t=12.1", &whole), ("t=600", &whole)]
    {
        for _ in 0..2 {
            let reply = site.get(&format!("{path}?{query}"));
            assert!(reply.status == 200 && reply.body == wanted.body, "{query}\n{reply}");
            assert_eq!(reply.header("etag"), wanted.header("etag"), "{query}");
        }
    }
    site.put("text.mp4", "This is not a film.");
    let reply = site.get("/text.mp4?t=5");
    assert_eq!((reply.status, reply.text().as_str()), (200, "This is not a film."), "{reply}");
}

fn the_last_of_a_repeated_parameter_counts(site: &Site) {
    let film = film("bframes");
    let path = site.publish(&film);
    let wanted = site.get(&format!("{path}?start=3&end=5"));
    assert!(wanted.body == clip(&film.path, "start=3&end=5").expect("a clip"), "{wanted}");
    for query in [
        "start=0&end=5&start=3",
        "start=x&end=9&start=3&end=5",
        "t=1,5&start=3",
        "start=1&end=2&t=3,5",
        "start=3&end=5&start=&end=NaN",
        "start=3e0&end=0.5e+1",
        "start=3&end=5&mode=keyframe&mode=exact",
        "t=TOKEN&t=3,5",
    ] {
        let reply = site.get(&format!("{path}?{query}"));
        assert!(reply.status == 200 && reply.body == wanted.body, "{query}\n{reply}");
        assert_eq!(reply.header("etag"), wanted.header("etag"), "{query}");
    }
}

fn values_that_are_none_change_nothing(site: &Site) {
    let film = film("bframes");
    let path = site.publish(&film);
    for (query, same) in [
        ("start=3&end=", "start=3"),
        ("start=3&end=NaN", "start=3"),
        ("start=3&end=Infinity&lang=undefined&mode=null", "start=3"),
        ("start=&end=5&tracks=", "end=5"),
        ("start=1.42e-14&end=5", "end=5"),
    ] {
        let reply = site.get(&format!("{path}?{query}"));
        assert_eq!(reply.status, 200, "{query}\n{reply}");
        assert!(reply.body == clip(&film.path, same).expect("a clip"), "{query} is not {same}");
    }
}

fn an_flv_takes_the_last_start(site: &Site) {
    let flv: Vec<u8> = [&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &vec![7; 1000], &vec![9; 9000]].concat();
    site.put("last.flv", &flv);
    let reply = site.get("/last.flv?start=500&start=1013&start=");
    assert_eq!((reply.status, reply.body.len()), (200, 13 + 9000), "{reply}");
    for query in ["start=", "start=NaN", "t=5", "mode=download"] {
        let reply = site.get(&format!("/last.flv?{query}"));
        assert!(reply.status == 200 && reply.body == flv, "{query}\n{reply}");
    }
}

/// The rewrite names a clip, and the viewer's query comes behind it.
fn a_rewrite_may_add_to_the_query(site: &Site) {
    let site = match site.engine() {
        Engine::Lighttpd => Builder::new(Engine::Lighttpd).config(
            "url.rewrite-once = (\"^/clip/(\\d+)-(\\d+)/([^?]+)(?:\\?(.*))?$\" => \"/$3?start=$1&end=$2&$4\")",
        ),
        Engine::Nginx => Builder::new(Engine::Nginx)
            .config("rewrite ^/clip/(\\d+)-(\\d+)/(.+)$ /$3?start=$1&end=$2 last;"),
        engine => Builder::new(engine)
            .config("RewriteEngine On\nRewriteRule ^/clip/(\\d+)-(\\d+)/(.+)$ /$3?start=$1&end=$2 [PT,QSA]"),
    }
    .start();
    let film = film("bframes");
    site.publish_as(&film, "film.mp4");
    for (target, same) in [
        ("/clip/6-8/film.mp4", "start=6&end=8"),
        ("/clip/6-8/film.mp4?start=3", "start=3&end=8"),
        ("/clip/6-8/film.mp4?v=1700000000", "start=6&end=8"),
        ("/clip/6-8/film.mp4?start=", "start=6&end=8"),
    ] {
        let reply = site.get(target);
        assert_eq!(reply.status, 200, "{target}\n{reply}");
        assert!(reply.body == clip(&film.path, same).expect("a clip"), "{target} is not {same}");
    }
}
