//! The timescale of a clip's movie time.

use crate::index::Index;
use crate::limits;

use super::clip::{Cut, TrackClip};

/// The coarsest timescale of a clip's movie time: that of MPEG systems.
pub(super) const MIN_TIMESCALE: u64 = 90_000;

/// The movie timescale of a clip. The edits of the file and the frames that the clip begins and
/// ends on are whole ticks of it, and it is a multiple of the media timescales of the `waiting`
/// tracks.
///
/// Firefox reads an empty edit in the media timescale of its track. With a multiple, the clip can
/// give the track the movie timescale as its media timescale. If no multiple of all fits, that of
/// the file is left out, which rounds its edits by at most half a tick; if still none fits, those
/// of the waiting tracks are left out.
pub(super) fn movie_timescale(index: &Index, reference: Option<usize>, waiting: &[u32]) -> u32 {
    let with_samples = || index.tracks.iter().position(|t| t.samples.count > 0);
    let media = reference
        .or_else(with_samples)
        .and_then(|r| index.tracks.get(r))
        .map_or(1, |t| t.mdhd.timescale.max(1));
    let movie = u64::from(index.mvhd.timescale.max(1));
    let media = u64::from(media);
    let fits = |n: &u64| *n <= u64::from(u32::MAX >> 1);
    let common = |a: u64, b: u64| a.checked_mul(b / gcd(a, b)).filter(fits);
    let all = |from: u64| waiting.iter().try_fold(from, |all, &scale| common(all, scale.into()));
    let with_edits = common(movie, media);
    let exact =
        with_edits.and_then(all).filter(|&all| waiting.is_empty() || all <= limits::MEDIA_TIMESCALE.into());
    let common = exact.or_else(|| all(media)).or(with_edits).unwrap_or(media);
    let finer = common * MIN_TIMESCALE.div_ceil(common);
    u32::try_from(finer).unwrap_or(u32::MAX)
}

/// The greatest common divisor.
pub(super) fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The coarsest media timescale of audio that becomes the movie timescale. A coarser one would
/// round times by more than 25 µs.
pub(super) const LEAST_AUDIO: u32 = 20_000;

/// The audio or video tracks that have empty edits in a clip.
pub(super) enum Waiting {
    /// No audio or video track.
    No,
    /// Video tracks with these media timescales.
    Video(Vec<u32>),
    /// An audio track with this media timescale, and no video track.
    Audio(u32),
}

impl Waiting {
    /// Which of the tracks of a cut those are.
    pub(super) fn of(index: &Index, cut: &Cut) -> Self {
        let Cut::Clip(clip) = cut else { return Self::No };
        let waits = |held: &Option<TrackClip>| {
            held.as_ref().is_some_and(|held| held.edits.iter().any(|e| e.media_time.is_none()))
        };
        let waiting = |handler: [u8; 4]| {
            let tracks = index.tracks.iter().zip(&clip.tracks);
            let waiting = tracks.filter(move |(track, held)| track.handler.0 == handler && waits(held));
            waiting.map(|(track, _)| track.mdhd.timescale.max(1))
        };
        let video: Vec<_> = waiting(*b"vide").collect();
        match waiting(*b"soun").find(|&timescale| timescale >= LEAST_AUDIO) {
            _ if !video.is_empty() => Self::Video(video),
            Some(timescale) => Self::Audio(timescale),
            None => Self::No,
        }
    }
}
