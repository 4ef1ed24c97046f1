//! When the samples of a track are presented, and where they are found by that time.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError, SyncSamples};
use crate::numbers::{Numbers, SampleNumber};
use crate::seek::TrackClip;
use crate::time::{ClipTime, MediaTime, Rounding, rescale};

use super::clip_track::ClipTrack;
use super::sap::Sap;

/// How the media time of a track in fragments becomes presentation time.
///
/// A file of all tracks is played as it is, and has the edit list of a flat answer. (With edits that
/// begin together, VLC would be in sync, but Chromium has the sound ahead and the film longer.) Only for
/// the time that sound waits, its decode times are later: of an edit list, Firefox counts what presents
/// something, and would end a film by as much too soon that ends with such sound. Pictures that wait
/// have an empty edit. Without one, GStreamer and WebKitGTK go on to frames that are presented after
/// the end.
///
/// A file of one track is mostly played by Media Source Extensions, where Chromium skips empty edits. So
/// there the time that a track waits is added to its decode times, and an edit list is written only
/// where samples are presented before the start, or there are several edits. Some players look at no
/// edit list at all: WebKit's Media Source Extensions, GStreamer, VLC. So that their sound is not
/// ahead of the picture, all tracks of a presentation have the edit of the video where they can.
///
/// Composition offsets below 0 would need no edit list for video. They were tried: libavformat and
/// GStreamer (so WebKitGTK, too) present such a file later by as much as the lowest offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placement {
    /// Added to all decode times.
    pub(super) delay: ClipTime,
    /// The edit list that is written; empty for none.
    pub(super) edits: Vec<ElstEntry>,
    /// What a media time with the delay is presented earlier by, where there is one edit.
    skipped: ClipTime,
    /// What is presented when, where there are several edits.
    plays: Plays,
}

impl Placement {
    /// That of a track in a file of all tracks, whose clip counts movie time in `movie` and its media
    /// in `media`.
    pub(super) fn of_clip(clip: &TrackClip, is_sound: bool, movie: u32, media: u32) -> Self {
        if let Some((wait, play)) = whole_after_wait(clip).filter(|_| is_sound) {
            let delay = ClipTime(rescale(wait.into(), movie, media, Rounding::Nearest));
            let segment_duration = wait.saturating_add(play.segment_duration);
            let edits = vec![ElstEntry { segment_duration, ..play }];
            return Self { delay, edits, skipped: ClipTime(0), plays: Plays::default() };
        }
        let skipped = clip.edits.first().and_then(|edit| edit.media_time).unwrap_or(0);
        let (edits, plays) = (clip.edits.clone(), Plays::of(&clip.edits, movie, media));
        Self { delay: ClipTime(0), edits, skipped: ClipTime(skipped), plays }
    }

    /// That of a track in a file of its own; `origin` is that of the track that the segments follow.
    pub(super) fn of_track(clip: &TrackClip, movie: u32, media: u32, origin: Option<Origin>) -> Self {
        let (delay, plays) = (ClipTime(0), Plays::default());
        let none = Self { delay, edits: Vec::new(), skipped: ClipTime(0), plays };
        let Some((edit, skipped)) = single_edit(clip, movie, media) else {
            let (edits, plays) = (clip.edits.clone(), Plays::of(&clip.edits, movie, media));
            return Self { edits, plays, ..none };
        };
        let origin = origin.map_or(0, |origin| rescale(origin.0.into(), origin.1, media, Rounding::Nearest));
        let origin = origin.max(skipped);
        let delay = ClipTime(origin - skipped);
        if origin <= 0 {
            return Self { delay, ..none };
        }
        // 8.6.6.1: in a fragmented movie, an edit of no duration lasts as long as the fragments.
        let edit = ElstEntry { segment_duration: 0, media_time: Some(origin), ..edit };
        Self { delay, edits: vec![edit], skipped: ClipTime(origin), ..none }
    }

