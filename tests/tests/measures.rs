//! What can be read of the module's work: the access log, the counts of all processes, and
//! `Server-Timing`.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::client::Connection;
use tests::films::{film, loud_film};
use tests::pages::{block, page};
use tests::servers::{APACHE, Builder, Engine, Mpm, Site};
use tests::{on_all_engines, on_both_engines, wait_until};

on_all_engines!(
    the_access_log_says_what_was_asked_and_found,
    counts_are_those_of_all_processes,
    counts_outlive_the_processes_that_counted,
    bytes_are_those_of_the_body,
    answers_in_progress_are_those_that_are_being_sent,
    an_answer_of_which_all_is_queued_is_being_sent,
    answers_of_a_killed_process_are_over,
    a_reload_loses_no_answer,
    conditions_that_do_not_hold_are_refusals,
    a_browser_is_told_how_long_it_took,
    nothing_is_told_that_nobody_asked_for,
    what_is_documented_is_there,
    counts_are_for_those_whom_the_server_lets_in,
);

/// The status page of nginx takes no lines of others.
mod both {
    use super::{on_both_engines, the_status_page_of_the_server_has_the_counts};

    on_both_engines!(the_status_page_of_the_server_has_the_counts);
}

const METRICS: [&str; 3] = [
    "<Location /metrics>\nSetHandler h264-streaming-metrics\n</Location>",
    "h264-streaming.metrics-url = \"/metrics\"",
    "location /metrics { h264_streaming_metrics; }",
];

fn lines(engine: Engine, [apache, lighttpd, nginx]: [&str; 3]) -> String {
    engine.lines(apache, lighttpd, nginx).to_owned()
}

fn with_metrics(engine: Engine) -> Builder {
    Builder::new(engine).config(&lines(engine, METRICS)).packaging()
}

