//! What stands behind a film's address for players of HLS and DASH, on both servers.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod encrypted;
mod found;
mod ladders;
mod links;
mod packages;
mod places;
mod recordings;
mod resources;

use tests::servers::{Builder, Engine, Site};

/// A server with both kinds of packaging on, and more configuration.
fn site(engine: Engine, apache: &str, lighttpd: &str, nginx: &str) -> Site {
    let more = engine.lines(apache, lighttpd, nginx);
    Builder::new(engine).packaging().config(more).start()
}

/// An address of each kind.
const OF_EACH_KIND: [&str; 4] =
    ["/hls/master.m3u8", "/dash/manifest.mpd", "/cmaf/v1.mp4", "/text/chapters.vtt"];