    /// When a composition time of the clip is presented, in ticks of the track; before 0 where it
    /// is hidden.
    fn presented(&self, time: ClipTime) -> i64 {
        if self.edits.len() < 2 {
            return (time + self.delay - self.skipped).0;
        }
        self.plays.presented(time.0.into(), |play| play.media_end)
    }

    /// Memory that it takes besides its own size, in bytes.
    pub(super) fn heap_size(&self) -> usize {
        self.edits.capacity() * size_of::<ElstEntry>() + self.plays.all.capacity() * size_of::<Play>()
    }
}

/// What several edits present of the media. Each segment looks samples up in it, so it is searched by
/// halves: of two edits of which the later one ends no later in the media, nothing is presented first
/// by the later one, and it is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Plays {
    /// In the order of the edits, and of where they end in the media.
    all: Vec<Play>,
    /// How long all edits last.
    lasts: i64,
}

/// An edit, in ticks of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Play {
    media_time: i64,
    media_end: i128,
    /// When it begins to be presented.
    begins: i128,
}

impl Plays {
    fn of(edits: &[ElstEntry], movie: u32, media: u32) -> Self {
        let (mut all, mut begins) = (Vec::<Play>::new(), 0i128);
        for edit in edits {
            let lasts = i128::from(edit.segment_duration) * i128::from(media) / i128::from(movie.max(1));
            if let Some(media_time) = edit.media_time {
                let media_end = i128::from(media_time) + lasts;
                if all.last().is_none_or(|last| last.media_end < media_end) {
                    all.push(Play { media_time, media_end, begins });
                }
            }
            begins += lasts;
        }
        Self { all, lasts: i64::try_from(begins).unwrap_or(i64::MAX / 4) }
    }

    /// When a media time is first presented, or what follows it first; at the end if nothing does.
    fn presented(&self, time: i128, mut media_end: impl FnMut(&Play) -> i128) -> i64 {
        let first = self.all.partition_point(|play| media_end(play) <= time);
        let Some(play) = self.all.get(first) else { return self.lasts };
        let into = (time - i128::from(play.media_time)).max(0);
        i64::try_from(play.begins + into).unwrap_or(i64::MAX / 4)
    }
}

/// The media time at which the presentation of a track begins: ticks, and how many are a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin(i64, u32);

impl Origin {
    /// That of a track in a file of its own; `None` where no single edit tells.
    pub(super) fn of(clip: &TrackClip, movie: u32, media: u32) -> Option<Self> {
        single_edit(clip, movie, media).map(|(_, skipped)| Self(skipped.max(0), media))
    }
}

/// How long a track waits, and the edit that plays then, where that begins with the first of its media:
/// nothing is hidden before it that would be heard in the meantime.
fn whole_after_wait(clip: &TrackClip) -> Option<(u64, ElstEntry)> {
    let [wait, play] = *clip.edits else { return None };
    let is_whole = play.media_time == Some(0) && play.media_rate == ElstEntry::NORMAL_RATE;
    (wait.media_time.is_none() && is_whole).then_some((wait.segment_duration, play))
}

/// The only edit that plays, and what of the media is before the start of the clip; below 0 where
/// the track begins later.
fn single_edit(clip: &TrackClip, movie: u32, media: u32) -> Option<(ElstEntry, i64)> {
    let waits: u64 =
        clip.edits.iter().take_while(|e| e.media_time.is_none()).map(|e| e.segment_duration).sum();
    let mut plays = clip.edits.iter().filter(|e| e.media_time.is_some());
    let (Some(first), None) = (plays.next(), plays.next()) else { return None };
    if first.media_rate != ElstEntry::NORMAL_RATE {
        return None;
    }
    let waits = rescale(waits.into(), movie, media, Rounding::Nearest);
    Some((*first, first.media_time.unwrap_or(0).saturating_sub(waits)))
}

/// A track of a fragmented answer, ready for look-ups.
#[derive(Clone, Copy)]
pub(super) struct Presented<'a> {
    pub(super) samples: ClipTrack<'a>,
    pub(super) placement: &'a Placement,
    /// Ticks per second of its media.
    pub(super) media: u32,
}

