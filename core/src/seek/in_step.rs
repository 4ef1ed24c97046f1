//! Keeps the media times of all tracks in step where one scene goes over into the next.
//!
//! Some players look at no edit list but the first edit of it: Firefox, and most of what plays
//! segments. They play what is hidden between two scenes. If that takes as long in all tracks, audio
//! and video stay in sync for them, too.
//!
//! ```text
//! begins(track, scene)  media time of the scene's first edit; where a later edit of the scene goes
//!                       back to before it, of that one, since its media is stored, and so played, first
//! hidden(track, scene)  begins(track, scene) - when the scene is presented,
//!                       counted from the same of the track's first edit
//! for each scene after the first, in order:
//!     longest  = the greatest hidden of the audio and video tracks
//!     of each: the last sample before the scene lasts longer by longest - hidden,
//!              and all edits from the scene on begin later by that
//! ```

use crate::boxes::ElstEntry;
use crate::index::Track;
use crate::time::{ClipTime, MovieTime};

use super::clip::TrackClip;
use super::placed::lengthen_last;

/// Where a scene begins in a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SceneIn {
    /// Which scene.
    pub(super) scene: usize,
    /// The first of its ranges.
    pub(super) range: usize,
    /// The first of its edits that presents something.
    pub(super) edit: usize,
    /// When that is presented in the clip.
    pub(super) presented: MovieTime,
}

const NANOS: i128 = 1_000_000_000;

/// A track of a clip, and where its scenes begin.
struct Stepper<'a> {
    held: &'a mut TrackClip,
    scenes: &'a [SceneIn],
    movie: u32,
    media: u32,
}

impl Stepper<'_> {
    /// The media time of an edit that plays as usual.
    fn media_time(&self, edit: usize) -> Option<i64> {
        let edit = self.held.edits.get(edit).filter(|e| e.media_rate == ElstEntry::NORMAL_RATE)?;
        edit.media_time
    }

    /// A media time at which a scene is presented less when that is, in nanoseconds.
    fn skipped(&self, scene: &SceneIn, media_time: i64) -> i128 {
        let media = i128::from(media_time) * NANOS / i128::from(self.media.max(1));
        media - i128::from(scene.presented.0) * NANOS / i128::from(self.movie.max(1))
    }

    /// What is hidden before a scene since the first of the track, in nanoseconds.
    fn hidden(&self, scene: usize) -> Option<(SceneIn, i128)> {
        let (first, later) = self.scenes.split_first()?;
        let n = later.iter().position(|later| later.scene == scene)?;
        let scene = *later.get(n)?;
        let end = later.get(n + 1).map_or(self.held.edits.len(), |next| next.edit);
        let first_edit = self.media_time(scene.edit)?;
        let begins = (scene.edit..end).filter_map(|edit| self.media_time(edit)).fold(first_edit, i64::min);
        Some((scene, self.skipped(&scene, begins) - self.skipped(first, self.media_time(first.edit)?)))
    }

    /// Begins a scene later by so many nanoseconds.
    fn delay(&mut self, scene: SceneIn, nanos: i128) {
        let ticks = (nanos * i128::from(self.media) + NANOS / 2) / NANOS;
        let ticks = ClipTime(i64::try_from(ticks).unwrap_or(0));
        let multiplier = self.held.multiplier;
        let before = scene.range.checked_sub(1).and_then(|n| self.held.ranges.get_mut(n));
        let Some(added) = before.map(|range| lengthen_last(range, ticks, multiplier)) else { return };
        self.held.media_duration = self.held.media_duration + added;
        for edit in self.held.edits.iter_mut().skip(scene.edit) {
            edit.media_time = edit.media_time.map(|time| (ClipTime(time) + added).0);
        }
    }
}

/// Keeps the tracks of a clip of so many scenes in step. Its movie counts in `timescale`.
pub(super) fn keep_in_step(
    tracks: &[Track],
    clips: &mut [Option<(TrackClip, Vec<SceneIn>)>],
    scenes: usize,
    timescale: u32,
) {
    let played = tracks.iter().zip(clips).filter(|(track, _)| matches!(&track.handler.0, b"vide" | b"soun"));
    let mut all: Vec<_> = played
        .filter_map(|(track, clip)| {
            let (held, scenes) = clip.as_mut()?;
            let media = track.mdhd.timescale.saturating_mul(held.multiplier);
            Some(Stepper { held, scenes, movie: timescale, media })
        })
        .collect();
    for scene in 1..scenes {
        let hidden: Vec<_> = all.iter().map(|track| track.hidden(scene)).collect();
        let Some(longest) = hidden.iter().flatten().map(|(_, hidden)| *hidden).max() else { continue };
        for (track, hidden) in all.iter_mut().zip(hidden) {
            if let Some((scene, hidden)) = hidden.filter(|(_, hidden)| *hidden < longest) {
                track.delay(scene, longest - hidden);
            }
        }
    }
}
