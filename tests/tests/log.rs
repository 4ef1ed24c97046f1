//! What an operator reads in the error log, and a client in the answer, where something goes wrong.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use regex::Regex;
use test_boxes::tangled_film;
use tests::films::film;
use tests::on_all_engines;
use tests::servers::{APACHE, Builder, Engine, ONE_PROCESS, Site};

on_all_engines!(
    a_clients_mistake_is_no_line_by_default,
    a_film_that_cannot_be_cut_is_one_line_until_it_changes,
    a_film_that_takes_too_much_reading_is_one_line,
    a_clip_is_explained_in_one_line,
    a_refusal_says_why,
    a_refusal_can_leave_the_version_header_out,
    a_document_of_the_server_comes_before_the_reason,
);

/// One process, without what tests set besides.
fn plain(engine: Engine, apache: &str, lighttpd: &str, nginx: &str) -> Site {
    let config = match engine {
        Engine::Lighttpd => format!("h264-streaming.enable = \"enable\"\n{lighttpd}"),
        Engine::Nginx => format!("h264_streaming on;\n{nginx}"),
        _ => format!("{ONE_PROCESS}H264Streaming On\n{apache}"),
    };
    Builder::new(engine).without_defaults().workers(1).config(&config).start()
}

/// The lines of the log that a regular expression matches.
fn lines(site: &Site, line: &str) -> Vec<String> {
    let line = Regex::new(line).expect("a regular expression");
    site.error_log().into_iter().filter(|l| line.is_match(l)).collect()
}

fn a_clients_mistake_is_no_line_by_default(engine: Engine) {
    let site = plain(engine, "", "", "");
    let path = site.publish(&film("bframes"));
    for query in ["start=x", "start=5&end=4", "start=1000", "tracks=v9"] {
        let reply = site.get(&format!("{path}?{query}"));
        assert!([400, 416].contains(&reply.status), "{query}\n{reply}");
    }
    // The site asserts, when it stops, that there is no line.
}

fn a_film_that_cannot_be_cut_is_one_line_until_it_changes(engine: Engine) {
    let site = plain(engine, "", "", "");
    site.put("broken.mp4", b"\0\0\0\x08mdat");
    site.put("other.mp4", b"\0\0\0\x08mdat");
    site.expect_log(r"\[client 127\.0\.0\.1.*/broken\.mp4\?start=[12]0: .*moov");
    site.expect_log(r"other\.mp4");
    for n in 0..5 {
        assert_eq!(site.get(&format!("/broken.mp4?start=1{n}")).status, 415);
    }
    assert_eq!(lines(&site, "broken").len(), 1);
    assert_eq!(site.get("/other.mp4?start=1").status, 415);
    assert_eq!(lines(&site, "other").len(), 1);
    // lighttpd looks at files again after a second or two.
    sleep(Duration::from_millis(2100));
    site.put("broken.mp4", b"\0\0\0\x08mdat\0\0\0\x08free");
    for n in 0..3 {
        assert_eq!(site.get(&format!("/broken.mp4?start=2{n}")).status, 415);
    }
    let lines = lines(&site, "broken");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    if let Engine::Apache(_) = engine {
        assert!(lines[0].contains("h264_streaming:warn"), "{lines:#?}");
    }
}

fn a_film_that_takes_too_much_reading_is_one_line(engine: Engine) {
    let site = plain(engine, "", "", "");
    let film = tangled_film();
    site.put("tangled.mp4", &film);
    site.expect_log(r"\[client 127\.0\.0\.1.*/tangled\.mp4\?start=0\.51&mode=keyframe: .*too tangled");
    for n in 1..4 {
        let reply = site.get(&format!("/tangled.mp4?start=0.5{n}&mode=keyframe"));
        assert_eq!(reply.status, 415, "{reply}");
        assert!(reply.text().contains("too tangled to be cut in reasonable time"), "{reply}");
    }
    let lines = lines(&site, "tangled");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    if let Engine::Apache(_) = engine {
        assert!(lines[0].contains("h264_streaming:warn"), "{lines:#?}");
    }
    // Without times it is sent, metadata first.
    let whole = site.get("/tangled.mp4");
    assert_eq!((whole.status, whole.body.len()), (200, film.len()));
}

