//! A track's edit list in the clip's movie time.

use crate::boxes::ElstEntry;
use crate::index::Track;

pub(super) const NANOS: i128 = 1_000_000_000;

pub(super) fn clamp(n: i128) -> u64 {
    u64::try_from(n.max(0)).unwrap_or(u64::MAX)
}

/// A track's edit list as stretches of the clip's movie time.
pub(super) struct Timeline {
    pub(super) segments: Vec<Segment>,
    pub(super) media_timescale: u32,
    pub(super) timescale: u32,
    pub(super) media_start: i64,
}

/// A stretch of movie time in which a track's media is presented.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) media_time: i64,
    /// 16.16 fixed point.
    pub(super) rate: u32,
}

/// Movie times past this are not believed; it keeps all sums of ticks far from overflow.
pub(super) const MAX_TICKS: i128 = 1 << 60;

impl Timeline {
    pub(super) fn of(track: &Track, movie_timescale: u32, timescale: u32) -> Self {
        let media_timescale = track.mdhd.timescale.max(1);
        let mut line =
            Self { segments: Vec::new(), media_timescale, timescale, media_start: track.samples.start };
        if track.samples.count == 0 {
            return line;
        }
        let media_end = track.samples.end;
        let until_media_end = |start: u64, media_time: i64| {
            let left = i128::from(media_end.saturating_sub(media_time).max(0));
            let ticks = (left * i128::from(timescale) + i128::from(media_timescale) - 1)
                / i128::from(media_timescale);
            clamp((i128::from(start) + ticks).min(MAX_TICKS))
        };
        if track.edits.is_empty() {
            let rate = ElstEntry::NORMAL_RATE;
            line.segments.push(Segment { start: 0, end: until_media_end(0, 0), media_time: 0, rate });
            return line;
        }
        let mut elapsed = 0i128;
        let ticks = |movie: i128| {
            let n = i128::from(timescale);
            let d = i128::from(movie_timescale.max(1));
            clamp(((movie.min(MAX_TICKS) * n + d / 2) / d).min(MAX_TICKS))
        };
        for (n, edit) in track.edits.iter().enumerate() {
            let start = ticks(elapsed);
            elapsed += i128::from(edit.segment_duration);
            let Some(media_time) = edit.media_time else { continue };
            let mut end = ticks(elapsed);
            let last = n + 1 == track.edits.len();
            if edit.segment_duration == 0 && last {
                end = until_media_end(start, media_time);
            } else if edit.media_rate == ElstEntry::NORMAL_RATE {
                // What the media does not have is not presented.
                end = end.min(until_media_end(start, media_time));
            }
            if end > start && media_time < media_end {
                line.segments.push(Segment { start, end, media_time, rate: edit.media_rate });
            }
        }
        line
    }

    /// Whether ticks of the media are not whole ticks of the movie.
    pub(super) fn is_coarse(&self) -> bool {
        self.timescale % self.media_timescale != 0
    }

    pub(super) fn end(&self) -> u64 {
        self.segments.last().map_or(0, |s| s.end)
    }

    /// Presents what is presented last up to a time.
    pub(super) fn hold_until(&mut self, end: u64) {
        let (rate, media_time) = (ElstEntry::NORMAL_RATE, self.media_start);
        match self.segments.last_mut() {
            Some(last) => last.end = last.end.max(end),
            None => self.segments.push(Segment { start: 0, end, media_time, rate }),
        }
    }

    /// The segment that is presented at a time, given in billionths of a tick.
    pub(super) fn at(&self, time: i128) -> Option<&Segment> {
        let segment = self.segments.iter().rev().find(|s| i128::from(s.start) * NANOS <= time)?;
        (time < i128::from(segment.end) * NANOS).then_some(segment)
    }

    /// When a segment presents the media of a time: not before the segment begins.
    pub(super) fn shown_at(&self, segment: &Segment, media: i64) -> u64 {
        let into = self.to_movie(media.saturating_sub(segment.media_time).max(0), Rounding::Nearest);
        segment.start.saturating_add(u64::try_from(into).unwrap_or(0))
    }

    /// Media ticks of a number of movie ticks.
    pub(super) fn to_media(&self, ticks: u64, rounding: Rounding) -> i64 {
        scale(i128::from(ticks), self.media_timescale, self.timescale, rounding)
    }

    /// Movie ticks of a number of media ticks.
    pub(super) fn to_movie(&self, ticks: i64, rounding: Rounding) -> i64 {
        scale(i128::from(ticks), self.timescale, self.media_timescale, rounding)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    Nearest,
    Up,
}

pub(super) fn scale(n: i128, to: u32, from: u32, rounding: Rounding) -> i64 {
    let product = n * i128::from(to);
    let from = i128::from(from.max(1));
    let up = if rounding == Rounding::Up { from - 1 } else { from / 2 };
    i64::try_from((product + up).div_euclid(from)).unwrap_or(i64::MAX / 4)
}
