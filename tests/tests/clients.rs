//! Clients that are slow, that leave, that ask for much at once.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::client::Connection;
use tests::films::{film, loud_film};
use tests::on_all;
use tests::probe::{Packet, Reading, clip, copied_by_ffmpeg};
use tests::servers::{APACHE, Builder, Engine, Site, has_nginx};

on_all!(
    a_connection_is_kept,
    requests_may_be_pipelined,
    slow_clients_get_everything_and_hold_up_nobody,
    a_thousand_clients_that_leave_do_no_harm,
    streams_that_are_reset_do_no_harm,
    many_clients_at_once_get_the_same,
    a_restart_finishes_what_was_begun,
    what_comes_after_damage_is_found,
);

const QUERY: &str = "start=3.05&end=7";

fn get(site: &Site, target: &str, more: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", site.address())
}

fn a_connection_is_kept(site: &Site) {
    let film = film("bframes");
    let path = site.publish(&film);
    let whole = clip(&film.path, QUERY).expect("a clip");
    let mut connection = site.connect();
    for n in 0..60 {
        let (more, status) = match n % 4 {
            0 => ("", 200),
            1 => ("Range: bytes=1000-1999\r\n", 206),
            2 => ("Range: bytes=99999999-\r\n", 416),
            _ => ("If-Match: \"no\"\r\n", 412),
        };
        connection.write(&get(site, &format!("{path}?{QUERY}"), more));
        let reply = connection.reply();
        assert_eq!(reply.status, status, "{n}: {reply}");
        match status {
            200 => assert!(reply.body == whole),
            206 => assert!(reply.body == whole[1000..2000]),
            _ => {}
        }
    }
}

fn requests_may_be_pipelined(site: &Site) {
    let film = film("bframes");
    let path = site.publish(&film);
    site.put("a.txt", "text");
    let queries = ["start=3.05&end=7", "start=2", "end=1", "start=5&mode=keyframe"];
    let mut connection = site.connect();
    let targets = queries.map(|query| get(site, &format!("{path}?{query}"), ""));
    connection.write(&(targets.join(&get(site, "/a.txt", "")) + &get(site, "/a.txt", "")));
    for query in queries {
        let reply = connection.reply();
        assert!(
            reply.status == 200 && reply.body == clip(&film.path, query).expect("a clip"),
            "{query}\n{reply}"
        );
        assert_eq!(connection.reply().text(), "text", "after {query}");
    }
}

fn slow_clients_get_everything_and_hold_up_nobody(site: &Site) {
    let film = loud_film();
    let path = site.publish(&film);
    site.put("a.txt", "text");
    let alone = clip(&film.path, "start=1").expect("a clip");
    // More than the threads that a server of this size has to wait with.
    let mut slow: Vec<_> = (0..80).map(|_| Connection::open_narrow(site.address())).collect();
    for connection in &mut slow {
        connection.write(&get(site, &format!("{path}?start=1"), ""));
        connection.read(1000);
    }
    let film = tests::films::film("bframes");
    let other = site.publish(&film);
    let short = clip(&film.path, QUERY).expect("a clip").len();
    for _ in 0..10 {
        let began = Instant::now();
        assert_eq!(site.get("/a.txt").text(), "text");
        assert_eq!(site.get(&format!("{other}?{QUERY}")).body.len(), short);
        assert!(began.elapsed() < Duration::from_secs(30), "others wait {:?}", began.elapsed());
        slow.iter_mut().for_each(|connection| assert!(connection.read(500) > 0));
    }
    for connection in slow.iter_mut().take(3) {
        let reply = connection.reply();
        assert!(reply.status == 200 && reply.body == alone, "{reply}");
    }
}

fn a_thousand_clients_that_leave_do_no_harm(site: &Site) {
    let film = loud_film();
    let path = site.publish(&film);
    for n in 0..1000 {
        let mut connection = site.connect();
        let (query, range) = match n % 5 {
            0 => ("start=1", ""),
            1 => ("", ""),
            2 => ("end=80&mode=keyframe", "Range: bytes=100-20000000\r\n"),
            3 => ("start=2", "Range: bytes=0-99,1000-9000000\r\n"),
            _ => ("start=3", ""),
        };
        let request = get(site, &format!("{path}?{query}"), range);
        if n % 7 == 0 {
            // In the middle of the request.
            connection.write(&request[..request.len() / 2]);
            continue;
        }
        connection.write(&request);
        if n % 3 > 0 {
            connection.read(n * 97 % 70_000 + 1);
        }
    }
    let reply = site.get(&format!("{path}?start=89"));
    assert!(reply.status == 200 && reply.body == clip(&film.path, "start=89").expect("a clip"), "{reply}");
    closes_its_files(site, &path);
    // Apache says so when a half of a request is all that comes.
    site.allow_log("AH00382|request timeout");
}

