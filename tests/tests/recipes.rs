//! What `docs/web-players.md` says of pages plays in Chromium, and what it says of servers is so.

use tests::browser::Browser;
use tests::films::film;
use tests::on_all_engines;
use tests::pages::block;
use tests::recipes::assert_play;
use tests::servers::{Builder, Engine};

on_all_engines!(recipes_play, other_sites_may_read_what_is_cast);

fn recipes_play(engine: Engine) {
    assert_play(Browser::Chromium, engine, &["hls.js", "dash.js", "Safari"]);
}

fn other_sites_may_read_what_is_cast(engine: Engine) {
    let language = engine.lines("apache", "lighttpd", "nginx");
    let site = Builder::new(engine).config(&block("web-players.md", "Casting", language)).packaging().start();
    let film = site.publish(&film("bframes"));
    for address in ["", "/hls/master.m3u8", "/cmaf/v1/1.m4s"] {
        let reply = site.get(&format!("{film}{address}"));
        assert_eq!(reply.status, 200, "{address}");
        assert_eq!(reply.header("access-control-allow-origin"), "*", "{address}");
        assert!(reply.header("access-control-expose-headers").contains("Content-Range"), "{address}");
        // As browsers ask before they send a field that not every page may.
        let may =
            site.request(&format!("{film}{address}")).method("OPTIONS").header("Origin", "http://a.example");
        let may = may.header("Access-Control-Request-Method", "GET");
        let may = may.header("Access-Control-Request-Headers", "range").send();
        assert!([200, 204].contains(&may.status), "{address}\n{may}");
        assert_eq!(may.header("access-control-allow-origin"), "*", "{address}");
        assert_eq!(may.header("access-control-allow-headers"), "Range", "{address}");
    }
}
