//! The scenes of a clip, in the clip's movie time.

use std::ops::Range;

use crate::boxes::FormatError;
use crate::index::Track;
use crate::request::{Allowed, ClipRequest, Mode, Scene, Time};
use crate::source::ReadAt;
use crate::time::MovieTime;

use super::error::SeekError;
use super::snap::{Clock, snap_end, snap_start};
use super::timeline::Timeline;

/// What scenes are moved onto.
pub(super) struct Guide<'a, R> {
    /// The track whose frames they begin on, if there is one.
    pub(super) track: Option<(&'a Track, &'a Timeline)>,
    pub(super) source: &'a R,
    pub(super) clock: Clock,
    pub(super) film_end: MovieTime,
}

/// The scenes that a request asks for, in its order. Two of which one goes on where the other ends
/// are one, whatever their times were before they were moved.
///
/// # Errors
/// When a scene would begin past the end of the movie, or the file cannot be read.
pub(super) fn scenes<R: ReadAt>(
    guide: &Guide<'_, R>,
    request: &ClipRequest,
) -> Result<Vec<Range<MovieTime>>, SeekError> {
    let mut all: Vec<Range<MovieTime>> = Vec::new();
    for scene in request.scenes() {
        let scene = guide.place(scene, (request.mode, request.allowed), request.more.is_empty())?;
        match all.last_mut() {
            Some(last) if last.end == scene.start => last.end = scene.end,
            _ => all.push(scene),
        }
    }
    Ok(all)
}

impl<R: ReadAt> Guide<'_, R> {
    /// Whether a request is for all of the movie.
    pub(super) fn is_whole(&self, request: &ClipRequest) -> bool {
        let ends = request.end.is_some_and(|end| !self.is_past_end(end));
        request.start.nanos() == 0 && !ends && request.more.is_empty() && self.film_end > MovieTime(0)
    }

    fn is_past_end(&self, time: Time) -> bool {
        self.clock.exact(time) >= self.film_end.exact()
    }

    fn place(
        &self,
        scene: Scene,
        how: (Mode, Allowed),
        is_alone: bool,
    ) -> Result<Range<MovieTime>, SeekError> {
        let start = self.clock.ticks(scene.start);
        if self.is_past_end(scene.start) {
            let seconds = |time: MovieTime| format!("{:.3}", time.seconds(self.clock.timescale));
            return Err(SeekError::PastEnd { start: seconds(start), end: seconds(self.film_end) });
        }
        let start = match self.track {
            Some((track, line)) => snap_start(track, line, self.source, self.clock, scene, how, is_alone)?,
            None => start,
        };
        let end = self.end(scene.end.filter(|&end| !self.is_past_end(end)))?;
        Ok(start..end.max(start + MovieTime(1)))
    }

    /// When a scene ends; `None` is the end of the movie.
    fn end(&self, end: Option<Time>) -> Result<MovieTime, FormatError> {
        match (end, self.track) {
            (None, _) => Ok(self.film_end),
            (Some(end), Some((track, line))) => snap_end(track, line, self.source, self.clock, end),
            (Some(end), None) => Ok(self.clock.ticks(end)),
        }
    }
}
