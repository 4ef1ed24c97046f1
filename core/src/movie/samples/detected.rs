//! Where decoding can begin, as the samples themselves say.

use std::ops::Range;
use std::sync::OnceLock;

use crate::boxes::{BoxType, FormatError, SampleEntry, SyncSamples};
use crate::limits;
use crate::movie::sync_detection::{Dependencies, Doubt, Pictures, Seen, SyncEvidence};
use crate::source::ReadAt;

use super::chunks::Chunk;
use super::table::SampleTable;

/// Pictures of which one at least depends on another, unless all of the track are whole.
const FIRST_PICTURES: u32 = 16;

impl SampleTable {
    /// Takes in what a track with this handler and description has, beyond what its tables say.
    pub(crate) fn know_kind(&mut self, handler: BoxType, entry: &SampleEntry, file_len: u64) {
        if matches!(&handler.0, b"vide" | b"soun") {
            self.present_last();
        }
        if entry.any_packet {
            self.sync = SyncSamples::All;
        }
        let is_told = self.listed_sync().is_some() || self.has_no_sync() || self.count == 0;
        let dependencies = match &handler.0 {
            b"vide" => Dependencies::of(entry),
            _ => Dependencies::None,
        };
        self.evidence = match dependencies {
            _ if is_told => SyncEvidence::Boxes,
            Dependencies::None => SyncEvidence::Coding,
            Dependencies::Said(_) => SyncEvidence::Pictures,
            Dependencies::Unknown if self.count == 1 => SyncEvidence::Coding,
            Dependencies::Unknown => SyncEvidence::Nothing,
        };
        if let (Dependencies::Said(pictures), None) = (dependencies, self.listed_sync()) {
            self.doubt = Some(Doubt { pictures, file_len, seen: OnceLock::new() }).filter(|_| self.count > 0);
        }
    }

    /// How it is known where decoding can begin.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sync_evidence<R: ReadAt>(&self, source: &R) -> Result<SyncEvidence, FormatError> {
        match self.seen(source)? {
            Some((_, Seen::Nothing)) if self.evidence == SyncEvidence::Pictures && self.count > 1 => {
                Ok(SyncEvidence::Nothing)
            }
            _ => Ok(self.evidence),
        }
    }

    /// Whether no box says where decoding can begin, and nothing can be seen of it: the coding is not one that is read.
    pub(crate) fn is_untold(&self) -> bool {
        self.evidence == SyncEvidence::Nothing
    }

    /// Whether each picture says that it can be decoded on its own, where no box says which can.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_whole<R: ReadAt>(&self, source: &R) -> Result<bool, FormatError> {
        Ok(self.seen(source)?.is_some_and(|(_, seen)| seen == Seen::Whole))
    }

    /// How the samples say that decoding can begin at them, where nothing else does. What is said of all of them is believed if it
    /// is so of the first few.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pictures<R: ReadAt>(&self, source: &R) -> Result<Option<Pictures>, FormatError> {
        Ok(self.seen(source)?.filter(|(_, seen)| *seen == Seen::Dependent).map(|(pictures, _)| pictures))
    }

    /// How the samples say that decoding can begin at them, and what the first few of them say.
    fn seen<R: ReadAt>(&self, source: &R) -> Result<Option<(Pictures, Seen)>, FormatError> {
        let Some(Doubt { pictures, seen, .. }) = &self.doubt else { return Ok(None) };
        let seen = match seen.get() {
            Some(known) => *known,
            None => {
                let found = self.look_at_first(source, *pictures)?;
                *seen.get_or_init(|| found)
            }
        };
        Ok(Some((*pictures, seen)))
    }

    /// What the first pictures say.
    fn look_at_first<R: ReadAt>(&self, source: &R, pictures: Pictures) -> Result<Seen, FormatError> {
        let mut chunk = self.chunk_of(source, 0)?;
        if !self.can_begin_at(source, pictures, &mut chunk, 0)? {
            return Ok(Seen::Nothing);
        }
        for sample in 1..self.count.min(FIRST_PICTURES) {
            if !self.can_begin_at(source, pictures, &mut chunk, sample)? {
                return Ok(Seen::Dependent);
            }
        }
        Ok(Seen::Whole)
    }

    /// Whether decoding can begin at a sample of `chunk`, by what is seen in it.
    fn can_begin_at<R: ReadAt>(
        &self,
        source: &R,
        pictures: Pictures,
        chunk: &mut Chunk,
        sample: u32,
    ) -> Result<bool, FormatError> {
        if !(chunk.first_sample..chunk.first_sample.saturating_add(chunk.samples)).contains(&sample) {
            *chunk = self.chunk_of(source, sample)?;
        }
        let offset = self.offset_in(source, chunk, sample)?;
        let size = self.sizes.bytes(source, sample..sample + 1)?;
        let file_len = self.doubt.as_ref().map_or(0, |doubt| doubt.file_len);
        pictures.can_begin_at(source, offset..offset.saturating_add(size).min(file_len))
    }

    /// The last sample that neither decodes after `sample` nor is presented after `time` and that, as is seen in it, decoding
    /// can begin at, with its composition time.
    pub(super) fn preceding_picture<R: ReadAt>(
        &self,
        source: &R,
        sample: u32,
        time: i64,
    ) -> Result<Option<(u32, i64)>, FormatError> {
        let Some(pictures) = self.pictures(source)? else { return Ok(None) };
        let mut chunk = self.chunk_of(source, sample)?;
        for sample in (0..=sample).rev().take(limits::PICTURES as usize) {
            let cts = self.cts(source, sample)?;
            if cts <= time && self.can_begin_at(source, pictures, &mut chunk, sample)? {
                return Ok(Some((sample, cts)));
            }
        }
        Ok(None)
    }

    /// Samples of a stretch that decoding can begin at: its first, and some of the others, which are looked into.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn seen_sync<R: ReadAt>(&self, source: &R, stretch: &Range<u32>) -> Result<Vec<u32>, FormatError> {
        let mut found = vec![stretch.start];
        let Some(pictures) = self.pictures(source)? else { return Ok(found) };
        let mut chunk = self.chunk_of(source, stretch.start)?;
        let part = (stretch.end - stretch.start).div_ceil(limits::SEEN_SYNC).max(1);
        for start in (stretch.start + 1..stretch.end).step_by(part as usize) {
            let end = stretch.end.min(start.saturating_add(part.min(limits::SEEN_SYNC)));
            for sample in start..end {
                if self.can_begin_at(source, pictures, &mut chunk, sample)? {
                    found.push(sample);
                    break;
                }
            }
        }
        Ok(found)
    }
}
