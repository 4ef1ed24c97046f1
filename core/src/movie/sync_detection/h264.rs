//! H.264 (ITU-T H.264 | ISO/IEC 14496-10).

use super::units::Unit;

/// ITU-T H.264, table 7-1: units 1 to 4 are slices of other pictures than IDR pictures, unit 5 of
/// an IDR picture.
pub(super) fn unit([first, _]: [u8; 2]) -> Unit {
    match first & 0x1f {
        5 => Unit::Start,
        1..=4 => Unit::Dependent,
        _ => Unit::Other,
    }
}
