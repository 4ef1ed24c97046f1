//! `make bench`: our modules beside nginx's mp4 module and beside static files of
//! the same size, each server with one worker, in interleaved rounds. Medians over
//! the rounds, and how they stand to the bars the project has set itself, go to standard
//! output and, with every sample, to `bench.json` in the target directory.
//!
//! As root it sets up a network of its own, see [`network`].
//!
//! `ROUNDS` (7) and `SECONDS` (0.25, of each measurement) in the environment change how long it
//! takes.

#[path = "../../../../core/benches/films/mod.rs"]
#[expect(clippy::unwrap_used, reason = "where films cannot be made, there is nothing to measure")]
mod films;
mod held;
mod load;
mod measure;
mod network;
mod report;
mod rows;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::time::Duration;

use measure::{blank, film, first_request, measure, path, subjects};
use report::{Bar, Limit};
use rows::{Length, ROWS};
use tests::servers::{APACHE, Builder, Engine, Site};
use tests::target_dir;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CONNECTIONS: [usize; 2] = [1, 32];

/// A server with what it is asked for.
pub(crate) struct Subject<'a> {
    server: &'static str,
    kind: &'static str,
    site: &'a Site,
    target: String,
    /// Length of the answer.
    len: u64,
}

/// Answers (or bytes) a second, and seconds to the first byte.
#[derive(Clone, Copy)]
pub(crate) struct Speed {
    rate: f64,
    first_byte: f64,
}

