//! Puts metadata together, box by box. When all is there, it says where each part is in the answer.

use std::ops::Range;

use crate::boxes::{
    BOX_HEAD_SIZE, BoxHeader, BoxType, FormatError, Runs, TableHead, box_head, long_box_head, run_entry,
    saio_entry,
};
use crate::extents::Extents;
use crate::limits;
use crate::numbers::{Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::source::ReadAt;

use super::error::{NotMovable, PlanError};
use super::part::{Content, Entries, Part, Plan};
use super::slice::RunSlice;

/// A piece of metadata whose place in the answer is not known yet.
pub(super) enum Piece {
    /// The next of the bytes that are known now.
    Known,
    /// Neither of these is [`Content::Bytes`].
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
    parts: Vec<(u64, Piece)>,
    len: u64,
    /// The bytes that are known now, of all pieces that have some.
    known: Vec<u8>,
    /// Bytes of tables that were cut in memory, be it in vain.
    cut_in_memory: usize,
    /// What was left out, for the debug log.
    pub(super) notes: Vec<String>,
}

/// Bytes and pieces of the metadata of a clip of two tracks.
const USUAL: (usize, usize) = (2048, 64);

/// The most notes of one answer. Each is a line in the debug log.
const NOTES: usize = 16;

impl Assembly {
    /// Notes what was left out, once, as long as there are not too many notes.
    pub(super) fn note(&mut self, note: String) {
        if self.notes.len() < NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// With room for what a clip mostly has.
    pub(super) fn with_room() -> Self {
        let (bytes, parts) = USUAL;
        Self { known: Vec::with_capacity(bytes), parts: Vec::with_capacity(parts), ..Self::default() }
    }

    /// Length of all pieces in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Appends bytes that are known now.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.known.extend_from_slice(bytes);
        self.more_known(bytes.len());
    }

    /// Whether there is room for another table that is cut in memory.
    pub(super) fn has_room(&self) -> bool {
        self.cut_in_memory < limits::SMALL_TABLES
    }

    /// Appends a table that was cut in memory. `None` is one that could not be, and may have taken as
    /// much as one that can be.
    pub(super) fn small_table(&mut self, table: Option<&[u8]>) {
        self.cut_in_memory += table.map_or(limits::SMALL_BOX, <[u8]>::len);
        self.bytes(table.unwrap_or_default());
    }

    /// Appends what `write` appends to the bytes that are known.
    pub(super) fn known(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.known.len();
        write(&mut self.known);
        self.more_known(self.known.len().saturating_sub(before));
    }

    /// The last bytes of those that are known are a new piece, or belong to the piece before.
    fn more_known(&mut self, len: usize) {
        self.len += len as u64;
        match self.parts.last_mut() {
            Some((piece_len, Piece::Known)) => *piece_len += len as u64,
            _ if len == 0 => {}
            _ => self.parts.push((len as u64, Piece::Known)),
        }
    }

    /// Appends bytes that become known later. Returns their place.
    fn reserve(&mut self, len: usize) -> Range<usize> {
        let at = self.known.len();
        self.known.resize(at + len, 0);
        self.more_known(len);
        at..at + len
    }

    /// Fills a place that was reserved.
    fn fill(&mut self, place: Range<usize>, bytes: &[u8]) {
        for (to, from) in self.known.get_mut(place).unwrap_or_default().iter_mut().zip(bytes) {
            *to = *from;
        }
    }

    /// Appends bytes of the source.
    pub(super) fn source(&mut self, offset: FileOffset, len: u64) {
        self.len += len;
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
        self.copy_head(header);
        self.source(FileOffset(header.payload()), header.payload_len());
    }

    fn copy_head(&mut self, header: &BoxHeader) {
        if header.has_large_size() {
            self.source(FileOffset(header.offset), header.header_len.into());
        } else {
            match box_head(header.box_type, header.payload_len()) {
                Some(head) => self.bytes(&head),
                None => self.bytes(&long_box_head(header.box_type, header.payload_len())),
            }
        }
    }

    /// Copies a box, with `bytes` in the place of those that its payload has at the offset `at`.
    pub(super) fn copy_but(&mut self, header: &BoxHeader, at: FileOffset, bytes: &[u8]) {
        self.copy_head(header);
        let (payload, after) = (FileOffset(header.payload()), at + bytes.len() as u64);
        self.source(payload, at - payload);
        self.bytes(bytes);
        self.source(after, FileOffset(header.end()) - after);
    }

    /// Appends a piece of so many bytes.
    pub(super) fn piece(&mut self, len: u64, piece: Piece) {
        self.len += len;
        self.parts.push((len, piece));
    }

    /// Marks where the auxiliary information of a track begins.
    pub(super) fn mark(&mut self, track: usize) {
        self.piece(0, Piece::Mark(track));
    }

    /// Appends entries that are generated when they are sent.
    pub(super) fn entries(&mut self, count: u32, entries: Entries) {
        let len = u64::from(count) * u64::from(entries.entry_size);
        if len > 0 {
            self.piece(len, Piece::Content(Content::Entries(entries)));
        }
    }

    /// Appends other metadata, notes included. Pieces are joined where both are known bytes, or
    /// both are neighbours in the source.
    pub(super) fn append(&mut self, other: Self) {
        self.known.extend_from_slice(&other.known);
        self.cut_in_memory += other.cut_in_memory;
        for (len, piece) in other.parts {
            match piece {
                Piece::Known => self.more_known(usize::try_from(len).unwrap_or(0)),
                Piece::Content(Content::Source(offset)) => self.source(offset, len),
                piece => self.piece(len, piece),
            }
        }
        other.notes.into_iter().for_each(|note| self.note(note));
    }

    /// Appends a box. What `write` appends is its content.
    pub(super) fn wrap(
        &mut self,
        box_type: BoxType,
        write: impl FnOnce(&mut Self) -> Result<(), PlanError>,
    ) -> Result<(), PlanError> {
        let head = self.reserve(BOX_HEAD_SIZE);
        let start = self.len;
        write(self)?;
        let known = box_head(box_type, self.len - start).ok_or(PlanError::LargeBox(box_type))?;
        self.fill(head, &known);
        Ok(())
    }

    /// Appends a table. What `write` appends are its entries.
    pub(super) fn table(
        &mut self,
        head: &TableHead,
        write: impl FnOnce(&mut Self) -> Result<(), PlanError>,
    ) -> Result<(), PlanError> {
        self.wrap(head.box_type, |out| {
            out.bytes(head.fields());
            let count = out.reserve(head.count_size());
            let start = out.len;
            write(out)?;
            let known = head.entry_count(out.len - start).ok_or(PlanError::ManyEntries(head.box_type))?;
            out.fill(count, &known);
            Ok(())
        })
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

    /// The plan of which this is the metadata, with places filled in.
    pub(super) fn into_plan(self, extents: Extents, key: String) -> Result<Plan, NotMovable> {
        self.into_plan_at(0, extents, key)
    }

    /// The same for metadata that follows `base` bytes that the plan does not have. Places are
    /// counted from the first of those.
    pub(super) fn into_plan_at(self, base: u64, extents: Extents, key: String) -> Result<Plan, NotMovable> {
        let metadata_len = base + self.len();
        let mut marks = Vec::new();
        let mut copies = Vec::new();
        let mut start = base;
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
        let mut known = self.known;
        let mut next_known = 0;
        let mut place = |place: Option<u64>| {
            let at = known.len();
            known.extend_from_slice(&saio_entry(place.ok_or(NotMovable::AuxiliaryNotSent)?));
            Ok(Content::Bytes(at))
        };
        let mut parts = Vec::with_capacity(self.parts.len());
        let mut start = base;
        for (len, piece) in self.parts {
            let content = match piece {
                Piece::Mark(_) => continue,
                Piece::Known => {
                    let at = next_known;
                    next_known += usize::try_from(len).unwrap_or(0);
                    Content::Bytes(at)
                }
                Piece::Content(content) => content,
                Piece::PlaceOfMark(track) => place(mark_of(track))?,
                Piece::PlaceOf(offset) => place(copy_of(offset))?,
            };
            parts.push(Part { start, len, content });
            start += len;
        }
        known.shrink_to_fit();
        Ok(Plan { parts, known, metadata_len, extents, patches: Box::default(), key, notes: self.notes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::stss_head;
    use crate::testing::{full_box, make_box, read_box};

    /// The bytes of metadata whose pieces are known or in `file`.
    fn written(assembly: &Assembly, file: &[u8]) -> Vec<u8> {
        let mut known = assembly.known.iter().copied();
        let mut out = Vec::new();
        for (len, piece) in &assembly.parts {
            let len = usize::try_from(*len).unwrap();
            match piece {
                Piece::Known => out.extend(known.by_ref().take(len)),
                Piece::Content(Content::Source(at)) => {
                    let at = usize::try_from(at.0).unwrap();
                    out.extend_from_slice(&file[at..at + len]);
                }
                _ => panic!("a piece of another kind"),
            }
        }
        assert_eq!(known.next(), None);
        assert_eq!(out.len() as u64, assembly.len());
        out
    }

    #[test]
    fn a_changed_copy_differs_only_in_what_is_changed() {
        let short = make_box(b"dOps", b"abcdef");
        let large = [&[0, 0, 0, 1][..], b"dOps", &22_u64.to_be_bytes(), b"abcdef"].concat();
        let to_the_end = [&[0; 4][..], b"dOpsabcdef"].concat();
        for (file, head) in [(&short, &short[..8]), (&large, &large[..16]), (&to_the_end, &short[..8])] {
            for (at, payload) in [(0, b"XYcdef"), (2, b"abXYef"), (4, b"abcdXY")] {
                let out = read_box(file.clone(), |_, header| {
                    let mut out = Assembly::default();
                    out.copy_but(header, FileOffset(header.payload() + at), b"XY");
                    out
                });
                assert_eq!(written(&out, file), [head, payload].concat(), "{file:?} {at}");
            }
        }
    }

    #[test]
    fn sizes_and_counts_are_of_what_is_written() {
        let head = stss_head();
        let mut inner = Assembly::default();
        let entries = |out: &mut Assembly| {
            out.bytes(&7_u32.to_be_bytes());
            out.source(FileOffset(4), 4);
            Ok(())
        };
        inner.table(&head, entries).unwrap();
        let mut out = Assembly::default();
        out.bytes(b"before");
        out.wrap(BoxType(*b"stbl"), |out| {
            out.append(inner);
            out.bytes(b"after");
            Ok(())
        })
        .unwrap();
        let stss = full_box(b"stss", 0, [2, 7, 9]);
        let expected = [&b"before"[..], &make_box(b"stbl", [&stss[..], b"after"].concat())].concat();
        assert_eq!(written(&out, &[0, 0, 0, 8, 0, 0, 0, 9]), expected);
    }
}
