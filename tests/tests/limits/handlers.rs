//! What others send of films is not held to what may be seen. Where a server can know, it says so.

use std::fs;

use tests::films::film;
use tests::key_file;
use tests::probe::clip;
use tests::servers::{APACHE, Builder, Engine, Site, has_nginx};

/// lighttpd, with its own handler of files before the module or behind it.
fn lighttpd(modules: &str, lines: &str) -> Builder {
    let modules = format!("server.modules := (\"mod_accesslog\", {modules})");
    Builder::new(Engine::Lighttpd).without_defaults().config(&format!("{modules}\n{lines}"))
}

const BEFORE: &str = "\"mod_staticfile\", \"mod_h264_streaming\"";
const BEHIND: &str = "\"mod_h264_streaming\", \"mod_staticfile\"";
const ORDER: &str = "list mod_h264_streaming before it";

#[test]
fn lighttpd_does_not_start_where_its_own_handler_would_send_guarded_films() {
    let key = key_file("handlers", "a key that nobody knows\n");
    let secret = format!("h264-streaming.secret-file = \"{}\"", key.display());
    for guard in [
        &*secret,
        "h264-streaming.window = \"2-6\"",
        "h264-streaming.longest-clip = 4",
        "h264-streaming.shortest-clip = 2",
        "h264-streaming.refuse = (\"times\")",
    ] {
        for lines in [guard.to_owned(), format!("$HTTP[\"url\"] =~ \"^/films/\" {{\n{guard}\n}}")] {
            let (passes, said) = lighttpd(BEFORE, &lines).test_config();
            assert!(!passes && said.contains(ORDER) && said.contains("would hold for nothing"), "{said}");
            let (passes, said) = lighttpd(BEHIND, &lines).test_config();
            assert!(passes && !said.contains(ORDER), "{said}");
        }
    }
}

#[test]
fn lighttpd_says_that_its_own_handler_sends_films() {
    for lines in ["", "h264-streaming.window = \"none\"\nh264-streaming.secret-file = \"none\""] {
        let site = lighttpd(BEFORE, lines).start();
        site.expect_log(ORDER);
        let path = site.publish(&film("bframes"));
        let whole = fs::read(film("bframes").path).expect("a film");
        assert!(site.get(&format!("{path}?start=1&end=2")).body == whole, "{lines}");
    }
    let site = lighttpd(BEHIND, "").start();
    let path = site.publish(&film("bframes"));
    let wanted = clip(&film("bframes").path, "start=1&end=2").expect("a clip");
    assert!(site.get(&format!("{path}?start=1&end=2")).body == wanted);
}

fn nginx(lines: &str) -> Builder {
    Builder::new(Engine::Nginx).without_defaults().config(lines)
}

const OTHER: &str = "location \"/own/\" has another handler";

#[test]
fn nginx_does_not_start_where_another_handler_would_send_what_the_location_guards() {
    if !has_nginx() {
        return;
    }
    for handler in ["mp4;", "flv;", "proxy_pass http://127.0.0.1:1;"] {
        for guard in ["window 2-6;", "longest_clip 4;", "shortest_clip 2;", "refuse times;"] {
            let lines = format!("location /own/ {{\nh264_streaming_{guard}\n{handler}\n}}");
            let (passes, said) = nginx(&lines).test_config();
            assert!(!passes && said.contains("[emerg]") && said.contains(OTHER), "{lines}\n{said}");
        }
    }
    for lines in [
        "location /own/ {\nh264_streaming_window 2-6;\nh264_streaming off;\nmp4;\n}",
        "location /own/ {\nh264_streaming on;\nh264_streaming_window none;\nmp4;\n}",
        "location /films/ {\nh264_streaming_window 2-6;\nlocation ~ x { return 204; }\n}\nlocation /own/ { mp4; }",
    ] {
        let (passes, said) = nginx(lines).test_config();
        assert!(passes && !said.contains("another handler"), "{lines}\n{said}");
    }
}

