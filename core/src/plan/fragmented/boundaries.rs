//! Where segments begin: a function of the film, the clip and the duration that is wanted.
//!
//! ```text
//! the reference   its first sample that decoding can begin at, at or after each multiple of the
//!                 duration; a longer group of pictures makes a longer segment
//! behind its end  the multiples themselves, as long as other tracks go on
//! chapters        all in the first segment: they are listed before all is played, and libavformat
//!                 reads them before any other segment
//! other tracks    their first sample at or after those times, if it is not one of the last packets
//! ```

use std::ops::Range;

use crate::boxes::FormatError;
use crate::limits;
use crate::numbers::SampleNumber;
use crate::time::{Rounding, rescale};

use super::presentation::{Entrance, Presented};

/// The part of a second that the samples of audio are shorter than. By one of them, a segment may be
/// longer than its boundaries are apart: by what is left of sound at the end, too.
const LONGEST_SAMPLE: u32 = 4;

/// Where segments begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Boundaries {
    /// When each but the first begins, in ticks of the reference.
    pub(super) times: Vec<i64>,
    /// What of the reference begins each but the first; fewer where it ends before other tracks.
    pub(super) entrances: Vec<Entrance>,
}

/// How far apart the boundaries are, in seconds. All tracks of a presentation have the same, while
/// their segments differ by a sample or so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spacing {
    /// The target duration of media playlists (RFC 8216bis, 4.4.3.1): no segment rounds to more.
    pub target: u64,
    /// That of the first segment alone.
    pub first: u64,
}

/// What of the reference begins segments that last so many ticks at least.
struct Found {
    target: i64,
    entrances: Vec<Entrance>,
}

impl Found {
    /// The first multiple of the duration behind a time.
    fn following(&self, time: i64) -> i64 {
        (time.div_euclid(self.target) + 1).saturating_mul(self.target)
    }

    /// When the next segment may begin.
    fn next(&self) -> i64 {
        self.entrances.last().map_or(self.target, |last| self.following(last.time))
    }

    /// How many multiples of the duration there are from one of them up to a time.
    fn multiples(&self, from: i64, end: i64) -> u64 {
        let ticks = u64::try_from(end.saturating_sub(from)).unwrap_or(0);
        ticks.div_ceil(self.target.unsigned_abs().max(1))
    }

    /// Doubles the duration, and keeps what begins a segment then.
    fn lengthen(&mut self) {
        self.target = self.target.saturating_mul(2);
        let shorter = std::mem::take(&mut self.entrances);
        for entrance in shorter {
            if entrance.time >= self.next() {
                self.entrances.push(entrance);
            }
        }
    }
}

impl Boundaries {
    /// How far apart they are. `lasts` is from when the first track begins to when the last one ends, in
    /// ticks of the reference, of which so many are a second.
    pub(super) fn spacing(&self, lasts: &Range<i64>, timescale: u32) -> Spacing {
        let starts = [&lasts.start].into_iter().chain(&self.times);
        let ends = self.times.iter().chain([&lasts.end]);
        let seconds = |ticks: i64| {
            let timescale = u64::from(timescale.max(1));
            let ticks = u64::try_from(ticks).unwrap_or(0);
            let longer = ticks.saturating_add(timescale / u64::from(LONGEST_SAMPLE));
            (longer.saturating_add(timescale / 2) / timescale).max(1)
        };
        let mut all = starts.zip(ends).map(|(start, end)| seconds(end.saturating_sub(*start)));
        let first = all.next().unwrap_or(1);
        Spacing { target: all.fold(first, u64::max), first }
    }

    /// Finds them, for segments of so many seconds. `end` is when the last track ends, in ticks of
    /// the reference.
    ///
    /// A film with more segments than can be counted gets segments of twice the length, or of four
    /// times, and so on. What was found for shorter ones holds those for longer ones, so no sample is
    /// looked up twice.
    pub(super) fn of(reference: &Presented<'_>, seconds: u32, end: i64) -> Result<Self, FormatError> {
        let target = i64::from(reference.media).saturating_mul(seconds.max(1).into());
        let mut found = Found { target: target.max(1), entrances: Vec::new() };
        let mut from = SampleNumber::FIRST.next();
        while let Some(entrance) = reference.sync_at(from, found.next())? {
            from = entrance.sample.next();
            found.entrances.push(entrance);
            while found.entrances.len() >= limits::SEGMENTS {
                found.lengthen();
            }
        }
        let of_reference = reference.end()?.saturating_sub(1);
        let first = |found: &Found| found.next().max(found.following(of_reference));
        while found.entrances.len() as u64 + found.multiples(first(&found), end) >= limits::SEGMENTS as u64 {
            found.lengthen();
        }
        let mut times: Vec<_> = found.entrances.iter().map(|entrance| entrance.time).collect();
        let mut next = first(&found);
        while next < end {
            times.push(next);
            next = next.saturating_add(found.target);
        }
        Ok(Self { times, entrances: found.entrances })
    }

    /// The first sample of the reference in each segment, and the number of all.
    pub(super) fn of_reference(&self, reference: &Presented<'_>) -> Vec<SampleNumber> {
        let all = reference.samples.count();
        let found = self.entrances.iter().map(|entrance| entrance.sample);
        let behind = self.times.len() - self.entrances.len();
        let ends = std::iter::repeat_n(all, behind + 1);
        [SampleNumber::FIRST].into_iter().chain(found).chain(ends).collect()
    }

    /// The same for chapters, all of which are in the first segment.
    pub(super) fn of_chapters(&self, track: &Presented<'_>) -> Vec<SampleNumber> {
        let ends = std::iter::repeat_n(track.samples.count(), self.times.len() + 1);
        [SampleNumber::FIRST].into_iter().chain(ends).collect()
    }

    /// The first sample of another track in each segment, and the number of all. Those of a film that
    /// `may_grow` stay when it does.
    pub(super) fn of_other(
        &self,
        track: &Presented<'_>,
        reference_timescale: u32,
        is_video: bool,
        may_grow: bool,
    ) -> Result<Vec<SampleNumber>, FormatError> {
        let all = track.samples.count();
        // hls.js takes sound to be where it is decoded, some 100 ms after it is presented where frames
        // are reordered, and waits for a last segment of some packets past the end of what is
        // buffered. These belong to the segment before, then.
        let latest = match is_video {
            true => i64::MAX,
            false => track.end()?.saturating_sub((track.media / LONGEST_SAMPLE).into()),
        };
        let listed = if may_grow { self.entrances.len() } else { 0 };
        let mut found = vec![SampleNumber::FIRST];
        let mut from = SampleNumber::FIRST;
        for (n, &time) in self.times.iter().enumerate() {
            let time = rescale(time.into(), reference_timescale, track.media, Rounding::Up);
            from = match is_video {
                true => track.sync_at(from, time)?.map_or(all, |entrance| entrance.sample),
                false if n >= listed && time > latest => all,
                false => track.first_at(from, time)?,
            };
            found.push(from);
        }
        found.push(all);
        Ok(found)
    }
}
