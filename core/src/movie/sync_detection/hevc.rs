//! HEVC (ITU-T H.265 | ISO/IEC 23008-2).

use std::ops::{ControlFlow, Range};

use super::units::{Unit, each_unit};
use crate::boxes::FormatError;
use crate::offsets::FileOffset;
use crate::source::{Patch, ReadAt};

/// ITU-T H.265, table 7-1: units 16 to 23 are slices of random access pictures, lower ones of
/// others.
pub(super) fn unit([first, _]: [u8; 2]) -> Unit {
    match first >> 1 & 0x3f {
        16..=23 => Unit::Start,
        0..=15 => Unit::Dependent,
        _ => Unit::Other,
    }
}

/// Units of a sample that are looked at: a picture has at most 600 slices (table A.8).
const UNITS: u32 = 1024;

/// ITU-T H.265, table 7-1: slices of a picture that may follow others, and whose leading pictures may
/// refer to these (CRA), and of one at which two streams are joined (BLA).
const CRA_NUT: u8 = 21;
const BLA_W_LP: u8 = 16;

/// What makes a CRA picture a BLA picture, if the sample is one: the type of each of its slices. The
/// rest of their headers is the same (7.3.6.1).
pub(super) fn as_broken_link<R: ReadAt>(
    source: &R,
    sample: Range<FileOffset>,
    length: u8,
) -> Result<Vec<Patch>, FormatError> {
    let mut patches = Vec::new();
    let is_whole = each_unit(source, sample, (length, UNITS), |offset, [first, _]| {
        match first >> 1 & 0x3f {
            CRA_NUT => patches.push(Patch { offset, byte: first & 0x81 | BLA_W_LP << 1 }),
            // Of another picture.
            0..=31 => return ControlFlow::Break(()),
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    Ok(if is_whole { patches } else { Vec::new() })
}
