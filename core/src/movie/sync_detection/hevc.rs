//! HEVC (ITU-T H.265 | ISO/IEC 23008-2).

use super::units::Unit;

/// ITU-T H.265, table 7-1: units 16 to 23 are slices of random access pictures, lower ones of
/// others.
pub(super) fn unit([first, _]: [u8; 2]) -> Unit {
    match first >> 1 & 0x3f {
        16..=23 => Unit::Start,
        0..=15 => Unit::Dependent,
        _ => Unit::Other,
    }
}
