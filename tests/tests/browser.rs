//! Chromium plays clips of films that have less audio than video, and ends with its test.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tests::browser::{Browser, Client, in_chromium};
use tests::on_both;
use tests::servers::Site;
use tests::short_tracks;

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
