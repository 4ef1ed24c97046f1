//! The names of tracks, and those that viewers choose among.

use crate::describe::track_kind;
use crate::index::Index;
use crate::request::TrackKind;
use crate::seek::{Clip, reference_track};

use super::TrackName;

/// The tracks by their names. The tracks of a kind are counted in the order of the file, as the
/// `tracks` of a query do.
fn names(index: &Index) -> impl Iterator<Item = (TrackName, usize)> {
    let kinds: Vec<_> = index.tracks.iter().map(|track| track_kind(track.handler)).collect();
    (0..kinds.len()).filter_map(move |track| {
        let kind = kinds.get(track).copied()??;
        let number = kinds.iter().take(track + 1).filter(|&&other| other == Some(kind)).count();
        Some((TrackName { kind, number: u32::try_from(number).ok()? }, track))
    })
}

/// The track that a name means.
pub fn find_track(index: &Index, name: TrackName) -> Option<usize> {
    names(index).find(|(other, _)| *other == name).map(|(_, track)| track)
}

/// Whether a clip has samples of a track.
pub fn has_samples(clip: &Clip, track: usize) -> bool {
    clip.tracks.get(track).and_then(Option::as_ref).is_some_and(|held| !held.ranges.is_empty())
}

/// The tracks of a clip that viewers choose among: the video that clips are cut by, all sound, and
/// the text that is no list of chapters. Other video tracks are covers or pictures of chapters.
pub fn offered_tracks(index: &Index, clip: &Clip) -> Vec<(TrackName, usize)> {
    let reference = reference_track(index, |track| has_samples(clip, track));
    let is_offered = |name: TrackName, track: usize| match name.kind {
        TrackKind::Video => reference == Some(track),
        TrackKind::Audio => true,
        TrackKind::Text => {
            !index.tracks.get(track).is_some_and(|track| index.holds_chapters(track.tkhd.track_id))
        }
    };
    names(index).filter(|&(name, track)| has_samples(clip, track) && is_offered(name, track)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Film, Sample, TrackSpec};

    #[test]
    fn a_kind_is_counted_in_the_order_of_the_file() {
        let packet = |_| Sample { delta: 1024, offset: 0, sync: true, size: 20 };
        let audio = || TrackSpec::new(b"soun", b"mp4a", 48_000, (0..50).map(packet).collect());
        let film = Film::of(vec![audio(), TrackSpec::video(50, 10), audio()]).build();
        let index = Index::build(&film, film.len() as u64).unwrap();
        for (name, track) in [("a1", Some(0)), ("v1", Some(1)), ("a2", Some(2)), ("v2", None), ("t1", None)] {
            assert_eq!(find_track(&index, TrackName::parse(name).unwrap()), track, "{name}");
        }
    }
}
