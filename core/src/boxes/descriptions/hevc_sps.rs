//! The sequence parameter set in an `hvcC` (ITU-T H.265, 7.3.2.2): what colours it says, which some
//! packagers leave out of the boxes.

use crate::boxes::bits::BitReader;
use crate::boxes::u16_at;

use super::ColourInformation;

/// H.265, table 7-1: the type of a unit.
const SPS: u8 = 33;

/// H.265, 7.4.3.2.1 and A.4.2: sets of short-term pictures, and pictures in each.
const MOST_SETS: u32 = 64;
const MOST_PICTURES: u32 = 16;

/// H.265, 7.4.3.2.1: long-term pictures.
const MOST_LONG_TERM: u32 = 32;

impl ColourInformation {
    /// The colours in the first sequence parameter set of an `hvcC`.
    pub fn of_hevc(hvcc: &[u8]) -> Option<Self> {
        let sps = first_sps(hvcc)?;
        // The header of the unit has two bytes.
        let payload = without_emulation_prevention(sps.get(2..)?);
        read_sps(&mut BitReader::new(&payload))
    }
}

/// ISO/IEC 14496-15, 8.3.3.1: arrays of units. One may be there only in part.
fn first_sps(hvcc: &[u8]) -> Option<&[u8]> {
    let mut rest = hvcc.get(23..)?;
    for _ in 0..*hvcc.get(22)? {
        let unit_type = rest.first()? & 0x3f;
        let count = u16_at(rest, 1);
        rest = rest.get(3..)?;
        for _ in 0..count {
            let len = usize::from(u16_at(rest.get(..2)?, 0));
            let unit = rest.get(2..)?;
            if unit_type == SPS {
                return Some(unit.get(..len).unwrap_or(unit));
            }
            rest = unit.get(len..)?;
        }
    }
    None
}

/// H.265, 7.3.1.1: the bytes of a unit without those that keep start codes out.
fn without_emulation_prevention(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len());
    for &byte in unit {
        if byte != 3 || !out.ends_with(&[0, 0]) {
            out.push(byte);
        }
    }
    out
}

/// H.265, 7.3.2.2.1, up to the colours in the usability information.
fn read_sps(bits: &mut BitReader<'_>) -> Option<ColourInformation> {
    bits.skip(4)?;
    let sub_layers = bits.take(3)?;
    bits.skip(1)?;
    skip_profile_tier_level(bits, sub_layers)?;
    bits.unsigned()?;
    let chroma_format_idc = bits.unsigned()?;
    bits.skip(usize::from(chroma_format_idc == 3))?;
    bits.skip_unsigned(2)?;
    let has_window = bits.flag()?;
    bits.skip_unsigned(if has_window { 4 } else { 0 })?;
    // Depths of luma and chroma.
    bits.skip_unsigned(2)?;
    let order_count_bits = usize::try_from(bits.unsigned()?).ok()?.checked_add(4)?;
    let has_each_sub_layer = bits.flag()?;
    bits.skip_unsigned(if has_each_sub_layer { 3 * (sub_layers + 1) } else { 3 })?;
    // Sizes of blocks, depths of their hierarchies.
    bits.skip_unsigned(6)?;
    let has_scaling_lists = bits.flag()? && bits.flag()?;
    if has_scaling_lists {
        skip_scaling_lists(bits)?;
    }
    bits.skip(2)?;
    let has_pcm = bits.flag()?;
    if has_pcm {
        bits.skip(8)?;
        bits.skip_unsigned(2)?;
        bits.skip(1)?;
    }
    skip_short_term_sets(bits)?;
    let has_long_term = bits.flag()?;
    if has_long_term {
        let count = usize::try_from(bits.unsigned().filter(|&n| n <= MOST_LONG_TERM)?).ok()?;
        bits.skip(count.checked_mul(order_count_bits.checked_add(1)?)?)?;
    }
    bits.skip(2)?;
    let has_usability_information = bits.flag()?;
    if has_usability_information { read_colours(bits) } else { None }
}

/// H.265, E.2.1, its beginning.
fn read_colours(bits: &mut BitReader<'_>) -> Option<ColourInformation> {
    // `EXTENDED_SAR`.
    let has_sample_size = bits.flag()? && bits.byte(8)? == 255;
    bits.skip(if has_sample_size { 32 } else { 0 })?;
    let has_overscan = bits.flag()?;
    bits.skip(usize::from(has_overscan))?;
    let has_signal_type = bits.flag()?;
    if !has_signal_type {
        return None;
    }
    bits.skip(3)?;
    let is_full_range = bits.flag()?;
    let has_colours = bits.flag()?;
    if !has_colours {
        return None;
    }
    let mut number = || Some(u16::from(bits.byte(8)?));
    Some(ColourInformation { primaries: number()?, transfer: number()?, matrix: number()?, is_full_range })
}

/// H.265, 7.3.3.
fn skip_profile_tier_level(bits: &mut BitReader<'_>, sub_layers: u32) -> Option<()> {
    const PROFILE: usize = 88;
    const LEVEL: usize = 8;
    bits.skip(PROFILE + LEVEL)?;
    let mut sizes = 0;
    for _ in 0..sub_layers {
        let (has_profile, has_level) = (bits.flag()?, bits.flag()?);
        sizes += usize::from(has_profile) * PROFILE + usize::from(has_level) * LEVEL;
    }
    if sub_layers > 0 {
        bits.skip(2 * usize::try_from(8u32.checked_sub(sub_layers)?).ok()?)?;
    }
    bits.skip(sizes)
}

