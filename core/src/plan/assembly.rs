//! Puts metadata together, box by box. When all is there, it says where each part is in the answer.

use crate::boxes::{
    BoxHeader, BoxType, FormatError, Runs, TableHead, box_head, long_box_head, run_entry, saio_entry,
};
use crate::extents::Extents;
use crate::numbers::{Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::source::ReadAt;

use super::error::{NotMovable, PlanError};
use super::part::{Content, Entries, Part, Plan};
use super::slice::RunSlice;

/// A piece of metadata whose place in the answer is not known yet.
pub(super) enum Piece {
    Content(Content),
    /// Where the auxiliary information of the track of this index begins. It takes no bytes.
    Mark(usize),
    /// An entry of a `saio`: where in the answer the mark of a track is.
    PlaceOfMark(usize),
    /// An entry of a `saio`: where in the answer an offset of the source is.
    PlaceOf(FileOffset),
}

/// Metadata that is being put together.
#[derive(Default)]
pub(super) struct Assembly {
    /// Pieces with their lengths.
    pub(super) parts: Vec<(u64, Piece)>,
    /// What was left out, for the debug log.
    pub(super) notes: Vec<String>,
}

/// The most notes of one answer. Each is a line in the debug log.
const NOTES: usize = 16;

impl Assembly {
    pub(super) fn note(&mut self, note: String) {
        if self.notes.len() < NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.parts.iter().map(|(len, _)| len).sum()
    }

    /// Appends bytes that are known now.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            Some((len, Piece::Content(Content::Bytes(last)))) => {
                last.extend_from_slice(bytes);
                *len += bytes.len() as u64;
            }
            _ if bytes.is_empty() => {}
            _ => self.parts.push((bytes.len() as u64, Piece::Content(Content::Bytes(bytes.to_vec())))),
        }
    }

    /// Appends bytes of the source.
    pub(super) fn source(&mut self, offset: FileOffset, len: u64) {
        match self.parts.last_mut() {
            Some((last_len, Piece::Content(Content::Source(last)))) if *last + *last_len == offset => {
                *last_len += len
            }
            _ if len == 0 => {}
            _ => self.parts.push((len, Piece::Content(Content::Source(offset)))),
        }
    }

    /// Copies a box verbatim. A size of 0 (to the end of the container) becomes the actual size,
    /// because another box may follow in the answer.
    pub(super) fn copy(&mut self, header: &BoxHeader) {
        if header.has_large_size() {
            self.source(FileOffset(header.offset), header.size);
        } else {
            self.bytes(&long_box_head(header.box_type, header.payload_len()));
            self.source(FileOffset(header.payload()), header.payload_len());
        }
    }

    /// Copies a box, with `bytes` in the place of those that the source has at the offset `at`.
    pub(super) fn copy_but(&mut self, header: &BoxHeader, at: FileOffset, bytes: &[u8]) {
        let mut copy = Self::default();
        copy.copy(header);
        let end = at + bytes.len() as u64;
        for (len, piece) in copy.parts {
            match piece {
                Piece::Content(Content::Source(offset)) if (offset..offset + len).contains(&at) => {
                    self.source(offset, at - offset);
                    self.bytes(bytes);
                    self.source(end, (offset + len) - end);
                }
                piece => self.push(len, piece),
            }
        }
    }

    /// Marks where the auxiliary information of a track begins.
    pub(super) fn mark(&mut self, track: usize) {
        self.parts.push((0, Piece::Mark(track)));
    }

    /// Appends entries that are generated when they are sent.
    pub(super) fn entries(&mut self, count: u32, entries: Entries) {
        let len = u64::from(count) * u64::from(entries.entry_size);
        if len > 0 {
            self.parts.push((len, Piece::Content(Content::Entries(entries))));
        }
    }

    /// Appends a piece, and joins it with the one before where both are bytes, or both are
    /// neighbours in the source.
    fn push(&mut self, len: u64, piece: Piece) {
        match piece {
            Piece::Content(Content::Bytes(bytes)) => self.bytes(&bytes),
            Piece::Content(Content::Source(offset)) => self.source(offset, len),
            piece => self.parts.push((len, piece)),
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        other.parts.into_iter().for_each(|(len, piece)| self.push(len, piece));
        other.notes.into_iter().for_each(|note| self.note(note));
    }

    /// Appends a box around `content`.
    pub(super) fn wrap(&mut self, box_type: BoxType, content: Self) -> Result<(), PlanError> {
        self.bytes(&box_head(box_type, content.len()).ok_or(PlanError::LargeBox(box_type))?);
        self.append(content);
        Ok(())
    }

    /// Appends the runs of `slice` as entries: those that are `generated`, if any. Else the source
    /// has an entry for each run. All are copied but for the first and the last, which may be cut.
    pub(super) fn runs<R: ReadAt>(
        &mut self,
        source: &R,
        runs: &Runs,
        slice: RunSlice<SampleNumber>,
        generated: Option<Entries>,
    ) -> Result<(), FormatError> {
        if let Some(entries) = generated {
            self.entries(slice.count, entries);
            return Ok(());
        }
        if slice.count == 0 {
            return Ok(());
        }
        let units = slice.units.units();
        let entry = |this: &mut Self, unit: u32| -> Result<(), FormatError> {
            let run = runs.at_unit(source, unit)?;
            this.entry(run.end().min(units.end) - unit, u32::try_from(run.value).unwrap_or(u32::MAX));
            Ok(())
        };
        entry(self, units.start)?;
        if slice.count > 1 {
            let table = runs.table();
            let inner = u64::from(slice.count - 2) * u64::from(table.entry_size);
            self.source(FileOffset(table.entry_offset(slice.first + 1)), inner);
            let last = runs.runs_from(source, slice.first + slice.count - 1)?.next().transpose()?;
            entry(self, last.map_or(units.end - 1, |run| run.unit))?;
        }
        Ok(())
    }

    /// Appends an entry of a run-length table.
    pub(super) fn entry(&mut self, count: u32, value: u32) {
        self.bytes(&run_entry(count, value));
    }

    /// Appends a table.
    pub(super) fn table(&mut self, head: &TableHead, entries: Self) -> Result<(), PlanError> {
        let entries_len = entries.len();
        let before = head.before(entries_len).ok_or(PlanError::ManyEntries(head.box_type))?;
        let box_head = box_head(head.box_type, before.len() as u64 + entries_len);
        self.bytes(&box_head.ok_or(PlanError::LargeBox(head.box_type))?);
        self.bytes(&before);
        self.append(entries);
        Ok(())
    }

    /// The plan of which this is the metadata, with places filled in.
    pub(super) fn into_plan(self, extents: Extents, key: String) -> Result<Plan, NotMovable> {
        let metadata_len = self.len();
        let mut marks = Vec::new();
        let mut copies = Vec::new();
        let mut start = 0;
        for (len, piece) in &self.parts {
            match piece {
                Piece::Mark(track) => marks.push((*track, start)),
                Piece::Content(Content::Source(from)) => copies.push((*from..*from + *len, start)),
                _ => {}
            }
            start += len;
        }
        let copy_of = |offset: FileOffset| {
            let copied = copies.iter().find(|(from, _)| from.contains(&offset));
            let copied = copied.map(|(from, start)| start + (offset - from.start));
            copied.or_else(|| Some(extents.listed()?.position_of(offset)?.in_answer(metadata_len)))
        };
        let mark_of = |track| marks.iter().find(|(t, _)| *t == track).map(|(_, start)| *start);
        let place = |place: Option<u64>| {
            let place = place.ok_or(NotMovable::AuxiliaryNotSent)?;
            Ok(Content::Bytes(saio_entry(place).to_vec()))
        };
        let mut parts = Vec::new();
        let mut start = 0;
        for (len, piece) in self.parts {
            let content = match piece {
                Piece::Mark(_) => continue,
                Piece::Content(content) => content,
                Piece::PlaceOfMark(track) => place(mark_of(track))?,
                Piece::PlaceOf(offset) => place(copy_of(offset))?,
            };
            parts.push(Part { start, len, content });
            start += len;
        }
        Ok(Plan { parts, metadata_len, extents, key, notes: self.notes })
    }
}
