//! What belongs to a process, while servers fork, restart and start programs.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::thread::{scope, sleep};
use std::time::Duration;

use rustix::process::Signal;
use tests::client::Connection;
use tests::films::{Film, film};
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site};
use tests::wait_until;

const QUERIES: [&str; 3] = ["start=3.05&end=7", "start=1", "start=2.5&end=6&mode=keyframe"];

/// lighttpd on a slow disk, with a film.
fn slow_site(each: Duration, config: &str) -> (Site, Film) {
    let site = Builder::new(Engine::Lighttpd).slow_disk(each).config(config).start();
    let film = film("bframes");
    site.publish_as(&film, "slow.mp4");
    (site, film)
}

fn ask(site: &Site, query: &str) -> Connection {
    let mut connection = site.connect();
    connection.write(&format!("GET /slow.mp4?{query} HTTP/1.1\r\nHost: a\r\n\r\n"));
    connection
}

/// The process that is copied has threads in the middle of their work, and locks that they hold.
#[test]
fn a_server_that_copies_itself_answers_who_waits() {
    let config = "server.systemd-socket-activation = \"enable\"\n\
                  server.feature-flags += (\"server.graceful-restart-bg\" => \"enable\")";
    // At these moments some answers are being planned, and others sent.
    for moment in [150, 1000] {
        let (site, film) = slow_site(Duration::from_millis(100), config);
        site.allow_log("raceful|continuing to handle");
        let mut early: Vec<_> = QUERIES.iter().map(|query| ask(&site, query)).collect();
        wait_until("no thread reads", 30, || !site.module_threads().is_empty());
        sleep(Duration::from_millis(moment));
        let mut late: Vec<_> = QUERIES.iter().map(|query| ask(&site, query)).collect();
        // Until the server has accepted them: they are the copy's then.
        sleep(Duration::from_millis(50));
        let lines = site.error_log().len();
        site.signal(Signal::USR1);
        for connections in [&mut early, &mut late] {
            for (connection, query) in connections.iter_mut().zip(QUERIES) {
                let reply = connection.reply();
                let whole = clip(&film.path, query).expect("a clip");
                assert!(reply.status == 200 && reply.body == whole, "{moment} ms, {query}: {reply}");
            }
        }
        let copied = |line: &String| line.contains("continuing to handle");
        assert!(site.error_log().iter().skip(lines).any(copied), "{:#?}", site.error_log());
        let reply = site.get_after_restart(&format!("/slow.mp4?{}", QUERIES[0]));
        assert!(reply.body == clip(&film.path, QUERIES[0]).expect("a clip"), "{reply}");
    }
}

#[test]
fn a_server_that_copies_itself_stops() {
    let config = "server.systemd-socket-activation = \"enable\"\n\
                  server.feature-flags += (\"server.graceful-restart-bg\" => \"enable\")";
    let (site, _) = slow_site(Duration::from_secs(3), config);
    site.allow_log("raceful|continuing to handle");
    let waiting = ask(&site, QUERIES[0]);
    wait_until("no thread reads", 30, || !site.module_threads().is_empty());
    site.signal(Signal::USR1);
    wait_until("no copy", 30, || site.processes().len() > 1);
    for process in site.processes() {
        let id = process.file_name().and_then(|name| name.to_str()?.parse().ok());
        let id = id.and_then(rustix::process::Pid::from_raw).expect("a process's id");
        // The site stops the first itself.
        if id.as_raw_nonzero().get().unsigned_abs() != site.pid() {
            rustix::process::kill_process(id, Signal::TERM).expect("a process of ours");
        }
    }
    drop(site);
    drop(waiting);
}

#[test]
fn threads_leave_signals_to_the_server() {
    let (site, _) = slow_site(Duration::from_secs(1), "");
    let waiting: Vec<_> = QUERIES.iter().map(|query| ask(&site, query)).collect();
    wait_until("no thread for each", 30, || site.module_threads() == [QUERIES.len()]);
    // All of the first 31 but SIGKILL and SIGSTOP, which nobody can block.
    let all = 0x7FFF_FFFF & !(1 << 8 | 1 << 18);
    for process in site.processes() {
        for task in site.module_tasks(&process) {
            assert_eq!(blocked_signals(&task) & all, all, "{}", task.display());
        }
        assert_eq!(blocked_signals(&process) & all, 0, "the server's own thread");
    }
    drop(waiting);
}

fn blocked_signals(task: &std::path::Path) -> u64 {
    let status = fs::read_to_string(task.join("status")).expect("a thread that waits");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).expect("a mask");
    u64::from_str_radix(mask.trim(), 16).expect("a number")
}

/// What a program that the server starts finds of it. A shell would not do: it blocks signals
/// itself while it starts others.
const SCRIPT: &str = r#"
print "Content-Type: text/plain\r\n\r\n";
print readlink($_) // "", "\n" for glob "/proc/self/fd/*";
open my $status, "<", "/proc/self/status";
print grep { /SigBlk/ } <$status>;
"#;

#[test]
fn programs_inherit_nothing() {
    let config = "server.modules += (\"mod_cgi\")\ncgi.assign = (\".pl\" => \"/usr/bin/perl\")";
    let (site, film) = slow_site(Duration::from_millis(100), config);
    site.put("list.pl", SCRIPT);
    let mut waiting: Vec<_> = QUERIES.iter().map(|query| ask(&site, query)).collect();
    wait_until("no thread for each", 30, || site.module_threads() == [QUERIES.len()]);
    scope(|threads| {
        let programs = threads.spawn(|| {
            (0..20).for_each(|_| {
                let said = site.get("/list.pl").text();
                assert!(said.contains("SigBlk:\t0000000000000000"), "{said}");
                assert!(!said.contains("slow.mp4") && !said.contains("eventfd"), "{said}");
            });
        });
        for (connection, query) in waiting.iter_mut().zip(QUERIES) {
            let reply = connection.reply();
            assert!(reply.body == clip(&film.path, query).expect("a clip"), "{query}: {reply}");
        }
        programs.join().expect("programs that inherit nothing");
    });
}
