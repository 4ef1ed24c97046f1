//! The `grouping_type` of `sgpd` (8.9.3), `sbgp` (8.9.2) and `csgp` (8.9.5), which stands in the
//! same place in all three.

use super::csgp::MOST_RUNS;
use super::runs::RUN_ENTRY_SIZE;
use super::{BoxHeader, FormatError, Reader};
use crate::source::ReadAt;

/// Bytes of version, flags and `grouping_type`.
const LEN: usize = 8;

/// The `grouping_type`; `None` when the box is too short for one.
///
/// # Errors
/// When the file cannot be read.
pub fn read_grouping_type<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<Option<[u8; 4]>, FormatError> {
    if header.payload_len() < LEN as u64 {
        return Ok(None);
    }
    Ok(reader.bytes(header.payload() + 4, 4)?.try_into().ok())
}

/// How many runs of samples a box may say to be in one group. A `csgp` may have them in a pattern of a
/// few bytes, an `sbgp` has an entry for each.
pub fn most_group_runs(header: &BoxHeader) -> u64 {
    match &header.box_type.0 {
        b"sbgp" => header.payload_len() / u64::from(RUN_ENTRY_SIZE),
        b"csgp" => MOST_RUNS as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn grouping_type(payload: &[u8]) -> Option<[u8; 4]> {
        read_box(make_box(b"sbgp", payload), read_grouping_type).unwrap()
    }

    #[test]
    fn it_follows_the_flags() {
        assert_eq!(grouping_type(b"\x01\0\0\0roll\0\0\0\0"), Some(*b"roll"));
        assert_eq!(grouping_type(b"\0\0\0\0roll"), Some(*b"roll"));
        assert_eq!(grouping_type(b"\0\0\0\0rol"), None);
    }
}
