//! The demo page in Chromium: it plays clips, and shows the frames asked for.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::films::{COLUMNS, ROWS, Stamp, demo_film};
use tests::on_both;
use tests::servers::Site;

on_both!(the_page_plays_clips, the_page_shows_what_is_wrong);

/// Waits for the player, stops it and goes to `time`; then the picture's cells, and
/// what the player says. The very first frame is what it shows without going anywhere.
const LOOK: &str = r"
    const [time, columns, rows, done] = arguments;
    const player = document.getElementById('player');
    const canvas = Object.assign(document.createElement('canvas'), { width: columns * 16, height: rows * 16 });
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    async function look() {
        player.pause();
        await new Promise((seen) => { player.onseeked = seen; player.currentTime = time; });
        await new Promise((seen) => { player.requestVideoFrameCallback(seen); setTimeout(seen, 500); });
        pen.drawImage(player, 0, 0, canvas.width, canvas.height);
        const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
        const cells = [];
        for (let row = 0; row < rows; row++)
            for (let column = 0; column < columns; column++)
                cells.push(pixels[((row * 16 + 8) * canvas.width + column * 16 + 8) * 4 + 1]);
        done({ cells, duration: player.duration, at: player.currentTime, heard: player.webkitAudioDecodedByteCount });
    }
    if (player.error) done({ error: player.error.message });
    else if (player.readyState >= 2) look();
    else {
        player.addEventListener('loadeddata', look, { once: true });
        player.addEventListener('error', () => done({ error: player.error.message }), { once: true });
    }
";

/// Plays to the end from where it is; how long that took by the player's clock.
const PLAY_OUT: &str = r"
    const done = arguments[0];
    const player = document.getElementById('player');
    player.addEventListener('ended', () => done({ at: player.currentTime, heard: player.webkitAudioDecodedByteCount }));
    player.play();
";

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
            let start = look(browser, 0.0).await;
            assert_eq!(stamp(&start), Some(first), "the first frame of {query}: {start}");
            let length = start["duration"].as_f64().unwrap_or_default();
            assert!((length - duration).abs() < 0.03, "{query} lasts {length}");
            // In the middle the sound and the picture are the source's of the same time.
            let middle = look(browser, 1.02).await;
            assert_eq!(stamp(&middle), Some(first + 25), "25 frames into {query}: {middle}");
            let played = run(browser, PLAY_OUT, vec![]).await;
            assert!((played["at"].as_f64().unwrap_or_default() - length).abs() < 0.05, "{query}: {played}");
            assert!(played["heard"].as_f64().unwrap_or_default() > 1000.0, "{query} has no sound: {played}");
            let end = look(browser, duration - 0.02).await;
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
                let said =
                    run(browser, "arguments[0](document.getElementById('said').textContent)", vec![]).await;
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

fn prepare(site: &Site) {
    site.put("index.html", include_str!("../demo/index.html"));
    let film = site.publish(&demo_film());
    site.put("servers.json", json!([{ "name": "only", "url": site.url(&film) }]).to_string());
}

fn stamp(seen: &Value) -> Option<u32> {
    let cells: Vec<u8> =
        seen["cells"].as_array()?.iter().filter_map(|c| u8::try_from(c.as_u64()?).ok()).collect();
    Some(Stamp::read(&cells)?.number)
}

async fn look(browser: &Client, time: f64) -> Value {
    run(browser, LOOK, vec![json!(time), json!(COLUMNS), json!(ROWS)]).await
}

async fn run(browser: &Client, script: &str, arguments: Vec<Value>) -> Value {
    let seen = browser.execute_async(script, arguments).await.expect("a script that ends");
    assert!(seen["error"].is_null(), "the player says: {seen}");
    seen
}

/// A ChromeDriver of our own, ended with its browser.
struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: install the distribution's package chromium-driver");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let started =
            lines.find(|line| line.contains("started successfully on port")).expect("a driver that starts");
        let port =
            started.trim_end_matches('.').rsplit(' ').next().and_then(|p| p.parse().ok()).expect("a port");
        Self { process, port }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.process), Signal::TERM).ok();
        self.process.wait().ok();
    }
}

fn in_chromium(work: impl AsyncFnOnce(&Client)) {
    let driver = Driver::start();
    let profile = tempfile::tempdir().expect("a temporary directory");
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
        &format!("--user-data-dir={}", profile.path().display()),
    ];
    let capabilities = json!({ "goog:chromeOptions": { "args": flags }, "timeouts": { "script": 30000 } });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let Value::Object(capabilities) = capabilities else { panic!("an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("a browser");
        work(&client).await;
        client.close().await.expect("a browser that ends");
    });
}
