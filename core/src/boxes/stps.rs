//! `stps` (QuickTime File Format, "Partial sync sample atom"): samples that decoding can begin at,
//! although not all samples after them can be decoded then.

use super::stss::{SAMPLE_NUMBER_SIZE, read_sample_numbers};
use super::write::{PLAIN, TableHead};
use super::{BoxHeader, FormatError, Reader, Table};
use crate::source::ReadAt;

/// Reads the table of sample numbers, which count from 1, as those of an `stss` do.
///
/// # Errors
/// When the box is too short for its entries, or cannot be read.
pub fn read_stps<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Table, FormatError> {
    read_sample_numbers(reader, header)
}

/// What an `stps` has before its entries.
pub fn stps_head() -> TableHead {
    TableHead::counted(b"stps", PLAIN, SAMPLE_NUMBER_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{SyncSamples, stss_entry};
    use crate::numbers::SampleNumber;
    use crate::testing::read_box;

    #[test]
    fn its_entries_are_sample_numbers() {
        let mut file = Vec::new();
        stps_head().write(&mut file, |out| {
            [3, 10].iter().for_each(|&sample| out.extend_from_slice(&stss_entry(SampleNumber(sample))));
        });
        assert_eq!(file[4..8], *b"stps");
        let table = read_box(file.clone(), read_stps).unwrap();
        assert_eq!(table.count, 2);
        assert_eq!(SyncSamples::listed(&table, &file, 1).unwrap(), Some(SampleNumber(10)));
    }
}
