//! The other forms of a clip: fragments, and a file of each track with its segments. Fragments hold
//! the samples that the flat clip holds, to the byte and the tick. So does the file of a track, but for
//! packets that are not heard before the first, and when it presents what comes after the end. All
//! servers send the same.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};

use test_boxes::{Expanded, One, expand, expand_fragments};
use tests::client::Reply;
use tests::probe::Cut;

use crate::Case;

/// Clips longer than this are not read here: each sample is held on its own.
const LONGEST: usize = 32 << 20;

/// What was read of the other forms of a film's clips.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Clips in fragments.
    pub(crate) fragmented: usize,
    /// Files of tracks.
    pub(crate) tracks: usize,
    /// Segments of them.
    pub(crate) segments: usize,
    /// The query of a clip that fragments are said not to hold.
    pub(crate) refused: Option<String>,
}

impl Case {
    /// What is wrong with the other forms of a clip, whose flat form is `flat`.
    pub(crate) fn faults_of_forms(&self, flat: &Reply, cut: &Cut, read: &mut Read) -> Vec<String> {
        // Without times the flat form is the film as it is, with all that is not presented.
        let is_clip = cut.start.is_some() || cut.end.is_some();
        if !is_clip || flat.body.len() > LONGEST || flat.header("x-mod-h264-streaming").is_empty() {
            return Vec::new();
        }
        // What the plain reader does not know, the other readers judge in the flat clip.
        let Some(due) = quietly(|| expand(&flat.body)) else { return Vec::new() };
        let mut faults = Vec::new();
        let query = cut.query();
        match self.same("", &format!("{query}&format=fmp4")) {
            // Where nothing is presented, there is nothing to fragment.
            Ok(reply) if reply.status == 200 && due.iter().all(|track| track.samples.is_empty()) => {
                if reply.body != flat.body {
                    faults.push("something, of nothing".into());
                }
            }
            Ok(reply) if reply.status == 200 => {
                read.fragmented += 1;
                let all = || differences(&due, &expand_fragments(&reply.body));
                faults.extend(quietly(all).unwrap_or_else(|| vec!["cannot be read".into()]));
            }
            // What fragments cannot hold is listed.
            Ok(reply) if reply.status == 415 => read.refused = Some(format!("{query}&format=fmp4")),
            Ok(reply) => faults.push(format!("answered {}", reply.status)),
            Err(e) => faults.push(e),
        }
        // Segments begin with a key frame.
        if query.starts_with("mode=keyframe") {
            for kind in ["v", "a"] {
                faults.extend(
                    (1..).map_while(|n| self.track(&format!("{kind}{n}"), &query, &due, read)).flatten(),
                );
            }
        }
        faults.into_iter().map(|fault| format!("in fragments: {fault}")).collect()
    }

    /// What is wrong with the file of a track; `None` where there is no such track.
    fn track(&self, name: &str, query: &str, due: &[Expanded], read: &mut Read) -> Option<Vec<String>> {
        let whole = match self.same(&format!("/cmaf/{name}.mp4"), query) {
            Ok(reply) if reply.status == 200 => reply.body,
            // No such track, or one that fragments cannot hold.
            Ok(reply) if matches!(reply.status, 404 | 415) => return None,
            Ok(reply) => return Some(vec![format!("{name} answered {}", reply.status)]),
            Err(e) => return Some(vec![e]),
        };
        read.tracks += 1;
        let samples = || {
            let held = expand_fragments(&whole);
            let due = due.iter().find(|due| held.iter().any(|held| held.id == due.id));
            match (due, &held[..]) {
                (Some(due), [held]) => differences_of_track(due, held),
                _ => vec![format!("{} tracks", held.len())],
            }
        };
        let mut faults = quietly(samples).unwrap_or_else(|| vec!["cannot be read".into()]);
        let part = |part: &str| match self.same(&format!("/cmaf/{name}/{part}"), query) {
            Ok(reply) if reply.status == 200 => Ok(Some(reply.body)),
            Ok(reply) if reply.status == 404 => Ok(None),
            Ok(reply) => Err(format!("{part} answered {}", reply.status)),
            Err(e) => Err(e),
        };
        let mut joined = Vec::new();
        for n in 1.. {
            match part(&format!("{n}.m4s")) {
                Ok(Some(segment)) => joined.extend(segment),
                Ok(None) => break,
                Err(e) => faults.push(e),
            }
            read.segments += 1;
        }
        if !whole.ends_with(&joined) || joined.is_empty() {
            faults.push("its segments are not the end of it".into());
        }
        if !part("init.mp4").is_ok_and(|init| init.is_some_and(|init| whole.starts_with(&init))) {
            faults.push("its head is not the beginning of it".into());
        }
        Some(faults.into_iter().map(|fault| format!("{name}: {fault}")).collect())
    }
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Keeps what [`quietly`] expects from the standard error.
pub(crate) fn keep_quiet() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !IS_QUIET.get() {
            report(panic);
        }
    }));
}

