//! How an answer came about, for the debug log.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::time::Duration;

use crate::boxes::BoxType;
use crate::index::Index;
use crate::request::{ClipRequest, Mode, Time};
use crate::seek::Clip;
use crate::time::NANOS_PER_SECOND;

/// What a plan holds of a movie. It is kept with the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    timescale: u32,
    /// When each begins in the presentation of the movie, and how long it lasts.
    scenes: Box<[(u64, u64)]>,
    /// Whether one edit presents all scenes.
    goes_on: bool,
    /// Whether what is appended to the movie may belong to it, too.
    reaches_end: bool,
    tracks: Box<[TrackSummary]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TrackSummary {
    id: u32,
    handler: BoxType,
    samples: u32,
    edits: u32,
}

impl Summary {
    /// What a clip of the movie holds.
    pub fn of(index: &Index, clip: &Clip) -> Self {
        let tracks = index.tracks.iter().zip(&clip.tracks).filter_map(|(track, held)| {
            let held = held.as_ref()?;
            Some(TrackSummary {
                id: track.tkhd.track_id,
                handler: track.handler,
                samples: held.sample_count(),
                edits: u32::try_from(held.edits.len()).unwrap_or(u32::MAX),
            })
        });
        Self {
            timescale: clip.timescale,
            scenes: clip.scenes.iter().map(|s| (s.start.0, (s.end - s.start).0)).collect(),
            goes_on: clip.is_joined,
            reaches_end: clip.reaches_end(index),
            tracks: tracks.collect(),
        }
    }

    /// What of the movie has been presented when the clip has been for so long, scene by scene. All
    /// is in nanoseconds.
    pub(crate) fn presented_nanos(&self, played: u128) -> impl Iterator<Item = Range<u128>> + '_ {
        let mut begins = 0;
        self.scenes.iter().map_while(move |&(start, duration)| {
            let left = played.checked_sub(self.nanos(begins)).filter(|left| *left > 0)?;
            begins = begins.saturating_add(duration);
            let start = self.nanos(start);
            Some(start..start + left.min(self.nanos(duration)))
        })
    }

    /// How long the clip is presented, in nanoseconds.
    pub(crate) fn duration_nanos(&self) -> u128 {
        self.nanos(self.duration())
    }

    /// Whether the clip joins several scenes.
    pub(crate) fn is_joined(&self) -> bool {
        self.scenes.len() > 1
    }

    /// Whether its sound goes on from scene to scene in whole packets, up to one beside its time.
    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// Whether what is appended to the movie may belong to the clip, too.
    pub(crate) fn reaches_end(&self) -> bool {
        self.reaches_end
    }

    fn duration(&self) -> u64 {
        self.scenes.iter().fold(0, |sum, (_, duration)| sum.saturating_add(*duration))
    }

    fn nanos(&self, ticks: u64) -> u128 {
        u128::from(ticks) * u128::from(NANOS_PER_SECOND) / u128::from(self.timescale.max(1))
    }

    /// Whether the clip holds samples of the track of this ID.
    pub(crate) fn has_track(&self, id: u32) -> bool {
        self.tracks.iter().any(|track| track.id == id && track.samples > 0)
    }

    /// Bytes it takes besides its own size.
    pub fn heap_size(&self) -> usize {
        size_of_val(&*self.tracks) + size_of_val(&*self.scenes)
    }
}

/// What was asked for, what was found, and what it took. Displayed, it is one line.
#[derive(Debug, Clone)]
pub struct Explanation {
    pub(crate) asked: Times,
    /// `None` for all of the movie.
    pub(crate) found: Option<Summary>,
    /// Length of the answer's whole body.
    pub(crate) bytes: u64,
    /// What took part in answering.
    pub(crate) work: Work,
}

/// The times and the mode of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    start: Time,
    end: Option<Time>,
    more: usize,
    mode: Mode,
    is_cut: bool,
}

impl From<&ClipRequest> for Times {
    fn from(request: &ClipRequest) -> Self {
        let ClipRequest { start, end, mode, is_cut, .. } = *request;
        Self { start, end, more: request.more.len(), mode, is_cut }
    }
}

impl Times {
    /// Whether the clip, or the first of its scenes, ends with the movie.
    pub(crate) fn is_open(&self) -> bool {
        self.end.is_none()
    }
}

/// Where the answer came from, and how long that took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) index_was_cached: bool,
    pub(crate) plan_was_cached: bool,
    pub(crate) took: Duration,
}

impl Explanation {
    /// Where the clip begins, as it was asked for, in seconds; `None` for all of the movie.
    pub fn start(&self) -> Option<String> {
        self.asked.is_cut.then(|| Seconds::of_time(self.asked.start).to_string())
    }

    /// Where the clip ends, as it was asked for; `None` for the end of the movie.
    pub fn end(&self) -> Option<String> {
        self.asked.end.map(|end| Seconds::of_time(end).to_string())
    }

