//! What is between two scenes of a track.
//!
//! An edit list says exactly which media a track presents, and most players look at the first edit alone,
//! those of segments and Firefox, or go wrong at later ones, as WebKit and GStreamer do. In segments, and
//! in the mode for players without edit lists, scenes are laid out so that one edit is all there is:
//!
//! ```text
//! S(scene)  the media time at which the edit would begin if the scene were the first one's
//!           continuation: media time of the first edit + when the scene is presented
//!
//! video   the first frame is presented at S. A scene is decoded behind the one before, and that is
//!         closer to S than in the file where frames are decoded for the end of the scene before.
//!         Then its first samples are decoded a step apart, until they may be when they are in the
//!         file. What is decoded before the first frame and not presented is presented from S on, a
//!         step apart, and the first frame after it: no more than 10 ms later. What is decoded for
//!         frames before the end of a scene and presented after it comes in the last ticks before
//!         the last frame of that scene.
//! audio   packets follow one another without a gap: decoders count the samples that they give
//!         out, and hear of no gap. A later scene begins with the packet that is nearest to its place,
//!         and nothing is decoded before that. So audio is up to half a packet early or late. Where
//!         the film pauses, it is at its place again behind the pause.
//! text    the first sample begins at S, cut off where it began before
//! ```
//!
//! The last sample before a scene lasts until that begins.
//!
//! In segments, the first scene of a film that is itself trimmed amid a group of pictures begins alike: S is
//! where its edit begins. Media Source Extensions leave out a frame that is presented before the start,
//! and with a key frame all up to the next one. hls.js and dash.js did not begin at all.

use crate::boxes::{ElstEntry, FormatError, SyncSamples};
use crate::describe::track_kind;
use crate::index::{SampleTable, Track};
use crate::limits;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime, MovieTime, Rounding, rescale};

use super::audio_preroll::{has_gap, longer_neighbour};
use super::multiplier::MAX_GAP;
use super::play::Play;
use super::timeline::Timeline;

/// What of an edit list the players of a clip look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EditsSeen {
    /// All of it.
    All,
    /// Where its first edit begins.
    First,
}

/// What is between two scenes of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joints {
    /// The edits of a list, which hide what leads in to the next scene.
    Edits,
    /// Nothing: one edit presents all scenes.
    None,
}

/// Whether each of the tracks that are to have their scenes without joints can; `plays` is what it
/// presents in each.
pub(super) fn may_be_joined(
    tracks: &[Track],
    lines: &[Timeline],
    plays: &[Option<Vec<Vec<Play>>>],
    joins: impl Fn(usize, &Track) -> bool,
) -> bool {
    tracks.iter().zip(lines).zip(plays).enumerate().all(|(n, ((track, line), scenes))| match scenes {
        Some(scenes) if joins(n, track) => is_simple(track, line, scenes) && waits_briefly(line, scenes),
        _ => true,
    })
}

/// Whether players play a track by itself.
pub(super) fn is_played(track: &Track) -> bool {
    track_kind(track.handler).is_some()
}

/// Whether each scene is one edit of the usual rate, if any, and its media may be decoded where it is.
fn is_simple(track: &Track, line: &Timeline, scenes: &[Vec<Play>]) -> bool {
    let samples = &track.samples;
    let is_decoded_apart = match &track.handler.0 {
        b"soun" => is_in_packets(samples) && samples.ctts.is_none(),
        _ => line.is_decoded_first(track),
    };
    let is_usual =
        |plays: &Vec<Play>| plays.len() <= 1 && plays.iter().all(|p| p.rate == ElstEntry::NORMAL_RATE);
    is_decoded_apart && scenes.iter().all(is_usual)
}

/// Whether a sample can last through each pause between two scenes, however fine the clip's media times
/// become.
fn waits_briefly(line: &Timeline, scenes: &[Vec<Play>]) -> bool {
    let a_second = line.scales.media.max(line.scales.movie).max(limits::MEDIA_TIMESCALE);
    let plays = || scenes.iter().flatten();
    let pauses = plays().zip(plays().skip(1)).map(|(play, next)| next.movie.start - play.movie.end);
    pauses.max().is_none_or(|longest| {
        rescale(longest.0.into(), line.scales.movie, a_second, Rounding::Up) < MAX_GAP.0 / 2
    })
}

/// Whether each sample is a packet that decoding may begin with.
fn is_in_packets(samples: &SampleTable) -> bool {
    matches!(samples.sync, SyncSamples::All) && samples.sizes.samples_per_packet() == 1
}

/// Leaves out of each scene the packets that are decoded before the first one that is heard. Players
/// of segments that look at no edit list would play them: Chromium by itself and Firefox were late
/// by as much. Without them, the first packet that is heard fades in. The packets that a file
/// begins with stay where its edit list hides them.
pub(super) fn leave_out_unheard<'a, R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    scenes: impl Iterator<Item = &'a mut Vec<Play>>,
) -> Result<(), FormatError> {
    let begins = line.segments.first().map(|segment| segment.media_time);
    let is_independent =
        is_in_packets(&track.samples) && matches!(&track.coding.0, b"mp4a" | b"ac-3" | b"ec-3" | b"Opus");
    for plays in scenes.filter(|_| is_independent) {
        let [play] = plays.as_mut_slice() else { continue };
        let first = play.first_presented;
        // USAC cannot be decoded without a longer roll.
        let is_heard = &track.coding.0 == b"Opus" || track.samples.roll_before(source, first)? <= 1;
        let is_films_begin = begins == Some(play.media_time) && play.samples.start == SampleNumber::FIRST;
        if is_heard && !is_films_begin {
            play.samples.start = first;
        }
    }
    Ok(())
}

