//! Lays out the samples that the edits of a track need, one range after the other, scene by scene.
//!
//! ```text
//! for each scene:
//!   needed    the sample ranges of its edits, in decode order, joined where they touch or overlap
//!             more ranges than allowed: joined across the narrowest holes
//!             composition offsets too far apart to move: all joined
//!   hidden    the samples of each range that are decoded and not presented
//!   ending    how the last range ends with its edit
//! multiplier  the finer media timescale that hidden samples, ending and empty edits need
//!
//! for each needed range, in order:
//!   place it after the previous one
//!   its hidden samples get the times of a lead-in, or its first sample is trimmed
//!   if it is the last of a scene:  its last samples end with the edit
//!   if another range follows:      its last sample lasts until that may be presented; until the
//!                                  next scene begins where there are no joints (see `joints`)
//! ```
//!
//! A player that looks at no edit list thus shows little more between two scenes than the pause
//! before the second.

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::limits;
use crate::numbers::{Numbers, SampleNumber};
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime, MovieTime, Rounding};

use super::clip::SampleRange;
use super::ending::Ending;
use super::joints::{Continued, EditsSeen, Joints, is_before_pause};
use super::kind::{holds_on, is_still};
use super::lead_in::{LeadIn, Until};
use super::multiplier::multiplier;
use super::needed::{Beginning, NeededRange, needed_ranges};
use super::placed::PlacedRange;
use super::play::Play;
use super::scene_start::SceneStart;
use super::timeline::Timeline;
use super::trim::first_sample_trim;

/// The samples of one scene.
struct NeededScene<'a> {
    ranges: Vec<NeededRange<'a>>,
    ending: Option<Ending>,
    /// By how much composition offsets are raised.
    raised: MediaTime,
}

impl NeededScene<'_> {
    /// What is presented first of it, where its edits are in order.
    fn first_play(&self) -> Option<&Play> {
        self.ranges.first()?.plays.first().copied()
    }

    /// From when on samples of one of its ranges are not presented.
    fn until(&self, ending: Option<&Ending>) -> Until {
        Until { raised: self.raised, ..ending.map_or(Until::NEVER, Ending::until) }
    }
}

/// The samples of all edits of each scene, each of them once, in the order of the file, and the
/// multiplier of their media time. `waits_in` is the movie timescale if the clip has empty edits for
/// the track; `joints` says what is between the scenes.
pub(super) fn lay_out<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    scenes: &[Vec<Play>],
    (waits_in, seen, joints): (Option<u32>, EditsSeen, Joints),
) -> Result<(Vec<Vec<PlacedRange>>, u32), FormatError> {
    let sorted: Vec<Vec<&Play>> = scenes
        .iter()
        .map(|plays| {
            let mut plays: Vec<_> = plays.iter().collect();
            plays.sort_unstable_by_key(|p| (p.samples.start, p.samples.end));
            plays
        })
        .collect();
    let most_ranges = (limits::SAMPLE_RANGES / scenes.len().max(1)).max(1);
    let mut needed = Vec::with_capacity(scenes.len());
    for (n, plays) in sorted.iter().enumerate() {
        let ranges = needed_ranges(track, source, plays, most_ranges)?;
        let ending = match ranges.last() {
            Some(last) => ending(track, line, source, last)?,
            None => None,
        };
        let first_shown = || plays.iter().map(|play| play.first_shown).min().unwrap_or_default();
        let ends_with_edit = joints == Joints::Edits || sorted.iter().skip(n + 1).all(Vec::is_empty);
        // Samples that are presented before they are decoded leave no place before the last one.
        let is_hidden = seen == EditsSeen::All && ends_with_edit || !line.is_decoded_first(track);
        let ending =
            ending.map(|end| if is_hidden { end } else { end.without_edit(first_shown(), line.raised) });
        needed.push(NeededScene { ranges, ending, raised: line.raised });
    }
    let hidden = needed.iter().flat_map(|scene| &scene.ranges).filter_map(|range| range.hidden.as_ref());
    let beginning = match needed.len() {
        _ if is_seen_from_edit(track, &needed, (seen, joints)) => Beginning::WithHidden,
        1 => Beginning::AmidFrame,
        _ => Beginning::Hidden,
    };
    let is_led_in = beginning == Beginning::WithHidden || joints == Joints::None && scenes.len() > 1;
    let has_late = needed.iter().any(|scene| scene.ending.as_ref().is_some_and(Ending::has_hidden));
    let multiplier = multiplier(track, hidden, has_late || is_led_in, waits_in);
    if joints == Joints::None {
        return Ok((without_joints(track, line, source, (&needed, beginning), multiplier)?, multiplier));
    }
    let lead = longest_lead(track, source, &needed, multiplier)?;
    let mut out = Vec::with_capacity(needed.len());
    let mut previous: Option<PlacedRange> = None;
    for (n, scene) in needed.iter().enumerate() {
        let is_followed = needed.iter().skip(n + 1).any(|later| !later.ranges.is_empty());
        let to = (previous.as_ref(), is_followed);
        let placed = place_scene(track, source, (scene, beginning), to, lead, multiplier)?;
        previous = placed.last().cloned().or(previous);
        out.push(placed);
    }
    Ok((out, multiplier))
}

