//! The one thread of a process of lighttpd or nginx, while the disk keeps a film's metadata waiting.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tests::client::{Connection, Reply, Request};
use tests::films::{Film, demo_film, film};
use tests::pages::block;
use tests::place::sites_dir;
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site};
use tests::slow_disk::FOR_EVER;
use tests::tls;

/// Runs each scenario on both servers that answer many requests with one thread.
macro_rules! on_one_thread {
    ($($scenario:ident),+ $(,)?) => {
        mod lighttpd {
            $(#[test] fn $scenario() { super::$scenario(tests::servers::Engine::Lighttpd) })+
        }
        mod nginx {
            $(#[test] fn $scenario() {
                if tests::servers::has_nginx() {
                    super::$scenario(tests::servers::Engine::Nginx);
                }
            })+
        }
    };
}

on_one_thread!(
    others_are_answered_while_one_waits,
    a_film_is_read_while_many_wait_for_another,
    streams_of_one_connection_do_not_wait_for_each_other,
    all_kinds_of_answers_may_have_to_wait,
    clients_that_leave_while_they_wait_do_no_harm,
    a_server_stops_while_requests_wait,
    the_alert_sees_one_worker_whose_threads_are_taken,
);

const QUERY: &str = "start=3.05&end=7";

/// lighttpd whose disk takes this long for each read, and a film on it.
fn slow_site(milliseconds: u64, config: &str) -> (Site, Film) {
    site_on(Duration::from_millis(milliseconds), config)
}

fn site_on(disk: Duration, config: &str) -> (Site, Film) {
    with_film(Builder::new(Engine::Lighttpd).slow_disk(disk).config(config))
}

/// One process of a server on such a disk.
fn one_on(engine: Engine, milliseconds: u64) -> (Site, Film) {
    one_with(engine, milliseconds, "")
}

fn one_with(engine: Engine, milliseconds: u64, config: &str) -> (Site, Film) {
    let builder = Builder::new(engine).slow_disk(Duration::from_millis(milliseconds)).config(config);
    with_film(if engine == Engine::Nginx { builder.workers(1) } else { builder })
}

fn with_film(builder: Builder) -> (Site, Film) {
    let site = builder.start();
    let film = film("bframes");
    site.publish_as(&film, "slow.mp4");
    site.publish_as(&film, "fast.mp4");
    site.put("a.txt", "text");
    (site, film)
}

fn is_clip(reply: &Reply, film: &Film, query: &str) -> bool {
    reply.status == 200 && reply.body == clip(&film.path, query).expect("a clip")
}

/// A directory that servers may look into.
fn open_dir() -> TempDir {
    let dir = tempfile::tempdir_in(sites_dir()).expect("a directory of our own");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("a directory of our own");
    dir
}

fn others_are_answered_while_one_waits(engine: Engine) {
    let dir = open_dir();
    let latch = dir.path().join("latch");
    let builder = Builder::new(engine).disk_behind(&latch);
    let (site, film) = with_film(if engine == Engine::Nginx { builder.workers(1) } else { builder });
    for is_http2 in [false, true] {
        // Each time a file that nobody knows anything of.
        let name = format!("slow-{is_http2}.mp4");
        site.put(&name, fs::read(&film.path).expect("a film"));
        fs::write(&latch, "").expect("a directory of our own");
        let ask = |target: &str| {
            let request = site.request(target);
            if is_http2 { request.http2().send() } else { request.arg("--http1.1").send() }
        };
        let finished = AtomicBool::new(false);
        scope(|threads| {
            let slow = threads.spawn(|| {
                let reply = ask(&format!("/{name}?{QUERY}"));
                finished.store(true, Ordering::Relaxed);
                reply
            });
            sleep(Duration::from_millis(100));
            for _ in 0..5 {
                assert_eq!(ask("/a.txt").text(), "text");
                assert!(is_clip(&ask(&format!("/fast.mp4?{QUERY}")), &film, QUERY));
            }
            assert!(!finished.load(Ordering::Relaxed), "it did not wait");
            fs::remove_file(&latch).expect("a file of our own");
            assert!(is_clip(&slow.join().expect("an answer"), &film, QUERY));
        });
    }
}

