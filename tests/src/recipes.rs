//! The recipes of `docs/web-players.md`, as they stand there.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;

use serde_json::Value;

use crate::browser::{Browser, Client, in_browser, look, stamp};
use crate::demo_page::{self, PLAYERS};
use crate::films::demo_film;
use crate::pages::block;
use crate::servers::Engine;
use crate::{put_players, work_dir};

/// Plays what the recipes of these sections say, and looks at two frames.
///
/// # Panics
/// Where a frame is wrong or does not come.
pub fn assert_play(browser: Browser, engine: Engine, sections: &[&str]) {
    let site = demo_page::site(engine);
    site.publish_as(&demo_film(), "film.mp4");
    put_players(&site);
    let shaka = work_dir("players").join("node_modules/shaka-player/dist/shaka-player.compiled.js");
    if let Ok(script) = fs::read(shaka) {
        site.put("shaka.js", script);
    }
    in_browser(browser, &[], async |client: &Client| {
        for section in sections {
            site.put("recipe.html", format!("<!doctype html>\n{}", block("web-players.md", section, "html")));
            client.goto(&site.url("/recipe.html")).await.expect("the page");
            for frame in [787, 250] {
                let seen: Value = look(client, f64::from(frame) / 25.0 + 0.02).await.expect("a player");
                assert_eq!(stamp(&seen), Some(frame), "{section}: {seen}");
            }
        }
    });
    // Players close connections in the middle of an answer.
    site.allow_log(PLAYERS);
}
