//! How many clips a client may have at a time.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::client::{Connection, Reply};
use tests::films::{film, loud_film};
use tests::http2::Http2;
use tests::servers::{APACHE, Builder, Engine, Mpm, Site, has_nginx};
use tests::wait_until;

macro_rules! on_each {
    ($($scenario:ident),+ $(,)?) => {
        mod prefork {
            $(#[test] fn $scenario() { super::$scenario(super::Engine::Apache(super::Mpm::Prefork)) })+
        }
        mod event {
            $(#[test] fn $scenario() { super::$scenario(super::APACHE) })+
        }
        mod lighttpd {
            $(#[test] fn $scenario() { super::$scenario(super::Engine::Lighttpd) })+
        }
        mod nginx {
            $(#[test] fn $scenario() {
                if super::has_nginx() {
                    super::$scenario(super::Engine::Nginx);
                }
            })+
        }
    };
}

on_each!(
    a_client_has_no_more_clips_than_it_may,
    another_client_has_its_own,
    clips_of_a_killed_process_are_over,
    a_reload_loses_no_place,
    there_is_no_way_around_the_count,
    only_clips_are_limited,
    no_cache_may_keep_the_refusal,
);

const TWO: [&str; 3] = [
    "H264StreamingClipsPerClient 2",
    "h264-streaming.clips-per-client = 2",
    "h264_streaming_clips_per_client 2;",
];

/// A server of several processes.
fn site(engine: Engine, lines: [&str; 3]) -> Site {
    of_processes(engine, if matches!(engine, Engine::Apache(_)) { 4 } else { 3 }, lines)
}

fn of_processes(engine: Engine, processes: u32, [apache, lighttpd, nginx]: [&str; 3]) -> Site {
    let several = match engine {
        APACHE => "ThreadsPerChild 4\nMinSpareThreads 16\nMaxSpareThreads 64\nMaxRequestWorkers 64",
        Engine::Apache(_) => "MinSpareServers 4",
        _ => "",
    };
    let site = Builder::new(engine)
        .workers(processes)
        .config(several)
        .config(engine.lines(TWO[0], TWO[1], TWO[2]))
        .config(engine.lines(apache, lighttpd, nginx))
        .packaging()
        .start();
    site.allow_log("at a time");
    site
}

/// A client that asks for a clip and reads the first bytes of the answer. It asks until it is let in:
/// the server may not have heard yet that an earlier clip is over, or starts again.
fn begin(site: &Site, target: &str, fields: &str) -> Connection {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let mut client = Connection::open_narrow(site.address());
        let asked = client.try_write(&format!("GET {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"));
        if asked.and_then(|()| client.try_read(12)).is_ok() && client.received() == b"HTTP/1.1 200" {
            return client;
        }
        assert!(Instant::now() < deadline, "{target} is not sent");
        sleep(Duration::from_millis(50));
    }
}

/// The first answer that is not 403: the server hears a little later that a client has gone.
fn when_free(site: &Site, target: &str) -> Reply {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match site.request(target).try_send() {
            Ok(reply) if reply.status != 403 => return reply,
            _ => assert!(Instant::now() < deadline, "no place is free again"),
        }
        sleep(Duration::from_millis(50));
    }
}

fn a_client_has_no_more_clips_than_it_may(engine: Engine) {
    let site = site(engine, ["", "", ""]);
    let (target, other) = (format!("{}?start=1", site.publish(&loud_film())), site.publish(&film("bframes")));
    let other = format!("{other}?start=2");
    // Clips that are sent are over, on the same connection and on others.
    for _ in 0..5 {
        assert_eq!(site.get(&other).status, 200);
    }
    let (mut first, second) = (begin(&site, &target, ""), begin(&site, &target, ""));
    for _ in 0..6 {
        let refused = site.get(&other);
        assert_eq!((refused.status, refused.header("etag")), (403, ""), "{refused}");
        let reason = "No more than 2 clips of films are sent to a client at a time.";
        assert!(refused.text().to_lowercase().contains(&reason.to_lowercase()), "{}", refused.text());
    }
    // One breaks off.
    drop(second);
    assert_eq!(when_free(&site, &other).status, 200);
    // Of so short a one all is queued at once.
    let third = begin(&site, &target.replace("=1", "=80"), "");
    assert_eq!(site.get(&other).status, 403);
    // One is sent to its end.
    let reply = first.reply();
    assert_eq!(reply.body.len() as u64, reply.length());
    assert_eq!(when_free(&site, &other).status, 200);
    drop(third);
}

