//! Codings of video.

use std::fmt::Write as _;

use crate::boxes::descriptions::{
    Av1Config, AvcConfig, ColourInformation, DolbyVisionConfig, Esds, HevcConfig, SampleDescription,
    VpConfig, VvcConfig,
};
use crate::boxes::{FormatError, Reader};
use crate::describe::colour::colours;
use crate::describe::track::VideoDescription;
use crate::describe::video::dolby_vision;
use crate::source::ReadAt;

/// The parameter for video; `None` where there is no more to say than the four-character code.
pub(super) fn codec<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &SampleDescription,
    video: &VideoDescription,
) -> Result<Option<String>, FormatError> {
    let four = entry.coding;
    let rest = match &four.0 {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" => {
            entry.find(reader, b"avcC", AvcConfig::parse)?.map(|c| avc(&c))
        }
        b"hvc1" | b"hev1" => entry.find(reader, b"hvcC", HevcConfig::parse)?.map(|c| hevc(&c)),
        b"vvc1" | b"vvi1" => entry.find(reader, b"vvcC", VvcConfig::parse)?.map(|c| vvc(&c)),
        b"av01" => {
            let colours = colours(reader, entry)?;
            entry.find(reader, b"av1C", Av1Config::parse)?.map(|c| av1(&c, colours))
        }
        b"vp08" | b"vp09" => entry.find(reader, b"vpcC", VpConfig::parse)?.map(|c| vp(&c, video)),
        b"dvh1" | b"dvhe" | b"dva1" | b"dvav" | b"dav1" => {
            dolby_vision(reader, entry)?.map(DolbyVisionConfig::parameter)
        }
        b"mp4v" => entry.find(reader, b"esds", Esds::parse)?.map(|esds| mpeg4(&esds)),
        _ => None,
    };
    Ok(rest.map(|rest| format!("{four}.{rest}")))
}

/// ISO/IEC 14496-15, E.3, which is RFC 6381, 3.3: three bytes in hexadecimal digits.
fn avc(config: &AvcConfig) -> String {
    format!("{:02x}{:02x}{:02x}", config.profile, config.compatibility, config.level)
}

/// ISO/IEC 14496-15, E.3: profile, compatibility flags with the first one lowest, tier and level,
/// and the bytes of constraints up to the last that is not 0.
fn hevc(config: &HevcConfig) -> String {
    let space = ["", "A", "B", "C"].get(usize::from(config.profile_space)).copied().unwrap_or_default();
    let tier = tier(config.is_high_tier);
    let compatibility = config.compatibility.reverse_bits();
    let mut out = format!("{space}{}.{compatibility:X}.{tier}{}", config.profile, config.level);
    for constraints in without_trailing_zeros(&config.constraints) {
        let _ = write!(out, ".{constraints:X}");
    }
    out
}

/// ISO/IEC 14496-15, E.6: profile, tier and level, and the constraints in digits of base 32.
fn vvc(config: &VvcConfig) -> String {
    let mut out = format!("{}.{}{}", config.profile, tier(config.is_high_tier), config.level);
    let constraints = without_trailing_zeros(&config.constraints);
    if !constraints.is_empty() {
        out.push_str(".C");
        out.push_str(&base_32(constraints));
    }
    out
}

fn tier(is_high: bool) -> char {
    if is_high { 'H' } else { 'L' }
}

fn without_trailing_zeros(bytes: &[u8]) -> &[u8] {
    let len = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    bytes.get(..len).unwrap_or_default()
}

/// RFC 4648, 6, without padding.
fn base_32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let digit = |first: usize| (first..first + 5).fold(0, |value, at| value << 1 | bit(at));
    let values = (0..bytes.len() * 8).step_by(5).map(digit);
    values.filter_map(|value| DIGITS.get(value).copied().map(char::from)).collect()
}

/// AV1 Codec ISO Media File Format Binding, 5: profile, level, tier and depth; all the rest or
/// nothing of it. Colours that are unspecified are those of the default.
fn av1(config: &Av1Config, colours: Option<ColourInformation>) -> String {
    let Av1Config { profile, level, bit_depth, chroma: (x, y, position), .. } = *config;
    let tier = if config.is_high_tier { 'H' } else { 'M' };
    let mut out = format!("{profile}.{level:02}{tier}.{bit_depth:02}");
    let colours = colours.filter(|c| !is_usual(c)).unwrap_or(USUAL);
    // A position is there only of chroma with half the width and height.
    let position = if (x, y) == (1, 1) { position } else { 0 };
    let monochrome = u8::from(config.is_monochrome);
    if (monochrome, x, y, position) != (0, 1, 1, 0) || colours != USUAL {
        let _ = write!(out, ".{monochrome}.{x}{y}{position}");
        let _ = write!(out, ".{:02}.{:02}.{:02}", colours.primaries, colours.transfer, colours.matrix);
        let _ = write!(out, ".{}", u8::from(colours.is_full_range));
    }
    out
}

