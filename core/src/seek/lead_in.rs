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

use std::collections::VecDeque;
use std::ops::Range;

use crate::boxes::{FormatError, JointRuns};
use crate::index::{SampleTable, Track};
use crate::limits;
use crate::source::ReadAt;

/// Samples at the start of a range that are decoded before the first presented one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hidden {
    /// How many samples there are up to the last hidden one, inclusive.
    count: u32,
    /// Composition time in the film of the first presented sample.
    first_presented: i64,
    /// How many samples decode order may be from composition order, at most.
    reorder: u32,
    /// Media ticks of the film between the last of them and the first presented sample.
    pause: i64,
    /// Composition offset, in the film, of sync samples that follow.
    sync_offset: i64,
    /// Media ticks of the film in a second.
    timescale: i64,
    /// Whether all of them are in composition order, and none of them is presented.
    in_order: bool,
}

/// The times that the first samples of a range get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeadIn {
    /// How many samples get such times: the hidden ones, and the presented ones that are decoded
    /// among or soon after them.
    pub len: u32,
    /// Duration of each but the last, in ticks of the clip.
    pub step: u32,
    /// Duration of the last of them, in ticks of the clip.
    pub last_duration: u32,
    /// Whether composition times are decode times: nothing is reordered.
    pub in_order: bool,
    /// Composition time in the film of the first presented sample.
    pub first_presented: i64,
    /// That time in the clip, counted from the decode time of the first sample of the range.
    pub presented_at: i64,
    /// How many samples decode order may be from composition order, at most.
    reorder: u32,
    /// When the first of the hidden samples is presented, counted like `presented_at`.
    delay: i64,
    multiplier: u32,
    /// The composition time in the film from which on samples are not presented, and how much later
    /// they are in the clip.
    until: (i64, i64),
    /// Samples of the range.
    held: u32,
}

/// How many times as long as a hidden sample a frame lasts, if hidden samples may last as long.
const LONGEST_IN_STEPS: i64 = 500;

/// Hidden samples take no longer than 10 ms, unless their ticks would be shorter than players count
/// in.
pub(super) const LEAD_INS_A_SECOND: u64 = 100;

/// The longest pause, in milliseconds: of 14 frames a second.
const MAX_PAUSE: i64 = 70;

/// Composition offsets farther from each other than this are not moved.
const MAX_SPREAD: i64 = 1 << 29;

impl Hidden {
    /// The hidden samples of a range, if there are any. Those with a composition time of
    /// `first_presented` or later are presented; the first of them in decode order is sample
    /// `presented` of the film.
    pub(super) fn of<R: ReadAt>(
        track: &Track,
        source: &R,
        range: &Range<u32>,
        first_presented: i64,
        presented: u32,
    ) -> Result<Option<Self>, FormatError> {
        let samples = &track.samples;
        let (lowest, highest) = samples.ctts.as_ref().map_or((0, 0), |ctts| ctts.extremes());
        if highest - lowest > MAX_SPREAD || first_presented.abs() > i64::MAX / 8 {
            return Ok(None);
        }
        let last = match presented.checked_sub(1) {
            last if highest == lowest => last,
            _ => samples.last_before(source, first_presented)?,
        };
        let end = last.map_or(0, |last| last + 1).min(range.end - 1);
        let count = end.saturating_sub(range.start);
        if count == 0 || i64::from(count) > MAX_SPREAD {
            return Ok(None);
        }
        let reorder = samples.reorder();
        let in_order = (lowest, highest) == (0, 0) && end <= presented;
        // The mean duration of the samples after them. If a clip is cut again, its hidden samples
        // thus do not count.
        let decode_end = samples.decode_end_of(source, range)?;
        let frame = (decode_end - samples.dts(source, end)?) / i64::from(range.end - end);
        let longest = i64::from(track.mdhd.timescale).saturating_mul(MAX_PAUSE) / 1000;
        let pause = frame.min(longest);
        let sync_offset = match reorder {
            0 => highest,
            _ => samples.sync_offset(source, &(end..range.end))?.unwrap_or(0),
        };
        let timescale = track.mdhd.timescale.into();
        Ok(Some(Self { count, first_presented, reorder, pause, sync_offset, timescale, in_order }))
    }

    /// Ticks that the hidden samples take.
    pub(super) fn ticks(&self) -> u32 {
        self.count + self.reorder
    }

    /// Ticks between two hidden samples. libavformat complains of a sample that lasts a thousand
    /// times as long as those before it; of those that follow one may last `longest`.
    fn step(&self, longest: i64, multiplier: u32) -> i64 {
        let ticks =
            self.timescale.saturating_mul(multiplier.into()) / i64::try_from(LEAD_INS_A_SECOND).unwrap_or(1);
        let room = ticks / i64::from(self.ticks());
        (longest / LONGEST_IN_STEPS).min(room).max(1)
    }

