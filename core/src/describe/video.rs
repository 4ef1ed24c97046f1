//! What only video tracks have: size, frame rate, dynamic range.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::boxes::descriptions::{DolbyVisionConfig, PixelAspect, SampleDescription};
use crate::boxes::{FormatError, Reader};
use crate::index::{Film, Track};
use crate::limits::RATE_ENTRIES;
use crate::source::ReadAt;

use super::colour::colours;
use super::track::{SupplementalCodec, VideoDescription, VideoRange};

/// Describes a video track; `None` where the description has no size.
pub(super) fn describe<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    film: &Film<'_>,
    track: &Track,
    entry: &SampleDescription,
) -> Result<Option<VideoDescription>, FormatError> {
    let Some(coded) = entry.picture else { return Ok(None) };
    let aspect = entry.find(reader, b"pasp", PixelAspect::parse)?;
    Ok(Some(VideoDescription {
        coded,
        presented: presented(coded, aspect, track.tkhd.is_quarter_turn()),
        frame_rate: frame_rate(film, track)?,
        range: range(reader, entry)?,
        supplemental: dolby_vision(reader, entry)?.and_then(|config| supplemental(&entry.coding.0, config)),
    }))
}

/// The size in square pixels. One dimension grows and the other stays, as HTML has it (4.8.8, the
/// natural dimensions of a video).
fn presented(coded: (u16, u16), aspect: Option<PixelAspect>, is_quarter_turn: bool) -> (u32, u32) {
    let (mut width, mut height) = (u32::from(coded.0), u32::from(coded.1));
    if let Some(PixelAspect { horizontal, vertical }) = aspect {
        if horizontal >= vertical {
            width = scaled(width, horizontal, vertical);
        } else {
            height = scaled(height, vertical, horizontal);
        }
    }
    if is_quarter_turn { (height, width) } else { (width, height) }
}

/// `length × by ÷ over`, to the nearest; unchanged where that is no length.
fn scaled(length: u32, by: u32, over: u32) -> u32 {
    let (product, over) = (u64::from(length) * u64::from(by), u64::from(over.max(1)));
    u32::try_from((product + over / 2) / over).unwrap_or(length)
}

/// How far the duration of a frame may be from the usual one: a twentieth of it, or the tick that
/// rounding to the timescale takes.
const TOLERANCE: u64 = 20;

/// Of so many frames, one may be farther from it: where a recording dropped frames. The last frame
/// always may.
const EXCEPTIONS: u64 = 10;

/// Frames per second, if the frames are equally far apart, or nearly so.
fn frame_rate(film: &Film<'_>, track: &Track) -> Result<Option<(u64, u64)>, FormatError> {
    let mut durations = BTreeMap::new();
    for run in track.samples.stts.runs_from(&film.source, 0)?.take(RATE_ENTRIES) {
        let run = run?;
        *durations.entry(run.value).or_insert(0) += u64::from(run.count);
    }
    Ok(rate_of(&durations, track.mdhd.timescale.into()))
}

/// The rate of frames by their durations in ticks, and how many frames have each.
fn rate_of(durations: &BTreeMap<u64, u64>, timescale: u64) -> Option<(u64, u64)> {
    let frames: u64 = durations.values().sum();
    let (&usual, &count) = durations.iter().max_by_key(|(_, count)| **count)?;
    // A single picture has no rate.
    if frames < 2 || usual == 0 || timescale == 0 {
        return None;
    }
    let are_exceptions = |count: u64| count <= (frames / EXCEPTIONS).max(1);
    if are_exceptions(frames - count) {
        return Some(reduced(timescale, usual));
    }
    let near = durations.iter().filter(|(ticks, _)| ticks.abs_diff(usual) <= (usual / TOLERANCE).max(1));
    let (count, ticks) = near.fold((0u64, 0u64), |(count, sum), (ticks, n)| {
        (count + n, sum.saturating_add(n.saturating_mul(*ticks)))
    });
    let (frames_by_ticks, ticks) = (count.saturating_mul(timescale), ticks.max(1));
    are_exceptions(frames - count)
        .then(|| standard(frames_by_ticks, ticks).unwrap_or_else(|| reduced(frames_by_ticks, ticks)))
}

