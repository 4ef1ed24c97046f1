//! The sequence header in an `av1C` (AV1 Bitstream & Decoding Process Specification, 5.5): what
//! colours it says, which some packagers leave out of the boxes.

use crate::boxes::bits::BitReader;

use super::ColourInformation;

/// AV1, 6.2.2: the type of the unit.
const SEQUENCE_HEADER: u8 = 1;

/// AV1, 5.5.2: profiles with their own rules about formats.
const HIGH: u8 = 1;
const PROFESSIONAL: u8 = 2;

impl ColourInformation {
    /// The colours in the sequence header of an `av1C`, which is its first unit (AV1 Codec ISO Media
    /// File Format Binding, 2.3.4).
    pub fn of_av1(av1c: &[u8]) -> Option<Self> {
        let mut bits = BitReader::new(av1c.get(4..)?);
        // AV1, 5.3.2: a bit, the type, whether there is an extension, whether there is a size.
        bits.skip(1)?;
        if bits.byte(4)? != SEQUENCE_HEADER {
            return None;
        }
        let (has_extension, has_size) = (bits.flag()?, bits.flag()?);
        bits.skip(1)?;
        bits.skip(if has_extension { 8 } else { 0 })?;
        // AV1, 4.10.5: a size of 7 bits in each byte, as long as the first bit is set.
        while has_size && bits.flag()? {
            bits.skip(7)?;
        }
        bits.skip(if has_size { 7 } else { 0 })?;
        read_header(&mut bits)
    }
}

/// AV1, 5.5.1, up to the colours.
fn read_header(bits: &mut BitReader<'_>) -> Option<ColourInformation> {
    let profile = bits.byte(3)?;
    // `still_picture`.
    bits.skip(1)?;
    let is_reduced = bits.flag()?;
    if is_reduced {
        bits.skip(5)?;
    } else {
        skip_operating_points(bits)?;
    }
    let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
    bits.skip(usize::try_from(width_bits + height_bits).ok()?)?;
    let has_frame_ids = !is_reduced && bits.flag()?;
    bits.skip(if has_frame_ids { 4 + 3 } else { 0 })?;
    // Superblocks, two intra tools.
    bits.skip(3)?;
    if !is_reduced {
        skip_tools(bits)?;
    }
    // Super-resolution, CDEF, restoration.
    bits.skip(3)?;
    read_colours(bits, profile)
}

/// AV1, 5.5.1 to 5.5.5: timing, decoder model and operating points.
fn skip_operating_points(bits: &mut BitReader<'_>) -> Option<()> {
    let has_timing = bits.flag()?;
    let mut delay_bits = None;
    if has_timing {
        bits.skip(32 + 32)?;
        let has_equal_intervals = bits.flag()?;
        bits.skip_unsigned(u32::from(has_equal_intervals))?;
        let has_decoder_model = bits.flag()?;
        if has_decoder_model {
            delay_bits = Some(usize::try_from(bits.take(5)? + 1).ok()?);
            bits.skip(32 + 5 + 5)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let points = bits.take(5)? + 1;
    for _ in 0..points {
        bits.skip(12)?;
        let level = bits.take(5)?;
        bits.skip(usize::from(level > 7))?;
        if let Some(delay_bits) = delay_bits {
            let has_model = bits.flag()?;
            bits.skip(if has_model { 2 * delay_bits + 1 } else { 0 })?;
        }
        let has_delay = has_display_delay && bits.flag()?;
        bits.skip(if has_delay { 4 } else { 0 })?;
    }
    Some(())
}

/// AV1, 5.5.1: which tools frames may use.
fn skip_tools(bits: &mut BitReader<'_>) -> Option<()> {
    // Four of inter prediction.
    bits.skip(4)?;
    let has_order_hint = bits.flag()?;
    bits.skip(if has_order_hint { 2 } else { 0 })?;
    // Where the frames choose, they may.
    let may_be_screen_content = bits.flag()? || bits.flag()?;
    if may_be_screen_content {
        let do_frames_choose = bits.flag()?;
        bits.skip(usize::from(!do_frames_choose))?;
    }
    bits.skip(if has_order_hint { 3 } else { 0 })
}

/// AV1, 5.5.2.
fn read_colours(bits: &mut BitReader<'_>, profile: u8) -> Option<ColourInformation> {
    let is_deep = bits.flag()?;
    bits.skip(usize::from(is_deep && profile == PROFESSIONAL))?;
    // `mono_chrome`.
    bits.skip(usize::from(profile != HIGH))?;
    let has_colours = bits.flag()?;
    if !has_colours {
        return None;
    }
    let mut number = || Some(u16::from(bits.byte(8)?));
    let (primaries, transfer, matrix) = (number()?, number()?, number()?);
    // sRGB, whose range is full.
    let is_full_range = (primaries, transfer, matrix) == (1, 13, 0) || bits.flag()?;
    Some(ColourInformation { primaries, transfer, matrix, is_full_range })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::descriptions::{binary, hex};

    #[test]
    fn colours_are_read_behind_all_that_stands_before_them() {
        let pq = ColourInformation { primaries: 9, transfer: 16, matrix: 9, is_full_range: false };
        let encoded =
            ["81004c00 0a0e 000000043cfecc02f85091009040", "81054c00 0a0e 0000002cd59f3fc02f8509120904"];
        assert_eq!(ColourInformation::of_av1(&hex(encoded[0])), Some(pq));
        assert_eq!(
            ColourInformation::of_av1(&hex(encoded[1])),
            Some(ColourInformation { transfer: 18, ..pq })
        );
        // Timing, a decoder model, two operating points with all there can be, frame numbers, no
        // order of frames; in the professional profile.
        let timing = format!("1 {:064} 1 00101 1 00011 {:042}", 0, 0);
        let point = format!("{:012} 01000 1 1 0000 0000 0 1 0000", 0);
        let sizes = "0001 0010 00 000 1 0000000 000";
        let tools = "0000 0 0 1 0 0 000";
        let colours = "1 1 0 1 00000001 00001101 00000000";
        let header = format!("010 0 0 {timing} 1 00001 {point} {point} {sizes} {tools} {colours}");
        let unit = [hex("81000000 0e 00 80 01"), binary(&header)].concat();
        let srgb = ColourInformation { primaries: 1, transfer: 13, matrix: 0, is_full_range: true };
        assert_eq!(ColourInformation::of_av1(&unit), Some(srgb));
    }

    #[test]
    fn one_that_says_nothing_or_ends_early_has_none() {
        assert_eq!(ColourInformation::of_av1(&hex("81000c00 0a0b 000000043cfecc02f80040")), None);
        assert_eq!(ColourInformation::of_av1(&hex("811f4c00")), None);
        assert_eq!(ColourInformation::of_av1(&hex("81004c00 120e 000000043cfecc02f85091009040")), None);
        let whole = hex("81004c00 0a0e 000000043cfecc02f85091009040");
        for len in 0..whole.len() - 1 {
            assert_eq!(ColourInformation::of_av1(&whole[..len]), None, "{len}");
        }
        assert_eq!(ColourInformation::of_av1(&[0xff; 4000]), None);
    }
}
