//! VVC (ITU-T H.266 | ISO/IEC 23090-3).

use super::units::Unit;

/// ITU-T H.266, table 5: units 7 to 9 are slices of IDR and CRA pictures, 11 is reserved for random
/// access pictures. A gradual decoding refresh (10) is right only some pictures later.
pub(super) fn unit([_, second]: [u8; 2]) -> Unit {
    match second >> 3 {
        7..=9 | 11 => Unit::Start,
        0..=6 | 10 => Unit::Dependent,
        _ => Unit::Other,
    }
}
