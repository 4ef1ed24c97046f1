//! What of a movie is presented, and where a clip of it begins and ends.

use mp4seek::request::Mode;

use super::timeline::Segment;
use super::{EXACT, FAR, Movie, PRESENTED, Track};
use crate::films::Edit;
use crate::probe::Cut;

/// A frame that was on screen for more seconds than this is not gone back to.
const LONG: f64 = 1.0;

impl Movie {
    /// Whether a clip has a track of this film: something of it is shown there, or it is video
    /// that has ended and goes on showing its last frame.
    pub(super) fn belongs(&self, track: &Track, start: f64, end: f64) -> bool {
        let is_inside = |s: &Segment| s.end > start + EXACT && s.start < end - EXACT;
        let segments = track.segments(self.timescale);
        let holds_on = track.holds_on() && !track.samples.is_empty();
        holds_on || segments.iter().any(is_inside) || track.has_ended(self.timescale, start)
    }

    /// Where the presentation of a clip begins and ends in this film.
    pub fn bounds(&self, cut: &Cut) -> (f64, f64) {
        let wanted = cut.start.unwrap_or(0.0);
        let end = self.end();
        let Some(video) = self.guide() else {
            return (wanted, cut.end.unwrap_or(f64::INFINITY).min(end));
        };
        let start = video.frame_at(self.timescale, wanted, cut.mode);
        // A clip begins amid a frame that has been on screen for long.
        let is_kept = |start: &f64| cut.mode == Mode::Keyframe || wanted - start <= LONG;
        let start = start.filter(is_kept).unwrap_or(wanted);
        let stop = cut.end.map(|at| video.end_at(self.timescale, at));
        (start, stop.unwrap_or(f64::INFINITY).min(end))
    }

    /// Where its tracks (but for hints) are shown, if that is something that libavformat does not
    /// follow: more edits than one, one that begins inside a frame (it sets the next frame there)
    /// or before the first, or goes on far past its media. `None` if it does follow, or they are
    /// shown at another pace.
    pub fn edits_astray(&self) -> Option<Vec<Vec<Edit>>> {
        let tracks = self.media_tracks();
        let far_past = |t: &Track| {
            t.edits.last().is_some_and(|(duration, from, _)| {
                from / t.timescale + duration / self.timescale > t.media_end() + FAR
            })
        };
        let is_astray = |t: &&&Track| {
            t.has_several_edits() || t.begins_inside_a_frame() || t.begins_late() || far_past(t)
        };
        if !tracks.iter().any(|t| is_astray(&t)) {
            return None;
        }
        let edit = |s: &Segment| {
            let is_usual = (s.rate - 1.0).abs() < EXACT;
            is_usual.then_some(Edit { at: s.start, from: s.media, duration: s.end - s.start })
        };
        tracks.iter().map(|t| t.segments(self.timescale).iter().map(edit).collect()).collect()
    }

    /// Whether a track is shown from more than one place.
    pub fn has_several_edits(&self) -> bool {
        self.tracks.iter().any(Track::has_several_edits)
    }

    /// How long the media of the longest track is in seconds, with what no edit shows.
    pub fn longest_media(&self) -> f64 {
        self.tracks.iter().map(Track::media_end).fold(0.0, f64::max)
    }

    pub(super) fn media_tracks(&self) -> Vec<&Track> {
        self.tracks.iter().filter(|t| t.kind != "hint").collect()
    }

    /// Where an edit of any track begins or ends, but for the film's own beginning and end.
    pub fn joints(&self) -> Vec<f64> {
        let end = self.end();
        let segments = self.tracks.iter().flat_map(|t| t.segments(self.timescale));
        let mut joints: Vec<_> = segments.flat_map(|s| [s.start, s.end]).collect();
        joints.retain(|at| *at > 0.05 && *at < end - 0.05);
        joints.sort_by(f64::total_cmp);
        joints.dedup_by(|a, b| (*a - *b).abs() < 0.05);
        joints.truncate(4);
        joints
    }

    /// When the last presented track ends.
    pub fn end(&self) -> f64 {
        let ends = |of: &dyn Fn(&Track) -> bool| {
            let tracks = self.tracks.iter().filter(|t| of(t));
            tracks.filter_map(|t| Some(t.segments(self.timescale).last()?.end)).fold(0.0, f64::max)
        };
        let presented = ends(&|t| PRESENTED.contains(&t.kind.as_str()));
        if presented > 0.0 { presented } else { ends(&|_| true) }
    }

    /// The track whose frames a clip begins on.
    pub(super) fn guide(&self) -> Option<&Track> {
        let none_enabled = !self.tracks.iter().any(|t| t.enabled);
        let played = |t: &&Track| !t.samples.is_empty() && (none_enabled || t.enabled);
        let has_audio = self.tracks.iter().any(|t| t.kind == "soun" && played(&t));
        let is_still = |t: &Track| has_audio && t.samples.len() == 1;
        self.tracks.iter().find(|t| t.kind == "vide" && played(t) && !is_still(t))
    }
}
