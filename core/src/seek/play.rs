//! What an edit of the source presents in a clip, and the samples that it needs.

use std::ops::Range;

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::{MediaTime, MovieTime, Rounding};

use super::audio_preroll::{self, preroll_start};
use super::kind::{holds_on, is_still};
use super::open_gop;
use super::timeline::{Segment, Timeline};

/// What one edit of the source presents in a clip.
pub(super) struct Play {
    /// When it is presented, in the clip's movie time, counted from the start of the movie.
    pub(super) movie: Range<MovieTime>,
    /// Where the edit begins in the media.
    pub(super) media_time: MediaTime,
    /// Where the edit ends in the media.
    pub(super) media_end: MediaTime,
    /// 16.16 fixed point.
    pub(super) rate: u32,
    /// Composition time of the first sample that is presented.
    pub(super) first_shown: MediaTime,
    /// The first sample in decode order that is presented.
    pub(super) first_presented: SampleNumber,
    /// The samples that are decoded for it.
    pub(super) samples: Range<SampleNumber>,
    /// As [`SampleRange::joined_until`](super::SampleRange::joined_until).
    pub(super) joined_until: SampleNumber,
}

/// Finds what a segment presents in a part of its movie time; `None` if that is nothing.
///
/// ```text
/// media times   of the part, at the rate of the segment
/// a gap         before the first sample: the play begins later
/// needed        the samples that are presented in these media times
/// decoded       from the preroll of an audio sample, or the sync sample before, on
/// ```
pub(super) fn play<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    segment: &Segment,
    movie: Range<MovieTime>,
) -> Result<Option<Play>, FormatError> {
    let (mut media_time, mut media_end) = media_times(track, line, source, segment, &movie)?;
    let mut start = movie.start;
    let first = line.shown_at(segment, line.media_start);
    if (media_time < line.media_start || start < first) && segment.rate == ElstEntry::NORMAL_RATE {
        // Nothing is on screen yet: a gap, which is an empty edit in the clip.
        start = start.max(first);
        media_time = line.media_start;
    }
    if start >= movie.end || media_time >= media_end {
        return Ok(None);
    }
    let shown = track.samples.on_screen(source, media_time)?.unwrap_or(line.media_start);
    if segment.rate == 0 {
        // A frame may be on screen for longer than its duration in the clip.
        media_time = shown.min(media_time);
        media_end = media_time.next();
    }
    let first_shown = shown.min(media_time);
    let Some(needed) = track.samples.presented(source, first_shown, media_end)? else {
        return Ok(None);
    };
    let first_presented = needed.start;
    let may_be_decoded = |sample| -> Result<bool, FormatError> {
        let cts = track.samples.cts(source, sample)?;
        Ok(&track.handler.0 != b"vide" || cts >= first_shown || !line.is_hidden(segment, cts))
    };
    let (samples, joined_until) = decoded(track, source, needed, (shown, media_time), may_be_decoded)?;
    if !may_be_decoded(samples.start)? {
        // The next key frame, as for the track that the clip is cut by.
        let next = line.next_key_frame(track, source, segment)?;
        return match next.filter(|&next| next > start && next < movie.end) {
            Some(next) => play(track, line, source, segment, next..movie.end),
            None => Ok(None),
        };
    }
    let movie = start..movie.end;
    let rate = segment.rate;
    Ok(Some(Play { movie, media_time, media_end, rate, first_shown, first_presented, samples, joined_until }))
}

