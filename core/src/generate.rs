//! Makes the bytes of a plan's metadata, any window of it, in memory that does not grow with
//! the film.

use std::io;
use std::ops::Range;

use crate::boxes::{FormatError, TableReader, u32_at};
use crate::index::{Index, Track};
use crate::plan::{Content, Entries, EntryKind, Part, Plan, RunSlice};
use crate::source::ReadAt;

/// Fills `out` with the metadata from offset `from` of the answer on.
///
/// # Errors
/// When the source cannot be read, or no longer says what it said when it was planned.
pub fn generate<R: ReadAt>(
    index: &Index,
    plan: &Plan,
    source: &R,
    from: u64,
    out: &mut [u8],
) -> io::Result<()> {
    let maker = Maker { index, plan, source };
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
        maker.fill(part, skip, now)?;
        rest = later;
    }
    if rest.is_empty() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

struct Maker<'a, R: ReadAt> {
    index: &'a Index,
    plan: &'a Plan,
    source: &'a R,
}

impl<R: ReadAt> Maker<'_, R> {
    fn fill(&self, part: &Part, skip: u64, out: &mut [u8]) -> io::Result<()> {
        match &part.content {
            Content::Bytes(bytes) => {
                let from = usize::try_from(skip).unwrap_or(usize::MAX);
                let bytes = from.checked_add(out.len()).and_then(|end| bytes.get(from..end));
                out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
            Content::Source(offset) => self.source.read_exact_at(out, offset + skip),
            Content::Entries(entries) => self.fill_entries(entries, skip, out),
        }
    }

    /// Makes the entries that `out` touches; the first and the last may be needed in part.
    fn fill_entries(&self, entries: &Entries, skip: u64, out: &mut [u8]) -> io::Result<()> {
        let size = u64::from(entries.entry_size);
        let first = u32::try_from(skip / size).unwrap_or(u32::MAX);
        let last = u32::try_from((skip + out.len() as u64).div_ceil(size)).unwrap_or(u32::MAX);
        let mut sink = Sink { skip: usize::try_from(skip % size).unwrap_or(0), rest: out };
        let track = self.index.tracks.get(entries.track).ok_or(io::ErrorKind::InvalidData)?;
        self.write(track, entries, first..last, &mut sink).map_err(|e| match e {
            FormatError::Io { source, .. } => source,
            e => io::Error::new(io::ErrorKind::InvalidData, e.to_string()),
        })?;
        if sink.rest.is_empty() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the film changed while it was read"))
        }
    }

    fn write(
        &self,
        track: &Track,
        entries: &Entries,
        range: Range<u32>,
        out: &mut Sink<'_>,
    ) -> Result<(), FormatError> {
        let samples = &track.samples;
        match &entries.kind {
            EntryKind::Times(head, slice) => {
                let before = u32::from(head.is_some());
                if let Some(duration) = head.filter(|_| range.start == 0) {
                    out.put(&1u32.to_be_bytes());
                    out.put(&duration.to_be_bytes());
                }
                let rest = range.start.max(before) - before..range.end.saturating_sub(before);
                self.write_runs(&samples.stts, slice, rest, out, |v| v)
            }
            EntryKind::Group(slice, n) => match samples.groups.get(*n) {
                Some(runs) => self.write_runs(runs, slice, range, out, |v| v),
                None => Ok(()),
            },
            EntryKind::Offsets(slice, shift) => match &samples.ctts {
                // The shifted offset is kept in 32 bits by the plan; two's complement adds the same either way.
                Some(runs) => self.write_runs(runs, slice, range, out, |v| {
                    let shift = i32::try_from(*shift).unwrap_or(0).to_be_bytes();
                    v.wrapping_add(u32::from_be_bytes(shift))
                }),
                None => Ok(()),
            },
            EntryKind::Chunks(slice) => self.write_chunks(track, slice, range, out),
            EntryKind::ChunkOffsets(chunks, first) => {
                let wide = entries.entry_size == 8;
                let mut place = Place { plan: self.plan, held: 0..0, shift: 0 };
                let mut range = range;
                if range.start == 0 && *first != u64::MAX {
                    out.put_offset(place.of(*first), wide);
                    range.start = 1;
                }
                let window = range.end.saturating_sub(range.start);
                let mut offsets = samples.offsets.reader(self.source, window);
                while range.start < range.end {
                    let left = range.end - range.start;
                    let done = offsets
                        .each(chunks.start + range.start, left, |o| out.put_offset(place.of(o), wide))?;
                    range.start += done;
                }
                Ok(())
            }
            EntryKind::SampleNumbers(table, first, less) => {
                let mut listed = TableReader::new(self.source, *table, range.end - range.start);
                for n in range {
                    let number = u32_at(listed.entry(first + n)?, 0);
                    out.put(&number.saturating_sub(*less).to_be_bytes());
                }
                Ok(())
            }
            EntryKind::Nibbles(table, samples) => {
                let mut pairs = TableReader::new(self.source, *table, range.end - range.start + 1);
                let mut nibble = |sample: u32| -> Result<u8, FormatError> {
                    if sample >= samples.end {
                        return Ok(0);
                    }
                    let pair = pairs.entry(sample / 2)?.first().copied().unwrap_or(0);
                    Ok(if sample % 2 == 0 { pair >> 4 } else { pair & 15 })
                };
                for n in range {
                    let sample = samples.start + 2 * n;
                    out.put(&[nibble(sample)? << 4 | nibble(sample + 1)?]);
                }
                Ok(())
            }
        }
    }

    fn write_runs(
        &self,
        runs: &crate::boxes::Runs,
        slice: &RunSlice,
        range: Range<u32>,
        out: &mut Sink<'_>,
        value: impl Fn(u32) -> u32,
    ) -> Result<(), FormatError> {
        let count = range.end.saturating_sub(range.start);
        if count == 0 {
            return Ok(());
        }
        for run in runs.runs_from(self.source, slice.first + range.start)?.take(count as usize) {
            let run = run?;
            let units = run.end().min(slice.units.end).saturating_sub(run.unit.max(slice.units.start));
            out.put(&units.to_be_bytes());
            out.put(&value(u32::try_from(run.value).unwrap_or(u32::MAX)).to_be_bytes());
        }
        Ok(())
    }

    fn write_chunks(
        &self,
        track: &Track,
        slice: &crate::plan::ChunkSlice,
        range: Range<u32>,
        out: &mut Sink<'_>,
    ) -> Result<(), FormatError> {
        let mut put = |chunk: u32, samples: u32, description: u32| {
            for field in [chunk, samples, description] {
                out.put(&field.to_be_bytes());
            }
        };
        let head = u32::from(slice.head.is_some());
        if let Some((samples, description)) = slice.head.filter(|_| range.start == 0) {
            put(1, samples, description);
        }
        let body = range.start.max(head) - head..range.end.saturating_sub(head).min(slice.body.count);
        if !body.is_empty() {
            let runs = track.samples.stsc.runs_from(self.source, slice.body.first + body.start)?;
            for (run, n) in runs.zip(body) {
                let run = run?;
                let first = if n == 0 && slice.body_has_first {
                    slice.from
                } else {
                    run.unit.max(slice.body.units.start)
                };
                put(first - slice.from + 1, run.samples_per_chunk(), run.description_index());
            }
        }
        if let Some((chunk, samples, description)) = slice.tail.filter(|_| range.end == slice.count()) {
            put(chunk, samples, description);
        }
        Ok(())
    }
}

