//! Each kind of answer and each reason of a refusal is counted, and is in the log.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use mp4seek::server::{Kind, Reason};
use rustix::process::Signal;
use tests::client::Connection;
use tests::films::{film, loud_film};
use tests::servers::{Builder, Engine, Site};
use tests::{key_file, on_all_engines};

use crate::signed::sign;

on_all_engines!(every_kind_and_every_reason_is_counted);

const KEY: &str = "a key that nobody knows";

fn site(engine: Engine) -> Site {
    let keys = key_file("counted", KEY);
    let lines = engine.lines(
        "LogFormat \"%>s %{H264_KIND}e %{H264_REASON}e\" test\n\
         <Location /metrics>\nSetHandler h264-streaming-metrics\n</Location>\n\
         <Location /window>\nH264StreamingWindow 2-6\n</Location>\n\
         <Location /signed>\nH264StreamingSecretFile \"{keys}\"\n</Location>\n\
         <Location /few>\nH264StreamingClipsPerClient 1\n</Location>",
        "accesslog.format := \"%s %{H264_KIND}e %{H264_REASON}e\"\n\
         h264-streaming.metrics-url = \"/metrics\"\n\
         $HTTP[\"url\"] =~ \"^/window/\" {\nh264-streaming.window = \"2-6\"\n}\n\
         $HTTP[\"url\"] =~ \"^/signed/\" {\nh264-streaming.secret-file = \"{keys}\"\n}\n\
         $HTTP[\"url\"] =~ \"^/few/\" {\nh264-streaming.clips-per-client = 1\n}",
        "access_log {dir}/access.log facts;\n\
         location /metrics { h264_streaming_metrics; }\n\
         location /window/ { h264_streaming_window 2-6; }\n\
         location /signed/ { h264_streaming_secret_file \"{keys}\"; }\n\
         location /few/ { h264_streaming_clips_per_client 1; }",
    );
    let lines = lines.replace("{keys}", &keys.to_string_lossy());
    let facts = "log_format facts '$status $h264_streaming_kind $h264_streaming_reason';\n";
    // Of a film whose first bytes cannot be read, nothing can be said.
    let builder = Builder::new(engine).config(&lines).http(facts).packaging();
    let site = builder.failing_disk("unreadable.mp4", &(0..1 << 30)).start();
    site.allow_log("can be read by every user");
    site.allow_log("f.mp4|text.mp4|unreadable.mp4");
    site
}

/// What is above 0 of a family of counts.
fn counted(site: &Site, family: &str) -> BTreeMap<String, u64> {
    let text = site.get("/metrics").text();
    let of_line = |line: &str| {
        let (label, count) = line.strip_prefix(family)?.split_once("=\"")?.1.split_once("\"} ")?;
        Some((label.to_owned(), count.parse().ok()?))
    };
    text.lines().filter_map(of_line).filter(|(_, count)| *count > 0).collect()
}

/// Waits until nothing else is counted in a family: a server may count after the answer is there.
fn wait_for(site: &Site, family: &str, wanted: &BTreeMap<String, u64>) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let counted = counted(site, family);
        if counted == *wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{counted:?} are counted, and not {wanted:?}");
        sleep(Duration::from_millis(20));
    }
}

