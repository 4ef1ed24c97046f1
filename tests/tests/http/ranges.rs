//! Byte ranges: RFC 9110, 14.

use tests::client::Reply;
use tests::films::film;
use tests::on_all;
use tests::servers::Site;

use crate::{ask, with_clip};

on_all!(
    a_range_is_a_slice,
    several_ranges_are_slices,
    a_range_past_the_end_is_416,
    what_is_no_byte_range_is_ignored,
);

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
