//! The demo page in a browser, in each form of a film.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::browser::{Browser, Client, in_browser, look, run, stamp};
use crate::films::demo_film;
use crate::servers::{Builder, Engine, Site};
use crate::{put_page, put_players};

/// What the page says of the scene and its fields, where all that it asked for came from, and whether the form can be chosen.
const PAGE: &str = "
    const done = arguments[arguments.length - 1];
    done({
        said: ['said', 'start-error', 'end-error'].map((id) => document.getElementById(id).textContent).join(' ').trim(),
        link: document.getElementById('link').href,
        shell: document.getElementById('shell').textContent,
        disabled: !document.querySelector(`[name=form][value='${arguments[0]}']`),
        asked: performance.getEntriesByType('resource').map((entry) => entry.name),
    });
";

/// A server with the page, and the film as the only one.
pub fn site(engine: Engine) -> Site {
    let site = Builder::new(engine).packaging().demo_page().start();
    let film = site.publish(&demo_film());
    put_page(&site, [("only", site.url(&film))]);
    site
}

/// Opens the page with its form filled in.
///
/// # Panics
/// Where the browser does not answer.
pub async fn goto(client: &Client, site: &Site, query: &str) {
    client.goto(&format!("{}?server=only&{query}", site.url("/index.html"))).await.expect("the page");
}

/// What players have servers log, who close connections in the middle of an answer, and ask for chapters
/// and icons that are not there.
pub const PLAYERS: &str = "Broken pipe|[Cc]onnection reset|favicon.ico|nothing at this address";

/// What servers log of the wrong scenes that are typed into the page.
pub const WRONG_SCENES: &str = "ends .end. at or before its start|past the end of the film|: not a time";

/// Plays a clip in each form on the page, goes to places in it, and looks at the frames. Packaged
/// forms begin at the key frame before the start, 10 s. So does the file here, as Firefox shows
/// what an edit list hides. Nothing is asked for from elsewhere.
///
/// # Panics
/// Where a frame is wrong, a form does not play, or something is asked for from elsewhere.
pub fn assert_forms_play(browser: Browser, engine: Engine) {
    let site = site(engine);
    put_players(&site);
    in_browser(browser, &[], async |client: &Client| {
        for (form, path) in [
            ("", "?start=10.05&end=16&mode=keyframe"),
            ("fmp4", "?start=10.05&end=16&mode=keyframe&format=fmp4"),
            ("hls", "/hls/master.m3u8?start=10.05&end=16"),
            ("hls-native", "/hls/master.m3u8?start=10.05&end=16"),
            ("dash", "/dash/manifest.mpd?start=10.05&end=16"),
        ] {
            goto(client, &site, &format!("start=10.05&end=16&mode=keyframe&form={form}")).await;
            wait_for(client, form, "only").await;
            // Some browsers play no HLS by themselves.
            if state(client, form).await["disabled"] == true {
                assert_eq!(form, "hls-native", "the page has no such form");
                continue;
            }
            let said = wait_for(client, form, "First frame after").await;
            for after in [0, 75, 25] {
                let at = f64::from(after) / 25.0 + 0.02;
                let seen = look(client, at).await.expect("a player");
                assert_eq!(stamp(&seen), Some(250 + after), "{form:?} at {at}: {seen}, {said}");
            }
            let page = state(client, form).await;
            let link = page["link"].as_str().unwrap_or_default();
            assert!(link.ends_with(path), "{form:?}: the link is {link}");
            assert_saves(page["shell"].as_str().unwrap_or_default());
            let asked: Vec<_> =
                page["asked"].as_array().into_iter().flatten().filter_map(|url| url.as_str()).collect();
            let is_here = |url: &&str| url.starts_with(&site.url("/")) || url.starts_with("blob:");
            assert!(!asked.is_empty() && asked.iter().all(is_here), "{form:?}: {asked:?}");
        }
    });
    // Players close connections in the middle of an answer.
    site.allow_log(PLAYERS);
}

/// Runs the command that the page gives for a scene of some six seconds.
fn assert_saves(command: &str) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new("sh").args(["-c", command]).current_dir(&dir).stdin(Stdio::null()).output();
    let output = output.expect("a shell");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let length = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", "scene.mp4"])
        .current_dir(&dir)
        .output()
        .expect("ffprobe");
    let length = String::from_utf8_lossy(&length.stdout).trim().parse::<f64>();
    assert!(length.as_ref().is_ok_and(|length| (5.5..6.5).contains(length)), "{command}: {length:?}");
}

async fn state(client: &Client, form: &str) -> Value {
    run(client, PAGE, vec![json!(form)]).await.expect("a page")
}

/// What the page says, once that contains `text`.
///
/// # Panics
/// Where it does not come to say that.
pub async fn wait_for(client: &Client, about: &str, text: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let page = state(client, "").await;
        let said = page["said"].as_str().unwrap_or_default();
        if said.contains(text) {
            return said.to_owned();
        }
        assert!(Instant::now() < deadline, "{about:?}: the page says {said:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
