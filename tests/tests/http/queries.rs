//! What a query may say, and what is refused.

use tests::films::film;
use tests::on_all;
use tests::probe::clip;
use tests::servers::Site;

use crate::ask;

on_all!(
    times_have_many_spellings,
    other_keys_mean_nothing,
    bad_times_are_400,
    a_start_past_the_end_is_416,
    scenes_are_joined,
);

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
    let film = film("bframes");
    let path = site.publish(&film);
    let whole = clip(&film.path, "").expect("a film");
    for query in ["s=5", "xstart=5", "starts=5", "START=5", "token=start%3D5", "a&b=&=c&&"] {
        let reply = ask(site, &format!("{path}?{query}"), &[]);
        assert_eq!(reply.status, 200, "{query}\n{reply}");
        assert!(reply.body == whole, "{query} is not the whole film");
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
        "clip=5-4",
        "clip=1-2&clip=x",
        "clip=1-2&start=3",
        "start=3&clip=x",
    ];
    for query in queries {
        let reply = ask(site, &format!("{path}?{query}"), &[]);
        assert_eq!(reply.status, 400, "{query}\n{reply}");
        assert!(!reply.header("content-type").starts_with("video/"), "{query}\n{reply}");
    }
    site.expect_log(r"bframes.*(start|end|t|mode|vbegin|vend|clip)");
}

fn a_start_past_the_end_is_416(site: &Site) {
    let path = site.publish(&film("bframes"));
    for query in [
        "start=12.1",
        "start=1000&end=2000",
        "t=npt:13",
        "t=13,14",
        "vbegin=11&start=2",
        "clip=1-2&clip=13-14",
    ] {
        let reply = ask(site, &format!("{path}?{query}"), &[]);
        assert_eq!(reply.status, 416, "{query}\n{reply}");
    }
    site.expect_log("bframes");
}

fn scenes_are_joined(site: &Site) {
    let path = site.publish(&film("bframes"));
    let get = |query: &str| {
        let reply = site.get(&format!("{path}?{query}"));
        assert_eq!(reply.status, 200, "{query}\n{reply}");
        reply
    };
    let joined = get("clip=7-8.5&clip=2.5-3.2");
    for same in
        ["clip=7-8.5,2.5-3.2", "clip=0:07-0:00:08.5&x=1&clip=2.5-3.20", "clip=7-8.5&clip=2.5-3.2&mode=exact"]
    {
        let reply = get(same);
        assert!(reply.body == joined.body, "{same} is another clip");
        assert_eq!(reply.header("etag"), joined.header("etag"), "{same}");
    }
    for other in [
        "clip=2.5-3.2&clip=7-8.5",
        "clip=7-8.5",
        "clip=7-8.5&clip=2.5-3.2&clip=1-2",
        "clip=7-8.5&clip=2.5-3.2&tracks=video",
    ] {
        assert_ne!(get(other).header("etag"), joined.header("etag"), "{other}");
    }
    // One scene is a clip, and scenes that follow one another are one.
    for one in ["clip=3-5", "clip=3-4&clip=4-5"] {
        assert_eq!(get(one).header("etag"), get("start=3&end=5").header("etag"), "{one}");
    }
    let whole = &joined.body;
    let query = "clip=7-8.5&clip=2.5-3.2";
    for (from, to) in
        [(0, 99), (whole.len() / 2, whole.len() / 2 + 5000), (whole.len() - 10, whole.len() - 1)]
    {
        let range = format!("bytes={from}-{to}");
        let reply = ask(site, &format!("{path}?{query}"), &[("Range", &range)]);
        assert_eq!(reply.status, 206, "{range}\n{reply}");
        assert!(reply.body == whole[from..=to], "{range}");
    }
    let tag = joined.header("etag").to_owned();
    assert_eq!(ask(site, &format!("{path}?{query}"), &[("If-None-Match", &tag)]).status, 304);
    // What is somebody else's.
    assert!(get("clip=2026-11-29").body == get("").body);
}
