//! Clips of films in which audio and video differ in length: a browser gives up a film that has a
//! track without samples when it is to seek.

use crate::browser::{Browser, Client, in_browser, play_and_seek};
use crate::films::film;
use crate::servers::Site;

/// A film, the part of it that is asked for, how long that is, and whether there is video.
const CLIPS: [(&str, &str, f64, bool); 5] = [
    // The audio ends at 1.7 s, or the video at 2.1 s, of 4 s.
    ("short_audio", "start=2", 2.0, true),
    ("short_audio", "start=1.2&end=3", 1.8, true),
    ("short_video", "start=3", 1.0, true),
    ("short_video", "start=1.5&end=3.5", 2.0, true),
    // The video begins at 0.72 s.
    ("late_video", "end=0.7", 0.7, false),
];

/// A player's clock after a seek may be that of the frame or packet that it went to.
const NEAR: f64 = 0.15;

/// Each clip loads, plays to its end, and seeks before and after that.
pub fn assert_clips_play(browser: Browser, site: &Site) {
    site.put("player.html", "<!doctype html><title>player</title><body></body>");
    let clips: Vec<_> = CLIPS
        .iter()
        .map(|(name, query, duration, video)| {
            (format!("{}?{query}", site.url(&site.publish(&film(name)))), *duration, *video)
        })
        .collect();
    in_browser(browser, &[], async |client: &Client| {
        client.goto(&site.url("/player.html")).await.expect("the page");
        for (url, duration, video) in &clips {
            let (first, second) = (duration * 0.6, duration * 0.3);
            let seen = play_and_seek(client, url, first, second)
                .await
                .unwrap_or_else(|error| panic!("{url} in {browser:?}: {error}"));
            let is = |value: &serde_json::Value, wanted: f64| {
                value.as_f64().is_some_and(|value| (value - wanted).abs() < NEAR)
            };
            assert!(is(&seen["duration"], *duration), "{url} in {browser:?} lasts {duration} s: {seen}");
            assert!(is(&seen["at"][0], first) && is(&seen["at"][1], second), "{url} in {browser:?}: {seen}");
            assert!(is(&seen["ended"], *duration), "{url} in {browser:?} ends at {duration} s: {seen}");
            assert_eq!(seen["width"].as_u64() > Some(0), *video, "{url} in {browser:?}: {seen}");
        }
    });
}
