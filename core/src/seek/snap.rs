//! Moves the times of a request onto frames.

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::request::{Allowed, Mode, Scene, Time};
use crate::source::ReadAt;
use crate::time::{ExactMovieTime, MovieTime, Rounding};

use super::timeline::Timeline;

/// Two times at most this far apart are the same. Players and probes count in microseconds, some
/// rounding and some cutting off, so the time of a frame may come back up to one microsecond off.
const TOLERANCE_NANOS: u64 = 1000;

/// Converts times of a request to the clip's movie time.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) timescale: u32,
    /// Whether the edits of the file begin between two ticks.
    rounds_edits: bool,
}

impl Clock {
    /// The clock of a clip that counts in `timescale`, of a movie that counts in another one.
    pub(super) fn new(timescale: u32, movie_timescale: u32) -> Self {
        Self { timescale, rounds_edits: timescale % movie_timescale.max(1) != 0 }
    }

    /// The nearest tick.
    pub(super) fn ticks(self, time: Time) -> MovieTime {
        self.exact(time).nearest()
    }

    /// The time without rounding.
    pub(super) fn exact(self, time: Time) -> ExactMovieTime {
        ExactMovieTime::from_nanos(time.nanos(), self.timescale)
    }

    fn tolerance(self) -> ExactMovieTime {
        let same = ExactMovieTime::from_nanos(TOLERANCE_NANOS, self.timescale);
        // A frame may begin half a tick later here than in the file.
        if self.rounds_edits { same + ExactMovieTime::HALF_TICK } else { same }
    }
}

/// When the frame (or, with [`Mode::Keyframe`], the sync sample) begins that the reference track
/// shows at a time.
fn frame_at<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    time: Time,
    mode: Mode,
) -> Result<Option<MovieTime>, FormatError> {
    let tolerant = clock.exact(time) + clock.tolerance();
    let Some(segment) = line.at(tolerant).filter(|s| s.rate == ElstEntry::NORMAL_RATE) else {
        return Ok(None);
    };
    let media = segment.media_time + line.scales.to_media_since(segment.start, tolerant);
    let on_screen = || track.samples.on_screen(source, media);
    let shown = match mode {
        Mode::Exact => on_screen()?,
        // Before the first sync sample, the frame that is on screen is taken.
        Mode::Keyframe => match track.samples.sync_at(source, media)? {
            None => on_screen()?,
            sync => sync,
        },
    };
    // A frame that began before the edit is presented from the start of the edit on.
    Ok(shown.map(|cts| line.shown_at(segment, cts)))
}

/// The start of a scene, moved back to the start of the frame that is on screen then. A key frame
/// that the configuration hides is not shown: the clip begins with a later one.
pub(super) fn snap_start<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    scene: Scene,
    (mode, allowed): (Mode, Allowed),
) -> Result<MovieTime, FormatError> {
    let at = |time, mode| frame_at(track, line, source, clock, time, mode);
    let from = clock.exact(allowed.from);
    let is_hidden = |frame: &MovieTime| frame.exact() < from && allowed.from > Time::default();
    let mut frame = at(scene.start, mode)?;
    if mode == Mode::Keyframe && frame.as_ref().is_some_and(is_hidden) {
        // The frame on screen, unless a later key frame can be shown.
        frame = at(scene.start, Mode::Exact)?;
        for later in later_times(scene) {
            if let Some(shown) = at(later, Mode::Keyframe)?.filter(|frame| !is_hidden(frame)) {
                frame = Some(shown);
                break;
            }
        }
    }
    Ok(frame.unwrap_or_else(|| clock.ticks(scene.start)))
}

/// Times of a scene to look for a key frame at, as far as one is worth waiting for.
fn later_times(scene: Scene) -> impl Iterator<Item = Time> {
    const STEP_NANOS: u64 = 250_000_000;
    const STEPS: u64 = 120;
    let times = (1..=STEPS).map(move |step| scene.start.later_by(step * STEP_NANOS));
    times.take_while(move |&time| scene.end.is_none_or(|end| time < end))
}

/// The end of a scene, moved onto the start of a frame if it is within the tolerance of one, so
/// that the clip up to a time and the clip from that time share no frame and miss none. Otherwise
/// the end is moved up to a whole media tick: libavformat counts an edit in these, and shows
/// nothing of a frame that has less than one.
pub(super) fn snap_end<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    end: Time,
) -> Result<MovieTime, FormatError> {
    let exact = clock.exact(end);
    let frame = frame_at(track, line, source, clock, end, Mode::Exact)?;
    if let Some(near) = frame.filter(|frame| frame.exact().is_near(exact, clock.tolerance())) {
        return Ok(near);
    }
    let end = clock.ticks(end);
    let Some(segment) = line.at(exact).filter(|s| s.rate == ElstEntry::NORMAL_RATE) else { return Ok(end) };
    let media = segment.media_time + line.scales.to_media(end - segment.start, Rounding::Up);
    Ok(line.shown_at(segment, media).min(segment.end).max(end))
}
