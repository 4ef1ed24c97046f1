//! The media of an answer, and where a byte of the file is in it.

use crate::boxes::FormatError;
use crate::index::Film;
use crate::limits::WINDOW;
use crate::offsets::{FileOffset, MediaOffset};

use super::list::{Extent, ExtentList};
use super::walk::{Walk, Walker};

/// The media of an answer, in the order of the file. Few extents are kept. Where there are more,
/// they are found again when they are asked for.
#[derive(Debug)]
pub struct Extents(Kind);

#[derive(Debug)]
enum Kind {
    List(ExtentList),
    Walk(Walk),
}

impl From<ExtentList> for Extents {
    fn from(list: ExtentList) -> Self {
        Self(Kind::List(list))
    }
}

impl From<Walk> for Extents {
    fn from(walk: Walk) -> Self {
        Self(Kind::Walk(walk))
    }
}

impl Extents {
    /// How many bytes they are together.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Kind::List(list) => list.len(),
            Kind::Walk(walk) => walk.len(),
        }
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the last extent ends in the file.
    pub fn end(&self) -> FileOffset {
        match &self.0 {
            Kind::List(list) => list.list.last().map_or(FileOffset(0), Extent::end),
            Kind::Walk(walk) => walk.end(),
        }
    }

    /// Bytes they take besides their own size: no more than some 50 KiB.
    pub fn heap_size(&self) -> usize {
        match &self.0 {
            Kind::List(list) => list.list.capacity() * size_of::<Extent>(),
            Kind::Walk(walk) => walk.heap_size(),
        }
    }

    /// The extents, where they are kept.
    pub fn listed(&self) -> Option<&ExtentList> {
        match &self.0 {
            Kind::List(list) => Some(list),
            Kind::Walk(_) => None,
        }
    }

    /// The extents that have bytes at or after `position`, or some of them: at least as many as
    /// there are in [`NEAR`] bytes. Where they have to be found, they are left in `found` for the
    /// next time.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn near<'a>(
        &'a self,
        film: &Film<'_>,
        position: MediaOffset,
        found: &'a mut ExtentList,
    ) -> Result<&'a [Extent], FormatError> {
        let Kind::Walk(walk) = &self.0 else {
            return Ok(self.listed().map_or(&[], |l| l.starting_at(position)));
        };
        let first = found.list.first().map_or(MediaOffset(u64::MAX), |e| e.position);
        // What is left has to be enough for a window, or a look-up would find only a few bytes.
        if position < first || found.end() < (position + NEAR).min(MediaOffset(self.len())) {
            found.list.clear();
            let mut walker = walk.starting_at(film, position)?;
            while found.list.len() < FOUND_EXTENTS.0 || found.end() < position + 2 * NEAR {
                match walker.next()? {
                    Some(e) if e.position_end() <= position => {}
                    Some(e) if found.list.len() < FOUND_EXTENTS.1 => found.list.push(e),
                    _ => break,
                }
                if walker.is_tired() && !found.list.is_empty() {
                    break;
                }
            }
        }
        Ok(found.starting_at(position))
    }

    /// How many bytes of the media lie before an offset of the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn before(&self, film: &Film<'_>, offset: FileOffset) -> Result<MediaOffset, FormatError> {
        let walk = match &self.0 {
            Kind::List(list) => return Ok(list.before(offset)),
            Kind::Walk(walk) => walk,
        };
        let mut walker = walk.covering(film, offset)?;
        let mut before = walker.position();
        while let Some(extent) = walker.next()?.filter(|extent| extent.offset < offset) {
            before = extent.position_before(offset);
            if extent.end() >= offset || walker.is_tired() {
                break;
            }
        }
        Ok(before)
    }

    /// Look-ups of where bytes of the file are in the media.
    pub fn places<'a>(&'a self, film: &'a Film<'a>) -> Places<'a> {
        Places { extents: self, film, walker: None, held: None, gap: FileOffset(0) }
    }
}

/// Bytes of media that are looked up together.
pub const NEAR: u64 = WINDOW as u64;

/// How many extents are found at once: at least, and where they are small.
const FOUND_EXTENTS: (usize, usize) = (64, 512);

/// Look-ups of where bytes of the file are in the media ([`Extents::places`]). Places that are
/// asked for in order are found fastest.
pub struct Places<'a> {
    extents: &'a Extents,
    film: &'a Film<'a>,
    walker: Option<Box<Walker<'a>>>,
    /// The extent that the walker came to last.
    held: Option<Extent>,
    /// From here up to that extent there is nothing.
    gap: FileOffset,
}

impl Places<'_> {
    /// The extent that has a byte of the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn holding(&mut self, offset: FileOffset) -> Result<Option<Extent>, FormatError> {
        let walk = match &self.extents.0 {
            Kind::List(list) => return Ok(list.holding(offset).copied()),
            Kind::Walk(walk) => walk,
        };
        let goes_on = self
            .walker
            .as_ref()
            .is_some_and(|w| self.gap <= offset && !walk.begins_after(offset, w.position()));
        if !goes_on {
            self.walker = Some(Box::new(walk.covering(self.film, offset)?));
            (self.held, self.gap) = (None, offset);
        }
        let Some(walker) = &mut self.walker else { return Ok(None) };
        while self.held.is_none_or(|held| held.end() <= offset) {
            self.gap = self.held.map_or(self.gap, |held| held.end());
            self.held = walker.next()?;
            if self.held.is_none() {
                break;
            }
        }
        Ok(self.held.filter(|held| held.holds(offset)))
    }

    /// Where a byte of the file is in the media.
    ///
    /// # Errors
    /// As [`Self::holding`].
    pub fn position_of(&mut self, offset: FileOffset) -> Result<Option<MediaOffset>, FormatError> {
        Ok(self.holding(offset)?.map(|e| e.position_of(offset)))
    }
}
