//! The chunks of a clip: `stsc`.

use crate::boxes::{FormatError, Runs};
use crate::plan::ChunkSlice;

use super::context::Generator;
use super::words::{change_words, put_words};

impl Generator<'_> {
    /// Entries of an `stsc`: the head, the body, the tail.
    pub(super) fn write_chunks(
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
            let (chunk, samples, description) = slice.tail.ok_or(FormatError::Changed)?;
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
            stsc.table().read_entries(&self.film.source, ordinal, out)?;
            change_words::<12>(out, 0, |chunk| chunk.wrapping_sub(slice.from).wrapping_add(slice.place));
        } else {
            let runs = stsc.runs_from(&self.film.source, ordinal)?;
            let mut entries = out.chunks_exact_mut(12);
            for (entry, run) in entries.by_ref().zip(runs) {
                let run = run?;
                let number = number_of(run.unit);
                put_words(entry, &[number, run.samples_per_chunk(), run.description_index()]);
            }
            if entries.next().is_some() {
                return Err(FormatError::Changed);
            }
        }
        if first == 0 {
            // The run may begin before the body does.
            let chunk = if slice.body_has_first { slice.from } else { slice.body.units.start };
            put_words(out, &[number_of(chunk)]);
        }
        Ok(())
    }
}
