//! What others send of films is not held to what may be seen. Where a server can know, it says so.

use std::fs;

use tests::films::film;
use tests::key_file;
use tests::probe::clip;
use tests::servers::{Builder, Engine};

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