impl Presented<'_> {
    /// When a sample is presented, in ticks of the track.
    pub(super) fn at(&self, sample: SampleNumber) -> Result<i64, FormatError> {
        Ok(self.placement.presented(self.samples.cts(sample)?))
    }

    /// When a sample would be presented if it were presented as soon as it is decoded.
    pub(super) fn decoded_at(&self, sample: SampleNumber) -> Result<i64, FormatError> {
        Ok(self.placement.presented(self.samples.dts(sample)?))
    }

    /// When the presentation of all has ended: where samples are presented later than they are
    /// decoded, that is after the decode time of the last has ended.
    pub(super) fn end(&self) -> Result<i64, FormatError> {
        let all = self.samples.count();
        let latest = self.decoded_at(all)?;
        let reorder = self.samples.table.reorder().saturating_add(1).min(all.0);
        let last = all - reorder..all;
        let mut decoded = self.samples.dts(last.start)?;
        let mut end = decoded;
        self.samples.each_time(last, |sample| {
            let lasts = ClipTime(sample.duration.into());
            end = end.max(decoded + sample.signed_offset() + lasts);
            decoded = decoded + lasts;
        })?;
        Ok(latest.max(self.placement.presented(end)))
    }

    /// A sample that is decoded at about a time, which is one of presentation.
    fn near(&self, time: i64) -> Result<SampleNumber, FormatError> {
        let time = ClipTime(time) - self.placement.delay + self.placement.skipped;
        let starts = self.samples.starts;
        let n = starts.partition_point(|start| *start <= time).saturating_sub(1);
        let (Some(range), Some(start)) = (self.samples.clip.ranges.get(n), starts.get(n)) else {
            return Ok(SampleNumber::FIRST);
        };
        let table = self.samples.table;
        let into = (time - *start).in_file(self.samples.clip.multiplier);
        let from = table.dts(&self.samples.source, range.samples.start)?;
        let found = table.sample_at_dts(&self.samples.source, from + into.max(MediaTime(0)))?;
        Ok(range.place + (found.max(range.samples.start) - range.samples.start).min(range.len() - 1))
    }

    /// The first sample from `from` on that is presented at `time` or later, where samples are
    /// presented in the order that they are decoded in.
    pub(super) fn first_at(&self, from: SampleNumber, time: i64) -> Result<SampleNumber, FormatError> {
        let end = self.samples.count();
        let is_before = |sample: SampleNumber| Ok::<_, FormatError>(self.at(sample)? < time);
        let begin = self.near(time)?.clamp(from, end);
        // Away from where it is likely, twice as far each time.
        let mut step = 1;
        let (mut low, mut high);
        if begin < end && is_before(begin)? {
            low = begin.next();
            while low + step < end && is_before(low + step)? {
                low = low + step + 1;
                step *= 2;
            }
            high = end.min(low + step);
        } else {
            high = begin;
            while high > from + step && !is_before(high - step)? {
                high = high - step;
                step *= 2;
            }
            low = from.max(high - step);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle)? { low = middle.next() } else { high = middle }
        }
        Ok(low)
    }

    /// The first sample from `from` on that decoding can begin at and that is presented at `time`
    /// or later; `None` if there is none.
    pub(super) fn sync_at(&self, from: SampleNumber, time: i64) -> Result<Option<Entrance>, FormatError> {
        if self.samples.detected.is_none() && matches!(self.samples.listed()?, SyncSamples::All) {
            let found = self.first_at(from, time)?;
            return if found < self.samples.count() { self.entrance(found).map(Some) } else { Ok(None) };
        }
        let (_, highest) = self.samples.table.extreme_offsets();
        let latest = highest.in_clip(self.samples.clip.multiplier) + self.samples.clip.offset_shift;
        let mut from = self.near(time.saturating_sub(latest.0.max(0)))?.max(from);
        while let Some(sync) = self.samples.next_sync(from)? {
            let entrance = self.entrance(sync)?;
            if entrance.time >= time {
                return Ok(Some(entrance));
            }
            from = sync.next();
        }
        Ok(None)
    }

    /// What is to be known of a sample that a segment begins with. Its time and those of the samples
    /// that follow it are looked up together.
    pub(super) fn entrance(&self, sample: SampleNumber) -> Result<Entrance, FormatError> {
        let near = sample..self.samples.count().min(sample + self.samples.table.reorder() + 1);
        let (mut first, mut leading) = (None, None);
        let (mut decoded, mut n) = (ClipTime(0), 0);
        self.samples.each_time(near, |entry| {
            let composed = decoded + entry.signed_offset();
            let first = *first.get_or_insert(composed);
            leading = leading.or((composed < first).then_some(n));
            decoded = decoded + ClipTime(entry.duration.into());
            n += 1;
        })?;
        let composed = self.samples.dts(sample)? + first.unwrap_or_default();
        Ok(Entrance { sample, time: self.placement.presented(composed), leading })
    }

    /// How decoding begins with the first of these samples.
    pub(super) fn sap(&self, samples: &Range<SampleNumber>) -> Result<Sap, FormatError> {
        let first = samples.start;
        if samples.is_empty() || self.samples.sync_in(&(first..first.next()))?.is_empty() {
            return Ok(Sap::None);
        }
        Ok(if self.samples.table.reorder() == 0 { Sap::First } else { self.entrance(first)?.sap(samples) })
    }
}

