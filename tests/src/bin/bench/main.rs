//! `make bench`: our modules beside nginx's mp4 module and beside static files of
//! the same size, each server with one worker, in interleaved rounds. Medians over
//! the rounds go to standard output and, with every sample, to `bench.json` in the
//! target directory.
//!
//! `ROUNDS` (5) and `SECONDS` (1, of each measurement) in the environment change how long it takes.

mod load;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read};
use std::process::Command;
use std::time::Duration;

use load::Load;
use serde_json::{Value, json};
use tests::films::Film;
use tests::servers::{APACHE, Builder, Engine, Site};
use tests::{target_dir, work_dir};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A kind of request to measure. To measure another, add it to [`ROWS`].
struct Row {
    name: &'static str,
    /// Length of the film.
    hours: u32,
    method: &'static str,
    query: &'static str,
    /// A long answer is measured by its bytes: few of them end within a run.
    by_bytes: bool,
}

const ROWS: &[Row] = &[
    Row { name: "ten-second clip", hours: 2, method: "GET", query: "start=7150&end=7160", by_bytes: false },
    Row { name: "mid-film seek", hours: 2, method: "GET", query: "start=3600", by_bytes: true },
    Row { name: "HEAD of a seek", hours: 2, method: "HEAD", query: "start=3600", by_bytes: false },
];
const CONNECTIONS: [usize; 2] = [1, 32];

/// A server with what it is asked for.
struct Subject<'a> {
    server: &'static str,
    kind: &'static str,
    site: &'a Site,
    target: String,
}

/// Answers (or bytes) a second, and seconds to the first byte.
#[derive(Clone, Copy)]
struct Speed {
    rate: f64,
    first_byte: f64,
}

/// Row, connections, server, kind.
type Key = (usize, usize, &'static str, &'static str);