/// Whoever waits for what is read for another holds none of the threads.
fn a_film_is_read_while_many_wait_for_another(engine: Engine) {
    let dir = tempfile::tempdir_in(sites_dir()).expect("a directory of our own");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("a directory of our own");
    let latch = dir.path().join("latch");
    fs::write(&latch, "").expect("a directory of our own");
    let builder = Builder::new(engine).disk_stuck_behind(&latch);
    let (site, film) = with_film(if engine == Engine::Nginx { builder.workers(1) } else { builder });
    // One that nobody has asked for yet, and one that was written just now.
    site.publish_as(&film, "slow-stuck.mp4");
    site.put("slow-stuck-young.mp4", fs::read(&film.path).expect("a film"));
    for name in ["slow-stuck.mp4", "slow-stuck-young.mp4"] {
        fs::write(&latch, "").expect("a directory of our own");
        let ask_for = |n: usize| {
            let query = format!("start={}.{n:02}", 1 + n % 6);
            (ask(&site, &format!("/{name}?{query}")), query)
        };
        let mut waiting: Vec<_> = (0..40).map(ask_for).collect();
        // Some leave.
        waiting.drain(10..15);
        sleep(Duration::from_millis(300));
        let begun = site.computed();
        for n in 0..3 {
            // Each time a film that nobody knows anything of.
            let other = format!("slow-{n}-{}", name.trim_start_matches("slow-stuck"));
            site.publish_as(&film, &other);
            let reply = site.request(&format!("/{other}?{QUERY}")).arg("-m10").send();
            assert!(is_clip(&reply, &film, QUERY), "{reply}");
        }
        sleep(Duration::from_millis(700));
        let used = site.computed() - begun;
        assert!(used < Duration::from_millis(350), "{used:?} of computing in a second, for those who wait");
        fs::remove_file(&latch).expect("a file of our own");
        for (mut client, query) in waiting {
            assert!(is_clip(&client.reply(), &film, &query), "{name}?{query}");
        }
    }
}

fn streams_of_one_connection_do_not_wait_for_each_other(engine: Engine) {
    let (site, film) = one_with(engine, 20, &tls::config(engine));
    let dir = tempfile::tempdir().expect("a directory");
    // The others share the connection of the first request. A line for each as it ends.
    let url = |target: &str| site.url(target).replace("http:", "https:");
    let mut request = Request::get(url(&format!("/fast.mp4?{QUERY}"))).arg("--insecure").arg("--http2");
    request = request.arg("--parallel");
    for target in ["/a.txt".into(), format!("/slow.mp4?{QUERY}")] {
        request = request.arg("--url").arg(&url(&target));
    }
    for n in 0..3 {
        request = request.arg("-o").arg(dir.path().join(n.to_string()).to_str().expect("a path in UTF-8"));
    }
    let ends = request.arg("-w").arg("%{num_connects} %{url}\n").send().text();
    let lines: Vec<&str> = ends.lines().collect();
    assert!(lines.iter().filter(|line| line.starts_with("0 ")).count() == 2, "one connection: {ends}");
    let place = |name: &str| lines.iter().position(|line| line.contains(name));
    assert!(place("fast") < place("slow"), "{ends}");
    let whole = clip(&film.path, QUERY).expect("a clip");
    let same =
        (0..3).filter(|n| std::fs::read(dir.path().join(n.to_string())).is_ok_and(|body| body == whole));
    assert_eq!(same.count(), 2);
}

