//! `padb` (8.7.6): how many bits at the end of each sample are padding.

use super::write::{PLAIN, TableHead};
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

/// What a `padb` of so many samples has before its entries. An entry is a pair of samples.
pub fn padb_head(sample_count: u32) -> TableHead {
    TableHead::uncounted(b"padb", [PLAIN, sample_count.to_be_bytes()].concat(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(sample_count: u32, entries: &[u8], samples: u32) -> Option<Table> {
        let mut file = Vec::new();
        padb_head(sample_count).write(&mut file, |out| out.extend_from_slice(entries));
        read_box(file, |reader, header| read_padb(reader, header, samples)).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let table = Table { offset: 16, count: 2, entry_size: 1 };
        assert_eq!(read(3, &[0x12, 0x30], 3), Some(table));
        assert_eq!(read(3, &[0x12, 0x30], 2), Some(Table { count: 1, ..table }));
    }

    #[test]
    fn fewer_entries_than_samples_are_none() {
        assert_eq!(read(3, &[0x12, 0x30], 4), None);
        assert_eq!(read(3, &[0x12], 3), None);
        read_box(make_box(b"padb", [0; 7]), |reader, header| read_padb(reader, header, 1)).unwrap_err();
    }
}
