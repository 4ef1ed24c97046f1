//! Sorenson Video and Sorenson Video 3, as QuickTime wrote them. No standard describes them; the
//! layout is what decoders of them agree on.

use std::ops::Range;

use super::{Bits, read_up_to};
use crate::boxes::FormatError;
use crate::offsets::FileOffset;
use crate::source::ReadAt;

/// Sorenson Video: a frame code of 22 bits, 8 bits of a temporal reference, and 2 bits that are 0
/// for an intra picture.
pub(super) fn can_begin_1(sample: &[u8]) -> bool {
    let mut bits = Bits::new(sample);
    let code = bits.take(22);
    // One of bits 5 and 6 is set, bit 4 may be, all others are 0.
    let is_frame = code & !0x70 == 0 && code & 0x60 != 0;
    bits.take(8);
    is_frame && bits.take(2) == 0
}

/// Sorenson Video 3: a byte that says how many bytes the length of the slice has, that length, and
/// the slice. The first bytes of a slice may be moved behind its end to make room for the length. A
/// slice begins with its type, as a code of which `011` is an intra slice.
pub(super) fn can_begin_3<R: ReadAt>(source: &R, sample: Range<FileOffset>) -> Result<bool, FormatError> {
    let mut buffer = [0; 4];
    let Some((&header, rest)) = read_up_to(source, sample.clone(), &mut buffer)?.split_first() else {
        return Ok(false);
    };
    let bytes = usize::from(header >> 5 & 3);
    if !matches!(header & 0x9f, 1 | 2) || bytes == 0 {
        return Ok(false);
    }
    let length = rest.iter().take(bytes).fold(0, |length, &b| length << 8 | u64::from(b));
    // The slice begins after the first byte of the length; what the rest of the length took is
    // behind its end.
    let moved = if bytes == 1 { 0 } else { length };
    let at = sample.start + 2 + moved;
    let mut first = [0];
    let first = read_up_to(source, at..sample.end, &mut first)?;
    Ok(first.first().is_some_and(|byte| byte >> 5 == 3))
}
