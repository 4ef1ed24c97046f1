//! Viewers who seek to places that nobody has asked for, beside plain byte ranges of the same
//! lengths and beside nginx.

use std::slice;

use hyper::Version;

use crate::bar::Limit;
use crate::contest::{Ratio, contest};
use crate::film::{Length, Served};
use crate::servers::{engines, start, start_nginx};
use crate::subject::{CONNECTIONS, Subject, at, clips, ours, starts, wait_until_films_are_kept};
use crate::{Bench, Result};

const MODES: [&str; 2] = ["exact", "keyframe"];

/// Ten-second clips ÷ ranges of the same lengths, and ÷ nginx's.
pub(crate) fn seeks(bench: &mut Bench) -> Result<()> {
    let length = Length::TwoHours;
    length.warm()?;
    let subjects = ours(length)?;
    let nginx = start_nginx()?.map(|site| Subject::new("nginx", site, length)).transpose()?;
    wait_until_films_are_kept();
    let starts = starts(length);
    for connections in CONNECTIONS {
        let mut entrants = Vec::new();
        let mut ratios = Vec::new();
        let mut of_nginx = Vec::new();
        for subject in &subjects {
            for mode in MODES {
                let clips = entrants.len();
                entrants.push(subject.clips(&starts, mode));
                entrants.push(subject.ranges(&starts, mode, clips));
                let name =
                    |peer: &str| format!("{}: {mode} clips ÷ {peer}, {}", subject.name, at(connections));
                ratios.push(Ratio::of_rates(name("ranges"), (clips, clips + 1), Limit::AtLeast(0.9)));
                if connections > 1 {
                    of_nginx.push((name("nginx's"), clips));
                }
            }
        }
        if let Some(nginx) = &nginx {
            let theirs = entrants.len();
            entrants.push(nginx.clips(&starts, ""));
            entrants.push(nginx.ranges(&starts, "", theirs));
            for (name, ours) in of_nginx.drain(..) {
                ratios.push(Ratio::of_rates(name, (ours, theirs), Limit::AtLeast(2.2)));
            }
        }
        contest(bench, &mut entrants, connections, ratios)?;
        for (name, _) in of_nginx {
            bench.skip(name, "no nginx with its mp4 module is installed");
        }
    }
    Ok(())
}

/// Ten-second clips of a film of ten hours ÷ those of one of two hours.
pub(crate) fn hours(bench: &mut Bench) -> Result<()> {
    let lengths = [Length::TenHours, Length::TwoHours];
    for length in lengths {
        length.warm()?;
    }
    let starts = lengths.map(starts);
    let mut sites = Vec::new();
    for (name, engine, config) in engines() {
        let site = start(engine, config)?;
        let films = [Served::new(&site, Length::TenHours)?, Served::new(&site, Length::TwoHours)?];
        sites.push((name, site, films));
    }
    wait_until_films_are_kept();
    for connections in CONNECTIONS {
        let mut entrants = Vec::new();
        let mut ratios = Vec::new();
        for (server, site, films) in &sites {
            for (length, (film, starts)) in lengths.iter().zip(films.iter().zip(&starts)) {
                let name = format!("{server}, {}", length.name());
                entrants.push(clips(&name, site, slice::from_ref(film), starts, "exact"));
            }
            let name = format!("{server}: clips of ten hours ÷ of two hours, {}", at(connections));
            let of = (entrants.len() - 2, entrants.len() - 1);
            ratios.push(Ratio::of_rates(name, of, Limit::AtLeast(0.95)));
        }
        contest(bench, &mut entrants, connections, ratios)?;
    }
    Ok(())
}

/// Ten-second clips ÷ ranges of the same lengths, over TLS.
pub(crate) fn tls(bench: &mut Bench) -> Result<()> {
    let length = Length::TwoHours;
    length.warm()?;
    let mut subjects = Vec::new();
    for (name, engine, config) in engines() {
        let site = start(engine, &format!("{config}\n{}", tests::tls::config(engine)))?;
        let served = Served::over(&site, "https", length)?;
        subjects.push(Subject { name: name.to_owned(), site, served });
    }
    wait_until_films_are_kept();
    let starts = starts(length);
    for connections in CONNECTIONS {
        let mut entrants = Vec::new();
        let mut ratios = Vec::new();
        for subject in &subjects {
            for (version, protocol) in [(Version::HTTP_11, "HTTP/1.1"), (Version::HTTP_2, "HTTP/2")] {
                let clips = entrants.len();
                for mut entrant in [subject.clips(&starts, "exact"), subject.ranges(&starts, "exact", clips)]
                {
                    entrant.over_tls = Some(version);
                    entrant.name = format!("{}, {protocol} over TLS", entrant.name);
                    entrants.push(entrant);
                }
                let name =
                    format!("{}: {protocol} over TLS, clips ÷ ranges, {}", subject.name, at(connections));
                ratios.push(Ratio::of_rates(name, (clips, clips + 1), Limit::AtLeast(0.9)));
            }
        }
        contest(bench, &mut entrants, connections, ratios)?;
    }
    Ok(())
}
