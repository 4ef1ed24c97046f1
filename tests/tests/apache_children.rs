//! Apache's children: several that answer at once, restarts and deaths meanwhile, and what they owe
//! to the process that they were forked from.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;

use rustix::process::{Pid, Signal, kill_process};
use tests::client::Connection;
use tests::films::{Film, film};
use tests::probe::clip;
use tests::scripts::put_program;
use tests::servers::{Builder, Engine, Mpm, ONE_PROCESS, Site};
use tests::wait_until;

macro_rules! on_each_mpm {
    ($($scenario:ident),+ $(,)?) => {
        mod prefork {
            $(#[test] fn $scenario() { super::$scenario(super::Mpm::Prefork) })+
        }
        mod worker {
            $(#[test] fn $scenario() { super::$scenario(super::Mpm::Worker) })+
        }
        mod event {
            $(#[test] fn $scenario() { super::$scenario(super::Mpm::Event) })+
        }
    };
}

on_each_mpm!(
    children_answer_at_once,
    answers_under_way_survive_a_graceful_restart,
    a_restart_breaks_answers_off_and_the_next_are_right,
    a_child_that_is_killed_takes_nobody_along,
    the_module_adds_no_threads_and_no_signal_handlers,
);

/// A film of which a clip is longer than the buffers below.
const LONG: &str = "pcm";
const LONG_QUERY: &str = "start=0.5&end=7.5";

/// Queries, and the clips that answer them.
static CLIPS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let film = film("bframes");
    let queries = (0..12).map(|n| format!("start={}.{}&end=7.5", n / 2, n % 2 * 5));
    queries.map(|query| (query.clone(), clip(&film.path, &query).expect("a clip"))).collect()
});

/// Apache with several children that serve two films. It writes down which child answered, and
/// holds only a little of what a client has not taken yet.
fn site(mpm: Mpm) -> (Site, Film) {
    let children = match mpm {
        Mpm::Prefork => "MinSpareServers 4\nMaxSpareServers 16\n",
        Mpm::Worker | Mpm::Event => {
            "ThreadLimit 4\nThreadsPerChild 4\nMinSpareThreads 16\nMaxSpareThreads 64\n"
        }
    };
    let workers = if mpm == Mpm::Prefork { 16 } else { 64 };
    let config = format!(
        "ServerLimit 16\nMaxRequestWorkers {workers}\n{children}SendBufferSize 32768\n\
         CustomLog {{dir}}/children.log \"%P\""
    );
    let site = Builder::new(Engine::Apache(mpm)).workers(4).config(&config).start();
    site.allow_log("AH00171: |AH00173: |AH00297: |AH00298: |AH00493: |AH00494: ");
    // A slow machine may have all of its children busy.
    site.allow_log("MaxRequestWorkers|MinSpareThreads|server seems busy");
    site.publish_as(&film("bframes"), "f.mp4");
    let long = film(LONG);
    site.publish_as(&long, "long.mp4");
    (site, long)
}

fn request(connection: &mut Connection, target: &str) -> io::Result<()> {
    connection.try_write(&format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
}

/// Reads to the end of the connection; how that came.
fn read_to_end(connection: &mut Connection) -> io::Result<()> {
    while connection.try_read(1 << 16)? > 0 {}
    Ok(())
}

/// What an answer has of its body so far. Its status must be 200.
fn body(received: &[u8]) -> &[u8] {
    if received.is_empty() {
        return received;
    }
    assert!(received.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&received[..100]));
    let head = received.windows(4).position(|w| w == b"\r\n\r\n").map_or(received.len(), |at| at + 4);
    &received[head..]
}

/// Asks for one of the clips, on a connection of its own. Whether the answer is whole; what there
/// is of it must be right.
fn ask(site: &Site, n: usize) -> bool {
    let (query, whole) = &CLIPS[n % CLIPS.len()];
    let mut connection = site.connect();
    let end =
        request(&mut connection, &format!("/f.mp4?{query}")).and_then(|()| read_to_end(&mut connection));
    let body = body(connection.received());
    assert!(whole.starts_with(body), "request {n}: a wrong answer");
    end.is_ok() && body.len() == whole.len()
}

/// Clients in the middle of an answer that they have not taken yet.
fn clients_under_way(site: &Site) -> Vec<Connection> {
    let open = || {
        let mut connection = Connection::open_narrow(site.address());
        request(&mut connection, &format!("/long.mp4?{LONG_QUERY}"))
            .expect("a server that reads its requests");
        while body(connection.received()).is_empty() {
            assert!(connection.read(1000) > 0, "the connection ended inside a head");
        }
        connection
    };
    (0..3).map(|_| open()).collect()
}

/// The processes that have answered requests.
fn children_that_answered(site: &Site) -> BTreeSet<String> {
    let log = fs::read_to_string(site.dir().join("children.log")).expect("a log");
    log.lines().map(str::to_owned).collect()
}

/// Signals the server to start again, and waits until it has.
fn restart(site: &Site, signal: Signal) {
    let starts =
        || site.error_log().iter().filter(|line| line.contains("resuming normal operations")).count();
    let before = starts();
    site.signal(signal);
    wait_until("no restart", 60, || starts() > before);
}

/// The server's processes but the first.
fn children(site: &Site) -> Vec<Pid> {
    let id = |process: &Path| process.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw);
    let all = site.processes().into_iter().filter_map(|process| id(&process));
    all.filter(|id| id.as_raw_nonzero().get().unsigned_abs() != site.pid()).collect()
}

