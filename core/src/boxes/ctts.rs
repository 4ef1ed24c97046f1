//! `ctts` (8.6.1.3): composition offsets. Its entries are those of [`super::Runs`].

use super::runs::RUN_ENTRY_SIZE;
use super::write::TableHead;
use super::{BoxHeader, FormatError, Reader};
use crate::source::ReadAt;

/// What a `ctts` of this version has before its entries.
pub fn ctts_head(version: u8) -> TableHead {
    TableHead::counted(b"ctts", [version, 0, 0, 0], RUN_ENTRY_SIZE)
}

/// What a `ctts` of the same version as that of the file has before its entries.
///
/// # Errors
/// When the file cannot be read.
pub fn read_ctts_head<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<TableHead, FormatError> {
    Ok(ctts_head(reader.bytes(header.payload(), 1)?.first().copied().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::{RunKind, Runs, run_entry};
    use crate::testing::read_box;
    use crate::time::MediaTime;

    #[test]
    fn what_is_written_is_read() {
        let mut file = Vec::new();
        let negative = 5u32.wrapping_neg();
        ctts_head(1).write(&mut file, |out| out.extend([run_entry(2, 7), run_entry(1, negative)].concat()));
        assert_eq!(file[8], 1);
        assert_eq!(read_box(file.clone(), read_ctts_head).unwrap(), ctts_head(1));
        let read = read_box(file.clone(), |reader, header| Runs::read(reader, header, RunKind::Ctts, 3));
        let read = read.unwrap();
        let offset = |sample| read.at_unit(&file, sample).unwrap().offset();
        assert_eq!([0, 1, 2].map(offset), [7, 7, -5].map(MediaTime));
    }
}
