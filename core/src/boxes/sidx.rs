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

/// Bytes of a `sidx` before its references, in version 1.
pub const SIDX_HEAD_SIZE: u32 = 40;

/// Bytes of a reference.
pub const SIDX_ENTRY_SIZE: u32 = 12;

/// The most references of an index: their number has 16 bits.
pub const SIDX_ENTRIES: u32 = u16::MAX as u32;

/// What a `sidx` has before its references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SidxHead {
    /// The track that the index is about.
    pub reference_id: u32,
    /// Ticks per second of its times.
    pub timescale: u32,
    /// When the first segment is first presented.
    pub earliest_presentation_time: u64,
    /// Number of references.
    pub count: u16,
}

impl SidxHead {
    /// Appends it. The first segment follows the index at once.
    pub fn write(&self, out: &mut Vec<u8>) {
        let size = SIDX_HEAD_SIZE + SIDX_ENTRY_SIZE * u32::from(self.count);
        for word in [size, u32::from_be_bytes(*b"sidx"), 1 << 24, self.reference_id, self.timescale] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(&self.earliest_presentation_time.to_be_bytes());
        // `first_offset`, then 16 reserved bits.
        out.extend_from_slice(&[0; 10]);
        out.extend_from_slice(&self.count.to_be_bytes());
    }
}

/// A reference to a segment of so many bytes and ticks. `sap_type` is how decoding begins with it
/// (annex I), or 0 where it cannot.
pub fn sidx_entry(size: u32, duration: u32, sap_type: u8) -> [u8; SIDX_ENTRY_SIZE as usize] {
    let starts_with_sap = u32::from(sap_type > 0) << 31;
    let words = [size & 0x7fff_ffff, duration, starts_with_sap | u32::from(sap_type & 7) << 28];
    let mut out = [0; SIDX_ENTRY_SIZE as usize];
    for (bytes, word) in out.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
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

    #[test]
    fn what_is_written_is_read() {
        let head =
            SidxHead { reference_id: 1, timescale: 1000, earliest_presentation_time: 1 << 33, count: 2 };
        let mut file = Vec::new();
        head.write(&mut file);
        assert_eq!(file.len(), SIDX_HEAD_SIZE as usize);
        file.extend(sidx_entry(100, 5, 1));
        file.extend(sidx_entry(200, 5, 0));
        assert_eq!(file[40..52], [0, 0, 0, 100, 0, 0, 0, 5, 0x90, 0, 0, 0]);
        assert_eq!(file[20..28], (1_u64 << 33).to_be_bytes());
        let mut found = Vec::new();
        read_box(file, |reader, header| {
            each_sidx_reference(reader, header, |offset| found.push(offset - header.end())).unwrap();
        });
        assert_eq!(found, [0, 100]);
    }
}
