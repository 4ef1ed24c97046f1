//! How long viewers wait for the first picture of a seek, over a shaped link.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tests::browser::{Browser, Client, in_browser, run};
use tests::films::Film;
use tests::servers::Engine;
use tests::work_dir;

use crate::bar::{Bar, Limit};
use crate::link::Link;
use crate::servers::{start, unpin};
use crate::{Bench, Result, median, progress};

/// Seconds from when a player is given an address until its first picture is there.
const FIRST_FRAME: &str = r"
    const [url, done] = arguments;
    const player = Object.assign(document.createElement('video'), { muted: true, autoplay: true });
    document.body.replaceChildren(player);
    const began = performance.now();
    // The link is free for the next one then.
    const end = (said) => { player.removeAttribute('src'); player.load(); done(said); };
    const error = () => player.src && end({ error: player.error.message || String(player.error.code) });
    player.addEventListener('loadeddata', () => end({ seconds: (performance.now() - began) / 1000 }));
    player.addEventListener('error', error);
    setTimeout(() => done({ error: `no picture after 30 seconds, state ${player.readyState}` }), 30000);
    player.src = url;
    player.play().catch(() => {});
";

/// Minutes of the film.
const MINUTES: u32 = 120;

/// The first picture of seeks into a film of two hours, flat and in fragments.
pub(crate) fn frames(bench: &mut Bench) -> Result<()> {
    progress("a film of two hours with pictures");
    let film = film()?;
    let site = start(Engine::Lighttpd, "")?;
    let target = site.publish(&film);
    site.put("page.html", "<!doctype html><title>bench</title><body></body>");
    let link = Link::to(site.address())?;
    let asks = if bench.is_quick { 3 } else { 7 };
    unpin()?;
    for browser in [Browser::Chromium, Browser::Firefox] {
        let name = format!("{browser:?}: first picture of format=fmp4, two hours, 10 Mbit/s, 50 ms, s");
        if !can_start(browser) {
            bench.skip(name, "no driver of this browser is installed");
            continue;
        }
        progress(&format!("{browser:?}"));
        let seen = in_browser(browser, &[], async |client| watch(client, &link.address, &target, asks).await);
        progress("");
        let [flat, fragmented] = seen?;
        let (flat_median, value) = (median(flat.iter().copied()), median(fragmented.iter().copied()));
        bench.detail(
            &format!("  {browser:?}: first picture of a flat clip after {flat_median:.2} s"),
            json!({ "name": format!("{browser:?}: first picture"), "flat": flat, "fmp4": fragmented }),
        );
        bench.report(Bar { name, value, limit: Limit::AtMost(0.7) });
    }
    Ok(())
}

/// Seconds until the first picture of several seeks, each to another place: of flat ones, and of
/// those in fragments.
async fn watch(client: &Client, address: &str, film: &str, asks: u32) -> Result<[Vec<f64>; 2]> {
    client.goto(&format!("http://{address}/page.html")).await?;
    let mut all = [Vec::new(), Vec::new()];
    // The first one only warms up.
    for n in 0..=asks {
        for (place, form) in ["flat", "fmp4"].iter().enumerate() {
            let start = 3000.25 + 97.3 * f64::from(n);
            let url = format!("http://{address}{film}?start={start}&format={form}");
            let said = run(client, FIRST_FRAME, vec![json!(url)]).await?;
            let seconds = said["seconds"].as_f64().ok_or("a page without a clock")?;
            if let Some(all) = all.get_mut(place).filter(|_| n > 0) {
                all.push(seconds);
            }
        }
    }
    Ok(all)
}

/// Whether the browser and its driver are installed.
fn can_start(browser: Browser) -> bool {
    let driver = match browser {
        Browser::Firefox => work_dir("geckodriver").join("bin/geckodriver"),
        _ => PathBuf::from("chromedriver"),
    };
    let version = Command::new(driver).arg("--version").stdin(Stdio::null()).output();
    version.is_ok_and(|version| version.status.success())
}

/// A film of two hours, 500 kbit/s: the same minute again and again.
fn film() -> Result<Film> {
    let path = work_dir("bench").join("pictures.mp4");
    let minute = work_dir("bench").join("pictures-minute.mp4");
    if !path.exists() {
        let encode = "-v error -nostdin -y -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=r=48000 \
            -t 60 -c:v libx264 -preset veryfast -b:v 400k -g 50 -pix_fmt yuv420p -c:a aac -b:a 96k";
        ffmpeg(encode, &minute)?;
        let repeat = format!("-v error -nostdin -y -stream_loop {} -i", MINUTES - 1);
        let part = path.with_extension("part.mp4");
        let arguments = format!("{repeat} {} -c copy -movflags +faststart", minute.display());
        ffmpeg(&arguments, &part)?;
        std::fs::rename(&part, &path)?;
    }
    Ok(Film { name: "two hours with pictures".to_owned(), path, stamped: false })
}

fn ffmpeg(arguments: &str, out: &Path) -> Result<()> {
    let ended = Command::new("ffmpeg").args(arguments.split_whitespace()).arg(out).status()?;
    if ended.success() { Ok(()) } else { Err(format!("ffmpeg {arguments}: {ended}").into()) }
}
