//! Makes the bytes of a plan's metadata, any window of it, in memory that does not grow with
//! the film.

use std::io;
use std::ops::Range;

use crate::boxes::{ChunkOffsets, FormatError, Runs, TableReader, read_words, u32_at};
use crate::extents::Places;
use crate::index::{Auxiliary, AuxiliaryPlace, Index, ToldAuxiliary};
use crate::plan::{ChunkSlice, Content, Entries, EntryKind, Part, Plan, RunSlice, clamped};
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

    fn place(&self) -> Place<'_, R> {
        let places = self.plan.extents.places(self.index, self.source);
        Place { places, metadata_len: self.plan.metadata_len, held: 0..0, shift: 0 }
    }

    /// Makes the entries that `out` touches; the first and the last may be needed in part.
    fn fill_entries(&self, entries: &Entries, skip: u64, out: &mut [u8]) -> io::Result<()> {
        let size = usize::from(entries.entry_size).max(1);
        let mut index = u32::try_from(skip / size as u64).unwrap_or(u32::MAX);
        let cut = usize::try_from(skip % size as u64).unwrap_or(0);
        let mut rest = out;
        if cut > 0 {
            let (now, later) = rest.split_at_mut((size - cut).min(rest.len()));
            self.fill_part(entries, index, cut, now)?;
            (rest, index) = (later, index.saturating_add(1));
        }
        let (whole, part) = rest.split_at_mut(rest.len() / size * size);
        if !whole.is_empty() {
            self.write(entries, index, whole)?;
        }
        if !part.is_empty() {
            let whole = u32::try_from(whole.len() / size).unwrap_or(u32::MAX);
            self.fill_part(entries, index.saturating_add(whole), 0, part)?;
        }
        Ok(())
    }

    /// Makes a part of one entry.
    fn fill_part(&self, entries: &Entries, index: u32, from: usize, out: &mut [u8]) -> io::Result<()> {
        let mut entry = [0; LONGEST_ENTRY];
        let entry = entry.get_mut(..usize::from(entries.entry_size)).unwrap_or_default();
        self.write(entries, index, entry)?;
        entry.get(from..).unwrap_or_default().read_exact_at(out, 0)
    }

    /// Fills `out` with whole entries, one or more, of which the first is entry `index` of the output's table.
    fn write(&self, entries: &Entries, index: u32, out: &mut [u8]) -> Result<(), FormatError> {
        let Some(track) = self.index.tracks.get(entries.track) else { return Err(FormatError::changed()) };
        let samples = &track.samples;
        match &entries.kind {
            EntryKind::Times(slice, multiplier) => self.write_runs(
                &samples.stts,
                slice,
                Change { multiplier: *multiplier, shift: 0 },
                index,
                out,
            ),
            EntryKind::Group(slice, n) => match samples.groups.get(*n) {
                Some(runs) => self.write_runs(runs, slice, Change::NONE, index, out),
                None => Err(FormatError::changed()),
            },
            EntryKind::Offsets(slice, multiplier, shift) => match &samples.ctts {
                Some(runs) => {
                    // The changed offset is kept in 32 bits by the plan; two's complement multiplies and adds
                    // the same either way.
                    let shift = u32::from_be_bytes(i32::try_from(*shift).unwrap_or(0).to_be_bytes());
                    self.write_runs(runs, slice, Change { multiplier: *multiplier, shift }, index, out)
                }
                None => Err(FormatError::changed()),
            },
            EntryKind::LeadIn(lead_in, start, shift) => {
                let count = u32::try_from(out.len() / 8).unwrap_or(u32::MAX);
                let mut entries = out.chunks_exact_mut(8);
                lead_in.each_offset(
                    samples,
                    self.source,
                    *start,
                    index..index.saturating_add(count),
                    |offset| {
                        let offset = clamped(offset.saturating_add(*shift));
                        put_words(
                            entries.next().unwrap_or_default(),
                            &[1, u32::from_be_bytes(offset.to_be_bytes())],
                        );
                    },
                )
            }
            EntryKind::Chunks(slice) => self.write_chunks(&samples.stsc, slice, index, out),
            EntryKind::ChunkOffsets(chunks, first) => {
                let wide = entries.entry_size == 8;
                let mut place = self.place();
                let mut chunk = chunks.start.saturating_add(index);
                let mut out = out;
                if index == 0 && *first != u64::MAX {
                    let (entry, rest) = out.split_at_mut(usize::from(entries.entry_size).min(out.len()));
                    put_offset(entry, place.of(*first)?);
                    (out, chunk) = (rest, chunk.saturating_add(1));
                }
                if wide || samples.offsets.is_wide() {
                    self.write_offsets(&samples.offsets, chunk, wide, &mut place, out)
                } else {
                    samples.offsets.table().read_entries(self.source, chunk, out)?;
                    place.move_narrow(out)
                }
            }
            EntryKind::SampleNumbers(table, first, shift) => {
                table.read_entries(self.source, first.saturating_add(index), out)?;
                change_words::<4>(out, 0, |number| u32::try_from(i64::from(number) + shift).unwrap_or(0));
                Ok(())
            }
            EntryKind::Auxiliary(range) => {
                let told = told(&samples.auxiliary)?;
                told.read_at(self.source, samples, range, index.into(), out)
            }
            EntryKind::AuxiliaryOffsets => match &told(&samples.auxiliary)?.place {
                AuxiliaryPlace::Chunks { offsets, .. } => {
                    self.write_offsets(offsets, index, true, &mut self.place(), out)
                }
                AuxiliaryPlace::Stretch(_) => Err(FormatError::changed()),
            },
            EntryKind::Nibbles(table, samples) => {
                let mut pairs = TableReader::new(self.source, *table, u32::try_from(out.len()).unwrap_or(1));
                let mut nibble = |sample: Option<u32>| -> Result<u8, FormatError> {
                    let Some(sample) = sample else { return Ok(0) };
                    let pair = pairs.entry(sample / 2)?.first().copied().unwrap_or(0);
                    Ok(if sample % 2 == 0 { pair >> 4 } else { pair & 15 })
                };
                let mut samples = samples.iter().cloned().flatten().skip(2 * index as usize);
                for out in out {
                    *out = nibble(samples.next())? << 4 | nibble(samples.next())?;
                }
                Ok(())
            }
        }
    }

    /// Entries of a table of samples and a value, which is changed.
    fn write_runs(
        &self,
        runs: &Runs,
        slice: &RunSlice,
        change: Change,
        index: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        // Neither the first nor the last, where each entry is a run: as they are.
        let copied = if runs.is_normal() { 1..slice.count.saturating_sub(1) } else { 0..0 };
        let mut rest = out;
        let mut n = index;
        while !rest.is_empty() {
            let end = if n < copied.start {
                copied.start
            } else if n < copied.end {
                copied.end
            } else {
                u32::MAX
            };
            let (now, later) = rest.split_at_mut(rest.len().min(8 * (end - n) as usize));
            if copied.contains(&n) {
                runs.table().read_entries(self.source, slice.first.saturating_add(n), now)?;
                if change != Change::NONE {
                    change_words::<8>(now, 4, |value| change.of(value));
                }
            } else {
                let mut made = runs.runs_from(self.source, slice.first.saturating_add(n))?;
                for entry in now.chunks_exact_mut(8) {
                    let run = made.next().ok_or_else(FormatError::changed)??;
                    let units =
                        run.end().min(slice.units.end).saturating_sub(run.unit.max(slice.units.start));
                    let value = change.of(u32::try_from(run.value).unwrap_or(u32::MAX));
                    put_words(entry, &[units, value]);
                }
            }
            (rest, n) = (later, end);
        }
        Ok(())
    }

    fn write_chunks(
        &self,
        stsc: &Runs,
        slice: &ChunkSlice,
        index: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let head = u32::from(slice.head.is_some());
        let mut rest = out;
        let mut index = index;
        if let Some((samples, description)) = slice.head.filter(|_| index == 0 && !rest.is_empty()) {
            let (now, later) = rest.split_at_mut(12.min(rest.len()));
            put_words(now, &[slice.place.saturating_add(1), samples, description]);
            (rest, index) = (later, 1);
        }
        let first = index.saturating_sub(head);
        let body = slice.body.count.saturating_sub(first) as usize;
        let (body, tail) = rest.split_at_mut(rest.len().min(body.saturating_mul(12)));
        if !body.is_empty() {
            self.write_chunk_runs(stsc, slice, first, body)?;
        }
        if !tail.is_empty() {
            let (chunk, samples, description) = slice.tail.ok_or_else(FormatError::changed)?;
            put_words(tail, &[slice.place.saturating_add(chunk), samples, description]);
        }
        Ok(())
    }

    /// Entries of the body of a slice, from entry `first` on.
    fn write_chunk_runs(
        &self,
        stsc: &Runs,
        slice: &ChunkSlice,
        first: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let ordinal = slice.body.first.saturating_add(first);
        let number_of = |chunk: u32| chunk.wrapping_sub(slice.from).wrapping_add(slice.place).wrapping_add(1);
        if stsc.is_normal() {
            stsc.table().read_entries(self.source, ordinal, out)?;
            change_words::<12>(out, 0, |chunk| chunk.wrapping_sub(slice.from).wrapping_add(slice.place));
        } else {
            let runs = stsc.runs_from(self.source, ordinal)?;
            let mut entries = out.chunks_exact_mut(12);
            for (entry, run) in entries.by_ref().zip(runs) {
                let run = run?;
                let number = number_of(run.unit);
                put_words(entry, &[number, run.samples_per_chunk(), run.description_index()]);
            }
            if entries.next().is_some() {
                return Err(FormatError::changed());
            }
        }
        if first == 0 {
            // The run may begin before the stretch does.
            let chunk = if slice.body_has_first { slice.from } else { slice.body.units.start };
            put_words(out, &[number_of(chunk)]);
        }
        Ok(())
    }

    /// Chunk offsets that are 64 bits wide in the source, in the answer, or in both.
    fn write_offsets(
        &self,
        offsets: &ChunkOffsets,
        first: u32,
        wide: bool,
        place: &mut Place<'_, R>,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let size = if wide { 8 } else { 4 };
        let count = u32::try_from(out.len() / size).unwrap_or(u32::MAX);
        let mut reader = offsets.reader(self.source, count);
        let mut entries = out.chunks_exact_mut(size);
        let mut done = 0;
        while done < count {
            let put = |offset| {
                let entry = entries.next().unwrap_or_default();
                put_offset(entry, place.of(offset)?);
                Ok(())
            };
            done += reader.each(first.saturating_add(done), count - done, put)?;
        }
        Ok(())
    }
}

