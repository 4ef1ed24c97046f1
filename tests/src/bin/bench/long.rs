//! Answers of many megabytes, and those without a body.

use std::slice;

use crate::asks::{Ask, Asks, Shuffled};
use crate::bar::Limit;
use crate::contest::{Entrant, Ratio, contest};
use crate::film::Length;
use crate::load::Until;
use crate::subject::{CONNECTIONS, at, ours, wait_until_films_are_kept};
use crate::{Bench, Result};

/// Bytes that are taken of a long answer: three times as many as the metadata of the whole film
/// has.
const TAKEN: u64 = 16 << 20;

/// Long answers ÷ ranges of that length, and HEAD of a clip ÷ of a plain file.
pub(crate) fn long(bench: &mut Bench) -> Result<()> {
    let length = Length::TwoHours;
    length.warm()?;
    let subjects = ours(length)?;
    wait_until_films_are_kept();
    // What is left of the film is longer than what is taken.
    let starts = Shuffled::new(u64::from(length.seconds()) * 850);
    for connections in CONNECTIONS {
        let mut entrants = Vec::new();
        let mut ratios = Vec::new();
        for subject in &subjects {
            let films = slice::from_ref(&subject.served);
            let clips = Asks::Clips { films, starts: &starts, seconds: None, mode: "", lens: Vec::new() };
            let ranges = Asks::Ranges { films, places: &starts, lens: vec![TAKEN], asked: 0 };
            let head = |target: String| Asks::Same(Ask { method: "HEAD", ..Ask::get(target) });
            let until = Until::Bytes(TAKEN);
            let new = |what, asks| Entrant::new(format!("{}: {what}", subject.name), &subject.site, asks);
            let first = entrants.len();
            entrants.push(Entrant { until, ..new("first 16 MB of seeks", clips) });
            entrants.push(Entrant { until, ..new("ranges of 16 MB", ranges) });
            entrants.push(new("HEAD of a seek", head(format!("{}?start=3600", subject.served.film))));
            entrants.push(new("HEAD of a plain file", head(subject.served.plain.clone())));
            let name = |what: &str| format!("{}: {what}, {}", subject.name, at(connections));
            let long = name("first 16 MB of seeks ÷ ranges");
            ratios.push(Ratio::of_rates(long, (first, first + 1), Limit::AtLeast(0.95)));
            let head = name("HEAD of the same seek again ÷ of a plain file");
            ratios.push(Ratio::of_rates(head, (first + 2, first + 3), Limit::AtLeast(0.7)));
        }
        contest(bench, &mut entrants, connections, ratios)?;
    }
    Ok(())
}
