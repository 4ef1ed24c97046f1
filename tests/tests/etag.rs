//! Entity tags of clips: the same for copies of a film, and weak while its content may change
//! unseen.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use tests::client::Reply;
use tests::films::film;
use tests::on_all;
use tests::servers::{Site, engines};

on_all!(
    copies_have_the_same_tag,
    a_film_that_was_modified_just_now_has_a_weak_tag,
    a_weak_tag_guards_no_range,
    a_weak_tag_is_compared_as_such,
);

const QUERY: &str = "start=3.05&end=7";
const HOUR: Duration = Duration::from_secs(3600);

/// A copy of a film with a time of its own.
fn publish(site: &Site, name: &str, modified: SystemTime) -> PathBuf {
    site.put(name, fs::read(film("bframes").path).expect("a film"));
    let path = site.docroot().join(name);
    touch(&path, modified);
    path
}

fn touch(path: &PathBuf, modified: SystemTime) {
    let file = File::options().write(true).open(path).expect("a file of our own");
    file.set_modified(modified).expect("a file of our own");
}

fn get(site: &Site, target: &str, headers: &[(&str, &str)]) -> Reply {
    headers.iter().fold(site.request(target), |r, (name, value)| r.header(name, value)).send()
}

fn copies_have_the_same_tag(site: &Site) {
    let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    for (name, nanos) in [("a.mp4", 1), ("b.mp4", 999_999_999)] {
        publish(site, name, second + Duration::new(0, nanos));
    }
    publish(site, "c.mp4", second + Duration::from_secs(1));
    for query in [QUERY, ""] {
        let [a, b, c] = ["a", "b", "c"].map(|name| get(site, &format!("/{name}.mp4?{query}"), &[]));
        assert!(a.header("etag").starts_with("\"h264s"), "{a}");
        assert_eq!(a.header("etag"), b.header("etag"), "{query}");
        assert_ne!(a.header("etag"), c.header("etag"), "{query}");
        let rest = [("Range", "bytes=100-"), ("If-Range", a.header("etag"))];
        let resumed = get(site, &format!("/b.mp4?{query}"), &rest);
        assert!(resumed.status == 206 && resumed.body == a.body[100..], "{resumed}");
    }
}

#[test]
fn copies_have_the_same_tag_on_all_servers() {
    let sites = engines().map(Site::any);
    let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    for (name, modified) in [("old.mp4", second), ("new.mp4", SystemTime::now() + HOUR)] {
        let mut nanos = 0;
        let [a, b, c] = sites.each_ref().map(|site| {
            nanos += 1000;
            publish(site, name, modified + Duration::from_nanos(nanos));
            get(site, &format!("/{name}?{QUERY}"), &[])
        });
        assert!(a.header("etag").contains("\"h264s"), "{a}");
        assert_eq!(a.header("etag"), b.header("etag"), "{name}");
        assert_eq!(a.header("etag"), c.header("etag"), "{name}");
    }
}

fn a_film_that_was_modified_just_now_has_a_weak_tag(site: &Site) {
    let path = publish(site, "now.mp4", SystemTime::now() - HOUR);
    let target = format!("/now.mp4?{QUERY}");
    assert!(get(site, &target, &[]).header("etag").starts_with('"'));
    // On a busy machine a request may take longer than a tag is weak.
    let weak = (0..20).find_map(|_| {
        let touched = Instant::now();
        touch(&path, SystemTime::now());
        let (get, head) = (get(site, &target, &[]), site.request(&target).head().send());
        (touched.elapsed() < Duration::from_millis(1900)).then(|| {
            assert_eq!(get.header("etag"), head.header("etag"), "{get}\n{head}");
            get.header("etag").to_owned()
        })
    });
    let weak = weak.expect("an answer within two seconds");
    assert!(weak.starts_with("W/\"h264s"), "{weak}");
    sleep(Duration::from_millis(2100));
    let settled = get(site, &target, &[]);
    assert_eq!(format!("W/{}", settled.header("etag")), weak, "{settled}");
    assert_eq!(get(site, &target, &[("If-None-Match", &weak)]).status, 304);
}

/// The time lies in the future, so the tag stays weak for as long as the test takes.
fn a_weak_tag_guards_no_range(site: &Site) {
    publish(site, "soon.mp4", SystemTime::now() + HOUR);
    let target = format!("/soon.mp4?{QUERY}");
    let full = get(site, &target, &[]);
    let weak = full.header("etag").to_owned();
    assert!(weak.starts_with("W/\"h264s"), "{weak}");
    let part = ("Range", "bytes=10-19");
    let strong = weak.trim_start_matches("W/").to_owned();
    for validator in [&weak, &strong, full.header("last-modified")] {
        let reply = get(site, &target, &[part, ("If-Range", validator)]);
        assert!(reply.status == 200 && reply.body == full.body, "If-Range: {validator}\n{reply}");
    }
    let reply = get(site, &target, &[part]);
    assert!(reply.status == 206 && reply.body == full.body[10..20], "{reply}");
    assert_eq!(reply.header("etag"), weak, "{reply}");
}

fn a_weak_tag_is_compared_as_such(site: &Site) {
    publish(site, "soon.mp4", SystemTime::now() + HOUR);
    let target = format!("/soon.mp4?{QUERY}");
    let weak = get(site, &target, &[]).header("etag").to_owned();
    let strong = weak.trim_start_matches("W/").to_owned();
    for (name, value, status) in [
        ("If-None-Match", weak.as_str(), 304),
        ("If-None-Match", &strong, 304),
        ("If-None-Match", "\"another\"", 200),
        ("If-Match", &weak, 412),
        ("If-Match", &strong, 412),
        ("If-Match", "*", 200),
    ] {
        let reply = get(site, &target, &[(name, value)]);
        assert_eq!(reply.status, status, "{name}: {value}\n{reply}");
        let with_range = get(site, &target, &[(name, value), ("Range", "bytes=0-9")]);
        let wanted = if status == 200 { 206 } else { status };
        assert_eq!(with_range.status, wanted, "{name}: {value} and a range\n{with_range}");
        if status == 304 {
            assert_eq!(with_range.header("etag"), weak, "{with_range}");
        }
    }
}
