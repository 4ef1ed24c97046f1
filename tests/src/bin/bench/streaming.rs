//! Segments, playlists and fragmented answers, beside plain files.

use std::slice;

use tests::servers::{Builder, Site};

use crate::asks::{Ask, Asks, Shuffled};
use crate::bar::{Bar, Limit};
use crate::contest::{Entrant, Ratio, What, contest, keep, ratio, rounds};
use crate::film::Length;
use crate::servers::{engines, start_with};
use crate::subject::{CONNECTIONS, Subject, at, ranges, wait_until_films_are_kept};
use crate::{Bench, Result, median};

/// The media playlist of the video.
const PLAYLIST: &str = "/hls/v1.m3u8";

/// Random starts of the clips whose playlists are asked for, in milliseconds: all of them last about
/// as long as the film.
const STARTS: u64 = 60_000;

/// Segments ÷ ranges of the same lengths; playlists of clips that nobody has asked for, and those of
/// the whole film; what comes before the media of a fragmented answer.
pub(crate) fn streaming(bench: &mut Bench) -> Result<()> {
    let length = Length::TwoHours;
    for length in [length, Length::TenHours] {
        length.warm()?;
    }
    let mut subjects = Vec::new();
    for (name, engine, config) in engines() {
        let server = Builder::new(engine).config(config).packaging().workers(1);
        subjects.push(Subject::new(name, start_with(server, true)?, length)?);
    }
    wait_until_films_are_kept();
    segments(bench, &subjects)?;
    playlists(bench, &subjects)?;
    for subject in &subjects {
        for length in [length, Length::TenHours] {
            let film = subject.site.publish(&length.film());
            let before = before_media(&subject.site, &format!("{film}?format=fmp4&start=3600"))?;
            let name = format!(
                "{}: before the media of ?format=fmp4&start=3600, {}, KiB",
                subject.name,
                length.name()
            );
            bench.report(Bar { name, value: before as f64 / 1024.0, limit: Limit::AtMost(64.0) });
        }
    }
    Ok(())
}

/// Random segments of the video ÷ ranges of a plain file of the same lengths.
fn segments(bench: &mut Bench, subjects: &[Subject]) -> Result<()> {
    let mut all = Vec::new();
    for subject in subjects {
        let playlist = subject.site.get(&format!("{}{PLAYLIST}", subject.served.film));
        let count = playlist.text().matches("#EXTINF").count();
        if playlist.status != 200 || count < 1000 {
            return Err(format!("{}: no playlist of the film:\n{playlist}", subject.name).into());
        }
        all.push((Shuffled::new(count as u64), Shuffled::new(u64::from(u32::MAX))));
    }
    for connections in CONNECTIONS {
        let mut entrants = Vec::new();
        let mut ratios = Vec::new();
        for (subject, (numbers, places)) in subjects.iter().zip(&all) {
            let segments = entrants.len();
            let asks = Asks::Segments { film: &subject.served, numbers, lens: Vec::new() };
            entrants.push(Entrant::new(format!("{}: segments", subject.name), &subject.site, asks));
            let films = slice::from_ref(&subject.served);
            let mut plain = ranges(&subject.name, &subject.site, films, places, "", segments);
            plain.name = format!("{}: ranges as long as segments", subject.name);
            entrants.push(plain);
            let name = format!("{}: random segments ÷ ranges, {}", subject.name, at(connections));
            ratios.push(Ratio::of_rates(name, (segments, segments + 1), Limit::AtLeast(0.85)));
        }
        contest(bench, &mut entrants, connections, ratios)?;
    }
    Ok(())
}

/// Playlists of two hours: how long one takes that nobody has asked for, and one that is kept ÷ a
/// text of the same length.
fn playlists(bench: &mut Bench, subjects: &[Subject]) -> Result<()> {
    let starts: Vec<_> = subjects.iter().map(|_| Shuffled::new(STARTS)).collect();
    let mut entrants = Vec::new();
    for (subject, starts) in subjects.iter().zip(&starts) {
        let kept = format!("{}{PLAYLIST}", subject.served.film);
        subject.site.put("playlist.bin", subject.site.get(&kept).body);
        let new = |what, asks| Entrant::new(format!("{}: {what}", subject.name), &subject.site, asks);
        entrants
            .push(new("new playlists", Asks::Playlists { film: &subject.served, path: PLAYLIST, starts }));
        entrants.push(new("a kept playlist", Asks::Same(Ask::get(kept))));
        entrants.push(new("a plain text", Asks::Same(Ask::get("/playlist.bin".to_owned()))));
    }
    let speeds = rounds(bench, &mut entrants, 1)?;
    for (subject, speeds) in subjects.iter().zip(speeds.chunks(3)) {
        let [new, kept, plain] = speeds else { continue };
        let name = format!("{}: media playlist of two hours, not kept, ms", subject.name);
        let value = median(new.iter().map(|speed| 1000.0 / speed.rate));
        bench.report(Bar { name, value, limit: Limit::AtMost(2.0) });
        let name = format!("{}: media playlist, kept ÷ plain text, {}", subject.name, at(1));
        bench.report(Bar { name, value: ratio(kept, plain, What::Rate), limit: Limit::AtLeast(0.85) });
    }
    keep(bench, &entrants, 1, &speeds);
    Ok(())
}

/// Bytes of an answer before its first byte of media.
fn before_media(site: &Site, target: &str) -> Result<u64> {
    let reply = site.request(target).range("0-1048575").send();
    let mut at = 0;
    while let Some(&[a, b, c, d, ref kind @ ..]) = reply.body.get(at..at + 8) {
        if kind == b"mdat" {
            return Ok(at as u64 + 8);
        }
        at += (u32::from_be_bytes([a, b, c, d]) as usize).max(8);
    }
    Err(format!("{target}: no media in the first megabyte; {}", reply.status).into())
}
