//! Chromium, and a player in a page of it: an element called `player`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

pub use fantoccini::Client;
use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::films::{COLUMNS, ROWS, Stamp};

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

/// Plays to the end from where it is.
const PLAY_OUT: &str = r"
    const done = arguments[0];
    const player = document.getElementById('player');
    player.addEventListener('ended', () => done({ at: player.currentTime, heard: player.webkitAudioDecodedByteCount }));
    player.play();
";

/// Gives a browser of its own to `work`, and ends it.
pub fn in_chromium(work: impl AsyncFnOnce(&Client)) {
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

/// The number of the frame that [`look`] saw.
pub fn stamp(seen: &Value) -> Option<u32> {
    let cells: Vec<u8> =
        seen["cells"].as_array()?.iter().filter_map(|c| u8::try_from(c.as_u64()?).ok()).collect();
    Some(Stamp::read(&cells)?.number)
}

/// Goes to `time` in the page's player and stops there; what is seen and said.
///
/// # Errors
/// As [`run`].
pub async fn look(browser: &Client, time: f64) -> Result<Value, String> {
    run(browser, LOOK, vec![json!(time), json!(COLUMNS), json!(ROWS)]).await
}

/// Runs a script in the page and waits for what it hands back.
///
/// # Errors
/// What the player says, or that the script does not end.
pub async fn run(browser: &Client, script: &str, arguments: Vec<Value>) -> Result<Value, String> {
    let seen = browser.execute_async(script, arguments).await.map_err(|e| e.to_string())?;
    if seen["error"].is_null() { Ok(seen) } else { Err(format!("the player says: {seen}")) }
}

/// Plays to the end from where the player is; when that was, by its clock.
///
/// # Errors
/// As [`run`].
pub async fn play_out(browser: &Client) -> Result<Value, String> {
    run(browser, PLAY_OUT, vec![]).await
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