#[test]
fn a_line_says_who_asked_for_what_alike_on_both() {
    let said = [APACHE, Engine::Lighttpd].map(|engine| {
        let site = Builder::new(engine).start();
        let path = site.publish(&film("bframes"));
        site.put("broken film.mp4", b"\0\0\0\x08mdat");
        let queries = ["start=x", "start=1000", "start=3&end=2", "start=1&tracks=%3Cb%3E%C3%A9"];
        let long = format!("start={}x", "1".repeat(500));
        for query in queries.into_iter().chain([long.as_str()]) {
            assert_ne!(site.get(&format!("{path}?{query}")).status, 200, "{query}");
        }
        assert_eq!(site.get("/broken%20film.mp4?start=1&token=secret").status, 415);
        site.allow_log("mp4");
        let docroot = site.docroot().to_str().expect("a path in UTF-8").to_owned();
        // Apache doubles a backslash.
        let client = Regex::new(r"^.*(\[client 127\.0\.0\.1)(:\d+)?(\] )").expect("a regular expression");
        let mut said: Vec<_> = lines(&site, "mp4")
            .iter()
            .map(|line| client.replace(line, "$1$3").replace(&docroot, "").replace(r"\\", r"\"))
            .collect();
        said.sort();
        said
    });
    assert_eq!(said[0], said[1]);
    let [mistakes @ .., broken] = said[0].as_slice() else { panic!("no line") };
    assert!(broken.starts_with("[client 127.0.0.1] /broken film.mp4?start=1&token=secret: "), "{broken}");
    assert_eq!(mistakes.len(), 5, "{mistakes:#?}");
    for line in mistakes {
        assert!(line.starts_with("[client 127.0.0.1] /bframes") && line.len() < 500, "{line}");
    }
    let cut = format!(".mp4?start={}...: ", "1".repeat(194));
    assert!(mistakes.iter().any(|line| line.contains(&cut)), "{mistakes:#?}");
}

fn a_clip_is_explained_in_one_line(engine: Engine) {
    let site = plain(
        engine,
        "LogLevel h264_streaming:debug",
        "debug.log-request-handling = \"enable\"",
        "error_log {dir}/error.log debug;",
    );
    site.allow_log("");
    let film = film("bframes");
    site.put("own.mp4", fs::read(&film.path).expect("a film"));
    // Nothing is kept of a film that was written just now.
    sleep(Duration::from_millis(3100));
    for cached in ["index new, plan new", "index cached, plan cached"] {
        let reply = site.get("/own.mp4?start=3.05&end=7&v=1");
        assert_eq!(reply.status, 200);
        let line = [
            r"\[client 127\.0\.0\.1.*\] .*/own\.mp4\?start=3\.05&end=7&v=1: ",
            r"asked for 3\.05 to 7, exact; found 3\.0\d* to \S+; ",
            r"track 1 \(vide\): \d+ samples, \d edits?; track 2 \(soun\): \d+ samples, \d edits?; ",
            &format!(r"{cached}; {} bytes; \d+ us$", reply.body.len()),
        ]
        .concat();
        assert_eq!(lines(&site, &line).len(), 1, "{line}\n{:#?}", lines(&site, "asked for"));
    }
    assert_eq!(lines(&site, "asked for").len(), 2);
}

fn a_refusal_says_why(engine: Engine) {
    let site = Builder::new(engine).start();
    let path = site.publish(&film("bframes"));
    site.put("broken.mp4", b"\0\0\0\x08mdat");
    site.allow_log("mp4");
    for (target, status, reason) in [
        (format!("{path}?start=%3Cscript%3E"), 400, "start=&#60;script&#62;: not a time"),
        (format!("{path}?start=5&end=4"), 400, "ends (end) at or before its start (start)."),
        (format!("{path}?start=1000"), 416, "past the end"),
        ("/broken.mp4?start=1".into(), 415, "moov"),
    ] {
        for request in [site.request(&target), site.request(&target).http2()] {
            let reply = request.clone().send();
            let text = reply.text();
            assert_eq!(reply.status, status, "{target}\n{reply}");
            assert!(reply.header("content-type").starts_with("text/html"), "{target}\n{reply}");
            assert!(reply.header("x-mod-h264-streaming").starts_with("version="), "{target}\n{reply}");
            assert_eq!(reply.length(), reply.body.len() as u64);
            let reason_stands = text.contains(reason) && text.contains(&format!("<h1>{status} "));
            assert!(reason_stands && !text.contains("<script>"), "{target}\n{text}");
            let head = request.head().send();
            assert_eq!(
                (head.status, head.header("x-mod-h264-streaming")),
                (status, reply.header("x-mod-h264-streaming"))
            );
        }
    }
    let target = format!("{path}?start=3&end=4");
    let reply = site.request(&target).range("99999999-").send();
    assert!(reply.status == 416 && reply.text().contains("outside of the clip, which has"), "{reply}");
    assert!(reply.header("x-mod-h264-streaming").starts_with("version="), "{reply}");
    assert!(reply.header("content-range").starts_with("bytes */"), "{reply}");
    let reply = site.request(&target).header("If-Match", "\"another\"").send();
    assert_eq!(reply.status, 412);
    assert!(reply.header("x-mod-h264-streaming").starts_with("version="), "{reply}");
    // The connection goes on as it would after an error of the server's own.
    let mut connection = site.connect();
    for _ in 0..2 {
        connection.write("GET /broken.mp4?start=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(connection.reply().text().contains("moov"));
    }
}

fn a_refusal_can_leave_the_version_header_out(engine: Engine) {
    let site = plain(
        engine,
        "H264StreamingVersionHeader Off",
        "h264-streaming.version-header = \"disable\"",
        "h264_streaming_version_header off;",
    );
    let path = site.publish(&film("bframes"));
    for request in [
        site.request(&format!("{path}?start=x")),
        site.request(&format!("{path}?start=3")).range("99999999-"),
    ] {
        let reply = request.send();
        assert!(reply.status >= 400 && reply.header("x-mod-h264-streaming").is_empty(), "{reply}");
    }
}

fn a_document_of_the_server_comes_before_the_reason(engine: Engine) {
    let site = plain(
        engine,
        "ErrorDocument 416 /error-416.html\nErrorDocument 415 \"no film\"",
        "server.errorfile-prefix = \"{docroot}/error-\"",
        "error_page 416 /error-416.html;\nerror_page 415 /error-415.html;",
    );
    let path = site.publish(&film("bframes"));
    site.put("broken.mp4", b"\0\0\0\x08mdat");
    site.expect_log("broken");
    site.put("error-416.html", "sorry");
    site.put("error-415.html", "no film");
    for (target, status, text) in
        [(format!("{path}?start=1000"), 416, "sorry"), ("/broken.mp4?start=1".into(), 415, "no film")]
    {
        let reply = site.get(&target);
        assert_eq!((reply.status, reply.text().as_str()), (status, text), "{reply}");
        assert!(reply.header("x-mod-h264-streaming").starts_with("version="), "{reply}");
    }
    // There is none for this one.
    let reply = site.get(&format!("{path}?start=x"));
    assert!(reply.status == 400 && reply.text().contains("not a time"), "{reply}");
}
