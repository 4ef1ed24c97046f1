//! VP8 (RFC 6386).

/// RFC 6386, 9.1: the lowest bit of the frame tag is 0 for a key frame, and a key frame has a start
/// code after the three bytes of the tag.
pub(super) fn can_begin(sample: &[u8]) -> bool {
    sample.first().is_some_and(|tag| tag & 1 == 0) && sample.get(3..6) == Some(&[0x9d, 0x01, 0x2a])
}
