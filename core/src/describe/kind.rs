//! What kind of track one is.

use crate::boxes::BoxType;
use crate::movie::is_text;
use crate::request::TrackKind;

/// The kind of track that a handler type stands for; `None` for data.
pub(crate) fn track_kind(handler: BoxType) -> Option<TrackKind> {
    match &handler.0 {
        b"vide" => Some(TrackKind::Video),
        b"soun" => Some(TrackKind::Audio),
        _ if is_text(handler) => Some(TrackKind::Text),
        _ => None,
    }
}
