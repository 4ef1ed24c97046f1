//! The audio samples that are decoded before the first one that is heard.

use std::ops::Range;

use crate::boxes::{BoxType, FormatError};
use crate::index::Track;
use crate::limits;
use crate::numbers::{Numbers, SampleNumber};
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::bit_reservoir::{MOST_PACKETS, packets_before};

/// The longer of the durations of the samples before and after one. (The last sample of a track is
/// often short.)
pub(super) fn longer_neighbour<R: ReadAt>(
    track: &Track,
    source: &R,
    sample: SampleNumber,
) -> Result<MediaTime, FormatError> {
    let lasts = |sample: Option<SampleNumber>| match sample.filter(|n| *n < track.samples.end_number()) {
        Some(sample) => track.samples.duration(source, sample),
        None => Ok(MediaTime(0)),
    };
    Ok(lasts(sample.previous())?.max(lasts(Some(sample.next()))?))
}

/// Whether a track's clips begin with a packet that is heard, at its beginning.
///
/// libavformat, and Chromium with it, drops as many audio samples as an edit list hides ticks of the
/// media. With a timescale of 10,000,000, as Smooth Streaming has it, a hidden packet would silence
/// four seconds.
pub(super) fn is_without(track: &Track) -> bool {
    let is_fine = track.mdhd.timescale > limits::SAMPLING_RATE;
    is_fine && &track.handler.0 == b"soun" && track.samples.ctts.is_none()
}

/// The sample to begin decoding with so that the decoder has settled when it reaches `sample`,
/// which is to be at `time`. Audio decoders carry state from packet to packet.
pub(super) fn preroll_start<R: ReadAt>(
    track: &Track,
    source: &R,
    sample: SampleNumber,
    time: MediaTime,
) -> Result<SampleNumber, FormatError> {
    if &track.handler.0 != b"soun" || sample == SampleNumber::FIRST || is_without(track) {
        return Ok(sample);
    }
    let (mut packets, millis) = least_preroll(track.coding);
    if matches!(&track.coding.0, b".mp3" | b"ms\0U") {
        packets = packets_before(&track.samples, source, sample)?.unwrap_or(MOST_PACKETS);
    }
    let packets = track.samples.roll_before(source, sample)?.max(packets);
    if packets == 0 {
        return Ok(sample);
    }
    let begun = track.samples.dts(source, sample)? - MediaTime::of_millis(millis, track.mdhd.timescale);
    let from_then = begun.max(MediaTime(0))..MediaTime(i64::MAX / 4);
    let by_time =
        track.samples.presented(source, from_then.start, from_then.end)?.map_or(sample, |r| r.start);
    let first = by_time.min(sample - packets);
    after_a_gap(track, source, first..sample, time)
}

/// The packets and the milliseconds that are decoded first at least, whatever the roll groups of
/// the file say: ffmpeg writes a roll distance of one packet for AAC, whose bands may depend on two
/// more.
fn least_preroll(coding: BoxType) -> (u32, u32) {
    match &coding.0 {
        // Apple's encoder has 2112 frames of priming: three packets.
        b"mp4a" => (3, 60),
        // RFC 7845, section 4.6, asks for 80 ms. libopus needs up to twice that to be exact.
        b"Opus" => (8, 160),
        b"ac-3" | b"ec-3" | b"ac-4" | b"dtsc" | b"dtsh" | b"dtsl" | b"dtse" | b"dtsx" | b"dtsy" => (2, 0),
        // Three frames for the core of USAC. If there is an `stss`, the sync sample before these
        // counts.
        b"mha1" | b"mha2" | b"mhm1" | b"mhm2" => (3, 0),
        b"samr" | b"sawb" | b"sqcp" | b"sevc" | b"QDM2" | b"QDMC" | b"vorb" => (5, 100),
        _ => (0, 0),
    }
}

/// How many packets are examined for a gap.
const GAP_PACKETS: usize = 256;

/// Whether there is a gap behind a packet: it lasts at least three times as long as its neighbours.
/// (Some codings have packets of twice the length.)
pub(super) fn has_gap(lasts: MediaTime, others: MediaTime) -> bool {
    others > MediaTime(0) && lasts >= others.times(3)
}

/// Where to begin decoding in `range`: at the last packet with a gap after it whose audio is over
/// by `time`, because no packet before a gap matters; else at the first. The packet after the range
/// counts, too.
fn after_a_gap<R: ReadAt>(
    track: &Track,
    source: &R,
    range: Range<SampleNumber>,
    time: MediaTime,
) -> Result<SampleNumber, FormatError> {
    let last = track.samples.end_number() - 1;
    let (shortest, longest) = track.samples.extreme_durations();
    if longest < shortest.times(3) {
        return Ok(range.start);
    }
    let packets = range.start..range.end.min(last - 1).next();
    for packet in packets.each().rev().take(GAP_PACKETS) {
        let (lasts, others) =
            (track.samples.duration(source, packet)?, longer_neighbour(track, source, packet)?);
        let heard_until = track.samples.dts(source, packet)? + others;
        if has_gap(lasts, others) && heard_until <= time {
            return Ok(packet);
        }
    }
    Ok(range.start)
}
