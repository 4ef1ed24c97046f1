//! H.263 (ITU-T H.263), the video of 3GP files.

use super::Bits;

/// ITU-T H.263, 5.1.3: the source format that says that the picture type stands in `PLUSPTYPE`.
const EXTENDED: u32 = 7;

/// ITU-T H.263, 5.1.1 to 5.1.4: a start code of 22 bits, 8 bits of `TR`, and `PTYPE`, whose bit 9
/// is 0 for an INTRA picture. In `PLUSPTYPE` the first three bits of `MPPTYPE` are 0 for an
/// I-picture.
pub(super) fn can_begin(sample: &[u8]) -> bool {
    let mut bits = Bits::new(sample);
    if bits.take(22) != 0x20 {
        return false;
    }
    // TR, then a 1, a 0, split screen, document camera and freeze picture release.
    bits.take(8);
    if bits.take(2) != 2 {
        return false;
    }
    bits.take(3);
    if bits.take(3) != EXTENDED {
        return bits.take(1) == 0;
    }
    // With UFEP there is OPPTYPE, 18 bits of options, before the picture type.
    match bits.take(3) {
        0 => {}
        1 => {
            bits.take(18);
        }
        _ => return false,
    }
    bits.take(3) == 0
}
