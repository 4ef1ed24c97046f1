//! Samples that consist of units, each with its length before it (ISO/IEC 14496-15, 4.3.2).

use std::ops::Range;

use super::read_up_to;
use crate::boxes::FormatError;
use crate::offsets::FileOffset;
use crate::source::ReadAt;

/// What the header of a unit says of the picture.
pub(super) enum Unit {
    /// Decoding can begin at the picture.
    Start,
    /// The picture needs others.
    Dependent,
    /// The unit is not of the picture itself.
    Other,
}

/// Units looked at before the first that is of the picture itself: delimiters, parameter sets,
/// messages.
const UNITS: u32 = 32;

/// Bytes of the longest header: a length of four bytes and two bytes of the unit.
const HEAD: usize = 6;

/// Whether decoding can begin at a sample. `kind` reads the first two bytes of a unit.
pub(super) fn can_begin_at<R: ReadAt>(
    source: &R,
    sample: Range<FileOffset>,
    length: u8,
    kind: fn([u8; 2]) -> Unit,
) -> Result<bool, FormatError> {
    let Range { start: mut at, end } = sample;
    let length = usize::from(length);
    let mut buffer = [0; HEAD];
    let buffer = buffer.get_mut(..length + 2).unwrap_or_default();
    for _ in 0..UNITS {
        let head = read_up_to(source, at..end, buffer)?;
        let Some((len, [first, rest @ ..])) = head.split_at_checked(length) else { break };
        match kind([*first, rest.first().copied().unwrap_or(0)]) {
            Unit::Start => return Ok(true),
            Unit::Dependent => break,
            Unit::Other => {}
        }
        let len = len.iter().fold(0, |len, &b| len << 8 | u64::from(b));
        at = at + length as u64 + len;
    }
    Ok(false)
}
