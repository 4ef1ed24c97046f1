//! Chromium plays clips of films that have less audio than video, and ends with its test.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::browser::{Browser, Client, in_chromium};
use tests::on_both;
use tests::servers::Site;
use tests::short_tracks;
use tests::warden::Again;

on_both!(a_clip_past_the_end_of_a_track_plays);

fn a_clip_past_the_end_of_a_track_plays(site: &Site) {
    short_tracks::assert_clips_play(Browser::Chromium, site);
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

    let other = Again::of("no_browser_outlives_its_test", KILLED, '/');
    let used = other.said.clone();
    assert!(runs(&used));
    other.end(Signal::KILL);
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
