//! Packets, chapters, frames and audio of a clip beside those of its film.

use std::collections::{BTreeMap, BTreeSet};

use super::decoded::{Audio, Frame};
use super::reading::{Packet, Stream};
use super::{INSTANT, MOVIE_TICK};

pub(super) fn packet_faults(clip: &Stream, source: &Stream, start: f64, end: f64, slack: f64) -> Vec<String> {
    // Packets of PCM are the reader's own bundles of samples: the decoded audio is compared.
    if source.codec.starts_with("pcm_") {
        return Vec::new();
    }
    let near = clip.tick + MOVIE_TICK + INSTANT + slack;
    let mut faults = Vec::new();
    let hashes: BTreeSet<_> = source.packets.iter().map(|p| p.hash.as_str()).collect();
    // Sorted by time, so that each packet of the clip finds its source.
    let mut by_time: Vec<_> = source.packets.iter().collect();
    by_time.sort_by(|a, b| a.time.total_cmp(&b.time));
    let at = |time: f64| {
        let first = by_time.partition_point(|p| p.time < time - near);
        by_time[first..].iter().take_while(move |p| p.time <= time + near)
    };
    let mut offsets = Vec::new();
    for (i, packet) in clip.packets.iter().enumerate() {
        // Text that is on screen at the start begins there, with what is left of it.
        let rest = |p: &Packet| {
            let until = p.time + p.duration;
            let left = until.min(end) - start - near..=until - start + near;
            p.time < start && left.contains(&packet.duration) && packet.time.abs() <= near
        };
        let begun = clip.kind != "video" && clip.kind != "audio";
        let found = at(packet.time + start).find(|p| p.hash == packet.hash);
        match found {
            Some(p) if packet.shown => offsets.push(p.time - packet.time),
            Some(_) => {}
            // ffprobe does not report how long the only sample of a track lasts.
            None if begun && source.packets.len() == 1 && hashes.contains(packet.hash.as_str()) => {}
            None if begun && by_time.iter().filter(|p| p.hash == packet.hash).any(|p| rest(p)) => {}
            // What the edit list hides has no time of its own.
            None if !packet.shown && hashes.contains(packet.hash.as_str()) => {}
            None => faults.push(format!("packet {i} at {:.6} is not the source's of that time", packet.time)),
        }
    }
    let spread = offsets.iter().fold((f64::MAX, f64::MIN), |(a, b), &o| (a.min(o), b.max(o)));
    if spread.1 - spread.0 > clip.tick + slack + INSTANT {
        faults.push(format!("its offset to the source moves from {:.6} to {:.6}", spread.0, spread.1));
    }
    let mut held: BTreeMap<&str, Vec<&Packet>> = BTreeMap::new();
    for packet in &clip.packets {
        held.entry(&packet.hash).or_default().push(packet);
    }
    for packet in source.packets.iter().filter(|p| p.shown) {
        let copies = held.get(packet.hash.as_str()).map_or(&[][..], |v| v);
        let inside = packet.time >= start - INSTANT && packet.time < end - INSTANT;
        // The last packet of a data track is stretched to the end by ffprobe.
        let lasts = packet.duration > 0.0 && source.kind != "data";
        let overlaps = lasts && packet.time + packet.duration > start + near && packet.time < start;
        let there = |p: &&Packet| p.shown && (p.time + start - packet.time).abs() <= near;
        if inside && !copies.iter().any(there) {
            faults.push(format!("the packet at {:.6} is missing", packet.time));
        }
        if overlaps && copies.is_empty() {
            faults.push(format!("the packet at {:.6}, shown at the start, is missing", packet.time));
        }
    }
    faults.truncate(6);
    faults
}

pub(super) fn chapter_fault(
    clip: &[(f64, f64, String)],
    source: &[(f64, f64, String)],
    start: f64,
    end: f64,
) -> Option<String> {
    let wanted: Vec<_> = source
        .iter()
        .filter(|(from, to, _)| *from < end - INSTANT && *to > start + INSTANT)
        .map(|(from, to, title)| (from.max(start) - start, to.min(end) - start, title.clone()))
        .collect();
    let same = |a: &(f64, f64, String), b: &(f64, f64, String)| {
        (a.0 - b.0).abs() < 0.0015 && (a.1 - b.1).abs() < 0.0015 && a.2 == b.2
    };
    let equal = clip.len() == wanted.len() && clip.iter().zip(&wanted).all(|(a, b)| same(a, b));
    (!equal).then(|| format!("chapters are {clip:?} instead of {wanted:?}"))
}

