//! Times of the samples that are decoded and not presented, before the first sample that is.
//!
//! A player that ignores the edit list shows these samples for as long as they last, and players
//! count seeks from the first of them. The clip therefore gives them the shortest durations.
//!
//! ```text
//! samples 0..N of a range, in decode order; F: composition time of the first presented sample
//! hidden       a sample with a composition time before F
//! H            number of samples up to and with the last hidden one
//! reorder      how many samples decode order may be from composition order, at most
//! step       ticks of the clip from one hidden sample to the next: one, or few
//! delay      reorder * step, or by how much the composition offset of a later sync sample exceeds
//!            the pause
//! F'         = delay + H * step + pause * multiplier      (clip ticks, from the range's start)
//! natural(i) = F' + (decode time of i - F) * multiplier
//! len        = the first i >= H with natural(i) >= i * step
//!
//! decode time of i       i < len: i * step                else natural(i)
//! composition time of i  hidden:  delay + step * its rank among them, at least i * step
//!                        else     F' + (composition time of i - F) * multiplier
//!                                 (where the clip ends: see `ending`)
//! ```
//!
//! Hidden samples thus are a step apart, are in composition order, have no negative composition
//! offset and end before F'. What is presented keeps its distance to F. The few presented samples
//! among the first `len` are decoded early: the decoder's reorder delay passes in ticks as well.
//!
//! The pause is about a frame. For GStreamer a frame lasts as long as the frame rate says, and it
//! shows the rest that reaches past the start of the edit: without the pause it shows all hidden
//! frames. The delay is for libavformat. It searches for the sync sample before a time by decode
//! times, and assumes that each is as far before its composition time as that of the first sample
//! is before F'.

use std::ops::Range;

use crate::boxes::{FormatError, JointRuns};
use crate::index::{SampleTable, Track};
use crate::limits;
use crate::numbers::{Numbers, SampleNumber};
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime};

use super::lead_in::{LeadIn, Until};

/// Samples at the start of a range that are decoded before the first presented one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hidden {
    /// How many samples there are up to the last hidden one, inclusive.
    count: u32,
    /// Composition time of the first presented sample.
    first_presented: MediaTime,
    /// How many samples decode order may be from composition order, at most.
    reorder: u32,
    /// How long after the last of them the first presented sample is.
    pause: MediaTime,
    /// Composition offset of sync samples that follow.
    sync_offset: MediaTime,
    /// Media ticks of the file in a second.
    timescale: u32,
    /// Whether all of them are in composition order, and none of them is presented.
    in_order: bool,
    /// Where the range goes on from another one.
    joint: Option<Joint>,
}

/// How a range goes on from another one (see `joints`), or begins amid a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Joint {
    /// How long after its first sample the other one is presented. `None` where there is no other one.
    pub(super) delay: Option<ClipTime>,
    /// How much of the first presented sample is cut off.
    pub(super) into: MediaTime,
    /// How many samples get times of the lead-in at least.
    pub(super) least: u32,
}

/// How many times as long as a hidden sample a frame lasts, if hidden samples may last as long.
const LONGEST_IN_STEPS: i64 = 500;

/// Hidden samples take no longer than 10 ms, unless their ticks would be shorter than players count
/// in.
pub(super) const LEAD_INS_A_SECOND: u64 = 100;

/// The longest pause, in milliseconds: of 14 frames a second.
const MAX_PAUSE: u32 = 70;

/// Composition offsets farther from each other than this are not moved.
const MAX_SPREAD: MediaTime = MediaTime(1 << 29);

