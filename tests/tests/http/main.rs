//! What goes over the wire, on both servers, over HTTP/1.1 and HTTP/2.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod conditions;
mod files;
mod joined;
mod queries;
mod ranges;
mod whole;

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use httpdate::fmt_http_date;
use mp4seek::request::Mode;
use tests::client::Reply;
use tests::films::{Film, film};
use tests::probe::{Cut, clip};
use tests::servers::Site;

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

/// A film and a clip of it on the site, which sends it: without the module, too, a path has ranges
/// and conditions.
fn with_clip(site: &Site) -> (Film, String) {
    let film = film("bframes");
    let target = format!("{}?{QUERY}", site.publish(&film));
    assert!(site.get(&target).body == clip(&film.path, QUERY).expect("a clip"), "no clip at {target}");
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
