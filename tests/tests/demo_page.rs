//! The demo page in Chromium plays a clip in each form, says what is wrong, and is a tool to choose
//! scenes with.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use tests::browser::{Browser, Client, in_chromium, look, play_out, run, stamp};
use tests::demo_page::{PLAYERS, WRONG_SCENES, assert_forms_play, goto, site, wait_for};
use tests::demo_tool::{assert_good_looks, assert_missing_film_is_left_alone, assert_scenes_are_chosen};
use tests::films::demo_film;
use tests::servers::Engine;
use tests::{on_all_engines, put_players};

on_all_engines!(
    it_plays_each_form,
    it_shows_the_frames_asked_for,
    it_says_what_is_wrong_with_a_form,
    it_plays_files_without_libraries,
);

#[test]
fn scenes_are_chosen_by_pointer_and_keys() {
    assert_scenes_are_chosen(Browser::Chromium);
}

#[test]
fn a_film_that_is_missing_is_left_alone() {
    assert_missing_film_is_left_alone(Browser::Chromium);
}

#[test]
fn it_is_fit_for_every_screen() {
    assert_good_looks(Browser::Chromium);
}

fn it_plays_each_form(engine: Engine) {
    assert_forms_play(Browser::Chromium, engine);
}

fn it_says_what_is_wrong_with_a_form(engine: Engine) {
    let site = site(engine);
    put_players(&site);
    in_chromium(async |browser: &Client| {
        for (query, says) in [
            ("start=5&end=4", "400"),
            ("start=100", "416"),
            ("start=x", "not a time"),
            ("start=5&end=4&form=fmp4", "400"),
            ("start=5&end=4&form=hls", "400"),
            ("start=100&form=hls", "416"),
            ("start=100&form=hls-native", "416"),
            ("start=100&form=dash", "416"),
        ] {
            goto(browser, &site, query).await;
            wait_for(browser, query, says).await;
            // A library has let go of the player.
            let held = run(browser, HELD, vec![]).await.expect("a page");
            assert!(
                held["src"] == false || !query.contains("form=hls") || query.contains("native"),
                "{query}"
            );
        }
    });
    site.allow_log(PLAYERS);
    site.allow_log(WRONG_SCENES);
}

const HELD: &str = "arguments[0]({ src: document.getElementById('player').hasAttribute('src') })";

/// The registry of npm need not be in reach.
fn it_plays_files_without_libraries(engine: Engine) {
    let site = site(engine);
    in_chromium(async |browser: &Client| {
        for (form, says) in [
            ("hls", "hls.js is not here"),
            ("dash", "dash.js is not here"),
            ("", "First frame after"),
            ("fmp4", "First frame after"),
        ] {
            let query = format!("start=10&end=15&form={form}");
            goto(browser, &site, &query).await;
            wait_for(browser, &query, says).await;
        }
    });
    site.allow_log(PLAYERS);
    // nginx logs what is not there.
    site.allow_log(r"/(hls|dash)\.js");
}

fn it_shows_the_frames_asked_for(engine: Engine) {
    let source = tests::probe::Source::of(&demo_film()).expect("a film");
    let site = site(engine);
    in_chromium(async |browser: &Client| {
        for (query, first, last, duration) in [
            ("start=10.05&end=12&mode=exact", 251, 299, 1.96),
            ("start=10.05&end=12&mode=keyframe", 250, 299, 2.0),
            ("start=31.5&end=33.04&mode=exact", 787, 825, 1.56),
            ("start=58.3&mode=exact", 1457, 1499, 1.72),
        ] {
            goto(browser, &site, query).await;
            let start = look(browser, 0.0).await.expect("a player");
            assert_eq!(stamp(&start), Some(first), "the first frame of {query}: {start}");
            let length = start["duration"].as_f64().unwrap_or_default();
            assert!((length - duration).abs() < 0.03, "{query} lasts {length}");
            // In the middle the audio and the frame are the source's of the same time.
            let middle = look(browser, 1.02).await.expect("a player");
            assert_eq!(stamp(&middle), Some(first + 25), "25 frames into {query}: {middle}");
            let played = play_out(browser).await.expect("a player");
            assert!((played["at"].as_f64().unwrap_or_default() - length).abs() < 0.05, "{query}: {played}");
            assert!(played["heard"].as_f64().unwrap_or_default() > 1000.0, "{query} has no audio: {played}");
            let end = look(browser, duration - 0.02).await.expect("a player");
            assert_eq!(stamp(&end), Some(last), "the last frame of {query}: {end}");
            assert!(source.decoded.frames.len() > last as usize);
        }
    });
    // Players close connections in the middle of an answer.
    site.allow_log(PLAYERS);
}
