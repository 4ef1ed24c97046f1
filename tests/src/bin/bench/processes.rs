//! Several processes: Apache's other MPMs, and how much more four workers do than one.

use tests::servers::{APACHE, Builder, Engine, Mpm};

use crate::bar::{Bar, Limit};
use crate::contest::{Ratio, contest, keep, rounds};
use crate::film::Length;
use crate::servers::{APACHE_CONFIG, start, start_with};
use crate::subject::{CONNECTIONS, Subject, at, starts, wait_until_films_are_kept};
use crate::{Bench, Result, median};

/// A process for each connection, all of them there from the start.
const PREFORK: &str = "EnableSendfile On\nServerLimit 32\nMaxRequestWorkers 32\nStartServers 32\n\
    MinSpareServers 1\nMaxSpareServers 32\n";

/// Four processes with threads for all connections.
const FOUR: &str = "EnableSendfile On\nServerLimit 4\nThreadLimit 64\nThreadsPerChild 64\n\
    MaxRequestWorkers 256\nMinSpareThreads 1\nMaxSpareThreads 256\n";

pub(crate) fn processes(bench: &mut Bench) -> Result<()> {
    Length::TwoHours.warm()?;
    mpms(bench)?;
    workers(bench)
}

/// Ten-second clips ÷ ranges with Apache's MPMs prefork and worker.
fn mpms(bench: &mut Bench) -> Result<()> {
    let length = Length::TwoHours;
    let prefork = start(Engine::Apache(Mpm::Prefork), PREFORK)?;
    let worker = start(Engine::Apache(Mpm::Worker), APACHE_CONFIG)?;
    let subjects =
        [Subject::new("Apache prefork", prefork, length)?, Subject::new("Apache worker", worker, length)?];
    wait_until_films_are_kept();
    let starts = starts(length);
    for connections in CONNECTIONS {
        let mut entrants = Vec::new();
        let mut ratios = Vec::new();
        for subject in &subjects {
            let clips = entrants.len();
            entrants.push(subject.clips(&starts, "exact"));
            entrants.push(subject.ranges(&starts, "exact", clips));
            let name = format!("{}: clips ÷ ranges, {}", subject.name, at(connections));
            ratios.push(Ratio::of_rates(name, (clips, clips + 1), Limit::AtLeast(0.85)));
        }
        contest(bench, &mut entrants, connections, ratios)?;
    }
    Ok(())
}

/// What four workers on all cores do more than one ÷ what they do more with plain files.
fn workers(bench: &mut Bench) -> Result<()> {
    const CONNECTIONS: usize = 32;
    let length = Length::TwoHours;
    let mut servers = Vec::new();
    for (server, engine, one, four) in
        [("Apache", APACHE, APACHE_CONFIG, FOUR), ("lighttpd", Engine::Lighttpd, "", "")]
    {
        let four = Builder::new(engine).config(four).workers(4);
        let subjects = [
            Subject::new(format!("{server}, one worker"), start(engine, one)?, length)?,
            Subject::new(format!("{server}, four workers"), start_with(four, false)?, length)?,
        ];
        servers.push((server, subjects));
    }
    wait_until_films_are_kept();
    for (server, subjects) in &servers {
        let starts = starts(length);
        let mut entrants = Vec::new();
        for subject in subjects {
            let clips = entrants.len();
            entrants.push(subject.clips(&starts, "exact"));
            entrants.push(subject.ranges(&starts, "exact", clips));
        }
        let speeds = rounds(bench, &mut entrants, CONNECTIONS)?;
        if let [one_clips, one_ranges, four_clips, four_ranges] = speeds.as_slice() {
            let gains = one_clips.iter().zip(one_ranges).zip(four_clips.iter().zip(four_ranges));
            let gains = gains.map(|((one_clips, one_ranges), (four_clips, four_ranges))| {
                (four_clips.rate / one_clips.rate) / (four_ranges.rate / one_ranges.rate)
            });
            bench.report(Bar {
                name: format!("{server}: gain of four workers with clips ÷ with ranges, {}", at(CONNECTIONS)),
                value: median(gains),
                limit: Limit::AtLeast(0.95),
            });
        }
        keep(bench, &entrants, CONNECTIONS, &speeds);
    }
    Ok(())
}
