//! Finds the parts of the metadata that a window touches, and fills it from them.

use std::io;

use crate::index::Film;
use crate::plan::{Content, Entries, Part, Plan};
use crate::source::ReadAt;

use super::context::Generator;

/// Fills `out` with the metadata from offset `from` of the answer on.
///
/// # Errors
/// When the source cannot be read, or its tables are no longer those that were planned with.
pub(crate) fn generate(film: &Film<'_>, plan: &Plan, from: u64, out: &mut [u8]) -> io::Result<()> {
    let generator = Generator { film, plan };
    let end = from.saturating_add(out.len() as u64);
    let first = plan.parts.partition_point(|p| p.start + p.len <= from);
    let mut rest = out;
    for part in plan.parts.get(first..).unwrap_or_default() {
        if rest.is_empty() {
            return Ok(());
        }
        let skip = from.saturating_sub(part.start);
        let take = (part.start + part.len).min(end) - (part.start + skip);
        let (now, later) = rest.split_at_mut(usize::try_from(take).unwrap_or(usize::MAX).min(rest.len()));
        generator.fill(part, skip, now)?;
        rest = later;
    }
    if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// All of the metadata, where that is little.
///
/// # Errors
/// As [`generate`].
pub(crate) fn generate_all(film: &Film<'_>, plan: &Plan) -> io::Result<Vec<u8>> {
    let generator = Generator { film, plan };
    let mut out = Vec::with_capacity(usize::try_from(plan.metadata_len).unwrap_or(0));
    for part in &plan.parts {
        let start = out.len();
        out.resize(start + usize::try_from(part.len).unwrap_or(0), 0);
        generator.fill(part, 0, out.get_mut(start..).unwrap_or_default())?;
    }
    Ok(out)
}

impl Generator<'_> {
    /// Fills `out` with a part, but for its first `skip` bytes.
    fn fill(&self, part: &Part, skip: u64, out: &mut [u8]) -> io::Result<()> {
        match &part.content {
            Content::Bytes(at) => {
                let from = usize::try_from(skip).ok().and_then(|skip| at.checked_add(skip));
                let bytes = from.and_then(|from| self.plan.known.get(from..from.checked_add(out.len())?));
                out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            Content::Source(offset) => self.film.source.read_exact_at(out, (*offset + skip).0),
            Content::Entries(entries) => self.fill_entries(entries, skip, out),
        }
    }

    /// Fills `out` with entries, which it may begin and end in the middle of.
    fn fill_entries(&self, entries: &Entries, skip: u64, out: &mut [u8]) -> io::Result<()> {
        let size = usize::from(entries.entry_size).max(1);
        let mut index = u32::try_from(skip / size as u64).unwrap_or(u32::MAX);
        let cut = usize::try_from(skip % size as u64).unwrap_or(0);
        let mut rest = out;
        if cut > 0 {
            let (now, later) = rest.split_at_mut((size - cut).min(rest.len()));
            self.fill_from_entry(entries, index, cut, now)?;
            (rest, index) = (later, index.saturating_add(1));
        }
        let (whole, part) = rest.split_at_mut(rest.len() / size * size);
        if !whole.is_empty() {
            self.write(entries, index, whole)?;
        }
        if !part.is_empty() {
            let whole = u32::try_from(whole.len() / size).unwrap_or(u32::MAX);
            self.fill_from_entry(entries, index.saturating_add(whole), 0, part)?;
        }
        Ok(())
    }

    /// Fills `out` with a part of one entry.
    fn fill_from_entry(&self, entries: &Entries, index: u32, from: usize, out: &mut [u8]) -> io::Result<()> {
        let mut entry = [0; LONGEST_ENTRY];
        let entry = entry.get_mut(..usize::from(entries.entry_size)).unwrap_or_default();
        self.write(entries, index, entry)?;
        entry.get(from..).unwrap_or_default().read_exact_at(out, 0)
    }
}

/// Bytes of the longest entry, which is an `stsc`'s.
const LONGEST_ENTRY: usize = 12;