#[test]
fn nginx_says_where_its_own_handlers_send_guarded_films() {
    if !has_nginx() {
        return;
    }
    for (lines, is_said) in [
        // What is said there may be for the location within.
        (
            "location /own/ {\nh264_streaming_window 2-6;\nproxy_pass http://127.0.0.1:1;\nlocation ~ x { root /; }\n}",
            true,
        ),
        ("location /own/ {\nif ($arg_x) { proxy_pass http://127.0.0.1:1; }\n}", true),
        ("location /own/ {\nlimit_except GET { deny all; }\nproxy_pass http://127.0.0.1:1;\n}", false),
        ("location /own/ { mp4; }", true),
        ("location /own/ { flv; }", true),
        ("location / {\nlocation /own/ {\nmp4;\nif ($arg_x) { set $args \"\"; }\n}\n}", true),
        ("location /own/ { mp4; h264_streaming off; }", false),
        ("location /own/ { mp4; h264_streaming_window none; }", false),
        // What does not send files may have no films.
        ("location /own/ { proxy_pass http://127.0.0.1:1; }", false),
        ("location /own/ { h264_streaming_metrics; }", false),
    ] {
        let (passes, said) = nginx(&format!("h264_streaming_window 2-6;\n{lines}")).test_config();
        let times = said.matches(OTHER).count();
        assert!(passes && times == usize::from(is_said), "{lines}\n{said}");
        assert!(!is_said || said.contains("[warn]"), "{said}");
    }
    // Each location still has its own handler.
    let site = nginx("h264_streaming_window 2-6;\nlocation /own/ { mp4; }\nlocation /flv/ { flv; }").start();
    site.expect_log(OTHER);
    site.expect_log("location \"/flv/\" has another handler");
    for folder in ["own", "flv", "films"] {
        fs::create_dir(site.docroot().join(folder)).expect("a document root that can be written");
        site.publish_as(&film("bframes"), format!("{folder}/f.mp4"));
    }
    let whole = fs::read(film("bframes").path).expect("a film");
    // From a byte on, behind a head.
    assert!(site.get("/flv/f.mp4?start=100").body.ends_with(&whole[100..]));
    let cut = site.get("/own/f.mp4?start=8");
    assert!(cut.status == 200 && cut.body != whole && cut.header("x-mod-h264-streaming").is_empty(), "{cut}");
    assert_window(&site, "films");
}

#[test]
fn nginx_says_where_a_wider_place_turns_off_what_is_guarded() {
    if !has_nginx() {
        return;
    }
    for (http, own, is_said) in [
        ("h264_streaming off;", "h264_streaming_window 2-6;", true),
        ("h264_streaming off;", "h264_streaming_window 2-6;\nmp4;", true),
        ("h264_streaming off;", "h264_streaming_window 2-6;\nh264_streaming off;", false),
        ("h264_streaming off;", "h264_streaming_window 2-6;\nh264_streaming on;", false),
        ("h264_streaming_window 2-6;", "h264_streaming off;", false),
        ("", "h264_streaming_window 2-6;", false),
    ] {
        let (passes, said) = nginx(&format!("location /own/ {{\n{own}\n}}")).http(http).test_config();
        assert!(
            passes && is_said == said.contains("\"h264_streaming off\" holds in location \"/own/\""),
            "{http} {own}\n{said}"
        );
        assert!(!is_said || said.contains("[warn]"), "{said}");
    }
    let (_, said) = nginx("server_name own.test;\nh264_streaming_refuse times;")
        .http("h264_streaming off;")
        .test_config();
    assert!(said.contains("holds in server \"own.test\""), "{said}");
}

fn assert_window(site: &Site, folder: &str) {
    let window = clip(&film("bframes").path, "start=2&end=6").expect("a clip");
    let reply = site.get(&format!("/{folder}/f.mp4"));
    assert!(reply.status == 200 && reply.body == window, "{folder}\n{reply}");
    assert_eq!(site.get(&format!("/{folder}/f.mp4?start=1")).status, 403, "{folder}");
}

/// The server itself sends a file whose handler nobody knows.
#[test]
fn apache_guards_what_no_other_handler_answers() {
    let guarded = |folder: &str, handler: &str| {
        format!("<Location /{folder}>\nH264StreamingWindow 2-6\n{handler}\n</Location>\n")
    };
    let lines = guarded("set", "SetHandler of-a-module-that-is-gone")
        + &guarded("add", "AddHandler of-a-module-that-is-gone .mp4")
        + &guarded("legacy", "AddHandler h264-streaming.extensions .mp4")
        + &guarded("status", "SetHandler server-status\nRequire all granted")
        + "<Location /free>\nH264Streaming On\nSetHandler of-a-module-that-is-gone\n</Location>";
    let site = Builder::new(APACHE).without_defaults().config(&lines).start();
    for folder in ["set", "add", "legacy", "status", "free"] {
        fs::create_dir(site.docroot().join(folder)).expect("a document root that can be written");
        site.publish_as(&film("bframes"), format!("{folder}/f.mp4"));
    }
    for folder in ["set", "add", "legacy"] {
        assert_window(&site, folder);
    }
    assert!(site.get("/status/f.mp4").text().contains("Server Status"));
    let whole = fs::read(film("bframes").path).expect("a film");
    assert!(site.get("/free/f.mp4?start=1&end=2").body == whole);
}
