//! Shaka Player in Chromium decrypts films with a clear key. `make screens` runs it: Shaka Player
//! is in no distribution.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tests::browser::{Client, in_chromium, look, play_out, run, stamp};
use tests::films::{COLUMNS, ROWS, demo_film};
use tests::servers::{Builder, Engine, Site};
use tests::{on_both_engines, work_dir};

on_both_engines!(shaka_plays_with_a_clear_key);

const KEY: &str = "00112233445566778899aabbccddeeff";
const KEY_ID: &str = "0123456789abcdef0123456789abcdef";

/// The picture begins in the corner of the page.
const PAGE: &str = "<!doctype html><style>body { margin: 0 }</style><script src=shaka.js></script>\
    <video id=player muted></video>";

/// The cells of a frame, from a picture of the page: a canvas gets nothing of a decrypted film.
const READ: &str = r"
    const [url, columns, rows, done] = arguments;
    const image = new Image();
    image.onerror = () => done({ error: url });
    image.onload = () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: columns * 16, height: rows * 16 });
        const pen = canvas.getContext('2d');
        pen.drawImage(image, 0, 0);
        const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
        const cells = [];
        for (let row = 0; row < rows; row++)
            for (let column = 0; column < columns; column++)
                cells.push(data[((row * 16 + 8) * canvas.width + column * 16 + 8) * 4 + 1]);
        done({ cells });
    };
    image.src = url;
";

/// Loads what is at an address into a player that has the key.
const LOAD: &str = r"
    const [url, id, key, done] = arguments;
    const player = document.getElementById('player');
    window.shaka.polyfill.installAll();
    const shaka = new window.shaka.Player();
    const failed = (e) => done({ error: `${e.code} ${JSON.stringify(e.data)}` });
    shaka.addEventListener('error', ({ detail }) => failed(detail));
    shaka.configure({ drm: { clearKeys: id ? { [id]: key } : {} } });
    shaka.attach(player).then(() => shaka.load(url)).then(() => done({})).catch(failed);
";

/// What stands behind a film for players.
const MANIFESTS: [&str; 3] = ["dash/manifest.mpd", "dash/manifest-template.mpd", "hls/master.m3u8"];

fn publish(site: &Site) {
    let shaka = work_dir("players").join("node_modules/shaka-player/dist/shaka-player.compiled.js");
    site.put("shaka.js", fs::read(shaka).expect("Shaka Player, which tests/setup.sh screens installs"));
    site.put("player.html", PAGE);
    site.put("film.mp4", "");
    let scheme = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY_ID];
    let encrypted = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(demo_film().path)
        .args(["-map", "0:v", "-map", "0:a", "-c", "copy"])
        .args(scheme)
        .arg(site.docroot().join("film.mp4"))
        .status();
    assert!(encrypted.expect("ffmpeg").success());
}

/// The number of the frame that is on the screen.
async fn number_on_screen(site: &Site, browser: &Client) -> Option<u32> {
    // A server may remember a file that is replaced.
    static PICTURES: AtomicU32 = AtomicU32::new(0);
    let name = format!("screen{}.png", PICTURES.fetch_add(1, Ordering::Relaxed));
    site.put(&name, browser.screenshot().await.expect("a picture of the page"));
    let url = site.url(&format!("/{name}"));
    stamp(&run(browser, READ, vec![json!(url), json!(COLUMNS), json!(ROWS)]).await.expect("the picture"))
}

fn shaka_plays_with_a_clear_key(engine: Engine) {
    let config = match engine {
        Engine::Lighttpd => "h264-streaming.packaging = (\"hls\", \"dash\")\n",
        _ => "H264StreamingPackaging hls dash\n",
    };
    let site = Builder::new(engine).config(config).start();
    publish(&site);
    in_chromium(async |browser: &Client| {
        for manifest in MANIFESTS {
            // All of it, and a clip, which begins with the key frame before its start.
            for (query, first, last) in [("", 0, 1499), ("?start=50.05&end=58", 1250, 1449)] {
                let url = site.url(&format!("/film.mp4/{manifest}{query}"));
                browser.goto(&site.url("/player.html")).await.expect("the page");
                let loaded = run(browser, LOAD, vec![json!(url), json!(KEY_ID), json!(KEY)]).await;
                loaded.unwrap_or_else(|e| panic!("{url}: {e}"));
                for frames in [0, 7, 101, last - first - 3] {
                    let time = (f64::from(frames) + 0.5) / 25.0;
                    look(browser, time).await.unwrap_or_else(|e| panic!("{url}: {e}"));
                    let number = number_on_screen(&site, browser).await;
                    assert_eq!(number, Some(first + frames), "{url}, {frames} frames on");
                }
                let end = play_out(browser).await.expect("a player");
                let expected = f64::from(last - first + 1) / 25.0;
                let at = end["at"].as_f64().unwrap_or_default();
                assert!((at - expected).abs() < 0.15, "{url} ends at {at}, not {expected}");
                assert!(end["heard"].as_f64().unwrap_or_default() > 1000.0, "{url} has no audio: {end}");
            }
        }
        // Without the key there is nothing to see.
        browser.goto(&site.url("/player.html")).await.expect("the page");
        let url = site.url(&format!("/film.mp4/{}", MANIFESTS[0]));
        let refused = run(browser, LOAD, vec![json!(url), json!(""), json!("")]).await;
        assert!(refused.is_err(), "{refused:?}");
    });
}
