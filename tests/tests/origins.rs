//! Requests that reach a film by another way than its own URL, and films that are not what their
//! names say.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::ops::Range;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use regex::Regex;
use rustix::io::Errno;
use tests::client::{Connection, Request};
use tests::films::{Film, demo_film, film};
use tests::probe::clip;
use tests::scripts::{APACHE_CGI, LIGHTTPD_CGI, php, put_script};
use tests::servers::{APACHE, Builder, Engine, Mpm, Site};
use tests::{on_all_engines, on_both_engines, tls};

/// nginx starts no scripts.
mod of_the_pair {
    use super::a_script_leads_to_a_clip_with_a_local_redirect;

    super::on_both_engines!(a_script_leads_to_a_clip_with_a_local_redirect);
}

on_all_engines!(
    what_is_no_regular_file_keeps_nobody_waiting,
    what_was_a_regular_file_keeps_nobody_waiting,
    a_disk_that_fails_at_the_metadata_is_500,
    a_disk_that_fails_at_the_first_bytes_is_500,
    a_disk_that_fails_in_the_middle_ends_the_connection_and_is_one_line,
    a_disk_that_fails_in_the_middle_ends_the_connection_of_tls,
    what_a_network_remembers_of_a_film_is_not_believed,
    the_index_of_a_directory_may_be_a_film,
);

const QUERY: &str = "start=3.05&end=7";

/// A film of which a clip is longer than any window or threshold.
const LONG: &str = "pcm";

fn with(engine: Engine, apache: &str, lighttpd: &str, nginx: &str) -> Builder {
    Builder::new(engine).config(engine.lines(apache, lighttpd, nginx))
}

/// The film as `/f.mp4`, and its clip.
fn publish(site: &Site, kind: &'static str) -> (Film, Vec<u8>) {
    let film = film(kind);
    site.publish_as(&film, "f.mp4");
    let clip = clip(&film.path, QUERY).expect("a clip");
    (film, clip)
}

const SSI: &str = "LoadModule include_module /usr/lib/apache2/modules/mod_include.so\n\
     <Directory {docroot}>\nOptions +Includes\nAddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\n</Directory>";