/// ITU-R BT.709, limited range.
const USUAL: ColourInformation =
    ColourInformation { primaries: 1, transfer: 1, matrix: 1, is_full_range: false };

/// Whether colours are those of the default, or unspecified (ITU-T H.273: 2).
fn is_usual(colours: &ColourInformation) -> bool {
    let ColourInformation { primaries, transfer, matrix, is_full_range } = *colours;
    [primaries, transfer, matrix].iter().all(|n| matches!(n, 1 | 2)) && !is_full_range
}

/// VP Codec ISO Media File Format Binding, "Codecs Parameter String": profile, level and depth; all
/// the rest or nothing of it. Where the chroma of 4:2:0 lies (0 or 1) decides nothing.
fn vp(config: &VpConfig, video: &VideoDescription) -> String {
    let level = if config.level == 0 { vp9_level(video) } else { config.level };
    let mut out = format!("{:02}.{level:02}.{:02}", config.profile, config.bit_depth);
    let Some(colours) = config.colours else { return out };
    if config.chroma_subsampling > 1 || !is_usual(&colours) {
        let ColourInformation { primaries, transfer, matrix, is_full_range } = colours;
        let _ = write!(out, ".{:02}.{primaries:02}.{transfer:02}", config.chroma_subsampling);
        let _ = write!(out, ".{matrix:02}.{:02}", u8::from(is_full_range));
    }
    out
}

/// VP9 levels: number times ten, luma samples per second, luma samples of a picture.
const VP9_LEVELS: [(u8, u64, u64); 13] = [
    (10, 829_440, 36_864),
    (11, 2_764_800, 73_728),
    (20, 4_608_000, 122_880),
    (21, 9_216_000, 245_760),
    (30, 20_736_000, 552_960),
    (31, 36_864_000, 983_040),
    (40, 83_558_400, 2_228_224),
    (41, 160_432_128, 2_228_224),
    (50, 311_951_360, 8_912_896),
    (51, 588_251_136, 8_912_896),
    (52, 1_176_502_272, 8_912_896),
    (60, 1_176_502_272, 35_651_584),
    (61, 2_353_004_544, 35_651_584),
];

/// The level that the size and the rate need, where the encoder wrote 0: browsers take no such
/// level.
fn vp9_level(video: &VideoDescription) -> u8 {
    let size = u64::from(video.coded.0) * u64::from(video.coded.1);
    let (frames, seconds) = video.frame_rate.unwrap_or((30, 1));
    let rate = u128::from(size) * u128::from(frames) / u128::from(seconds.max(1));
    let holds = |level: &&(u8, u64, u64)| rate <= u128::from(level.1) && size <= level.2;
    VP9_LEVELS.iter().find(holds).map_or(62, |level| level.0)
}

