//! Conditional requests: RFC 9110, 13.

use tests::films::film;
use tests::on_all;
use tests::servers::Site;

use crate::{ask, http_date, mtime, with_clip};

on_all!(
    if_range_guards_a_range,
    if_none_match_gives_304,
    if_modified_since_gives_304,
    if_match_gives_412,
    if_unmodified_since_gives_412,
);

fn if_range_guards_a_range(site: &Site) {
    let (film, target) = with_clip(site);
    let full = site.get(&target);
    let etag = full.header("etag").to_owned();
    let part = ("Range", "bytes=10-19");
    for (value, status) in [
        (etag.clone(), 206),
        (format!("W/{etag}"), 200),
        ("\"another\"".to_owned(), 200),
        (mtime(&film.path), 206),
        (http_date(1_000_000_000), 200),
    ] {
        let reply = ask(site, &target, &[part, ("If-Range", &value)]);
        assert_eq!(reply.status, status, "If-Range: {value}\n{reply}");
        let wanted = if status == 206 { &full.body[10..20] } else { &full.body[..] };
        assert!(reply.body == wanted, "If-Range: {value}");
    }
}

fn if_none_match_gives_304(site: &Site) {
    let (_, target) = with_clip(site);
    for target in [target, site.publish(&film("bframes"))] {
        let etag = site.get(&target).header("etag").to_owned();
        for (value, status) in [
            (etag.clone(), 304),
            (format!("W/{etag}"), 304),
            (format!("\"a\", {etag}, \"b\""), 304),
            ("*".to_owned(), 304),
            ("\"another\"".to_owned(), 200),
        ] {
            let reply = ask(site, &target, &[("If-None-Match", &value)]);
            assert_eq!(reply.status, status, "If-None-Match: {value}\n{reply}");
            assert_eq!(reply.body.is_empty(), status == 304, "{reply}");
            assert_eq!(reply.header("etag"), etag, "{reply}");
            if status == 304 {
                // RFC 9110, 8.6: the length of what would be sent, or none.
                assert_eq!(reply.header("content-length"), "", "{reply}");
            }
        }
        // It comes before the range, and before the date.
        let reply = ask(site, &target, &[("If-None-Match", &etag), ("Range", "bytes=0-9")]);
        assert_eq!(reply.status, 304, "{reply}");
        let date = http_date(4_000_000_000);
        let reply = ask(site, &target, &[("If-None-Match", "\"another\""), ("If-Modified-Since", &date)]);
        assert_eq!(reply.status, 200, "{reply}");
    }
}

fn if_modified_since_gives_304(site: &Site) {
    let (film, target) = with_clip(site);
    for (value, status) in
        [(mtime(&film.path), 304), (http_date(1_000_000_000), 200), ("yesterday".to_owned(), 200)]
    {
        let reply = ask(site, &target, &[("If-Modified-Since", &value)]);
        assert_eq!(reply.status, status, "If-Modified-Since: {value}\n{reply}");
        assert_eq!(reply.body.is_empty(), status == 304);
    }
}

fn if_match_gives_412(site: &Site) {
    let (_, target) = with_clip(site);
    let etag = site.get(&target).header("etag").to_owned();
    for (value, status) in [
        (etag.clone(), 200),
        ("*".to_owned(), 200),
        (format!("\"a\", {etag}"), 200),
        ("\"another\"".to_owned(), 412),
        (format!("W/{etag}"), 412),
    ] {
        let reply = ask(site, &target, &[("If-Match", &value)]);
        assert_eq!(reply.status, status, "If-Match: {value}\n{reply}");
    }
    let reply = ask(site, &target, &[("If-Match", &etag), ("Range", "bytes=0-9")]);
    assert_eq!(reply.status, 206, "{reply}");
}

fn if_unmodified_since_gives_412(site: &Site) {
    let (film, target) = with_clip(site);
    for (value, status) in
        [(mtime(&film.path), 200), (http_date(4_000_000_000), 200), (http_date(1_000_000_000), 412)]
    {
        let reply = ask(site, &target, &[("If-Unmodified-Since", &value)]);
        assert_eq!(reply.status, status, "If-Unmodified-Since: {value}\n{reply}");
    }
}
