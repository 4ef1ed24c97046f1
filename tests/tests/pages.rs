//! What docs/recipes.md and docs/migration.md say, on real servers.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;

use tests::films::film;
use tests::on_both_engines;
use tests::pages::blocks;
use tests::probe::clip;
use tests::servers::{Builder, Engine, Site};

on_both_engines!(
    old_addresses_lead_to_the_new_ones,
    clips_begin_as_those_of_the_original,
    visitors_see_a_part,
    old_players_get_key_frames,
    what_is_recorded_as_documented_grows,
    a_chapter_of_a_podcast_is_a_clip,
);

/// The examples of a section, for this server.
fn examples(page: &str, section: &str, engine: Engine) -> String {
    blocks(page, section, engine.lines("apache", "lighttpd", "nginx")).join("\n")
}

fn builder(page: &str, section: &str, engine: Engine) -> Builder {
    Builder::new(engine).config(&examples(page, section, engine))
}

/// Whether an answer is the clip of a film by this query.
fn is_clip(site: &Site, target: &str, kind: &'static str, query: &str) -> bool {
    site.get(target).body == clip(&film(kind).path, query).expect("a clip")
}

fn old_addresses_lead_to_the_new_ones(engine: Engine) {
    let site = builder("migration.md", "From nginx-vod-module", engine).start();
    site.publish_as(&film("bframes"), "f.mp4");
    for (old, new, content) in [
        ("/hls/f.mp4/index.m3u8", "/f.mp4/hls/master.m3u8", "#EXTM3U"),
        ("/dash/f.mp4/manifest.mpd", "/f.mp4/dash/manifest.mpd", "<MPD"),
    ] {
        let reply = site.get(old);
        assert!((300..400).contains(&reply.status) && reply.header("location").ends_with(new), "{reply}");
        assert!(site.request(old).arg("-L").send().text().contains(content), "{old}");
    }
}

fn clips_begin_as_those_of_the_original(engine: Engine) {
    let site = builder("migration.md", "From mod_h264_streaming 2.x", engine).start();
    site.publish_as(&film("bframes"), "f.mp4");
    assert!(is_clip(&site, "/f.mp4?start=3.05&end=7", "bframes", "start=3.05&end=7&mode=keyframe"));
}

fn visitors_see_a_part(engine: Engine) {
    let site = Builder::new(engine)
        .config(&examples("recipes.md", "A course site", engine).replace("0-2:00", "0-0:02"))
        .start();
    for folder in ["courses", "courses/enrolled"] {
        fs::create_dir(site.docroot().join(folder)).expect("a document root that can be written");
        site.publish_as(&film("bframes"), format!("{folder}/f.mp4"));
    }
    let part = clip(&film("bframes").path, "end=2").expect("a clip");
    assert_eq!(site.get("/courses/f.mp4").body.len(), part.len());
    assert_eq!(site.get("/courses/f.mp4?start=1&end=5").status, 403);
    site.expect_log("may be seen");
    // Apache asks who it is, and lighttpd's example leaves that to the reader.
    let enrolled = site.get("/courses/enrolled/f.mp4?start=1&end=5");
    assert_eq!(enrolled.status, if engine == Engine::Lighttpd { 200 } else { 401 }, "{enrolled}");
}

fn old_players_get_key_frames(engine: Engine) {
    let site = builder("recipes.md", "Old players", engine).start();
    site.publish_as(&film("bframes"), "f.mp4");
    let target = "/f.mp4?start=3.05&end=7";
    let exact = clip(&film("bframes").path, "start=3.05&end=7").expect("a clip");
    let keyframe = clip(&film("bframes").path, "start=3.05&end=7&mode=keyframe").expect("a clip");
    assert!(site.get(target).body == exact);
    let old = site.request(target).header("User-Agent", "Mozilla/5.0 (SmartTV-2012)").send();
    assert!(old.body == keyframe, "{old}");
}

fn what_is_recorded_as_documented_grows(engine: Engine) {
    let site = builder("recipes.md", "CCTV and other recordings", engine).start();
    let commands = blocks("recipes.md", "CCTV and other recordings", "sh");
    let command = commands.first().expect("a command");
    let input = film("bframes").path;
    let command = command.replace("-i INPUT", &format!("-v error -nostdin -i {}", input.display()));
    let recorded = Command::new("sh").args(["-c", &command]).current_dir(site.docroot()).status();
    assert!(recorded.expect("a shell").success(), "{command}");
    let playlist = site.get("/live.mp4/hls/v1.m3u8").text();
    assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"), "{playlist}");
    assert_eq!(site.get("/live.mp4?start=1&end=2").status, 200);
}

fn a_chapter_of_a_podcast_is_a_clip(engine: Engine) {
    let site = Builder::new(engine).packaging().start();
    let path = "/episode.m4b";
    site.publish_as(&film("chapters"), "episode.m4b");
    let sound = site.get(&format!("{path}?tracks=audio&start=1"));
    assert!(sound.body == clip(&film("chapters").path, "tracks=audio&start=1").expect("a clip"), "{sound}");
    let chapters = site.get(&format!("{path}/text/chapters.vtt"));
    assert!(chapters.status == 200 && chapters.text().starts_with("WEBVTT"), "{chapters}");
}

#[test]
fn apache_takes_the_examples_that_need_other_modules() {
    let modules = ["proxy", "proxy_http"];
    let load =
        modules.map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
    let origin = Builder::new(Engine::Lighttpd).start();
    fs::create_dir(origin.docroot().join("films")).expect("a document root that can be written");
    origin.publish_as(&film("bframes"), "films/f.mp4");
    let proxy = blocks("recipes.md", "Behind a reverse proxy", "apache").join("\n");
    let proxy = proxy.replace("127.0.0.1:8080", origin.address());
    let site = Builder::new(tests::servers::APACHE).config(&(load.concat() + &proxy)).start();
    assert!(is_clip(&site, "/films/f.mp4?start=3.05&end=7", "bframes", "start=3.05&end=7"));
}
