//! Times of Opus packets that are decoded before the first that is heard.
//!
//! Chromium starts a movie later by the media time before the edit of its video and audio tracks,
//! and moves audio by that. It does not count the media time of an Opus track. Instead it drops
//! `PreSkip` samples (Opus in ISOBMFF, 4.3.2) when it begins to decode. The two cancel each other
//! if `PreSkip` and the media time of the Opus edit are as long as the media time of the video
//! edit.
//!
//! ```text
//! media_time   where the edit begins, in ticks from the first packet
//! H            packets that end at or before media_time
//! into         media_time - decode time of packet H
//! lead         the media time of the video edit, in ticks
//! F'         = lead - into, at least 50 ms, at most the decode time of packet H
//!
//! decode time of i      i < H: i              else F' + decode time of i - decode time of H
//! media_time'         = F' + into             PreSkip' = media_time' at 48 kHz
//!
//! H = 0                 times as they are     PreSkip' = media_time at 48 kHz
//! ```

use crate::boxes::{ElstEntry, FormatError};
use crate::index::Track;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime};

use super::clip::TrackClip;
use super::lead_in::LeadIn;

/// `PreSkip` counts samples at this rate.
const RATE: u64 = 48_000;

/// The least time of the packets before the edit, in milliseconds. With less, mpv and GStreamer
/// also play what precedes the edit.
const LEAST_LEAD: u32 = 50;

/// Where an edit begins in the media of the clip.
#[derive(Clone, Copy)]
pub(super) struct Lead {
    time: ClipTime,
    /// Ticks of the clip in a second.
    timescale: u32,
}

impl Lead {
    /// That of a clip without video.
    pub(super) const NONE: Self = Self { time: ClipTime(0), timescale: 1 };

    /// The time in another timescale, rounded towards zero.
    fn in_timescale(self, timescale: u32) -> ClipTime {
        let ticks = i128::from(self.time.0) * i128::from(timescale) / i128::from(self.timescale.max(1));
        ClipTime(i64::try_from(ticks).unwrap_or(i64::MAX))
    }
}

/// The media time of the first edit of a track, if it is presented from the start of the clip on.
pub(super) fn lead_of(track: &Track, held: &TrackClip) -> Option<Lead> {
    let first = held.edits.first().filter(|edit| edit.media_rate == ElstEntry::NORMAL_RATE)?;
    let timescale = track.mdhd.timescale.saturating_mul(held.multiplier);
    Some(Lead { time: ClipTime(first.media_time?), timescale })
}

