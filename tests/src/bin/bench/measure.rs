//! Asks the servers and takes the time.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, Instant};

use mp4seek::index::Index;
use mp4seek::source::ReadAt;
use tests::films::Film;
use tests::servers::{Engine, Site};
use tests::work_dir;

use crate::load::Load;
use crate::rows::{Length, Row};
use crate::{NGINX, OURS, Result, STATIC, Servers, Speed, Subject, films, median};

pub(crate) fn path(length: Length) -> std::path::PathBuf {
    work_dir("bench").join(format!("{length:?}.mp4"))
}

pub(crate) fn film(length: Length) -> Film {
    Film { name: length.name().to_owned(), path: path(length), stamped: false }
}

/// A file of nothing, as the media of the films is, by a name that no module looks at.
pub(crate) fn blank(number: u64, len: u64) -> Result<Film> {
    let len = number.saturating_mul(len);
    let path = work_dir("bench").join(format!("static-{len}.bin"));
    File::create(&path)?.set_len(len)?;
    Ok(Film { name: format!("{len} bytes"), path, stamped: false })
}

/// Who is asked for a row, and for what.
pub(crate) fn subjects<'a>(
    row: &Row,
    servers: &'a Servers,
    films: &BTreeMap<Length, films::Film>,
) -> Result<Vec<Subject<'a>>> {
    let film = film(row.film);
    let film_len = films.get(&row.film).map_or(0, |film| film.identity.size);
    let mut subjects = Vec::new();
    for (server, site) in &servers.measured {
        let is_nginx = site.engine() == Engine::Nginx;
        if is_nginx && !row.beside_others {
            continue;
        }
        let target = format!("{}?{}", site.publish(&film), row.query);
        let len = clip_len(site, &target.replace("{n}", "000000"), film_len)?;
        subjects.push(Subject { server, kind: if is_nginx { NGINX } else { OURS }, site, target, len });
        if row.beside_others {
            let target = site.publish(&blank(1, len)?);
            subjects.push(Subject { server, kind: STATIC, site, target, len });
        }
    }
    Ok(subjects)
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

pub(crate) fn measure(
    row: &Row,
    subject: &Subject<'_>,
    connections: usize,
    duration: Duration,
) -> Result<Speed> {
    let load = Load {
        address: subject.site.address(),
        method: row.method,
        target: &subject.target,
        connections,
        duration,
        leave: false,
        spread: None,
    };
    let run = |load: &Load<'_>| load.run().map_err(|e| format!("{} {}: {e}", subject.server, subject.target));
    if !row.by_bytes {
        let whole = run(&load)?;
        let first_byte = median(whole.first_bytes.iter().map(Duration::as_secs_f64));
        return Ok(Speed { rate: whole.answers as f64 / whole.elapsed.as_secs_f64(), first_byte });
    }
    let whole = run(&Load { duration: duration * 3, spread: Some(subject.len), ..load })?;
    let first_bytes = run(&Load { leave: true, ..load })?.first_bytes;
    Ok(Speed {
        rate: whole.body_bytes as f64 / whole.elapsed.as_secs_f64(),
        first_byte: median(first_bytes.iter().map(Duration::as_secs_f64)),
    })
}

/// The time of a request of a server that keeps nothing, to the time that it takes to read the
/// metadata.
pub(crate) fn first_request(site: &Site, film: &films::Film) -> Result<f64> {
    const TIMES: usize = 5;
    let target = format!("{}?start=18000", site.publish(&self::film(Length::TenHours)));
    let mut client = site.connect();
    let (mut ours, mut reads) = (Vec::new(), Vec::new());
    let place = &Index::build(&film.file, film.identity.size)?.outer_moov;
    let mut moov = vec![0; usize::try_from(place.size)?];
    for _ in 0..TIMES {
        let began = Instant::now();
        client.write(&format!("HEAD {target} HTTP/1.1\r\nHost: {}\r\n\r\n", site.address()));
        while !client.received().ends_with(b"\r\n\r\n") {
            if client.read(4096) == 0 {
                return Err("the connection ended inside a head".into());
            }
        }
        ours.push(began.elapsed().as_secs_f64());
        if !client.received().starts_with(b"HTTP/1.1 200 ") {
            return Err(String::from_utf8_lossy(client.received()).into());
        }
        client = site.connect();
        let began = Instant::now();
        film.file.read_exact_at(&mut moov, place.offset)?;
        std::hint::black_box(&mut moov);
        reads.push(began.elapsed().as_secs_f64());
    }
    Ok(median(ours) / median(reads))
}