impl Hidden {
    /// The hidden samples of a range, if there are any. Those with a composition time of
    /// `first_presented` or later are presented; the first of them in decode order is sample
    /// `presented` of the file.
    pub(super) fn of<R: ReadAt>(
        track: &Track,
        source: &R,
        range: &Range<SampleNumber>,
        first_presented: MediaTime,
        presented: SampleNumber,
    ) -> Result<Option<Self>, FormatError> {
        let samples = &track.samples;
        let (lowest, highest) = samples.extreme_offsets();
        if highest - lowest > MAX_SPREAD || first_presented.0.saturating_abs() > i64::MAX / 8 {
            return Ok(None);
        }
        let last = match presented.previous() {
            last if highest == lowest => last,
            _ => samples.last_before(source, first_presented)?,
        };
        let end = last.map_or(SampleNumber::FIRST, SampleNumber::next).min(range.end - 1);
        let count = end - range.start;
        if count == 0 || i64::from(count) > MAX_SPREAD.0 {
            return Ok(None);
        }
        let reorder = samples.reorder();
        let in_order = (lowest, highest) == (MediaTime(0), MediaTime(0)) && end <= presented;
        // The mean duration of the samples after them. If a clip is cut again, its hidden samples
        // thus do not count.
        let rest = samples.decode_end_of(source, range)? - samples.dts(source, end)?;
        let frame = MediaTime(rest.0 / i64::from(range.end - end));
        let timescale = track.mdhd.timescale;
        let pause = frame.min(MediaTime::of_millis(MAX_PAUSE, timescale));
        let sync_offset = sync_offset(samples, source, &(end..range.end))?;
        let joint = None;
        Ok(Some(Self { count, first_presented, reorder, pause, sync_offset, timescale, in_order, joint }))
    }

    /// None, of a range whose first sample is presented, at the composition time `first_presented`.
    pub(super) fn none(track: &Track, first_presented: MediaTime) -> Self {
        Self {
            count: 0,
            first_presented,
            reorder: track.samples.reorder(),
            pause: MediaTime(0),
            sync_offset: MediaTime(0),
            timescale: track.mdhd.timescale,
            in_order: false,
            joint: None,
        }
    }

    /// The same, of a range of these samples after whose first one players may seek.
    pub(super) fn before_later<R: ReadAt>(
        self,
        track: &Track,
        source: &R,
        range: &Range<SampleNumber>,
    ) -> Result<Self, FormatError> {
        let later = range.start.next()..range.end;
        Ok(Self { sync_offset: sync_offset(&track.samples, source, &later)?, ..self })
    }

    /// The same where the range goes on from another one. There is no pause.
    pub(super) fn at_joint(self, joint: Joint) -> Self {
        Self { sync_offset: MediaTime(0), ..self.cut_off(joint) }
    }

    /// The same where the beginning of the first presented sample is cut off. A pause would be a part of
    /// that.
    pub(super) fn cut_off(self, joint: Joint) -> Self {
        Self { pause: MediaTime(0), joint: Some(joint), ..self }
    }

    /// Ticks that the hidden samples take.
    pub(super) fn ticks(&self) -> u32 {
        self.count + self.reorder
    }

    /// The time between two hidden samples, and the delay. libavformat complains of a sample that
    /// lasts a thousand times as long as those before it.
    fn step_and_delay(&self, samples: &SampleTable, multiplier: u32) -> (ClipTime, ClipTime) {
        let pause = self.pause.in_clip(multiplier);
        let sync_offset = self.sync_offset.clamp(MediaTime(0), MAX_SPREAD).in_clip(multiplier);
        // One of the samples that follow may last as long.
        let (_, longest) = samples.extreme_durations();
        let longest = longest.in_clip(multiplier) + pause.max(sync_offset);
        let ticks_a_second = i64::from(self.timescale).saturating_mul(multiplier.into());
        let room =
            ticks_a_second / i64::try_from(LEAD_INS_A_SECOND).unwrap_or(1) / i64::from(self.ticks().max(1));
        let step = ClipTime((longest.0 / LONGEST_IN_STEPS).min(room).max(1));
        let delay = || step.times(self.reorder).max(sync_offset - pause);
        (step, self.joint.and_then(|joint| joint.delay).unwrap_or_else(delay))
    }

