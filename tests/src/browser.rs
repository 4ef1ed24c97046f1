//! Browsers, driven through WebDriver, and a player in a page of them: an element called `player`.

use std::fs::File;
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::ClientBuilder;
pub use fantoccini::{Client, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use crate::films::{COLUMNS, ROWS, Stamp};
use crate::servers::free_port;
use crate::warden::Watched;
use crate::work_dir;

/// A browser engine of the distribution's packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// Chromium, without a window.
    Chromium,
    /// Firefox ESR, without a window.
    Firefox,
    /// WebKitGTK in its MiniBrowser. It needs a display.
    WebKit,
}

/// Waits for the player, stops it and goes to `time`; then the frame's cells, and
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

/// Loads a film into a new player, goes to a time, plays on to the end, and goes back.
const PLAY_AND_SEEK: &str = r"
    const [url, first, second, done] = arguments;
    const player = Object.assign(document.createElement('video'), { id: 'player', preload: 'auto', muted: true });
    document.body.replaceChildren(player);
    const seen = [];
    for (const name of ['loadeddata', 'seeked', 'ended'])
        player.addEventListener(name, () => seen.push([name, player.currentTime]));
    const event = (name) => new Promise((heard, failed) => {
        player.addEventListener(name, heard, { once: true });
        player.addEventListener('error', () => failed(`${name}: ${player.error.message || player.error.code}`));
        setTimeout(() => failed(`no ${name} at ${player.currentTime}`), 25000);
    });
    async function go(time) {
        const there = event('seeked');
        player.currentTime = time;
        await there;
        return player.currentTime;
    }
    async function all() {
        const loaded = event('loadeddata');
        player.src = url;
        await loaded;
        const at = [await go(first)];
        const end = event('ended');
        player.play().catch(() => {});
        await end;
        const ended = player.currentTime;
        at.push(await go(second));
        done({ at, ended, duration: player.duration, width: player.videoWidth, seen });
    }
    all().catch((error) => done({ error: String(error), seen }));
";

/// Gives a Chromium of its own to `work`, and ends it.
pub fn in_chromium(work: impl AsyncFnOnce(&Client)) {
    in_browser(Browser::Chromium, &[], work);
}

/// Gives a browser of its own to `work`, and ends it. `env` is added to its environment.
pub fn in_browser<T>(browser: Browser, env: &[(String, String)], work: impl AsyncFnOnce(&Client) -> T) -> T {
    let driver = Driver::start(browser, env);
    let profile = tempfile::tempdir().expect("a temporary directory");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let Value::Object(capabilities) = browser.capabilities(profile.path()) else { panic!("an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .unwrap_or_else(|e| panic!("{browser:?} does not start: {e}\n{}", driver.said()));
        let done = work(&client).await;
        // A browser that crashed has ended already, and one that hangs is killed with its driver.
        tokio::time::timeout(Duration::from_secs(30), client.close()).await.ok();
        done
    })
}

impl Browser {
    fn capabilities(self, profile: &Path) -> Value {
        let mut capabilities = match self {
            Self::Chromium => json!({ "goog:chromeOptions": { "args": [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--autoplay-policy=no-user-gesture-required",
                // It ends with its end of the pipe: when the driver ends, however that comes.
                "--remote-debugging-pipe",
                format!("--user-data-dir={}", profile.display()),
            ] } }),
            Self::Firefox => json!({ "moz:firefoxOptions": { "args": ["-headless"], "prefs": {
                "media.autoplay.default": 0,
                "media.autoplay.blocking_policy": 0,
                "media.gmp-manager.updateEnabled": false,
            } } }),
            Self::WebKit => json!({ "webkitgtk:browserOptions": {
                "binary": webkit_mini_browser(),
                "args": ["--automation"],
            } }),
        };
        capabilities["timeouts"] = json!({ "script": 60000 });
        capabilities
    }