/// `None` where the plain reader stumbles.
fn quietly<T>(read: impl FnOnce() -> T) -> Option<T> {
    IS_QUIET.set(true);
    let read = panic::catch_unwind(AssertUnwindSafe(read)).ok();
    IS_QUIET.set(false);
    read
}

/// How the file of a track differs from what the clip has of it.
fn differences_of_track(due: &Expanded, held: &Expanded) -> Vec<String> {
    let plays = due.edits.iter().filter(|(_, media_time, _)| *media_time >= 0);
    let ticks = |movie: u64| movie as f64 * f64::from(due.timescale) / f64::from(due.movie_timescale);
    let spans: Vec<_> = plays.map(|&(lasts, from, _)| (from, from as f64 + ticks(lasts))).collect();
    let is_presented = |s: &One| {
        let is_in = |&(from, to): &(i64, f64)| s.cts + i64::from(s.delta) > from && s.cts as f64 + 0.5 < to;
        spans.is_empty() || spans.iter().any(is_in)
    };
    let Some(unheard) = due.samples.len().checked_sub(held.samples.len()) else {
        return vec![format!("{} samples instead of {}", held.samples.len(), due.samples.len())];
    };
    let (left_out, kept) = due.samples.split_at(unheard);
    let mut faults = Vec::new();
    if left_out.iter().any(is_presented) {
        faults.push(format!("{unheard} samples fewer, of which some are presented"));
    }
    if !kept.iter().map(|s| (&s.bytes, s.sync)).eq(held.samples.iter().map(|s| (&s.bytes, s.sync))) {
        faults.push("other bytes or sync samples".to_owned());
    }
    // Of a picture that an edit begins amid, the file of a track has the beginning cut off.
    let cut = |s: &One| {
        let begins = spans.iter().map(|(from, _)| from - s.cts);
        begins.filter(|&cut| 0 < cut && cut < i64::from(s.delta)).max().unwrap_or(0)
    };
    let presented = || kept.iter().zip(&held.samples).filter(|(due, _)| is_presented(due));
    let later_by = |(due, held): (&One, &One)| held.cts - due.cts;
    let mut later: BTreeSet<_> = presented().filter(|(due, _)| cut(due) == 0).map(later_by).collect();
    let of_cut = presented().filter(|(due, _)| cut(due) > 0);
    let is_cut_off = |pair: &(&One, &One)| later.contains(&(later_by(*pair) - cut(pair.0)));
    let others: Vec<_> = of_cut.filter(|pair| !is_cut_off(pair)).map(later_by).collect();
    later.extend(others);
    if due.timescale != held.timescale || later.len() > 1 {
        faults.push(format!("other times: presented samples are {later:?} ticks later"));
    }
    faults
}

/// How the samples of tracks differ.
fn differences(due: &[Expanded], held: &[Expanded]) -> Vec<String> {
    let due: Vec<_> = due.iter().filter(|track| !track.samples.is_empty()).collect();
    if due.len() != held.len() {
        return vec![format!("{} tracks instead of {}", held.len(), due.len())];
    }
    let mut faults = Vec::new();
    for (due, held) in due.iter().zip(held) {
        let same_bytes = due.samples.iter().map(|s| &s.bytes).eq(held.samples.iter().map(|s| &s.bytes));
        if !same_bytes {
            faults.push(format!(
                "track {}: other bytes, {} samples instead of {}",
                due.id,
                held.samples.len(),
                due.samples.len()
            ));
        } else if due.timescale != held.timescale || due.in_any_form() != held.in_any_form() {
            faults.push(format!("track {}: other times or sync samples", due.id));
        }
    }
    faults
}