/// The media times at which a part of a segment begins and ends.
fn media_times<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    segment: &Segment,
    movie: &Range<MovieTime>,
) -> Result<(MediaTime, MediaTime), FormatError> {
    let rate = ElstEntry::signed_rate(segment.rate);
    let into = |t, rounding| segment.media_time + line.scales.to_media(t, rounding).at_rate(rate);
    let (from, to) = match rate {
        // Played backwards, from its end.
        ..0 => (segment.end - movie.end, segment.end - movie.start),
        _ => (movie.start - segment.start, movie.end - segment.start),
    };
    let mut media_time = into(from, Rounding::Nearest);
    let mut media_end = into(to, Rounding::Up);
    if line.scales.is_coarse() && &track.handler.0 == b"vide" && segment.rate == ElstEntry::NORMAL_RATE {
        let near = |time| near_frame(track, line, source, time);
        media_time = near(media_time)?.unwrap_or(media_time).max(segment.media_time);
        media_end = near(into(to, Rounding::Nearest))?.unwrap_or(media_end);
    }
    if audio_preroll::is_without(track) && segment.rate == ElstEntry::NORMAL_RATE {
        let late = to_whole_packet(track, source, media_time)?.max(segment.media_time - media_time);
        (media_time, media_end) = (media_time + late, media_end + late);
    }
    media_end = media_end.max(media_time.next()).min(track.samples.end);
    if is_still(track) || holds_on(track) {
        // A single frame has no later part to begin at, and libavformat shows nothing of a frame
        // that begins before its edit.
        media_time = media_time.min(line.media_start);
        media_end = media_end.max(media_time.next());
    }
    Ok((media_time, media_end))
}

/// The samples that are decoded for the `needed` ones, and until which of them there are no sync
/// samples in the clip ([`SampleRange::joined_until`](super::SampleRange::joined_until)). `shown`
/// is the composition time of the first sample that is presented, `media_time` where the edit
/// begins. None that `may_be_decoded` refuses is decoded for an open group of pictures.
fn decoded<R: ReadAt>(
    track: &Track,
    source: &R,
    needed: Range<SampleNumber>,
    (shown, media_time): (MediaTime, MediaTime),
    may_be_decoded: impl Fn(SampleNumber) -> Result<bool, FormatError>,
) -> Result<(Range<SampleNumber>, SampleNumber), FormatError> {
    let preroll = preroll_start(track, source, needed.start, media_time)?;
    let latest = if preroll < needed.start { MediaTime::MAX } else { shown };
    let sync = track.samples.preceding_sync(source, preroll, latest)?;
    let closed = open_gop::closed_before(track, source, sync)?;
    let first = if closed == sync || may_be_decoded(closed)? { closed } else { sync };
    let samples = on_packets(track, source, first..needed.end)?;
    Ok((samples, if first < sync { sync.next() } else { SampleNumber::FIRST }))
}

/// The composition time of the frame that begins at a media time, to within the precision of movie
/// ticks.
fn near_frame<R: ReadAt>(
    track: &Track,
    line: &Timeline,
    source: &R,
    time: MediaTime,
) -> Result<Option<MediaTime>, FormatError> {
    // The edit's start and this time are each rounded by up to half a movie tick, and this time then
    // to a media tick.
    let off = line.scales.to_media(MovieTime(1), Rounding::Nearest);
    let frame = track.samples.on_screen(source, time + off)?;
    Ok(frame.filter(|frame| time - *frame <= off))
}

/// How much later the packet begins that is nearest to a media time.
fn to_whole_packet<R: ReadAt>(track: &Track, source: &R, time: MediaTime) -> Result<MediaTime, FormatError> {
    const NONE: MediaTime = MediaTime(0);
    let Some(last) = track.samples.end_number().previous() else { return Ok(NONE) };
    let packet = track.samples.nearest(source, time)?.min(last);
    let late = track.samples.dts(source, packet)? - time;
    // From a gap, what follows would come too late or too early.
    let most = audio_preroll::longer_neighbour(track, source, packet)?;
    Ok(if late.0.abs() <= most.0 { late } else { NONE })
}

/// Widens a range of PCM frames to whole packets.
fn on_packets<R: ReadAt>(
    track: &Track,
    source: &R,
    range: Range<SampleNumber>,
) -> Result<Range<SampleNumber>, FormatError> {
    let packet = track.samples.sizes.samples_per_packet();
    if packet == 1 {
        return Ok(range);
    }
    let first = track.samples.chunk_of(source, range.start)?;
    let start = range.start - (range.start - first.first_sample) % packet;
    let last = track.samples.chunk_of(source, range.end - 1)?;
    let into = (range.end - last.first_sample).div_ceil(packet).saturating_mul(packet);
    let end = last.first_sample + into.min(last.samples);
    Ok(start..end.min(track.samples.end_number()))
}