/// What a value of the source is in the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Change {
    multiplier: u32,
    /// Added after that.
    shift: u32,
}

impl Change {
    const NONE: Self = Self { multiplier: 1, shift: 0 };

    #[inline]
    fn of(self, value: u32) -> u32 {
        value.wrapping_mul(self.multiplier).wrapping_add(self.shift)
    }
}

fn told(auxiliary: &Option<Auxiliary>) -> Result<&ToldAuxiliary, FormatError> {
    match auxiliary {
        Some(Auxiliary::Told(told)) => Ok(told),
        _ => Err(FormatError::changed()),
    }
}

/// Bytes of the longest entry, an `stsc`'s.
const LONGEST_ENTRY: usize = 12;

/// Changes the word at `at` of each entry of `SIZE` bytes.
#[inline]
fn change_words<const SIZE: usize>(entries: &mut [u8], at: usize, change: impl Fn(u32) -> u32) {
    for entry in entries.chunks_exact_mut(SIZE) {
        let word = change(u32_at(entry, at));
        put_words(entry.get_mut(at..).unwrap_or_default(), &[word]);
    }
}

/// Writes words of 32 bits, of which there is room for as many.
#[inline]
fn put_words(out: &mut [u8], words: &[u32]) {
    for (out, word) in out.chunks_exact_mut(4).zip(words) {
        out.copy_from_slice(&word.to_be_bytes());
    }
}