/// H.265, 7.3.4.
fn skip_scaling_lists(bits: &mut BitReader<'_>) -> Option<()> {
    for size in 0..4 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            let is_coded = bits.flag()?;
            let coefficients = if size == 0 { 16 } else { 64 };
            let direct = u32::from(size > 1);
            bits.skip_unsigned(if is_coded { coefficients + direct } else { 1 })?;
        }
    }
    Some(())
}

/// H.265, 7.3.7, for each set.
fn skip_short_term_sets(bits: &mut BitReader<'_>) -> Option<()> {
    let count = bits.unsigned().filter(|&n| n <= MOST_SETS)?;
    let mut pictures = 0;
    for set in 0..count {
        let is_predicted = set > 0 && bits.flag()?;
        if is_predicted {
            bits.skip(1)?;
            bits.unsigned()?;
            let before = pictures;
            pictures = 0;
            for _ in 0..=before {
                let is_used = bits.flag()? || bits.flag()?;
                pictures += u32::from(is_used);
            }
        } else {
            let (negative, positive) = (bits.unsigned()?, bits.unsigned()?);
            pictures = negative.checked_add(positive)?;
            if pictures > MOST_PICTURES {
                return None;
            }
            for _ in 0..pictures {
                bits.unsigned()?;
                bits.skip(1)?;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::{binary, hex};

    /// An `hvcC` up to its arrays, of which there are two.
    const HEAD: &str = "0102200000009000000000003cf000fcfdfafa00000f02";

    /// A picture parameter set, which is passed.
    const OTHER: &str = "a2000100064401c073c189";

    fn of(sps: &str) -> Option<ColourInformation> {
        let sps = hex(sps);
        let array = [&hex("a10001")[..], &u16::try_from(sps.len()).unwrap().to_be_bytes(), &sps].concat();
        ColourInformation::of_hevc(&[hex(HEAD), hex(OTHER), array].concat())
    }

    #[test]
    fn colours_are_read_behind_all_that_stands_before_them() {
        let hdr10 = "42010102200000030090000003000003003ca00a080c1f3b6595952930bc05a848804820
                     00007d20000ea601";
        let pq = ColourInformation { primaries: 9, transfer: 16, matrix: 9, is_full_range: false };
        assert_eq!(of(hdr10), Some(pq));
    }

    /// A number of the Exp-Golomb code, in binary digits.
    fn ue(n: u32) -> String {
        let digits = format!("{:b}", n + 1);
        format!("{}{digits}", "0".repeat(digits.len() - 1))
    }

    #[test]
    fn whatever_may_stand_before_the_colours_is_passed() {
        let list = |coefficients: usize| format!("1{}", ue(1).repeat(coefficients));
        let lists = [list(16).repeat(5), list(64).repeat(6), list(65).repeat(6), list(65), list(65)];
        let first_set = [ue(2), ue(1), format!("{}1", ue(0)).repeat(3)].concat();
        let sps = [
            // Two sub-layers below the highest, one of them without a profile.
            format!("0000 010 1 {} 11 01 {} {}", "10".repeat(48), "10".repeat(6), "10".repeat(52)),
            // 4:4:4, with a window.
            format!("{}{}0{}{}1{}", ue(0), ue(3), ue(320), ue(180), ue(1).repeat(4)),
            format!("{}{}{}1{}", ue(2), ue(2), ue(4), ue(3).repeat(9)),
            ue(1).repeat(6),
            // The first list is that of the standard.
            format!("11 0{}{}", ue(0), lists.concat()),
            format!("11 1 10101010 {}{} 1", ue(1), ue(1)),
            // Two sets that are predicted from the one before: from three pictures, and from the
            // three that are left.
            format!("{}{first_set} 1 1 {} 1 01 00 1 1 0 {} 1 01 01 1", ue(3), ue(0), ue(0)),
            format!("1 {} 10101010 1 01010101 0", ue(2)),
            format!("11 1 1 11111111 {} 1 1", "10".repeat(16)),
            "1 101 1 1 00001001 00010010 00001001".to_owned(),
        ];
        let unit = [vec![0x42, 1], binary(&sps.concat())].concat();
        let array = [&hex("a10001")[..], &u16::try_from(unit.len()).unwrap().to_be_bytes(), &unit].concat();
        let hlg = ColourInformation { primaries: 9, transfer: 18, matrix: 9, is_full_range: true };
        let hvcc = [hex(HEAD), hex(OTHER), array].concat();
        assert_eq!(ColourInformation::of_hevc(&hvcc), Some(hlg));
    }

    #[test]
    fn one_that_says_nothing_or_ends_early_has_none() {
        let plain = "42010101600000030090000003000003003ca00a080c1f3e595952930bc05a02000007d20000ea6010";
        assert_eq!(of(plain), None);
        let hdr10 = hex("42010102200000030090000003000003003ca00a080c1f3b6595952930bc05a848804820");
        for len in 0..hdr10.len() - 3 {
            let digits: String = hdr10[..len].iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(of(&digits), None, "{len}");
        }
        assert_eq!(ColourInformation::of_hevc(&hex(HEAD)), None);
        assert_eq!(
            ColourInformation::of_hevc(&[&hex(HEAD)[..], &[0x22, 0xff, 0xff, 0, 9, 1]].concat()),
            None
        );
        // Nonsense, which ends all the same.
        let _ = of(&"ff".repeat(4000));
        assert_eq!(of(&format!("4201{}", "00".repeat(4000))), None);
    }
}