    /// The times of the lead-in of a range whose decoding ends at `decode_end`. `None` where nothing is
    /// hidden and no sample needs another time.
    pub(super) fn lead_in<R: ReadAt>(
        &self,
        samples: &SampleTable,
        source: &R,
        range: &Range<SampleNumber>,
        decode_end: MediaTime,
        until: Until,
        multiplier: u32,
    ) -> Result<Option<LeadIn>, FormatError> {
        let (mut step, delay) = self.step_and_delay(samples, multiplier);
        let natural = |time: MediaTime| (time - self.first_presented).in_clip(multiplier);
        let held = range.count();
        if let Some(Joint { delay: None, into, least }) = self.joint.filter(|j| j.least < held) {
            // What is left of a frame may be less than a step. The next one comes no later for that.
            let rest = natural(samples.dts(source, range.start + least)?) - into.in_clip(multiplier);
            if self.reorder == 0 {
                step = step.min(rest).max(ClipTime(1));
            }
        }
        let earliest = delay + step.times(self.count);
        let into = self.joint.map_or(MediaTime(0), |joint| joint.into);
        let mut presented_at = earliest + self.pause.in_clip(multiplier) - into.in_clip(multiplier);
        let (mut len, mut found) =
            self.decoded_early(samples, source, range, (step, presented_at), multiplier)?;
        let least = self.joint.map_or(0, |joint| joint.least).min(held);
        if len < least {
            len = least;
            if len < held {
                found = natural(samples.dts(source, range.start + len)?);
            }
        }
        // Where the lead-in ends, counted from the first presented sample.
        let end = if len < held { found } else { natural(decode_end) };
        if len < held {
            presented_at = presented_at.max(step.times(len) - end);
        }
        let earliest = match self.joint {
            Some(Joint { delay: None, into, .. }) => earliest.max(presented_at + into.in_clip(multiplier)),
            _ => earliest,
        };
        let mut next = presented_at + end;
        if len == self.count && next + delay > presented_at {
            // The last hidden sample would last until after the first presented one has begun.
            len += 1;
            let end = match len < held {
                true => samples.dts(source, range.start + len)?,
                false => decode_end,
            };
            next = presented_at + natural(end);
        }
        let Some(before_last) = len.checked_sub(1) else { return Ok(None) };
        Ok(Some(LeadIn {
            len,
            step,
            last_duration: (next - step.times(before_last)).max(ClipTime(1)).in_field(),
            in_order: self.in_order,
            first_presented: self.first_presented,
            presented_at,
            earliest: self.joint.map(|_| earliest),
            is_joined: self.joint.is_some_and(|joint| joint.delay.is_some()),
            reorder: self.reorder,
            delay,
            multiplier,
            until,
            held,
        }))
    }

    /// How many samples from the first of the range on are not decoded when they are in the file,
    /// as their places in the lead-in, `step` apart, come later; and when the first one is decoded
    /// that is, counted from the first presented sample, which is `presented_at`.
    fn decoded_early<R: ReadAt>(
        &self,
        samples: &SampleTable,
        source: &R,
        range: &Range<SampleNumber>,
        (step, presented_at): (ClipTime, ClipTime),
        multiplier: u32,
    ) -> Result<(u32, ClipTime), FormatError> {
        let last = self.count.saturating_add(limits::REORDER).min(range.count());
        let (mut len, mut natural) = (self.count, ClipTime(0));
        for run in JointRuns::from(source, &samples.stts, None, range.start + len, samples.base)? {
            let run = run?;
            natural = (run.dts - self.first_presented).in_clip(multiplier);
            // The first sample of the run that may be decoded when it is in the file.
            let mut left = run.count;
            while left > 0 && len < last && presented_at + natural < step.times(len) {
                (len, left) = (len + 1, left - 1);
                natural = natural + run.delta.in_clip(multiplier);
            }
            if left > 0 {
                break;
            }
        }
        Ok((len, natural))
    }
}

