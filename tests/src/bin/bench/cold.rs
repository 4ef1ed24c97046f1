//! Films that nobody has asked for yet, and of which nothing is in memory.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};
use serde_json::json;
use tests::films::Film;
use tests::servers::Site;
use tests::work_dir;

use crate::bar::{Bar, Limit};
use crate::film::Length;
use crate::servers::{engines, start, start_nginx};
use crate::subject::{CLIP, wait_until_films_are_kept};
use crate::{Bench, Result, median, progress};

/// The first byte of a clip of a film that is neither known to the server nor in the page cache,
/// and what is read from the disk until then.
pub(crate) fn cold(bench: &mut Bench) -> Result<()> {
    let mut sites = Vec::new();
    for (name, engine, config) in engines() {
        sites.push((name, start(engine, config)?));
    }
    sites.extend(start_nginx()?.map(|site| ("nginx", site)));
    for length in [Length::TenMinutes, Length::TwoHours, Length::TenHours] {
        of_length(bench, &sites, length)?;
    }
    fragmented(bench, &sites)
}

/// The first byte of a fragmented answer of a film of ten hours that is neither known to the server
/// nor in the page cache, beside reading its `moov` from the disk once.
fn fragmented(bench: &mut Bench, sites: &[(&'static str, Site)]) -> Result<()> {
    let films = if bench.is_quick { 3 } else { 11 };
    progress("writing films of ten hours that are not in memory");
    let films = Films::new(Length::TenHours, films)?;
    let len = Length::TenHours.head()?.len();
    let ours = sites.get(..engines().len()).unwrap_or_default();
    for (_, site) in ours {
        films.publish(site);
    }
    wait_until_films_are_kept();
    let mut ratios = vec![Vec::new(); ours.len()];
    for number in 0..films.number {
        for (place, (_, site)) in ours.iter().enumerate() {
            let before = films.read_head(number, len)?;
            let asked = format!("?format=fmp4&start={}", films.start);
            let seconds = films.first_byte_of(number, site, &asked)?.seconds;
            let head = f64::midpoint(before, films.read_head(number, len)?);
            if let Some(ratios) = ratios.get_mut(place) {
                ratios.push(seconds / head);
            }
        }
    }
    progress("");
    for ((name, _), ratios) in ours.iter().zip(ratios) {
        let name = format!("{name}: first byte in fmp4 ÷ reading moov, nothing in memory, ten hours");
        bench.report(Bar { name, value: median(ratios), limit: Limit::AtMost(1.5) });
    }
    Ok(())
}

fn of_length(bench: &mut Bench, sites: &[(&'static str, Site)], length: Length) -> Result<()> {
    let films = if bench.is_quick { 5 } else { 21 };
    progress(&format!("writing films of {} that are not in memory", length.name()));
    let films = Films::new(length, films)?;
    for (_, site) in sites {
        films.publish(site);
    }
    wait_until_films_are_kept();
    let mut samples = vec![Vec::new(); sites.len()];
    for number in 0..films.number {
        for turn in 0..sites.len() {
            // Nobody always comes first.
            let place = (turn + number) % sites.len();
            let (Some((_, site)), Some(samples)) = (sites.get(place), samples.get_mut(place)) else {
                continue;
            };
            samples.push(films.first_byte(number, site)?);
        }
    }
    progress("");
    if samples.iter().flatten().all(|sample| sample.read == 0.0) {
        bench.skip(
            format!("first byte of {}, nothing in memory", length.name()),
            "the films are not on a disk",
        );
        return Ok(());
    }
    let moov = length.head()?.len() as f64;
    let nginx = samples.get(engines().len()).cloned();
    for ((name, _), samples) in sites.iter().zip(&samples) {
        let read = median(samples.iter().map(|sample| sample.read));
        let seconds = median(samples.iter().map(|sample| sample.seconds));
        if *name != "nginx" {
            report(bench, name, length, samples, nginx.as_deref(), read / moov);
        }
        bench.detail(
            &format!(
                "  {:54} first byte {:7.2} ms, read {:8.0} KiB",
                format!("{name}: {}, nothing in memory", length.name()),
                seconds * 1e3,
                read / 1024.0
            ),
            json!({
                "name": format!("{name}: {}, nothing in memory", length.name()),
                "first_byte_seconds": seconds, "bytes_read": read, "moov_bytes": moov,
                "all_first_byte_seconds": samples.iter().map(|sample| sample.seconds).collect::<Vec<_>>(),
            }),
        );
    }
    Ok(())
}

fn report(
    bench: &mut Bench,
    server: &str,
    length: Length,
    samples: &[Sample],
    nginx: Option<&[Sample]>,
    read: f64,
) {
    if length == Length::TenHours {
        let name = format!("{server}: read from the disk until the first byte ÷ moov, {}", length.name());
        bench.report(Bar { name, value: read, limit: Limit::AtMost(0.5) });
        return;
    }
    let name = format!("{server}: first byte ÷ nginx's, nothing in memory, {}", length.name());
    match nginx {
        Some(nginx) => {
            let ratios = samples.iter().zip(nginx).map(|(ours, theirs)| ours.seconds / theirs.seconds);
            bench.report(Bar { name, value: median(ratios), limit: Limit::AtMost(0.7) });
        }
        None => bench.skip(name, "no nginx with its mp4 module is installed"),
    }
}

/// What was measured of a film at a server.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Until the first byte.
    seconds: f64,
    /// Bytes that the server had read from the disk until then.
    read: f64,
}

/// Films that differ in nothing but their names, one for each request. They are removed at the end.
struct Films {
    dir: PathBuf,
    number: usize,
    start: u64,
}

impl Films {
    fn new(length: Length, number: usize) -> Result<Self> {
        let start = u64::from(length.seconds()) / 2;
        let films = Self { dir: work_dir("bench/cold"), number, start };
        let head = length.head()?;
        let len = length.film().path.metadata()?.len();
        let media = media_about(head.len() as u64..len, start, length.seconds().into());
        let noise: Vec<u8> =
            (media.start..media.end).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
        for number in 0..number {
            let film = File::create(films.path(number))?;
            film.set_len(len)?;
            film.write_all_at(&head, 0)?;
            film.write_all_at(&noise, media.start)?;
            // What is not on the disk yet stays in memory.
            film.sync_all()?;
        }
        Ok(films)
    }

    fn path(&self, number: usize) -> PathBuf {
        self.dir.join(format!("cold-{number}.mp4"))
    }

    fn publish(&self, site: &Site) {
        site.put("small.bin", [0]);
        for number in 0..self.number {
            let path = self.path(number);
            // The films before these had the same names.
            fs::remove_file(site.docroot().join(format!("cold-{number}.mp4"))).ok();
            site.publish(&Film { name: String::new(), path, stamped: false });
        }
    }

    /// Seconds that it takes to read what stands before the media of a film from the disk.
    fn read_head(&self, number: usize, len: usize) -> Result<f64> {
        let film = File::open(self.path(number))?;
        fadvise(&film, 0, None, Advice::DontNeed)?;
        let mut head = vec![0; len];
        let began = Instant::now();
        film.read_exact_at(&mut head, 0)?;
        Ok(began.elapsed().as_secs_f64())
    }

    /// Asks for a clip of a film.
    fn first_byte(&self, number: usize, site: &Site) -> Result<Sample> {
        let (start, end) = (self.start, self.start + CLIP);
        self.first_byte_of(number, site, &format!("?start={start}&end={end}"))
    }

    fn first_byte_of(&self, number: usize, site: &Site, query: &str) -> Result<Sample> {
        let mut client = TcpStream::connect(site.address())?;
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(Duration::from_secs(30)))?;
        // The server has the connection in hand.
        write!(client, "GET /small.bin HTTP/1.1\r\nHost: {}\r\n\r\n", site.address())?;
        let mut received = Vec::new();
        while !received.ends_with(b"\r\n\r\n\0") {
            let mut buffer = [0; 4096];
            let n = client.read(&mut buffer)?;
            received.extend_from_slice(buffer.get(..n).filter(|part| !part.is_empty()).ok_or("no answer")?);
        }
        let path = format!("cold-{number}.mp4");
        let film = File::open(site.docroot().join(&path))?;
        fadvise(&film, 0, None, Advice::DontNeed)?;
        let request = format!("GET /{path}{query} HTTP/1.1\r\nHost: {}\r\n\r\n", site.address());
        let before = read_from_disk(site);
        let asked = Instant::now();
        client.write_all(request.as_bytes())?;
        let mut status = [0; 12];
        client.read_exact(&mut status)?;
        let seconds = asked.elapsed().as_secs_f64();
        let read = read_from_disk(site) - before;
        if !status.ends_with(b" 200") {
            return Err(format!("{path}: {}", String::from_utf8_lossy(&status)).into());
        }
        Ok(Sample { seconds, read })
    }
}

impl Drop for Films {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.dir).ok();
    }
}

/// Where the media about a second of the film lies.
fn media_about(media: Range<u64>, second: u64, seconds: u64) -> Range<u64> {
    const AROUND: u64 = 4 << 20;
    let at = media.start + (media.end - media.start) * second / seconds;
    at.saturating_sub(AROUND).max(media.start)..(at + AROUND).min(media.end)
}

/// Bytes that the server's processes have had read from the disk.
fn read_from_disk(site: &Site) -> f64 {
    let io = site.processes().into_iter().filter_map(|process| fs::read_to_string(process.join("io")).ok());
    let bytes = io
        .filter_map(|io| io.lines().find_map(|line| line.strip_prefix("read_bytes: ")?.parse::<f64>().ok()));
    bytes.sum()
}
