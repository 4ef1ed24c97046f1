//! The directives of both servers, and the servers' own: what they refuse, rename,
//! log and report for a file, they do for a clip.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod access;
mod directives;
mod surroundings;
mod values;

use std::fs;

use tests::films::Film;
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site};

fn builder(engine: Engine, apache: &str, lighttpd: &str, nginx: &str) -> Builder {
    Builder::new(engine).config(engine.lines(apache, lighttpd, nginx))
}

fn site(engine: Engine, apache: &str, lighttpd: &str, nginx: &str) -> Site {
    builder(engine, apache, lighttpd, nginx).start()
}

const QUERY: &str = "start=3.05&end=5";

#[derive(Debug, PartialEq, Eq)]
enum Got {
    Plain,
    Exact,
    Keyframe,
}

/// What a film's path answers to [`QUERY`].
fn got(site: &Site, film: &Film, path: &str, host: &str) -> Got {
    let reply = site.request(&format!("{path}?{QUERY}")).header("Host", host).send();
    assert_eq!(reply.status, 200, "{path}\n{reply}");
    let is = |query: &str| clip(&film.path, query).is_ok_and(|clip| clip == reply.body);
    match reply.body {
        _ if is(QUERY) => Got::Exact,
        _ if is(&format!("{QUERY}&mode=keyframe")) => Got::Keyframe,
        ref body if *body == fs::read(&film.path).expect("a film") => Got::Plain,
        _ => panic!("{path} is neither the film nor a clip of it\n{reply}"),
    }
}
