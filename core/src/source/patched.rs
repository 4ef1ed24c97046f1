//! A file of which some bytes are others.

use std::io;
use std::ops::Range;

use super::memo::Memo;
use super::read_at::{Page, ReadAt, said_by};
use crate::offsets::FileOffset;

/// A byte of the media that is sent instead of the file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Patch {
    /// Where in the file.
    pub(crate) offset: FileOffset,
    /// The byte.
    pub(crate) byte: u8,
}

/// The first of some patches, in the order of the file, that is in a range of it.
pub(crate) fn first_patch(patches: &[Patch], range: &Range<u64>) -> Option<u64> {
    let first = patches.partition_point(|patch| patch.offset.0 < range.start);
    patches.get(first).map(|patch| patch.offset.0).filter(|offset| *offset < range.end)
}

/// A file whose media is patched. The patches are in the order of the file.
pub(crate) struct Patched<'a, R: ReadAt> {
    source: &'a R,
    patches: &'a [Patch],
}

impl<'a, R: ReadAt> Patched<'a, R> {
    pub(crate) fn new(source: &'a R, patches: &'a [Patch]) -> Self {
        Self { source, patches }
    }

    /// Patches what was read from `offset` on.
    fn patch(&self, bytes: &mut [u8], offset: u64) {
        let first = self.patches.partition_point(|patch| patch.offset.0 < offset);
        for patch in self.patches.get(first..).unwrap_or_default() {
            let at = usize::try_from(patch.offset.0 - offset).ok();
            let Some(byte) = at.and_then(|at| bytes.get_mut(at)) else { break };
            *byte = patch.byte;
        }
    }
}

impl<R: ReadAt> ReadAt for Patched<'_, R> {
    said_by!(self => self.source);

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = self.source.read_at(buf, offset)?;
        self.patch(buf.get_mut(..len).unwrap_or_default(), offset);
        Ok(len)
    }

    fn read_spare_at(&self, out: &mut Vec<u8>, offset: u64) -> io::Result<usize> {
        let held = out.len();
        let len = self.source.read_spare_at(out, offset)?;
        self.patch(out.get_mut(held..).unwrap_or_default(), offset);
        Ok(len)
    }

    fn will_read(&self, range: Range<u64>) {
        self.source.will_read(range);
    }

    /// Metadata, which is not patched.
    fn page(&self, offset: u64, len: usize) -> io::Result<Option<Page>> {
        self.source.page(offset, len)
    }

    fn memo(&self) -> Option<&Memo> {
        self.source.memo()
    }
}