/// Where chunks stand in the answer. One after the other they are mostly in the same extent.
struct Place<'a> {
    plan: &'a Plan,
    /// The extent that is known, in the source.
    held: Range<u64>,
    /// What is added to an offset in it.
    shift: u64,
}

impl Place<'_> {
    fn of(&mut self, offset: u64) -> u64 {
        if !self.held.contains(&offset) {
            let Some(extent) = self.plan.extents.holding(offset) else {
                // A chunk without bytes may stand anywhere; it is told to be where the media begins.
                return self.plan.metadata_len;
            };
            self.held = extent.offset..extent.offset + extent.len;
            self.shift = (self.plan.metadata_len + extent.position).wrapping_sub(extent.offset);
        }
        offset.wrapping_add(self.shift)
    }
}

/// A window that is filled in order.
struct Sink<'a> {
    /// Bytes to leave out before the first.
    skip: usize,
    rest: &'a mut [u8],
}

impl Sink<'_> {
    fn put_offset(&mut self, offset: u64, wide: bool) {
        let bytes = offset.to_be_bytes();
        if wide {
            self.put(&bytes);
        } else {
            self.put(&bytes[4..]);
        }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if self.skip == 0 && bytes.len() <= self.rest.len() {
            let (now, later) = std::mem::take(&mut self.rest).split_at_mut(bytes.len());
            now.copy_from_slice(bytes);
            self.rest = later;
            return;
        }
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let bytes = bytes.get(skipped..).unwrap_or_default();
        let n = bytes.len().min(self.rest.len());
        let (now, later) = std::mem::take(&mut self.rest).split_at_mut(n);
        now.copy_from_slice(bytes.get(..n).unwrap_or_default());
        self.rest = later;
    }
}
