//! Puts metadata together, and finds out where its parts stand in the answer.

use crate::boxes::{BoxHeader, BoxType, FormatError, Runs};
use crate::extents::Extents;
use crate::source::ReadAt;

use super::part::{Content, Entries, Part, Plan};
use super::slice::RunSlice;

/// Metadata as it is put together.
pub(super) enum Piece {
    Content(Content),
    /// Where the auxiliary information of a track begins; it takes no bytes.
    Mark(usize),
    /// Eight bytes that say where that is, once it is known.
    PlaceOfMark(usize),
    /// Eight bytes that say where in the answer an offset of the source is.
    PlaceOf(u64),
}

/// Metadata as it is put together.
#[derive(Default)]
pub(super) struct Assembly {
    pub(super) parts: Vec<(u64, Piece)>,
    pub(super) notes: Vec<String>,
}

/// Notes of one answer: it is a line each in the debug log.
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

    pub(super) fn source(&mut self, offset: u64, len: u64) {
        match self.parts.last_mut() {
            Some((last_len, Piece::Content(Content::Source(last)))) if *last + *last_len == offset => {
                *last_len += len
            }
            _ if len == 0 => {}
            _ => self.parts.push((len, Piece::Content(Content::Source(offset)))),
        }
    }

    /// A box as it is. One whose size is 0, to the end of what it is in, is told its size: here something
    /// may follow it.
    pub(super) fn copy(&mut self, header: &BoxHeader) {
        if header.header_len == 8 {
            match u32::try_from(header.size) {
                Ok(size) => {
                    self.bytes(&size.to_be_bytes());
                    self.bytes(&header.box_type.0);
                }
                Err(_) => {
                    self.bytes(&1u32.to_be_bytes());
                    self.bytes(&header.box_type.0);
                    self.bytes(&header.size.saturating_add(8).to_be_bytes());
                }
            }
            self.source(header.payload(), header.payload_len());
        } else {
            self.source(header.offset, header.size);
        }
    }

    /// A box as it is, but for some bytes of it, which stand `at` an offset of the file.
    pub(super) fn copy_but(&mut self, header: &BoxHeader, at: u64, bytes: &[u8]) {
        let mut copy = Self::default();
        copy.copy(header);
        let end = at.saturating_add(bytes.len() as u64);
        for (len, piece) in copy.parts {
            match piece {
                Piece::Content(Content::Source(offset)) if (offset..offset + len).contains(&at) => {
                    self.source(offset, at - offset);
                    self.bytes(bytes);
                    self.source(end, (offset + len).saturating_sub(end));
                }
                Piece::Content(Content::Source(offset)) => self.source(offset, len),
                Piece::Content(Content::Bytes(own)) => self.bytes(&own),
                piece => self.parts.push((len, piece)),
            }
        }
    }

    /// Marks where the auxiliary information of a track begins.
    pub(super) fn mark(&mut self, track: usize) {
        self.parts.push((0, Piece::Mark(track)));
    }

    pub(super) fn entries(&mut self, count: u32, entries: Entries) {
        let len = u64::from(count) * u64::from(entries.entry_size);
        if len > 0 {
            self.parts.push((len, Piece::Content(Content::Entries(entries))));
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        for (len, piece) in other.parts {
            match piece {
                Piece::Content(Content::Bytes(bytes)) => self.bytes(&bytes),
                Piece::Content(Content::Source(offset)) => self.source(offset, len),
                piece => self.parts.push((len, piece)),
            }
        }
        other.notes.into_iter().for_each(|note| self.note(note));
    }

    /// A box around `content`.
    pub(super) fn wrap(&mut self, box_type: BoxType, content: Self) -> Result<(), FormatError> {
        let size = u32::try_from(content.len() + 8)
            .map_err(|_| FormatError::Film(format!("the {box_type} box of the clip would be over 4 GiB")))?;
        self.bytes(&size.to_be_bytes());
        self.bytes(&box_type.0);
        self.append(content);
        Ok(())
    }

    /// The runs of `slice` as entries: copied where the source has them as they should be, but for the first and
    /// the last, which may be cut; made when they are sent where it has not.
    pub(super) fn runs<R: ReadAt>(
        &mut self,
        source: &R,
        runs: &Runs,
        slice: RunSlice,
        made: Option<Entries>,
    ) -> Result<(), FormatError> {
        if let Some(entries) = made {
            self.entries(slice.count, entries);
            return Ok(());
        }
        if slice.count == 0 {
            return Ok(());
        }
        let entry = |this: &mut Self, unit: u32| -> Result<(), FormatError> {
            let run = runs.at_unit(source, unit)?;
            this.entry(run.end().min(slice.units.end) - unit, u32::try_from(run.value).unwrap_or(u32::MAX));
            Ok(())
        };
        entry(self, slice.units.start)?;
        if slice.count > 1 {
            let table = runs.table();
            let inner = u64::from(slice.count - 2) * u64::from(table.entry_size);
            self.source(table.entry_offset(slice.first + 1), inner);
            let last = runs.runs_from(source, slice.first + slice.count - 1)?.next().transpose()?;
            entry(self, last.map_or(slice.units.end - 1, |run| run.unit))?;
        }
        Ok(())
    }

    /// An entry of a run-length table.
    pub(super) fn entry(&mut self, count: u32, value: u32) {
        self.bytes(&count.to_be_bytes());
        self.bytes(&value.to_be_bytes());
    }

    /// A full box: what stands before the entry count, the count, and the entries, of which there are as many as
    /// `list` is long.
    pub(super) fn list(
        &mut self,
        box_type: BoxType,
        prefix: &[u8],
        entry_size: u64,
        list: Self,
    ) -> Result<(), FormatError> {
        let count = u32::try_from(list.len() / entry_size)
            .map_err(|_| FormatError::Film(format!("more {box_type} entries than can be counted")))?;
        let mut content = Self::default();
        content.bytes(prefix);
        content.bytes(&count.to_be_bytes());
        content.append(list);
        self.wrap(box_type, content)
    }
}