/// What was opened for clients that have left is closed in the end.
fn closes_its_files(site: &Site, path: &str) {
    let file = site.docroot().join(&path[1..]);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        // lighttpd's cache of files may keep one open for a while.
        let open = site.descriptors_of(&file);
        if open <= 1 {
            return;
        }
        assert!(Instant::now() < deadline, "{open} descriptors are still open");
        sleep(Duration::from_millis(200));
    }
}

fn streams_that_are_reset_do_no_harm(site: &Site) {
    let film = loud_film();
    let path = site.publish(&film);
    for n in 0..40 {
        let mut curl = Command::new("curl")
            .args(["-q", "-s", "--noproxy", "*", "--limit-rate", "1M"])
            .args(site.http2_arguments())
            .args(["--parallel", "--parallel-immediate"])
            .args((0..4).map(|k| site.url(&format!("{path}?start={k}"))))
            .args(["-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null"])
            .stdout(Stdio::null())
            .spawn()
            .expect("curl");
        sleep(Duration::from_millis(10 + n * 3));
        curl.kill().expect("a child of ours");
        curl.wait().expect("a child of ours");
    }
    let reply = site.request(&format!("{path}?start=89")).http2().send();
    assert!(reply.status == 200 && reply.body == clip(&film.path, "start=89").expect("a clip"), "{reply}");
    closes_its_files(site, &path);
}

fn many_clients_at_once_get_the_same(site: &Site) {
    let film = film("bframes");
    let path = site.publish(&film);
    let queries: Vec<_> = (0..8).map(|n| format!("start={n}.3&end={}", n + 3)).collect();
    let clips: Vec<_> = queries.iter().map(|query| clip(&film.path, query).expect("a clip")).collect();
    scope(|threads| {
        for worker in 0..12 {
            let (queries, clips, path) = (&queries, &clips, &path);
            threads.spawn(move || {
                let mut connection = site.connect();
                for n in 0..100 {
                    let at = (worker + n * 3) % queries.len();
                    connection.write(&get(site, &format!("{path}?{}", queries[at]), ""));
                    let reply = connection.reply();
                    assert!(reply.status == 200 && reply.body == clips[at], "{}\n{reply}", queries[at]);
                }
            });
        }
    });
}

fn a_restart_finishes_what_was_begun(site: &Site) {
    let film = loud_film();
    let path = site.publish(&film);
    let alone = clip(&film.path, "start=1").expect("a clip");
    let mut begun = Connection::open_narrow(site.address());
    begun.write(&get(site, &format!("{path}?start=1"), ""));
    begun.read(1000);
    // Which nginx understands as a wish for new logs.
    site.signal(if site.engine() == Engine::Nginx { Signal::HUP } else { Signal::USR1 });
    sleep(Duration::from_millis(300));
    let reply = begun.reply();
    assert!(reply.status == 200 && reply.body == alone, "{reply}");
    let reply = site.get_after_restart(&format!("{path}?start=89"));
    assert!(reply.status == 200 && reply.body == clip(&film.path, "start=89").expect("a clip"), "{reply}");
    site.allow_log("raceful");
}

/// A film that is replaced while it is sent, written over or cut short, is no reason to fall, and
/// never are bytes of one film sent under the header of another.
fn change(engine: Engine) {
    let site = Builder::new(engine).start();
    let film = loud_film();
    for change in ["replaced", "rewritten", "shortened"] {
        let name = format!("{change}.mov");
        let bytes = fs::read(&film.path).expect("a film");
        let path = site.docroot().join(&name);
        site.put(&name, &bytes);
        let mut connection = Connection::open_narrow(site.address());
        connection.write(&get(&site, &format!("/{name}?start=1"), "Connection: close\r\n"));
        connection.read(1000);
        let open = || fs::File::options().write(true).open(&path).expect("a file of our own");
        match change {
            "replaced" => {
                let other = site.docroot().join("other");
                fs::write(&other, b"something else").expect("a writable root");
                fs::rename(other, &path).expect("a writable root");
            }
            "rewritten" => open().write_all(&vec![0x55; bytes.len()]).expect("a file of our own"),
            _ => open().set_len(1000).expect("a file of our own"),
        }
        while let Ok(1..) = connection.try_read(1 << 20) {}
        // The old file goes on to be sent; of one that was changed, what had been sent stays sent.
        let received = connection.received();
        assert_eq!(received.len() > 30_000_000, change == "replaced", "{} bytes {change}", received.len());
        // What the kernel holds of the file for the socket is the file's memory, and changes with
        // it.
        let foreign = received.iter().rev().take_while(|byte| **byte == 0x55).count();
        assert!(foreign < 8 << 20, "{foreign} bytes of another film");
        // lighttpd looks at a file's state once a second; until then the old one may be tried.
        let deadline = Instant::now() + Duration::from_secs(10);
        while site.request(&format!("/{name}?start=1")).try_send().map(|reply| reply.status) != Ok(415) {
            assert!(Instant::now() < deadline, "{name} is not known to be no film any more");
            sleep(Duration::from_millis(200));
        }
    }
    // Each server says in its own way that a file became shorter; and 415 is ours.
    site.allow_log("replaced|rewritten|shortened|file too short|AH00036|AH01587|sendfile|write failed");
}

