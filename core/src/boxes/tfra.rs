//! `mfra`, `tfra` and `mfro` (8.8.9 to 8.8.11): where fragments begin.

use super::{BoxHeader, FormatError, Reader, Table, TableReader, u32_at, u64_at};
use crate::source::ReadAt;
use crate::time::MediaTime;

/// Entries that are read at first.
const READ_FIRST: u32 = 64;

/// An entry of a `tfra`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TfraEntry {
    /// Offset of the `moof`.
    pub moof_offset: u64,
    /// Presentation time of a sync sample in it; `None` for one of more than 63 bits.
    pub time: Option<MediaTime>,
    /// Whether that is the first sample of the first `trun` of its `traf`.
    pub is_first_sample: bool,
}

/// The `mfra` that the file ends with, found by its `mfro`.
///
/// # Errors
/// When what is said to be one cannot be a box, or cannot be read.
pub fn find_mfra<R: ReadAt>(reader: &mut Reader<'_, R>) -> Result<Option<BoxHeader>, FormatError> {
    let end = reader.file_len();
    let Some(mfro) = end.checked_sub(16) else { return Ok(None) };
    let b = reader.bytes(mfro, 16)?;
    let len = u64::from(u32_at(b, 12));
    if b.get(4..8) != Some(b"mfro") {
        return Ok(None);
    }
    let mfra = end.checked_sub(len).map(|at| reader.header(at, end)).transpose()?.flatten();
    Ok(mfra.filter(|mfra| &mfra.box_type.0 == b"mfra"))
}

/// Visits the entries of a `tfra`, with the track they are about.
///
/// # Errors
/// When the box is too short for its entries, or cannot be read.
pub fn each_tfra_entry<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
    mut visit: impl FnMut(u32, TfraEntry),
) -> Result<(), FormatError> {
    if header.payload_len() < 12 {
        // 8.8.10.2: version and flags, `track_ID`, the lengths of the fields.
        return Err(header.error("too short for its lengths"));
    }
    let b = reader.bytes(header.payload(), 12)?;
    let is_wide = b.first() == Some(&1);
    let (track_id, lengths) = (u32_at(b, 4), u32_at(b, 8));
    // length_size_of_traf_num, …_trun_num and …_sample_num, each less one, in two bits each.
    let length = |shift: u32| usize::from((lengths >> shift & 3) as u8) + 1;
    let traf_at = if is_wide { 16 } else { 8 };
    let trun_at = traf_at + length(4);
    let sample_at = trun_at + length(2);
    let size = sample_at + length(0);
    let table = Table::read(reader, header, 8, u8::try_from(size).unwrap_or(u8::MAX))?;
    let mut entries = TableReader::new(reader.source(), table, READ_FIRST);
    for n in 0..table.count {
        let b = entries.entry(n)?;
        let (time, moof_offset) = if is_wide {
            (u64_at(b, 0), u64_at(b, 8))
        } else {
            (u64::from(u32_at(b, 0)), u64::from(u32_at(b, 4)))
        };
        let is_one = |range: std::ops::Range<usize>| {
            let number = b.get(range).and_then(<[u8]>::split_last);
            number.is_some_and(|(low, high)| *low == 1 && high.iter().all(|b| *b == 0))
        };
        let is_first_sample = is_one(trun_at..sample_at) && is_one(sample_at..size);
        let time = i64::try_from(time).ok().map(MediaTime);
        visit(track_id, TfraEntry { moof_offset, time, is_first_sample });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    fn entries(payload: &[u8]) -> Result<Vec<(u32, TfraEntry)>, FormatError> {
        read_box(make_box(b"tfra", payload), |reader, header| {
            let mut found = Vec::new();
            each_tfra_entry(reader, header, |track, entry| found.push((track, entry)))?;
            Ok(found)
        })
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    #[test]
    fn both_versions_and_all_lengths_are_read() {
        // Numbers of one byte each.
        let narrow =
            [words(&[0, 9, 0, 2]), words(&[50, 700]), vec![1, 1, 1], words(&[90, 800]), vec![1, 1, 2]];
        let entry = |moof_offset, time, is_first_sample| {
            (9, TfraEntry { moof_offset, time: Some(MediaTime(time)), is_first_sample })
        };
        assert_eq!(entries(&narrow.concat()).unwrap(), [entry(700, 50, true), entry(800, 90, false)]);
        // Numbers of one, two and four bytes.
        let wide = [words(&[0x100_0000, 9, 0b00_01_11, 1]), words(&[0, 50, 1, 0]), vec![1, 0, 1, 0, 0, 0, 1]]
            .concat();
        assert_eq!(entries(&wide).unwrap(), [entry(1 << 32, 50, true)]);
        entries(&wide[..wide.len() - 1]).unwrap_err();
        entries(&wide[..8]).unwrap_err();
    }

    #[test]
    fn an_mfra_is_found_from_the_end() {
        let mfro = make_box(b"mfro", words(&[0, 24]));
        let file = [vec![0; 20], make_box(b"mfra", mfro)].concat();
        let find = |file: &Vec<u8>| find_mfra(&mut Reader::new(file, file.len() as u64)).unwrap();
        assert_eq!(find(&file).map(|mfra| mfra.offset), Some(20));
        assert_eq!(find(&file[..40].to_vec()), None);
        assert_eq!(find(&vec![0; 8]), None);
    }
}
