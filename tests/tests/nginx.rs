//! What nginx alone does with a clip: its ways to read and to send a file, answers within answers,
//! redirects within the server, and new configurations.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tests::client::{Connection, Request};
use tests::films::{Film, film};
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site, has_nginx, is_tested};
use tests::{built, key_file, tls, wait_until};

const QUERY: &str = "start=3.05&end=40";

/// A film whose clips a socket does not take at once, and one whose media lie in small pieces.
const FILMS: [&str; 2] = ["loud", "pcm"];

fn nginx(config: &str) -> Builder {
    Builder::new(Engine::Nginx).config(config)
}

fn publish(site: &Site, kind: &'static str) -> (Film, Vec<u8>) {
    let film = film(kind);
    site.publish_as(&film, format!("{kind}.mp4"));
    let clip = clip(&film.path, QUERY).expect("a clip");
    (film, clip)
}

#[test]
fn a_clip_is_the_same_however_its_file_is_read() {
    for config in [
        "sendfile off;",
        "sendfile off;\noutput_buffers 1 4k;",
        "sendfile_max_chunk 64k;\ntcp_nopush on;\npostpone_output 0;",
        "aio threads;",
        "aio threads;\nsendfile off;\noutput_buffers 2 8k;",
        "directio 4k;",
        "aio threads;\ndirectio 64k;",
        "read_ahead 1m;",
        "open_file_cache max=10;\nopen_file_cache_errors on;",
        "limit_rate 40m;\nlimit_rate_after 64k;",
    ] {
        if !has_nginx() {
            return;
        }
        let site = nginx(config).start();
        for kind in FILMS {
            let (_, clip) = publish(&site, kind);
            let target = format!("/{kind}.mp4?{QUERY}");
            for request in [site.request(&target), site.request(&target).http2()] {
                let reply = request.clone().send();
                assert!(reply.status == 200 && reply.body == clip, "{config} {kind}\n{reply}");
                let part = request.clone().range("100-40000").send();
                assert!(part.status == 206 && part.body == clip[100..=40_000], "{config} {kind}\n{part}");
                let parts = request.range("0-9,1000-1009").send();
                assert!(parts.body.windows(10).any(|part| part == &clip[1000..1010]), "{config} {kind}");
            }
        }
    }
}

#[test]
fn a_page_includes_clips() {
    for sendfile in ["on", "off"] {
        if !has_nginx() {
            return;
        }
        let site = nginx(&format!("ssi on;\nsendfile {sendfile};")).start();
        let (film, long) = publish(&site, "loud");
        let short = clip(&film.path, "start=1&end=2").expect("a clip");
        let page = format!(
            "a<!--#include virtual=\"/loud.mp4?{QUERY}\" -->b<!--#include virtual=\"/loud.mp4?start=1&end=2\" -->c"
        );
        site.put("two.html", page);
        let wanted = [b"a".as_slice(), &long, b"b", &short, b"c"].concat();
        for request in [site.request("/two.html"), site.request("/two.html").http2()] {
            // What a client knows or wants of the page does not count for the clips.
            let known = format!("If-None-Match: {}", site.get(&format!("/loud.mp4?{QUERY}")).header("etag"));
            for fields in [vec![], vec![known.as_str()], vec!["Range: bytes=5-9"]] {
                let asked =
                    fields.iter().fold(request.clone(), |request, field| request.arg("-H").arg(field));
                let reply = asked.send();
                assert!(reply.status == 200 && reply.body == wanted, "{sendfile} {fields:?}\n{reply}");
                assert_eq!(reply.header("x-mod-h264-streaming"), "", "{reply}");
            }
        }
    }
}

#[test]
fn an_application_leads_to_a_clip() {
    if !has_nginx() {
        return;
    }
    let site = nginx(
        "location /films/ { internal; alias {docroot}/; }\n\
         location /ask { proxy_pass http://127.0.0.1:{port}/application; }\n\
         location /application { add_header X-Accel-Redirect \"/films/loud.mp4?start=3.05&end=40\"; return 200 x; }",
    )
    .start();
    let (_, clip) = publish(&site, "loud");
    for request in [site.request("/ask?start=1"), site.request("/ask").http2()] {
        let reply = request.clone().send();
        assert!(reply.status == 200 && reply.body == clip, "{reply}");
        let part = request.clone().range("100-199").send();
        assert!(part.status == 206 && part.body == clip[100..200], "{part}");
        let unchanged = request.header("If-None-Match", reply.header("etag")).send();
        assert_eq!(unchanged.status, 304, "{unchanged}");
    }
    assert_eq!(site.get(&format!("/films/loud.mp4?{QUERY}")).status, 404);
}

