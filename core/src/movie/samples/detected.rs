//! Sync detection: where decoding can begin, as the samples themselves show.

use std::ops::Range;
use std::sync::OnceLock;

use crate::boxes::{BoxType, FormatError, SampleEntry, SyncSamples};
use crate::limits;
use crate::movie::sync_detection::{Dependencies, FirstSamples, Pictures, SyncDetection, SyncEvidence};
use crate::numbers::{Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::chunks::Chunk;
use super::table::SampleTable;

/// Samples of which one at least depends on another, unless all of the track are independent.
const FIRST_PICTURES: u32 = 16;

impl SampleTable {
    /// Completes the tables with what the handler and the sample description of the track say.
    pub(crate) fn know_kind(&mut self, handler: BoxType, entry: &SampleEntry, file_len: u64) {
        if matches!(&handler.0, b"vide" | b"soun") {
            self.present_last();
        }
        if entry.any_packet {
            self.sync = SyncSamples::All;
        }
        let is_listed = self.listed_sync().is_some() || self.has_no_sync() || self.count == 0;
        let dependencies = match &handler.0 {
            b"vide" => Dependencies::of(entry),
            _ => Dependencies::None,
        };
        self.evidence = match dependencies {
            _ if is_listed => SyncEvidence::Boxes,
            Dependencies::None => SyncEvidence::Coding,
            Dependencies::Said(_) => SyncEvidence::Pictures,
            Dependencies::Unknown if self.count == 1 => SyncEvidence::Coding,
            Dependencies::Unknown => SyncEvidence::Nothing,
        };
        if let (Dependencies::Said(pictures), None) = (dependencies, self.listed_sync()) {
            self.detection = Some(SyncDetection { pictures, file_len, first_samples: OnceLock::new() })
                .filter(|_| self.count > 0);
        }
    }

    /// How it is known where decoding can begin.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sync_evidence<R: ReadAt>(&self, source: &R) -> Result<SyncEvidence, FormatError> {
        match self.first_samples(source)? {
            Some((_, FirstSamples::Unclear)) if self.evidence == SyncEvidence::Pictures && self.count > 1 => {
                Ok(SyncEvidence::Nothing)
            }
            _ => Ok(self.evidence),
        }
    }

    /// Whether no box lists where decoding can begin, and the samples cannot show it: their coding
    /// is not known.
    pub(crate) fn lacks_sync_evidence(&self) -> bool {
        self.evidence == SyncEvidence::Nothing
    }

    /// Whether no box lists the sync samples, and the first samples show that each can be decoded
    /// on its own.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_whole<R: ReadAt>(&self, source: &R) -> Result<bool, FormatError> {
        Ok(self.first_samples(source)?.is_some_and(|(_, first)| first == FirstSamples::Independent))
    }

    /// How the samples show that decoding can begin at them, where no box lists it. Where a box
    /// lists all of them, or none, the first few are looked into before that is believed.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pictures<R: ReadAt>(&self, source: &R) -> Result<Option<Pictures>, FormatError> {
        Ok(self
            .first_samples(source)?
            .filter(|(_, first)| *first == FirstSamples::Dependent)
            .map(|(pictures, _)| pictures))
    }

    /// How the samples show that decoding can begin at them, and what the first few of them show.
    fn first_samples<R: ReadAt>(&self, source: &R) -> Result<Option<(Pictures, FirstSamples)>, FormatError> {
        let Some(SyncDetection { pictures, first_samples, .. }) = &self.detection else { return Ok(None) };
        let first = match first_samples.get() {
            Some(known) => *known,
            None => {
                let found = self.look_at_first(source, *pictures)?;
                *first_samples.get_or_init(|| found)
            }
        };
        Ok(Some((*pictures, first)))
    }

    /// Looks into the first samples.
    fn look_at_first<R: ReadAt>(&self, source: &R, pictures: Pictures) -> Result<FirstSamples, FormatError> {
        let mut chunk = self.chunk_of(source, SampleNumber::FIRST)?;
        if !self.can_begin_at(source, pictures, &mut chunk, SampleNumber::FIRST)? {
            return Ok(FirstSamples::Unclear);
        }
        let others = SampleNumber::FIRST.next()..SampleNumber(self.count.min(FIRST_PICTURES));
        for sample in others.each() {
            if !self.can_begin_at(source, pictures, &mut chunk, sample)? {
                return Ok(FirstSamples::Dependent);
            }
        }
        Ok(FirstSamples::Independent)
    }

    /// Whether a sample shows that decoding can begin at it. `chunk` is the chunk of the sample
    /// before, and becomes that of this one.
    pub(super) fn can_begin_at<R: ReadAt>(
        &self,
        source: &R,
        pictures: Pictures,
        chunk: &mut Chunk,
        sample: SampleNumber,
    ) -> Result<bool, FormatError> {
        let place = self.place_of(source, chunk, sample)?;
        let file_len = self.detection.as_ref().map_or(0, |detection| detection.file_len);
        pictures.can_begin_at(source, place.start..place.end.min(FileOffset(file_len)))
    }

    /// The last sample that neither decodes after `sample` nor is presented after `time` and that
    /// shows that decoding can begin at it, with its composition time.
    pub(super) fn preceding_picture<R: ReadAt>(
        &self,
        source: &R,
        sample: SampleNumber,
        time: MediaTime,
    ) -> Result<Option<(SampleNumber, MediaTime)>, FormatError> {
        let Some(pictures) = self.pictures(source)? else { return Ok(None) };
        let mut chunk = self.chunk_of(source, sample)?;
        for sample in (SampleNumber::FIRST..sample.next()).each().rev().take(limits::PICTURES as usize) {
            let cts = self.cts(source, sample)?;
            if cts <= time && self.can_begin_at(source, pictures, &mut chunk, sample)? {
                return Ok(Some((sample, cts)));
            }
        }
        Ok(None)
    }

    /// Samples that decoding can begin at of one of the `ranges` of a clip, for its `stss`: the first,
    /// and some of the others. All ranges together take no longer than one that is alone.
    ///
    /// ```text
    /// part = a 64th of the range; more where there are several ranges
    /// list the first sample of the range
    /// for each part: look into its first samples, 64 at most
    ///                list the first at which decoding can begin
    /// ```
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn detected_sync<R: ReadAt>(
        &self,
        source: &R,
        range: &Range<SampleNumber>,
        ranges: usize,
    ) -> Result<Vec<SampleNumber>, FormatError> {
        let mut found = vec![range.start];
        let Some(pictures) = self.pictures(source)? else { return Ok(found) };
        let mut chunk = self.chunk_of(source, range.start)?;
        let ranges = u32::try_from(ranges).unwrap_or(u32::MAX).max(1);
        let parts = (limits::DETECTED_SYNC / ranges).max(1);
        let looked_into = (limits::PICTURES / ranges / parts).clamp(1, limits::DETECTED_SYNC);
        let part = range.count().div_ceil(parts).max(1);
        for start in (range.start.next()..range.end).each().step_by(part as usize) {
            let end = range.end.min(start + part.min(looked_into));
            for sample in (start..end).each() {
                if self.can_begin_at(source, pictures, &mut chunk, sample)? {
                    found.push(sample);
                    break;
                }
            }
        }
        Ok(found)
    }
}