fn children_answer_at_once(mpm: Mpm) {
    let (site, _) = site(mpm);
    scope(|threads| {
        for client in 0..12 {
            let site = &site;
            threads.spawn(move || (0..15).for_each(|n| assert!(ask(site, client * 5 + n), "request {n}")));
        }
        // Others leave in the middle.
        for _ in 0..3 {
            threads.spawn(|| (0..10).for_each(|_| drop(clients_under_way(&site).pop())));
        }
    });
    let children = children_that_answered(&site);
    assert!(children.len() > 2, "not answered by several children: {children:?}");
    for name in ["f.mp4", "long.mp4"] {
        wait_until("a film is still open", 60, || site.descriptors_of(&site.docroot().join(name)) == 0);
    }
}

fn answers_under_way_survive_a_graceful_restart(mpm: Mpm) {
    let (site, long) = site(mpm);
    let whole = clip(&long.path, LONG_QUERY).expect("a clip");
    let mut under_way = clients_under_way(&site);
    for n in 0..3 {
        restart(&site, Signal::USR1);
        assert!(ask(&site, n), "after the restart");
        under_way.extend(clients_under_way(&site));
    }
    let first = children_that_answered(&site);
    for connection in &mut under_way {
        read_to_end(connection).expect("a whole answer");
        assert!(
            body(connection.received()) == whole,
            "of {} bytes {}",
            whole.len(),
            connection.received().len()
        );
    }
    (0..12).for_each(|n| assert!(ask(&site, n)));
    let all = children_that_answered(&site);
    assert!(all.len() > first.len(), "no new children: {all:?}");
}

fn a_restart_breaks_answers_off_and_the_next_are_right(mpm: Mpm) {
    let (site, long) = site(mpm);
    // A child that is signalled to stop sends no more, but may need a second signal.
    site.allow_log("AH00045: child process|AH00046: child process");
    // A child of event that is signalled closes the sockets that its workers have in hand.
    site.allow_log(r"\(9\)Bad file descriptor: AH0\d+: process_\w+: apr_pollset_add failure");
    let whole = clip(&long.path, LONG_QUERY).expect("a clip");
    let mut under_way = clients_under_way(&site);
    for n in 0..3 {
        restart(&site, Signal::HUP);
        assert!(ask(&site, n), "after the restart");
    }
    for connection in &mut under_way {
        let _ = read_to_end(connection);
        assert!(whole.starts_with(body(connection.received())), "a wrong answer");
    }
    (0..12).for_each(|n| assert!(ask(&site, n)));
}

