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
    let (mut faults, offsets) = strange_packets(clip, source, start, end, near);
    let spread = offsets.iter().fold((f64::MAX, f64::MIN), |(a, b), &o| (a.min(o), b.max(o)));
    if spread.1 - spread.0 > clip.tick + slack + INSTANT {
        faults.push(format!("its offset to the source moves from {:.6} to {:.6}", spread.0, spread.1));
    }
    faults.extend(missing_packets(clip, source, start, end, near));
    faults.truncate(6);
    faults
}

/// Packets of the clip that the source does not have at that time; and by how much the others are
/// earlier than the source's.
fn strange_packets(
    clip: &Stream,
    source: &Stream,
    start: f64,
    end: f64,
    near: f64,
) -> (Vec<String>, Vec<f64>) {
    let (mut faults, mut offsets) = (Vec::new(), Vec::new());
    let hashes: BTreeSet<_> = source.packets.iter().map(|p| p.hash.as_str()).collect();
    // Sorted by time, so that each packet of the clip finds its source.
    let mut by_time: Vec<_> = source.packets.iter().collect();
    by_time.sort_by(|a, b| a.time.total_cmp(&b.time));
    let at = |time: f64| {
        let first = by_time.partition_point(|p| p.time < time - near);
        by_time[first..].iter().take_while(move |p| p.time <= time + near)
    };
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
            None if by_time
                .iter()
                .any(|p| p.hash == packet.hash && p.is_slide_at(start) && packet.time.abs() <= near) => {}
            None if begun && by_time.iter().filter(|p| p.hash == packet.hash).any(|p| rest(p)) => {}
            // What the edit list hides has no time of its own.
            None if !packet.shown && hashes.contains(packet.hash.as_str()) => {}
            None => faults.push(format!("packet {i} at {:.6} is not the source's of that time", packet.time)),
        }
    }
    (faults, offsets)
}

