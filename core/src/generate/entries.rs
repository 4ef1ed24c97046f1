//! The entries of each kind of table.

use crate::boxes::FormatError;
use crate::index::{AuxiliaryPlace, SampleTable};
use crate::numbers::SampleNumber;
use crate::plan::{Entries, EntryKind, offset_field};
use crate::seek::LeadIn;

use super::context::{Generator, located};
use super::runs::Change;
use super::words::{change_words, put_words};

impl Generator<'_> {
    /// Fills `out` with whole entries, at least one. The first is entry `index` of the table in the
    /// answer.
    pub(super) fn write(&self, entries: &Entries, index: u32, out: &mut [u8]) -> Result<(), FormatError> {
        let Some(track) = self.film.index.tracks.get(entries.track) else {
            return Err(FormatError::Changed);
        };
        let samples = &track.samples;
        match &entries.kind {
            EntryKind::Times(slice, multiplier) => self.write_runs(
                &samples.stts,
                slice,
                Change { multiplier: *multiplier, shift: 0 },
                index,
                out,
            ),
            EntryKind::Group(slice, n) => {
                let runs = samples.groups.get(*n).ok_or(FormatError::Changed)?;
                self.write_runs(runs, slice, Change::NONE, index, out)
            }
            EntryKind::Offsets(slice, multiplier, shift) => {
                let runs = samples.ctts.as_ref().ok_or(FormatError::Changed)?;
                // The plan has checked that the changed offset has 32 bits. Two's complement
                // multiplies and adds signed and unsigned numbers alike.
                let shift = offset_field(*shift);
                self.write_runs(runs, slice, Change { multiplier: *multiplier, shift }, index, out)
            }
            EntryKind::LeadIn(lead_in, start, shift) => {
                self.write_lead_in(samples, lead_in, *start, *shift, index, out)
            }
            EntryKind::Chunks(slice) => self.write_chunks(&samples.stsc, slice, index, out),
            EntryKind::ChunkOffsets(chunks, first) => {
                let is_wide = entries.entry_size == 8;
                self.write_chunk_offsets(&samples.offsets, chunks, *first, is_wide, index, out)
            }
            EntryKind::SampleNumbers(table, first, shift) => {
                table.read_entries(&self.film.source, first.saturating_add(index), out)?;
                change_words::<4>(out, 0, |number| u32::try_from(i64::from(number) + shift).unwrap_or(0));
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
        shift: i64,
        index: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let count = u32::try_from(out.len() / 8).unwrap_or(u32::MAX);
        let mut entries = out.chunks_exact_mut(8);
        lead_in.each_offset(samples, &self.film.source, start, index..index.saturating_add(count), |offset| {
            let offset = offset_field(offset.0.saturating_add(shift));
            put_words(entries.next().unwrap_or_default(), &[1, offset]);
        })
    }
}
