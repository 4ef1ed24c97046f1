//! Several workers of lighttpd and of nginx, whose films have to be read by threads: every request is
//! answered.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread::scope;

use rustix::fs::{Advice, fadvise};
use tests::films::{Film, film};
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site};

/// Queries, and the clips that answer them.
static CLIPS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let film = the_film();
    let queries = (0..12).map(|n| format!("start={}.{}&end=7.5", n / 2, n % 2 * 5));
    queries.map(|query| (query.clone(), clip(&film.path, &query).expect("a clip"))).collect()
});

fn the_film() -> Film {
    film("bframes")
}

/// The status of a clip that begins after the film.
const REFUSED: u16 = 416;

/// Where the film of a site is read from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Storage {
    /// A disk, and nothing of the film is in memory.
    Cold,
    /// A file system that cannot report what is in memory.
    Tmpfs,
}

/// A server with some workers and the film.
fn site_with(engine: Engine, workers: u32, storage: Storage) -> (Site, PathBuf) {
    let builder = match engine {
        Engine::Nginx => Builder::new(engine).workers(workers),
        _ => Builder::new(engine).config(&format!("server.max-worker = {workers}")),
    };
    let site = if storage == Storage::Tmpfs { builder.in_memory().start() } else { builder.start() };
    // A copy of its own: other tests read the film, and pages that somebody uses stay in memory.
    site.put("film.mp4", std::fs::read(the_film().path).expect("a film"));
    let path = site.docroot().join("film.mp4");
    File::open(&path).and_then(|file| file.sync_all()).expect("a file just written");
    (site, path)
}

/// Has nothing of a film in memory.
fn let_go(path: &Path) {
    let file = File::open(path).expect("a published film");
    fadvise(&file, 0, None, Advice::DontNeed).expect("a file on a disk");
}

/// Asks for one of the clips, on a connection of its own. An answer that does not come within half
/// a minute is a panic of the connection.
fn ask(site: &Site, cold: Option<&Path>, n: usize) {
    if let Some(path) = cold {
        let_go(path);
    }
    let (query, whole) = &CLIPS[n % CLIPS.len()];
    let mut connection = site.connect();
    connection.write(&format!("GET /film.mp4?{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    let reply = connection.reply();
    assert!(reply.status == 200 && reply.body == *whole, "request {n}: {reply}");
}

/// Asks for clips on one connection, each after one that is refused as soon as it is planned.
fn ask_in_turns(site: &Site, cold: Option<&Path>) {
    let mut connection = site.connect();
    for (query, whole) in CLIPS.iter().cycle().take(40) {
        for (query, is_refused) in [("start=900", true), (query, false)] {
            if let Some(path) = cold {
                let_go(path);
            }
            connection.write(&format!("GET /film.mp4?{query} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let reply = connection.reply();
            let is_right = if is_refused { reply.status == REFUSED } else { reply.body == *whole };
            assert!(is_right, "{query}: {reply}");
        }
    }
}

fn every_request_is_answered(engine: Engine, workers: u32, storage: Storage) {
    let (site, path) = site_with(engine, workers, storage);
    let cold = (storage == Storage::Cold).then_some(path.as_path());
    for n in 0..100 {
        ask(&site, cold, n);
    }
    scope(|threads| {
        for client in 0..16 {
            let site = &site;
            threads.spawn(move || (0..20).for_each(|n| ask(site, cold, client * 5 + n)));
        }
    });
    site.expect_log("past the end of the film");
    ask_in_turns(&site, cold);
    // nginx's threads are its own, and there before anybody asks.
    if engine != Engine::Nginx {
        let threads = site.module_threads();
        assert!(threads.len() > 1, "not read by threads of several workers: {threads:?}");
    }
}

macro_rules! on_several {
    ($($scenario:ident: $workers:expr, $storage:expr;)+) => {
        mod lighttpd {
            $(#[test] fn $scenario() {
                super::every_request_is_answered(tests::servers::Engine::Lighttpd, $workers, $storage);
            })+
        }
        mod nginx {
            $(#[test] fn $scenario() {
                if tests::servers::has_nginx() {
                    super::every_request_is_answered(tests::servers::Engine::Nginx, $workers, $storage);
                }
            })+
        }
    };
}

on_several!(
    two_workers_answer_every_request_for_a_cold_film: 2, super::Storage::Cold;
    four_workers_answer_every_request_for_a_cold_film: 4, super::Storage::Cold;
    two_workers_answer_every_request_for_a_film_on_tmpfs: 2, super::Storage::Tmpfs;
    four_workers_answer_every_request_for_a_film_on_tmpfs: 4, super::Storage::Tmpfs;
);