#[test]
fn apache_includes_a_clip_in_a_page() {
    for sendfile in ["On", "Off"] {
        let site = Builder::new(APACHE).config(&format!("{SSI}\nEnableSendfile {sendfile}")).start();
        let (film, long) = publish(&site, LONG);
        let other = "start=1&end=2";
        site.put("one.shtml", format!("<!--#include virtual=\"/f.mp4?{QUERY}\" -->"));
        site.put(
            "two.shtml",
            format!(
                "a<!--#include virtual=\"f.mp4?{QUERY}\" -->b<!--#include virtual=\"f.mp4?{other}\" -->c"
            ),
        );
        let short = clip(&film.path, other).expect("a clip");
        let two = [b"a".as_slice(), &long, b"b", &short, b"c"].concat();
        for (target, wanted) in [("/one.shtml", &long), ("/two.shtml?start=9", &two)] {
            for request in [site.request(target), site.request(target).http2()] {
                let reply = request.clone().send();
                assert!(reply.status == 200 && reply.body == *wanted, "{target}\n{reply}");
                // What holds for the clip does not hold for the page.
                for name in ["etag", "last-modified", "content-range", "x-mod-h264-streaming"] {
                    assert_eq!(reply.header(name), "", "{target}\n{reply}");
                }
                assert_eq!(reply.header("content-type"), "text/html");
                // What a client knows of the page does not count for the clip, either.
                let conditions = ["If-None-Match: *", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"];
                let asked =
                    conditions.iter().fold(request.clone(), |r, header| r.arg("-H").arg(header)).send();
                assert!(asked.status == 200 && asked.body == *wanted, "{target}\n{asked}");
                let past = request.clone().range(&format!("{}-", 1u64 << 40)).send();
                assert!(past.status == 416 || past.body == *wanted, "{target}\n{past}");
                let part = request.range("100-199").send();
                let wanted = if part.status == 206 { &wanted[100..200] } else { wanted };
                assert!(part.body == *wanted, "{target}\n{part}");
            }
        }
        // A client that is slower than the server outlives the subrequest.
        let mut slow = Connection::open_narrow(site.address());
        slow.write("GET /one.shtml HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        std::thread::sleep(Duration::from_millis(500));
        while slow.read(4096) > 0 {}
        let body = slow.received();
        assert!(long.chunks(1000).all(|piece| body.windows(1000).any(|w| w == piece) || piece.len() < 1000));
    }
}

#[test]
fn apache_says_in_the_page_that_a_clip_cannot_be_included() {
    let site = Builder::new(APACHE).config(SSI).start();
    publish(&site, "bframes");
    site.put("bad.shtml", "a<!--#include virtual=\"f.mp4?start=x\" -->b");
    let reply = site.get("/bad.shtml");
    assert!(reply.status == 200 && reply.text().contains("error"), "{reply}");
    assert_eq!(reply.header("x-mod-h264-streaming"), "", "{reply}");
    site.expect_log(r"f\.mp4\?start=x: start=x: not a time");
    site.allow_log("unable to include");
}

#[test]
fn php_sends_a_clip_with_virtual() {
    let Some(config) = php() else { return };
    let site = Builder::new(Engine::Apache(Mpm::Prefork)).config(&config).start();
    let (_, long) = publish(&site, LONG);
    let page = format!("<?php header('Content-Type: video/mp4'); virtual('/f.mp4?{QUERY}');");
    site.put("video.php", page);
    for target in ["/video.php", "/video.php?start=1"] {
        let reply = site.get(target);
        assert!(reply.status == 200 && reply.body == long, "{reply}");
        assert_eq!(reply.header("content-type"), "video/mp4");
        assert_eq!(reply.header("etag"), "");
        // The script's answer has no byte ranges of its own.
        let part = site.request(target).range("100-199").send();
        assert!(part.status == 200 && part.body == long, "{part}");
    }
}

fn a_script_leads_to_a_clip_with_a_local_redirect(engine: Engine) {
    let lighttpd = format!("{LIGHTTPD_CGI}\ncgi.local-redir = \"enable\"");
    let site = with(engine, APACHE_CGI, &lighttpd, "").start();
    let (film, wanted) = publish(&site, LONG);
    put_script(&site, "film.cgi", &format!("Location: /f.mp4?{QUERY}\\n\\n"));
    for request in [site.request("/film.cgi?start=1"), site.request("/film.cgi").http2()] {
        let reply = request.clone().send();
        assert!(reply.status == 200 && reply.body == wanted, "{reply}");
        assert_eq!(reply.header("etag"), site.get(&format!("/f.mp4?{QUERY}")).header("etag"));
        let part = request.clone().range("100-199").send();
        assert!(part.status == 206 && part.body == wanted[100..200], "{part}");
        let unchanged = request.header("If-None-Match", reply.header("etag")).send();
        assert_eq!(unchanged.status, 304);
    }
    put_script(&site, "bad.cgi", "Location: /f.mp4?start=x\\n\\n");
    let reply = site.get("/bad.cgi");
    assert!(reply.status == 400 && reply.text().contains("not a time"), "{reply}");
    assert!(film.path.exists());
    site.expect_log(r"f\.mp4\?start=x: ");
}

fn a_fifo(path: &Path) {
    rustix::fs::mknodat(
        rustix::fs::CWD,
        path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o666),
        0,
    )
    .expect("a FIFO");
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("a file of our own");
}

/// Asks more often than there are threads, in a time that nobody has who waits for a writer.
fn assert_refuses(site: &Site, name: &str) {
    for target in [format!("/{name}"), format!("/{name}?{QUERY}")] {
        for _ in 0..10 {
            let reply = site.request(&target).arg("--max-time").arg("10").send();
            assert!([403, 404].contains(&reply.status), "{target}\n{reply}");
        }
    }
}

fn what_is_no_regular_file_keeps_nobody_waiting(engine: Engine) {
    let site = Builder::new(engine).start();
    a_fifo(&site.docroot().join("fifo.mp4"));
    symlink("/dev/zero", site.docroot().join("zero.mp4")).expect("a document root that can be written");
    for name in ["fifo.mp4", "zero.mp4"] {
        assert_refuses(&site, name);
    }
    site.allow_log("fifo|zero");
}

/// As above, and the server takes them for regular files until it opens them.
fn what_was_a_regular_file_keeps_nobody_waiting(engine: Engine) {
    let one_worker =
        "ServerLimit 1\nThreadLimit 4\nThreadsPerChild 4\nMaxRequestWorkers 4\nMinSpareThreads 1\n";
    let site = with(engine, one_worker, "", "").stale_names("stale").start();
    a_fifo(&site.docroot().join("stale.mp4"));
    symlink("/dev/zero", site.docroot().join("stale-zero.mp4")).expect("a document root that can be written");
    for name in ["stale.mp4", "stale-zero.mp4"] {
        assert_refuses(&site, name);
    }
    site.allow_log("stale");
}

/// Where `bytes` of a clip, which are media, lie in its film.
fn place_in(film: &Film, clip: &[u8], bytes: Range<usize>) -> Range<u64> {
    let film = fs::read(&film.path).expect("a film");
    let wanted = clip.get(bytes).expect("a part of the clip");
    let at = film.windows(wanted.len()).position(|w| w == wanted).expect("media of the film") as u64;
    at..at + wanted.len() as u64
}

/// Where a box at the top of a film begins.
fn box_at(film: &[u8], name: &[u8]) -> usize {
    let mut at = 0;
    while film.get(at + 4..at + 8).expect("a box of that name") != name {
        at += u32::from_be_bytes(film[at..at + 4].try_into().expect("four bytes")) as usize;
    }
    at
}

fn a_disk_that_fails_at_the_metadata_is_500(engine: Engine) {
    let film = film(LONG);
    let bytes = fs::read(&film.path).expect("a film");
    let moov = box_at(&bytes, b"moov") as u64;
    // Who is told to try again is not kept trying.
    let again = Errno::AGAIN.raw_os_error().to_string();
    for (with, log) in [(None, "Input/output error"), (Some(&again), "Resource temporarily unavailable")] {
        let builder = Builder::new(engine).failing_disk("f.mp4", &(moov + 100..moov + 200));
        let site = with.into_iter().fold(builder, |builder, error| builder.env("FAIL_WITH", error)).start();
        publish(&site, LONG);
        let target = format!("/f.mp4?{QUERY}");
        for request in [site.request(&target), site.request(&target).http2(), site.request(&target).head()] {
            let reply = request.send();
            assert_eq!(reply.status, 500, "{reply}");
            assert!(reply.header("x-mod-h264-streaming").starts_with("version="), "{reply}");
        }
        site.expect_log(&format!(r"\[(client|remote) 127.*f\.mp4\?start=3\.05&end=7: .*{log}"));
    }
}

fn a_disk_that_fails_at_the_first_bytes_is_500(engine: Engine) {
    // Pictures of H.264 are looked into before the answer begins: then no answer is without these
    // bytes.
    let film = film("hevc");
    let clip = clip(&film.path, QUERY).expect("a clip");
    let media = box_at(&clip, b"mdat") + 8;
    let place = place_in(&film, &clip, media..media + 100);
    for (sendfile, backend) in [("On", "sendfile"), ("Off", "writev")] {
        let apache = format!("EnableSendfile {sendfile}");
        let lighttpd = format!("server.network-backend = \"{backend}\"");
        let nginx = format!("sendfile {};", sendfile.to_lowercase());
        let site = with(engine, &apache, &lighttpd, &nginx).failing_disk("f.mp4", &place).start();
        publish(&site, "hevc");
        let target = format!("/f.mp4?{QUERY}");
        let inside = format!("{}-{}", media + 50, clip.len() - 1);
        for request in [
            site.request(&target),
            site.request(&target).http2(),
            site.request(&target).range(&inside),
            site.request(&target).range(&format!("{inside},0-9")),
        ] {
            let reply = request.send();
            assert_eq!(reply.status, 500, "{sendfile}\n{reply}");
            assert!(reply.header("x-mod-h264-streaming").starts_with("version="), "{reply}");
            for name in ["etag", "content-range", "last-modified"] {
                assert_eq!(reply.header(name), "", "{reply}");
            }
        }
        // What does not need these bytes is sent.
        let head = site.request(&target).head().send();
        assert_eq!((head.status, head.length()), (200, clip.len() as u64));
        let last = site.request(&target).range("-100").send();
        assert!(last.status == 206 && last.body == clip[clip.len() - 100..], "{last}");
        site.expect_log(r"\[(client|remote) 127.*f\.mp4\?start=3\.05&end=7: .*Input/output error");
    }
}

fn a_disk_that_fails_in_the_middle_ends_the_connection_and_is_one_line(engine: Engine) {
    // The module reads what lies in small pieces. What lighttpd sends from the file, it reports in
    // its own words.
    let (film, query) = (demo_film(), "start=1&tracks=audio");
    let clip = clip(&film.path, query).expect("a clip");
    let place = place_in(&film, &clip, clip.len() - 200..clip.len() - 100);
    let site = Builder::new(engine).failing_disk("f.mp4", &place).start();
    site.publish_as(&film, "f.mp4");
    let target = format!("/f.mp4?{query}");
    let line = Regex::new(r"127.*f\.mp4\?start=1&tracks=audio: the answer ends early: .*Input/output error")
        .expect("a regular expression");
    for (n, request) in [site.request(&target), site.request(&target).http2()].into_iter().enumerate() {
        assert!(request.try_send().is_err(), "the answer is whole");
        let log = site.error_log();
        assert_eq!(log.iter().filter(|l| line.is_match(l)).count(), n + 1, "{log:#?}");
        assert_eq!(log.iter().filter(|l| l.contains("Input/output")).count(), n + 1, "{log:#?}");
    }
    site.expect_log("Input/output error");
    // The server goes on.
    let start = site.request(&target).range("0-99").send();
    assert!(start.status == 206 && start.body == clip[..100], "{start}");
}

#[test]
fn apache_says_in_the_log_of_the_virtual_host_that_an_answer_ends_early() {
    let (film, query) = (demo_film(), "start=1&tracks=audio");
    let clip = clip(&film.path, query).expect("a clip");
    let place = place_in(&film, &clip, clip.len() - 200..clip.len() - 100);
    let host = "<VirtualHost *>\nDocumentRoot {docroot}\nErrorLog {dir}/virtual.log\n</VirtualHost>";
    let site = Builder::new(APACHE).failing_disk("f.mp4", &place).config(host).start();
    site.publish_as(&film, "f.mp4");
    assert!(site.request(&format!("/f.mp4?{query}")).try_send().is_err(), "the answer is whole");
    let log = fs::read_to_string(site.dir().join("virtual.log")).expect("a log");
    assert!(log.contains("the answer ends early"), "{log}");
}

/// Else the client would wait for bytes that it is owed, and take the next answer for them.
fn a_disk_that_fails_in_the_middle_ends_the_connection_of_tls(engine: Engine) {
    let (film, query) = (demo_film(), "start=1&tracks=audio");
    let clip = clip(&film.path, query).expect("a clip");
    let place = place_in(&film, &clip, clip.len() - 200..clip.len() - 100);
    let site = Builder::new(engine).failing_disk("f.mp4", &place).config(&tls::config(engine)).start();
    site.publish_as(&film, "f.mp4");
    let url = site.url(&format!("/f.mp4?{query}")).replace("http:", "https:");
    for version in ["--http1.1", "--http2"] {
        for range in ["0-", "100-"] {
            let request = Request::get(&url).arg("--insecure").arg(version);
            let request = if range == "0-" { request } else { request.range(range) };
            let began = Instant::now();
            assert!(request.try_send().is_err(), "the answer is whole");
            // Connections without a request are kept for half a minute.
            assert!(began.elapsed() < Duration::from_secs(15), "{version} {range}");
        }
    }
    site.expect_log("Input/output error");
    // A notice of mod_ssl about its library.
    site.allow_log("AH01882");
}

fn what_a_network_remembers_of_a_film_is_not_believed(engine: Engine) {
    let site = with(engine, "EnableSendfile Off", "", "").network_disk("f.mp4").start();
    // Longer than what sockets hold. A copy, for it is written to.
    let film = film("loud");
    let mut bytes = fs::read(&film.path).expect("a film");
    site.put_old("f.mp4", &bytes);
    let query = "start=0.5&end=80";
    let whole = clip(&film.path, query).expect("a clip").len();
    let mut client = Connection::open_narrow(site.address());
    client.write(&format!("GET /f.mp4?{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    while client.received().len() < 300_000 {
        assert!(client.read(4096) > 0, "an answer that goes on");
    }
    // Other media of the same size, written over it.
    let media = box_at(&bytes, b"mdat") + 8;
    bytes[media..].iter_mut().for_each(|byte| *byte = !*byte);
    let file = fs::File::options().write(true).open(site.docroot().join("f.mp4")).expect("a film of our own");
    file.write_all_at(&bytes, 0).expect("a film of our own");
    while client.read(65_536) > 0 {}
    let received = client.received();
    let head = received.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
    assert!(received.len() - head < whole, "a whole answer of two films");
    site.expect_log("the answer ends early: the file was changed in the meantime");
}

fn the_index_of_a_directory_may_be_a_film(engine: Engine) {
    let apache = "DirectoryIndex index.html index.mp4 /f.mp4";
    let orders = [
        "index-file.names = (\"index.html\", \"index.mp4\", \"/f.mp4\")",
        "server.modules += (\"mod_indexfile\")\nindex-file.names = (\"index.html\", \"index.mp4\", \"/f.mp4\")",
    ];
    for lighttpd in orders {
        let site = with(engine, apache, lighttpd, "index index.html index.mp4 /f.mp4;").start();
        let (film, wanted) = publish(&site, "bframes");
        for dir in ["film", "page", "none"] {
            fs::create_dir(site.docroot().join(dir)).expect("a document root that can be written");
        }
        site.publish_as(&film, "film/index.mp4");
        site.publish_as(&film, "page/index.mp4");
        site.put("page/index.html", "a page");
        for target in ["/film/", "/none/"] {
            let reply = site.get(&format!("{target}?{QUERY}"));
            assert!(reply.status == 200 && reply.body == wanted, "{lighttpd}: {target}\n{reply}");
        }
        assert_eq!(site.get(&format!("/page/?{QUERY}")).text(), "a page");
        assert_eq!(site.get("/film/?start=x").status, 400);
        site.expect_log("index.mp4.start=x");
        // What lighttpd says of every module that is listed before this one.
        site.allow_log("mod_indexfile should be listed");
    }
}

#[test]
fn lighttpds_options_for_files_hold_for_clips() {
    let site = Builder::new(Engine::Lighttpd)
        .config(
            "static-file.exclude-extensions = (\"secret.mp4\", \".php\")\n\
             $HTTP[\"url\"] =~ \"^/plain/\" {\nstatic-file.exclude-extensions = ()\nstatic-file.etags = \"disable\"\n}\n\
             $HTTP[\"url\"] =~ \"^/none/\" {\netag.use-inode = \"disable\"\netag.use-mtime = \"disable\"\netag.use-size = \"disable\"\n}",
        )
        .start();
    let (film, wanted) = publish(&site, "bframes");
    for name in ["secret.mp4", "plain/secret.mp4", "none/f.mp4"] {
        site.put(Path::new(name).parent().expect("a parent").join("a.txt"), "text");
        site.publish_as(&film, name);
    }
    for query in ["", "?start=3.05&end=7", "?start=x"] {
        let reply = site.get(&format!("/secret.mp4{query}"));
        assert_eq!((reply.status, reply.header("x-mod-h264-streaming")), (403, ""), "{query}\n{reply}");
    }
    let reply = site.get(&format!("/f.mp4?{QUERY}"));
    assert!(!reply.header("etag").is_empty() && reply.body == wanted);
    for target in ["/plain/secret.mp4", "/none/f.mp4"] {
        let reply = site.get(&format!("{target}?{QUERY}"));
        assert!(reply.status == 200 && reply.body == wanted, "{target}\n{reply}");
        assert_eq!(reply.header("etag"), "", "{target}\n{reply}");
        let date = reply.header("last-modified").to_owned();
        let unchanged = site.request(&format!("{target}?{QUERY}")).header("If-Modified-Since", &date).send();
        assert_eq!((unchanged.status, unchanged.header("etag")), (304, ""), "{unchanged}");
    }
}
