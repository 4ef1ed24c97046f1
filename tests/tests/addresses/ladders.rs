//! What `mp4seek ladder` writes leads to the films' own resources, and plays.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::built;
use tests::films::film;
use tests::on_all_engines;
use tests::probe::Reading;
use tests::servers::Engine;

use crate::links::{get, links, resolve};
use crate::packages::hashes;
use crate::site;

on_all_engines!(a_ladder_plays);

fn a_ladder_plays(engine: Engine) {
    let site = site(engine, "", "", "");
    // The second has no sound: that of the first is heard with both.
    let plain = film("bframes");
    site.publish_as(&plain, "good.mp4");
    let silent = site.docroot().join("better.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(&plain.path).args(["-an", "-c", "copy"]);
    let done = ffmpeg.arg(&silent).status();
    assert!(done.expect("ffmpeg").success());
    let mut command = Command::new(built("H264_MP4SEEK", "mp4seek"));
    command.current_dir(site.docroot()).args(["ladder", "good.mp4", "better.mp4"]);
    let done = command.args(["--hls", "ladder.m3u8", "--dash", "ladder.mpd"]).output().expect("mp4seek");
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");

    let expected = hashes(&Reading::of(&plain.path), "video");
    for (name, count) in [("/ladder.m3u8", 5), ("/ladder.mpd", 3)] {
        let text = fs::read_to_string(site.docroot().join(name.trim_start_matches('/'))).expect("a text");
        let found = links(&text);
        assert_eq!(found.len(), count, "{found:?}");
        for link in found {
            get(&site, &resolve(name, &link));
        }
        let reading = Reading::of(Path::new(&site.url(name)));
        let kinds: Vec<_> = reading.streams.iter().map(|stream| stream.kind.as_str()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "video").count(), 2, "{name}: {kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == "audio").count(), 1, "{name}: {kinds:?}");
        for packets in hashes(&reading, "video") {
            assert_eq!(packets, expected[0], "{name}");
        }
    }
}
