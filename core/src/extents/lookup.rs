//! The media of an answer, and where a byte of the source stands in it.

use crate::boxes::FormatError;
use crate::index::Film;
use crate::limits::WINDOW;

use super::list::{Extent, ExtentList};
use super::walk::{Walk, Walker};

/// The media of an answer, in the order of the source. Few extents are kept; more are made when they are asked for.
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

    /// Where the last extent ends in the source.
    pub fn end(&self) -> u64 {
        match &self.0 {
            Kind::List(list) => list.list.last().map_or(0, |e| e.offset + e.len),
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

    /// The extents that have bytes at or after `position` among all that is sent, or some of them: as many as there are in
    /// [`NEAR`] bytes at least. Where they have to be made, they are left in `made`, for the next time.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub fn near<'a>(
        &'a self,
        film: &Film<'_>,
        position: u64,
        made: &'a mut ExtentList,
    ) -> Result<&'a [Extent], FormatError> {
        let Kind::Walk(walk) = &self.0 else {
            return Ok(self.listed().map_or(&[], |l| l.starting_at(position)));
        };
        let first = made.list.first().map_or(u64::MAX, |e| e.position);
        // What is left has to be enough for a window, or a look-up would be made for a few bytes.
        if position < first || made.len() < position.saturating_add(NEAR).min(self.len()) {
            made.list.clear();
            let mut walker = walk.starting_at(film, position)?;
            while made.list.len() < MADE_EXTENTS.0 || made.len() < position.saturating_add(2 * NEAR) {
                match walker.next()? {
                    Some(e) if e.position + e.len <= position => {}
                    Some(e) if made.list.len() < MADE_EXTENTS.1 => made.list.push(e),
                    _ => break,
                }
                if walker.is_tired() && !made.list.is_empty() {
                    break;
                }
            }
        }
        Ok(made.starting_at(position))
    }

    /// Look-ups of where bytes of the source are.
    pub fn places<'a>(&'a self, film: &'a Film<'a>) -> Places<'a> {
        Places { extents: self, film, walker: None, held: None, gap: 0 }
    }
}

/// Bytes of media that are looked up together.
pub const NEAR: u64 = WINDOW as u64;

/// How many extents are made at once: at least, and where they are small.
const MADE_EXTENTS: (usize, usize) = (64, 512);

/// See [`Extents::places`]. Places that are asked for in their order are found fastest.
pub struct Places<'a> {
    extents: &'a Extents,
    film: &'a Film<'a>,
    walker: Option<Box<Walker<'a>>>,
    /// The extent that the walker came to last.
    held: Option<Extent>,
    /// From here up to that extent there is nothing.
    gap: u64,
}

impl Places<'_> {
    /// The extent that holds a byte of the source.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub fn holding(&mut self, offset: u64) -> Result<Option<Extent>, FormatError> {
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
        while self.held.is_none_or(|held| held.offset + held.len <= offset) {
            self.gap = self.held.map_or(self.gap, |held| held.offset + held.len);
            self.held = walker.next()?;
            if self.held.is_none() {
                break;
            }
        }
        Ok(self.held.filter(|held| held.holds(offset)))
    }

    /// Where a byte of the source stands among all that is sent.
    ///
    /// # Errors
    /// As [`Self::holding`].
    pub fn position_of(&mut self, offset: u64) -> Result<Option<u64>, FormatError> {
        Ok(self.holding(offset)?.map(|e| e.position + (offset - e.offset)))
    }
}
