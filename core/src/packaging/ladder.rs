//! Several renditions of the same pictures, each in a movie of its own, from which a player chooses by
//! how fast its connection is.

use super::choice::Choice;
use super::links::Links;
use super::rates::micros;
use super::{Presentation, Rendition};

/// A movie of a ladder.
#[derive(Debug, Clone, Copy)]
pub struct Rung<'p> {
    /// Where it is: a relative path from the playlist or manifest of the ladder, nothing escaped.
    pub film: &'p [u8],
    /// What its own playlists are written from.
    pub presentation: &'p Presentation,
}

impl Rung<'_> {
    pub(super) fn links(&self) -> Links {
        Links::from_elsewhere(self.film, &self.presentation.query)
    }
}

/// A movie of a presentation: how it is linked to, and what it offers.
pub(super) type Offered<'p> = (Links, Choice<'p>);

/// The movie whose sound and text a presentation has: the first that has sound.
pub(super) fn with_sound<'f, 'p>(films: &'f [Offered<'p>]) -> Option<&'f Offered<'p>> {
    films.iter().find(|(_, choice)| !choice.audio.is_empty()).or(films.first())
}

/// Where the segments of two movies no longer begin at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misaligned {
    /// One of them has no pictures.
    NoVideo,
    /// A segment, counted from 1, and when it begins in each of them, in microseconds; `None` where
    /// there is no such segment.
    Segment(usize, Option<u64>, Option<u64>),
}

/// How far segments of one time may be apart, in microseconds: what is rounded in timescales that
/// differ.
const TOLERANCE: u64 = 1000;

/// The first segment in which the pictures of two movies differ. A player goes from the one to the
/// other between segments. What a movie has not yet that is still being recorded is no difference.
pub fn misaligned(one: &Presentation, other: &Presentation) -> Option<Misaligned> {
    let (Some(of_one), Some(of_other)) = (Choice::new(one).video, Choice::new(other).video) else {
        return Some(Misaligned::NoVideo);
    };
    difference(of_one, of_other).filter(|difference| match difference {
        Misaligned::Segment(_, None, _) => !one.is_growing,
        Misaligned::Segment(_, _, None) => !other.is_growing,
        _ => true,
    })
}

/// The first segment in which two tracks differ.
pub(super) fn difference(one: &Rendition, other: &Rendition) -> Option<Misaligned> {
    let start = |of: &Rendition, n: usize| of.segments.get(n).map(|s| micros(s.start, of.timescale));
    (0..one.segments.len().max(other.segments.len())).find_map(|n| {
        let (a, b) = (start(one, n), start(other, n));
        let is_same = a.zip(b).is_some_and(|(a, b)| a.abs_diff(b) <= TOLERANCE);
        (!is_same).then_some(Misaligned::Segment(n + 1, a, b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packaging::testing::{audio, plain, presentation, video};

    #[test]
    fn films_are_in_step_where_their_segments_begin_at_the_same_times() {
        let one = plain();
        assert_eq!(misaligned(&one, &presentation(vec![video()])), None);
        let changed = |change: &dyn Fn(&mut Rendition)| {
            let mut other = plain();
            change(&mut other.renditions[0]);
            misaligned(&one, &other)
        };
        // The same times in another timescale, as far as it has them.
        let rescaled = changed(&|track| {
            track.timescale = 1000;
            track.segments.iter_mut().for_each(|segment| segment.start /= 30);
        });
        assert_eq!(rescaled, None);
        let late = changed(&|track| track.segments[2].start += 60);
        let Some(Misaligned::Segment(3, Some(a), Some(b))) = late else { panic!("{late:?}") };
        assert_eq!(b - a, 2000);
        let short = changed(&|track| track.segments.truncate(3));
        assert!(matches!(short, Some(Misaligned::Segment(4, Some(_), None))), "{short:?}");
        let growing = |of: &Presentation| Presentation { is_growing: true, ..of.clone() };
        let mut short = plain();
        short.renditions[0].segments.truncate(3);
        assert_eq!(misaligned(&one, &growing(&short)), None);
        assert_eq!(misaligned(&growing(&short), &one), None);
        assert!(misaligned(&growing(&one), &short).is_some());
        let sound = presentation(vec![audio("a1", "mp4a.40.2", None)]);
        assert_eq!(misaligned(&one, &sound), Some(Misaligned::NoVideo));
    }
}