/// RFC 6381, 3.3: the object type in hexadecimal digits, and for MPEG-4 visual its profile and level
/// in decimal ones.
fn mpeg4(esds: &Esds) -> String {
    match esds.visual_profile {
        Some(profile) => format!("{:02X}.{profile}", esds.object_type),
        None => format!("{:02X}", esds.object_type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::track::VideoRange;

    const HEVC: HevcConfig = HevcConfig {
        profile_space: 0,
        is_high_tier: false,
        profile: 1,
        compatibility: 0x6000_0000,
        constraints: [0xb0, 0, 0, 0, 0, 0],
        level: 93,
    };

    const AV1: Av1Config = Av1Config {
        profile: 0,
        level: 4,
        is_high_tier: false,
        bit_depth: 8,
        is_monochrome: false,
        chroma: (1, 1, 0),
    };

    const HDR: ColourInformation =
        ColourInformation { primaries: 9, transfer: 16, matrix: 9, is_full_range: false };

    fn of_size(width: u16, height: u16, frame_rate: Option<(u64, u64)>) -> VideoDescription {
        let presented = (width.into(), height.into());
        VideoDescription {
            coded: (width, height),
            presented,
            frame_rate,
            range: VideoRange::Sdr,
            supplemental: None,
        }
    }

    #[test]
    fn avc_has_three_bytes() {
        assert_eq!(avc(&AvcConfig { profile: 100, compatibility: 0, level: 31 }), "64001f");
        assert_eq!(avc(&AvcConfig { profile: 66, compatibility: 0xc0, level: 10 }), "42c00a");
    }

    #[test]
    fn hevc_has_its_flags_reversed_and_no_trailing_zeros() {
        assert_eq!(hevc(&HEVC), "1.6.L93.B0");
        let main10 = HevcConfig {
            profile_space: 1,
            is_high_tier: true,
            profile: 2,
            compatibility: 0x2000_0000,
            level: 153,
            ..HEVC
        };
        assert_eq!(hevc(&main10), "A2.4.H153.B0");
        assert_eq!(hevc(&HevcConfig { constraints: [0; 6], ..HEVC }), "1.6.L93");
        assert_eq!(hevc(&HevcConfig { constraints: [0x90, 0, 5, 0, 0, 0], ..HEVC }), "1.6.L93.90.0.5");
    }

    #[test]
    fn vvc_has_its_constraints_in_base_32() {
        let config = VvcConfig { profile: 1, is_high_tier: false, level: 51, constraints: vec![0x80, 0] };
        assert_eq!(vvc(&config), "1.L51.CQA");
        let config = VvcConfig { profile: 65, is_high_tier: true, level: 83, constraints: vec![0, 0] };
        assert_eq!(vvc(&config), "65.H83");
        assert_eq!(base_32(b"foobar"), "MZXW6YTBOI");
    }

    #[test]
    fn av1_is_short_where_all_the_rest_is_the_default() {
        let unspecified = ColourInformation { primaries: 2, transfer: 2, matrix: 2, is_full_range: false };
        for colours in [None, Some(USUAL), Some(unspecified)] {
            assert_eq!(av1(&AV1, colours), "0.04M.08");
        }
        let hdr = Av1Config { bit_depth: 10, level: 13, ..AV1 };
        assert_eq!(av1(&hdr, Some(HDR)), "0.13M.10.0.110.09.16.09.0");
        let full = ColourInformation { is_full_range: true, ..USUAL };
        assert_eq!(av1(&AV1, Some(full)), "0.04M.08.0.110.01.01.01.1");
        let grey = Av1Config { is_monochrome: true, is_high_tier: true, chroma: (1, 1, 2), ..AV1 };
        assert_eq!(av1(&grey, None), "0.04H.08.1.112.01.01.01.0");
        let whole = Av1Config { profile: 1, chroma: (0, 0, 3), ..AV1 };
        assert_eq!(av1(&whole, None), "1.04M.08.0.000.01.01.01.0");
    }

    #[test]
    fn vp9_is_short_where_all_the_rest_is_the_default() {
        let plain =
            VpConfig { profile: 0, level: 31, bit_depth: 8, chroma_subsampling: 1, colours: Some(USUAL) };
        let video = of_size(1280, 720, None);
        assert_eq!(vp(&plain, &video), "00.31.08");
        assert_eq!(vp(&VpConfig { chroma_subsampling: 0, colours: None, ..plain }, &video), "00.31.08");
        let hdr = VpConfig { profile: 2, bit_depth: 10, colours: Some(HDR), ..plain };
        assert_eq!(vp(&hdr, &video), "02.31.10.01.09.16.09.00");
        let whole = VpConfig { profile: 1, chroma_subsampling: 3, ..plain };
        assert_eq!(vp(&whole, &video), "01.31.08.03.01.01.01.00");
    }

    #[test]
    fn a_level_of_0_becomes_what_the_pictures_need() {
        let levels = [
            (of_size(256, 144, Some((15, 1))), 10),
            (of_size(640, 360, Some((30, 1))), 21),
            (of_size(1920, 1080, Some((30_000, 1001))), 40),
            (of_size(1920, 1080, Some((60, 1))), 41),
            (of_size(3840, 2160, None), 50),
            (of_size(u16::MAX, u16::MAX, Some((u64::MAX, 0))), 62),
        ];
        for (video, level) in levels {
            assert_eq!(vp9_level(&video), level, "{video:?}");
        }
        let config = VpConfig { profile: 0, level: 0, bit_depth: 8, chroma_subsampling: 1, colours: None };
        assert_eq!(vp(&config, &of_size(640, 360, None)), "00.21.08");
    }

    #[test]
    fn mpeg4_has_an_object_type_and_perhaps_a_profile() {
        let esds = Esds { object_type: 0x20, audio: None, visual_profile: Some(9) };
        assert_eq!(mpeg4(&esds), "20.9");
        assert_eq!(mpeg4(&Esds { object_type: 0x6c, visual_profile: None, ..esds }), "6C");
    }
}
