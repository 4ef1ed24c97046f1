//! Shaka Player in Chromium decrypts films with a clear key. `make screens` runs it: Shaka Player
//! is in no distribution.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use test_boxes::{full_box, make_box, u32_at};
use tests::browser::{Client, in_chromium, look, play_out, run, stamp};
use tests::films::{COLUMNS, ROWS, demo_film};
use tests::servers::{Builder, Engine, Site};
use tests::{on_both_engines, work_dir};

on_both_engines!(shaka_plays_with_a_clear_key, keys_that_change_are_taken_as_they_change);

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
    const [url, clearKeys, done] = arguments;
    const player = document.getElementById('player');
    window.shaka.polyfill.installAll();
    const shaka = new window.shaka.Player();
    const failed = (e) => done({ error: `${e.code} ${JSON.stringify(e.data)}` });
    shaka.addEventListener('error', ({ detail }) => failed(detail));
    shaka.configure({ drm: { clearKeys } });
    shaka.attach(player).then(() => shaka.load(url)).then(() => done({})).catch(failed);
";

/// What stands behind a film for players.
const MANIFESTS: [&str; 3] = ["dash/manifest.mpd", "dash/manifest-template.mpd", "hls/master.m3u8"];

fn publish(site: &Site, tracks: &[&str]) {
    let shaka = work_dir("players").join("node_modules/shaka-player/dist/shaka-player.compiled.js");
    site.put("shaka.js", fs::read(shaka).expect("Shaka Player, which tests/setup.sh screens installs"));
    site.put("player.html", PAGE);
    site.put("film.mp4", "");
    let scheme = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY_ID];
    let encrypted = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(demo_film().path)
        .args(tracks)
        .args(["-c", "copy"])
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
    let site = Builder::new(engine).packaging().start();
    publish(&site, &["-map", "0:v", "-map", "0:a"]);
    in_chromium(async |browser: &Client| {
        for manifest in MANIFESTS {
            // All of it, and a clip, which begins with the key frame before its start.
            for (query, first, last) in [("", 0, 1499), ("?start=50.05&end=58", 1250, 1449)] {
                let url = site.url(&format!("/film.mp4/{manifest}{query}"));
                browser.goto(&site.url("/player.html")).await.expect("the page");
                let loaded = run(browser, LOAD, vec![json!(url), json!({ KEY_ID: KEY })]).await;
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
        let refused = run(browser, LOAD, vec![json!(url), json!({})]).await;
        assert!(refused.is_err(), "{refused:?}");
    });
}

/// IDs of the keys of the first and the second half of a film.
const HALVES: [[u8; 16]; 2] = [[0xa1; 16], [0xb2; 16]];

/// The film of one track with groups of samples (`seig`) that name a key for each half of its 1500
/// frames. Its `moov` is its last box.
fn with_two_keys(mut film: Vec<u8>) -> Vec<u8> {
    let descriptions = HALVES.iter().flat_map(|id| [&[0, 0, 1, 8][..], id].concat()).collect::<Vec<_>>();
    let sgpd = [&b"\x01\0\0\0seig"[..], &[0, 0, 0, 20, 0, 0, 0, 2], &descriptions].concat();
    let sbgp = [u32::from_be_bytes(*b"seig"), 2, 750, 1, 750, 2];
    let boxes = [make_box(b"sgpd", sgpd), full_box(b"sbgp", 0, sbgp)].concat();
    let more = u32::try_from(boxes.len()).expect("a few bytes");
    let moov = film.windows(4).rposition(|w| w == b"moov").expect("a moov");
    let mut end = 0;
    for box_type in [b"moov", b"trak", b"mdia", b"minf", b"stbl"] {
        let at = moov + film[moov..].windows(4).position(|w| w == box_type).expect("a box") - 4;
        let size = u32_at(&film, at);
        end = at + size as usize;
        film[at..at + 4].copy_from_slice(&(size + more).to_be_bytes());
    }
    film.splice(end..end, boxes);
    film
}

fn keys_that_change_are_taken_as_they_change(engine: Engine) {
    let site = Builder::new(engine).packaging().start();
    publish(&site, &["-map", "0:v"]);
    let path = site.docroot().join("film.mp4");
    site.put("keys.mp4", with_two_keys(fs::read(path).expect("a film of our own")));
    let id = |id: [u8; 16]| id.map(|byte| format!("{byte:02x}")).concat();
    // The key that the sample description names is not there.
    let keys = json!({ id(HALVES[0]): KEY, id(HALVES[1]): KEY });
    in_chromium(async |browser: &Client| {
        for (query, first, frames) in [("", 0, [3, 748, 752, 1490]), ("?start=26", 650, [2, 98, 102, 400])] {
            let url = site.url(&format!("/keys.mp4/dash/manifest.mpd{query}"));
            browser.goto(&site.url("/player.html")).await.expect("the page");
            let loaded = run(browser, LOAD, vec![json!(url), keys.clone()]).await;
            loaded.unwrap_or_else(|e| panic!("{url}: {e}"));
            for frame in frames {
                let seen = look(browser, (f64::from(frame) + 0.5) / 25.0).await;
                seen.unwrap_or_else(|e| panic!("{url}: {e}"));
                let number = number_on_screen(&site, browser).await;
                assert_eq!(number, Some(first + frame), "{url}, {frame} frames on");
            }
        }
    });
}
