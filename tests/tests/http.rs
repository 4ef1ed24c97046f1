//! What goes over the wire, on both servers, over HTTP/1.1 and HTTP/2.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use httpdate::fmt_http_date;
use mp4seek::request::Mode;
use tests::client::Reply;
use tests::films::{Film, film};
use tests::on_both;
use tests::probe::{Cut, Source, clip};
use tests::servers::{APACHE, Engine, Site};

on_both!(
    a_clip_is_what_was_asked_for,
    clip_is_the_same_as_without_a_server,
    head_says_what_get_would,
    a_range_is_a_slice,
    several_ranges_are_slices,
    a_range_past_the_end_is_416,
    what_is_no_byte_range_is_ignored,
    if_range_guards_a_range,
    if_none_match_gives_304,
    if_modified_since_gives_304,
    if_match_gives_412,
    if_unmodified_since_gives_412,
    a_film_without_times_starts_fast,
    a_film_that_starts_fast_is_sent_as_it_is,
    times_have_many_spellings,
    other_keys_mean_nothing,
    bad_times_are_400,
    a_start_past_the_end_is_416,
    what_cannot_be_cut_is_415,
    what_cannot_be_cut_is_sent_without_times,
    a_missing_film_is_404,
    other_methods_are_the_servers,
    flv_starts_at_a_byte,
    odd_names_are_found,
    beyond_4_gib,
    an_empty_query_is_no_query,
);

const QUERY: &str = "start=3.05&end=7";
const CUT: Cut = Cut { start: Some(3.05), end: Some(7.0), mode: Mode::Exact };

/// Sends a request over both versions of HTTP, and wants the same answer.
fn ask(site: &Site, target: &str, headers: &[(&str, &str)]) -> Reply {
    let request = headers.iter().fold(site.request(target), |r, (name, value)| r.header(name, value));
    let old = request.clone().arg("--http1.1").send();
    let new = request.http2().send();
    assert_eq!((old.version.as_str(), new.version.as_str()), ("HTTP/1.1", "HTTP/2"));
    assert_eq!(old.status, new.status, "{target} {headers:?}\n{old}\n{new}");
    for name in
        ["content-length", "content-range", "etag", "last-modified", "accept-ranges", "x-mod-h264-streaming"]
    {
        assert_eq!(old.header(name), new.header(name), "{name} of {target} {headers:?}\n{old}\n{new}");
    }
    if !old.header("content-type").starts_with("multipart/") {
        assert!(old.body == new.body, "bodies of {target} {headers:?}\n{old}\n{new}");
        assert_eq!(old.header("content-type"), new.header("content-type"));
    }
    old
}

/// A film and a clip of it on the site.
fn with_clip(site: &Site) -> (Film, String) {
    let film = film("bframes");
    let target = format!("{}?{QUERY}", site.publish(&film));
    (film, target)
}

fn mtime(path: &Path) -> String {
    let time = fs::metadata(path).and_then(|m| m.modified()).expect("a film with a time");
    fmt_http_date(time)
}