/// The composition offset of the sync samples in a range; the one that all have, where nothing is
/// reordered.
fn sync_offset<R: ReadAt>(
    samples: &SampleTable,
    source: &R,
    range: &Range<SampleNumber>,
) -> Result<MediaTime, FormatError> {
    match samples.reorder() {
        0 => Ok(samples.extreme_offsets().1),
        _ => Ok(samples.sync_offset(source, range)?.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Expanded, Film, Sample, TrackSpec, clip, expand};

    /// Video of which only the first sample is a sync sample; each fourth frame is decoded before
    /// the three that are presented before it.
    fn one_sync(frames: u32, timescale: u32, delta: u32) -> TrackSpec {
        let order = |n: u32| if n % 4 == 1 && n > 0 { 4 } else { i32::from(n == 0) };
        let samples = (0..frames).map(|n| Sample {
            delta,
            offset: order(n) * i32::try_from(delta).unwrap(),
            sync: n == 0,
            size: 9,
        });
        let first = i32::try_from(delta).unwrap();
        let edits = vec![(frames * 1000 / (timescale / delta), first, 0x10000)];
        TrackSpec { edits, ..TrackSpec::new(b"vide", b"avc1", timescale, samples.collect()) }
    }

    fn cut(film: &TrackSpec, query: &str) -> Expanded {
        expand(&clip(&Film::of(vec![film.clone()]).build(), query).unwrap()).swap_remove(0)
    }

    /// Seconds from the first sample to the edit.
    fn lead_in(clip: &Expanded) -> f64 {
        let [(_, media_time, _)] = clip.edits[..] else { panic!("{:?}", clip.edits) };
        media_time as f64 / f64::from(clip.timescale)
    }

    #[test]
    fn an_hour_of_hidden_samples_takes_a_tenth_of_a_second() {
        let film = one_sync(50_000, 600, 24);
        let clip = cut(&film, "start=1801.3&end=1803");
        assert_eq!(clip.samples.len(), 45_076);
        assert!(lead_in(&clip) < 0.1, "{}", lead_in(&clip));
        // No tick is shorter than the microseconds that players count in.
        assert_eq!(clip.timescale, 999_600);
        let source = expand(&Film::of(vec![film]).build()).swap_remove(0).shown();
        let presented: Vec<_> = clip.shown().into_iter().map(|s| s.bytes).collect();
        let begun = source.iter().position(|s| s.bytes == presented[0]).unwrap();
        assert!((1801.26..1801.31).contains(&source[begun].from), "{:?}", source[begun]);
        assert!(source[begun..begun + presented.len()].iter().map(|s| &s.bytes).eq(&presented));
    }

    #[test]
    fn a_coarse_timescale_is_raised_as_far_as_hidden_samples_need() {
        let film = one_sync(400, 25, 1);
        let clip = cut(&film, "start=10&end=12");
        // 250 samples and those that they may be reordered with, in 10 ms.
        assert_eq!(clip.timescale % 25, 0);
        assert!((25_000..27_000).contains(&clip.timescale), "{}", clip.timescale);
        // A frame, and the hidden ones.
        assert!(lead_in(&clip) < 0.051, "{}", lead_in(&clip));
        // What is presented after the end makes the clip no more than 2 ms longer.
        assert_eq!(cut(&film, "start=0&end=2").timescale, 500);
        assert_eq!(cut(&one_sync(400, 12_800, 512), "start=10&end=12").timescale, 25_600);
        assert_eq!(cut(&one_sync(400, 12_800, 512), "start=2&end=4").timescale, 12_800);
    }

    #[test]
    fn without_reordering_there_are_no_composition_offsets() {
        let mut film = one_sync(400, 90_000, 3600);
        film.samples.iter_mut().for_each(|s| s.offset = 0);
        film.edits.clear();
        let clip = cut(&film, "start=10&end=12");
        assert!(!clip.boxes.contains_key(b"ctts"));
        let words: Vec<u8> =
            [0u32, 3, 249, 3, 1, 3603, 50, 3600].into_iter().flat_map(u32::to_be_bytes).collect();
        assert_eq!(clip.boxes[b"stts"], words);
        assert_eq!(clip.edits[0].1, 249 * 3 + 3603);
    }

    #[test]
    fn audio_keeps_its_times() {
        let film = Film::of(vec![TrackSpec { coding: *b"mp4a", ..TrackSpec::audio(40) }]).build();
        let clip = expand(&clip(&film, "start=2").unwrap()).swap_remove(0);
        assert!(clip.samples.iter().all(|s| s.delta == 1024) && clip.edits[0].1 >= 3 * 1024);
    }

    #[test]
    fn a_clip_of_a_clip_leads_in_no_longer() {
        let film = Film::of(vec![one_sync(400, 600, 24)]).build();
        let mut clips = vec![clip(&film, "start=10").unwrap()];
        for _ in 0..5 {
            let next = clip(clips.last().unwrap(), "start=0.2").unwrap();
            clips.push(next);
        }
        let lead_ins: Vec<_> = clips.iter().map(|clip| lead_in(&expand(clip)[0])).collect();
        assert!(lead_ins.iter().all(|seconds| *seconds < 0.08), "{lead_ins:?}");
        let last = expand(clips.last().unwrap()).swap_remove(0);
        let direct = cut(&one_sync(400, 600, 24), "start=11");
        let presented = |clip: &Expanded| clip.shown().into_iter().map(|s| s.bytes).collect::<Vec<_>>();
        assert_eq!(presented(&last), presented(&direct));
    }
}
