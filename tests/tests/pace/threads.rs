//! Many answers that are held back, and few threads.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use mp4seek::pace::Pace;
use rustix::process::Signal;
use tests::client::Connection;
use tests::on_all_engines;
use tests::servers::{APACHE, Engine};
use tests::tls;

use super::record::get;
use super::schedule::{Answered, film};
use super::sent::{assert_not_early, paced};

on_all_engines!(
    others_are_answered_while_many_wait,
    a_connection_is_used_again,
    a_slow_client_gets_what_may_be_sent_at_once,
    a_client_that_leaves_is_forgotten,
    a_server_that_ends_in_peace_sends_the_rest,
);

/// Apache with four threads that may have many connections.
const FEW_THREADS: &str = "ServerLimit 1\nThreadLimit 4\nThreadsPerChild 4\nMaxRequestWorkers 4\nMinSpareThreads 1\n\
     AsyncRequestWorkerFactor 30\n";

const PACE: Pace = Pace { lead_in: 2, rate: 0 };
const QUERY: &str = "start=4&end=11";

fn others_are_answered_while_many_wait(engine: Engine) {
    let status = engine.lines(
        "<Location /status>\nSetHandler server-status\n</Location>\n",
        "$HTTP[\"url\"] =~ \"^/status\" { status.status-url = \"/status\" }",
        "location /status { stub_status; }",
    );
    let threads = engine.lines(FEW_THREADS, "", "");
    for is_secure in [false, true] {
        let tls = if is_secure { tls::config(engine) } else { String::new() };
        let site = paced(engine, PACE).config(threads).config(status).config(&tls).start();
        // A notice of mod_ssl about its library, and one that all threads were busy for a moment.
        site.allow_log("AH01882|AH00484");
        site.put("film.mp4", film());
        site.put("a.txt", "text");
        let clip = Answered::of(&site, "film.mp4", QUERY, PACE);
        let url = |target: &str| {
            let url = site.url(target);
            if is_secure { url.replace("http:", "https:") } else { url }
        };
        let clip_url = url(&format!("/film.mp4?{QUERY}"));
        scope(|clients| {
            let begun = Instant::now();
            let many: Vec<_> =
                (0..24).map(|_| clients.spawn(|| get(&clip_url, &["--http1.1".into()]))).collect();
            sleep(Duration::from_secs(2));
            let mut busy_threads = Vec::new();
            // The clients are sent the last five seconds after they began.
            while busy_threads.len() < 10 && begun.elapsed() < Duration::from_secs(4) {
                let began = Instant::now();
                assert_eq!(get(&url("/a.txt"), &["--http1.1".into()]).body, b"text");
                assert!(began.elapsed() < Duration::from_secs(20), "after {:?}", began.elapsed());
                let status = get(&url("/status?auto"), &["--http1.1".into()]).body;
                let status = String::from_utf8_lossy(&status).into_owned();
                let busy = status.lines().find_map(|line| line.strip_prefix("BusyWorkers: ")).map(str::parse);
                let busy = if engine == APACHE { busy.expect("a line of it").expect("a number") } else { 0 };
                busy_threads.push(busy);
                sleep(Duration::from_millis(150));
            }
            assert!(!busy_threads.is_empty(), "the machine is too slow to ask anything meanwhile");
            // One of them tells.
            println!("{engine:?}, TLS {is_secure}: of 4 threads {busy_threads:?} are busy");
            assert!(busy_threads.iter().min().is_none_or(|&least: &u32| least <= 2), "{busy_threads:?}");
            for client in many {
                assert_not_early("one of many", &client.join().expect("a client"), &clip, &(0..clip.len()));
            }
        });
    }
}

