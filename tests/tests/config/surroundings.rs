//! What a server renames, logs and reports for a file, it does for a clip.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use tests::films::film;
use tests::on_all_engines;
use tests::probe::clip;
use tests::servers::{APACHE, Builder, Engine, Mpm};

use crate::{Got, QUERY, got, site};

on_all_engines!(
    an_alias_leads_to_a_film,
    a_rewrite_leads_to_a_clip,
    errors_have_the_documents_of_the_server,
    the_access_log_is_right,
    sendfile_changes_nothing,
);

fn an_alias_leads_to_a_film(engine: Engine) {
    let site = site(
        engine,
        "Alias /media {dir}/tmp/elsewhere\n<Directory {dir}/tmp/elsewhere>\nRequire all granted\n</Directory>",
        "alias.url = (\"/media\" => \"{dir}/tmp/elsewhere\")",
        "location /media/ { alias {dir}/tmp/elsewhere/; }",
    );
    let film = film("bframes");
    site.put("../tmp/elsewhere/none.txt", "");
    site.publish_as(&film, "../tmp/elsewhere/f.mp4");
    assert_eq!(got(&site, &film, "/media/f.mp4", "localhost"), Got::Exact);
}

fn a_rewrite_leads_to_a_clip(engine: Engine) {
    let site = site(
        engine,
        "RewriteEngine On\nRewriteRule ^/v/(\\w+)/(\\d+)-(\\d+)$ /$1.mp4?start=$2&end=$3 [PT]\n\
         RewriteRule ^/w/(\\w+)$ /$1.mp4 [PT,QSA]",
        "url.rewrite-once = (\"^/v/(\\w+)/(\\d+)-(\\d+)$\" => \"/$1.mp4?start=$2&end=$3\", \
         \"^/w/(\\w+)(\\?.*)?$\" => \"/$1.mp4$2\")",
        "rewrite ^/v/(\\w+)/(\\d+)-(\\d+)$ /$1.mp4?start=$2&end=$3? last;\nrewrite ^/w/(\\w+)$ /$1.mp4 last;",
    );
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    let reply = site.get("/v/f/3-5");
    assert!(
        reply.status == 200 && reply.body == clip(&film.path, "start=3&end=5").expect("a clip"),
        "{reply}"
    );
    assert_eq!(got(&site, &film, "/w/f", "localhost"), Got::Exact);
}

fn errors_have_the_documents_of_the_server(engine: Engine) {
    let site = site(
        engine,
        "ErrorDocument 400 /error-400.html\nErrorDocument 415 /error-415.html\nErrorDocument 416 /error-416.html",
        "server.errorfile-prefix = \"{docroot}/error-\"",
        "error_page 400 /error-400.html;\nerror_page 415 /error-415.html;\nerror_page 416 /error-416.html;",
    );
    let path = site.publish(&film("bframes"));
    site.put("text.mp4", "not a film");
    for status in [400, 415, 416] {
        site.put(format!("error-{status}.html"), format!("sorry, {status}"));
    }
    for (target, status) in [
        (format!("{path}?start=x"), 400),
        ("/text.mp4?start=1".to_owned(), 415),
        (format!("{path}?start=99"), 416),
    ] {
        let reply = site.get(&target);
        assert_eq!((reply.status, reply.text()), (status, format!("sorry, {status}")), "{target}\n{reply}");
        assert!(reply.header("content-type").starts_with("text/html"), "{target}\n{reply}");
    }
    site.expect_log("bframes.*start");
    site.expect_log("text.mp4");
}

fn the_access_log_is_right(engine: Engine) {
    let site = site(engine, "", "", "");
    let film = film("bframes");
    site.publish_as(&film, "f.mp4");
    let target = format!("/f.mp4?{QUERY}");
    let clip = clip(&film.path, QUERY).expect("a clip");
    let full = site.get(&target);
    site.request(&target).range("100-199").send();
    site.request(&target).header("If-None-Match", full.header("etag")).send();
    site.request(&target).head().send();
    // Apache's processes write when they get to it, not in the order of the requests.
    let mut log = site.access_log(4);
    log.sort();
    let mut wanted = [
        format!("GET {target} HTTP/1.1 200 {}", clip.len()),
        format!("GET {target} HTTP/1.1 206 100"),
        format!("GET {target} HTTP/1.1 304 0"),
        format!("HEAD {target} HTTP/1.1 200 0"),
    ];
    wanted.sort();
    assert_eq!(log, wanted);
}

