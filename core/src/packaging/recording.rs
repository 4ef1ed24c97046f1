//! The presentation of a movie that is being recorded.

use super::rates::micros;
use super::{Form, Presentation};

impl Presentation {
    /// Makes it that of a recording, whose segments last so many seconds at least.
    ///
    /// Its segments are resources of their own, because ranges of the track's file move when its
    /// index grows. The target duration is twice that of the first segment, or twice the `seconds`:
    /// a segment ends with the group of pictures that its time ends in, and these are mostly about as
    /// long as in the first one.
    pub(crate) fn record(&mut self, is_growing: bool, seconds: u32) {
        let segments =
            || self.renditions.iter().flat_map(|r| r.segments.iter().map(move |s| (s, r.timescale)));
        let in_seconds = |ticks: u64, timescale: u32| micros(ticks, timescale) as f64 / 1e6;
        let first = self.renditions.iter().map(|r| r.spacing.first).max().unwrap_or(0);
        if is_growing {
            let ends =
                segments().map(|(s, timescale)| in_seconds(s.start.saturating_add(s.duration), timescale));
            self.duration = ends.fold(0.0, f64::max);
        }
        self.event_target = Some(first.max(seconds.into()).saturating_mul(2).max(1));
        self.form = Form::Segments;
        self.is_growing = is_growing;
    }
}