    /// The times of the lead-in of a range whose decoding ends at `decode_end`.
    pub(super) fn lead_in<R: ReadAt>(
        &self,
        samples: &SampleTable,
        source: &R,
        range: &Range<u32>,
        decode_end: i64,
        until: (i64, i64),
        multiplier: u32,
    ) -> Result<LeadIn, FormatError> {
        let scaled = |time: i64| (time - self.first_presented).saturating_mul(multiplier.into());
        let pause = self.pause.saturating_mul(multiplier.into());
        let sync_offset = self.sync_offset.clamp(0, MAX_SPREAD).saturating_mul(multiplier.into());
        let (_, longest) = samples.stts.extremes();
        let longest = longest.saturating_mul(multiplier.into()).saturating_add(pause.max(sync_offset));
        let step = self.step(longest, multiplier);
        let delay = (i64::from(self.reorder) * step).max(sync_offset - pause);
        let steps = |count: u32| i64::from(count).saturating_mul(step);
        let mut presented_at = delay.saturating_add(steps(self.count)).saturating_add(pause);
        let total = range.end - range.start;
        let last = self.count.saturating_add(limits::REORDER).min(total);
        let mut len = self.count;
        let mut natural = 0;
        for run in JointRuns::from(source, &samples.stts, None, range.start + len, samples.base)? {
            let run = run?;
            natural = scaled(run.dts);
            // The first sample of the run that may be decoded when it is in the film.
            let mut left = run.count;
            while left > 0 && len < last && presented_at.saturating_add(natural) < steps(len) {
                (len, left) = (len + 1, left - 1);
                natural = natural.saturating_add(run.delta.saturating_mul(multiplier.into()));
            }
            if left > 0 {
                break;
            }
        }
        if len < total {
            presented_at = presented_at.max(steps(len).saturating_sub(natural));
        } else {
            natural = scaled(decode_end);
        }
        let mut next = presented_at.saturating_add(natural);
        if len == self.count && next.saturating_add(delay) > presented_at {
            // The last hidden sample would last until after the first presented one has begun.
            len += 1;
            let end = match len < total {
                true => samples.dts(source, range.start + len)?,
                false => decode_end,
            };
            next = presented_at.saturating_add(scaled(end));
        }
        let last_duration = next.saturating_sub(steps(len - 1)).max(1);
        Ok(LeadIn {
            len,
            step: u32::try_from(step).unwrap_or(1),
            last_duration: u32::try_from(last_duration).unwrap_or(u32::MAX >> 1),
            in_order: self.in_order,
            first_presented: self.first_presented,
            presented_at,
            reorder: self.reorder,
            delay,
            multiplier,
            until,
            held: total,
        })
    }
}

impl LeadIn {
    /// A lead-in of `len` samples in composition order. All but the last are a tick long. The first
    /// presented sample has the composition time `first_presented` in the film and `presented_at`
    /// in the clip.
    pub(super) fn in_order(
        len: u32,
        last_duration: u32,
        first_presented: i64,
        presented_at: i64,
        held: u32,
    ) -> Self {
        Self {
            len,
            step: 1,
            last_duration,
            in_order: true,
            first_presented,
            presented_at,
            reorder: 0,
            delay: 0,
            multiplier: 1,
            until: (i64::MAX, 0),
            held,
        }
    }

    /// How long all samples but the last are decoded, where these are all of the range.
    pub(super) fn all_but_last(&self) -> Option<i64> {
        (self.len == self.held).then(|| i64::from(self.len - 1).saturating_mul(self.step.into()))
    }

    /// Gives the composition offset, in ticks of the clip, of each sample of `part`. Samples are
    /// counted from the first of the range, which is sample `start` of the film.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn each_offset<R: ReadAt>(
        &self,
        samples: &SampleTable,
        source: &R,
        start: u32,
        part: Range<u32>,
        mut put: impl FnMut(i64),
    ) -> Result<(), FormatError> {
        // Composition times of the samples that may be reordered with the one at hand.
        let mut window = VecDeque::with_capacity(2 * self.reorder as usize + 1);
        let mut first = part.start.saturating_sub(self.reorder);
        let mut following = samples.joint_at(source, start + first)?.samples();
        for n in part {
            while first + self.reorder < n {
                window.pop_front();
                first += 1;
            }
            let end = u64::from(n) + u64::from(self.reorder) + 1;
            while window.len() as u64 + u64::from(first) < end.min(self.held.into()) {
                match following.next() {
                    Some(sample) => window.push_back(sample?.cts(0)),
                    None => break,
                }
            }
            let time = *window.get((n - first) as usize).ok_or_else(FormatError::changed)?;
            let step = i64::from(self.step);
            let own = i64::from(n).saturating_mul(step);
            let in_clip = |time: i64| {
                let since = (time - self.first_presented).saturating_mul(self.multiplier.into());
                self.presented_at.saturating_add(since)
            };
            let before = |from: i64| {
                let before = |(m, t): &(u32, &i64)| **t >= from && (**t, *m) < (time, n);
                i64::try_from((first..).zip(&window).filter(before).count()).unwrap_or(0)
            };
            let (until, margin) = self.until;
            let composed = if time >= until {
                in_clip(until.saturating_add(margin)).saturating_add(before(until)).max(own)
            } else if time >= self.first_presented {
                in_clip(time)
            } else {
                let rank = i64::from(first) + before(i64::MIN);
                (self.delay + rank.saturating_mul(step)).min(self.presented_at - 1).max(own)
            };
            put(composed - own);
        }
        Ok(())
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
    fn sound_keeps_its_times() {
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