impl Plan {
    /// `Err` when something is told to be where it is not.
    pub(super) fn new(assembly: Assembly, extents: Extents, key: String) -> Result<Self, String> {
        let metadata_len = assembly.len();
        let mut marks = Vec::new();
        let mut copies = Vec::new();
        let mut start = 0;
        for (len, piece) in &assembly.parts {
            match piece {
                Piece::Mark(track) => marks.push((*track, start)),
                Piece::Content(Content::Source(from)) => copies.push((*from..*from + len, start)),
                _ => {}
            }
            start += len;
        }
        let copy_of = |offset: u64| {
            let copied = copies.iter().find(|(from, _)| from.contains(&offset));
            let copied = copied.map(|(from, start)| start + (offset - from.start));
            copied.or_else(|| extents.listed()?.position_of(offset).map(|at| metadata_len + at))
        };
        let nowhere = || "auxiliary information that is not sent".to_string();
        let mut parts = Vec::new();
        let mut start = 0;
        for (len, piece) in assembly.parts {
            let content = match piece {
                Piece::Content(content) => content,
                Piece::Mark(_) => continue,
                Piece::PlaceOfMark(track) => {
                    let place = marks.iter().find(|(t, _)| *t == track).ok_or_else(nowhere)?.1;
                    Content::Bytes(place.to_be_bytes().to_vec())
                }
                Piece::PlaceOf(offset) => {
                    Content::Bytes(copy_of(offset).ok_or_else(nowhere)?.to_be_bytes().to_vec())
                }
            };
            parts.push(Part { start, len, content });
            start += len;
        }
        Ok(Self { parts, metadata_len, extents, key, notes: assembly.notes })
    }
}
