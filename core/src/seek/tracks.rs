//! Selects the tracks that a request asks for, and the one that the movie is cut by.

use crate::describe::track_kind;
use crate::index::{Index, Track};
use crate::request::{ClipRequest, RequestError, TrackSelector};

use super::kind::is_still;
use super::language::keep_language;

/// Whether the clip has each of the tracks. It never has hint tracks: they describe packets for the
/// samples of another track by their numbers, and no server sends these packets any more.
///
/// # Errors
/// When the file has none of the tracks asked for.
pub(super) fn chosen_tracks(index: &Index, request: &ClipRequest) -> Result<Vec<bool>, RequestError> {
    let mut chosen: Vec<bool> = index
        .tracks
        .iter()
        .enumerate()
        .map(|(n, track)| &track.handler.0 != b"hint" && is_selected(index, n, track, &request.tracks))
        .collect();
    if let Some(lang) = &request.lang {
        keep_language(index, lang, &mut chosen);
    }
    if !request.tracks.is_empty() && !chosen.contains(&true) {
        return Err(RequestError::NoSuchTrack);
    }
    Ok(chosen)
}

fn is_selected(index: &Index, n: usize, track: &Track, selectors: &[TrackSelector]) -> bool {
    let kind = track_kind(track.handler);
    let place = index.tracks.iter().take(n + 1).filter(|t| track_kind(t.handler) == kind).count();
    selectors.is_empty()
        || selectors.iter().any(|selector| match *selector {
            TrackSelector::Kind(wanted) => kind == Some(wanted),
            TrackSelector::Nth(wanted, number) => kind == Some(wanted) && place == number as usize,
            TrackSelector::Id(id) => track.tkhd.track_id == id,
        })
}

/// The track whose frames a clip begins on: the first enabled video track. (If all tracks are
/// disabled, players play them as if they were enabled.) Pictures beside audio, a cover or one for
/// each chapter, do not count: no viewer seeks by them.
pub fn reference_track(index: &Index, is_chosen: impl Fn(usize) -> bool) -> Option<usize> {
    let chosen = || index.tracks.iter().enumerate().filter(|(n, _)| is_chosen(*n));
    let none_enabled = !chosen().any(|(_, t)| t.tkhd.is_enabled());
    let played = |t: &Track| t.samples.count > 0 && (none_enabled || t.tkhd.is_enabled());
    let has_audio = chosen().any(|(_, t)| played(t) && &t.handler.0 == b"soun");
    let goes_with_audio = |t: &Track| has_audio && (is_still(t) || index.holds_chapters(t.tkhd.track_id));
    chosen().find(|(_, t)| &t.handler.0 == b"vide" && played(t) && !goes_with_audio(t)).map(|(n, _)| n)
}
