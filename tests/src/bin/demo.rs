//! `make demo`: a film on Apache and on lighttpd, and a page to cut it on.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::json;
use tests::films::{Film, demo_film};
use tests::servers::{APACHE, Builder, Engine};
use tests::{put_players, work_dir};

fn main() -> Result<(), Box<dyn Error>> {
    let (stop, stopped) = channel();
    ctrlc::set_handler(move || stop.send(()).unwrap_or(()))?;

    let film = with_visible_time(&demo_film())?;
    // The page asks each server about the other's clips.
    let apache = Builder::new(APACHE).config(
        "Header always set Access-Control-Allow-Origin \"*\"\n\
             DirectoryIndex index.html",
    );
    let lighttpd = Builder::new(Engine::Lighttpd).config(
        "setenv.add-response-header = (\"Access-Control-Allow-Origin\" => \"*\")\n\
         index-file.names = (\"index.html\")",
    );
    let sites = [("Apache", apache.packaging().start()), ("lighttpd", lighttpd.packaging().start())];

    let servers = sites.each_ref().map(|(name, site)| json!({"name": name, "url": site.url("/film.mp4")}));
    for (_, site) in &sites {
        // What the log says is shown below; here it is no failure.
        site.allow_log("");
        site.publish_as(&film, "film.mp4");
        site.put("index.html", include_str!("../../demo/index.html"));
        site.put("servers.json", json!(servers).to_string());
        put_players(site);
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

/// The film of the tests, set into a picture that one likes to look at, its time
/// in plain figures.
fn with_visible_time(film: &Film) -> Result<Film, Box<dyn Error>> {
    let path = work_dir("demo").join(film.path.file_name().unwrap_or_default());
    let visible = Film { name: "demo".into(), path, stamped: false };
    if !visible.path.exists() {
        println!("Making a film…");
        let part = visible.path.with_extension("part.mp4");
        paint(&film.path, &part)?;
        std::fs::rename(part, &visible.path)?;
    }
    Ok(visible)
}

fn paint(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let colours = "gradients=s=640x360:r=25:d=60:seed=7:nb_colors=4:speed=0.015:\
        c0=0x12355b:c1=0x1e847f:c2=0xc9624a:c3=0x5b3a8e";
    // The figures begin with an empty place for a sign.
    let picture = "[1][0:v]overlay=W-w-16:H-h-16:shortest=1,\
        drawtext=font=DejaVu Sans Mono:text='%{pts\\:hms}':fontsize=72:fontcolor=white:\
        shadowx=2:shadowy=2:shadowcolor=black@0.5:x=(w-tw)/2-22:y=(h-th)/2-24";
    let status = Command::new("ffmpeg")
        .args(["-y", "-v", "error", "-nostdin", "-i"])
        .arg(from)
        .args(["-f", "lavfi", "-i", colours, "-filter_complex", picture, "-map", "0:a", "-c:a", "copy"])
        .args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "3", "-g", "50"])
        .args(["-sc_threshold", "0", "-pix_fmt", "yuv420p", "-movflags", "+faststart"])
        .arg(to)
        .status()?;
    if status.success() { Ok(()) } else { Err("ffmpeg could not make the film".into()) }
}
