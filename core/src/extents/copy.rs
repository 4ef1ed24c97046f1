//! Copies media that lies in small extents.

use std::io;
use std::sync::Mutex;

use crate::index::Film;
use crate::offsets::{FileOffset, MediaOffset};
use crate::source::ReadAt;

use super::list::{Extent, ExtentList};
use super::lookup::Extents;

/// Bytes that are read at once, to be copied from.
const SPAN: usize = 128 * 1024;

/// What is read at once. Memory of that size costs more to get, and to fill with zeros, than it takes
/// to read into it, so some is kept for the next that copies.
#[derive(Default)]
struct Span {
    memory: Vec<u8>,
    /// Bytes that were read.
    held: usize,
    /// Where they lie.
    start: FileOffset,
}

/// Memory of spans that nobody uses.
static UNUSED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// As many are kept: for the threads that copy at the same moment, of which there are hardly more
/// than processors.
const MOST_UNUSED: usize = 8;

impl Span {
    /// The bytes of the file at `offset`, if they are held.
    fn get(&self, offset: FileOffset, len: usize) -> Option<&[u8]> {
        let at = usize::try_from(offset.0.checked_sub(self.start.0)?).ok()?;
        self.memory.get(..self.held)?.get(at..at.checked_add(len)?)
    }

    /// Reads `len` bytes from `offset` on.
    fn read(&mut self, source: &impl ReadAt, offset: FileOffset, len: usize) -> io::Result<()> {
        // Who does not get it at once does without: after a fork it may be locked for ever.
        if self.memory.is_empty() {
            self.memory = UNUSED.try_lock().ok().and_then(|mut unused| unused.pop()).unwrap_or_default();
        }
        if self.memory.len() < len {
            self.memory.resize(SPAN.max(len), 0);
        }
        self.held = 0;
        source.read_exact_at(self.memory.get_mut(..len).unwrap_or_default(), offset.0)?;
        (self.held, self.start) = (len, offset);
        Ok(())
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // Most need none, and no lock.
        if self.memory.is_empty() {
            return;
        }
        if let Some(mut unused) = UNUSED.try_lock().ok().filter(|unused| unused.len() < MOST_UNUSED) {
            unused.push(std::mem::take(&mut self.memory));
        }
    }
}

impl Extents {
    /// Fills `out` with the media from `position` on. See [`Self::near`] for what was `found`.
    ///
    /// # Errors
    /// When the file cannot be read, or ends first.
    pub fn copy(
        &self,
        film: &Film<'_>,
        mut position: MediaOffset,
        out: &mut [u8],
        found: &mut ExtentList,
    ) -> io::Result<()> {
        let mut rest = out;
        while !rest.is_empty() {
            let near = self.near(film, position, found)?;
            let have = near.last().map_or(0, |e| e.position_end() - position);
            let have = usize::try_from(have).unwrap_or(usize::MAX).min(rest.len());
            if have == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (now, later) = rest.split_at_mut(have);
            copy_batch(near, &film.source, position, now)?;
            position = position + have as u64;
            rest = later;
        }
        Ok(())
    }
}

/// Copies media from `position` on. Small extents that are close together are read with what lies
/// between.
///
/// # Errors
/// When the file cannot be read, or ends first.
pub(crate) fn copy_batch(
    extents: &[Extent],
    source: &impl ReadAt,
    mut position: MediaOffset,
    out: &mut [u8],
) -> io::Result<()> {
    let mut span = Span::default();
    let mut rest = out;
    for (n, extent) in extents.iter().enumerate() {
        if rest.is_empty() {
            break;
        }
        let offset = extent.offset + (position - extent.position);
        let left = usize::try_from(extent.position_end() - position).unwrap_or(usize::MAX);
        let (now, later) = rest.split_at_mut(left.min(rest.len()));
        if span.get(offset, now.len()).is_none() && now.len() < SPAN {
            let len = span_len(extents.get(n..).unwrap_or_default(), offset, now.len() + later.len());
            if len > now.len() {
                span.read(source, offset, len)?;
            }
        }
        match span.get(offset, now.len()) {
            Some(bytes) => now.copy_from_slice(bytes),
            None => source.read_exact_at(now, offset.0)?,
        }
        position = position + now.len() as u64;
        rest = later;
    }
    Ok(())
}

/// How far to read from `offset` on, in the first of `extents`, so that at least half of it is of
/// use for the next `wanted` bytes.
fn span_len(extents: &[Extent], offset: FileOffset, wanted: usize) -> usize {
    let mut useful = 0u64;
    let mut best = 0;
    for extent in extents {
        let end = extent.end();
        let span = end - offset;
        useful += end - extent.offset.max(offset);
        if span > SPAN as u64 || span > 2 * useful || useful > wanted as u64 {
            break;
        }
        best = usize::try_from(span).unwrap_or(0);
    }
    best
}
