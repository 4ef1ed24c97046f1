//! `stss` (8.6.2): which samples decoding can begin at.

use super::words::change_words;
use super::write::{PLAIN, TableHead};
use super::{BoxHeader, FormatError, Reader, Table, TableReader, u32_at};
use crate::numbers::{SampleNumber, SampleShift};
use crate::source::ReadAt;

/// Entries that are read at first.
const READ_FIRST: u32 = 512;

/// How far the first step of a search goes, in entries.
const FIRST_STEP: u32 = 8;

/// The sync samples of a track.
#[derive(Debug, Clone, Copy)]
pub enum SyncSamples {
    /// Every sample: the box is absent.
    All,
    /// Those the table names (possibly none; a track's first sample is then all there is to begin
    /// at).
    Listed(Table),
}

impl SyncSamples {
    /// Reads an `stss`.
    ///
    /// # Errors
    /// When the box is malformed or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        Ok(Self::Listed(read_sample_numbers(reader, header)?))
    }

    /// How many of the listed samples of a track with `count` samples come before `sample`.
    /// O(log n).
    ///
    /// ```text
    /// begin where the entry is if the samples are listed at even distances: what is read is then
    ///     mostly near it, in one page of the file
    /// step away from there, twice as far each time, until the entry lies between two steps
    /// search between these
    /// ```
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn listed_before<R: ReadAt>(
        table: &Table,
        source: &R,
        count: u32,
        sample: SampleNumber,
    ) -> Result<u32, FormatError> {
        Self::search(&mut TableReader::new(source, *table, READ_FIRST), table, count, sample)
    }

    /// What the table lists from the first entry on that is not before `sample`. See
    /// [`Self::listed_before`] and [`Self::all_listed`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn listed_from<R: ReadAt>(
        table: &Table,
        source: &R,
        count: u32,
        sample: SampleNumber,
    ) -> Result<impl Iterator<Item = Result<Option<SampleNumber>, FormatError>>, FormatError> {
        let mut entries = TableReader::new(source, *table, READ_FIRST);
        let first = Self::search(&mut entries, table, count, sample)?;
        Ok((first..table.count).map(move |n| read_entry(&mut entries, n)))
    }

    fn search<R: ReadAt>(
        entries: &mut TableReader<'_, R>,
        table: &Table,
        count: u32,
        sample: SampleNumber,
    ) -> Result<u32, FormatError> {
        // The number of no sample comes before all others.
        let mut is_before = |entry| -> Result<bool, FormatError> {
            Ok(read_entry(entries, entry)?.is_none_or(|listed| listed < sample))
        };
        let (mut low, mut high) = (0, table.count);
        let even = u64::from(sample.0) * u64::from(table.count) / u64::from(count.max(1));
        let begin = u32::try_from(even).unwrap_or(u32::MAX).min(table.count.saturating_sub(1));
        let mut step = FIRST_STEP;
        if low < high && is_before(begin)? {
            low = begin + 1;
            while let Some(next) = low.checked_add(step).filter(|&next| next < high) {
                if !is_before(next)? {
                    high = next;
                    break;
                }
                low = next + 1;
                step = step.saturating_mul(2);
            }
        } else {
            high = begin;
            while let Some(next) = high.checked_sub(step) {
                if is_before(next)? {
                    low = next + 1;
                    break;
                }
                high = next;
                step = step.saturating_mul(2);
            }
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The listed samples of a track with `count` samples, up to `sample`, the last one first. The
    /// number of no sample ends them. Where the table is not in order, later samples may be among
    /// them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn listed_back<'a, R: ReadAt>(
        table: &'a Table,
        source: &'a R,
        count: u32,
        sample: SampleNumber,
    ) -> Result<impl Iterator<Item = Result<SampleNumber, FormatError>> + 'a, FormatError> {
        let before = Self::listed_before(table, source, count, sample.next())?;
        Ok((0..before).rev().map_while(move |entry| Self::listed(table, source, entry).transpose()))
    }

    /// All that the table lists, in its order; `None` for number 0, which is that of no sample.
    pub fn all_listed<R: ReadAt>(
        table: &Table,
        source: &R,
    ) -> impl Iterator<Item = Result<Option<SampleNumber>, FormatError>> {
        let mut entries = TableReader::new(source, *table, READ_FIRST);
        (0..table.count).map(move |n| read_entry(&mut entries, n))
    }

    /// The sample that entry `index` lists; `None` for number 0, which is that of no sample.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn listed<R: ReadAt>(
        table: &Table,
        source: &R,
        index: u32,
    ) -> Result<Option<SampleNumber>, FormatError> {
        let mut b = [0; 4];
        let offset = table.entry_offset(index);
        source.read_exact_at(&mut b, offset).map_err(|e| FormatError::read(offset, e))?;
        Ok(SampleNumber::from_one_based(u32_at(&b, 0)))
    }
}

