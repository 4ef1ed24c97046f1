//! Where fragments begin, as the film's own tables say: `sidx` (8.16.3), and `mfra` with its `tfra` (8.8.9 to 8.8.11).
//!
//! Fragments are found by going from box to box; these tell where a box is too long, and the way behind one that makes no sense.
//! What they say is no more than a guess: whoever goes there looks whether there is a fragment.

use std::collections::BTreeSet;

use crate::boxes::{
    BoxHeader, FormatError, Reader, TfraEntry, each_sidx_reference, each_tfra_entry, find_mfra,
};
use crate::limits;
use crate::source::ReadAt;

/// What the tables say.
#[derive(Default)]
pub(crate) struct Locations(BTreeSet<Location>);

/// Where a fragment or a segment begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Location {
    offset: u64,
    /// A track whose first sample there is presented at a time; or 0.
    track_id: u32,
    time: u64,
}

impl Locations {
    /// What the boxes before the first fragment say, and `mfra`.
    ///
    /// # Errors
    /// When the file cannot be read. A table that makes no sense knows no places.
    pub(crate) fn read<R: ReadAt>(
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
    pub(crate) fn pass<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
    ) -> Result<(), FormatError> {
        if &header.box_type.0 == b"sidx" {
            sensible(each_sidx_reference(reader, header, |offset| {
                self.add(Location { offset, ..Location::default() });
            }))?;
        }
        Ok(())
    }

    /// The first place after `offset`.
    pub(crate) fn after(&self, offset: u64) -> Option<u64> {
        let after = Location { offset: offset.saturating_add(1), ..Location::default() };
        self.0.range(after..).next().map(|place| place.offset)
    }

    /// When the first sample that the fragment at `offset` has of a track is presented.
    pub(crate) fn time(&self, offset: u64, track_id: u32) -> Option<i64> {
        let first = Location { offset, track_id, time: 0 };
        let named = self.0.range(first..).next().filter(|p| (p.offset, p.track_id) == (offset, track_id))?;
        i64::try_from(named.time).ok()
    }

    fn add(&mut self, place: Location) {
        if self.0.len() < limits::PLACES {
            self.0.insert(place);
        }
    }

    fn read_mfra<R: ReadAt>(&mut self, reader: &mut Reader<'_, R>) -> Result<(), FormatError> {
        let Some(mfra) = find_mfra(reader)? else { return Ok(()) };
        for tfra in reader.children(mfra.payload(), mfra.end())?.iter().filter(|b| &b.box_type.0 == b"tfra") {
            sensible(each_tfra_entry(reader, tfra, |track_id, entry| {
                let TfraEntry { moof_offset: offset, time, is_first_sample } = entry;
                let unnamed = Location { offset, ..Location::default() };
                self.add(if is_first_sample { Location { track_id, time, ..unnamed } } else { unnamed });
            }))?;
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