/// A box that has no length: it is the film's own index (mfra) that knows where the next fragment
/// is.
fn what_comes_after_damage_is_found(site: &Site) {
    let args = ["-movflags", "frag_keyframe+empty_moov"];
    let whole = copied_by_ffmpeg(&film("bframes").path, &args, site.dir().join("whole.mp4"));
    let mut bytes = fs::read(&whole).expect("a film");
    let moofs = bytes.windows(4).enumerate().filter(|(_, name)| name == b"moof").map(|(at, _)| at);
    let moofs: Vec<_> = moofs.collect();
    assert!(moofs.len() > 4, "{} fragments", moofs.len());
    bytes[moofs[2] - 4..moofs[2]].fill(0xff);
    site.put("damaged.mp4", &bytes);
    let reply = site.get("/damaged.mp4?mode=exact");
    assert_eq!(reply.status, 200, "{reply}");
    let clip = site.dir().join("clip.mp4");
    fs::write(&clip, &reply.body).expect("a folder of our own");
    let (whole, clip) = (Reading::of(&whole), Reading::of(&clip));
    for (whole, clip) in whole.streams.iter().zip(&clip.streams) {
        let same = |a: &Packet, b: &Packet| a.hash == b.hash && (a.time - b.time).abs() < 1e-6;
        let is_there: Vec<_> =
            whole.packets.iter().map(|packet| clip.packets.iter().any(|p| same(p, packet))).collect();
        let lost = is_there.iter().filter(|is_there| !**is_there).count();
        assert_eq!(clip.packets.len() + lost, whole.packets.len(), "{}", whole.kind);
        // One fragment in the middle, and no other.
        let joined = is_there.split(|is_there| *is_there).filter(|lost| !lost.is_empty()).count();
        assert_eq!((joined, is_there.last()), (1, Some(&true)), "{}: {is_there:?}", whole.kind);
        assert!(lost * (moofs.len() - 2) < whole.packets.len(), "{} lost of {}", lost, whole.packets.len());
    }
}

/// A recording gives what is complete, and goes on while that is sent.
fn record(engine: Engine) {
    let site = Builder::new(engine).start();
    let path = site.docroot().join("recording.mov");
    let fragmented = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(loud_film().path)
        .args(["-map", "0", "-c", "copy", "-movflags", "frag_keyframe+empty_moov+default_base_moof"])
        .arg(&path)
        .status();
    assert!(fragmented.expect("ffmpeg").success());
    let mut recording = fs::File::options().append(true).open(&path).expect("a file of our own");
    // The head of the next fragment is on disk, the rest is not.
    recording.write_all(b"\0\0\x02\0moof").expect("a file of our own");
    let complete = clip(&path, "start=1").expect("a clip");
    let mut connection = Connection::open_narrow(site.address());
    connection.write(&get(&site, "/recording.mov?start=1", "Connection: close\r\n"));
    connection.read(1000);
    recording.write_all(&[0; 1000]).expect("a file of our own");
    assert!(connection.reply().body == complete);
}

#[test]
fn apache_sends_a_film_that_is_being_recorded() {
    record(APACHE);
}

#[test]
fn lighttpd_sends_a_film_that_is_being_recorded() {
    record(Engine::Lighttpd);
}

#[test]
fn apache_survives_a_film_that_changes() {
    change(APACHE);
}

#[test]
fn lighttpd_survives_a_film_that_changes() {
    change(Engine::Lighttpd);
}

#[test]
fn nginx_sends_a_film_that_is_being_recorded() {
    if has_nginx() {
        record(Engine::Nginx);
    }
}

#[test]
fn nginx_survives_a_film_that_changes() {
    if has_nginx() {
        change(Engine::Nginx);
    }
}
