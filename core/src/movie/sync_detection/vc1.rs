//! VC-1 (SMPTE 421M), advanced profile. The simple and the main profile have no start codes and are
//! not read.

use super::start_codes;

/// SMPTE 421M, annex E.5: suffixes of start codes.
const FRAME: u8 = 0x0d;
const ENTRY_POINT: u8 = 0x0e;

/// SMPTE 421M, annex G: decoding can begin at an entry point, whose header stands before its frame.
pub(super) fn can_begin(sample: &[u8]) -> bool {
    start_codes(sample).map(|(code, _)| code).find(|code| matches!(*code, FRAME | ENTRY_POINT))
        == Some(ENTRY_POINT)
}