/// The sample that an entry lists; `None` for number 0, which is that of no sample.
fn read_entry<R: ReadAt>(
    entries: &mut TableReader<'_, R>,
    n: u32,
) -> Result<Option<SampleNumber>, FormatError> {
    Ok(SampleNumber::from_one_based(u32_at(entries.entry(n)?, 0)))
}

/// Bytes of an entry.
pub(super) const SAMPLE_NUMBER_SIZE: u8 = 4;

/// Reads where the entries of an `stss` or `stps` are.
///
/// # Errors
/// When the box is malformed or cannot be read.
pub fn read_sample_numbers<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    header: &BoxHeader,
) -> Result<Table, FormatError> {
    Table::read(reader, header, 0, SAMPLE_NUMBER_SIZE)
}

/// What an `stss` has before its entries.
pub fn stss_head() -> TableHead {
    TableHead::counted(b"stss", PLAIN, SAMPLE_NUMBER_SIZE)
}

/// An entry: the number of a sample.
pub fn stss_entry(sample: SampleNumber) -> [u8; 4] {
    sample.one_based().to_be_bytes()
}

/// Moves the samples of the entries of an `stss` or `stps`. A sample that is moved before the first
/// becomes number 0, which is that of no sample.
#[inline]
pub fn move_sample_numbers(entries: &mut [u8], shift: SampleShift) {
    change_words::<{ SAMPLE_NUMBER_SIZE as usize }>(entries, 0, |number| shift.move_one_based(number));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{full_box, read_box};

    #[test]
    fn listed_samples_are_found() {
        let file = full_box(b"stss", 0, [4, 0, 1, 5, 9]);
        let SyncSamples::Listed(table) = read_box(file.clone(), SyncSamples::read).unwrap() else { panic!() };
        assert_eq!(SyncSamples::listed(&table, &file, 0).unwrap(), None);
        assert_eq!(SyncSamples::listed(&table, &file, 2).unwrap(), Some(SampleNumber(4)));
        let all = SyncSamples::all_listed(&table, &file).map(Result::unwrap);
        assert!(all.eq([None, Some(0), Some(4), Some(8)].map(|n| n.map(SampleNumber))));
        let before = |n| SyncSamples::listed_before(&table, &file, 10, SampleNumber(n)).unwrap();
        assert_eq!([0, 1, 4, 5, 9].map(before), [1, 2, 2, 3, 4]);
        let back = SyncSamples::listed_back(&table, &file, 10, SampleNumber(7)).unwrap();
        assert_eq!(back.map(Result::unwrap).collect::<Vec<_>>(), [SampleNumber(4), SampleNumber(0)]);
    }

    #[test]
    fn what_is_written_is_read_and_moved() {
        let mut file = Vec::new();
        let entries = stss_head().write(&mut file, |out| {
            [0, 7].iter().for_each(|&sample| out.extend_from_slice(&stss_entry(SampleNumber(sample))));
        });
        let listed = |file: &Vec<u8>| {
            let table = read_box(file.clone(), read_sample_numbers).unwrap();
            SyncSamples::all_listed(&table, file).map(Result::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(listed(&file), [Some(SampleNumber(0)), Some(SampleNumber(7))]);
        move_sample_numbers(&mut file[entries], SampleShift::between(SampleNumber(3), SampleNumber(1)));
        assert_eq!(listed(&file), [None, Some(SampleNumber(5))]);
    }

    #[test]
    fn more_entries_than_fit_are_refused() {
        read_box(full_box(b"stss", 0, [2, 1]), SyncSamples::read).unwrap_err();
    }

    /// Wherever the search begins, and in whichever steps it goes on.
    #[test]
    fn a_search_ends_at_the_same_entry_from_anywhere() {
        let listed: Vec<u32> = (0..300).map(|n| 1 + 3 * n + u32::from(n > 200) * 5000).collect();
        let words = [&[300][..], &listed].concat();
        let file = full_box(b"stss", 0, words.iter().copied());
        let SyncSamples::Listed(table) = read_box(file.clone(), SyncSamples::read).unwrap() else { panic!() };
        for count in [1, 100, 900, 6000, 100_000, u32::MAX] {
            for sample in (0..1000).chain(5500..6000).chain([u32::MAX - 1]) {
                let found = SyncSamples::listed_before(&table, &file, count, SampleNumber(sample)).unwrap();
                assert_eq!(
                    found as usize,
                    listed.partition_point(|&n| n - 1 < sample),
                    "{sample} of {count}"
                );
            }
        }
        let empty = Table { count: 0, ..table };
        assert_eq!(SyncSamples::listed_before(&empty, &file, 10, SampleNumber(3)).unwrap(), 0);
    }
}
