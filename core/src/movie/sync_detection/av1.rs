//! AV1 (AV1 Bitstream & Decoding Process Specification).

use super::Bits;

/// AV1, 6.2.2: types of an OBU.
const SEQUENCE_HEADER: u32 = 1;
const FRAME_HEADER: u32 = 3;
const FRAME: u32 = 6;

/// Whether the first frame is a key frame that is shown (AV1, 5.9.2; AV1 in ISO BMFF, 2.4: such a
/// frame is a sync sample). One that is not shown at once is a delayed random access point.
pub(super) fn can_begin(sample: &[u8]) -> bool {
    let mut rest = sample;
    loop {
        // AV1, 5.3.2: forbidden bit, type of 4 bits, whether there is an extension, whether there
        // is a size.
        let mut header = Bits::new(rest);
        if header.take(1) != 0 {
            return false;
        }
        let kind = header.take(4);
        let has_extension = header.take(1) == 1;
        let has_size = header.take(1) == 1;
        let Some(body) = rest.get(1 + usize::from(has_extension)..).filter(|body| !body.is_empty()) else {
            return false;
        };
        let Some((size, body)) = (if has_size { leb128(body) } else { Some((body.len(), body)) }) else {
            return false;
        };
        let mut bits = Bits::new(body);
        match kind {
            // AV1, 5.5.1: 3 bits of profile, whether it is a still picture, and whether it has the
            // short header, which is that of a key frame.
            SEQUENCE_HEADER if bits.take(5) & 1 == 1 => return true,
            // AV1, 5.9.2: show_existing_frame, 2 bits of frame_type (0 for a key frame),
            // show_frame.
            FRAME_HEADER | FRAME => return bits.take(4) == 1 && !body.is_empty(),
            _ => {}
        }
        let Some(next) = body.get(size..) else { return false };
        rest = next;
    }
}

/// AV1, 4.10.5: 7 bits of each byte, least significant first, as long as the highest bit is set.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (n, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, bytes.get(n + 1..)?));
        }
    }
    None
}
