//! MPEG-4 part 2 (ISO/IEC 14496-2), and what else an `mp4v` can be.

use super::{Dependencies, Pictures, start_codes};

/// ISO/IEC 14496-2, table 6-3: `vop_start_code`.
const VOP: u8 = 0xb6;

/// ISO/IEC 14496-2, 6.2.5: the two bits after the start code of a picture are 0 for an I-VOP.
pub(super) fn can_begin(sample: &[u8]) -> bool {
    let vop = start_codes(sample).find(|(code, _)| *code == VOP);
    vop.and_then(|(_, rest)| rest.first()).is_some_and(|b| b >> 6 == 0)
}

/// ISO/IEC 14496-1, table 5 (`objectTypeIndication`), and what libavformat writes for VP9. An
/// `mp4v` that does not say is MPEG-4.
pub(super) fn of_object_type(object_type: u8) -> Option<Dependencies> {
    Some(match object_type {
        0 | 0x20 => Dependencies::Said(Pictures::Mpeg4),
        0x60..=0x65 | 0x6a => Dependencies::Said(Pictures::Mpeg12),
        // JPEG, PNG, JPEG 2000.
        0x6c..=0x6e => Dependencies::None,
        0xa3 => Dependencies::Said(Pictures::Vc1),
        0xb1 => Dependencies::Said(Pictures::Vp9),
        _ => return None,
    })
}
