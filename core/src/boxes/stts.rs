//! `stts` (8.6.1.2): the durations of samples. [`Runs`](super::Runs) looks them up.

use super::runs::{RUN_ENTRY_SIZE, run_fields};
use super::write::{PLAIN, TableHead};
use super::{BoxHeader, FormatError, Reader, Table};
use crate::source::ReadAt;

/// What an `stts` has before its entries.
pub fn stts_head() -> TableHead {
    TableHead::counted(b"stts", PLAIN, RUN_ENTRY_SIZE)
}

/// Whether one entry says of all samples that each takes one tick.
///
/// # Errors
/// When the box is too short for its entries, or cannot be read.
pub fn is_one_tick_each<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<bool, FormatError> {
    let table = Table::read(reader, header, 0, RUN_ENTRY_SIZE)?;
    Ok(table.count == 1 && run_fields(reader.bytes(table.offset, RUN_ENTRY_SIZE.into())?).1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::run_entry;
    use crate::testing::read_box;

    fn is_so(entries: &[(u32, u32)]) -> bool {
        let mut file = Vec::new();
        stts_head().write(&mut file, |out| entries.iter().for_each(|e| out.extend(run_entry(e.0, e.1))));
        read_box(file, is_one_tick_each).unwrap()
    }

    #[test]
    fn only_a_single_entry_of_one_tick_counts() {
        assert!(is_so(&[(48_000, 1)]));
        assert!(!is_so(&[(48_000, 2)]));
        assert!(!is_so(&[(48_000, 1), (1, 1)]));
        assert!(!is_so(&[]));
    }
}
