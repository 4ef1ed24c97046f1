//! `stts` (8.6.1.2): the durations of samples. [`Runs`](super::Runs) looks them up.

use super::{BoxHeader, FormatError, Reader, Table};
use crate::source::ReadAt;

/// Whether one entry says of all samples that each takes one tick.
///
/// # Errors
/// When the box is too short for its entries, or cannot be read.
pub fn is_one_tick_each<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<bool, FormatError> {
    let table = Table::read(reader, header, 0, 8)?;
    // `sample_delta` follows `sample_count`.
    Ok(table.count == 1 && reader.bytes(table.offset + 4, 4)? == [0, 0, 0, 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::write_box;

    fn is_so(words: &[u32]) -> bool {
        let mut file = Vec::new();
        write_box(&mut file, b"stts", |out| {
            words.iter().for_each(|w| out.extend_from_slice(&w.to_be_bytes()));
        });
        let len = file.len() as u64;
        let mut reader = Reader::new(&file, len);
        let header = reader.header(0, len).unwrap().unwrap();
        is_one_tick_each(&mut reader, &header).unwrap()
    }

    #[test]
    fn only_one_entry_of_one_tick_is() {
        assert!(is_so(&[0, 1, 48_000, 1]));
        assert!(!is_so(&[0, 1, 48_000, 2]));
        assert!(!is_so(&[0, 2, 48_000, 1, 1, 1]));
        assert!(!is_so(&[0, 0]));
    }
}
