//! The bytes of the samples of a track.

use std::ops::Range;

use crate::boxes::{
    BoxHeader, FormatError, TextEntry, read_exact, read_sample_entries, read_text_entry, read_vtt_header,
};
use crate::index::{Chunk, Film, Track};
use crate::limits;
use crate::numbers::{ChunkNumber, SampleNumber};
use crate::offsets::FileOffset;

/// Reads samples of a track, one after the other.
pub(super) struct Samples<'a> {
    film: &'a Film<'a>,
    track: &'a Track,
    entries: Vec<BoxHeader>,
    /// The chunk of the last sample.
    chunk: Chunk,
    /// The sample after the last one, and where it lies if it is in the same chunk.
    next: (SampleNumber, FileOffset),
    /// Bytes that may still be read.
    budget: u64,
    bytes: Vec<u8>,
}

/// The bytes of a sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct SampleBytes<'a> {
    /// The number of its sample description, from 0.
    pub(super) description: usize,
    /// The bytes.
    pub(super) bytes: &'a [u8],
}

impl<'a> Samples<'a> {
    /// The samples of a track of the index. Without such a track there are none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn of(film: &'a Film<'a>, track: &'a Track, number: usize) -> Result<Self, FormatError> {
        let trak = film.index.moov.children.iter().find(|node| node.track == Some(number));
        let stsd = trak.and_then(|trak| trak.at(&[b"mdia", b"minf", b"stbl", b"stsd"]));
        let entries = match stsd {
            Some(stsd) => read_sample_entries(&mut film.index.reader(&film.source), &stsd.header)?,
            None => Vec::new(),
        };
        // It holds no sample, so that the first one is looked up.
        let chunk = Chunk {
            number: ChunkNumber::FIRST,
            first_sample: SampleNumber::FIRST,
            samples: 0,
            description_index: 0,
        };
        let next = (SampleNumber::FIRST, FileOffset(0));
        Ok(Self { film, track, entries, chunk, next, budget: limits::TEXT_READ, bytes: Vec::new() })
    }

    /// What the sample descriptions say of styled text; `None` for one that is no such, or too
    /// short.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn text_entries(&self) -> Result<Vec<Option<TextEntry>>, FormatError> {
        let mut reader = self.film.index.reader(&self.film.source);
        self.entries.iter().map(|entry| read_text_entry(&mut reader, entry)).collect()
    }

    /// The WebVTT header of the first sample description; empty where it cannot be read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn vtt_header(&self) -> Result<Vec<u8>, FormatError> {
        let Some(entry) = self.entries.first() else { return Ok(Vec::new()) };
        match read_vtt_header(&mut self.film.index.reader(&self.film.source), entry) {
            Err(e) if !e.is_unread() => Ok(Vec::new()),
            read => read,
        }
    }

    /// The bytes of a sample; `None` for one that is not in the file as a whole, or longer than
    /// [`limits::TEXT_SAMPLE`], and for all after [`limits::TEXT_READ`].
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read(&mut self, sample: SampleNumber) -> Result<Option<SampleBytes<'_>>, FormatError> {
        let Film { index, source } = self.film;
        let place = match self.place_of(sample) {
            Err(FormatError::ChunkOverflow(_)) => return Ok(None),
            place => place?,
        };
        self.next = (sample.next(), place.end);
        let len = place.end.0.saturating_sub(place.start.0);
        if place.end.0 > index.file_len || len > limits::TEXT_SAMPLE {
            return Ok(None);
        }
        let Some(budget) = self.budget.checked_sub(len) else { return Ok(None) };
        self.budget = budget;
        self.bytes.resize(usize::try_from(len).unwrap_or(0), 0);
        read_exact(source, &mut self.bytes, place.start.0)?;
        let description = (self.chunk.description_index as usize).saturating_sub(1);
        Ok(Some(SampleBytes { description, bytes: &self.bytes }))
    }
    /// Where a sample lies in the file. A chunk may hold all samples of a track, so that the sizes
    /// before a sample are not added up again for the next one.
    fn place_of(&mut self, sample: SampleNumber) -> Result<Range<FileOffset>, FormatError> {
        let (samples, source) = (&self.track.samples, &self.film.source);
        let is_next =
            sample == self.next.0 && (self.chunk.first_sample..self.chunk.end_sample()).contains(&sample);
        if !is_next {
            return samples.place_of(source, &mut self.chunk, sample);
        }
        let start = self.next.1;
        Ok(start..start + samples.bytes(source, sample..sample.next())?)
    }
}