/// Row, connections, server, kind.
pub(crate) type Key = (&'static str, usize, &'static str, &'static str);

pub(crate) const OURS: &str = "our module";
pub(crate) const STATIC: &str = "static file";
pub(crate) const NGINX: &str = "mp4 module";

/// The servers, and what a first request costs them beside reading the film's metadata.
struct Servers {
    measured: Vec<(&'static str, Site)>,
    /// They keep nothing: each request is a first one.
    forgetful: Vec<(&'static str, Site)>,
}

fn main() -> Result<()> {
    network::enter()?;
    let congestion_control = network::congestion_control()?;
    let rounds: usize = setting("ROUNDS", 7)?;
    let duration = Duration::from_secs_f64(setting("SECONDS", 0.25)?);
    let pinned = pin()?;
    let servers = Servers::start();
    if pinned {
        pin_to(1)?;
    }
    let films: BTreeMap<Length, films::Film> = Length::ALL
        .iter()
        .map(|&length| (length, films::film(&path(length), length.seconds(), length != Length::TwoHoursLast)))
        .collect();
    let subjects = ROWS.iter().map(|row| subjects(row, &servers, &films)).collect::<Result<Vec<_>>>()?;
    // What was written within the last seconds is not kept by a cache.
    std::thread::sleep(Duration::from_secs(3));

    let mut samples: BTreeMap<Key, Vec<Speed>> = BTreeMap::new();
    let mut first_requests: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for round in 0..=rounds {
        let measured = |key: Key, speed: Speed, samples: &mut BTreeMap<Key, Vec<Speed>>| {
            // The first round only warms up.
            if round > 0 {
                samples.entry(key).or_default().push(speed);
            }
        };
        for (row, subjects) in ROWS.iter().zip(&subjects) {
            for connections in CONNECTIONS {
                eprint!("\rround {round}/{rounds}: {}, {connections} connections        ", row.name);
                for subject in subjects {
                    let speed = measure(row, subject, connections, duration)?;
                    measured((row.name, connections, subject.server, subject.kind), speed, &mut samples);
                }
            }
        }
        for (server, site) in &servers.forgetful {
            let ratio = first_request(site, films.get(&Length::TenHours).ok_or("no film")?)?;
            first_requests.entry(server).or_default().push(ratio);
        }
    }
    eprint!("\r{:60}\r", "");

    let medians: BTreeMap<Key, Speed> =
        samples.iter().map(|(key, speeds)| (*key, median_speed(speeds))).collect();
    let mut bars = report::bars_of(&medians);
    for (server, ratios) in first_requests {
        let what = "first request of the ten-hour film ÷ pread of its metadata, time".to_owned();
        bars.push(Bar { what, server, value: median(ratios), limit: Limit::AtMost(1.5) });
    }
    bars.extend(held_bars()?);
    for (row, subjects) in ROWS.iter().zip(&subjects) {
        report::print_row(row, subjects, &medians);
    }
    report::print_bars(&bars);
    println!("Congestion control: {congestion_control}");
    let path = target_dir().join("bench.json");
    let report = report::as_json(&samples, &medians, &subjects, &bars);
    let report = serde_json::json!({
        "rounds": rounds, "seconds": duration.as_secs_f64(), "pinned": pinned,
        "congestion_control": congestion_control, "report": report,
    });
    fs::write(&path, serde_json::to_string_pretty(&report)?)?;
    println!("Every sample: {}", path.display());
    Ok(())
}

impl Servers {
    fn start() -> Self {
        let apache =
            "EnableSendfile On\nServerLimit 1\nThreadLimit 64\nThreadsPerChild 64\nMaxRequestWorkers 64\n";
        let nginx = "location ~ [.]mp4$ { mp4; mp4_buffer_size 1m; mp4_max_buffer_size 100m; }";
        let start = |(name, engine, config): (&'static str, Engine, String)| {
            let site = Builder::new(engine).config(&config).workers(1).without_access_log().start();
            site.allow_log("");
            (name, site)
        };
        let measured = [
            ("Apache", APACHE, apache.to_owned()),
            ("lighttpd", Engine::Lighttpd, String::new()),
            ("nginx", Engine::Nginx, nginx.to_owned()),
        ];
        let forgetful = [
            ("Apache", APACHE, format!("{apache}H264StreamingCacheSize 0")),
            ("lighttpd", Engine::Lighttpd, "h264-streaming.cache-size = 0".to_owned()),
        ];
        Self {
            measured: measured.into_iter().map(start).collect(),
            forgetful: forgetful.into_iter().map(start).collect(),
        }
    }
}

/// What a stalled client costs, and whom it or a slow disk keeps waiting.
fn held_bars() -> Result<Vec<Bar>> {
    let mut bars = Vec::new();
    let apache = "EnableSendfile On\nServerLimit 1\nThreadLimit 64\nThreadsPerChild 64\nMaxRequestWorkers 64\n\
        AsyncRequestWorkerFactor 100\nTimeout 300";
    for (server, engine, config) in
        [("Apache", APACHE, apache), ("lighttpd", Engine::Lighttpd, "server.max-fds = 8192")]
    {
        eprint!("\rmemory of {server}        ");
        let builder = Builder::new(engine).config(config).workers(1).without_access_log();
        let ten_hours = held::memory_per_answer(&builder, &film(Length::TenHours), "?start=1")?;
        let ten_minutes = held::memory_per_answer(&builder, &film(Length::TenMinutes), "?start=1")?;
        let static_file =
            held::memory_per_answer(&builder, &blank(Length::TenHours.seconds().into(), 1 << 20)?, "")?;
        let mut bar = |what: &str, bytes: f64, limit| {
            bars.push(Bar { what: what.to_owned(), server, value: bytes / 1024.0, limit });
        };
        let what = "memory of a stalled answer of the ten-hour film − of a static file's, KiB";
        bar(what, ten_hours - static_file, Limit::AtMost(64.0));
        let what = "memory of a stalled answer of the ten-hour film − of the ten-minute film, KiB";
        bar(what, ten_hours - ten_minutes, Limit::AtMost(1.0));
    }
    eprint!("\rslow clients, slow disk        ");
    let status = held::status_of_apache(&film(Length::TenHours), "?start=1")?;
    let what = "/server-status with 200 stalled clients and 4 threads, slowest of 20, ms".to_owned();
    bars.push(Bar { what, server: "Apache", value: status * 1e3, limit: Limit::AtMost(100.0) });
    let p99 = held::others_of_a_slow_disk(&film(Length::TenMinutes), "start=100&end=110")?;
    let what = "others' clips while reads of one film take 1 s, 99th percentile, ms".to_owned();
    bars.push(Bar { what, server: "lighttpd", value: p99 * 1e3, limit: Limit::AtMost(10.0) });
    eprint!("\r{:60}\r", "");
    Ok(bars)
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

pub(crate) fn quantile(values: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    let place = (values.len() as f64 * part) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

fn median_speed(speeds: &[Speed]) -> Speed {
    Speed {
        rate: median(speeds.iter().map(|s| s.rate)),
        first_byte: median(speeds.iter().map(|s| s.first_byte)),
    }
}
