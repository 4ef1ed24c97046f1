//! `stps` (QuickTime File Format, "Partial sync sample atom"): samples that decoding can begin at,
//! although not all samples after them can be decoded then.

use super::{BoxHeader, FormatError, Reader, Table};
use crate::source::ReadAt;

/// Reads the table of sample numbers, which count from 1, as those of an `stss` do.
///
/// # Errors
/// When the box is too short for its entries, or cannot be read.
pub fn read_stps<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Table, FormatError> {
    Table::read(reader, header, 0, 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{SyncSamples, write_box};
    use crate::numbers::SampleNumber;

    #[test]
    fn its_entries_are_sample_numbers() {
        let mut file = Vec::new();
        write_box(&mut file, b"stps", |out| {
            [0u32, 2, 4, 11].iter().for_each(|w| out.extend_from_slice(&w.to_be_bytes()));
        });
        let len = file.len() as u64;
        let mut reader = Reader::new(&file, len);
        let header = reader.header(0, len).unwrap().unwrap();
        let table = read_stps(&mut reader, &header).unwrap();
        assert_eq!(table.count, 2);
        assert_eq!(SyncSamples::listed(&table, &file, 1).unwrap(), SampleNumber::from_one_based(11));
    }
}
