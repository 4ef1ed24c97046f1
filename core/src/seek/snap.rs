//! Moves the times of a request onto frames.

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::request::{Allowed, Mode, RequestError, Restriction, Scene, Time};
use crate::source::ReadAt;
use crate::time::{ExactMovieTime, MovieTime, Rounding};

use super::error::SeekError;
use super::needed::SLIDE;
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

    /// The time from which on frames may be seen.
    pub(super) fn seen_from(self, allowed_from: Time) -> ExactMovieTime {
        self.exact(allowed_from).since(self.tolerance())
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

/// The start of a scene, moved back to the start of the frame that is on screen then, unless that is
/// long ago. A key frame
/// that the configuration hides is not shown: the clip begins with the next one that may be seen.
pub(super) fn snap_start<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    scene: Scene,
    (mode, allowed): (Mode, Allowed),
    is_alone: bool,
) -> Result<MovieTime, SeekError> {
    let at = |mode| frame_at(track, line, source, clock, scene.start, mode);
    let mut frame = at(mode)?;
    if mode == Mode::Exact
        && frame.is_some_and(|frame| is_left_behind(clock, frame, scene.start, allowed, is_alone))
    {
        let is_noticed = line.scales.media < COARSE;
        frame = if is_noticed { tick_at(line, clock, scene, allowed) } else { None };
    }
    if mode == Mode::Keyframe && frame.is_some_and(|frame| frame.exact() < line.seen_from) {
        let next = next_key_frame(track, line, source, clock, scene)?;
        // Without a next one, a key frame that is still on screen is shown from then on.
        if next.is_none() && at(Mode::Exact)? != frame {
            return Err(RequestError::from(Restriction::NoKeyFrame(allowed.from)).into());
        }
        frame = next;
    }
    Ok(frame.unwrap_or_else(|| clock.ticks(scene.start)))
}

/// Whether a scene begins amid the frame that is on screen, as that has been there for long (a slide): all
/// other tracks would begin as long before they were asked for, and in a window with what may not be
/// heard. One of several scenes only does so in a window: libavformat shows nothing of a frame that begins
/// before its edit, and only that of a scene alone can be made to begin with it.
fn is_left_behind(clock: Clock, frame: MovieTime, start: Time, allowed: Allowed, is_alone: bool) -> bool {
    let is_before = |time: Time, millis: u32| {
        let millis = ExactMovieTime::from_nanos(u64::from(millis) * 1_000_000, clock.timescale);
        frame.exact() < clock.exact(time).since(millis)
    };
    is_alone && is_before(start, LONGEST_BEFORE) || is_before(start, SLIDE) && is_before(allowed.from, SLIDE)
}

/// When the media tick of the reference track begins in which a scene does, or the next one where that
/// may not be seen. The edit of the pictures begins on a tick, and all tracks have to begin with it.
fn tick_at(line: &Timeline, clock: Clock, scene: Scene, allowed: Allowed) -> Option<MovieTime> {
    let tolerant = clock.exact(scene.start) + clock.tolerance();
    let segment = line.at(tolerant)?;
    let media = segment.media_time + line.scales.to_media_since(segment.start, tolerant);
    let is_within = |at: &MovieTime| {
        let ends = *at >= segment.end || scene.end.is_some_and(|end| at.exact() >= clock.exact(end));
        at.exact() >= clock.seen_from(allowed.from) && !ends
    };
    [media, media.next()].map(|media| line.shown_at(segment, media)).into_iter().find(is_within)
}

/// Ticks a second of a track, fewer than which are so long that half of one between pictures and sound
/// could be noticed. Otherwise a scene begins just when it was asked for.
const COARSE: u32 = 1000;

/// A clip begins with a whole frame, if that has not been on screen for more milliseconds than these.
const LONGEST_BEFORE: u32 = 1000;

/// When the next key frame of a scene is shown that may be seen, where the one at its start may not.
fn next_key_frame<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    scene: Scene,
) -> Result<Option<MovieTime>, FormatError> {
    let Some(segment) = line.at(clock.exact(scene.start) + clock.tolerance()) else { return Ok(None) };
    let found = line.next_key_frame(track, source, segment)?.filter(|&shown| shown < segment.end);
    // What a later segment presents at its start is seen from there on.
    let mut later = line.segments.iter().skip_while(|s| s.start < segment.end);
    let found = found.or_else(|| later.find(|s| s.rate == ElstEntry::NORMAL_RATE).map(|s| s.start));
    let is_before_end =
        |at: MovieTime| scene.end.is_none_or(|end| at.exact() + clock.tolerance() < clock.exact(end));
    Ok(found.filter(|&at| is_before_end(at)))
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