/// Whether the first scene begins as one does that another precedes (see `joints`), because players of
/// segments take nothing that is presented before the edit begins: in Media Source Extensions, a key
/// frame there is left out, with all up to the next one.
fn is_seen_from_edit(track: &Track, scenes: &[NeededScene<'_>], (seen, joints): (EditsSeen, Joints)) -> bool {
    let mut ranges = scenes.iter().flat_map(|scene| &scene.ranges);
    let Some(first) = ranges.next() else { return false };
    let [play] = first.plays else { return false };
    let is_usual = play.rate == ElstEntry::NORMAL_RATE && (joints == Joints::None || ranges.next().is_none());
    let is_hidden = first.hidden.is_some() || play.media_time > play.first_shown;
    seen == EditsSeen::First && &track.handler.0 == b"vide" && is_usual && is_hidden
}

/// The greatest lead of the scenes, if there are several (see `scene_start`).
fn longest_lead<R: ReadAt>(
    track: &Track,
    source: &R,
    scenes: &[NeededScene<'_>],
    multiplier: u32,
) -> Result<Option<ClipTime>, FormatError> {
    let mut longest = None;
    let firsts = scenes.iter().filter_map(|scene| Some((scene.ranges.first()?, scene)));
    for (first, scene) in firsts.filter(|_| scenes.len() > 1) {
        let ending = scene.ending.as_ref().filter(|_| scene.ranges.len() == 1);
        let until = scene.until(ending);
        let lead_in = first.lead_in(track, source, (until, Beginning::Hidden), multiplier)?;
        let Some(start) = SceneStart::of(track, source, first, lead_in.as_ref(), multiplier)? else {
            return Ok(None);
        };
        longest = longest.max(Some(start.lead));
    }
    Ok(longest)
}

/// Places the ranges of a scene after the `previous` one. With a `lead`, its edit begins as long
/// after its first presented sample.
fn place_scene<R: ReadAt>(
    track: &Track,
    source: &R,
    (scene, beginning): (&NeededScene<'_>, Beginning),
    (previous, is_followed): (Option<&PlacedRange>, bool),
    lead: Option<ClipTime>,
    multiplier: u32,
) -> Result<Vec<PlacedRange>, FormatError> {
    let mut out: Vec<PlacedRange> = Vec::with_capacity(scene.ranges.len());
    for (n, needed) in scene.ranges.iter().enumerate() {
        let is_last = n + 1 == scene.ranges.len();
        let ending = scene.ending.as_ref().filter(|_| is_last);
        let until = scene.until(ending);
        let lead_in = needed.lead_in(track, source, (until, beginning), multiplier)?;
        let lead_in = match lead.filter(|_| n == 0 && beginning != Beginning::WithHidden) {
            Some(lead) => match SceneStart::of(track, source, needed, lead_in.as_ref(), multiplier)? {
                Some(start) => start.lead_in(track, source, needed, lead_in, (lead, until, multiplier))?,
                None => lead_in,
            },
            None => lead_in,
        };
        let mut placed = place(track, source, needed, out.last().or(previous), lead_in, multiplier)?;
        match ending {
            Some(ending) => {
                placed.end_with(ending);
                if is_followed {
                    let (lowest, _) = track.samples.extreme_offsets();
                    placed.last_until(ending, lowest);
                }
            }
            None if is_last && !is_followed => {
                placed.lengthen(missing_at_end(track, source, needed, &placed)?);
            }
            None => placed.lengthen(missing_before_next(track, needed)),
        }
        out.push(placed);
    }
    Ok(out)
}

/// Places the range of each scene where the presentation goes on from the one before.
fn without_joints<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    (scenes, beginning): (&[NeededScene<'_>], Beginning),
    multiplier: u32,
) -> Result<Vec<Vec<PlacedRange>>, FormatError> {
    let mut out: Vec<Vec<PlacedRange>> = Vec::with_capacity(scenes.len());
    let mut continued: Option<Continued> = None;
    for (n, scene) in scenes.iter().enumerate() {
        let is_followed = scenes.iter().skip(n + 1).any(|later| !later.ranges.is_empty());
        let (Some(needed), Some(play)) = (scene.ranges.first(), scene.first_play()) else {
            out.push(Vec::new());
            continue;
        };
        let until = scene.until(scene.ending.as_ref());
        let mut previous = out.iter_mut().flatten().next_back();
        let lead_in = if let (Some(previous), Some(continued)) = (&mut previous, continued) {
            let due = continued.at(play.movie.start);
            let decoded = previous.start + previous.len;
            let how = (until, due - decoded);
            let (lead_in, lead) = needed.lead_in_at_joint(track, source, how, multiplier)?;
            let begins = match lead_in {
                Some(_) => due - lead,
                None => {
                    let into = play.media_time - needed.decode.start - trim(track, source, needed, None)?;
                    due - into.in_clip(multiplier)
                }
            };
            let last = track.samples.duration(source, previous.range.samples.end - 1)?.in_clip(multiplier);
            let missing = begins - decoded;
            let is_apart = &track.handler.0 != b"soun"
                || missing + missing > last
                || is_before_pause(track, source, previous.range.samples.end - 1)?;
            if missing != ClipTime(0) && is_apart {
                previous.end_at(&track.samples, source, begins)?;
            }
            lead_in
        } else {
            needed.lead_in(track, source, (until, beginning), multiplier)?
        };
        let mut placed = place(track, source, needed, previous.as_deref(), lead_in, multiplier)?;
        let media = line.scales.media.saturating_mul(multiplier);
        continued = continued.or_else(|| {
            let edit = placed.edit_at(play.media_time);
            Some(Continued::from(edit, play.movie.start, line.scales.movie, media))
        });
        match &scene.ending {
            Some(ending) => placed.end_with(ending),
            None if is_followed => {}
            None => {
                placed.lengthen(missing_at_end(track, source, needed, &placed)?);
                // The film has no packet to go on with where sound is early at its end.
                let ends = continued.map(|continued| continued.at(play.movie.end));
                // And none is heard in a pause, in which it is.
                let pauses =
                    &track.handler.0 == b"soun" && is_before_pause(track, source, needed.samples.end - 1)?;
                if let Some(ends) = ends.filter(|&ends| pauses || ends > placed.start + placed.len) {
                    placed.end_at(&track.samples, source, ends)?;
                }
            }
        }
        out.push(vec![placed]);
    }
    Ok(out)
}

/// Places a range after the `previous` one, with the times of its first samples.
fn place<R: ReadAt>(
    track: &Track,
    source: &R,
    needed: &NeededRange<'_>,
    previous: Option<&PlacedRange>,
    lead_in: Option<LeadIn>,
    multiplier: u32,
) -> Result<PlacedRange, FormatError> {
    let NeededRange { samples, decode, plays, .. } = needed;
    let trim = trim(track, source, needed, lead_in.as_ref())?;
    let (origin, origin_at) = match &lead_in {
        Some(lead_in) => (lead_in.first_presented, lead_in.presented_at),
        None => (decode.start + trim, ClipTime(0)),
    };
    let place = previous.map_or(SampleNumber::FIRST, |previous| previous.range.place + previous.range.len());
    // Scenes may have the same samples again and again.
    if place.0.checked_add(samples.count()).is_none() {
        return Err(FormatError::ManySamplesOfClip);
    }
    let range = SampleRange {
        samples: samples.clone(),
        place,
        joined_until: plays.first().map_or(SampleNumber::FIRST, |first| first.joined_until),
        lead_in,
        first_sample_trim: trim,
        gap: MediaTime(0),
        ending: Vec::new(),
    };
    let start = previous.map_or(ClipTime(0), |previous| previous.start + previous.len);
    let mut placed = PlacedRange { range, start, origin, origin_at, multiplier, len: ClipTime(0) };
    placed.len = placed.since_start(decode.end);
    Ok(placed)
}

/// How much is taken off the duration of the first sample of a range.
fn trim<R: ReadAt>(
    track: &Track,
    source: &R,
    needed: &NeededRange<'_>,
    lead_in: Option<&LeadIn>,
) -> Result<MediaTime, FormatError> {
    match needed.plays {
        [only] if lead_in.is_none() => first_sample_trim(track, source, only, needed.decode.start),
        _ => Ok(MediaTime(0)),
    }
}

/// How much longer the last sample of a range must last so that all of the range is presented
/// before the next one, in media ticks of the file. Whatever their offsets are, the sample
/// presented last comes before the first of the next range, and before the hidden samples there.
fn missing_before_next(track: &Track, needed: &NeededRange<'_>) -> MediaTime {
    let (lowest, highest) = track.samples.extreme_offsets();
    let earliest = lowest.min(MediaTime(0));
    (highest - earliest).max(needed.media_end() - needed.decode.end - earliest)
}

/// How much longer the last sample of a track must last so that it is presented until the last edit
/// ends, in media ticks of the file. (How long reordered frames are on screen is not how long they
/// are decoded.)
fn missing_at_end<R: ReadAt>(
    track: &Track,
    source: &R,
    needed: &NeededRange<'_>,
    placed: &PlacedRange,
) -> Result<MediaTime, FormatError> {
    let samples = &track.samples;
    let media_end = needed.media_end();
    let last = needed.samples.end - 1;
    if let Some(before) = placed.range.lead_in.and_then(|lead_in| lead_in.all_but_last()) {
        // None of the samples lasts as in the file.
        let ends = placed.since_start(samples.cts(source, last)?) + (placed.len - before);
        let missing = placed.since_start(media_end) - ends + ClipTime(i64::from(placed.multiplier) - 1);
        return Ok(missing.in_file(placed.multiplier));
    }
    // A presented sample of the lead-in may last shorter than in the file.
    let begun = needed.samples.start + placed.range.lead_in.map_or(0, |lead_in| lead_in.len);
    let shown_until = samples.end_of(source, &(begun.min(last)..last.next()))?;
    if shown_until >= media_end {
        return Ok(MediaTime(0));
    }
    let offset = samples.cts(source, last)? - samples.dts(source, last)?;
    Ok(media_end - needed.decode.end - offset)
}

/// How the last range of a track ends, if its samples may get other times there: video that is
/// presented at the usual rate.
fn ending<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    last: &NeededRange<'_>,
) -> Result<Option<Ending>, FormatError> {
    let is_usual = |p: &&Play| p.rate == ElstEntry::NORMAL_RATE;
    let plays = last.plays;
    let end = plays.iter().map(|p| p.media_end).max().filter(|_| plays.iter().all(is_usual));
    let moves = &track.handler.0 == b"vide" && !is_still(track) && !holds_on(track);
    let Some(end) = end.filter(|_| moves) else { return Ok(None) };
    // Rounded to ticks of the movie, an edit may end this much too late.
    let margin =
        if line.scales.is_coarse() { line.scales.to_media(MovieTime(1), Rounding::Up) } else { MediaTime(0) };
    Ending::of(&track.samples, source, &last.samples, end, margin).map(Some)
}
