//! `sidx` (8.16.3): the segment index.

use super::{BoxHeader, FormatError, Reader, Table, TableReader, u16_at, u32_at, u64_at};
use crate::source::ReadAt;

/// References that are read at first.
const READ_FIRST: u32 = 64;

/// Visits the offset in the file at which each reference of a `sidx` begins: a segment, or another
/// index.
///
/// # Errors
/// When the box is too short for its references, or cannot be read.
pub fn each_sidx_reference<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
    mut visit: impl FnMut(u64),
) -> Result<(), FormatError> {
    let is_wide = reader.payload(header, 24)?.first() == Some(&1);
    let head = if is_wide { 32 } else { 24 };
    let b = reader.payload(header, head)?;
    let first_offset = if is_wide { u64_at(b, 20) } else { u64::from(u32_at(b, 16)) };
    let table = Table {
        offset: header.payload() + head as u64,
        count: u32::from(u16_at(b, head - 2)),
        entry_size: 12,
    };
    if head as u64 + table.bytes() > header.payload_len() {
        // 8.16.3.2: `reference_count` entries of 12 bytes follow.
        return Err(header.error("too short for its references"));
    }
    let mut offset = header.end().saturating_add(first_offset);
    let mut references = TableReader::new(reader.source(), table, READ_FIRST);
    for n in 0..table.count {
        visit(offset);
        // The first bit is the reference_type, the others are the referenced_size.
        offset = offset.saturating_add(u64::from(u32_at(references.entry(n)?, 0) & 0x7fff_ffff));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box, words};

    fn offsets(content: &[u32]) -> Result<Vec<u64>, FormatError> {
        read_box(make_box(b"sidx", words(content.iter().copied())), |reader, header| {
            let mut found = Vec::new();
            each_sidx_reference(reader, header, |offset| found.push(offset - header.end()))?;
            Ok(found)
        })
    }

    #[test]
    fn references_follow_each_other() {
        let references = [0x8000_0064, 0, 0, 200, 0, 0, 1, 0, 0];
        let narrow = [&[0, 1, 1000, 0, 7, 3][..], &references].concat();
        assert_eq!(offsets(&narrow).unwrap(), [7, 107, 307]);
        let wide = [&[0x100_0000, 1, 1000, 0, 0, 0, 7, 3][..], &references].concat();
        assert_eq!(offsets(&wide).unwrap(), [7, 107, 307]);
        assert!(offsets(&narrow[..14]).unwrap_err().to_string().contains("references"));
    }
}