    /// The driver's program. On port 0 it looks for one itself, and says which it took.
    fn driver(self, port: u16) -> Command {
        let program = match self {
            Self::Chromium => "chromedriver".into(),
            // No distribution has it: `tests/setup.sh screens` takes it from crates.io.
            Self::Firefox => work_dir("geckodriver").join("bin/geckodriver"),
            Self::WebKit => "WebKitWebDriver".into(),
        };
        let mut command = Command::new(program);
        command.arg(format!("--port={port}"));
        if self == Self::WebKit {
            // It can play both, as on the builds of some distributions, but leaves it off.
            command.env("WEBKIT_GST_ENABLE_HLS_SUPPORT", "1").env("WEBKIT_GST_ENABLE_DASH_SUPPORT", "1");
        }
        command
    }
}

/// Each version of its library has a MiniBrowser of its own; the newest serves.
fn webkit_mini_browser() -> PathBuf {
    let dirs = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let libraries = dirs.filter_map(|dir| std::fs::read_dir(dir.path()).ok()).flatten().flatten();
    let found = libraries
        .filter(|dir| dir.file_name().to_string_lossy().starts_with("webkit"))
        .map(|dir| dir.path().join("MiniBrowser"))
        .filter(|path| path.exists());
    found.max().expect("MiniBrowser: install the distribution's package webkit2gtk-driver")
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

/// Loads what is at `url` into a player of the page, goes to `first`, plays on to the end, and goes
/// back to `second`.
///
/// # Errors
/// As [`run`].
pub async fn play_and_seek(browser: &Client, url: &str, first: f64, second: f64) -> Result<Value, String> {
    run(browser, PLAY_AND_SEEK, vec![json!(url), json!(first), json!(second)]).await
}

/// A driver of our own in a process group of its own, ended with its browser.
struct Driver {
    process: Child,
    _watched: Watched,
    port: u16,
    /// What it writes.
    log: File,
}

impl Driver {
    fn start(browser: Browser, env: &[(String, String)]) -> Self {
        let log = tempfile::tempfile().expect("a temporary file");
        let copy = || log.try_clone().expect("a file of our own");
        // A port that was free a moment ago may belong to another test now, which would answer in the
        // driver's place. WebKit's does not say which port it took, so it has to be told.
        let port = if browser == Browser::WebKit { free_port() } else { 0 };
        let process = browser
            .driver(port)
            .envs(env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(copy())
            .stderr(copy())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("the driver of {browser:?}: {e}; run `tests/setup.sh screens`"));
        let watched = Watched::new(process.id());
        let mut driver = Self { process, _watched: watched, port, log };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !driver.listens() {
            let ended = driver.process.try_wait().ok().flatten();
            assert!(
                ended.is_none(),
                "the driver of {browser:?} ended: {ended:?}; run `tests/setup.sh screens`\n{}",
                driver.said()
            );
            assert!(Instant::now() < deadline, "the driver of {browser:?} does not start\n{}", driver.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        driver
    }

    fn listens(&mut self) -> bool {
        if self.port == 0 {
            self.port = port_said(&self.said()).unwrap_or(0);
        }
        self.port != 0 && TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// What it wrote until now. It goes on writing where it was.
    fn said(&self) -> String {
        let mut said = vec![0; self.log.metadata().map_or(0, |m| usize::try_from(m.len()).unwrap_or(0))];
        let length = self.log.read_at(&mut said, 0).expect("a file of our own");
        String::from_utf8_lossy(&said[..length]).into_owned()
    }
}

/// The port that a driver says it listens on, in a line that is whole.
fn port_said(said: &str) -> Option<u16> {
    let mut lines = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let line =
        lines.find(|line| line.contains("started successfully on port") || line.contains("Listening on"))?;
    let digits = line.trim_end().trim_end_matches('.').rsplit([' ', ':']).next()?;
    digits.parse().ok()
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.process);
        kill_process_group(group, Signal::TERM).ok();
        self.process.wait().ok();
        // A browser that does not hear goes with its driver.
        kill_process_group(group, Signal::KILL).ok();
    }
}
