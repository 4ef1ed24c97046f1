//! Which addresses are there, and where the configuration says so.

use tests::client::Reply;
use tests::films::film;
use tests::on_all_engines;
use tests::servers::{APACHE, Builder, Engine, Site};

use crate::{OF_EACH_KIND, site};

on_all_engines!(
    without_packaging_the_server_is_as_without_the_module,
    what_is_not_there_is_404,
    other_paths_behind_a_film_are_the_servers,
    a_resource_cannot_be_posted_to,
    a_kind_that_is_off_is_404,
);

/// Whether the module refuses the request.
fn is_refused(reply: &Reply) -> bool {
    reply.status == 404
        && reply.header("x-mod-h264-streaming").starts_with("version=")
        && reply.text().contains("<p>the film has nothing at this address.</p>")
}

fn without_packaging_the_server_is_as_without_the_module(engine: Engine) {
    let with = Builder::new(engine).start();
    let without = Builder::new(engine).without_module().start();
    let path = with.publish(&film("chapters"));
    without.publish(&film("chapters"));
    for address in OF_EACH_KIND.into_iter().chain(["/hls/", "/hls"]) {
        for method in ["GET", "POST", "OPTIONS"] {
            let ask = |site: &Site| site.request(&format!("{path}{address}")).method(method).send();
            let (ours, theirs) = (ask(&with), ask(&without));
            assert_eq!(ours.status, theirs.status, "{method} {address}\n{ours}\n{theirs}");
            assert!(
                ours.text() == theirs.text().replace(without.address(), with.address()),
                "{address}\n{ours}"
            );
            assert_eq!(ours.header("content-type"), theirs.header("content-type"), "{address}");
            assert_eq!(ours.header("x-mod-h264-streaming"), "");
        }
    }
    with.allow_log("AH00128|AH01276|not exist|Not a directory");
    without.allow_log("AH00128|AH01276|not exist|Not a directory");
}

fn what_is_not_there_is_404(engine: Engine) {
    let site = site(engine, "", "", "");
    let path = site.publish(&film("chapters"));
    for address in [
        "/hls",
        "/hls/",
        "/hls/master.m3u",
        "/hls/MASTER.m3u8",
        "/hls/x1.m3u8",
        "/dash/v1.mpd",
        "/cmaf/v1",
        "/cmaf/v1/0.m4s",
        "/cmaf/v1/01.m4s",
        "/text/v1.vtt",
    ] {
        for query in ["", "?start=3", "?v=1"] {
            let target = format!("{path}{address}{query}");
            let reply = site.get(&target);
            assert!(is_refused(&reply), "{target}\n{reply}");
            assert!(is_refused(&site.request(&target).http2().send()), "{target}");
            let head = site.request(&target).head().send();
            assert_eq!((head.status, head.body.len()), (404, 0), "{target}\n{head}");
        }
    }
    for address in OF_EACH_KIND {
        let reply = site.get(&format!("/none.mp4{address}"));
        assert_eq!((reply.status, reply.header("x-mod-h264-streaming")), (404, ""), "{address}\n{reply}");
    }
    site.expect_log("the film has nothing at this address");
    site.allow_log("AH00128|none.mp4");
}

fn other_paths_behind_a_film_are_the_servers(engine: Engine) {
    let site = site(engine, "", "", "");
    let path = site.publish(&film("chapters"));
    site.put("static.txt", "static");
    for more in ["/", "/more", "/HLS/master.m3u8", "/hlsx/master.m3u8", "/x/hls/master.m3u8"] {
        let (ours, theirs) = (site.get(&format!("{path}{more}")), site.get(&format!("/static.txt{more}")));
        assert_eq!(ours.status, theirs.status, "{more}\n{ours}");
        assert_eq!(ours.header("x-mod-h264-streaming"), "", "{more}\n{ours}");
        // A file that is no film has nothing behind it.
        let other = site.get("/static.txt/hls/master.m3u8");
        assert_eq!((other.status, other.header("x-mod-h264-streaming")), (theirs.status, ""), "{other}");
    }
    site.allow_log("AH00128|Not a directory");
}

fn a_resource_cannot_be_posted_to(engine: Engine) {
    let site = site(engine, "", "", "");
    let path = site.publish(&film("chapters"));
    for address in OF_EACH_KIND {
        let reply = site.request(&format!("{path}{address}")).arg("-d").arg("x=1").send();
        assert_eq!(reply.status, 405, "{address}\n{reply}");
        let allow = reply.header("allow");
        assert!(
            allow.contains("GET") && allow.contains("HEAD") && !allow.contains("POST"),
            "{address}\n{reply}"
        );
        assert!(reply.text().contains("answers GET and HEAD"), "{address}\n{reply}");
    }
}

fn a_kind_that_is_off_is_404(engine: Engine) {
    let site = Builder::new(engine)
        .config(match engine {
            Engine::Lighttpd => "h264-streaming.packaging = (\"HLS\")",
            Engine::Nginx => "h264_streaming_packaging HLS;",
            _ => "H264StreamingPackaging HLS",
        })
        .start();
    let path = site.publish(&film("chapters"));
    let reply = site.get(&format!("{path}/dash/manifest.mpd"));
    assert!(is_refused(&reply), "{reply}");
    site.expect_log("the film has nothing at this address");
}

#[test]
fn apache_finds_nothing_where_it_refuses_path_info() {
    let site = site(APACHE, "AcceptPathInfo Off", "", "");
    let path = site.publish(&film("chapters"));
    for address in ["/text/chapters.vtt", "/hls/"] {
        let reply = site.get(&format!("{path}{address}"));
        assert_eq!((reply.status, reply.header("x-mod-h264-streaming")), (404, ""), "{reply}");
    }
    site.allow_log("AH00128|Not a directory");
}
