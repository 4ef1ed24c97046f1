//! Measures some kinds of requests in turns, round by round, so that all of them meet the same
//! machine.

use std::time::Duration;

use hyper::Version;
use serde_json::json;
use tests::servers::Site;

use crate::asks::Asks;
use crate::bar::{Bar, Limit};
use crate::load::{Load, Measured, Until};
use crate::{Bench, Result, median, progress, secure};

/// Who takes part.
pub(crate) struct Entrant<'a> {
    pub(crate) name: String,
    pub(crate) site: &'a Site,
    pub(crate) asks: Asks<'a>,
    pub(crate) until: Until,
    /// The version of HTTP that is spoken over TLS; without it, it is HTTP/1.1 without TLS.
    pub(crate) over_tls: Option<Version>,
    /// The entrant before this one whose answers' lengths this one asks for.
    pub(crate) as_long_as: Option<usize>,
}

/// What was measured of an entrant in a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    /// Answers a second.
    pub(crate) rate: f64,
    /// Seconds to the first byte, the median.
    pub(crate) first_byte: f64,
    /// Seconds of processor time of the server for each answer.
    pub(crate) processor: f64,
}

/// What is compared of two entrants.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    Rate,
    FirstByte,
}

/// A bar: one entrant ÷ another.
pub(crate) struct Ratio {
    pub(crate) name: String,
    pub(crate) of: (usize, usize),
    pub(crate) what: What,
    pub(crate) limit: Limit,
}

impl Ratio {
    /// Of the answers a second.
    pub(crate) fn of_rates(name: String, of: (usize, usize), limit: Limit) -> Self {
        Self { name, of, what: What::Rate, limit }
    }
}

impl<'a> Entrant<'a> {
    /// One that takes whole answers.
    pub(crate) fn new(name: impl Into<String>, site: &'a Site, asks: Asks<'a>) -> Self {
        Self { name: name.into(), site, asks, until: Until::Whole, over_tls: None, as_long_as: None }
    }
}

/// Measures the entrants, and gives for each of them the speeds of all rounds.
pub(crate) fn rounds(
    bench: &Bench,
    entrants: &mut [Entrant<'_>],
    connections: usize,
) -> Result<Vec<Vec<Speed>>> {
    let mut speeds = vec![Vec::new(); entrants.len()];
    // The first round only warms up.
    for round in 0..=bench.rounds {
        for (place, speeds) in speeds.iter_mut().enumerate() {
            let lens = entrants
                .get(place)
                .and_then(|entrant| entrant.as_long_as)
                .and_then(|other| entrants.get_mut(other))
                .map(|other| other.asks.take_lens());
            let Some(entrant) = entrants.get_mut(place) else { continue };
            progress(&format!("round {round}/{}: {}", bench.rounds, entrant.name));
            if let Some(lens) = lens.filter(|lens| !lens.is_empty()) {
                entrant.asks.set_lens(lens);
            }
            let speed = run(entrant, connections, bench.duration)?;
            if round > 0 {
                speeds.push(speed);
            }
        }
    }
    progress("");
    Ok(speeds)
}

/// Measures the entrants, and reports their ratios and what each of them did.
pub(crate) fn contest(
    bench: &mut Bench,
    entrants: &mut [Entrant<'_>],
    connections: usize,
    ratios: Vec<Ratio>,
) -> Result<()> {
    let speeds = rounds(bench, entrants, connections)?;
    for Ratio { name, of, what, limit } in ratios {
        let (Some(ours), Some(theirs)) = (speeds.get(of.0), speeds.get(of.1)) else { continue };
        bench.report(Bar { name, value: ratio(ours, theirs, what), limit });
    }
    keep(bench, entrants, connections, &speeds);
    Ok(())
}

/// Keeps what each of the entrants did.
pub(crate) fn keep(bench: &mut Bench, entrants: &[Entrant<'_>], connections: usize, speeds: &[Vec<Speed>]) {
    for (entrant, speeds) in entrants.iter().zip(speeds) {
        let of = |part: fn(&Speed) -> f64| median(speeds.iter().map(part));
        let (rate, first_byte, processor) = (of(|s| s.rate), of(|s| s.first_byte), of(|s| s.processor));
        bench.detail(
            &format!(
                "  {:54} {connections:3} × {rate:8.0} answers/s, first byte {:7.0} µs, server {:5.0} µs",
                entrant.name,
                first_byte * 1e6,
                processor * 1e6
            ),
            json!({
                "name": entrant.name, "connections": connections, "answers_per_second": rate,
                "first_byte_seconds": first_byte, "processor_seconds": processor,
                "all_answers_per_second": speeds.iter().map(|s| s.rate).collect::<Vec<_>>(),
            }),
        );
    }
}

/// The median of the rounds' ratios.
pub(crate) fn ratio(ours: &[Speed], theirs: &[Speed], what: What) -> f64 {
    let part = |speed: &Speed| match what {
        What::Rate => speed.rate,
        What::FirstByte => speed.first_byte,
    };
    median(ours.iter().zip(theirs).map(|(ours, theirs)| part(ours) / part(theirs)))
}

fn run(entrant: &mut Entrant<'_>, connections: usize, duration: Duration) -> Result<Speed> {
    let load = Load { site: entrant.site, connections, duration, until: entrant.until };
    let measured = match entrant.over_tls {
        Some(version) => secure::run(&load, version, &mut entrant.asks),
        None => load.run(&mut entrant.asks).map_err(Into::into),
    };
    let measured = measured.map_err(|e| format!("{}: {e}", entrant.name))?;
    let Measured { answers, elapsed, processor, first_bytes, .. } = measured;
    Ok(Speed {
        rate: answers / elapsed.as_secs_f64(),
        first_byte: median(first_bytes.iter().map(Duration::as_secs_f64)),
        processor: processor / answers,
    })
}
