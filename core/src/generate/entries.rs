//! The entries of each kind of table.

use crate::boxes::{FormatError, RUN_ENTRY_SIZE, move_sample_numbers, offset_size, put_run_entry};
use crate::index::{AuxiliaryPlace, SampleTable};
use crate::numbers::SampleNumber;
use crate::plan::{Entries, EntryKind};
use crate::seek::LeadIn;
use crate::time::ClipTime;

use super::context::{Generator, located};
use super::runs::Change;

impl Generator<'_> {
    /// Fills `out` with whole entries, at least one. The first is entry `index` of the table in the
    /// answer.
    pub(super) fn write(&self, entries: &Entries, index: u32, out: &mut [u8]) -> Result<(), FormatError> {
        let Some(track) = self.film.index.tracks.get(entries.track) else {
            return Err(FormatError::Changed);
        };
        let samples = &track.samples;
        match &entries.kind {
            EntryKind::Times(slice, multiplier) => {
                self.write_runs(&samples.stts, slice, Change::of_durations(*multiplier), index, out)
            }
            EntryKind::Group(slice, n) => {
                let runs = samples.groups.get(*n).ok_or(FormatError::Changed)?;
                self.write_runs(runs, slice, Change::NONE, index, out)
            }
            EntryKind::Offsets(slice, multiplier, shift) => {
                let runs = samples.ctts.as_ref().ok_or(FormatError::Changed)?;
                self.write_runs(runs, slice, Change::of_offsets(*multiplier, *shift), index, out)
            }
            EntryKind::LeadIn(lead_in, start, shift) => {
                self.write_lead_in(samples, lead_in, *start, *shift, index, out)
            }
            EntryKind::Chunks(slice) => self.write_chunks(&samples.stsc, slice, index, out),
            EntryKind::ChunkOffsets(range) => {
                let is_wide = entries.entry_size == offset_size(true);
                self.write_chunk_offsets(&samples.offsets, range, is_wide, index, out)
            }
            EntryKind::SampleNumbers(table, first, shift) => {
                table.read_entries(&self.film.source, first.saturating_add(index), out)?;
                move_sample_numbers(out, *shift);
                Ok(())
            }
            EntryKind::Auxiliary(range) => {
                located(samples)?.read_at(&self.film.source, samples, range, index.into(), out)
            }
            EntryKind::AuxiliaryOffsets => match &located(samples)?.place {
                AuxiliaryPlace::Chunks { offsets, .. } => {
                    self.write_offsets(offsets, index, true, &mut self.positions(), out)
                }
                AuxiliaryPlace::Range(_) => Err(FormatError::Changed),
            },
            EntryKind::Nibbles(table, samples) => self.write_nibbles(*table, samples, index, out),
        }
    }

    /// Entries of a lead-in's `ctts`, one for each sample.
    fn write_lead_in(
        &self,
        samples: &SampleTable,
        lead_in: &LeadIn,
        start: SampleNumber,
        shift: ClipTime,
        index: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let count = u32::try_from(out.len() / usize::from(RUN_ENTRY_SIZE)).unwrap_or(u32::MAX);
        let mut entries = out.chunks_exact_mut(RUN_ENTRY_SIZE.into());
        lead_in.each_offset(samples, &self.film.source, start, index..index.saturating_add(count), |offset| {
            put_run_entry(entries.next().unwrap_or_default(), 1, (offset + shift).offset_field());
        })
    }
}
