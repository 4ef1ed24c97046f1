//! Samples that consist of units, each with its length before it (ISO/IEC 14496-15, 4.3.2).

use std::ops::{ControlFlow, Range};

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
    let mut is_start = false;
    each_unit(source, sample, (length, UNITS), |_, header| match kind(header) {
        Unit::Start => {
            is_start = true;
            ControlFlow::Break(())
        }
        Unit::Dependent => ControlFlow::Break(()),
        Unit::Other => ControlFlow::Continue(()),
    })?;
    Ok(is_start)
}

/// Visits the first `most` units of a sample: where they begin behind their length, which has `length`
/// bytes, and their first two bytes. Whether these are all, and the sample ends with them.
pub(super) fn each_unit<R: ReadAt>(
    source: &R,
    sample: Range<FileOffset>,
    (length, most): (u8, u32),
    mut visit: impl FnMut(FileOffset, [u8; 2]) -> ControlFlow<()>,
) -> Result<bool, FormatError> {
    let Range { start: mut at, end } = sample;
    let length = usize::from(length);
    let mut buffer = [0; HEAD];
    let buffer = buffer.get_mut(..length + 2).unwrap_or_default();
    for _ in 0..most {
        let head = read_up_to(source, at..end, buffer)?;
        let Some((len, [first, rest @ ..])) = head.split_at_checked(length) else { break };
        at = at + length as u64;
        if visit(at, [*first, rest.first().copied().unwrap_or(0)]).is_break() {
            return Ok(false);
        }
        at = at + len.iter().fold(0, |len, &b| len << 8 | u64::from(b));
    }
    Ok(at == end)
}
