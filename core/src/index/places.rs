//! Where fragments begin, as the film's own tables say: `sidx` (8.16.3), and `mfra` with its `tfra` (8.8.9 to 8.8.11).
//!
//! Fragments are found by going from box to box; these tell where a box is too long, and the way behind one that makes no sense.
//! What they say is no more than a guess: whoever goes there looks whether there is a fragment.

use std::collections::BTreeSet;

use crate::boxes::{BoxHeader, FormatError, Reader, Table, TableReader, u16_at, u32_at, u64_at};
use crate::limits;
use crate::source::ReadAt;

/// What the tables say.
#[derive(Default)]
pub(super) struct Places(BTreeSet<Place>);

/// Where a fragment or a segment begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    offset: u64,
    /// A track whose first sample there is presented at a time; or 0.
    track_id: u32,
    time: u64,
}

/// Entries of a table that are read at first.
const ENTRIES: u32 = 64;

impl Places {
    /// What the boxes before the first fragment say, and `mfra`.
    ///
    /// # Errors
    /// When the file cannot be read. A table that makes no sense knows no places.
    pub(super) fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        top: &[BoxHeader],
    ) -> Result<Self, FormatError> {
        let mut this = Self::default();
        top.iter().try_for_each(|header| this.pass(reader, header))?;
        sensible(this.read_mfra(reader))?;
        Ok(this)
    }

    /// Takes note of what a box of the top level says.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn pass<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
    ) -> Result<(), FormatError> {
        if &header.box_type.0 == b"sidx" {
            sensible(self.read_sidx(reader, header))?;
        }
        Ok(())
    }

    /// The first place after `offset`.
    pub(super) fn after(&self, offset: u64) -> Option<u64> {
        let after = Place { offset: offset.saturating_add(1), ..Place::default() };
        self.0.range(after..).next().map(|place| place.offset)
    }

    /// When the first sample that the fragment at `offset` has of a track is presented.
    pub(super) fn time(&self, offset: u64, track_id: u32) -> Option<i64> {
        let first = Place { offset, track_id, time: 0 };
        let named = self.0.range(first..).next().filter(|p| (p.offset, p.track_id) == (offset, track_id))?;
        i64::try_from(named.time).ok()
    }

    fn add(&mut self, place: Place) {
        if self.0.len() < limits::PLACES {
            self.0.insert(place);
        }
    }

    fn read_sidx<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        sidx: &BoxHeader,
    ) -> Result<(), FormatError> {
        let wide = reader.payload(sidx, 24)?.first() == Some(&1);
        let head = if wide { 32 } else { 24 };
        let b = reader.payload(sidx, head)?;
        let skipped = if wide { u64_at(b, 20) } else { u64::from(u32_at(b, 16)) };
        let table = Table {
            offset: sidx.payload() + head as u64,
            count: u32::from(u16_at(b, head - 2)),
            entry_size: 12,
        };
        if head as u64 + table.bytes() > sidx.payload_len() {
            return Err(sidx.error("too short for its references"));
        }
        let mut offset = sidx.end().saturating_add(skipped);
        let mut references = TableReader::new(reader.source(), table, ENTRIES);
        for n in 0..table.count {
            self.add(Place { offset, ..Place::default() });
            // The first bit tells another index from media.
            offset = offset.saturating_add(u64::from(u32_at(references.entry(n)?, 0) & 0x7fff_ffff));
        }
        Ok(())
    }

    /// `mfra` is found from the end of the file, where `mfro` says how long it is.
    fn read_mfra<R: ReadAt>(&mut self, reader: &mut Reader<'_, R>) -> Result<(), FormatError> {
        let end = reader.file_len();
        let Some(mfro) = end.checked_sub(16) else { return Ok(()) };
        let b = reader.bytes(mfro, 16)?;
        let len = u64::from(u32_at(b, 12));
        if b.get(4..8) != Some(b"mfro") {
            return Ok(());
        }
        let Some(mfra) = end.checked_sub(len).map(|at| reader.header(at, end)).transpose()?.flatten() else {
            return Ok(());
        };
        if &mfra.box_type.0 == b"mfra" {
            for tfra in
                reader.children(mfra.payload(), mfra.end())?.iter().filter(|b| &b.box_type.0 == b"tfra")
            {
                sensible(self.read_tfra(reader, tfra))?;
            }
        }
        Ok(())
    }

    fn read_tfra<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        tfra: &BoxHeader,
    ) -> Result<(), FormatError> {
        if tfra.payload_len() < 12 {
            return Err(tfra.error("too short for its lengths"));
        }
        let b = reader.bytes(tfra.payload(), 12)?;
        let wide = b.first() == Some(&1);
        let (track_id, lengths) = (u32_at(b, 4), u32_at(b, 8));
        let length = |shift: u32| usize::from((lengths >> shift & 3) as u8) + 1;
        let head = if wide { 16 } else { 8 };
        let run_at = head + length(4);
        let size = run_at + length(2) + length(0);
        let table = Table::read(reader, tfra, 8, u8::try_from(size).unwrap_or(u8::MAX))?;
        let mut entries = TableReader::new(reader.source(), table, ENTRIES);
        for n in 0..table.count {
            let b = entries.entry(n)?;
            let (time, offset) = if wide {
                (u64_at(b, 0), u64_at(b, 8))
            } else {
                (u64::from(u32_at(b, 0)), u64::from(u32_at(b, 4)))
            };
            // The first sample of the first run: each number is 1.
            let (run, sample) = b.split_at_checked(run_at + length(2)).unwrap_or_default();
            let is_first = [run.get(run_at..).unwrap_or_default(), sample]
                .into_iter()
                .all(|n| n.split_last().is_some_and(|(low, high)| *low == 1 && high.iter().all(|b| *b == 0)));
            let named = if is_first {
                Place { offset, track_id, time }
            } else {
                Place { offset, ..Place::default() }
            };
            self.add(named);
        }
        Ok(())
    }
}

/// A table that makes no sense is none.
fn sensible(read: Result<(), FormatError>) -> Result<(), FormatError> {
    match read {
        Err(FormatError::Box { .. }) => Ok(()),
        read => read,
    }
}
