//! The demo page in Chromium plays a clip in each form, and says what is wrong.

use tests::browser::{Browser, Client, in_chromium};
use tests::demo_page::{assert_forms_play, goto, site, wait_for};
use tests::servers::Engine;
use tests::{on_both_engines, put_players};

on_both_engines!(it_plays_each_form, it_says_what_is_wrong_with_a_form, it_plays_files_without_libraries);

fn it_plays_each_form(engine: Engine) {
    assert_forms_play(Browser::Chromium, engine);
}

fn it_says_what_is_wrong_with_a_form(engine: Engine) {
    let site = site(engine);
    put_players(&site);
    in_chromium(async |browser: &Client| {
        for (query, says) in [
            ("start=5&end=4&form=fmp4", "400"),
            ("start=5&end=4&form=hls", "400"),
            ("start=100&form=hls", "416"),
            ("start=100&form=hls-native", "416"),
            ("start=100&form=dash", "416"),
        ] {
            goto(browser, &site, query).await;
            wait_for(browser, query, says).await;
        }
    });
    site.allow_log("start");
}

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
    site.allow_log("");
}
