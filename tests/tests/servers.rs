//! The harness itself: servers start and stop, and their logs are read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tests::client::Request;
use tests::films::film;
use tests::servers::{APACHE, Builder, Engine, Mpm, Site};
use tests::tls;
use tests::wait_until;
use tests::warden::Again;

fn plain(engine: Engine) -> Site {
    Builder::new(engine).without_module().start()
}

#[test]
fn every_server_serves_a_file() {
    for engine in
        [APACHE, Engine::Apache(Mpm::Prefork), Engine::Apache(Mpm::Worker), Engine::Lighttpd, Engine::Nginx]
    {
        let site = plain(engine);
        site.put("a.txt", "text");
        let reply = site.get("/a.txt");
        assert_eq!((reply.status, reply.text().as_str()), (200, "text"), "{engine:?}");
        assert_eq!(site.request("/none").send().status, 404);
        site.allow_log("No such file or directory"); // nginx logs every 404
        assert!(site.access_log(2).iter().any(|line| line == "GET /a.txt HTTP/1.1 200 4"));
    }
}

#[test]
fn nginx_cuts_with_its_own_module() {
    let site = Builder::new(Engine::Nginx).without_module().config("location / { mp4; }").start();
    let path = site.publish(&film("moov_first"));
    let (whole, clip) = (site.get(&path), site.get(&format!("{path}?start=6")));
    assert!(clip.status == 200 && clip.body.len() < whole.body.len(), "{clip}");
}

#[test]
fn every_server_speaks_http_2() {
    for engine in [APACHE, Engine::Lighttpd, Engine::Nginx] {
        let site = plain(engine);
        site.put("a.txt", "text");
        let reply = site.request("/a.txt").http2().send();
        assert_eq!((reply.version.as_str(), reply.status, reply.text().as_str()), ("HTTP/2", 200, "text"));
    }
}

#[test]
fn every_server_speaks_tls() {
    for engine in [APACHE, Engine::Lighttpd, Engine::Nginx] {
        let site = Builder::new(engine).without_module().config(&tls::config(engine)).start();
        site.put("a.txt", "text");
        let url = site.url("/a.txt").replace("http:", "https:");
        for version in ["--http1.1", "--http2"] {
            let reply = Request::get(&url).arg("--insecure").arg(version).send();
            let spoken = version.trim_start_matches("--").to_uppercase().replace("HTTP", "HTTP/");
            assert_eq!((&reply.version, reply.status), (&spoken, 200), "{engine:?}\n{reply}");
            assert_eq!(reply.text(), "text");
        }
        // As in `filters`: the versions of mod_ssl and its library, and curl that does not wait.
        site.allow_log("AH01882");
        site.allow_log(r"\(mod_openssl.*error:80000020:system library::Broken pipe");
    }
}

#[test]
fn nginx_reads_its_configuration_again() {
    let site = plain(Engine::Nginx);
    site.put("a.txt", "text");
    let is_worker = |process: &PathBuf| !process.ends_with(site.pid().to_string());
    let workers = || site.processes().into_iter().filter(is_worker).collect::<Vec<_>>();
    let before = workers();
    assert_eq!(before.len(), 2);
    site.signal(Signal::HUP);
    let deadline = Instant::now() + Duration::from_secs(20);
    while workers().len() != 2 || workers().iter().any(|worker| before.contains(worker)) {
        assert!(Instant::now() < deadline, "{before:?} and now {:?}", workers());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(site.get_after_restart("/a.txt").text(), "text");
}

/// A process of the server other than the first.
fn worker(site: &Site) -> Option<Pid> {
    let mut ids = site.processes().into_iter().filter_map(|dir| dir.file_name()?.to_str()?.parse().ok());
    let first = i32::try_from(site.pid()).ok();
    ids.find(|id| Some(*id) != first).and_then(Pid::from_raw)
}

/// Whatever lines of the log the test allows.
#[test]
fn a_worker_that_dies_is_a_failure() {
    for engine in [APACHE, Engine::Apache(Mpm::Prefork), Engine::Lighttpd, Engine::Nginx] {
        // Apache keeps silent of a child that was killed: no fault of a module does that.
        let signals = [Signal::SEGV, Signal::ABORT, Signal::KILL];
        for signal in &signals[..if matches!(engine, Engine::Apache(_)) { 2 } else { 3 }] {
            let site = Builder::new(engine).without_module().workers(3).start();
            site.put("a.txt", "text");
            assert_eq!(site.get("/a.txt").status, 200);
            site.allow_log("");
            let died = worker(&site).expect("a worker");
            kill_process(died, *signal).expect("a process of ours");
            let dies = || !site.processes().contains(&PathBuf::from(format!("/proc/{died}")));
            wait_until("it lives on", 20, dies);
            // lighttpd says nothing of it.
            let is_said = || site.error_log().iter().any(|line| line.contains(" signal "));
            wait_until("nothing is said", 20, || engine == Engine::Lighttpd || is_said());
            let said = catch_unwind(AssertUnwindSafe(|| drop(site)));
            assert!(said.is_err(), "{engine:?}, {signal:?}");
        }
    }
}

/// The first process and all others, as when the server's end does something wrong.
#[test]
fn a_server_that_dies_is_a_failure() {
    for engine in [APACHE, Engine::Lighttpd, Engine::Nginx] {
        let site = plain(engine);
        site.allow_log("");
        let first = i32::try_from(site.pid()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process_group(first, Signal::SEGV).expect("processes of ours");
        wait_until("it lives on", 20, || site.processes().is_empty());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(site))).is_err(), "{engine:?}");
    }
}