/// Whole rates, and those of NTSC, that are 1000 : 1001 of these.
const WHOLE: RangeInclusive<u64> = 1..=240;
const NTSC: [u64; 6] = [24, 30, 48, 60, 120, 240];

/// How much rounding to the timescale may change the mean: by one part in so many. The rates of NTSC
/// are one part in a thousand from whole ones.
const ROUNDING: u128 = 5000;

/// The rate that frames were meant to have, if it is a usual one.
fn standard(frames: u64, seconds: u64) -> Option<(u64, u64)> {
    let rates = WHOLE.map(|n| (n, 1)).chain(NTSC.map(|n| (n * 1000, 1001)));
    let (frames, seconds) = (u128::from(frames), u128::from(seconds));
    let mut near = rates.filter(|&(n, d)| {
        let (is, meant) = (frames * u128::from(d), seconds * u128::from(n));
        is.abs_diff(meant) <= meant / ROUNDING
    });
    near.next()
}

/// A fraction in lowest terms.
fn reduced(numerator: u64, denominator: u64) -> (u64, u64) {
    let (mut divisor, mut rest) = (numerator, denominator);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    let divisor = divisor.max(1);
    (numerator / divisor, denominator / divisor)
}

/// The dynamic range, by the transfer characteristics (ITU-T H.273: 16 and 18) that are said.
fn range<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &SampleDescription,
) -> Result<VideoRange, FormatError> {
    match colours(reader, entry)?.map(|colours| colours.transfer) {
        Some(16) => return Ok(VideoRange::Pq),
        Some(18) => return Ok(VideoRange::Hlg),
        _ => {}
    }
    Ok(dolby_vision(reader, entry)?.map_or(VideoRange::Sdr, dolby_vision_range))
}

/// The configuration of Dolby Vision, where there is one.
pub(super) fn dolby_vision<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &SampleDescription,
) -> Result<Option<DolbyVisionConfig>, FormatError> {
    for configuration in [b"dvcC", b"dvvC", b"dvwC"] {
        if let Some(config) = entry.find(reader, configuration, DolbyVisionConfig::parse)? {
            return Ok(Some(config));
        }
    }
    Ok(None)
}

/// Dolby Vision Streams Within the ISO Base Media File Format, 3 and annex B: Dolby Vision in what other
/// players can show as well. Where they cannot, it is the coding of the track itself.
fn supplemental(coding: &[u8; 4], config: DolbyVisionConfig) -> Option<SupplementalCodec> {
    let name = match coding {
        b"hvc1" => "dvh1",
        b"hev1" => "dvhe",
        b"avc1" => "dva1",
        b"avc3" => "dvav",
        b"av01" => "dav1",
        _ => return None,
    };
    let brand = match config.compatibility {
        1 => "db1p",
        2 => "db2g",
        4 => "db4h",
        _ => return None,
    };
    Some(SupplementalCodec { codec: format!("{name}.{}", config.parameter()), brand })
}

