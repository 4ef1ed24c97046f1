//! `sbgp` (8.9.2): which samples are in which group.

use super::runs::{RUN_ENTRY_SIZE, run_entry, run_fields};
use super::write::TableHead;
use super::{BoxHeader, FormatError, Reader, Table, TableReader};
use crate::source::ReadAt;

/// Entries that are read at first.
const READ_FIRST: u32 = 64;

/// An `sbgp`, but for its entries, which stay in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SbgpBox {
    /// `grouping_type`
    pub grouping: [u8; 4],
    /// `grouping_type_parameter`, in version 1.
    pub parameter: Option<[u8; 4]>,
    /// The entries: `sample_count` and `group_description_index`, of 4 bytes each.
    pub entries: Table,
}

impl SbgpBox {
    /// Reads what stands before the entries.
    ///
    /// # Errors
    /// When the box is too short for its entries, or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        if header.payload_len() < 12 {
            // 8.9.2.2: `grouping_type`, and a count or the parameter.
            return Err(header.error("too short for a grouping type"));
        }
        let b = reader.bytes(header.payload(), 12)?;
        let word = |at: usize| b.get(at..at + 4).and_then(|w| w.try_into().ok());
        let grouping = word(4).unwrap_or_default();
        let parameter = if b.first() == Some(&1) { word(8) } else { None };
        let skip = if parameter.is_some() { 8 } else { 4 };
        Ok(Self { grouping, parameter, entries: Table::read(reader, header, skip, RUN_ENTRY_SIZE)? })
    }

    /// The entries in order: how many samples, and the index of their group description.
    pub fn runs<R: ReadAt>(&self, source: &R) -> impl Iterator<Item = Result<(u32, u32), FormatError>> {
        let mut entries = TableReader::new(source, self.entries, READ_FIRST);
        (0..self.entries.count).map(move |n| entries.entry(n).map(run_fields))
    }
}

/// What an `sbgp` has before its entries. The parameter of a grouping makes it version 1.
pub fn sbgp_head(grouping: [u8; 4], parameter: Option<[u8; 4]>) -> TableHead {
    let version = u8::from(parameter.is_some());
    let fields = [&[version, 0, 0, 0][..], &grouping, parameter.as_ref().map_or(&[], |p| p)].concat();
    TableHead::counted(b"sbgp", fields, RUN_ENTRY_SIZE)
}

/// What an `sbgp` of the file has before its entries, as it is, but for the number of entries.
///
/// # Errors
/// As [`SbgpBox::read`].
pub fn read_sbgp_head<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<TableHead, FormatError> {
    let entries = SbgpBox::read(reader, header)?.entries;
    // `entry_count` is the last field.
    let fields = usize::try_from(entries.offset - 4 - header.payload()).unwrap_or(0);
    Ok(TableHead::counted(b"sbgp", reader.bytes(header.payload(), fields)?, RUN_ENTRY_SIZE))
}

/// Writes an `sbgp` with these entries: numbers of samples and the indices of their groups.
pub fn write_sbgp(out: &mut Vec<u8>, grouping: [u8; 4], parameter: Option<[u8; 4]>, entries: &[(u32, u32)]) {
    sbgp_head(grouping, parameter).write(out, |out| {
        entries
            .iter()
            .for_each(|&(sample_count, index)| out.extend_from_slice(&run_entry(sample_count, index)));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn read(payload: &[&[u8]]) -> Result<SbgpBox, FormatError> {
        read_box(make_box(b"sbgp", payload.concat()), SbgpBox::read)
    }

    #[test]
    fn both_versions_are_read() {
        let (count, entry) = ([0, 0, 0, 1], [0, 0, 0, 5, 0, 0, 0, 2]);
        let plain = read(&[&[0; 4], b"roll", &count, &entry]).unwrap();
        assert_eq!((plain.grouping, plain.parameter), (*b"roll", None));
        assert_eq!((plain.entries.count, plain.entries.offset), (1, 20));
        let named = read(&[&[1, 0, 0, 0], b"alst", b"abcd", &count, &entry]).unwrap();
        assert_eq!((named.grouping, named.parameter), (*b"alst", Some(*b"abcd")));
        assert_eq!((named.entries.count, named.entries.offset), (1, 24));
    }

    #[test]
    fn what_is_written_is_read() {
        for parameter in [None, Some(*b"abcd")] {
            let mut file = Vec::new();
            write_sbgp(&mut file, *b"roll", parameter, &[(5, 2), (1, 0)]);
            let read = read_box(file.clone(), SbgpBox::read).unwrap();
            assert_eq!((read.grouping, read.parameter, read.entries.count), (*b"roll", parameter, 2));
            let runs = read.runs(&file).collect::<Result<Vec<_>, _>>().unwrap();
            assert_eq!(runs, [(5, 2), (1, 0)]);
            let head = read_box(file, read_sbgp_head).unwrap();
            assert_eq!(head, sbgp_head(*b"roll", parameter));
        }
    }

    #[test]
    fn a_short_one_is_refused() {
        read(&[&[0; 4], b"roll"]).unwrap_err();
        read(&[&[0; 4], b"roll", &[0, 0, 0, 1]]).unwrap_err();
    }
}
