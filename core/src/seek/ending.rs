//! Times of the samples at the end of a clip.
//!
//! For Chromium a movie lasts until the last sample ends, presented or not, and Firefox plays that
//! long. If video is reordered, some samples that are decoded for others have composition times
//! after the end of the edit. The last sample may last longer than the edit, too.
//!
//! ```text
//! E            media time at which the edit ends, E' the same in the clip
//! first        the first sample that ends after E, in decode order
//! from there on, in decode order:
//!   presented at E or later   composition time E' + its rank among these, decoded for one tick
//!   else                      composition time as before, lasts until E' at most
//! ```
//!
//! Players of segments look at no end of an edit, and scenes may follow one another in one edit. There the
//! samples that are not presented come in the last ticks before the last one that is, and last until E' at
//! most: the frame that stays when all has been played, and the one before another scene, is the right one.
//!
//! The decode times are the sums of the durations. Composition offsets grow by what durations
//! shrink.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::index::SampleTable;
use crate::numbers::{Numbers, SampleNumber};
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime};

use super::lead_in::Until;

/// The times of the last samples of a range in the file.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    /// The number of the first of them in the range.
    first: u32,
    times: Vec<Times>,
    /// Media time at which the last edit ends.
    pub(super) end: MediaTime,
    /// How long after that the samples are presented that are not part of the edit.
    pub(super) margin: MediaTime,
    /// The time before which those come instead.
    before: Option<MediaTime>,
    /// By how much all composition offsets are raised.
    raised: MediaTime,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    decode: MediaTime,
    composition: MediaTime,
    duration: MediaTime,
}

/// The times of a sample that differ from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retimed {
    /// Its duration.
    pub duration: ClipTime,
    /// Its composition offset.
    pub offset: ClipTime,
}

impl Ending {
    /// Reads the last samples of a range: those that may be reordered with the last one, and the
    /// one before them, which may still be on screen when the last begins.
    pub(super) fn of<R: ReadAt>(
        samples: &SampleTable,
        source: &R,
        range: &Range<SampleNumber>,
        end: MediaTime,
        margin: MediaTime,
    ) -> Result<Self, FormatError> {
        let count = samples.reorder().saturating_add(2).min(range.count());
        let first = range.end - count;
        let times = samples.joint_at(source, first)?.samples().take(count as usize).map(|sample| {
            let sample = sample?;
            Ok(Times { decode: sample.dts, composition: sample.cts(0), duration: sample.delta })
        });
        let times = times.collect::<Result<_, FormatError>>()?;
        Ok(Self { first: first - range.start, times, end, margin, before: None, raised: MediaTime(0) })
    }

    /// The same where no edit hides what is decoded for other samples. Where nothing is presented
    /// before the last one but `first_shown`, they come before the end. All composition offsets are
    /// `raised`.
    pub(super) fn without_edit(self, first_shown: MediaTime, raised: MediaTime) -> Self {
        let presented = self.times.iter().map(|t| t.composition).filter(|time| *time < self.end);
        let last = presented.max().filter(|last| *last > first_shown);
        Self { before: Some(last.unwrap_or(self.end)), raised, ..self }
    }

    /// Whether some of the samples are not presented.
    pub(super) fn has_hidden(&self) -> bool {
        self.times.iter().any(|t| t.composition >= self.end)
    }

    /// The ticks that those take after the end, and one.
    pub(super) fn hidden_ticks(&self) -> ClipTime {
        let hidden = self.times.iter().filter(|t| t.composition >= self.end).count();
        ClipTime(i64::try_from(hidden).unwrap_or(0) + 1)
    }

    /// From when on samples are not presented.
    pub(super) fn until(&self) -> Until {
        let (later, earlier) = match self.before {
            Some(last) => (last - self.end, self.hidden_ticks() - ClipTime(1)),
            None => (self.margin, ClipTime(0)),
        };
        Until { end: self.end, later, earlier, raised: self.raised }
    }

    /// The composition time of the sample that is decoded last.
    pub(super) fn last_composition(&self) -> MediaTime {
        self.times.last().map_or(self.end, |t| t.composition)
    }

    /// The times that the last samples of the range get, and when their decoding ends; none if they
    /// need no others than in the file. The first `lead_in` samples of the range already have
    /// others. `in_clip` converts a media time of the file to one of the clip.
    pub(super) fn retimed(
        &self,
        lead_in: u32,
        multiplier: u32,
        in_clip: impl Fn(MediaTime) -> ClipTime,
    ) -> (Vec<Retimed>, Option<ClipTime>) {
        let end = in_clip(self.end);
        let late = self.until().late_from(end, multiplier);
        let raised = self.raised.in_clip(multiplier);
        let later = self.times.get(lead_in.saturating_sub(self.first) as usize..).unwrap_or_default();
        let ends_late = |t: &Times| t.composition + t.duration > self.end;
        let kept = later.iter().position(ends_late).unwrap_or(later.len());
        let ends = |t: &Times| in_clip(t.composition) + t.duration.in_clip(multiplier);
        let mut reached = later.iter().take(kept).map(ends).max().unwrap_or(ClipTime::MIN);
        let rest = match later.len().checked_sub(1) {
            // The last sample lasts until the edit ends if no other does.
            Some(last) if kept > last && reached < end => later.get(last..),
            _ => later.get(kept..),
        };
        let rest = rest.unwrap_or_default();
        let mut decode = rest.first().map_or(ClipTime(0), |t| in_clip(t.decode));
        let mut out = Vec::with_capacity(rest.len());
        for (n, t) in rest.iter().enumerate() {
            let lasts = t.duration.in_clip(multiplier);
            let (composition, mut lasts) = if t.composition >= self.end {
                let rank = self.rank(self.times.len() - rest.len() + n);
                // What they were shorter would be left to the last sample, which would last past the end.
                let composition = (late + rank).max(decode - raised);
                let longest = if self.before.is_some() { end - composition } else { ClipTime(1) };
                (composition, lasts.min(longest.max(ClipTime(1))))
            } else {
                let composition = in_clip(t.composition);
                (composition, lasts.min(end - composition))
            };
            if t.composition < self.end {
                reached = reached.max(composition + lasts);
            }
            if n + 1 == rest.len() && reached < end {
                lasts = end - composition;
            }
            let duration = lasts.in_field();
            out.push(Retimed { duration, offset: composition - decode });
            decode = decode + duration;
        }
        (out, rest.first().map(|_| decode))
    }

    /// A tick for each sample that is not presented and precedes this one in composition order.
    fn rank(&self, place: usize) -> ClipTime {
        let Some(own) = self.times.get(place) else { return ClipTime(0) };
        let hidden = self.times.iter().enumerate().filter(|(_, t)| t.composition >= self.end);
        let before = hidden.filter(|(n, t)| (t.composition, *n) < (own.composition, place));
        ClipTime(i64::try_from(before.count()).unwrap_or(0))
    }
}