/// As for the server's own files: which dates of `If-Modified-Since` count is the directive's to say.
#[test]
fn dates_count_as_the_directive_says() {
    if !has_nginx() {
        return;
    }
    let site = nginx(
        "location /before/ { if_modified_since before; }\nlocation /off/ { if_modified_since off; }\n\
         location /exact/ { if_modified_since exact; }",
    )
    .start();
    let film = film("bframes");
    let later = "Fri, 01 Jan 2100 00:00:00 GMT";
    for (place, same, of_later) in
        [("", 304, 200), ("exact/", 304, 200), ("before/", 304, 304), ("off/", 200, 200)]
    {
        for name in ["f.mp4", "f.txt"] {
            site.publish_as(&film, format!("{place}{name}"));
            let target = format!("/{place}{name}?start=3");
            let asked = site.get(&target);
            let etag = asked.header("etag");
            let ask = |date: &str| site.request(&target).header("If-Modified-Since", date);
            for (date, status) in [(asked.header("last-modified"), same), (later, of_later), ("today", 200)] {
                assert_eq!(ask(date).send().status, status, "{target} {date}");
            }
            // A tag counts for more than a date (RFC 9110, 13.1.3). The server wants both.
            if name == "f.mp4" {
                assert_eq!(ask(later).header("If-None-Match", etag).send().status, 304, "{target}");
            }
        }
    }
}

/// The server gives an error page the status of the error, whatever it was by itself.
#[test]
fn an_error_page_may_be_a_clip() {
    if !has_nginx() {
        return;
    }
    let site = nginx(
        "location /paid { return 403; error_page 403 =200 /loud.mp4?start=3.05&end=40; }\n\
         location /closed { return 403; error_page 403 /loud.mp4?start=3.05&end=40; }\n\
         location /past { return 403; error_page 403 =200 /loud.mp4?start=9999; }",
    )
    .start();
    let (_, clip) = publish(&site, "loud");
    let ask = |target: &str, field: &str| {
        [site.request(target), site.request(target).http2()]
            .map(|request| request.arg("-H").arg(field).arg("--max-time").arg("15").send())
    };
    for [one, two] in [ask("/paid", "A: b"), ask("/closed", "A: b")] {
        assert!(one.body == clip && two.body == clip && one.status == two.status, "{one}");
    }
    let etag = site.get("/paid").header("etag").to_owned();
    for (field, status, body) in
        [("Range: bytes=100-199", 206, &clip[100..200]), (&format!("If-None-Match: {etag}"), 304, &[])]
    {
        for reply in ask("/paid", field) {
            assert!(reply.status == status && reply.body == body, "{field}\n{reply}");
        }
        for reply in ask("/closed", field) {
            assert!(reply.status == 403 && reply.body == clip, "{field}\n{reply}");
            assert_eq!(reply.header("content-range"), "", "{reply}");
        }
    }
    for reply in ask("/past", "A: b") {
        assert!(reply.status == 416 && reply.text().contains("past the end"), "{reply}");
    }
    site.expect_log("past the end");
}

