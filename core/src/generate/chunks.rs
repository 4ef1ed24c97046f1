//! The chunks of a clip: `stsc`.

use crate::boxes::{FormatError, Runs, STSC_ENTRY_SIZE, move_first_chunks, put_first_chunk, put_stsc_entry};
use crate::numbers::ChunkNumber;
use crate::plan::{ChunkEntry, ChunkSlice};

use super::context::Generator;

impl Generator<'_> {
    /// Entries of an `stsc` from entry `index` of the slice on: the head, the body, the tail.
    pub(super) fn write_chunks(
        &self,
        stsc: &Runs,
        slice: &ChunkSlice,
        index: u32,
        out: &mut [u8],
    ) -> Result<(), FormatError> {
        let heads = u32::from(slice.head.is_some());
        let mut rest = out;
        let mut index = index;
        if let Some(head) = slice.head.filter(|_| index == 0 && !rest.is_empty()) {
            let (now, later) = rest.split_at_mut(usize::from(STSC_ENTRY_SIZE).min(rest.len()));
            put_entry(now, slice.place, head);
            (rest, index) = (later, 1);
        }
        let first = index.saturating_sub(heads);
        let body = slice.body.count.saturating_sub(first) as usize;
        let (body, tail) = rest.split_at_mut(rest.len().min(body.saturating_mul(STSC_ENTRY_SIZE.into())));
        if !body.is_empty() {
            self.write_chunk_runs(stsc, slice, first, body)?;
        }
        if !tail.is_empty() {
            let (chunk, entry) = slice.tail.ok_or(FormatError::Changed)?;
            put_entry(tail, slice.in_clip(chunk), entry);
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
        if stsc.is_normal() {
            stsc.table().read_entries(&self.film.source, ordinal, out)?;
            move_first_chunks(out, slice.from, slice.place);
        } else {
            let runs = stsc.runs_from(&self.film.source, ordinal)?;
            let mut entries = out.chunks_exact_mut(STSC_ENTRY_SIZE.into());
            for (entry, run) in entries.by_ref().zip(runs) {
                let run = run?;
                let (samples, description_index) = (run.samples_per_chunk(), run.description_index());
                let chunk = slice.in_clip(ChunkNumber(run.unit));
                put_entry(entry, chunk, ChunkEntry { samples, description_index });
            }
            if entries.next().is_some() {
                return Err(FormatError::Changed);
            }
        }
        if first == 0 {
            // The run may begin before the body does.
            let chunk = if slice.body_has_first { slice.from } else { slice.body.units.start };
            put_first_chunk(out, slice.in_clip(chunk));
        }
        Ok(())
    }
}

/// Writes an entry for the chunks of the clip from this one on.
fn put_entry(out: &mut [u8], first: ChunkNumber, entry: ChunkEntry) {
    put_stsc_entry(out, first, entry.samples, entry.description_index);
}
