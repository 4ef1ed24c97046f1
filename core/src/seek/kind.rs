//! Tracks that are cut in a way of their own.

use crate::describe::track_kind;
use crate::index::Track;

/// Whether a track holds for the whole movie, whatever the durations of its samples are, like the
/// object descriptors of MPEG-4 systems. (A time code goes on counting within its sample.) A track
/// whose samples have no duration holds, too: no time distinguishes its samples.
pub(super) fn holds_on(track: &Track) -> bool {
    let is_timed = track_kind(track.handler).is_some() || &track.handler.0 == b"tmcd";
    let samples = &track.samples;
    (samples.count == 1 && !is_timed) || (samples.count > 0 && samples.end <= samples.start)
}

/// Whether a track is a single picture.
pub(super) fn is_still(track: &Track) -> bool {
    &track.handler.0 == b"vide" && track.samples.count == 1
}