fn main() -> Result<()> {
    let rounds: usize = setting("ROUNDS", 5)?;
    let duration = Duration::from_secs_f64(setting("SECONDS", 1.0)?);
    let pinned = pin()?;
    let apache = "EnableSendfile On\nServerLimit 1\nThreadLimit 64\nThreadsPerChild 64\nMaxRequestWorkers 64";
    let nginx = "location ~ [.]mp4$ { mp4; mp4_buffer_size 1m; mp4_max_buffer_size 100m; }";
    let servers =
        [("Apache", APACHE, apache), ("lighttpd", Engine::Lighttpd, ""), ("nginx", Engine::Nginx, nginx)]
            .map(|(name, engine, config)| {
                (name, Builder::new(engine).config(config).workers(1).without_access_log().start())
            });
    if pinned {
        pin_to(1)?;
    }

    let mut sizes = BTreeMap::new();
    let mut subjects = Vec::new();
    for row in ROWS {
        let film = film(row.hours)?;
        let mut of_row = Vec::new();
        for (server, site) in &servers {
            site.allow_log("");
            let target = format!("{}?{}", site.publish(&film), row.query);
            let len = clip_len(site, &target, film.path.metadata()?.len())?;
            sizes.insert((row.name, *server), len);
            let kind = if site.engine() == Engine::Nginx { "mp4 module" } else { "our module" };
            of_row.push(Subject { server, kind, site, target });
            let same_size = prefix(&film, len)?;
            of_row.push(Subject { server, kind: "static file", site, target: site.publish(&same_size) });
        }
        subjects.push(of_row);
    }

    let mut samples: BTreeMap<Key, Vec<Speed>> = BTreeMap::new();
    for round in 0..=rounds {
        for (r, (row, subjects)) in ROWS.iter().zip(&subjects).enumerate() {
            for connections in CONNECTIONS {
                eprint!("\rround {round}/{rounds}: {}, {connections} connections        ", row.name);
                for subject in subjects {
                    let speed = measure(row, subject, connections, duration)?;
                    // The first round only warms up.
                    if round > 0 {
                        samples
                            .entry((r, connections, subject.server, subject.kind))
                            .or_default()
                            .push(speed);
                    }
                }
            }
        }
    }
    eprintln!("\r{:60}\r", "");

    let medians: BTreeMap<Key, Speed> =
        samples.iter().map(|(key, speeds)| (*key, median_speed(speeds))).collect();
    let mut report = Vec::new();
    for (r, (row, subjects)) in ROWS.iter().zip(&subjects).enumerate() {
        print_row(r, row, subjects, &medians, &sizes);
        for (key, speeds) in samples.iter().filter(|(key, _)| key.0 == r) {
            report.push(as_json(row, key, speeds, &medians, sizes.get(&(row.name, key.2)).copied()));
        }
    }
    let path = target_dir().join("bench.json");
    let report =
        json!({ "rounds": rounds, "seconds": duration.as_secs_f64(), "pinned": pinned, "rows": report });
    fs::write(&path, serde_json::to_string_pretty(&report)?)?;
    println!("Every sample: {}", path.display());
    Ok(())
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> Result<T> {
    match std::env::var(name) {
        Ok(text) => text.parse().map_err(|_| format!("{name}={text}: not a number").into()),
        Err(_) => Ok(default),
    }
}

/// The servers on one core, the load on another: neither takes the other's time.
fn pin() -> Result<bool> {
    let two = std::thread::available_parallelism()?.get() > 1;
    if two {
        pin_to(0)?;
    }
    Ok(two)
}

fn pin_to(core: usize) -> Result<()> {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    Ok(rustix::thread::sched_setaffinity(None, &cores)?)
}

/// A film of some hours with B-frames and AAC: two minutes of it are encoded, then repeated.
fn film(hours: u32) -> Result<Film> {
    let path = work_dir("bench").join(format!("{hours}-hours.mp4"));
    let film = Film { name: format!("{hours} hours"), path, stamped: false };
    if film.path.exists() {
        return Ok(film);
    }
    let short = work_dir("bench").join("short.mp4");
    let part = film.path.with_extension("part.mp4");
    let encode = "-f lavfi -i testsrc2=s=320x180:r=25:d=120 -f lavfi -i sine=f=330:r=48000:d=120 -ac 2 \
        -c:v libx264 -preset veryfast -bf 3 -g 50 -pix_fmt yuv420p -b:v 330k -maxrate 330k -bufsize 660k \
        -c:a aac -b:a 96k";
    ffmpeg(encode.split_whitespace(), &short)?;
    let times = (hours * 30 - 1).to_string();
    let from = short.to_str().ok_or("a target directory whose path is not UTF-8")?;
    ffmpeg(["-stream_loop", &times, "-i", from, "-c", "copy", "-movflags", "+faststart"], &part)?;
    fs::rename(part, &film.path)?;
    Ok(film)
}

fn ffmpeg<'a>(args: impl IntoIterator<Item = &'a str>, to: &std::path::Path) -> Result<()> {
    let status =
        Command::new("ffmpeg").args(["-y", "-v", "error", "-nostdin"]).args(args).arg(to).status()?;
    if status.success() { Ok(()) } else { Err(format!("ffmpeg could not make {}", to.display()).into()) }
}

/// The first `len` bytes of a film, by a name that no module looks at.
fn prefix(film: &Film, len: u64) -> Result<Film> {
    let path = work_dir("bench").join(format!("static-{len}.bin"));
    if !path.exists() {
        let part = path.with_extension("part");
        io::copy(&mut File::open(&film.path)?.take(len), &mut File::create(&part)?)?;
        fs::rename(part, &path)?;
    }
    Ok(Film { name: format!("{len} bytes"), path, stamped: false })
}

/// The length of a clip, once it is sure that it is one.
fn clip_len(site: &Site, target: &str, film_len: u64) -> Result<u64> {
    let reply = site.request(target).head().send();
    let ours = site.engine() == Engine::Nginx || !reply.header("x-mod-h264-streaming").is_empty();
    if reply.status == 200 && reply.length() < film_len && ours {
        Ok(reply.length())
    } else {
        Err(format!("{:?} does not cut {target}:\n{reply}", site.engine()).into())
    }
}