/// Gives the packets that are not heard as much time as the video edit skips.
pub(super) fn shorten<R: ReadAt>(
    track: &Track,
    held: &mut TrackClip,
    source: &R,
    video: Lead,
) -> Result<(), FormatError> {
    let samples = &track.samples;
    let Some(Lead { time: media_time, timescale }) = lead_of(track, held) else { return Ok(()) };
    // Edits of scenes begin in ranges of their own; those of one range are all earlier by as much. One
    // that goes back presents what is before the first.
    let goes_back = held.edits.iter().any(|edit| edit.media_time.is_some_and(|at| at < media_time.0));
    let is_of_first = (held.ranges.len() == 1 || held.edits.len() == 1) && !goes_back;
    let Some(range) = held.ranges.first_mut() else { return Ok(()) };
    if track.pre_skip.is_none() || samples.ctts.is_some() || held.multiplier != 1 {
        return Ok(());
    }
    let from = samples.dts(source, range.samples.start)?;
    // One tick of the clip is one of the file.
    let begins = from + range.first_sample_trim + media_time.in_file(held.multiplier);
    let heard = samples.sample_at_dts(source, begins)?.min(range.samples.end - 1);
    let count = heard - range.samples.start;
    let into = begins - samples.dts(source, heard)?;
    if into < MediaTime(0) {
        return Ok(());
    }
    let first_presented = begins - into;
    let into = into.in_clip(held.multiplier);
    let pre_skip = |time: ClipTime| {
        let samples = u128::from(time.0.unsigned_abs()) * u128::from(RATE);
        u16::try_from(samples / u128::from(timescale.max(1))).ok()
    };
    if count == 0 {
        // With nothing before the packet that the edit begins in, a part of that is dropped.
        if range.samples.start > SampleNumber::FIRST {
            held.pre_skip = pre_skip(media_time);
        }
        return Ok(());
    }
    if !is_of_first {
        return Ok(());
    }
    let least = MediaTime::of_millis(LEAST_LEAD, timescale).in_clip(held.multiplier);
    // The packets get at most their own duration, because libavformat drops as many decoded samples
    // as the edit skips.
    let lead = video.in_timescale(timescale) - into;
    let presented_at = lead.max(least).max(ClipTime(count.into())).min(media_time - into);
    let begins_at = presented_at + into;
    let Some(pre_skip) = pre_skip(begins_at) else { return Ok(()) };
    range.first_sample_trim = MediaTime(0);
    let last_duration = presented_at - ClipTime((count - 1).into());
    let last_duration = ClipTime(u32::try_from(last_duration.0).map_or(1, i64::from));
    range.lead_in = Some(LeadIn::in_order(count, last_duration, first_presented, presented_at, range.len()));
    held.pre_skip = Some(pre_skip);
    let earlier = media_time - begins_at;
    for edit in &mut held.edits {
        edit.media_time = edit.media_time.map(|time| (ClipTime(time) - earlier).0);
    }
    held.media_duration = (held.media_duration - earlier).max(ClipTime(0));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Expanded, Film, Sample, TrackSpec, clip, expand, make_box};

    /// Opus in packets of 20 ms, but for every fifth, which lasts twice as long, with 312 samples
    /// of pre-skip. The track before it is video, if asked for, and each 50th of its samples is a
    /// sync sample.
    fn film(video: bool) -> Vec<u8> {
        let picture = |n| Sample { delta: 512, offset: 0, sync: n % 50 == 0, size: 20 };
        let video = video.then(|| TrackSpec::new(b"vide", b"vp09", 12_800, (0..250).map(picture).collect()));
        let lasts = |n| if n % 5 == 1 { 1920 } else { 960 };
        let packet = |n| Sample { delta: lasts(n), offset: 0, sync: true, size: 20 };
        let mut audio = TrackSpec::new(b"soun", b"Opus", 48_000, (0..417).map(packet).collect());
        audio.in_entry = vec![make_box(b"dOps", [0, 1, 1, 56, 0, 0, 187, 128, 0, 0, 0])];
        audio.edits = vec![(10_000, 312, 0x10000)];
        Film::of(video.into_iter().chain([audio]).collect()).build()
    }

    /// `PreSkip` of a file.
    fn pre_skip(film: &[u8]) -> i64 {
        let at = film.windows(4).position(|w| w == b"dOps").unwrap();
        u16::from_be_bytes([film[at + 6], film[at + 7]]).into()
    }

    /// Where the edit of a track begins, in seconds.
    fn lead(track: &Expanded) -> f64 {
        let [(_, media_time, _)] = track.edits[..] else { panic!("{:?}", track.edits) };
        media_time as f64 / f64::from(track.timescale)
    }

    /// What is heard from a time on, and when, in ticks.
    fn heard(film: &[u8], from: f64) -> Vec<(Vec<u8>, f64)> {
        let audio = expand(film).pop().unwrap().shown().into_iter();
        let later = audio.filter(|s| s.to > from + 1e-9);
        later.map(|s| (s.bytes, ((s.from.max(from) - from) * 48e3).round())).collect()
    }

    #[test]
    fn audio_is_led_in_for_as_long_as_video_is() {
        let source = film(true);
        for start in [0.0, 3.96, 5.0, 5.04, 9.96] {
            let bytes = clip(&source, &format!("start={start}&end=9.98")).unwrap();
            let [video, audio] = &expand(&bytes)[..] else { panic!() };
            // Pictures of a key frame have no lead-in.
            let least = if start == 0.0 { 312.0 / 48_000.0 } else { lead(video).max(0.05) };
            // A part of the packet that the edit begins in comes on top.
            let longer = lead(audio) - least;
            assert!((-1e-4..0.0401).contains(&longer), "{start}: {} {}", lead(audio), lead(video));
            assert_eq!(pre_skip(&bytes), audio.edits[0].1, "{start}");
            let (ours, theirs) = (heard(&bytes, 0.0), heard(&source, start));
            assert_eq!(ours[..], theirs[..ours.len()], "{start}");
            assert!(ours.len() > 1 || start > 9.0, "{start}");
        }
    }

    #[test]
    fn packets_that_a_later_edit_goes_back_to_keep_their_time() {
        let packet = |_| Sample { delta: 960, offset: 0, sync: true, size: 20 };
        let mut audio = TrackSpec::new(b"soun", b"Opus", 48_000, (0..1000).map(packet).collect());
        audio.in_entry = vec![make_box(b"dOps", [0, 1, 1, 56, 0, 0, 187, 128, 0, 0, 0])];
        audio.edits = vec![(10_000, 240_000, 0x10000), (10_000, 0, 0x10000)];
        let source = Film::of(vec![audio]).build();
        let bytes = clip(&source, "start=2").unwrap();
        let [_, second] = expand(&bytes).pop().unwrap().edits[..] else { panic!("other edits") };
        assert!(second.1 >= 0, "{second:?}");
        assert_eq!(heard(&bytes, 0.0), heard(&source, 2.0));
    }

    #[test]
    fn a_clip_of_a_clip_is_led_in_for_no_longer() {
        for video in [true, false] {
            let mut bytes = film(video);
            for _ in 0..5 {
                bytes = clip(&bytes, "start=0.6").unwrap();
                let audio = expand(&bytes).pop().unwrap();
                assert!(lead(&audio) < 0.0901, "{}", lead(&audio));
                assert_eq!(pre_skip(&bytes), audio.edits[0].1);
            }
            assert_eq!(heard(&bytes, 0.0), heard(&film(video), 3.0));
        }
    }
}