fn every_kind_and_every_reason_is_counted(engine: Engine) {
    let site = site(engine);
    let bframes = film("bframes");
    for name in ["f.mp4", "window/f.mp4", "signed/f.mp4", "few/f.mp4"] {
        site.publish_as(&bframes, name);
    }
    for (kind, name) in [("chapters", "chapters.mp4"), ("av1", "av1.mp4")] {
        site.publish_as(&film(kind), name);
    }
    site.publish_as(&loud_film(), "few/loud.mp4");
    // A copy, of which no cache knows anything.
    site.put("unreadable.mp4", fs::read(&bframes.path).expect("a film"));
    site.put("text.mp4", "This is not a film. ".repeat(9));
    site.put("old.flv", [b"FLV\x01\x05\0\0\0\x09\0\0\0\0".as_slice(), &[7; 1000]].concat());
    let mut kinds = BTreeMap::new();
    for (target, kind) in [
        ("/f.mp4?start=3", "clip"),
        ("/f.mp4", "film"),
        ("/text.mp4", "file"),
        ("/old.flv?start=20", "flv"),
        ("/f.mp4/hls/master.m3u8", "hls"),
        ("/f.mp4/dash/manifest.mpd", "dash"),
        ("/f.mp4/cmaf/v1/1.m4s", "media"),
        ("/chapters.mp4/text/chapters.vtt", "text"),
        ("/av1.mp4?poster=1", "poster"),
    ] {
        let reply = site.get(target);
        assert_eq!(reply.status, 200, "{target}\n{reply}");
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    assert!(Kind::ALL.iter().all(|kind| kinds.contains_key(kind.name())), "{kinds:?}");
    wait_for(&site, "h264_streaming_answers_total{", &kinds);

    // A client that has the only clip that it may have.
    let mut client = Connection::open_narrow(site.address());
    client.write("GET /few/loud.mp4?start=1 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.read(100), 100);
    *kinds.entry("clip".to_owned()).or_default() += 1;
    let signed = |arguments: &[&str]| sign(KEY, arguments);
    let of_another = sign("a key of somebody else", &["/signed/f.mp4?start=3"]);
    let expired = signed(&["--expires", "1000000000", "/signed/f.mp4?start=3"]);
    let mut reasons = BTreeMap::new();
    for (target, field, status, reason) in [
        ("/f.mp4?start=x", None, 400, "query"),
        ("/window/f.mp4?start=1", None, 403, "limit"),
        ("/signed/f.mp4?start=3", None, 403, "unsigned"),
        (&of_another, None, 403, "signature"),
        (&expired, None, 410, "expired"),
        ("/f.mp4/cmaf/v9.mp4", None, 404, "address"),
        ("/window/f.mp4", None, 405, "method"),
        ("/f.mp4?start=3", Some(("If-Match", "\"x\"")), 412, "precondition"),
        ("/text.mp4?start=1", None, 415, "format"),
        ("/f.mp4?start=999", None, 416, "past-end"),
        ("/f.mp4?start=3", Some(("Range", "bytes=999999999-")), 416, "range"),
        ("/unreadable.mp4?start=3", None, 500, "disk"),
        ("/few/f.mp4?start=3", None, 403, "clients"),
    ] {
        let mut request = site.request(target);
        if let Some((name, value)) = field {
            request = request.header(name, value);
        }
        // One that posts something.
        let reply = if reason == "method" { request.arg("--data").arg("x") } else { request }.send();
        assert_eq!(reply.status, status, "{target}\n{reply}");
        *reasons.entry(reason.to_owned()).or_default() += 1;
        wait_for(&site, "h264_streaming_refusals_total{", &reasons);
    }
    assert!(Reason::ALL.iter().all(|reason| reasons.contains_key(reason.name())), "{reasons:?}");
    drop(client);
    // These three were laid out before they were refused.
    *kinds.get_mut("clip").expect("clips") += 3;
    wait_for(&site, "h264_streaming_answers_total{", &kinds);
    // In the log there are lines of `/metrics`, too.
    let wanted = kinds.keys().map(|kind| format!("200 {kind} -"));
    let wanted: Vec<_> = wanted.chain(reasons.keys().map(|reason| format!(" {reason}"))).collect();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let log = site.access_log(1);
        let missing: Vec<_> =
            wanted.iter().filter(|part| !log.iter().any(|line| line.ends_with(*part))).collect();
        if missing.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "{missing:?} are not in {log:#?}");
        if engine == Engine::Lighttpd {
            site.signal(Signal::HUP);
        }
        sleep(Duration::from_millis(100));
    }
}
