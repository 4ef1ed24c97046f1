//! Where fragments begin according to the movie's own tables: `sidx` (8.16.3), and `mfra` with its
//! `tfra` (8.8.9 to 8.8.11).
//!
//! Fragments are found by going from box to box. These tables show where a box is too long, and the
//! way past one that is malformed. What they say is no more than a guess: whoever goes there checks
//! whether there is a fragment.

use std::collections::BTreeSet;

use crate::boxes::{
    BoxHeader, FormatError, Reader, TfraEntry, each_sidx_reference, each_tfra_entry, find_mfra,
};
use crate::limits;
use crate::source::ReadAt;
use crate::time::MediaTime;

/// The places that the tables name.
#[derive(Default)]
pub(crate) struct Locations(BTreeSet<Location>);

/// Where a fragment or a segment begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Location {
    offset: u64,
    /// A track whose first sample there is presented at `time`; 0 for none.
    track_id: u32,
    time: MediaTime,
}

impl Locations {
    /// The places in the boxes before the first fragment, and in `mfra`.
    ///
    /// # Errors
    /// When the file cannot be read. A malformed table names no places.
    pub(crate) fn read<R: ReadAt>(
        reader: &mut Reader<'_, R>,
        top: &[BoxHeader],
    ) -> Result<Self, FormatError> {
        let mut this = Self::default();
        top.iter().try_for_each(|header| this.pass(reader, header))?;
        ignore_malformed(this.read_mfra(reader))?;
        Ok(this)
    }

    /// Adds the places that a box of the top level names.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn pass<R: ReadAt>(
        &mut self,
        reader: &mut Reader<'_, R>,
        header: &BoxHeader,
    ) -> Result<(), FormatError> {
        if &header.box_type.0 == b"sidx" {
            ignore_malformed(each_sidx_reference(reader, header, |offset| {
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
    pub(crate) fn time(&self, offset: u64, track_id: u32) -> Option<MediaTime> {
        let first = Location { offset, track_id, time: MediaTime(0) };
        let named = self.0.range(first..).next().filter(|p| (p.offset, p.track_id) == (offset, track_id))?;
        Some(named.time)
    }

    fn add(&mut self, place: Location) {
        if self.0.len() < limits::PLACES {
            self.0.insert(place);
        }
    }

    fn read_mfra<R: ReadAt>(&mut self, reader: &mut Reader<'_, R>) -> Result<(), FormatError> {
        let Some(mfra) = find_mfra(reader)? else { return Ok(()) };
        for tfra in reader.children(mfra.payload(), mfra.end())?.iter().filter(|b| &b.box_type.0 == b"tfra") {
            ignore_malformed(each_tfra_entry(reader, tfra, |track_id, entry| {
                let TfraEntry { moof_offset: offset, time, is_first_sample } = entry;
                let unnamed = Location { offset, ..Location::default() };
                let time = time.filter(|_| is_first_sample);
                self.add(time.map_or(unnamed, |time| Location { track_id, time, ..unnamed }));
            }))?;
        }
        Ok(())
    }
}

/// Ignores a table that is malformed.
fn ignore_malformed(read: Result<(), FormatError>) -> Result<(), FormatError> {
    match read {
        Err(FormatError::Box { .. }) => Ok(()),
        read => read,
    }
}
