//! MPEG-1 video (ISO/IEC 11172-2) and MPEG-2 video (ITU-T H.262 | ISO/IEC 13818-2).

use super::start_codes;

/// ISO/IEC 13818-2, table 6-1: `picture_start_code`.
const PICTURE: u8 = 0;

/// ISO/IEC 13818-2, table 6-12: `picture_coding_type` of an I-picture.
const INTRA: u8 = 1;

/// ISO/IEC 13818-2, 6.2.3 (and ISO/IEC 11172-2, 2.4.2.5): after the start code of a picture come 10
/// bits of `temporal_reference` and 3 bits of `picture_coding_type`. Of two fields in a sample the
/// first counts.
pub(super) fn can_begin(sample: &[u8]) -> bool {
    let picture = start_codes(sample).find(|(code, _)| *code == PICTURE);
    picture.and_then(|(_, rest)| rest.get(1)).is_some_and(|b| b >> 3 & 7 == INTRA)
}

/// Whether a sample description names one of them: the plain codes, HDV, XDCAM and IMX.
pub(super) fn is_coding(coding: &[u8; 4]) -> bool {
    matches!(coding, b"m1v " | b"m1v1" | b"mp1v" | b"mpg1" | b"m2v1" | b"mp2v" | b"mpg2" | b"mpeg" | b"AVmp")
        || matches!(
            coding,
            [b'h', b'd', b'v', _] | [b'x', b'd', b'v' | b'5' | b'h', _] | [b'm', b'x', _, b'n' | b'p']
        )
}