fn all_kinds_of_answers_may_have_to_wait(engine: Engine) {
    let (site, film) = one_on(engine, 20);
    let whole = clip(&film.path, QUERY).expect("a clip");
    let head = site.request(&format!("/slow.mp4?{QUERY}")).head().send();
    assert_eq!((head.status, head.length()), (200, whole.len() as u64));
    let part = site.request(&format!("/slow.mp4?{QUERY}")).range("100-50000").send();
    assert!(part.status == 206 && part.body == whole[100..=50_000], "{part}");
    let parts = site.request(&format!("/slow.mp4?{QUERY}")).range("0-9,1000-1009").send();
    assert_eq!(parts.status, 206);
    assert!(parts.body.windows(10).any(|w| w == &whole[1000..1010]), "{parts}");
    let etag = head.header("etag");
    let unchanged = site.request(&format!("/slow.mp4?{QUERY}")).header("If-None-Match", etag).send();
    assert_eq!(unchanged.status, 304);

    // The film with its metadata moved, and one that is sent as it is.
    assert!(is_clip(&site.get("/slow.mp4"), &film, ""));
    let first = tests::films::film("moov_first");
    site.publish_as(&first, "slow-first.mp4");
    assert!(site.get("/slow-first.mp4").body == std::fs::read(&first.path).expect("a film"));

    // Many windows, of media that lies in small chunks.
    let long = demo_film();
    site.publish_as(&long, "slow-long.mp4");
    assert!(is_clip(&site.get("/slow-long.mp4?start=1&tracks=audio"), &long, "start=1&tracks=audio"));

    // What cannot be answered.
    site.put("slow-broken.mp4", b"\0\0\0\x08mdat");
    site.expect_log("slow-broken.mp4\\?start=1: .*moov");
    assert_eq!(site.get("/slow-broken.mp4?start=1").status, 415);
    site.expect_log("slow.mp4\\?start=1000: .*past the end");
    assert_eq!(site.get("/slow.mp4?start=1000").status, 416);
}