fn a_connection_is_used_again(engine: Engine) {
    let site = paced(engine, PACE).start();
    site.put("film.mp4", film());
    site.put("a.txt", "text");
    let clip = Answered::of(&site, "film.mp4", QUERY, PACE);
    let mut connection = site.connect();
    let ask = |target: &str, more: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
    let target = format!("/film.mp4?{QUERY}");
    // The second and the third are there while the first is held back.
    connection.write(&(ask(&target, "") + &ask("/a.txt", "") + &ask(&target, "Range: bytes=0-99\r\n")));
    assert!(connection.reply().body == clip.bytes(&(0..clip.len())));
    assert_eq!(connection.reply().body, b"text");
    assert!(connection.reply().body == clip.bytes(&(0..100)));
    connection.write(&ask(&target, "Range: bytes=1000000-1000009\r\nConnection: close\r\n"));
    assert!(connection.reply().body == clip.bytes(&(1_000_000..1_000_010)));
    assert_eq!(connection.read(1), 0, "the connection was to be closed");
    // A line for each.
    let log = site.access_log(4);
    assert_eq!(log.iter().filter(|line| line.contains("/film.mp4")).count(), 3, "{log:?}");
}

/// Nothing is held back, but the client takes it slowly: the server waits for the client alone.
fn a_slow_client_gets_what_may_be_sent_at_once(engine: Engine) {
    // How long the server waits for a client that takes nothing.
    let timeout = engine.lines(
        "Timeout 5\nSendBufferSize 65536",
        "server.max-write-idle = 5",
        "send_timeout 5s;\nkeepalive_timeout 60s;",
    );
    let pace = Pace { lead_in: 20, rate: 0 };
    let site = paced(engine, pace).config(timeout).start();
    site.put("film.mp4", film());
    site.put("a.txt", "text");
    let clip = Answered::of(&site, "film.mp4", "start=3&end=12", pace);
    // More than is passed on at a time, and no more than twice that.
    assert!((4 << 20..8 << 20).contains(&clip.len()), "{}", clip.len());
    let mut client = Connection::open_narrow(site.address());
    let ask = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.write(&ask("/film.mp4?start=3&end=12"));
    // The server has filled all that lies between by then.
    assert!(client.read(1000) > 0);
    sleep(Duration::from_millis(500));
    assert!(client.reply().body == clip.bytes(&(0..clip.len())));
    client.write(&ask("/a.txt"));
    assert_eq!(client.reply().body, b"text");
}

fn a_client_that_leaves_is_forgotten(engine: Engine) {
    let site = paced(engine, PACE).start();
    let path = site.docroot().join("film.mp4");
    site.put("film.mp4", film());
    let request = format!("GET /film.mp4?{QUERY} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let clients: Vec<Connection> = (0..8)
        .map(|_| {
            let mut client = site.connect();
            client.write(&request);
            assert!(client.read(1000) > 0);
            client
        })
        .collect();
    assert!(site.descriptors_of(&path) > 0);
    drop(clients);
    let deadline = Instant::now() + Duration::from_secs(60);
    // lighttpd keeps a file open for some seconds for others.
    while site.descriptors_of(&path) > 0 {
        assert!(Instant::now() < deadline, "the film is still open");
        sleep(Duration::from_millis(200));
    }
    assert_eq!(site.access_log(8).len(), 8);
}

fn a_server_that_ends_in_peace_sends_the_rest(engine: Engine) {
    let site = paced(engine, PACE).start();
    site.put("film.mp4", film());
    site.put("a.txt", "text");
    let clip = Answered::of(&site, "film.mp4", QUERY, PACE);
    let mut client = site.connect();
    client.write(&format!("GET /film.mp4?{QUERY} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert!(client.read(1000) > 0);
    // A restart: the children that have work end when it is done.
    site.signal(if engine == Engine::Nginx { Signal::HUP } else { Signal::USR1 });
    assert!(client.reply().body == clip.bytes(&(0..clip.len())));
    assert_eq!(site.get_after_restart("/a.txt").text(), "text");
    site.allow_log("AH00493|AH00489|AH00094|graceful|restart|[Ss]erver");
}
