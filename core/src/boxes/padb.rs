//! `padb` (8.7.6): how many bits at the end of each sample are padding.

use super::{BoxHeader, FormatError, Reader, Table};
use crate::source::ReadAt;

/// Bytes of version, flags and `sample_count`.
const HEAD: u64 = 8;

/// The entries of the first `samples` samples. An entry of the table is a pair of samples. `None`
/// when the box has fewer.
///
/// # Errors
/// When the box is too short for a count, or cannot be read.
pub fn read_padb<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
    samples: u32,
) -> Result<Option<Table>, FormatError> {
    // 8.7.6.2: `sample_count` is followed by half as many bytes, rounded up.
    let said = Table::read(reader, header, 0, 0)?;
    let pairs = samples.div_ceil(2);
    let has_all = said.count >= samples && u64::from(pairs) <= header.payload_len().saturating_sub(HEAD);
    Ok(has_all.then_some(Table { count: pairs, entry_size: 1, ..said }))
}

/// Version, flags and `sample_count` of a `padb`. Half as many bytes, rounded up, follow.
pub fn padb_head(samples: u32) -> [u8; 8] {
    u64::from(samples).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(payload: &[u8], samples: u32) -> Result<Option<Table>, FormatError> {
        read_box(make_box(b"padb", payload), |reader, header| read_padb(reader, header, samples))
    }

    #[test]
    fn what_is_written_is_read() {
        let payload = [&padb_head(3)[..], &[0x12, 0x30]].concat();
        let table = Table { offset: 16, count: 2, entry_size: 1 };
        assert_eq!(read(&payload, 3).unwrap(), Some(table));
        assert_eq!(read(&payload, 2).unwrap(), Some(Table { count: 1, ..table }));
    }

    #[test]
    fn fewer_entries_than_samples_are_none() {
        assert_eq!(read(&[&padb_head(3)[..], &[0x12, 0x30]].concat(), 4).unwrap(), None);
        assert_eq!(read(&[&padb_head(3)[..], &[0x12]].concat(), 3).unwrap(), None);
        read(&[0; 7], 1).unwrap_err();
    }
}
