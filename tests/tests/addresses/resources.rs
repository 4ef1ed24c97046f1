//! What is sent of each resource, as HTTP has it for files.

use std::fs;

use httpdate::fmt_http_date;
use tests::client::Reply;
use tests::films::{Film, film};
use tests::on_all_engines;
use tests::servers::{APACHE, Engine, Site, engines};

use crate::site;

on_all_engines!(
    each_has_its_type_and_the_head_of_a_file,
    a_range_is_a_slice,
    conditions_hold,
    texts_may_be_compressed_and_media_never,
    headers_are_added_as_to_files,
);

/// The resources of a film with subtitles, and their types.
const ALL: [(&str, &str); 13] = [
    ("/hls/master.m3u8", "application/vnd.apple.mpegurl"),
    ("/hls/v1.m3u8", "application/vnd.apple.mpegurl"),
    ("/hls/a1.m3u8", "application/vnd.apple.mpegurl"),
    ("/hls/t1.m3u8", "application/vnd.apple.mpegurl"),
    ("/hls/v1-iframes.m3u8", "application/vnd.apple.mpegurl"),
    ("/dash/manifest.mpd", "application/dash+xml"),
    ("/dash/manifest-template.mpd", "application/dash+xml"),
    ("/cmaf/t1.vtt", "text/vtt"),
    ("/text/t1.vtt", "text/vtt"),
    ("/cmaf/v1.mp4", "video/mp4"),
    ("/cmaf/a1.mp4", "audio/mp4"),
    ("/cmaf/v1/init.mp4", "video/mp4"),
    ("/cmaf/v1/1.m4s", "video/iso.segment"),
];

fn is_text(address: &str) -> bool {
    !address.starts_with("/cmaf/") || address.ends_with(".vtt")
}

/// Sends a request over both versions of HTTP, and wants the same answer.
fn ask(site: &Site, target: &str, headers: &[(&str, &str)]) -> Reply {
    let request = headers.iter().fold(site.request(target), |r, (name, value)| r.header(name, value));
    let (old, new) = (request.clone().arg("--http1.1").send(), request.http2().send());
    assert_eq!((old.version.as_str(), new.version.as_str()), ("HTTP/1.1", "HTTP/2"));
    assert_eq!(old.status, new.status, "{target} {headers:?}\n{old}\n{new}");
    for name in ["content-type", "content-length", "content-range", "etag", "last-modified"] {
        assert_eq!(old.header(name), new.header(name), "{name} of {target} {headers:?}\n{old}\n{new}");
    }
    assert!(old.body == new.body, "{target} {headers:?}\n{old}\n{new}");
    old
}

fn with_film(site: &Site) -> (Film, String) {
    let film = film("subtitles");
    let path = site.publish(&film);
    (film, path)
}

fn each_has_its_type_and_the_head_of_a_file(engine: Engine) {
    // What the server would say of a film is not said of what is behind it.
    let site = site(engine, "ForceType video/x-film\nAddDefaultCharset On", "", "");
    let (film, path) = with_film(&site);
    let modified = fs::metadata(&film.path).and_then(|film| film.modified()).expect("a film with a time");
    let mut tags = Vec::new();
    for (address, media_type) in ALL {
        let target = format!("{path}{address}?start=3");
        let reply = ask(&site, &target, &[]);
        assert_eq!((reply.status, reply.header("content-type")), (200, media_type), "{target}\n{reply}");
        assert!(reply.length() == reply.body.len() as u64 && reply.length() > 0, "{target}\n{reply}");
        assert_eq!(reply.header("last-modified"), fmt_http_date(modified), "{target}");
        assert_eq!(reply.header("accept-ranges"), "bytes", "{target}\n{reply}");
        assert!(reply.header("x-mod-h264-streaming").starts_with("version="), "{target}\n{reply}");
        assert!(reply.header("etag").starts_with("\"h264s"), "{target}\n{reply}");
        tags.push(reply.header("etag").to_owned());
        let head = site.request(&target).head().send();
        assert_eq!((head.status, head.body.len()), (200, 0), "{target}\n{head}");
        for name in ["content-type", "content-length", "etag", "last-modified", "accept-ranges"] {
            assert_eq!(head.header(name), reply.header(name), "{name} of {target}\n{head}");
        }
    }
    let whole = site.get(&path);
    assert!(!tags.contains(&whole.header("etag").to_owned()), "{whole}");
}

fn a_range_is_a_slice(engine: Engine) {
    let site = site(engine, "", "", "");
    let (_, path) = with_film(&site);
    for (address, media_type) in ALL {
        let target = format!("{path}{address}");
        let full = site.get(&target);
        let len = full.body.len();
        for (first, last) in [(0, 0), (5, 40), (len / 2, len - 1), (len - 1, len - 1)] {
            let reply = ask(&site, &target, &[("Range", &format!("bytes={first}-{last}"))]);
            assert_eq!(reply.status, 206, "{target}\n{reply}");
            assert_eq!(reply.header("content-range"), format!("bytes {first}-{last}/{len}"), "{target}");
            assert_eq!(reply.header("content-type"), media_type, "{target}");
            assert!(reply.body == full.body[first..=last], "{target} {first}-{last}: other bytes");
        }
        let several = site.request(&target).range("0-3,10-19").send();
        assert_eq!(several.status, 206, "{target}\n{several}");
        let part = format!("Content-Range: bytes 10-19/{len}").to_ascii_lowercase();
        let text = String::from_utf8_lossy(&several.body).to_ascii_lowercase();
        assert!(
            text.contains(&part) && text.contains(&format!("content-type: {media_type}")),
            "{target}\n{text}"
        );
        let beyond = ask(&site, &target, &[("Range", &format!("bytes={len}-"))]);
        let range = beyond.header("content-range").to_owned();
        assert_eq!((beyond.status, range), (416, format!("bytes */{len}")), "{target}\n{beyond}");
    }
}