/// Dolby Vision Streams Within the ISO Base Media File Format, 2.2: what a compatible player sees. A
/// stream that is compatible with nothing (0) has PQ.
fn dolby_vision_range(config: DolbyVisionConfig) -> VideoRange {
    match config.compatibility {
        2 => VideoRange::Sdr,
        4 => VideoRange::Hlg,
        _ => VideoRange::Pq,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aspect(horizontal: u32, vertical: u32) -> Option<PixelAspect> {
        Some(PixelAspect { horizontal, vertical })
    }

    #[test]
    fn pixels_that_are_not_square_make_one_dimension_larger() {
        assert_eq!(presented((720, 576), aspect(64, 45), false), (1024, 576));
        assert_eq!(presented((720, 480), aspect(8, 9), false), (720, 540));
        assert_eq!(presented((1440, 1080), aspect(4, 3), false), (1920, 1080));
        assert_eq!(presented((1920, 1080), None, false), (1920, 1080));
        assert_eq!(presented((u16::MAX, 1), aspect(u32::MAX, 1), false), (65_535, 1));
    }

    #[test]
    fn a_quarter_turn_exchanges_width_and_height() {
        assert_eq!(presented((1920, 1080), None, true), (1080, 1920));
        assert_eq!(presented((720, 576), aspect(64, 45), true), (576, 1024));
    }

    /// The rate of runs of (frames, ticks).
    fn rate(runs: &[(u64, u64)], timescale: u64) -> Option<(u64, u64)> {
        let mut durations = BTreeMap::new();
        for (frames, ticks) in runs {
            *durations.entry(*ticks).or_insert(0) += frames;
        }
        rate_of(&durations, timescale)
    }

    #[test]
    fn equal_durations_give_an_exact_rate() {
        assert_eq!(rate(&[(100, 1001)], 24_000), Some((24_000, 1001)));
        assert_eq!(rate(&[(100, 3600)], 90_000), Some((25, 1)));
        // The last frame, or a gap.
        assert_eq!(rate(&[(4, 100), (1, 700)], 1000), Some((10, 1)));
        assert_eq!(rate(&[(100, 100), (2, 9000)], 1000), Some((10, 1)));
    }

    #[test]
    fn durations_that_were_rounded_give_the_rate_that_was_meant() {
        let film = [(708, 42), (292, 41)];
        assert_eq!(rate(&film, 1000), Some((24_000, 1001)));
        assert_eq!(rate(&[(333, 33), (667, 34), (1, 90)], 1010), Some((30, 1)));
        // A rate that is not usual.
        assert_eq!(rate(&[(50, 80), (50, 81)], 1000), Some((2000, 161)));
    }

    #[test]
    fn what_has_no_rate_has_none() {
        assert_eq!(rate(&[(50, 33), (50, 66)], 1000), None);
        assert_eq!(rate(&[(1, 40)], 1000), None);
        assert_eq!(rate(&[(10, 0)], 1000), None);
        assert_eq!(rate(&[(10, 40)], 0), None);
        assert_eq!(rate(&[], 1000), None);
        assert!(rate(&[(u64::MAX / 4, u64::MAX), (u64::MAX / 4, u64::MAX - 1)], u64::MAX).is_some());
    }

    #[test]
    fn dolby_vision_is_beside_what_others_can_show() {
        let said = |coding, profile, compatibility| {
            let config = DolbyVisionConfig { profile, level: 4, compatibility };
            supplemental(coding, config).map(|it| format!("{}/{}", it.codec, it.brand))
        };
        assert_eq!(said(b"hvc1", 8, 4).as_deref(), Some("dvh1.08.04/db4h"));
        assert_eq!(said(b"hev1", 8, 1).as_deref(), Some("dvhe.08.04/db1p"));
        assert_eq!(said(b"av01", 10, 1).as_deref(), Some("dav1.10.04/db1p"));
        assert_eq!(said(b"avc1", 9, 2).as_deref(), Some("dva1.09.04/db2g"));
        assert_eq!([said(b"dvh1", 5, 0), said(b"hvc1", 8, 0), said(b"dvh1", 8, 4)], [None, None, None]);
    }

    #[test]
    fn dolby_vision_says_what_others_see() {
        let range =
            |compatibility| dolby_vision_range(DolbyVisionConfig { profile: 8, level: 6, compatibility });
        assert_eq!(
            [0, 1, 2, 4].map(range),
            [VideoRange::Pq, VideoRange::Pq, VideoRange::Sdr, VideoRange::Hlg]
        );
    }
}