fn another_client_has_its_own(engine: Engine) {
    let site = site(
        engine,
        [
            "LoadModule remoteip_module /usr/lib/apache2/modules/mod_remoteip.so\nRemoteIPHeader X-Forwarded-For",
            "server.modules += (\"mod_extforward\")\nextforward.forwarder = (\"127.0.0.1\" => \"trust\")",
            "set_real_ip_from 127.0.0.1;\nreal_ip_header X-Forwarded-For;",
        ],
    );
    let (target, other) = (format!("{}?start=1", site.publish(&loud_film())), site.publish(&film("bframes")));
    let other = format!("{other}?start=2");
    let from = |address: &str| format!("X-Forwarded-For: {address}\r\n");
    let status = |address: &str| site.request(&other).header("X-Forwarded-For", address).send().status;
    let one = from("2001:db8:1:2::1");
    let _clients = [begin(&site, &target, &one), begin(&site, &target, &from("2001:db8:1:2:ffff::1"))];
    assert_eq!(status("2001:db8:1:2::3"), 403);
    assert_eq!((status("2001:db8:1:3::1"), status("192.0.2.7")), (200, 200));
}

fn clips_of_a_killed_process_are_over(engine: Engine) {
    let site = site(engine, ["", "", ""]);
    let (target, other) = (format!("{}?start=1", site.publish(&loud_film())), site.publish(&film("bframes")));
    let other = format!("{other}?start=2");
    let _clients = [begin(&site, &target, ""), begin(&site, &target, "")];
    assert_eq!(site.get(&other).status, 403);
    site.kill_workers();
    assert_eq!(when_free(&site, &other).status, 200);
}

fn only_clips_are_limited(engine: Engine) {
    let site = site(engine, ["", "", ""]);
    let (loud, path) = (format!("{}?start=1", site.publish(&loud_film())), site.publish(&film("bframes")));
    let _clients = [begin(&site, &loud, ""), begin(&site, &loud, "")];
    for target in [format!("{path}/hls/master.m3u8"), format!("{path}/cmaf/v1/1.m4s")] {
        assert_eq!(site.get(&target).status, 200, "{target}");
    }
    let clip = format!("{path}?start=3");
    assert_eq!(site.request(&clip).head().send().status, 200);
    assert_eq!(site.request(&clip).header("If-None-Match", "*").send().status, 304);
    assert_eq!(site.get(&clip).status, 403);
}

fn there_is_no_way_around_the_count(engine: Engine) {
    let pace = "H264StreamingRate 50000\nH264StreamingClipsPerClient 0";
    let lines = [
        &format!("<Location /pace>\n{pace}\n</Location>\nAlias /pace {{docroot}}"),
        "$HTTP[\"url\"] =~ \"^/pace/\" { alias.url = (\"/pace/\" => \"{docroot}/\")\n\
             h264-streaming.rate = 50000\nh264-streaming.clips-per-client = 0 }",
        "location /pace/ { alias {docroot}/; h264_streaming_rate 50k; h264_streaming_clips_per_client 0; }",
    ];
    let site = site(engine, lines);
    let path = site.publish(&film("bframes"));
    for path in [path.clone(), format!("/pace{path}")] {
        let reply = site.get(&format!("{path}/x"));
        assert_eq!(reply.status, 404, "{path}\n{reply}");
        let posted = site.request(&path).arg("-da=1").send();
        assert_eq!(posted.status, 405, "{path}\n{posted}");
    }
    site.allow_log("Not a directory|this answers GET and HEAD|nothing at this address");
}