fn conditions_hold(engine: Engine) {
    let site = site(engine, "", "", "");
    let (_, path) = with_film(&site);
    for (address, _) in ALL {
        let target = format!("{path}{address}");
        let full = site.get(&target);
        let (tag, date) = (full.header("etag"), full.header("last-modified"));
        let (weak, old) = (format!("W/{tag}"), "Sun, 09 Sep 2001 01:46:40 GMT");
        let part = ("Range", "bytes=2-9");
        let cases: [(&[(&str, &str)], u16); 11] = [
            (&[("If-None-Match", tag)], 304),
            (&[("If-None-Match", &weak)], 304),
            (&[("If-None-Match", "\"another\"")], 200),
            (&[("If-Modified-Since", date)], 304),
            (&[("If-Modified-Since", old)], 200),
            (&[("If-Match", tag)], 200),
            (&[("If-Match", "\"another\"")], 412),
            (&[("If-Unmodified-Since", old)], 412),
            (&[part, ("If-Range", tag)], 206),
            (&[part, ("If-Range", date)], 206),
            (&[part, ("If-Range", "\"another\"")], 200),
        ];
        for (headers, status) in cases {
            let reply = ask(&site, &target, headers);
            assert_eq!(reply.status, status, "{target} {headers:?}\n{reply}");
            let wanted = match status {
                200 => &full.body[..],
                206 => &full.body[2..=9],
                304 => &[],
                _ => continue,
            };
            assert!(reply.body == wanted && reply.header("etag") == tag, "{target} {headers:?}\n{reply}");
        }
    }
}

fn texts_may_be_compressed_and_media_never(engine: Engine) {
    let site = site(
        engine,
        "LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so\n\
         LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so\n\
         SetOutputFilter DEFLATE",
        "server.modules += (\"mod_deflate\")\n\
         deflate.mimetypes = (\"application/\", \"audio/\", \"text/\", \"video/\")\n\
         deflate.min-compress-size = 1\ndeflate.allowed-encodings = (\"gzip\")",
        "gzip on;\ngzip_types *;\ngzip_min_length 1;\ngzip_vary on;",
    );
    let (_, path) = with_film(&site);
    for (address, _) in ALL {
        let target = format!("{path}{address}");
        let full = site.get(&target);
        for request in [site.request(&target), site.request(&target).http2()] {
            let reply = request.header("Accept-Encoding", "gzip").send();
            let encoding = if is_text(address) { "gzip" } else { "" };
            assert_eq!(
                (reply.status, reply.header("content-encoding")),
                (200, encoding),
                "{target}\n{reply}"
            );
            assert_eq!(reply.body.starts_with(&[0x1f, 0x8b]), is_text(address), "{target}");
            if is_text(address) {
                assert!(
                    reply.header("vary").to_ascii_lowercase().contains("accept-encoding"),
                    "{target}\n{reply}"
                );
                assert_ne!(reply.header("etag"), full.header("etag"), "{target}\n{reply}");
                // Apache sends ranges of what is compressed.
                let ranges = if engine == APACHE { "bytes" } else { "" };
                assert_eq!(reply.header("accept-ranges"), ranges, "{target}\n{reply}");
            }
        }
        let unpacked = site.request(&target).arg("--compressed").send();
        assert!(unpacked.body == full.body, "{target}\n{unpacked}");
        // Byte ranges are those of the text as it is.
        let part = site.request(&target).header("Accept-Encoding", "gzip").range("3-12").send();
        assert_eq!((part.status, part.header("content-encoding")), (206, ""), "{target}\n{part}");
        assert!(part.body == full.body[3..=12], "{target}\n{part}");
    }
}

fn headers_are_added_as_to_files(engine: Engine) {
    let site = site(
        engine,
        "Header set Access-Control-Allow-Origin \"*\"",
        "setenv.add-response-header = (\"Access-Control-Allow-Origin\" => \"*\")",
        "add_header Access-Control-Allow-Origin *;",
    );
    let (_, path) = with_film(&site);
    for (address, _) in ALL {
        for range in ["", "bytes=0-3"] {
            let reply =
                ask(&site, &format!("{path}{address}"), &[("Origin", "http://a.test"), ("Range", range)]);
            assert_eq!(reply.header("access-control-allow-origin"), "*", "{address}\n{reply}");
        }
    }
}

/// The bytes and the tags are the same on all servers, and on each again.
#[test]
fn all_servers_send_the_same() {
    let sites = engines().map(|engine| site(engine, "", "", ""));
    for (address, _) in ALL {
        for query in ["", "?start=2&end=7&x=%22y"] {
            let replies = sites.each_ref().map(|site| {
                let (_, path) = with_film(site);
                site.get(&format!("{path}{address}{query}"));
                site.get(&format!("{path}{address}{query}"))
            });
            let [ours, others @ ..] = &replies;
            assert_eq!(ours.status, 200, "{address}{query}\n{ours}");
            for theirs in others {
                assert_eq!(ours.header("etag"), theirs.header("etag"), "{address}{query}\n{ours}\n{theirs}");
                assert!(ours.body == theirs.body, "{address}{query}\n{ours}\n{theirs}");
            }
        }
    }
}
