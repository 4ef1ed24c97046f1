//! How much finer the media timescale of a track is in the clip than in the file.

use crate::index::Track;
use crate::limits;
use crate::time::MediaTime;

use super::hidden::{Hidden, LEAD_INS_A_SECOND};

/// The multiplier of a track's media timescale: the least with which the hidden samples last no
/// longer than they may. If the track has empty edits, it is the one that gives the track the movie
/// timescale, `waits_in`.
pub(super) fn multiplier<'a>(
    track: &Track,
    hidden: impl Iterator<Item = &'a Hidden>,
    has_late: bool,
    waits_in: Option<u32>,
) -> u32 {
    let timescale = u64::from(track.mdhd.timescale.max(1));
    let highest = highest_multiplier(track);
    let is_seen = &track.handler.0 == b"vide";
    let movie = waits_in.map(u64::from).filter(|movie| is_seen && movie % timescale == 0);
    if let Some(same) = movie.map(|movie| movie / timescale).filter(|&same| same <= highest) {
        return u32::try_from(same).unwrap_or(1);
    }
    let ticks = hidden.map(Hidden::ticks).max().unwrap_or(0);
    // A sample that is presented after the end of the clip makes it a tick longer.
    let ticks_a_second = if has_late { LEAST_TICKS_A_SECOND } else { 0 };
    let needed = (u64::from(ticks) * LEAD_INS_A_SECOND).max(ticks_a_second).div_ceil(timescale);
    let finest = u64::from(limits::MEDIA_TIMESCALE) / timescale;
    u32::try_from(needed.min(finest).clamp(1, highest)).unwrap_or(1)
}

/// The greatest multiplier with which all times of the track fit in the fields of their boxes.
pub(super) fn highest_multiplier(track: &Track) -> u64 {
    let samples = &track.samples;
    let size = |time: MediaTime| time.0.saturating_abs().max(1);
    let (_, longest) = samples.extreme_durations();
    let (lowest, highest) = samples.extreme_offsets();
    let of_a_field = MAX_GAP.0 / 4 / size(longest).max(size(highest)).max(size(lowest));
    let of_all = (i64::MAX >> 8) / size(samples.decode_end()).max(size(samples.end));
    let of_timescale = i64::from(u32::MAX) / i64::from(track.mdhd.timescale.max(1));
    u64::try_from(of_a_field.min(of_all).min(of_timescale)).unwrap_or(1).max(1)
}

/// By how much composition offsets are negative, or 0 if the offsets cannot be moved; a multiplier of
/// more than 1 leaves them room. libavformat overlooks a negative offset at the end of a track whose
/// other offsets are not negative.
pub(super) fn negative_offset(track: &Track) -> MediaTime {
    let (lowest, highest) = track.samples.extreme_offsets();
    if highest - lowest <= MAX_GAP { -lowest.min(MediaTime(0)) } else { MediaTime(0) }
}

/// The coarsest media timescale of a track with samples that are presented after the end of the
/// clip.
pub(super) const LEAST_TICKS_A_SECOND: u64 = 500;

/// A sample becomes longer by no more than this.
pub(super) const MAX_GAP: MediaTime = MediaTime((u32::MAX >> 1) as i64);