fn measure(row: &Row, subject: &Subject<'_>, connections: usize, duration: Duration) -> Result<Speed> {
    let address = subject.site.address();
    let load =
        Load { address, method: row.method, target: &subject.target, connections, duration, leave: false };
    let run = |load: &Load<'_>| load.run().map_err(|e| format!("{} {}: {e}", subject.server, subject.target));
    // Long answers all begin at once: long enough for that not to be what is measured.
    let whole = run(&Load { duration: duration * if row.by_bytes { 4 } else { 1 }, ..load })?;
    let amount = if row.by_bytes { whole.body_bytes } else { whole.answers };
    let first_bytes =
        if row.by_bytes { run(&Load { leave: true, ..load })?.first_bytes } else { whole.first_bytes };
    Ok(Speed {
        rate: amount as f64 / whole.elapsed.as_secs_f64(),
        first_byte: median(first_bytes.iter().map(Duration::as_secs_f64)),
    })
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn median_speed(speeds: &[Speed]) -> Speed {
    Speed {
        rate: median(speeds.iter().map(|s| s.rate)),
        first_byte: median(speeds.iter().map(|s| s.first_byte)),
    }
}

/// What a subject is compared with: nginx's module, and the same server's static file.
const PEERS: [(&str, Option<&str>, &str); 2] =
    [("÷ nginx's", Some("nginx"), "mp4 module"), ("÷ static", None, "static file")];

fn print_row(
    r: usize,
    row: &Row,
    subjects: &[Subject<'_>],
    medians: &BTreeMap<Key, Speed>,
    sizes: &BTreeMap<(&str, &str), u64>,
) {
    let unit = if row.by_bytes { "MB/s" } else { "answers/s" };
    let len = sizes.get(&(row.name, "Apache")).copied().unwrap_or_default();
    println!("{} of a {}-hour film: {} ?{}, {len} bytes", row.name, row.hours, row.method, row.query);
    let heading: String =
        CONNECTIONS.map(|n| format!("{:>17} {:>12}", format!("{unit} at {n}"), "first byte")).concat();
    println!("  {:24}{heading}", "");
    let line = |name: String, cells: &dyn Fn(usize) -> Option<(String, String)>| {
        let cells =
            CONNECTIONS.map(|n| cells(n).map_or_else(String::new, |(a, b)| format!("{a:>17} {b:>12}")));
        println!("  {name:24}{}", cells.concat());
    };
    for subject in subjects {
        line(format!("{}, {}", subject.server, subject.kind), &|n| {
            let speed = medians.get(&(r, n, subject.server, subject.kind))?;
            let rate = if row.by_bytes { speed.rate / 1e6 } else { speed.rate };
            Some((format!("{rate:.0}"), format!("{:.3} ms", speed.first_byte * 1e3)))
        });
    }
    for (name, server, kind) in PEERS {
        for subject in subjects.iter().filter(|s| s.kind == "our module") {
            line(format!("{} {name}", subject.server), &|n| {
                let ours = medians.get(&(r, n, subject.server, subject.kind))?;
                let peer = medians.get(&(r, n, server.unwrap_or(subject.server), kind))?;
                let (rate, first) = (ours.rate / peer.rate, ours.first_byte / peer.first_byte);
                Some((format!("× {rate:.2}"), format!("× {first:.2}")))
            });
        }
    }
    println!();
}

fn as_json(
    row: &Row,
    &(r, connections, server, kind): &Key,
    speeds: &[Speed],
    medians: &BTreeMap<Key, Speed>,
    bytes: Option<u64>,
) -> Value {
    let median = median_speed(speeds);
    let ratio = |server, kind| {
        medians.get(&(r, connections, server, kind)).map(|peer| {
            json!({ "rate": median.rate / peer.rate, "first_byte": median.first_byte / peer.first_byte })
        })
    };
    json!({
        "row": row.name, "hours": row.hours, "method": row.method, "query": row.query, "bytes": bytes,
        "connections": connections, "server": server, "kind": kind,
        "unit": if row.by_bytes { "bytes/s" } else { "answers/s" },
        "rate": median.rate, "first_byte_seconds": median.first_byte,
        "to_nginx": ratio("nginx", "mp4 module"), "to_static": ratio(server, "static file"),
        "rates": speeds.iter().map(|s| s.rate).collect::<Vec<_>>(),
        "first_bytes_seconds": speeds.iter().map(|s| s.first_byte).collect::<Vec<_>>(),
    })
}
