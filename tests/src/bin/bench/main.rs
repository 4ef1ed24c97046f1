//! `make bench`: our modules beside plain files on the same server and beside nginx's mp4 module.
//! It prints a line for each bar: what was measured, its value, the bar, and whether it is met.
//! What it measured goes to `bench.json` in the target directory.
//!
//! As root it sets up a network of its own, see [`network`].

#[path = "../../../../core/benches/films/mod.rs"]
#[expect(clippy::unwrap_used, dead_code, reason = "where films cannot be made, there is nothing to measure")]
mod films;

mod asks;
mod bar;
mod calls;
mod cold;
mod contest;
mod film;
mod frames;
mod held;
mod library;
mod link;
mod load;
mod long;
mod network;
mod processes;
mod scrub;
mod secure;
mod seeks;
mod servers;
mod streaming;
mod subject;

use std::error::Error;
use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use bar::{Bar, Saved};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use tests::target_dir;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measure the modules beside plain files and nginx, as ratios.
#[derive(Debug, Parser)]
struct Options {
    /// The rows to measure; all if none is named.
    rows: Vec<Rows>,
    /// Fewer and shorter rounds: all rows in less than two minutes.
    #[arg(long)]
    quick: bool,
    /// Rounds of each row.
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of each measurement in a round.
    #[arg(long)]
    seconds: Option<f64>,
    /// A saved run to compare with, instead of the last one.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Show what was measured of each kind of request, too.
    #[arg(long)]
    details: bool,
}

/// Rows that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// Ten-second clips at random starts, beside byte ranges and nginx.
    Seeks,
    /// The first 2 MB of seeks to the middle, beside byte ranges and nginx.
    Scrub,
    /// Clips of a film of ten hours, beside those of two.
    Hours,
    /// Clips of a thousand films, beside byte ranges.
    Library,
    /// The clips of `seeks` over TLS, with HTTP/1.1 and HTTP/2, beside byte ranges.
    Tls,
    /// Apache's other MPMs, and how four processes scale beside one.
    Processes,
    /// Films that nobody has asked for yet and that are not in memory, beside nginx.
    Cold,
    /// System calls of a clip, without those of a byte range.
    Calls,
    /// Long answers, and HEAD.
    Long,
    /// Segments, playlists and fragmented answers, beside plain files.
    Streaming,
    /// The first picture of seeks over a slow link, in browsers.
    Frames,
    /// Memory of answers whose clients do not read, and who waits for a slow disk.
    Held,
}

/// A run: how to measure, and what came of it.
pub(crate) struct Bench {
    pub(crate) rounds: usize,
    pub(crate) duration: Duration,
    /// Whether only what takes little time is measured.
    pub(crate) is_quick: bool,
    saved: Saved,
    bars: Vec<Bar>,
    /// Rows that could not be measured, and why.
    skipped: Vec<(String, String)>,
    /// What was measured of each kind of request.
    details: Vec<Value>,
    shows_details: bool,
}

fn main() -> Result<()> {
    network::enter()?;
    let options = Options::parse();
    let (rounds, seconds) = if options.quick { (2, 0.12) } else { (9, 0.4) };
    let path = target_dir().join("bench.json");
    let saved = match &options.baseline {
        Some(baseline) => Saved::read(baseline).map_err(|e| format!("{}: {e}", baseline.display()))?,
        // One of another version of this program is no reason not to measure.
        None => Saved::read(&path).unwrap_or_default(),
    };
    let mut bench = Bench {
        rounds: options.rounds.unwrap_or(rounds).max(1),
        duration: Duration::from_secs_f64(options.seconds.unwrap_or(seconds)),
        is_quick: options.quick,
        saved,
        bars: Vec::new(),
        skipped: Vec::new(),
        details: Vec::new(),
        shows_details: options.details,
    };
    let congestion_control = network::congestion_control();
    let pinned = servers::may_pin();
    film::Length::write_all();
    println!(
        "congestion control {congestion_control}; servers and load {}",
        if pinned { "on a core each" } else { "share the cores" }
    );
    let all = Rows::value_variants();
    for &rows in if options.rows.is_empty() { all } else { &options.rows } {
        match rows {
            Rows::Seeks => seeks::seeks(&mut bench)?,
            Rows::Scrub => scrub::scrub(&mut bench)?,
            Rows::Hours => seeks::hours(&mut bench)?,
            Rows::Library => library::library(&mut bench)?,
            Rows::Tls => seeks::tls(&mut bench)?,
            Rows::Processes => processes::processes(&mut bench)?,
            Rows::Cold => cold::cold(&mut bench)?,
            Rows::Calls => calls::calls(&mut bench)?,
            Rows::Long => long::long(&mut bench)?,
            Rows::Streaming => streaming::streaming(&mut bench)?,
            Rows::Frames => frames::frames(&mut bench)?,
            Rows::Held => held::held(&mut bench)?,
        }
    }
    let run = json!({
        "rounds": bench.rounds, "seconds": bench.duration.as_secs_f64(), "pinned": pinned,
        "congestion_control": congestion_control,
        "bars": bench.bars.iter().map(Bar::as_json).collect::<Vec<_>>(),
        "skipped": bench.skipped, "details": bench.details,
    });
    fs::write(&path, serde_json::to_string_pretty(&run)?)?;
    println!("every sample: {}", path.display());
    Ok(())
}

impl Bench {
    /// Prints a bar and keeps it.
    pub(crate) fn report(&mut self, bar: Bar) {
        bar.print(&self.saved);
        self.bars.push(bar);
    }

    /// Keeps what was measured of a kind of request, and prints it where that is wanted.
    pub(crate) fn detail(&mut self, line: &str, detail: Value) {
        if self.shows_details {
            println!("{line}");
        }
        self.details.push(detail);
    }

    /// Says that rows cannot be measured here.
    pub(crate) fn skip(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        let (name, reason) = (name.into(), reason.into());
        println!("{name:76}        -          skipped: {reason}");
        self.skipped.push((name, reason));
    }
}

/// Says on a terminal what is going on. The next line replaces it.
pub(crate) fn progress(what: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{what}");
    }
}

pub(crate) fn quantile(values: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    let place = (values.len() as f64 * part) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}