fn clients_that_leave_while_they_wait_do_no_harm(engine: Engine) {
    let (site, film) = one_on(engine, 100);
    for n in 0..60 {
        let mut connection = site.connect();
        connection.write(&format!("GET /slow.mp4?start={}.{n} HTTP/1.1\r\nHost: a\r\n\r\n", n % 8));
        if n % 2 == 0 {
            sleep(Duration::from_millis(10));
        }
    }
    assert!(is_clip(&site.get(&format!("/slow.mp4?{QUERY}")), &film, QUERY));
    let file = site.docroot().join("slow.mp4");
    let deadline = Instant::now() + Duration::from_secs(30);
    while site.descriptors_of(&file) > 1 {
        assert!(Instant::now() < deadline, "{} descriptors are still open", site.descriptors_of(&file));
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_restart_finishes_what_waits() {
    for (config, signal) in [("", Signal::USR1), ("server.max-worker = 2", Signal::USR1), ("", Signal::HUP)] {
        let (site, film) = slow_site(100, config);
        site.allow_log("raceful");
        scope(|threads| {
            let slow = threads.spawn(|| site.get(&format!("/slow.mp4?{QUERY}")));
            sleep(Duration::from_millis(300));
            site.signal(signal);
            assert!(is_clip(&slow.join().expect("an answer"), &film, QUERY));
        });
        let reply = site.get_after_restart(&format!("/slow.mp4?{QUERY}"));
        assert!(is_clip(&reply, &film, QUERY));
    }
}

fn a_server_stops_while_requests_wait(engine: Engine) {
    // nginx kills a worker that has not ended after a second.
    let (site, _) = one_on(engine, if engine == Engine::Nginx { 300 } else { 1000 });
    let mut waiting: Vec<_> = (0..20).map(|_| site.connect()).collect();
    for (n, connection) in waiting.iter_mut().enumerate() {
        connection.write(&format!("GET /slow.mp4?start={n} HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    sleep(Duration::from_millis(200));
    // The site asserts, when it is dropped, that the server stops at a signal and by itself.
    drop(site);
    drop(waiting);
}

/// Opens this many connections, each of which asks for a film on the slow disk.
/// Each asks for another film, of which the server knows nothing yet.
fn ask_slow(site: &Site, film: &Film, count: usize) -> Vec<Connection> {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let unknown = |_| {
        let name = format!("slow-{}.mp4", ASKED.fetch_add(1, Ordering::Relaxed));
        site.put_old(&name, fs::read(&film.path).expect("a film"));
        ask(site, &format!("/{name}?{QUERY}"))
    };
    (0..count).map(unknown).collect()
}

fn ask(site: &Site, target: &str) -> Connection {
    let mut connection = site.connect();
    connection.write(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    connection
}

/// Waits until the module runs as many threads, in each process that has any.
fn wait_for_threads(site: &Site, wanted: &[usize]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let threads = site.module_threads();
        if threads == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{threads:?} threads, not {wanted:?}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn requests_that_come_at_once_do_not_wait_for_one_thread() {
    for count in [3, 5, 8, 20] {
        let (site, film) = slow_site(100, "");
        // Leaves a thread that has nothing to do, or two where the first had not come to rest when the answer
        // needed one again.
        assert!(is_clip(&site.get(&format!("/slow.mp4?{QUERY}")), &film, QUERY));
        let idle = site.module_threads();
        assert!(matches!(idle[..], [1 | 2]), "{idle:?}");
        // Before the server goes on, all of them have asked.
        site.signal(Signal::STOP);
        let waiting = ask_slow(&site, &film, count);
        site.signal(Signal::CONT);
        // A thread for each, up to the limit.
        wait_for_threads(&site, &[count.min(8)]);
        drop(waiting);
    }
}

/// Whether the rule of that name on the page of measures holds by these counts.
fn is_alarmed(rule: &str, counts: &str) -> bool {
    let rules = block("measures.md", "Alerts", "yaml");
    let (_, rule) = rules.split_once(&format!("alert: {rule}\n")).expect("a rule");
    let rule = rule.lines().find_map(|line| line.trim().strip_prefix("expr: ")).expect("an expression");
    let value = |term: &str| -> f64 {
        let count = || counts.lines().find_map(|line| line.strip_prefix(&format!("{term} ")));
        term.parse().ok().or_else(|| count()?.parse().ok()).expect("a number, or the name of a count")
    };
    rule.split(" and ").all(|condition| {
        let words: Vec<_> = condition.split(' ').collect();
        let [left, sign, right] = words.try_into().expect("a comparison");
        assert!([">", ">="].contains(&sign), "this test does not know {condition}");
        value(left) > value(right) || sign == ">=" && value(left) >= value(right)
    })
}

fn the_alert_sees_one_worker_whose_threads_are_taken(engine: Engine) {
    let dir = open_dir();
    let latch = dir.path().join("latch");
    // nginx has 32 threads in its default pool, by itself.
    let (config, threads) = match engine {
        Engine::Nginx => ("location /metrics { h264_streaming_metrics; }", 32),
        _ => ("server.max-worker = 2\nh264-streaming.metrics-url = \"/metrics\"", 8),
    };
    let builder = Builder::new(engine).disk_behind(&latch).config(config).workers(2);
    let (site, film) = with_film(builder);
    let ids = site.processes().into_iter().filter_map(|process| process.file_name()?.to_str()?.parse().ok());
    let workers: Vec<u32> = ids.filter(|id| *id != site.pid()).collect();
    let signal = |worker: u32, signal: Signal| {
        let pid = i32::try_from(worker).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("a process of ours");
    };
    let [idle, full]: [u32; 2] = workers.try_into().expect("two workers");
    // Both have had the disk read something.
    // It takes no more connections: those that it has, it may still hold.
    let stop = |worker: u32| {
        signal(worker, Signal::STOP);
        let deadline = Instant::now() + Duration::from_secs(10);
        let state = || fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        while !state().contains(") T ") {
            assert!(Instant::now() < deadline, "{}", state());
            sleep(Duration::from_millis(5));
        }
    };
    for (stopped, other) in [(full, idle), (idle, full)] {
        stop(stopped);
        assert!(is_clip(&site.get(&format!("/slow.mp4?{QUERY}")), &film, QUERY), "{other}");
        signal(stopped, Signal::CONT);
    }
    fs::write(&latch, "").expect("a directory of our own");
    let mut waiting = Vec::new();
    for (count, busy, left) in [(1, 1, 0), (threads, threads, 1)] {
        stop(idle);
        waiting.extend(ask_slow(&site, &film, count));
        let counts = || site.get("/metrics").text();
        let has =
            |name: &str, count: usize| counts().contains(&format!("\nh264_streaming_pool_{name} {count}\n"));
        let settled = || has("busy", busy) && has("waiting", left);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !settled() {
            assert!(Instant::now() < deadline, "not {busy} and {left}: {}", counts());
            sleep(Duration::from_millis(20));
        }
        signal(idle, Signal::CONT);
        assert_eq!(is_alarmed("H264PoolFull", &counts()), left > 0, "{}", counts());
    }
    fs::remove_file(&latch).expect("a file of our own");
}

/// The error log's line about the films whose reads did not end.
const LEFT: &str = "stops without [0-9]+ reads that do not end, of .*/slow-[0-9]+.mp4$";

/// Asks until reads hang in each of the workers.
fn hang(site: &Site, film: &Film, workers: usize) -> Vec<Connection> {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut waiting = Vec::new();
    while site.module_threads().len() < workers {
        assert!(Instant::now() < deadline, "threads in the workers: {:?}", site.module_threads());
        waiting.extend(ask_slow(site, film, 4));
        sleep(Duration::from_millis(50));
    }
    waiting
}

#[test]
fn work_that_nobody_waits_for_any_more_is_not_measured() {
    let (site, film) =
        site_on(FOR_EVER, "server.max-worker = 1\nh264-streaming.metrics-url = \"/metrics\"\n");
    site.expect_log(LEFT);
    let waiting = |wanted: u32| {
        let line = format!("h264_streaming_pool_waiting {wanted}\n");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !site.get("/metrics").text().contains(&line) {
            assert!(Instant::now() < deadline, "no {line}{}", site.get("/metrics").text());
            sleep(Duration::from_millis(20));
        }
    };
    // All threads are taken, and what comes then waits for one.
    let hanging = ask_slow(&site, &film, 8);
    wait_for_threads(&site, &[8]);
    scope(|scope| {
        // Of HTTP/1.1, the server does not look at a client whose request waits.
        scope.spawn(|| site.request(&format!("/slow.mp4?{QUERY}")).http2().arg("-m3").try_send());
        waiting(1);
    });
    waiting(0);
    drop(site);
    drop(hanging);
}

#[test]
fn a_read_that_hangs_holds_up_no_stop() {
    for (config, workers) in [("", 1), ("server.max-worker = 2", 2)] {
        let (site, film) = site_on(FOR_EVER, config);
        site.expect_log(LEFT);
        let waiting = hang(&site, &film, workers);
        // The site asserts, when it is dropped, that the server stops at a signal and by itself.
        drop(site);
        drop(waiting);
    }
}

#[test]
fn a_read_that_hangs_holds_up_no_restart() {
    // The server gives up clients that wait a second after the signal.
    const TIMEOUT: &str = "server.feature-flags += (\"server.graceful-shutdown-timeout\" => 1)";
    for (config, workers) in [("", 1), ("server.max-worker = 2\n", 2)] {
        let (site, film) = site_on(FOR_EVER, &format!("{config}{TIMEOUT}"));
        site.expect_log(LEFT);
        site.allow_log("raceful");
        // What was left at the first restart is still there at the second.
        for _ in 0..2 {
            let waiting = hang(&site, &film, workers);
            let lines = site.error_log().len();
            site.signal(Signal::USR1);
            for mut connection in waiting {
                assert_eq!(connection.try_read(1000).unwrap_or(0), 0, "no answer");
            }
            let deadline = Instant::now() + Duration::from_secs(30);
            while !site.error_log().iter().skip(lines).any(|line| line.contains("server started")) {
                assert!(Instant::now() < deadline, "no restart: {:#?}", site.error_log());
                sleep(Duration::from_millis(20));
            }
            let reply = site.get_after_restart(&format!("/fast.mp4?{QUERY}"));
            assert!(is_clip(&reply, &film, QUERY));
        }
    }
}

#[test]
fn a_read_that_ends_after_the_restart_does_no_harm() {
    let config = "server.feature-flags += (\"server.graceful-shutdown-timeout\" => 1)";
    let (site, film) = site_on(Duration::from_secs(8), config);
    site.expect_log(LEFT);
    site.allow_log("raceful");
    let waiting = hang(&site, &film, 1);
    let tasks: Vec<_> = site.processes().iter().flat_map(|process| site.module_tasks(process)).collect();
    site.signal(Signal::USR1);
    drop(waiting);
    let reply = site.get_after_restart(&format!("/fast.mp4?{QUERY}"));
    assert!(is_clip(&reply, &film, QUERY));
    // The server may have begun threads since, which stay.
    let left = || tasks.iter().filter(|task| task.exists()).count();
    assert!(left() > 0, "nothing was left");
    let deadline = Instant::now() + Duration::from_secs(60);
    while left() > 0 {
        assert!(Instant::now() < deadline, "threads: {}", left());
        sleep(Duration::from_millis(100));
    }
    assert!(is_clip(&site.get(&format!("/fast.mp4?{QUERY}")), &film, QUERY));
}
