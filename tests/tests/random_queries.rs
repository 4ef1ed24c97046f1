//! Queries that nobody would write, sent to all servers: they agree on each, and go on.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{RngSeed, TestRunner};
use tests::client::Reply;
use tests::films::film;
use tests::servers::{Builder, Engine, ONE_PROCESS, Site, engines};

const MARK: &str = "x-mod-h264-streaming";

/// What a film and what is behind it may be answered with, where nothing is restricted or signed.
const STATUSES: [u16; 5] = [200, 400, 404, 415, 416];

/// 600 requests, the same in every run. `PROPTEST_CASES` in the environment asks for so many others.
fn config() -> ProptestConfig {
    let (cases, rng_seed) = match std::env::var("PROPTEST_CASES") {
        Ok(cases) => (cases.parse().expect("a number"), RngSeed::Random),
        Err(_) => (600, RngSeed::Fixed(2008)),
    };
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

/// A time, in one of its forms, in the film or not, or nearly one.
fn time() -> impl Strategy<Value = String> {
    let times = 0.0..14.0f64;
    prop_oneof![
        6 => times.clone().prop_map(|time| format!("{time:.3}")),
        2 => times.clone().prop_map(|time| format!("0:{time:06.3}")),
        1 => times.clone().prop_map(|time| format!("{time:e}")),
        1 => times.prop_map(|time| format!("-{time:.1}")),
        1 => any::<u64>().prop_map(|number| number.to_string()),
        1 => (1..3000usize, select(vec!["9", "0", "0.", "1:", "e9"])).prop_map(|(n, part)| part.repeat(n)),
        1 => any::<f64>().prop_map(|number| number.to_string()),
        1 => select(vec!["", "NaN", "null", "undefined", "1e", ".", ":", "1:99", "0x1p3", "1e999", "+1"])
            .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => time(),
        2 => (time(), time()).prop_map(|(a, b)| format!("{a}-{b}")),
        1 => (time(), time()).prop_map(|(a, b)| format!("npt:{a},{b}")),
        1 => (time(), time()).prop_map(|(a, b)| format!("{a}-,-{b}")),
        3 => select(vec![
            "exact", "keyframe", "video", "audio", "v1-a1", "1,2", "v0", "a99999999999999999999", "s1",
            "en", "pt-BR", "en_US", "flat", "fmp4", "auto", "FLAT", "1", "0", "-1", "4294967296",
        ])
        .prop_map(str::to_owned),
        1 => junk(),
    ]
}

/// What may stand in a request line, and much that should not.
fn junk() -> impl Strategy<Value = String> {
    let byte = prop_oneof![
        3 => (b'!'..=b'~').prop_filter("ends the query", |byte| *byte != b'#').prop_map(|b| char::from(b).into()),
        2 => any::<u8>().prop_map(|byte| format!("%{byte:02X}")),
        1 => select(vec!["%", "%4", "%zz", "&", "=", "&&", "==", "+", ";"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(byte, 0..40).prop_map(|bytes| bytes.concat())
}

fn parameter() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        12 => select(vec![
            "start", "end", "vbegin", "vend", "t", "clip", "scene", "mode", "tracks", "lang", "format",
            "poster", "expires", "sig",
        ])
        .prop_map(str::to_owned),
        1 => junk(),
    ];
    let any = (name, value(), prop::collection::vec(any::<bool>(), 8)).prop_map(|(name, value, escapes)| {
        // Letters that are escaped are the same letters.
        let escapes = escapes.into_iter().chain(std::iter::repeat(false));
        let letters = name.chars().zip(escapes).map(|(c, is_escaped)| {
            if is_escaped && c.is_ascii_alphabetic() { format!("%{:02x}", u32::from(c)) } else { c.into() }
        });
        format!("{}={value}", letters.collect::<String>())
    });
    let usual = (select(vec!["start", "end", "vbegin", "clip"]), 0..5u32, 5..12u32);
    let past_the_end = (20..99u32).prop_map(|from| format!("start={from}"));
    prop_oneof![
        12 => any,
        8 => usual.prop_map(|(name, from, to)| match name {
            "end" => format!("end={to}"),
            "clip" => format!("clip={from}.5-{to}"),
            name => format!("{name}={from}"),
        }),
        1 => past_the_end,
        2 => junk(),
    ]
}

fn target() -> impl Strategy<Value = String> {
    let path = select(vec![
        "/f.mp4",
        "/f.mp4",
        "/f.mp4",
        "/first.mp4",
        "/frag.mp4",
        "/text.mp4",
        "/f.mp4/hls/master.m3u8",
        "/f.mp4/hls/v1.m3u8",
        "/f.mp4/cmaf/v1/2.m4s",
        "/f.mp4/dash/manifest.mpd",
        "/f.mp4/text/chapters.vtt",
    ]);
    let query = prop::collection::vec(parameter(), 0..6);
    // What is longer, the servers themselves refuse.
    (path, query).prop_map(|(path, query)| format!("{path}?{:.6000}", query.join("&")))
}

fn start(engine: Engine) -> Site {
    let lines = engine.lines(
        ONE_PROCESS,
        // What it would refuse by itself, or send on in another spelling.
        "server.http-parseopts = (\"url-normalize\" => \"disable\")",
        "",
    );
    let site = Builder::new(engine).config(lines).packaging().start();
    for (kind, name) in [("bframes", "f.mp4"), ("moov_first", "first.mp4"), ("frag_cmaf", "frag.mp4")] {
        site.publish_as(&film(kind), name);
    }
    site.put("text.mp4", "this is no film");
    // A refusal has its line; anything else would be a surprise.
    site.allow_log(r"\[client 127\.0\.0\.1[^ ]*\] [^ ]*/docroot/(f|first|frag|text)\.mp4[^ ]*: [a-zA-Z]");
    site
}

fn ask(site: &Site, target: &str) -> Reply {
    let mut connection = site.connect();
    connection.write(&format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    connection.reply()
}

#[test]
fn all_servers_answer_any_query_alike() {
    let sites = engines().map(start);
    let processes: Vec<Vec<PathBuf>> = sites
        .iter()
        .map(|site| {
            ask(site, "/f.mp4?start=1");
            site.processes()
        })
        .collect();
    let statuses = RefCell::new(BTreeMap::<u16, usize>::new());
    let tags = RefCell::new(BTreeSet::<String>::new());
    let mut runner = TestRunner::new(config());
    let tried = runner.run(&target(), |target| {
        let replies = sites.each_ref().map(|site| ask(site, &target));
        let first = &replies[0];
        tags.borrow_mut().insert(first.header("etag").to_owned());
        *statuses.borrow_mut().entry(first.status).or_default() += 1;
        prop_assert!(STATUSES.contains(&first.status), "{first}");
        for (site, reply) in sites.iter().zip(&replies) {
            let engine = site.engine();
            prop_assert_eq!(reply.status, first.status, "{:?}\n{}\n{}", engine, first, reply);
            let is_ours = !first.header(MARK).is_empty();
            prop_assert_eq!(!reply.header(MARK).is_empty(), is_ours, "{:?}\n{}\n{}", engine, first, reply);
            if first.status == 200 || is_ours {
                prop_assert!(reply.body == first.body, "{engine:?}: other bytes\n{first}\n{reply}");
            }
            if is_ours {
                let (etag, wanted) = (reply.header("etag"), first.header("etag"));
                prop_assert_eq!(etag, wanted, "{:?}", engine);
            }
        }
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
    for (site, before) in sites.iter().zip(processes) {
        let after = site.processes();
        assert!(before.iter().all(|process| after.contains(process)), "{:?} lost a process", site.engine());
    }
    // Else the test tries too little.
    let (statuses, tags) = (statuses.take(), tags.take().len());
    let is_often = |status| statuses.get(status).is_some_and(|count| *count > 2);
    assert!(STATUSES.iter().all(is_often) && tags > 50, "{statuses:?}, {tags} entity tags");
}
