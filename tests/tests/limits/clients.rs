//! How many clips a client may have at a time.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tests::client::{Connection, Reply};
use tests::films::{film, loud_film};
use tests::on_all_engines;
use tests::servers::{APACHE, Builder, Engine, Mpm, Site};

on_all_engines!(
    a_client_has_no_more_clips_than_it_may,
    another_client_has_its_own,
    clips_of_a_killed_process_are_over,
    only_clips_are_limited,
);

const TWO: [&str; 3] = [
    "H264StreamingClipsPerClient 2",
    "h264-streaming.clips-per-client = 2",
    "h264_streaming_clips_per_client 2;",
];

fn site(engine: Engine, [apache, lighttpd, nginx]: [&str; 3]) -> Site {
    // Each connection comes to a process of its own.
    let engine = if engine == APACHE { Engine::Apache(Mpm::Prefork) } else { engine };
    let processes = if matches!(engine, Engine::Apache(_)) { 8 } else { 3 };
    let limit = engine.lines(TWO[0], TWO[1], TWO[2]);
    Builder::new(engine)
        .workers(processes)
        .config(limit)
        .config(engine.lines(apache, lighttpd, nginx))
        .packaging()
        .start()
}

/// A client that asks for a clip and reads the first bytes of the answer.
fn begin(site: &Site, target: &str, fields: &str) -> Connection {
    let mut client = Connection::open_narrow(site.address());
    client.write(&format!("GET {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"));
    assert_eq!(client.read(12), 12);
    assert_eq!(client.received(), b"HTTP/1.1 200");
    client
}

/// The first answer that is not 429: the server hears a little later that a client has gone.
fn when_free(site: &Site, target: &str) -> Reply {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match site.request(target).try_send() {
            Ok(reply) if reply.status != 429 => return reply,
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
        assert_eq!((refused.status, refused.header("etag")), (429, ""), "{refused}");
        let reason = "No more than 2 clips of films are sent to a client at a time.";
        assert!(refused.text().to_lowercase().contains(&reason.to_lowercase()), "{}", refused.text());
    }
    // One breaks off.
    drop(second);
    assert_eq!(when_free(&site, &other).status, 200);
    let third = begin(&site, &target, "");
    assert_eq!(site.get(&other).status, 429);
    // One is sent to its end.
    let reply = first.reply();
    assert_eq!(reply.body.len() as u64, reply.length());
    assert_eq!(when_free(&site, &other).status, 200);
    drop(third);
    site.allow_log("at a time");
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
    assert_eq!(status("2001:db8:1:2::3"), 429);
    assert_eq!((status("2001:db8:1:3::1"), status("192.0.2.7")), (200, 200));
    site.allow_log("at a time");
}

fn clips_of_a_killed_process_are_over(engine: Engine) {
    let site = site(engine, ["", "", ""]);
    let (target, other) = (format!("{}?start=1", site.publish(&loud_film())), site.publish(&film("bframes")));
    let other = format!("{other}?start=2");
    let _clients = [begin(&site, &target, ""), begin(&site, &target, "")];
    assert_eq!(site.get(&other).status, 429);
    for process in site.processes() {
        let pid = process.file_name().and_then(|name| name.to_str()?.parse().ok()).expect("a number");
        if i32::try_from(site.pid()) != Ok(pid) {
            kill_process(Pid::from_raw(pid).expect("a process"), Signal::KILL).ok();
        }
    }
    assert_eq!(when_free(&site, &other).status, 200);
    site.allow_log("at a time|AH00052|signal Killed|exited on signal 9|child|status");
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
    assert_eq!(site.get(&clip).status, 429);
    site.allow_log("at a time");
}