/// Raised when the test is over, by a failure too: the clients end then.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn a_child_that_is_killed_takes_nobody_along(mpm: Mpm) {
    let (site, _) = site(mpm);
    site.allow_killed();
    let (asked, broken, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    scope(|threads| {
        for client in 0..8 {
            let (site, asked, broken, over) = (&site, &asked, &broken, &over);
            threads.spawn(move || {
                for n in client.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    asked.fetch_add(1, Ordering::Relaxed);
                    if !ask(site, n) {
                        broken.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let _over = Over(&over);
        for kills in 1..=3 {
            wait_until("nobody is answered", 60, || asked.load(Ordering::Relaxed) > 50 * kills);
            let child = *children(&site).first().expect("a child");
            kill_process(child, Signal::KILL).expect("a process of ours");
        }
        let so_far = asked.load(Ordering::Relaxed);
        wait_until("nobody is answered any more", 60, || asked.load(Ordering::Relaxed) > so_far + 50);
    });
    // What the killed had in hand, and what waited for them.
    let broken = broken.into_inner();
    assert!(broken <= 3 * 8, "{broken} answers are not whole");
    (0..24).for_each(|n| assert!(ask(&site, n), "after the deaths"));
}

fn the_module_adds_no_threads_and_no_signal_handlers(mpm: Mpm) {
    let builder = Builder::new(Engine::Apache(mpm)).workers(1).config(if mpm == Mpm::Prefork {
        "ServerLimit 1\nMaxRequestWorkers 1\n"
    } else {
        ONE_PROCESS
    });
    let described = |builder: Builder| {
        let site = builder.start();
        site.allow_log("AH00161: server reached MaxRequestWorkers");
        site.publish_as(&film("bframes"), "f.mp4");
        (0..12).for_each(|n| _ = site.get(&format!("/f.mp4?{}", CLIPS[n].0)));
        let mut processes: Vec<_> = site.processes().iter().map(|process| describe(process)).collect();
        processes.sort();
        processes
    };
    let (with, without) = (described(builder.clone()), described(builder.without_module()));
    assert_eq!(with, without);
    assert_eq!(with.len(), 2, "{with:?}");
}

/// The threads of a process, and what they do with signals.
fn describe(process: &Path) -> Vec<String> {
    let tasks = fs::read_dir(process.join("task")).expect("a process that runs").flatten();
    let signals = ["Threads:", "SigBlk:", "SigIgn:", "SigCgt:"];
    let mut threads: Vec<String> = tasks
        .map(|task| {
            let status = fs::read_to_string(task.path().join("status")).expect("a thread that runs");
            let lines = status.lines().filter(|line| signals.iter().any(|name| line.starts_with(name)));
            lines.collect::<Vec<_>>().join(" ")
        })
        .collect();
    threads.sort();
    threads
}

/// The files that a program finds open which the server starts.
const LIST: &str = r#"
print "Content-Type: text/plain\r\n\r\n";
print readlink($_) // "", "\n" for glob "/proc/self/fd/*";
"#;

/// The program is a copy of a child that has films open.
#[test]
fn programs_inherit_nothing() {
    let cgi = "LoadModule cgi_module /usr/lib/apache2/modules/mod_cgi.so\nSendBufferSize 32768\n\
               <Directory {docroot}>\nOptions +ExecCGI\nAddHandler cgi-script .pl\n</Directory>\n";
    for sendfile in ["On", "Off"] {
        let config = format!("{ONE_PROCESS}{cgi}EnableSendfile {sendfile}");
        let site = Builder::new(Engine::Apache(Mpm::Worker)).config(&config).start();
        let long = film(LONG);
        site.publish_as(&long, "long.mp4");
        put_program(&site, "list.pl", &format!("#!/usr/bin/perl\n{LIST}"));
        let under_way = clients_under_way(&site);
        assert!(site.descriptors_of(&site.docroot().join("long.mp4")) >= under_way.len());
        for _ in 0..3 {
            let said = site.get("/list.pl").text();
            // Standard input, output and errors at least: the program did look.
            assert!(said.matches("pipe:").count() >= 3 && !said.contains("long.mp4"), "{said}");
        }
    }
}