    /// How the clip begins; `None` for all of the movie.
    pub fn mode(&self) -> Option<&'static str> {
        self.asked.is_cut.then_some(self.asked.mode.name())
    }

    /// Samples of all tracks of the clip; `None` for all of the movie.
    pub fn samples(&self) -> Option<u64> {
        self.found.as_ref().map(|found| found.tracks.iter().map(|track| u64::from(track.samples)).sum())
    }

    /// What of the answer was known from an earlier request.
    pub fn known(&self) -> Known {
        match (self.work.plan_was_cached, self.work.index_was_cached) {
            (true, _) => Known::Plan,
            (false, true) => Known::Index,
            (false, false) => Known::Nothing,
        }
    }

    /// How long it took to find the answer.
    pub fn took(&self) -> Duration {
        self.work.took
    }
}

/// What of an answer was known from earlier requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The whole plan.
    Plan,
    /// The index of the movie.
    Index,
    /// Nothing.
    Nothing,
}

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Times { start, end, more, mode, is_cut } = self.asked;
        if is_cut {
            write!(f, "asked for {} to ", Seconds::of_time(start))?;
            match end {
                Some(end) => write!(f, "{}", Seconds::of_time(end))?,
                None => f.write_str("the end")?,
            }
            if more > 0 {
                write!(f, " and {more} more")?;
            }
            write!(f, ", {}", mode.name())?;
        } else {
            f.write_str("asked for all")?;
        }
        match &self.found {
            None => f.write_str("; the whole film, metadata first")?,
            Some(summary) => {
                let Summary { timescale, scenes, tracks, .. } = summary;
                let at = |ticks| Seconds { ticks, timescale: u64::from(*timescale) };
                match **scenes {
                    [(start, duration)] => {
                        write!(f, "; found {} to {}", at(start), at(start.saturating_add(duration)))?;
                    }
                    _ => write!(f, "; found {} scenes, {} s", scenes.len(), at(summary.duration()))?,
                }
                for TrackSummary { id, handler, samples, edits } in tracks {
                    write!(f, "; track {id} ({handler}): ")?;
                    write!(f, "{}, {}", Count(*samples, "sample"), Count(*edits, "edit"))?;
                }
            }
        }
        let cached = |was| if was { "cached" } else { "new" };
        let Work { index_was_cached, plan_was_cached, took } = self.work;
        let (index, plan) = (cached(index_was_cached), cached(plan_was_cached));
        write!(f, "; index {index}, plan {plan}; {} bytes; {} us", self.bytes, took.as_micros())
    }
}

struct Count(u32, &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// Seconds with as many decimals as it takes, at most six.
struct Seconds {
    ticks: u64,
    timescale: u64,
}

impl Seconds {
    fn of_time(time: Time) -> Self {
        Self { ticks: time.nanos(), timescale: 1_000_000_000 }
    }
}

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let scale = self.timescale.max(1);
        let micros = u128::from(self.ticks % scale) * 1_000_000 / u128::from(scale);
        let text = format!("{}.{micros:06}", self.ticks / scale);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Film, TrackSpec, identity};
    use crate::{Answer, Seeker, Settings};

    #[test]
    fn an_answer_is_explained_in_one_line() {
        let film = Film::of(vec![TrackSpec::video(50, 10), TrackSpec::audio(100)]).build();
        let seeker = Seeker::default();
        let explain = |query: &str| {
            let answer = seeker.answer(&film, &identity(&film), query.as_bytes(), &Settings::default());
            let Ok(Answer::Film(clip)) = answer else { panic!("{query} is no clip: {answer:?}") };
            let line = clip.explanation().unwrap().to_string();
            assert!(line.contains(&format!("; {} bytes; ", clip.len())) && line.ends_with(" us"), "{line}");
            line
        };
        let first = explain("start=0.5&end=1&mode=keyframe");
        assert!(first.starts_with("asked for 0.5 to 1, keyframe; found 0"), "{first}");
        assert!(first.contains(" (vide): ") && first.contains(" (soun): "), "{first}");
        assert!(first.contains(" samples, 1 edit; index new, plan new; "), "{first}");
        let again = explain("start=0.5&end=1&mode=keyframe");
        assert!(again.contains("; index cached, plan cached; "), "{again}");
        let other = explain("start=0.5");
        assert!(other.starts_with("asked for 0.5 to the end, exact; "), "{other}");
        assert!(other.contains("; index cached, plan new; "), "{other}");
    }

    #[test]
    fn seconds_have_the_decimals_they_need() {
        for (ticks, timescale, text) in [
            (0, 90_000, "0"),
            (900_000, 90_000, "10"),
            (91_125, 90_000, "1.0125"),
            (1, 3, "0.333333"),
            (u64::MAX, 1, "18446744073709551615"),
            (5, 0, "5"),
        ] {
            assert_eq!(Seconds { ticks, timescale }.to_string(), text);
        }
    }
}
