//! Chromium plays clips: on the demo page, which shows the frames asked for, and of films that have
//! less audio than video.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::browser::{Browser, Client, in_chromium, look, play_out, run, stamp};
use tests::films::demo_film;
use tests::on_both;
use tests::servers::Site;
use tests::short_tracks;

on_both!(the_page_plays_clips, the_page_shows_what_is_wrong, a_clip_past_the_end_of_a_track_plays);

fn a_clip_past_the_end_of_a_track_plays(site: &Site) {
    short_tracks::assert_clips_play(Browser::Chromium, site);
}

fn the_page_plays_clips(site: &Site) {
    let source = tests::probe::Source::of(&demo_film()).expect("a film");
    prepare(site);
    in_chromium(async |browser: &Client| {
        for (query, first, last, duration) in [
            ("start=10.05&end=12&mode=exact", 251, 299, 1.96),
            ("start=10.05&end=12&mode=keyframe", 250, 299, 2.0),
            ("start=31.5&end=33.04&mode=exact", 787, 825, 1.56),
            ("start=58.3&mode=exact", 1457, 1499, 1.72),
        ] {
            let page = format!("{}?server=only&{query}", site.url("/index.html"));
            browser.goto(&page).await.expect("the page");
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
}

fn the_page_shows_what_is_wrong(site: &Site) {
    prepare(site);
    in_chromium(async |browser: &Client| {
        for (query, wanted) in [("start=5&end=4", "400"), ("start=100", "416")] {
            browser
                .goto(&format!("{}?server=only&{query}", site.url("/index.html")))
                .await
                .expect("the page");
            let deadline = Instant::now() + Duration::from_secs(15);
            loop {
                let said = run(browser, "arguments[0](document.getElementById('said').textContent)", vec![])
                    .await
                    .expect("a page");
                if said.as_str().is_some_and(|said| said.contains(wanted)) {
                    break;
                }
                assert!(Instant::now() < deadline, "{query}: the page says {said}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    });
    site.expect_log("start");
}

/// Neither one that fails nor one that is killed.
#[test]
fn no_browser_outlives_its_test() {
    if std::env::var_os(KILLED).is_some() {
        in_chromium(async |browser: &Client| {
            println!("{}", profile(browser));
            std::thread::sleep(Duration::from_secs(600));
        });
    }
    let mut used = String::new();
    let failed = catch_unwind(AssertUnwindSafe(|| {
        in_chromium(async |browser: &Client| {
            used = profile(browser);
            assert!(runs(&used));
            panic!("as a test that fails");
        });
    }));
    assert!(failed.is_err());
    ends(&used);

    let mut other = Command::new(std::env::current_exe().expect("a program"))
        .args(["--exact", "no_browser_outlives_its_test", "--nocapture"])
        .env(KILLED, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program");
    let mut lines = BufReader::new(other.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let used = lines.find(|line| line.starts_with('/')).expect("a browser that starts");
    assert!(runs(&used));
    other.kill().expect("a child of ours");
    other.wait().expect("a child of ours");
    ends(&used);
    std::fs::remove_dir_all(used).ok();
}

/// Set in the test that is to be killed.
const KILLED: &str = "H264_KILLED_WITH_BROWSER";

fn profile(browser: &Client) -> String {
    let capabilities = browser.capabilities().expect("a browser that says what it is");
    capabilities["chrome"]["userDataDir"].as_str().expect("a profile").to_owned()
}

/// Whether any process was started with the profile.
fn runs(profile: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|command| String::from_utf8_lossy(&command).contains(profile))
}

fn ends(profile: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while runs(profile) {
        assert!(Instant::now() < deadline, "a browser with the profile {profile} still runs");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn prepare(site: &Site) {
    site.put("index.html", include_str!("../demo/index.html"));
    let film = site.publish(&demo_film());
    site.put("servers.json", json!([{ "name": "only", "url": site.url(&film) }]).to_string());
}