#[test]
fn workers_that_the_test_kills_are_none() {
    for engine in [APACHE, Engine::Lighttpd, Engine::Nginx] {
        let site = Builder::new(engine).without_module().workers(3).start();
        site.put("a.txt", "text");
        site.kill_workers();
        assert_eq!(site.get_after_restart("/a.txt").status, 200, "{engine:?}");
    }
}

/// Which a graceful stop would wait for as long as Apache keeps its connection.
#[test]
fn apache_stops_though_a_client_stays() {
    for mpm in [Mpm::Event, Mpm::Prefork, Mpm::Worker] {
        let site = plain(Engine::Apache(mpm));
        site.put("a.txt", "text");
        let mut client = site.connect();
        client.write("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.reply().text(), "text");
        let signalled = Instant::now();
        drop(site);
        // It keeps a connection for half a minute.
        assert!(signalled.elapsed() < Duration::from_secs(20), "{mpm:?} takes {:?}", signalled.elapsed());
        drop(client);
    }
}

/// Neither when it is killed, nor by a Ctrl-C, which does not reach the session of a server.
#[test]
fn no_server_outlives_its_test() {
    const KILLED: &str = "H264_KILLED_WITH_SERVERS";
    let daemon = Builder::new(Engine::Nginx).without_module().daemon();
    if std::env::var_os(KILLED).is_some() {
        let sites = [plain(APACHE), plain(Engine::Lighttpd), plain(Engine::Nginx), daemon.start()];
        let processes: Vec<_> = sites.iter().flat_map(Site::processes).collect();
        println!("{}", serde_json::json!(processes));
        std::thread::sleep(Duration::from_secs(600));
        return;
    }
    for signal in [Signal::KILL, Signal::TERM] {
        let other = Again::of("no_server_outlives_its_test", KILLED, '[');
        let servers: Vec<PathBuf> = serde_json::from_str(&other.said).expect("a list");
        let are_there = servers.len() > 6 && servers.iter().all(|server| server.exists());
        other.end(signal);
        assert!(are_there, "{servers:?}");
        // One that nobody has waited for has no command line any more.
        let runs =
            |server: &PathBuf| std::fs::read(server.join("cmdline")).is_ok_and(|line| !line.is_empty());
        wait_until("servers stay", 30, || !servers.iter().any(runs));
    }
}

#[test]
fn an_unannounced_line_in_the_log_is_a_failure() {
    let site = Builder::new(APACHE)
        .without_module()
        .config("<Location /no>\nRequire all denied\n</Location>")
        .start();
    assert_eq!(site.get("/no").status, 403);
    assert!(catch_unwind(AssertUnwindSafe(|| site.assert_clean_log())).is_err());
    site.expect_log("AH01630: client denied by server configuration");
    site.assert_clean_log();
}

#[test]
fn an_announced_line_that_is_missing_is_a_failure() {
    let site = plain(Engine::Lighttpd);
    site.expect_log("this was never said");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(site))).is_err());
}

#[test]
fn a_server_that_cannot_start_says_why() {
    for engine in [APACHE, Engine::Lighttpd, Engine::Nginx] {
        let broken = Builder::new(engine).without_module().config("no.such.directive");
        let (passed, said) = broken.test_config();
        assert!(!passed && said.contains("server.conf"), "{said}");
        assert!(catch_unwind(AssertUnwindSafe(|| broken.start())).is_err());
    }
}