/// A sample that a segment may begin with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entrance {
    pub(super) sample: SampleNumber,
    /// When it is presented, in ticks of the track.
    pub(super) time: i64,
    /// How many samples later the first one is decoded that is presented before it, if there is one.
    leading: Option<u32>,
}

impl Entrance {
    /// How decoding begins with these samples, of which this is the first, and a sync sample.
    pub(super) fn sap(&self, samples: &Range<SampleNumber>) -> Sap {
        match self.leading {
            Some(n) if n < samples.count() => Sap::Open,
            _ => Sap::First,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, edit by edit.
    fn walked(edits: &[ElstEntry], movie: u32, media: u32, time: i64) -> i64 {
        let mut begins = 0i128;
        for edit in edits {
            let lasts = i128::from(edit.segment_duration) * i128::from(media) / i128::from(movie);
            if let Some(media_time) = edit.media_time {
                let into = i128::from(time) - i128::from(media_time);
                if into < lasts {
                    return i64::try_from(begins + into.max(0)).unwrap_or(i64::MAX / 4);
                }
            }
            begins += lasts;
        }
        i64::try_from(begins).unwrap_or(i64::MAX / 4)
    }

    fn edit(segment_duration: u64, media_time: Option<i64>) -> ElstEntry {
        ElstEntry { segment_duration, media_time, media_rate: ElstEntry::NORMAL_RATE }
    }

    proptest! {
        #[test]
        fn what_edits_present_is_found_as_by_a_walk(
            edits in proptest::collection::vec(
                (prop_oneof![0..50u64, Just(u64::MAX)], proptest::option::of(0..200i64)), 0..30),
            (movie, media) in (1..5u32, 1..7u32),
        ) {
            let edits: Vec<_> = edits.into_iter().map(|(lasts, media_time)| edit(lasts, media_time)).collect();
            let plays = Plays::of(&edits, movie, media);
            for time in (-3..400).chain([i64::MIN, i64::MAX]) {
                let found = plays.presented(time.into(), |play| play.media_end);
                prop_assert_eq!(found, walked(&edits, movie, media, time), "{}", time);
            }
        }
    }

    #[test]
    fn few_of_many_edits_are_looked_at() {
        let edits: Vec<_> = (0..16_000).map(|n| edit(6000, Some(n * 6000))).collect();
        let plays = Plays::of(&edits, 1000, 1000);
        for time in (0..16_000 * 6000).step_by(7_654_321) {
            let mut looked_at = 0;
            let found = plays.presented(time, |play| {
                looked_at += 1;
                play.media_end
            });
            assert_eq!(i128::from(found), time);
            assert!(looked_at <= 15, "{looked_at} edits for {time}");
        }
    }
}