fn a_reload_loses_no_place(engine: Engine) {
    // lighttpd sends what is under way before it begins anew. (A copy of it that goes on beside the new
    // server now and then ends too soon: the new one's signal finds it ending already.)
    let patience = "server.feature-flags += (\"server.graceful-shutdown-timeout\" => 60)";
    let processes = if engine == Engine::Lighttpd { 2 } else { 4 };
    let site = of_processes(engine, processes, ["", patience, ""]);
    site.allow_log("raceful|AH00493|AH00297");
    let (target, other) = (format!("{}?start=1", site.publish(&loud_film())), site.publish(&film("bframes")));
    let other = format!("{other}?start=2");
    let mut early = [begin(&site, &target, ""), begin(&site, &target, "")];
    assert_eq!(site.get(&other).status, 403);
    let late = || [begin(&site, &target, ""), begin(&site, &target, "")];
    // The counts of nginx go on; those of the others begin again.
    let mut others = None;
    if engine == Engine::Nginx {
        site.signal(Signal::HUP);
        wait_until_reloaded(&site);
    } else {
        site.signal(Signal::USR1);
        others = (engine != Engine::Lighttpd).then(late);
    }
    if engine != Engine::Lighttpd {
        assert_eq!(site.get(&other).status, 403);
    }
    for client in &mut early {
        let reply = client.reply();
        assert_eq!(reply.body.len() as u64, reply.length());
    }
    drop(early);
    // What the early ones had was not theirs any more.
    let others = others.unwrap_or_else(late);
    assert_eq!(site.get(&other).status, 403);
    drop(others);
    assert_eq!(when_free(&site, &other).status, 200);
    let _again = late();
    assert_eq!(site.get(&other).status, 403);
}

/// Until earlier workers take no connections any more.
fn wait_until_reloaded(site: &Site) {
    let is_over = |line: &&String| line.contains("gracefully shutting down");
    wait_until("no reload", 30, || site.error_log().iter().filter(is_over).count() >= 4);
}

fn no_cache_may_keep_the_refusal(engine: Engine) {
    let site = site(
        engine,
        ["H264StreamingMaxAge 600", "h264-streaming.max-age = 600", "h264_streaming_max_age 600;"],
    );
    let (target, other) = (format!("{}?start=1", site.publish(&loud_film())), site.publish(&film("bframes")));
    let other = format!("{other}?start=2");
    assert_eq!(site.get(&other).header("cache-control"), "max-age=600");
    let _clients = [begin(&site, &target, ""), begin(&site, &target, "")];
    for request in [site.request(&other), site.request(&other).range("0-99")] {
        let refused = request.send();
        assert_eq!((refused.status, refused.header("cache-control")), (403, "no-store"), "{refused}");
        assert_eq!(refused.length(), refused.body.len() as u64);
        for name in ["etag", "last-modified", "content-range", "content-location", "accept-ranges"] {
            assert_eq!(refused.header(name), "", "{refused}");
        }
    }
}

mod streams {
    #[test]
    fn event() {
        super::streams_of_a_connection_count_each(super::APACHE);
    }

    #[test]
    fn lighttpd() {
        super::streams_of_a_connection_count_each(super::Engine::Lighttpd);
    }

    #[test]
    fn nginx() {
        if super::has_nginx() {
            super::streams_of_a_connection_count_each(super::Engine::Nginx);
        }
    }
}

fn streams_of_a_connection_count_each(engine: Engine) {
    let site = site(engine, ["", "", ""]);
    let target = format!("{}?start=1", site.publish(&loud_film()));
    let mut client = Http2::open(&site.http2_place().unwrap_or_else(|| site.address().to_owned()));
    let [(first, sent), (_, also), (_, refused)] = [(); 3].map(|()| client.get(&target));
    assert_eq!((sent, also, refused), (200, 200, 403));
    client.reset(first);
    let deadline = Instant::now() + Duration::from_secs(30);
    while client.get(&target).1 != 200 {
        assert!(Instant::now() < deadline, "no place is free again");
        sleep(Duration::from_millis(50));
    }
    assert_eq!(client.get(&target).1, 403);
    drop(client);
    assert_eq!(when_free(&site, &target).status, 200);
}