#[test]
fn an_application_says_how_long_caches_keep_the_film() {
    if !has_nginx() {
        return;
    }
    let cases = ["", "Cache-Control: private", "Expires: Thu, 19 Nov 1981 08:52:00 GMT"];
    let applications = cases.iter().enumerate().map(|(n, said)| {
        let field = said.split_once(": ");
        let field = field.map_or(String::new(), |(name, value)| format!("add_header {name} \"{value}\";"));
        format!(
            "location /{n} {{ {field} add_header X-Accel-Redirect \"/films/f.mp4?start=3.05\"; return 200 x; }}\n"
        )
    });
    let site = nginx(&format!(
        "h264_streaming_max_age 600s;\nlocation /films/ {{ internal; alias {{docroot}}/; }}\n\
         location /ask/ {{ proxy_pass http://127.0.0.1:{{port}}/; }}\n{}",
        applications.collect::<String>()
    ))
    .start();
    site.publish_as(&film("bframes"), "f.mp4");
    for (n, said) in cases.iter().enumerate() {
        let reply = site.get(&format!("/ask/{n}"));
        let lines: Vec<String> = reply
            .headers
            .iter()
            .filter(|(name, _)| ["cache-control", "expires"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let expected = if said.is_empty() { "Cache-Control: max-age=600" } else { said };
        assert!(
            reply.status == 200 && lines.len() == 1 && lines[0].eq_ignore_ascii_case(expected),
            "{said}\n{reply}"
        );
    }
}

/// Ends what others do, even where a test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks all the time from several clients, while `change` goes on; all answers must be right.
fn under_load(site: &Site, target: &str, wanted: &[u8], change: impl FnOnce()) {
    let (is_over, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    scope(|threads| {
        for n in 0..4 {
            let (is_over, answers) = (&is_over, &answers);
            threads.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let request = site.request(target);
                    let reply = match n % 2 {
                        0 => request.send(),
                        _ => request.send_over_http2_until_read(),
                    };
                    assert!(reply.status == 200 && reply.body == *wanted, "{reply}");
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _end = End(&is_over);
        change();
        let before = answers.load(Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_secs(60);
        while answers.load(Ordering::Relaxed) < before + 8 && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
        }
    });
    assert!(answers.load(Ordering::Relaxed) > 16, "no load");
}

const METRICS: &str = "location /metrics { h264_streaming_metrics; }";

/// How many answers of a kind were counted.
fn answers(site: &Site, kind: &str) -> u64 {
    let text = site.get("/metrics").text();
    let name = format!("h264_streaming_answers_total{{kind=\"{kind}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.expect("a count").parse().expect("a number")
}

#[test]
fn new_configurations_under_load_lose_no_answer_and_no_count() {
    if !has_nginx() {
        return;
    }
    let site = nginx(METRICS).slow_disk(Duration::from_millis(2)).start();
    let film = film("bframes");
    site.publish_as(&film, "slow.mp4");
    let wanted = clip(&film.path, QUERY).expect("a clip");
    under_load(&site, &format!("/slow.mp4?{QUERY}"), &wanted, || {
        for _ in 0..4 {
            sleep(Duration::from_millis(400));
            let before = answers(&site, "clip");
            site.signal(Signal::HUP);
            sleep(Duration::from_millis(400));
            assert!(before > 0 && answers(&site, "clip") >= before, "counts begin again");
        }
    });
}

#[test]
fn a_new_nginx_takes_over_under_load_and_loses_no_answer() {
    if !has_nginx() {
        return;
    }
    let site = nginx(METRICS).slow_disk(Duration::from_millis(2)).daemon().start();
    let (_, long) = publish(&site, "loud");
    let (film, av1) = (film("bframes"), film("av1"));
    site.publish_as(&film, "slow.mp4");
    let wanted = clip(&film.path, QUERY).expect("a clip");
    // Nobody asks the new one for that.
    let posters = || answers(&site, "poster");
    for _ in 0..3 {
        assert_eq!(site.get(&format!("{}?poster=1", site.publish(&av1))).status, 200);
    }
    assert_eq!(posters(), 3);
    let (old, old_processes) = (site.pid(), site.processes());
    let old_id = i32::try_from(old).ok().and_then(Pid::from_raw).expect("an id");
    assert_eq!(old_processes.len(), 3, "a master and two workers");
    let mut slow_clients: Vec<_> = (0..4).map(|_| Connection::open_narrow(site.address())).collect();
    for client in &mut slow_clients {
        client.write(&format!("GET /loud.mp4?{QUERY} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(client.read(4096) > 0);
    }
    let over_http2 = site.request(&format!("/loud.mp4?{QUERY}")).http2().arg("--limit-rate").arg("3M");
    scope(|threads| {
        let over_http2 = threads.spawn(|| over_http2.send());
        under_load(&site, &format!("/slow.mp4?{QUERY}"), &wanted, || {
            let signal = |signal| kill_process(old_id, signal);
            let live = || site.processes().iter().filter(|dir| old_processes.contains(dir)).count();
            sleep(Duration::from_millis(400));
            signal(Signal::USR2).expect("the old nginx");
            wait_until("no new nginx", 30, || site.pid() != old && site.processes().len() == 6);
            // Either may answer, with its own counts.
            (0..40).for_each(|_| assert!([0, 3].contains(&posters())));
            signal(Signal::WINCH).expect("the old nginx");
            sleep(Duration::from_millis(400));
            assert_eq!(posters(), 0, "the new one goes on counting");
            signal(Signal::QUIT).expect("the old nginx");
            sleep(Duration::from_millis(400));
            assert!(live() >= 2, "what was begun is not finished");
            for client in &mut slow_clients {
                assert!(client.reply().body == long, "not whole");
            }
            wait_until("the old nginx does not end", 30, || live() == 0);
        });
        let reply = over_http2.join().expect("an answer");
        assert!(reply.body == long, "not whole: {reply}");
    });
    assert_eq!(site.processes().len(), 3, "a master and two workers");
    assert!(posters() == 0 && answers(&site, "clip") > 0);
}

/// A module says which nginx it was built for, and how that was built.
#[test]
fn a_module_for_another_nginx_is_refused() {
    if !has_nginx() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory of our own");
    let said = |name: &str, module: &[u8]| {
        let [module_path, config] = ["so", "conf"].map(|kind| dir.path().join(format!("{name}.{kind}")));
        fs::write(&module_path, module).expect("a directory of our own");
        let lines = format!(
            "load_module {};\npid {name}.pid;\nerror_log stderr;\nevents {{}}\n",
            module_path.display()
        );
        fs::write(&config, lines).expect("a directory of our own");
        let mut nginx = Command::new("nginx");
        let out = nginx.args(["-t", "-p"]).arg(dir.path()).arg("-c").arg(config).output().expect("nginx");
        (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let module = fs::read(built("H264_NGINX_MODULE", "libmod_h264_streaming_nginx.so")).expect("a module");
    let (is_taken, text) = said("same", &module);
    assert!(is_taken, "{text}");
    let mut other = module;
    // `NGX_MODULE_SIGNATURE`: the sizes of three types, then a digit for each way to build nginx.
    let signature = other.windows(6).position(|bytes| bytes == b"8,4,8,").expect("a signature");
    other[signature + 6] ^= 1;
    let (is_taken, text) = said("other", &other);
    assert!(!is_taken && text.contains("is not binary compatible"), "{text}");
}

/// Whether nginx and curl speak HTTP/3, as those of Debian 13 do.
fn speaks_http3() -> bool {
    let said = |program: &str, argument: &str| {
        let out = Command::new(program).arg(argument).output().expect("a program that can be run");
        String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
    };
    let nginx = said("nginx", "-V").contains("--with-http_v3_module");
    is_tested("http3", nginx && said("curl", "--version").contains(" HTTP3 "))
}

#[test]
fn a_clip_is_the_same_over_http_3() {
    if !has_nginx() || !speaks_http3() {
        return;
    }
    for config in ["", "sendfile off;", "aio threads;", "limit_rate 40m;"] {
        let tls = tls::config(Engine::Nginx);
        let site = nginx(&format!("{tls}\nlisten 127.0.0.1:{{port}} quic reuseport;\n{config}"))
            .slow_disk(Duration::from_millis(2))
            .start();
        for (kind, name) in [("loud", "loud.mp4"), ("pcm", "slow.mp4")] {
            let film = film(kind);
            site.publish_as(&film, name);
            let clip = clip(&film.path, QUERY).expect("a clip");
            let url = site.url(&format!("/{name}?{QUERY}")).replace("http:", "https:");
            let request = Request::get(url).arg("--insecure");
            let over_tcp = request.clone().arg("--http1.1").send();
            let request = request.arg("--http3-only");
            let reply = request.clone().send();
            assert_eq!((reply.version.as_str(), reply.status), ("HTTP/3", 200), "{config} {kind}\n{reply}");
            assert!(reply.body == clip && over_tcp.body == clip, "{config} {kind}: other bytes\n{reply}");
            let etag = reply.header("etag");
            assert!(!etag.is_empty() && etag == over_tcp.header("etag"), "{reply}\n{over_tcp}");
            let head = request.clone().head().send();
            assert_eq!((head.status, head.length()), (200, clip.len() as u64), "{head}");
            let part = request.clone().range("100-40000").send();
            assert!(part.status == 206 && part.body == clip[100..=40_000], "{config} {kind}\n{part}");
            let unchanged = request.header("If-None-Match", etag).send();
            assert_eq!((unchanged.status, unchanged.body.len()), (304, 0), "{unchanged}");
        }
    }
}

/// Each of 500 names in an address may be that of a film. Where the first is not there, none is.
#[test]
fn an_address_of_many_names_costs_one_look() {
    if !has_nginx() {
        return;
    }
    let log = key_file("opens", "");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).expect("a file of our own");
    let site = nginx("log_not_found off;").log_opens("missing.mp4", &log).start();
    let looks = |target: &str| {
        let before = log.metadata().expect("a file of our own").len();
        assert_eq!(site.get(target).status, 404);
        log.metadata().expect("a file of our own").len() - before
    };
    let one = looks("/missing.mp4");
    assert!(one > 0, "looks are counted");
    assert_eq!(looks(&"/missing.mp4".repeat(500)), one);
}