/// Writes a chunk offset in 4 or 8 bytes.
#[inline]
fn put_offset(out: &mut [u8], offset: u64) {
    let bytes = offset.to_be_bytes();
    out.copy_from_slice(bytes.get(8 - out.len().min(8)..).unwrap_or_default());
}

/// Where chunks stand in the answer. One after the other they are mostly in the same extent.
struct Place<'a, R: ReadAt> {
    places: Places<'a, R>,
    /// Length of the metadata.
    metadata_len: u64,
    /// The extent that is known, in the source.
    held: Range<u64>,
    /// What is added to an offset in it.
    shift: u64,
}

impl<R: ReadAt> Place<'_, R> {
    fn of(&mut self, offset: u64) -> Result<u64, FormatError> {
        if !self.held.contains(&offset) {
            let Some(extent) = self.places.holding(offset)? else {
                // A chunk without bytes may stand anywhere; it is told to be where the media begins.
                return Ok(self.metadata_len);
            };
            self.held = extent.offset..extent.offset + extent.len;
            self.shift = self.metadata_len.wrapping_add(extent.position).wrapping_sub(extent.offset);
        }
        Ok(offset.wrapping_add(self.shift))
    }

    /// Moves offsets of 32 bits, in place.
    fn move_narrow(&mut self, offsets: &mut [u8]) -> Result<(), FormatError> {
        for block in offsets.chunks_mut(BLOCK) {
            let mut words = [0; BLOCK / 4];
            let words = read_words(block, &mut words);
            self.of(words.first().copied().unwrap_or(0).into())?;
            let word = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
            let start = word(self.held.start);
            let len = word(self.held.end) - start;
            if words.iter().fold(true, |all, o| all & (o.wrapping_sub(start) < len)) {
                // The plan has seen to it that what comes out has 32 bits.
                let shift = word(self.shift & 0xffff_ffff);
                for (entry, offset) in block.chunks_exact_mut(4).zip(words) {
                    entry.copy_from_slice(&offset.wrapping_add(shift).to_be_bytes());
                }
            } else {
                for entry in block.chunks_exact_mut(4) {
                    put_offset(entry, self.of(u32_at(entry, 0).into())?);
                }
            }
        }
        Ok(())
    }
}

/// Bytes of offsets that are moved at once if they lie in one extent.
const BLOCK: usize = 1024;
