//! Viewers who seek to the middle of a film, watch for a moment, and seek again.

use std::slice;

use crate::asks::{Asks, Shuffled};
use crate::bar::Limit;
use crate::contest::{Entrant, Ratio, What, contest};
use crate::film::Length;
use crate::load::Until;
use crate::servers::start_nginx;
use crate::subject::{CONNECTIONS, Subject, at, ours, wait_until_films_are_kept};
use crate::{Bench, Result};

/// Bytes that such a viewer has received when he seeks again.
const TAKEN: u64 = 2_000_000;

/// The first bytes of random seeks ÷ ranges of that length, on connections that are closed after
/// each. What a server has sent ahead when its client leaves is part of what a seek costs.
pub(crate) fn scrub(bench: &mut Bench) -> Result<()> {
    let length = Length::TwoHours;
    length.warm()?;
    let subjects = ours(length)?;
    let nginx = start_nginx()?.map(|site| Subject::new("nginx", site, length)).transpose()?;
    wait_until_films_are_kept();
    // What is left of the film is longer than what is taken.
    let starts = Shuffled::new(u64::from(length.seconds()) * 900);
    for connections in CONNECTIONS {
        let mut entrants = Vec::new();
        let mut ratios = Vec::new();
        for subject in &subjects {
            let seeks = entrants.len();
            entrants.push(seeks_of(subject, &starts));
            entrants.push(ranges_of(subject, &starts));
            let name = |what: &str| format!("{}: {what}, {}", subject.name, at(connections));
            let of = (seeks, seeks + 1);
            let rates = name("first 2 MB of seeks ÷ ranges");
            ratios.push(Ratio::of_rates(rates, of, Limit::AtLeast(0.9)));
            if nginx.is_some() && connections == 1 {
                let name = name("seeks ÷ nginx's, time to the first byte");
                let of = (seeks, 2 * subjects.len());
                ratios.push(Ratio { name, of, what: What::FirstByte, limit: Limit::AtMost(0.2) });
            }
        }
        entrants.extend(nginx.iter().map(|nginx| seeks_of(nginx, &starts)));
        contest(bench, &mut entrants, connections, ratios)?;
    }
    Ok(())
}

fn seeks_of<'a>(subject: &'a Subject, starts: &'a Shuffled) -> Entrant<'a> {
    let films = slice::from_ref(&subject.served);
    let asks = Asks::Clips { films, starts, seconds: None, mode: "", lens: Vec::new() };
    let name = format!("{}: first 2 MB of seeks", subject.name);
    Entrant { until: Until::Bytes(TAKEN), ..Entrant::new(name, &subject.site, asks) }
}

fn ranges_of<'a>(subject: &'a Subject, places: &'a Shuffled) -> Entrant<'a> {
    let films = slice::from_ref(&subject.served);
    let asks = Asks::Ranges { films, places, lens: vec![TAKEN], asked: 0 };
    let name = format!("{}: ranges of 2 MB", subject.name);
    Entrant { until: Until::Bytes(TAKEN), ..Entrant::new(name, &subject.site, asks) }
}
