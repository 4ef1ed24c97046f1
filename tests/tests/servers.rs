//! The harness itself: servers start and stop, and their logs are read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tests::films::film;
use tests::servers::{APACHE, Builder, Engine, Mpm, Site};

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
        assert!(
            site.access_log(2).iter().any(|l| engine == Engine::Nginx || l == "GET /a.txt HTTP/1.1 200 4")
        );
    }
}

#[test]
fn nginx_cuts_with_its_own_module() {
    let site = Builder::new(Engine::Nginx).config("location / { mp4; }").start();
    let path = site.publish(&film("moov_first"));
    let (whole, clip) = (site.get(&path), site.get(&format!("{path}?start=6")));
    assert!(clip.status == 200 && clip.body.len() < whole.body.len(), "{clip}");
}

#[test]
fn both_speak_http_2() {
    for engine in [APACHE, Engine::Lighttpd] {
        let site = plain(engine);
        site.put("a.txt", "text");
        let reply = site.request("/a.txt").http2().send();
        assert_eq!((reply.version.as_str(), reply.status, reply.text().as_str()), ("HTTP/2", 200, "text"));
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
        assert!(signalled.elapsed() < Duration::from_secs(5), "{mpm:?} takes {:?}", signalled.elapsed());
        drop(client);
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
