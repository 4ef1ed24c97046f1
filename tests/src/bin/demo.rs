//! `make demo`: a film on Apache and on lighttpd, and a page to cut it on.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::json;
use tests::films::{Film, demo_film};
use tests::servers::{APACHE, Builder, Engine};
use tests::work_dir;

fn main() -> Result<(), Box<dyn Error>> {
    let (stop, stopped) = channel();
    ctrlc::set_handler(move || stop.send(()).unwrap_or(()))?;

    let film = with_visible_time(&demo_film())?;
    // The page asks each server about the other's clips.
    let apache = Builder::new(APACHE)
        .config("Header always set Access-Control-Allow-Origin \"*\"\nDirectoryIndex index.html");
    let lighttpd = Builder::new(Engine::Lighttpd).config(
        "setenv.add-response-header = (\"Access-Control-Allow-Origin\" => \"*\")\n\
         index-file.names = (\"index.html\")",
    );
    let sites = [("Apache", apache.start()), ("lighttpd", lighttpd.start())];

    let servers = sites.each_ref().map(|(name, site)| json!({"name": name, "url": site.url("/film.mp4")}));
    for (_, site) in &sites {
        // What the log says is shown below; here it is no failure.
        site.allow_log("");
        site.publish_as(&film, "film.mp4");
        site.put("index.html", include_str!("../../demo/index.html"));
        site.put("servers.json", json!(servers).to_string());
    }

    println!("\nOpen one of these, and cut a scene:\n");
    for (name, site) in &sites {
        println!("  {:<28} served by {name}", site.url("/"));
    }
    println!("\nOr ask for one yourself:\n");
    for (_, site) in &sites {
        println!("  {}", site.url("/film.mp4?start=10.5&end=15"));
    }
    println!("\nThe servers' error logs follow. Ctrl-C stops both.\n");

    let mut shown = sites.each_ref().map(|(_, site)| site.error_log().len());
    while stopped.recv_timeout(Duration::from_millis(300)) == Err(RecvTimeoutError::Timeout) {
        for ((name, site), shown) in sites.iter().zip(&mut shown) {
            let log = site.error_log();
            log.iter().skip(*shown).for_each(|line| println!("{name}: {line}"));
            *shown = log.len();
        }
    }
    println!("\nStopping.");
    Ok(())
}

/// The film four times as large, its time written where no bits of the stamp are.
fn with_visible_time(film: &Film) -> Result<Film, Box<dyn Error>> {
    let path = work_dir("demo").join(film.path.file_name().unwrap_or_default());
    let film = Film { name: "demo".into(), path, stamped: true };
    if film.path.exists() {
        return Ok(film);
    }
    println!("Making a film…");
    let part = film.path.with_extension("part.mp4");
    enlarge(&demo_film().path, &part)?;
    std::fs::rename(part, &film.path)?;
    Ok(film)
}

fn enlarge(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let filter = "scale=iw*4:ih*4:flags=neighbor,\
        drawtext=font=DejaVu Sans Mono:text='%{pts\\:hms}':fontsize=44:fontcolor=white:\
        box=1:boxcolor=black@0.6:boxborderw=6:x=(w-tw)/2:y=h-56";
    let status = Command::new("ffmpeg")
        .args(["-y", "-v", "error", "-nostdin", "-i"])
        .arg(from)
        .args(["-vf", filter, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "3", "-g", "50"])
        .args(["-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "copy", "-movflags", "+faststart"])
        .arg(to)
        .status()?;
    if status.success() { Ok(()) } else { Err("ffmpeg could not make the film".into()) }
}
