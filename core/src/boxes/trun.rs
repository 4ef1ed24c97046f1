//! `trun` (8.8.8): a run of samples whose media stands in one place.

use super::trex::SampleFlags;
use super::{BoxHeader, FormatError, Reader, Table, u32_at};
use crate::source::ReadAt;

const DATA_OFFSET_PRESENT: u32 = 0x1;
const FIRST_SAMPLE_FLAGS_PRESENT: u32 = 0x4;

/// A field that the entries of a `trun` may have, by the flag that says so. They stand in this
/// order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrunField {
    /// `sample_duration`
    Duration = 0x100,
    /// `sample_size`
    Size = 0x200,
    /// `sample_flags`
    Flags = 0x400,
    /// `sample_composition_time_offset`
    CompositionOffset = 0x800,
}

const FIELDS: u32 = 0xf00;

/// Entries that are read at once: as many as a reader has at hand anyway.
const WINDOW: u32 = 256;

/// A `trun`, but for its entries, which stay in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrunBox {
    /// `data_offset`: where the media begins, from the base data offset. Without one it follows the
    /// run before.
    pub data_offset: Option<i32>,
    /// `first_sample_flags`: they hold for the first sample in the place of its own.
    pub first_sample_flags: Option<SampleFlags>,
    /// The entries.
    table: Table,
    flags: u32,
}

impl TrunBox {
    /// Reads what stands before the entries.
    ///
    /// # Errors
    /// When the box is too short for what its flags and its count say, or cannot be read.
    pub fn read<R: ReadAt>(reader: &mut Reader<'_, R>, header: &BoxHeader) -> Result<Self, FormatError> {
        if header.payload_len() < 8 {
            // 8.8.8.2: version and flags, `sample_count`.
            return Err(header.error("too short for a sample count"));
        }
        let head = usize::try_from(header.payload_len()).unwrap_or(16).min(16);
        let b = reader.bytes(header.payload(), head)?;
        let (flags, count) = (u32_at(b, 0) & 0xff_ffff, u32_at(b, 4));
        let mut at = 8;
        let mut word = |flag| {
            let start = at;
            at += if flags & flag != 0 { 4 } else { 0 };
            (at > start).then(|| u32_at(b, start))
        };
        let data_offset = word(DATA_OFFSET_PRESENT).map(|n| i32::from_be_bytes(n.to_be_bytes()));
        let first_sample_flags = word(FIRST_SAMPLE_FLAGS_PRESENT).map(SampleFlags);
        let entry_size = (flags & FIELDS).count_ones() * 4;
        let table = Table {
            offset: header.payload() + at as u64,
            count,
            entry_size: u8::try_from(entry_size).unwrap_or(16),
        };
        if at as u64 + table.bytes() > header.payload_len() {
            // 8.8.8.2: `sample_count` entries, of the fields that the flags (8.8.8.1) announce.
            return Err(header.error(format!("{count} samples do not fit in its {} bytes", header.size)));
        }
        Ok(Self { data_offset, first_sample_flags, table, flags })
    }

    /// A run of no samples.
    pub fn empty() -> Self {
        let table = Table { offset: 0, count: 0, entry_size: 0 };
        Self { data_offset: None, first_sample_flags: None, table, flags: 0 }
    }

    /// Number of samples.
    pub fn sample_count(&self) -> u32 {
        self.table.count
    }

    /// Leaves out all samples but the first `count`.
    pub fn truncate(&mut self, count: u32) {
        self.table.count = self.table.count.min(count);
    }

    /// Whether the entries have a field.
    pub fn has(&self, field: TrunField) -> bool {
        self.flags & field as u32 != 0
    }

    /// Visits the entries, some at a time, until `visit` gives `false`; none at all where they have
    /// no fields. `visit` gets the index of the first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn each_window<R: ReadAt>(
        &self,
        reader: &mut Reader<'_, R>,
        mut visit: impl FnMut(u32, &TrunEntries<'_>) -> bool,
    ) -> Result<(), FormatError> {
        let entry_size = usize::from(self.table.entry_size);
        let mut n = 0;
        while n < self.table.count && entry_size > 0 {
            let some = (self.table.count - n).min(WINDOW);
            let entries = reader.bytes(self.table.entry_offset(n), some as usize * entry_size)?;
            if !visit(n, &TrunEntries { entries, entry_size, flags: self.flags }) {
                return Ok(());
            }
            n += some;
        }
        Ok(())
    }
}

/// Entries of a `trun`, one after the other.
pub struct TrunEntries<'a> {
    entries: &'a [u8],
    entry_size: usize,
    flags: u32,
}

impl TrunEntries<'_> {
    /// A field of each entry, which the entries must have, from entry `from` on.
    pub fn column(&self, field: TrunField, from: usize) -> impl Iterator<Item = u32> {
        let before = self.flags & FIELDS & (field as u32 - 1);
        let at = before.count_ones() as usize * 4;
        self.entries.chunks_exact(self.entry_size).skip(from).map(move |entry| u32_at(entry, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box, words};

    fn trun(content: &[u32]) -> (Vec<u8>, Result<TrunBox, FormatError>) {
        let file = make_box(b"trun", words(content.iter().copied()));
        (file.clone(), read_box(file, TrunBox::read))
    }

    fn column(file: &Vec<u8>, trun: &TrunBox, field: TrunField) -> Vec<u32> {
        let mut out = Vec::new();
        let mut reader = Reader::new(file, file.len() as u64);
        trun.each_window(&mut reader, |_, entries| {
            out.extend(entries.column(field, 0));
            true
        })
        .unwrap();
        out
    }

    #[test]
    fn fields_are_where_the_flags_say() {
        let (file, read) = trun(&[0xf05, 2, 0xffff_fff0, 9, 1, 2, 3, 4, 11, 12, 13, 14]);
        let all = read.unwrap();
        assert_eq!((all.data_offset, all.first_sample_flags), (Some(-16), Some(SampleFlags(9))));
        assert_eq!(column(&file, &all, TrunField::Duration), [1, 11]);
        assert_eq!(column(&file, &all, TrunField::Size), [2, 12]);
        assert_eq!(column(&file, &all, TrunField::Flags), [3, 13]);
        assert_eq!(column(&file, &all, TrunField::CompositionOffset), [4, 14]);

        let (file, read) = trun(&[0xa00, 3, 1, 2, 11, 12, 21, 22]);
        let mut some = read.unwrap();
        assert_eq!((some.data_offset, some.first_sample_flags), (None, None));
        assert!(some.has(TrunField::Size) && !some.has(TrunField::Duration));
        assert_eq!(column(&file, &some, TrunField::CompositionOffset), [2, 12, 22]);
        some.truncate(1);
        assert_eq!((some.sample_count(), column(&file, &some, TrunField::Size)), (1, vec![1]));
    }

    #[test]
    fn more_samples_than_fit_are_refused() {
        let (_, read) = trun(&[0x200, 2, 1]);
        assert!(read.unwrap_err().to_string().contains("2 samples do not fit"));
        // Without fields each takes no room.
        assert_eq!(trun(&[0, 1000]).1.unwrap().sample_count(), 1000);
        trun(&[0x1]).1.unwrap_err();
        trun(&[0x5, 0, 1]).1.unwrap_err();
    }
}