/// Leaves of each scene of audio the packets that make up its time. What is decoded before it is
/// left out, but that before the first scene stays: the edit hides it.
pub(super) fn whole_packets<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    scenes: &mut [Vec<Play>],
) -> Result<(), FormatError> {
    let samples = &track.samples;
    let mut plays: Vec<_> = scenes.iter_mut().filter_map(|plays| plays.first_mut()).collect();
    let count = plays.len();
    // When the packets of the scenes before have been heard; `None` where that is before a pause.
    let (mut heard, mut is_later) = (None, false);
    for (n, play) in plays.iter_mut().enumerate() {
        let due = line.scales.to_media(play.movie.start, Rounding::Nearest);
        let packet = Packet::at(track, source, play.media_time)?;
        // How much later than in the film the packets of the scene are heard.
        let mut late = MediaTime(0);
        if is_later {
            let last = play.samples.end - 1;
            let begins_in_pause = packet.ends() <= play.media_time;
            let behind = heard.map(|heard: MediaTime| heard - due);
            let behind = behind.filter(|&behind| !begins_in_pause && behind + packet.heard >= MediaTime(0));
            let wanted = play.media_time + behind.unwrap_or(MediaTime(0));
            let start =
                if begins_in_pause { packet.number.next() } else { samples.nearest(source, wanted)? };
            play.samples.start = start.clamp(play.samples.start, last);
            if let Some(behind) = behind {
                late = behind - (samples.dts(source, play.samples.start)? - play.media_time);
            }
        }
        let from = play.samples.start.next();
        let until = play.media_end - late;
        let ends_in = Packet::at(track, source, until - MediaTime(1))?;
        play.samples.end = if n + 1 == count {
            // The clip may end behind the packet that the scene ends in, if that is heard early.
            ends_in.number.next().max(from)
        } else if ends_in.ends() < until {
            ends_in.number.next().clamp(from, play.samples.end)
        } else {
            samples.nearest(source, until)?.clamp(from, play.samples.end)
        };
        play.first_presented = play.first_presented.clamp(play.samples.start, play.samples.end - 1);
        let last = Packet::of(track, source, play.samples.end - 1)?;
        heard = (!last.is_before_pause).then(|| due + late + (last.ends() - play.media_time));
        is_later = true;
    }
    Ok(())
}

/// Whether nothing is heard for a while before the packet that follows this one.
pub(super) fn is_before_pause<R: ReadAt>(
    track: &Track,
    source: &R,
    number: SampleNumber,
) -> Result<bool, FormatError> {
    Ok(Packet::of(track, source, number)?.is_before_pause)
}

/// A packet of audio. In a file it lasts until the next one, in a pause as well.
struct Packet {
    number: SampleNumber,
    begins: MediaTime,
    /// How long it is heard.
    heard: MediaTime,
    is_before_pause: bool,
}

impl Packet {
    /// The one that is heard at a time, or was last.
    fn at<R: ReadAt>(track: &Track, source: &R, time: MediaTime) -> Result<Self, FormatError> {
        Self::of(track, source, track.samples.sample_at_dts(source, time)?)
    }

    fn of<R: ReadAt>(track: &Track, source: &R, number: SampleNumber) -> Result<Self, FormatError> {
        let (begins, lasts) = (track.samples.dts(source, number)?, track.samples.duration(source, number)?);
        let (shortest, longest) = track.samples.extreme_durations();
        let others = match longest < shortest.times(3) {
            true => lasts,
            false => longer_neighbour(track, source, number)?,
        };
        let is_before_pause = has_gap(lasts, others);
        Ok(Self { number, begins, heard: if is_before_pause { others } else { lasts }, is_before_pause })
    }

    fn ends(&self) -> MediaTime {
        self.begins + self.heard
    }
}

/// The media time of a clip that goes on from its first scene.
#[derive(Debug, Clone, Copy)]
pub(super) struct Continued {
    /// What its presentation times are earlier by.
    skipped: ClipTime,
    /// Ticks a second of the clip's movie and of its media.
    movie: u32,
    media: u32,
}

impl Continued {
    /// That of a clip of which the edit at `media_time` is the first, and presented at `presented`.
    pub(super) fn from(media_time: ClipTime, presented: MovieTime, movie: u32, media: u32) -> Self {
        let this = Self { skipped: ClipTime(0), movie, media };
        Self { skipped: media_time - this.at(presented), ..this }
    }

    /// The media time that is presented at a time.
    pub(super) fn at(&self, presented: MovieTime) -> ClipTime {
        ClipTime(rescale(presented.0.into(), self.movie, self.media, Rounding::Nearest)) + self.skipped
    }
}