pub(super) fn frame_faults(clip: &[Frame], source: &[Frame], start: f64, end: f64, tick: f64) -> Vec<String> {
    let wanted: Vec<_> =
        source.iter().filter(|f| f.time >= start - INSTANT && f.time < end - INSTANT).collect();
    let mut faults = Vec::new();
    let name = |f: &Frame| f.stamp.map_or(f.hash.clone(), |s| format!("#{} ({} ms)", s.number, s.millis));
    for (i, (got, want)) in clip.iter().zip(&wanted).enumerate() {
        if got.hash != want.hash || got.stamp != want.stamp {
            faults.push(format!("frame {i} at {:.6} is {} instead of {}", got.time, name(got), name(want)));
        } else if (got.time - (want.time - start)).abs() > tick + INSTANT {
            faults.push(format!(
                "frame {i} {} is at {:.6} instead of {:.6}",
                name(want),
                got.time,
                want.time - start
            ));
        }
    }
    if clip.len() != wanted.len() {
        faults.push(format!("{} frames instead of {}", clip.len(), wanted.len()));
    }
    faults.truncate(6);
    faults
}

pub(super) fn audio_fault(
    clip: &Audio,
    source: &Audio,
    codec: &str,
    ours: bool,
    start: f64,
    end: f64,
) -> Option<String> {
    // Decoders that compute in floating point may round otherwise; AC-3's adds noise, and so does
    // AAC's where the encoder left some out, which ours does not. ffmpeg takes the last seven
    // bits of what a packet of QuickTime's ADPCM begins with from the packet before, and so on from
    // the first.
    let loudness = match codec {
        _ if !ours || codec.ends_with("ac3") => 512,
        "adpcm_ima_qt" => 127,
        _ => 8,
    };
    let rate = source.rate;
    let offset = (start * rate).round() as i64;
    let first = (start * rate - 1e-3).ceil() as i64;
    let last = (end * rate + 1e-3).floor() as i64 - 1;
    let wanted: Vec<_> = (first..last).filter_map(|n| Some((n, source.get(n)?))).collect();
    if wanted.is_empty() {
        return None;
    }
    let same =
        |a: &[i16], b: &[i16]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= loudness);
    let wrong_at = |offset: i64| {
        let wrong = |n: i64, values: &[i16]| match clip.get(n - offset) {
            Some(got) => !same(got, values),
            // The first sample may lie before the start by a fraction of itself.
            None => n != first,
        };
        wanted.iter().filter(|(n, values)| wrong(*n, values)).map(|(n, _)| *n).collect::<Vec<_>>()
    };
    // A start between two samples may have been rounded either way.
    let mut tries = [0, 1, -1].map(|d| (d, None));
    for (d, wrong) in &mut tries {
        let found = wrong_at(offset + *d);
        if found.is_empty() {
            return None;
        }
        *wrong = Some(found);
    }
    let (best, wrong) = tries.into_iter().min_by_key(|(_, w)| w.as_ref().map_or(0, Vec::len)).expect("three");
    let wrong = wrong.expect("the samples that differ");
    // Where is it then? A second either way.
    let reach = rate as i64;
    let probe: Vec<_> = wanted.iter().skip(wanted.len() / 2).step_by(7).take(300).collect();
    let shifted = (-reach..=reach).find(|d| {
        probe.iter().all(|(n, values)| clip.get(n - offset - d).is_some_and(|got| same(got, values)))
    });
    let loudest = wanted
        .iter()
        .filter_map(|(n, values)| Some((clip.get(n - offset - best)?, values)))
        .flat_map(|(a, b)| a.iter().zip(*b).map(|(a, b)| a.abs_diff(*b)))
        .max();
    let at = |n: i64| (n - offset) as f64 / rate;
    let (from, to) = (at(wrong[0]), at(wrong[wrong.len() - 1]));
    let missing = wrong.iter().filter(|n| clip.get(*n - offset - best).is_none()).count();
    let shift = match shifted {
        Some(d) if d.abs() > 1 => format!("; the middle is {} samples early", d),
        Some(_) => "; the middle is in its place".to_owned(),
        None => "; the middle is nowhere within a second".to_owned(),
    };
    Some(format!(
        "{} of {} samples differ ({missing} missing, others by up to {loudest:?}), from {from:.6} to {to:.6} of the clip{shift}",
        wrong.len(),
        wanted.len()
    ))
}