/// A date as HTTP writes it.
fn http_date(seconds: u64) -> String {
    fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

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

fn clip_is_the_same_as_without_a_server(site: &Site) {
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

fn a_range_is_a_slice(site: &Site) {
    let (_, target) = with_clip(site);
    for target in [target, site.publish(&film("bframes"))] {
        let full = site.get(&target);
        let len = full.body.len();
        let moov = full.body.windows(4).position(|w| w == b"mdat").expect("media data") + 4;
        let mut ranges =
            vec![(0, 0), (0, 99), (0, len - 1), (len - 1, len - 1), (moov - 3, moov + 3), (moov, len - 1)];
        // Scattered over the whole by a fixed recurrence.
        let mut n = 12345;
        for _ in 0..12 {
            n = (n * 1_103_515_245 + 12345) % 0x8000_0000_usize;
            let first = n % len;
            ranges.push((first, (first + n / 7 % 40_000).min(len - 1)));
        }
        let check = |asked: &str, first: usize, last: usize| {
            let reply = ask(site, &target, &[("Range", &format!("bytes={asked}"))]);
            assert_eq!(reply.status, 206, "{target} {asked}\n{reply}");
            assert_eq!(reply.header("content-range"), format!("bytes {first}-{last}/{len}"));
            assert_eq!(reply.header("etag"), full.header("etag"));
            assert_eq!(reply.header("content-type"), "video/mp4");
            assert!(reply.body == full.body[first..=last], "{target} {asked}: other bytes");
        };
        for (first, last) in ranges {
            check(&format!("{first}-{last}"), first, last);
        }
        check("100-", 100, len - 1);
        check("-500", len - 500, len - 1);
        check(&format!("-{}", len * 2), 0, len - 1);
        check(&format!("{}-{}", len - 10, len * 2), len - 10, len - 1);
        let head = site.request(&target).range("0-99").head().send();
        // A server may ignore Range on HEAD: it is defined for GET only.
        assert!([200, 206].contains(&head.status), "{head}");
    }
}

fn several_ranges_are_slices(site: &Site) {
    let (_, target) = with_clip(site);
    for target in [target, site.publish(&film("bframes"))] {
        let full = site.get(&target);
        let len = full.body.len();
        let reply = ask(site, &target, &[("Range", "bytes=0-9,2000-2999,-50")]);
        assert_eq!(reply.status, 206, "{reply}");
        assert_eq!(reply.length(), reply.body.len() as u64);
        let wanted = [(0, 9), (2000, 2999), (len - 50, len - 1)];
        assert_eq!(parts(&reply, len, &full.body), wanted, "{reply}");
        let reply = ask(site, &target, &[("Range", &format!("bytes=5-6,{}-", len * 2))]);
        assert_eq!((reply.status, reply.body.as_slice()), (206, &full.body[5..=6]), "{reply}");
    }
}

/// The ranges in a multipart answer, each compared with the whole.
fn parts(reply: &Reply, len: usize, full: &[u8]) -> Vec<(usize, usize)> {
    let kind = reply.header("content-type");
    let boundary =
        kind.split_once("boundary=").unwrap_or_else(|| panic!("no boundary: {kind}")).1.trim_matches('"');
    assert!(kind.starts_with("multipart/byteranges"), "{kind}");
    let find = |from: usize, what: &str| {
        let what = what.as_bytes();
        reply.body[from..].windows(what.len()).position(|w| w == what).map(|at| from + at)
    };
    let delimiter = format!("--{boundary}");
    let mut at = find(0, &delimiter).expect("a delimiter") + delimiter.len();
    let mut found = Vec::new();
    while !reply.body[at..].starts_with(b"--") {
        let head_end = find(at, "\r\n\r\n").expect("the end of a part's head") + 4;
        let head = String::from_utf8_lossy(&reply.body[at..head_end]).to_ascii_lowercase();
        assert!(head.contains("content-type: video/mp4"), "{head}");
        let range = head.split_once("content-range: bytes ").expect("a range").1;
        let (range, total) = range.split_once('/').expect("a total");
        let (first, last) = range.split_once('-').expect("a range");
        let number = |text: &str| text.trim().parse::<usize>().expect("a number");
        let (first, last) = (number(first), number(last));
        assert_eq!(number(total), len);
        let end = head_end + last - first + 1;
        assert!(reply.body[head_end..end] == full[first..=last], "{first}-{last}: other bytes");
        found.push((first, last));
        at = find(end, &delimiter).expect("a delimiter") + delimiter.len();
    }
    found
}

fn a_range_past_the_end_is_416(site: &Site) {
    let (_, target) = with_clip(site);
    for target in [target, site.publish(&film("bframes"))] {
        let len = site.get(&target).body.len();
        for range in
            [format!("bytes={len}-"), format!("bytes={}-{}", len + 5, len + 9), "bytes=-0".to_owned()]
        {
            let reply = ask(site, &target, &[("Range", &range)]);
            assert_eq!(reply.status, 416, "{target} {range}\n{reply}");
            assert_eq!(reply.header("content-range"), format!("bytes */{len}"), "{target} {range}\n{reply}");
        }
    }
}

fn what_is_no_byte_range_is_ignored(site: &Site) {
    let (_, target) = with_clip(site);
    let full = site.get(&target);
    for range in ["bytes=abc", "bytes=9-5", "frames=0-1", "bytes", "bytes=", "bytes=1-2-3"] {
        let reply = ask(site, &target, &[("Range", range)]);
        assert_eq!((reply.status, reply.body.len()), (200, full.body.len()), "{range}\n{reply}");
    }
}

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

/// Names of the boxes at the top of a film, in order.
fn top_boxes(film: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while at + 8 <= film.len() {
        let size = u32::from_be_bytes(film[at..at + 4].try_into().expect("four bytes")) as usize;
        names.push(String::from_utf8_lossy(&film[at + 4..at + 8]).into_owned());
        at += if size == 0 { film.len() } else { size };
    }
    names
}

fn a_film_without_times_starts_fast(site: &Site) {
    let film = film("bframes");
    let path = site.publish(&film);
    let plain = fs::read(&film.path).expect("a film");
    assert_eq!(top_boxes(&plain).last().map(String::as_str), Some("moov"));
    let reply = ask(site, &path, &[]);
    assert_eq!(reply.status, 200);
    let boxes = top_boxes(&reply.body);
    let place = |name: &str| boxes.iter().position(|b| b == name).expect("a box");
    assert!(place("moov") < place("mdat"), "{boxes:?}");
    let whole = Cut { start: None, end: None, mode: Mode::Exact };
    Source::of(&film).expect("a film").assert_shows(&path, &reply.body, &whole);
    assert!(reply.body == clip(&film.path, "").expect("a film"), "not what the core makes");
}

fn a_film_that_starts_fast_is_sent_as_it_is(site: &Site) {
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

fn times_have_many_spellings(site: &Site) {
    let path = site.publish(&film("bframes"));
    let wanted = site.get(&format!("{path}?start=3&end=5"));
    assert_eq!(wanted.status, 200);
    for query in [
        "start=3.000&end=5.0",
        "start=03&end=0:05",
        "start=0:00:03.000&end=0:00:05",
        "t=3,5",
        "t=npt:3,5",
        "t=0:03,0:00:05",
        "vbegin=2&start=1&end=3",
        "vbegin=2&vend=5&start=1",
        "vbegin=3&vend=5",
        "st%61rt=3&e%6Ed=5",
        "start=%33&end=5",
        "start=3&end=5&start=3.0",
        "start=3&end=5&mode=exact",
        "client=FLASH&start=3&end=5&_=1699",
    ] {
        let reply = site.get(&format!("{path}?{query}"));
        assert_eq!(reply.status, 200, "{query}\n{reply}");
        assert!(reply.body == wanted.body, "{query} is another clip");
        assert_eq!(reply.header("etag"), wanted.header("etag"), "{query}");
    }
    for query in ["start=3&end=4.9", "start=3", "end=5", "start=2.9&end=5", "start=3.1&end=5&mode=keyframe"] {
        let reply = site.get(&format!("{path}?{query}"));
        assert_eq!(reply.status, 200, "{query}\n{reply}");
        assert_ne!(reply.header("etag"), wanted.header("etag"), "{query}");
    }
    // An end past the end is the end.
    let open = site.get(&format!("{path}?start=3"));
    let late = site.get(&format!("{path}?start=3&end=99999999"));
    assert!(open.body == late.body && open.header("etag") == late.header("etag"));
}

fn other_keys_mean_nothing(site: &Site) {
    let path = site.publish(&film("bframes"));
    let whole = site.get(&path);
    for query in ["s=5", "xstart=5", "starts=5", "START=5", "token=start%3D5", "a&b=&=c&&"] {
        let reply = ask(site, &format!("{path}?{query}"), &[]);
        assert_eq!(reply.status, 200, "{query}\n{reply}");
        assert!(reply.body == whole.body, "{query} is not the whole film");
    }
}

fn bad_times_are_400(site: &Site) {
    let path = site.publish(&film("bframes"));
    let queries = [
        "start=-1",
        "start=inf",
        "start=1e",
        "start=abc",
        "start=1,5",
        "start=1:2:3:4",
        "start=0:61",
        "start=5&end=5",
        "start=5&end=4",
        "start=7&start=5&end=5",
        "end=0",
        "end=-3",
        "start=1&start=x",
        "t=5,4",
        "start=1&t=a,b",
        "mode=fast&start=1",
        "lang=en_US&end=9",
        "vbegin=1&tracks=all",
        "start=%00",
        "start=1%20",
        "vbegin=x",
        "vbegin=5&vend=4",
    ];
    for query in queries {
        let reply = ask(site, &format!("{path}?{query}"), &[]);
        assert_eq!(reply.status, 400, "{query}\n{reply}");
        assert!(!reply.header("content-type").starts_with("video/"), "{query}\n{reply}");
    }
    site.expect_log(r"bframes.*(start|end|t|mode|vbegin|vend)");
}

fn a_start_past_the_end_is_416(site: &Site) {
    let path = site.publish(&film("bframes"));
    for query in ["start=12.1", "start=1000&end=2000", "t=npt:13", "t=13,14", "vbegin=11&start=2"] {
        let reply = ask(site, &format!("{path}?{query}"), &[]);
        assert_eq!(reply.status, 416, "{query}\n{reply}");
    }
    site.expect_log("bframes");
}

fn what_cannot_be_cut_is_415(site: &Site) {
    site.put("text.mp4", "This is not a film, whatever its name says. ".repeat(100));
    site.put("empty.mp4", "");
    site.put("short.mp4", &fs::read(film("moov_first").path).expect("a film")[..2000]);
    for name in ["text.mp4", "empty.mp4", "short.mp4"] {
        let reply = ask(site, &format!("/{name}?start=1"), &[]);
        assert_eq!(reply.status, 415, "{name}\n{reply}");
        site.expect_log(&format!("{name}.*"));
    }
}

fn what_cannot_be_cut_is_sent_without_times(site: &Site) {
    let text = "This is not a film either. ".repeat(100);
    site.put("plain.mp4", &text);
    site.put("void.mp4", "");
    let reply = ask(site, "/plain.mp4", &[]);
    assert_eq!((reply.status, reply.text()), (200, text));
    let reply = ask(site, "/void.mp4", &[]);
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    site.allow_log("plain.mp4|void.mp4");
}

fn a_missing_film_is_404(site: &Site) {
    let path = site.publish(&film("bframes"));
    fs::create_dir_all(site.docroot().join("folder.mp4")).expect("a document root that can be written");
    for target in ["/none.mp4?start=1".to_owned(), format!("{path}.mp4?start=1")] {
        let reply = ask(site, &target, &[]);
        assert_eq!(reply.status, 404, "{target}\n{reply}");
    }
    site.put("static.txt", "static");
    for query in ["?start=1", "?start=x", "?end=1&v=2"] {
        let more = ask(site, &format!("{path}/more{query}"), &[]);
        assert_eq!(more.status, 404, "{query}\n{more}");
    }
    // Without a clip, what the server makes of it.
    for query in ["", "?v=2"] {
        let more = ask(site, &format!("{path}/more{query}"), &[]);
        assert_eq!(more.status, ask(site, "/static.txt/more", &[]).status, "{more}");
        assert_eq!(more.header("x-mod-h264-streaming"), "", "{more}");
    }
    let folder = ask(site, "/folder.mp4?start=1", &[]).status;
    assert!([301, 403, 404].contains(&folder), "{folder}");
    // What the servers themselves say of missing files.
    site.allow_log("none.mp4|AH00128|AH01276|folder.mp4|more");
}

fn other_methods_are_the_servers(site: &Site) {
    let (_, target) = with_clip(site);
    site.put("static.bin", "static");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        let ours = site.request(&target).method(method).send();
        let theirs = site.request("/static.bin").method(method).send();
        assert_eq!(ours.status, theirs.status, "{method}\n{ours}\n{theirs}");
        assert_eq!(ours.header("allow"), theirs.header("allow"), "{method}");
        assert_eq!(ours.header("x-mod-h264-streaming"), "", "{method}");
        if theirs.status == 200 {
            assert_eq!(
                ours.header("content-type"),
                theirs.header("content-type").replace("application/octet-stream", "video/mp4")
            );
        }
    }
    site.allow_log("AH00025|unknown|method");
}

fn flv_starts_at_a_byte(site: &Site) {
    let flv: Vec<u8> = [&b"FLV\x01\x05\0\0\0\x09\0\0\0\0"[..], &vec![7; 1000], &vec![9; 9000]].concat();
    site.put("old.flv", &flv);
    let reply = ask(site, "/old.flv?start=1013", &[]);
    assert_eq!(reply.status, 200, "{reply}");
    assert_eq!(&reply.body[..3], b"FLV");
    assert_eq!(reply.body.len(), 13 + 9000);
    assert!(reply.body[13..].iter().all(|&b| b == 9));
    let part = ask(site, "/old.flv?start=1013", &[("Range", "bytes=10-19")]);
    assert_eq!((part.status, part.body.as_slice()), (206, &reply.body[10..20]));
    for query in ["", "?start=0"] {
        let reply = ask(site, &format!("/old.flv{query}"), &[]);
        assert!(reply.status == 200 && reply.body == flv, "{query}\n{reply}");
    }
    assert_eq!(ask(site, "/old.flv?start=100000", &[]).status, 416);
    assert_eq!(ask(site, "/old.flv?start=x", &[]).status, 400);
    site.expect_log("old.flv");
}

fn odd_names_are_found(site: &Site) {
    let film = film("bframes");
    let alone = clip(&film.path, "start=3&end=5").expect("a clip");
    let long = format!("{}.mp4", "n".repeat(251));
    let names: [&[u8]; 10] = [
        b"a film.mp4",
        b"100%.mp4",
        b"%2e.mp4",
        "фильм 映画 é.mp4".as_bytes(),
        b"caf\xe9.mp4",
        b"what?start=9.mp4",
        b"semi;colon&and=#hash+plus.mp4",
        b"quo\"te'back\\slash.mp4",
        b"UPPER.MP4",
        long.as_bytes(),
    ];
    for name in names {
        site.publish_as(&film, OsStr::from_bytes(name));
        let escaped: String = name
            .iter()
            .map(|&b| {
                if b.is_ascii_alphanumeric() || b == b'.' {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect();
        let reply = ask(site, &format!("/{escaped}?start=3&end=5"), &[]);
        assert_eq!(reply.status, 200, "{escaped}\n{reply}");
        assert!(reply.body == alone, "{escaped} is another clip");
    }
}

fn beyond_4_gib(site: &Site) {
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
    let path = site.publish(&film("bframes"));
    let whole = site.get(&path);
    let asked = site.get(&format!("{path}?"));
    assert!(asked.body == whole.body && asked.header("etag") == whole.header("etag"));
}

#[test]
fn both_servers_give_the_same_bytes_and_validators() {
    let sites = [Site::any(APACHE), Site::any(Engine::Lighttpd)];
    for kind in ["bframes", "vfr", "edit_empty_first", "subtitles", "chapters", "hevc", "audio_opus"] {
        let film = film(kind);
        for query in ["", "?start=3.05&end=7", "?start=3.05&end=7&mode=keyframe", "?end=4", "?start=2"] {
            let [a, b] = sites.each_ref().map(|site| site.get(&format!("{}{query}", site.publish(&film))));
            assert_eq!((a.status, b.status), (200, 200), "{kind}{query}\n{a}\n{b}");
            assert!(a.body == b.body, "{kind}{query}: {} and {} bytes", a.body.len(), b.body.len());
            for name in ["etag", "last-modified", "content-type", "x-mod-h264-streaming", "accept-ranges"] {
                // What no server touches keeps the server's own validators.
                assert_eq!(a.header(name), b.header(name), "{name} of {kind}{query}");
            }
        }
    }
}
