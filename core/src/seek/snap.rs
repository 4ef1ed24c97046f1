//! Moves the times of a request onto frames.

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::request::{ClipRequest, Mode, Time};
use crate::source::ReadAt;

use super::timeline::{NANOS, Rounding, Timeline, clamp};

/// Two times no farther apart than this are the same: players and probes count in microseconds,
/// rounding some and cutting others, so the time of a frame comes back to us up to one off.
pub(super) const TOLERANCE_NANOS: u64 = 1000;

/// Requested times in ticks of the clip's movie time.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) timescale: u32,
}

impl Clock {
    /// The nearest tick.
    pub(super) fn ticks(self, time: Time) -> u64 {
        clamp((self.exact(time) + NANOS / 2) / NANOS)
    }

    /// In billionths of a tick, without rounding.
    pub(super) fn exact(self, time: Time) -> i128 {
        i128::from(time.nanos()) * i128::from(self.timescale)
    }
}

/// What the reference track shows at a time: where in movie ticks that frame (or sync sample) begins.
pub(super) fn frame_at<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    time: Time,
    mode: Mode,
) -> Result<Option<u64>, FormatError> {
    let tolerant = clock.exact(time) + i128::from(TOLERANCE_NANOS) * i128::from(clock.timescale);
    let Some(segment) = line.at(tolerant).filter(|s| s.rate == ElstEntry::NORMAL_RATE) else {
        return Ok(None);
    };
    let into = (tolerant - i128::from(segment.start) * NANOS) * i128::from(line.media_timescale);
    let into = into / (NANOS * i128::from(line.timescale));
    let media = segment.media_time.saturating_add(i64::try_from(into).unwrap_or(i64::MAX / 4));
    let shown = match mode {
        Mode::Exact => track.samples.on_screen(source, media)?,
        // Before the first sync sample, as after it: what is on screen.
        Mode::Keyframe => match track.samples.sync_at(source, media)? {
            None => track.samples.on_screen(source, media)?,
            sync => sync,
        },
    };
    // A frame that began before the edit did is presented from the edit's start.
    Ok(shown.map(|cts| line.shown_at(segment, cts)))
}

pub(super) fn snap_start<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    request: &ClipRequest,
) -> Result<u64, FormatError> {
    let frame = frame_at(track, line, source, clock, request.start, request.mode)?;
    Ok(frame.unwrap_or_else(|| clock.ticks(request.start)))
}

/// The end, moved onto the start of a frame where it is within the tolerance of one, so that
/// the clip up to a time and the clip from it share no frame and miss none. Otherwise it is moved up to a whole
/// tick of the track: libavformat counts an edit in those, and shows nothing of a frame that has less than one.
pub(super) fn snap_end<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    clock: Clock,
    end: Time,
) -> Result<u64, FormatError> {
    let tolerance = i128::from(TOLERANCE_NANOS) * i128::from(clock.timescale);
    let frame = frame_at(track, line, source, clock, end, Mode::Exact)?;
    let near = frame.filter(|&f| (i128::from(f) * NANOS - clock.exact(end)).abs() <= tolerance);
    let exact = clock.exact(end);
    let end = near.unwrap_or_else(|| clock.ticks(end));
    let segment = line.at(exact).filter(|s| near.is_none() && s.rate == ElstEntry::NORMAL_RATE);
    let whole = segment.map(|s| {
        let media = line.to_media(end.saturating_sub(s.start), Rounding::Up);
        line.shown_at(s, s.media_time.saturating_add(media)).min(s.end)
    });
    Ok(whole.map_or(end, |whole| whole.max(end)))
}