/// Packets of the source that the clip must show, and does not.
fn missing_packets(clip: &Stream, source: &Stream, start: f64, end: f64, near: f64) -> Vec<String> {
    let mut held: BTreeMap<&str, Vec<&Packet>> = BTreeMap::new();
    for packet in &clip.packets {
        held.entry(&packet.hash).or_default().push(packet);
    }
    let mut faults = Vec::new();
    for packet in source.packets.iter().filter(|p| p.shown) {
        let copies = held.get(packet.hash.as_str()).map_or(&[][..], |v| v);
        let inside = packet.time >= start - INSTANT && packet.time < end - INSTANT;
        // ffprobe lengthens the last packet of a data track to the end.
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

/// A clip that begins amid a `slide` shows it from its start on.
pub(super) fn frame_faults(
    clip: &[Frame],
    source: &[Frame],
    (start, slide): (f64, Option<f64>),
    end: f64,
    tick: f64,
) -> Vec<String> {
    let from = slide.unwrap_or(start);
    let wanted: Vec<_> =
        source.iter().filter(|f| f.time >= from - INSTANT && f.time < end - INSTANT).collect();
    let mut faults = Vec::new();
    let name = |f: &Frame| f.stamp.map_or(f.hash.clone(), |s| format!("#{} ({} ms)", s.number, s.millis));
    for (i, (got, want)) in clip.iter().zip(&wanted).enumerate() {
        if got.hash != want.hash || got.stamp != want.stamp {
            faults.push(format!("frame {i} at {:.6} is {} instead of {}", got.time, name(got), name(want)));
        } else if (got.time - (want.time.max(start) - start)).abs() > tick + INSTANT {
            faults.push(format!(
                "frame {i} {} is at {:.6} instead of {:.6}",
                name(want),
                got.time,
                want.time.max(start) - start
            ));
        }
    }
    if clip.len() != wanted.len() {
        faults.push(format!("{} frames instead of {}", clip.len(), wanted.len()));
    }
    faults.truncate(6);
    faults
}

/// What is wrong with the audio of a clip, whose samples may differ by as much as `loudness`.
pub(super) fn audio_fault(
    clip: &Audio,
    source: &Audio,
    loudness: u16,
    start: f64,
    end: f64,
) -> Option<String> {
    let rate = source.rate;
    let first = (start * rate - 1e-3).ceil() as i64;
    let last = (end * rate + 1e-3).floor() as i64 - 1;
    let wanted: Vec<_> = (first..last).filter_map(|n| Some((n, source.get(n)?))).collect();
    if wanted.is_empty() {
        return None;
    }
    let offset = (start * rate).round() as i64;
    AudioCase { clip, wanted, first, loudness, rate, offset }.fault()
}

/// The audio of a clip, and what it must be.
struct AudioCase<'a> {
    clip: &'a Audio,
    /// The samples that are due, by their numbers in the film. There are some.
    wanted: Vec<(i64, &'a [i16])>,
    /// The number in the film of the first sample that may be due.
    first: i64,
    /// By how much samples may differ.
    loudness: u16,
    rate: f64,
    /// The number in the film of the clip's first sample.
    offset: i64,
}

impl AudioCase<'_> {
    fn fault(&self) -> Option<String> {
        // A start between two samples may have been rounded either way.
        let mut tries = Vec::new();
        for shift in [0, 1, -1] {
            let wrong = self.wrong_at(self.offset + shift);
            if wrong.is_empty() {
                return None;
            }
            tries.push((shift, wrong));
        }
        let (shift, wrong) = tries.into_iter().min_by_key(|(_, wrong)| wrong.len())?;
        Some(self.description(self.offset + shift, &wrong))
    }

    fn is_same(&self, a: &[i16], b: &[i16]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= self.loudness)
    }

    /// The samples that are wrong where the clip begins with this sample of the film.
    fn wrong_at(&self, offset: i64) -> Vec<i64> {
        let is_wrong = |n: i64, values: &[i16]| match self.clip.get(n - offset) {
            Some(got) => !self.is_same(got, values),
            // The first sample may lie before the start by a fraction of itself.
            None => n != self.first,
        };
        self.wanted.iter().filter(|(n, values)| is_wrong(*n, values)).map(|(n, _)| *n).collect()
    }

    /// How far the middle of what is due is from its place: looked for a second either way.
    fn shift_of_middle(&self) -> Option<i64> {
        let reach = self.rate as i64;
        let probe: Vec<_> = self.wanted.iter().skip(self.wanted.len() / 2).step_by(7).take(300).collect();
        let is_at = |n: i64, values: &[i16]| self.clip.get(n).is_some_and(|got| self.is_same(got, values));
        (-reach..=reach).find(|d| probe.iter().all(|(n, values)| is_at(n - self.offset - d, values)))
    }

    /// What is to be said of samples that are `wrong` where the clip begins with the sample
    /// `offset`.
    fn description(&self, offset: i64, wrong: &[i64]) -> String {
        let pairs = self.wanted.iter().filter_map(|(n, values)| Some((self.clip.get(n - offset)?, values)));
        let loudest = pairs.flat_map(|(a, b)| a.iter().zip(*b).map(|(a, b)| a.abs_diff(*b))).max();
        let at = |n: i64| (n - self.offset) as f64 / self.rate;
        let (from, to) = (at(wrong[0]), at(wrong[wrong.len() - 1]));
        let missing = wrong.iter().filter(|n| self.clip.get(*n - offset).is_none()).count();
        let shift = match self.shift_of_middle() {
            Some(d) if d.abs() > 1 => format!("; the middle is {d} samples early"),
            Some(_) => "; the middle is in its place".to_owned(),
            None => "; the middle is nowhere within a second".to_owned(),
        };
        format!(
            "{} of {} samples differ ({missing} missing, others by up to {loudest:?}), from {from:.6} to {to:.6} of the clip{shift}",
            wrong.len(),
            self.wanted.len()
        )
    }
}
