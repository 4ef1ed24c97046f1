//! What kind of track one is.

use crate::boxes::BoxType;
use crate::index::Track;
use crate::movie::is_text;
use crate::request::TrackKind;

/// What kind of track a handler makes; `None` for those that are neither seen nor heard.
pub(super) fn track_kind(handler: BoxType) -> Option<TrackKind> {
    match &handler.0 {
        b"vide" => Some(TrackKind::Video),
        b"soun" => Some(TrackKind::Audio),
        _ if is_text(handler) => Some(TrackKind::Text),
        _ => None,
    }
}

/// Whether what a track has to say holds for all of the film, however long its samples are said to last, as the object
/// descriptors of MPEG-4 systems do. (A time code goes on counting within its sample.) Samples of no duration at
/// all are not told apart.
pub(super) fn holds_on(track: &Track) -> bool {
    let is_timed = track_kind(track.handler).is_some() || &track.handler.0 == b"tmcd";
    let samples = &track.samples;
    (samples.count == 1 && !is_timed) || (samples.count > 0 && samples.end <= samples.start)
}

pub(super) fn is_still(track: &Track) -> bool {
    &track.handler.0 == b"vide" && track.samples.count == 1
}
