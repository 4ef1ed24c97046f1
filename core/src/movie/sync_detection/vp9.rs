//! VP9 (VP9 Bitstream & Decoding Process Specification).

use super::Bits;

/// VP9, 6.2 (`uncompressed_header`): a frame marker of two bits (2), the profile, whether a frame
/// is only shown again, and the frame type, which is 0 for a key frame. Of several frames in a
/// sample the first counts.
pub(super) fn can_begin(sample: &[u8]) -> bool {
    let mut bits = Bits::new(sample);
    if bits.take(2) != 2 {
        return false;
    }
    if bits.take(2) == 3 {
        // Profile 3 has a reserved bit.
        bits.take(1);
    }
    let shows_existing = bits.take(1) == 1;
    !shows_existing && bits.take(1) == 0 && !sample.is_empty()
}