fn sendfile_changes_nothing(engine: Engine) {
    let film = film("pcm");
    let alone = clip(&film.path, QUERY).expect("a clip");
    for (apache, lighttpd, nginx) in
        [("EnableSendfile On", "sendfile", "on"), ("EnableSendfile Off\nEnableMMAP Off", "writev", "off")]
    {
        let lighttpd = format!("server.network-backend = \"{lighttpd}\"");
        let nginx = format!("location / {{ sendfile {nginx}; }}");
        let site = site(engine, apache, &lighttpd, &nginx);
        let target = format!("{}?{QUERY}", site.publish(&film));
        for request in [site.request(&target), site.request(&target).http2()] {
            let reply = request.clone().send();
            assert!(reply.body == alone, "{apache} {lighttpd}\n{reply}");
            let part = request.range("5000-90000").send();
            assert!(part.body == alone[5000..=90000], "{apache} {lighttpd}\n{part}");
        }
    }
}

#[test]
fn every_mpm_sends_the_same() {
    let film = film("pcm");
    let alone = clip(&film.path, QUERY).expect("a clip");
    for mpm in [Mpm::Event, Mpm::Prefork, Mpm::Worker] {
        let site = Builder::new(Engine::Apache(mpm)).start();
        let target = format!("{}?{QUERY}", site.publish(&film));
        let reply = site.get(&target);
        assert!(reply.status == 200 && reply.body == alone, "{mpm:?}\n{reply}");
        let part = site.request(&target).range("100-199,5000-90000").send();
        assert_eq!(part.status, 206, "{mpm:?}\n{part}");
        assert!(part.body.windows(85001).any(|w| w == &alone[5000..=90000]), "{mpm:?}");
        assert_eq!(site.get(&format!("{target}&end=1")).status, 400, "{mpm:?}");
        site.expect_log("pcm.*end");
    }
}

/// Not on lighttpd, which takes control characters out of every path.
#[test]
fn apache_finds_a_name_with_a_line_break() {
    let site = Builder::new(APACHE).start();
    let film = film("bframes");
    site.publish_as(&film, OsStr::from_bytes(b"line\nbreak\x01.mp4"));
    assert_eq!(got(&site, &film, "/line%0Abreak%01.mp4", "localhost"), Got::Exact);
    // The name may not write lines of its own into the log.
    let reply = site.get("/line%0Abreak%01.mp4?start=x");
    assert_eq!(reply.status, 400, "{reply}");
    site.expect_log("line.*break.*start");
}

/// As a byte range of a file that is refused: the server calls no handler there.
#[test]
fn a_range_that_is_refused_says_how_long_the_clip_is_where_there_is_an_error_handler() {
    let site = Builder::new(Engine::Lighttpd)
        .config("server.error-handler = \"/sorry.html\"\nserver.errorfile-prefix = \"{docroot}/error-\"")
        .start();
    site.put("sorry.html", "sorry");
    site.put("error-416.html", "no such part");
    site.put("a.txt", "text");
    let film = film("bframes");
    let path = format!("{}?{QUERY}", site.publish(&film));
    let len = clip(&film.path, QUERY).expect("a clip").len() as u64;
    for target in [&path, "/a.txt"] {
        let reply = site.request(target).range("99999999-").send();
        assert_eq!((reply.status, reply.text().as_str()), (416, "no such part"), "{reply}");
        // With a document, the server says it of its own files no more.
        assert!(target == "/a.txt" || reply.header("content-range") == format!("bytes */{len}"), "{reply}");
    }
    assert_eq!(site.get(&format!("{path}0:0x")).text(), "sorry");
    site.expect_log("bframes.*end");
}
