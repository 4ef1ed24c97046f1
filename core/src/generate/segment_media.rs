//! Where the media of a segment lies, for answers that send it from the source.

use std::io;
use std::ops::{ControlFlow, Range};

use crate::boxes::FormatError;
use crate::extents::{Extent, copy_batch};
use crate::index::Film;
use crate::offsets::MediaOffset;
use crate::plan::FragmentedFile;

/// Where the media of a segment lies in the source.
#[derive(Debug, Default)]
pub(crate) struct SegmentMedia {
    /// The part of the file that is known.
    pub(crate) known: Range<u64>,
    /// It, in its order. Positions are those in the file.
    pub(crate) extents: Vec<Extent>,
}

/// Extents of a segment that are known at a time: an answer under way holds them.
const KNOWN: usize = 256;

impl SegmentMedia {
    /// That of the segment that byte `from` of the file is in, from there on; `None` where that is in
    /// no segment.
    ///
    /// # Errors
    /// When the source cannot be read, or its tables are no longer those that were planned with.
    pub(crate) fn find(
        film: &Film<'_>,
        file: &FragmentedFile,
        from: u64,
    ) -> Result<Option<Self>, FormatError> {
        let Some(segment) = file.segment_of(from).filter(|&segment| segment < file.segment_count()) else {
            return Ok(None);
        };
        let view = file.view(film)?;
        let fragment = file.fragment(&view, segment)?;
        let mut extents: Vec<Extent> = Vec::new();
        fragment.each_extent(&view, MediaOffset(from)..MediaOffset(fragment.end()), |extent| {
            extent.push_to(&mut extents);
            Ok(if extents.len() > KNOWN { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        extents.truncate(KNOWN);
        let start = extents.first().map_or(from, |first| first.position.0);
        let end = extents.last().map_or(start, |last| last.position_end().0);
        Ok(Some(Self { known: start..end, extents }))
    }

    /// Of `len` bytes of the file from `from` on, how many come before media that is known, if that
    /// goes on until their end.
    pub(crate) fn known_after(&self, from: u64, len: usize) -> Option<usize> {
        let end = from.checked_add(len as u64).filter(|&end| end <= self.known.end)?;
        let begins = self.known.start.max(from);
        usize::try_from(begins - from).ok().filter(|_| begins < end)
    }

    /// Fills `out` with the file from byte `from` on, all of which is known.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub(crate) fn copy(&self, film: &Film<'_>, from: u64, out: &mut [u8]) -> io::Result<()> {
        let first = self.extents.partition_point(|extent| extent.position_end().0 <= from);
        let extents = self.extents.get(first..).unwrap_or_default();
        copy_batch(extents, &film.source, MediaOffset(from), out)
    }
}