/// The counts, without what all names begin with.
fn counts(site: &Site) -> BTreeMap<String, u64> {
    let reply = site.get("/metrics");
    assert_eq!(reply.status, 200, "{reply}");
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((reply.header("content-type"), reply.header("cache-control")), (media_type, "no-store"));
    let text = reply.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let line = |line: &str| {
        let (name, value) = line.strip_prefix("h264_streaming_")?.rsplit_once(' ')?;
        Some((name.replace('"', ""), value.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

fn the_access_log_says_what_was_asked_and_found(engine: Engine) {
    let variables = "%{H264_KIND}e %{H264_FORMAT}e %{H264_START}e %{H264_END}e %{H264_MODE}e %{H264_SAMPLES}e \
                     %{H264_METADATA}e %{H264_CACHE}e %{H264_PLAN_US}e %{H264_REASON}e";
    let format = match engine {
        Engine::Lighttpd => format!("accesslog.format := \"%s {variables}\""),
        Engine::Nginx => "access_log {dir}/access.log facts;".to_owned(),
        _ => format!("LogFormat \"%>s {variables}\" test"),
    };
    let names =
        ["kind", "format", "start", "end", "mode", "samples", "metadata", "cache", "plan_us", "reason"];
    let of_nginx = names.map(|name| format!("$h264_streaming_{name}")).join(" ");
    let of_nginx = format!("log_format facts '$status {of_nginx}';\n");
    let site = Builder::new(engine).workers(1).config(&format).http(&of_nginx).packaging().start();
    let path = site.publish(&film("bframes"));
    site.put("text.mp4", "This is not a film. ".repeat(9));
    let targets = [
        format!("{path}?start=3.05&end=5"),
        format!("{path}?start=3&format=fmp4&mode=keyframe"),
        path.clone(),
        format!("{path}/hls/master.m3u8"),
        format!("{path}/cmaf/v1/1.m4s"),
        format!("{path}?start=x"),
        format!("{path}?start=999"),
        "/text.mp4?start=1".to_owned(),
        "/text.mp4".to_owned(),
        format!("{path}/cmaf/v9.mp4"),
        format!("{}?poster=1", site.publish(&film("av1"))),
    ];
    for (number, target) in (1..).zip(&targets) {
        site.get(target);
        // A server may write a line after the answer is there, and after that of the next one.
        site.access_log(number);
    }
    let expected = [
        r"200 clip flat 3\.05 5 exact \d+ \d+ (none|index|plan) \d+ -",
        r"200 clip fmp4 3 - keyframe \d+ \d+ (none|index|plan) \d+ -",
        r"200 film flat - - - - \d+ (none|index|plan) \d+ -",
        r"200 hls text - - - - \d+ - - -",
        r"200 media fmp4 - - - \d+ \d+ (none|index|plan) \d+ -",
        "400 - - - - - - - - - query",
        "416 - - - - - - - - - past-end",
        "415 - - - - - - - - - format",
        "200 file - - - - - - - - -",
        "404 - - - - - - - - - address",
        r"200 poster avif - - - - \d+ - - -",
    ];
    let log = site.access_log(targets.len());
    for (line, pattern) in log.iter().zip(expected) {
        let pattern = regex::Regex::new(&format!("^{pattern}$")).expect("a regular expression");
        assert!(pattern.is_match(line), "{line} is not {pattern}");
    }
    site.allow_log("start=|not an MP4|nothing at this address");
}

/// A server of several processes.
fn of_processes(engine: Engine) -> Builder {
    match engine {
        Engine::Lighttpd | Engine::Nginx => with_metrics(engine).workers(3),
        _ => with_metrics(Engine::Apache(Mpm::Prefork)).workers(4),
    }
}

fn counts_are_those_of_all_processes(engine: Engine) {
    let site = of_processes(engine).start();
    let path = site.publish(&film("bframes"));
    let mut sent = 0;
    let deadline = Instant::now() + Duration::from_secs(60);
    // Connections at the same time come to several processes.
    while counts(&site).get("processes").is_none_or(|&processes| processes < 2) {
        assert!(Instant::now() < deadline, "one process answers all: {:?}", counts(&site));
        std::thread::scope(|scope| {
            for n in 0..16 {
                let (site, path) = (&site, &path);
                scope.spawn(move || {
                    assert_eq!(
                        site.get(&format!("{path}?start={n}.1&end=99")).status / 100,
                        if n < 12 { 2 } else { 4 }
                    )
                });
            }
        });
        sent += 12;
    }
    for _ in 0..8 {
        let counts = counts(&site);
        let all = counts["answers_total{kind=clip}"];
        assert_eq!(all, sent, "{counts:?}");
        assert_eq!(counts["refusals_total{reason=past-end}"], sent / 3, "{counts:?}");
        let plans: u64 =
            ["plan", "index", "none"].iter().map(|k| counts[&format!("plans_total{{known={k}}}")]).sum();
        assert_eq!((plans, counts["plan_seconds_count"]), (sent, sent));
    }
    site.allow_log("past the end");
}

fn counts_outlive_the_processes_that_counted(engine: Engine) {
    let site = of_processes(engine).start();
    let path = site.publish(&film("bframes"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut sent = 0;
    // A film that has just changed is not kept.
    while counts(&site)["cache_entries"] == 0 {
        assert!(Instant::now() < deadline, "nothing is kept: {:?}", counts(&site));
        site.get(&format!("{path}?start=1"));
        sent += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    let before = counts(&site);
    assert!(before["cache_size_bytes"] > 1000 && before["processes"] > 0, "{before:?}");
    assert_eq!(before["answers_total{kind=clip}"], sent);
    // One that answered ends, and what it counted stays; what it had in its cache is gone.
    site.kill_workers();
    wait_until_it_answers(&site);
    let after = counts(&site);
    assert_eq!((after["answers_total{kind=clip}"], after["processes"], after["cache_entries"]), (sent, 0, 0));
}

fn wait_until_it_answers(site: &Site) {
    let answers = || site.request("/metrics").try_send().is_ok_and(|reply| reply.status == 200);
    wait_until("no process answers", 60, answers);
}

fn the_status_page_of_the_server_has_the_counts(engine: Engine) {
    let status = engine.lines(
        "<Location /status>\nSetHandler server-status\n</Location>",
        "status.statistics-url = \"/status\"",
        "",
    );
    let site = of_processes(engine).config(status).start();
    let path = site.publish(&film("bframes"));
    for n in 1..=5 {
        site.get(&format!("{path}?start={n}"));
    }
    site.get(&format!("{path}?start=x"));
    let (target, wanted) = match engine {
        Engine::Lighttpd => {
            ("/status", ["h264-streaming.answers.clip: 5", "h264-streaming.refusals.query: 1"])
        }
        _ => ("/status?auto", ["H264AnswersClip: 5", "H264RefusalsQuery: 1"]),
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let text = site.get(target).text();
        if wanted.iter().all(|wanted| text.lines().any(|line| line == *wanted)) {
            break;
        }
        assert!(Instant::now() < deadline, "{wanted:?} are not in\n{text}");
        std::thread::sleep(Duration::from_millis(100));
    }
    if engine == APACHE {
        let page = site.get("/status").text();
        assert!(page.contains("<h2>mod_h264_streaming</h2>"), "{page}");
        assert!(page.contains("<td>answers.clip</td><td>5</td>"), "{page}");
    }
    site.allow_log("start=x");
}

fn bytes_are_those_of_the_body(engine: Engine) {
    let site = with_metrics(engine).start();
    let path = site.publish(&film("bframes"));
    let target = format!("{path}?start=3&end=5");
    let bytes = || {
        let counts = counts(&site);
        [counts["body_bytes_total{part=metadata}"], counts["body_bytes_total{part=media}"]]
    };
    let whole = site.get(&target).body.len() as u64;
    let [metadata, media] = bytes();
    assert_eq!(metadata + media, whole);
    assert!(metadata > 500 && media > metadata, "{metadata} {media}");
    site.request(&target).head().send();
    site.request(&target).header("If-None-Match", "*").send();
    assert_eq!(bytes(), [metadata, media]);
    site.request(&target).range(&format!("{}-{}", metadata - 10, metadata + 19)).send();
    assert_eq!(bytes(), [metadata + 10, media + 20]);
    assert_eq!(site.request(&target).range("0-0,5-6").send().status, 206);
    assert_eq!(bytes(), [metadata + 13, media + 20]);
}

/// Waits until as many answers are being sent.
fn wait_for_answers(site: &Site, wanted: u64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let counts = counts(site);
        if counts["answers_in_progress"] == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{wanted} answers are not {counts:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A client that asks for a clip and reads the first bytes of the answer.
fn begin(site: &Site, target: &str) -> Connection {
    let mut client = Connection::open_narrow(site.address());
    client.write(&format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert_eq!(client.read(100), 100);
    client
}

fn answers_in_progress_are_those_that_are_being_sent(engine: Engine) {
    let site = of_processes(engine).start();
    let target = format!("{}?start=1", site.publish(&loud_film()));
    wait_for_answers(&site, 0);
    let (mut first, second) = (begin(&site, &target), begin(&site, &target));
    wait_for_answers(&site, 2);
    // A client breaks off; another reads all, and stays.
    drop(second);
    wait_for_answers(&site, 1);
    let reply = first.reply();
    assert_eq!((reply.status, reply.body.len() as u64), (200, reply.length()));
    wait_for_answers(&site, 0);
    // Answers without a body, and refusals.
    site.request(&target).head().send();
    site.request(&target).header("If-None-Match", "*").send();
    site.request(&target).range("999999999999-").send();
    site.get(&format!("{}/x", &target[..target.len() - 8]));
    wait_for_answers(&site, 0);
    site.allow_log("byte range|Not a directory");
}

/// The media of these thirty seconds are one piece, which lighttpd has from us at once.
fn an_answer_of_which_all_is_queued_is_being_sent(engine: Engine) {
    let site = of_processes(engine).start();
    let target = format!("{}?start=60", site.publish(&loud_film()));
    let (mut first, second) = (begin(&site, &target), begin(&site, &target));
    for _ in 0..5 {
        assert_eq!(counts(&site)["answers_in_progress"], 2);
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(second);
    wait_for_answers(&site, 1);
    let reply = first.reply();
    assert_eq!(reply.body.len() as u64, reply.length());
    wait_for_answers(&site, 0);
}

fn answers_of_a_killed_process_are_over(engine: Engine) {
    let site = of_processes(engine).start();
    let target = format!("{}?start=1", site.publish(&loud_film()));
    let _clients = [begin(&site, &target), begin(&site, &target)];
    wait_for_answers(&site, 2);
    site.kill_workers();
    wait_until_it_answers(&site);
    wait_for_answers(&site, 0);
}

fn a_reload_loses_no_answer(engine: Engine) {
    let site = of_processes(engine).start();
    site.allow_log("raceful|AH00493|AH00297|[Ss]erver");
    let target = format!("{}?start=1", site.publish(&loud_film()));
    for round in 0..2 {
        let mut early = [begin(&site, &target), begin(&site, &target)];
        wait_for_answers(&site, 2);
        site.signal(if engine == Engine::Nginx { Signal::HUP } else { Signal::USR1 });
        if engine == APACHE {
            // Its earlier children send on.
            wait_for_answers(&site, 0);
        }
        for client in &mut early {
            let reply = client.reply();
            assert_eq!(reply.body.len() as u64, reply.length());
        }
        drop(early);
        wait_until_it_answers(&site);
        wait_for_answers(&site, 0);
        let due = if engine == Engine::Nginx { 3 * round + 2 } else { 0 };
        assert_eq!(counts(&site)["answers_total{kind=clip}"], due);
        let late = begin(&site, &target);
        wait_for_answers(&site, 1);
        drop(late);
        wait_for_answers(&site, 0);
    }
}

#[test]
fn threads_of_a_process_count_their_answers() {
    let site = with_metrics(APACHE).start();
    let target = format!("{}?start=1", site.publish(&loud_film()));
    let clients: Vec<_> = (0..6).map(|_| begin(&site, &target)).collect();
    wait_for_answers(&site, 6);
    drop(clients);
    wait_for_answers(&site, 0);
}

fn conditions_that_do_not_hold_are_refusals(engine: Engine) {
    let log = match engine {
        Engine::Lighttpd => "accesslog.format := \"%s %{H264_REASON}e\"",
        Engine::Nginx => "access_log {dir}/access.log reason;",
        _ => "LogFormat \"%>s %{H264_REASON}e\" test",
    };
    let site = with_metrics(engine)
        .config(log)
        .http("log_format reason '$status $h264_streaming_reason';\n")
        .start();
    let path = site.publish(&film("bframes"));
    let clip = format!("{path}?start=3");
    for (name, value) in [
        ("If-Match", "\"x\""),
        ("If-Unmodified-Since", "Thu, 01 Jan 2015 00:00:00 GMT"),
        ("If-None-Match", "*"),
    ] {
        site.request(&clip).header(name, value).send();
    }
    site.request(&format!("{path}/hls/master.m3u8")).header("If-Match", "\"x\"").send();
    // Several processes write their lines in no order.
    let mut log = site.access_log(4);
    log.sort();
    assert_eq!(log, ["304 -", "412 precondition", "412 precondition", "412 precondition"]);
    assert_eq!(counts(&site)["refusals_total{reason=precondition}"], 3);
    site.allow_log("what If-Match");
}

fn a_browser_is_told_how_long_it_took(engine: Engine) {
    let timing = [
        "H264StreamingServerTiming On",
        "h264-streaming.server-timing = \"enable\"",
        "h264_streaming_server_timing on;",
    ];
    let site = Builder::new(engine).config(&lines(engine, timing)).start();
    let path = site.publish(&film("bframes"));
    let pattern = regex::Regex::new(r"^plan;dur=\d+\.\d{3};desc=(none|index|plan)$").expect("an expression");
    for target in [format!("{path}?start=3"), path.clone()] {
        let reply = site.get(&target);
        assert!(pattern.is_match(reply.header("server-timing")), "{reply}");
    }
    assert_eq!(site.get(&format!("{path}?start=x")).header("server-timing"), "");
    site.allow_log("start=x");
}

fn nothing_is_told_that_nobody_asked_for(engine: Engine) {
    let site = Builder::new(engine).start();
    let path = site.publish(&film("bframes"));
    assert_eq!(site.get(&format!("{path}?start=3")).header("server-timing"), "");
    assert_eq!(site.get("/metrics").status, 404);
    site.allow_log("AH00128|No such file");
}

#[test]
fn lighttpd_counts_what_waits_for_the_disk() {
    // A file system that cannot say what is in memory: all reads go to the threads.
    let site = with_metrics(Engine::Lighttpd).in_memory().start();
    let path = site.publish(&film("bframes"));
    for n in 0..4 {
        assert_eq!(site.get(&format!("{path}?start={n}")).status, 200);
    }
    let counts = counts(&site);
    assert!(counts["pool_reads_total"] >= 4, "{counts:?}");
    assert_eq!((counts["pool_threads"], counts["pool_waiting"]), (8, 0), "{counts:?}");
}

fn what_is_documented_is_there(engine: Engine) {
    let language = engine.lines("apache", "lighttpd", "nginx");
    let log = block("measures.md", "Access log", language).replace("/var/log/apache2", "{dir}");
    let log = log.replace("accesslog.format =", "accesslog.format :=");
    let log = log.replace("/var/log/nginx", "{dir}");
    // The formats of nginx stand in its `http`.
    let (http, log) = if engine == Engine::Nginx { (log, String::new()) } else { (String::new(), log) };
    let counts = block("measures.md", "Counts", language);
    let site = Builder::new(engine).http(&http).config(&log).config(&counts).start();
    let path = site.publish(&film("bframes"));
    site.put("page.html", "no film");
    for target in ["/page.html", &format!("{path}?start=x"), &format!("{path}?start=3")] {
        site.get(target);
    }
    site.allow_log("start=x: not a time");
    if engine != Engine::Lighttpd {
        let log = || std::fs::read_to_string(site.dir().join("films.log")).unwrap_or_default();
        wait_until("a line of each answer for a film", 10, || log().lines().count() >= 2);
        let log = log();
        // A server may write a line behind that of the next answer.
        let has = |what: fn(&str) -> bool| log.lines().any(what);
        assert!(has(|l| l.ends_with(" - - - query")) && has(|l| l.contains(" clip none ")), "{log}");
    }
    let text = site.get("/metrics").text();
    let names = regex::Regex::new(r"h264_streaming_[a-z_]*[a-z]").expect("an expression");
    let of = |text: &str| -> std::collections::BTreeSet<String> {
        names.find_iter(text).map(|name| name.as_str().to_owned()).collect()
    };
    let all = of(&text);
    // Directives and variables of nginx have such names, too.
    let is_of_counts = |line: &&str| line.starts_with("| `h264_streaming_") || line.contains("expr: ");
    let counts = page("measures.md").lines().filter(is_of_counts).collect::<Vec<_>>().join("\n");
    for (name, text) in [("grafana.json", page("grafana.json")), ("measures.md", counts)] {
        let documented = of(&text);
        assert!(documented.len() >= 8 && documented.is_subset(&all), "{name}: {documented:?} of {all:?}");
    }
    let dashboard: serde_json::Value = serde_json::from_str(&page("grafana.json")).expect("JSON");
    assert_eq!(dashboard["panels"].as_array().map(Vec::len), Some(9));
}

/// The condition of the log is that of the client's request, and the film that of another.
#[test]
fn the_documented_log_has_what_apache_redirects_within_itself() {
    let log = block("measures.md", "Access log", "apache").replace("/var/log/apache2", "{dir}");
    let redirects = "ErrorDocument 400 /sorry.html\n\
         <Directory {docroot}>\nRewriteEngine On\nRewriteRule ^watch/(.*)$ /$1 [L]\n</Directory>";
    let site = Builder::new(APACHE).config(&log).config(redirects).start();
    let path = site.publish(&film("bframes"));
    site.put("sorry.html", "sorry");
    assert_eq!(site.get(&format!("/watch{path}?start=3")).status, 200);
    for target in [format!("{path}?start=x"), format!("/watch{path}?start=x")] {
        let reply = site.get(&target);
        assert_eq!((reply.status, reply.text().as_str()), (400, "sorry"), "{reply}");
    }
    site.allow_log("start=x: not a time");
    let log = || std::fs::read_to_string(site.dir().join("films.log")).unwrap_or_default();
    wait_until("a line of each answer for a film", 10, || log().lines().count() >= 3);
    let log = log();
    let count = |what: fn(&&str) -> bool| log.lines().filter(what).count();
    assert_eq!(
        count(|l| l.contains("/watch") && l.contains(" 200 ") && l.contains(" clip none ")),
        1,
        "{log}"
    );
    assert_eq!(count(|l| l.contains(" 400 ") && l.ends_with(" - - - query")), 2, "{log}");
}

/// lighttpd has the modules that ask before ours, as documented.
fn counts_are_for_those_whom_the_server_lets_in(engine: Engine) {
    let password = [
        "<Location /metrics>\nAuthType Basic\nAuthName counts\nAuthUserFile /dev/null\nRequire valid-user\n</Location>",
        "auth.backend = \"htpasswd\"\nauth.backend.htpasswd.userfile = \"/dev/null\"\n\
         auth.require = ( \"/metrics\" => ( \"method\" => \"basic\", \"realm\" => \"counts\", \"require\" => \"valid-user\" ) )",
        "auth_basic counts;\nauth_basic_user_file /dev/null;",
    ];
    let site = with_metrics(engine).config(&lines(engine, password)).start();
    for request in [site.request("/metrics"), site.request("/metrics").head()] {
        assert_eq!(request.send().status, 401);
    }
}
