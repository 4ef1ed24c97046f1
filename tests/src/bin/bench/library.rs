//! A site of a thousand films, more than the modules' caches hold by default.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use tests::films::Film;
use tests::servers::Site;
use tests::work_dir;

use crate::asks::Shuffled;
use crate::bar::Limit;
use crate::contest::{Ratio, contest};
use crate::film::{Length, Served};
use crate::servers::{engines, start};
use crate::subject::{CLIP, CONNECTIONS, at, clips, ranges, wait_until_films_are_kept};
use crate::{Bench, Result, progress};

const FILMS: u64 = 1000;

/// Seconds of each film that are asked for, at another place of each: so much of all films fits
/// into the page cache.
const PART: u64 = 60;

/// A bit more than the films have.
const BYTES_PER_SECOND: u64 = 60_000;

/// Random seeks in a thousand films ÷ ranges of the same films.
pub(crate) fn library(bench: &mut Bench) -> Result<()> {
    of_length(bench, Length::TenMinutes)?;
    if bench.is_quick {
        bench.skip("1,000 films of two hours", "left out of a quick run");
        return Ok(());
    }
    let needed = FILMS * (Length::TwoHours.head()?.len() as u64 + PART * BYTES_PER_SECOND);
    if available_memory() < needed {
        let reason = format!("the page cache would need {} GB", needed.div_ceil(1_000_000_000));
        bench.skip("1,000 films of two hours", reason);
        return Ok(());
    }
    of_length(bench, Length::TwoHours)
}

fn of_length(bench: &mut Bench, length: Length) -> Result<()> {
    progress(&format!("writing 1,000 films of {}", length.name()));
    let library = Library::new(length)?;
    let mut sites = Vec::new();
    for (name, engine, config) in engines() {
        let site = start(engine, config)?;
        let films = library.publish(&site)?;
        sites.push((name, site, films));
    }
    wait_until_films_are_kept();
    for (_, site, films) in &sites {
        visit(site, films)?;
    }
    let starts = Shuffled::new(FILMS * (PART - CLIP) * 1000);
    for connections in CONNECTIONS {
        let mut entrants = Vec::new();
        let mut ratios = Vec::new();
        for (server, site, films) in &sites {
            let name = format!("{server}, 1,000 films of {}", length.name());
            let ours = entrants.len();
            entrants.push(clips(&name, site, films, &starts, "exact"));
            entrants.push(ranges(&name, site, films, &starts, "exact", ours));
            let name = format!("{name}: clips ÷ ranges, {}", at(connections));
            ratios.push(Ratio::of_rates(name, (ours, ours + 1), Limit::AtLeast(0.85)));
        }
        contest(bench, &mut entrants, connections, ratios)?;
    }
    Ok(())
}

/// Asks for each film once, so that the caches are as full as they will be.
fn visit(site: &Site, films: &[Served]) -> Result<()> {
    let mut client = site.connect();
    for film in films {
        let second = film.first_start / 1000;
        client.write(&format!(
            "HEAD {}?start={second}&end={} HTTP/1.1\r\nHost: {}\r\n\r\n",
            film.film,
            second + CLIP,
            site.address()
        ));
        let already = client.received().len();
        while !client.received().get(already..).unwrap_or_default().ends_with(b"\r\n\r\n") {
            if client.read(4096) == 0 {
                return Err("the connection ended inside a head".into());
            }
        }
    }
    Ok(())
}

/// Films that differ in nothing but their names. They are removed at the end.
struct Library {
    dir: PathBuf,
    seconds: u64,
    /// All before the media.
    head: Vec<u8>,
    /// Bytes of each film.
    len: u64,
}

impl Library {
    fn new(length: Length) -> Result<Self> {
        let library = Self {
            dir: work_dir("bench/library"),
            seconds: length.seconds().into(),
            head: length.head()?,
            len: length.film().path.metadata()?.len(),
        };
        for number in 0..FILMS {
            let film = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(library.path(number))?;
            film.set_len(library.len)?;
            film.write_all_at(&library.head, 0)?;
            // What is asked for comes into the page cache.
            let Range { start, end } = library.places(number);
            let mut part = vec![0; usize::try_from(end - start)?];
            film.read_exact_at(&mut part, start)?;
        }
        Ok(library)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number}.mp4"))
    }

    /// The first second of a film that is asked for.
    fn first_second(&self, number: u64) -> u64 {
        number * 7919 % (self.seconds - PART)
    }

    /// Where about that part of the film lies.
    fn places(&self, number: u64) -> Range<u64> {
        let head = self.head.len() as u64;
        let at = |second: u64| head + (self.len - head) * second / self.seconds;
        let first = self.first_second(number);
        at(first)..at(first + PART)
    }

    fn publish(&self, site: &Site) -> Result<Vec<Served>> {
        let served = (0..FILMS).map(|number| {
            let film = Film { name: String::new(), path: self.path(number), stamped: false };
            let plain = format!("{number}.bin");
            site.publish_as(&film, &plain);
            Served {
                film: site.publish(&film),
                plain: format!("/{plain}"),
                first_start: self.first_second(number) * 1000,
                places: self.places(number),
            }
        });
        let served: Vec<_> = served.collect();
        served.first().ok_or("no film")?.check(site, "http")?;
        Ok(served)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.dir).ok();
    }
}

/// Bytes of memory that programs can still have.
fn available_memory() -> u64 {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or_default() << 10
}
