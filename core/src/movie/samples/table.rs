//! A track's sample tables, and the times of one sample.

use std::ops::Range;

use crate::boxes::{ChunkOffsets, FormatError, JointRuns, Runs, SampleSizes, SyncSamples};
use crate::limits;
use crate::movie::encryption::Auxiliary;
use crate::movie::random_access::Access;
use crate::movie::sync_detection::{SyncDetection, SyncEvidence};
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::MediaTime;

/// A track's sample tables.
#[derive(Debug)]
pub struct SampleTable {
    /// Samples that have both a size and a chunk.
    pub count: u32,
    /// Durations.
    pub stts: Runs,
    /// Composition offsets.
    pub ctts: Option<Runs>,
    /// Samples of each chunk.
    pub stsc: Runs,
    /// Sizes.
    pub sizes: SampleSizes,
    /// Places of the chunks.
    pub offsets: ChunkOffsets,
    /// Bytes of each chunk, where to look up the sizes of all samples costs much more than to keep
    /// them: in fragments.
    pub chunk_sizes: Option<Box<[u32]>>,
    /// Where decoding can begin.
    pub sync: SyncSamples,
    /// How that is known, before a look at the samples.
    pub(super) evidence: SyncEvidence,
    /// How the samples themselves say it, where no box does.
    pub(super) detection: Option<SyncDetection>,
    /// Sample groupings, in the order of the file.
    pub groups: Vec<Runs>,
    /// What they and `stps` say of where decoding can begin.
    pub access: Option<Box<Access>>,
    /// What a decrypter needs for each sample.
    pub auxiliary: Option<Auxiliary>,
    /// Decode time of the first sample: not 0 in a fragmented file whose tracks do not begin
    /// together.
    pub base: MediaTime,
    /// Composition time of the sample presented first.
    pub start: MediaTime,
    /// That of the sample presented last.
    pub(super) last: MediaTime,
    /// Composition time at which the last presentation ends.
    pub end: MediaTime,
}

/// The boxes of an `stbl` that a [`SampleTable`] is built from.
#[derive(Debug)]
pub(super) struct SampleBoxes {
    /// Samples that have both a size and a chunk.
    pub(super) count: u32,
    pub(super) stts: Runs,
    pub(super) ctts: Option<Runs>,
    pub(super) stsc: Runs,
    /// `stsz` or `stz2`.
    pub(super) sizes: SampleSizes,
    /// `stco` or `co64`.
    pub(super) offsets: ChunkOffsets,
    /// `stss`.
    pub(super) sync: SyncSamples,
    /// The `sbgp` boxes, in the order of the file.
    pub(super) groups: Vec<Runs>,
    /// `stps`, and what the sample groups say of random access.
    pub(super) access: Option<Box<Access>>,
}

/// Samples that are soon looked through: if no composition offset is farther from another than so
/// many samples last, there are no outliers.
const NEAR: u64 = 1024;

impl SampleTable {
    /// The tables of a track whose first sample is decoded at `base`.
    pub(super) fn new<R: ReadAt>(
        source: &R,
        boxes: SampleBoxes,
        base: MediaTime,
    ) -> Result<Self, FormatError> {
        let SampleBoxes { count, stts, ctts, stsc, sizes, offsets, sync, groups, access } = boxes;
        let mut this = Self {
            count,
            stts,
            ctts,
            stsc,
            sizes,
            offsets,
            chunk_sizes: None,
            sync,
            evidence: SyncEvidence::Boxes,
            detection: None,
            groups,
            access,
            auxiliary: None,
            base,
            start: MediaTime(0),
            last: MediaTime(0),
            end: MediaTime(0),
        };
        if let (Some(ctts), Some(mean)) = (&mut this.ctts, this.stts.sum().checked_div(count.into())) {
            let (lowest, highest) = ctts.extremes();
            if highest.abs_diff(lowest) / NEAR <= mean {
                ctts.drop_outliers();
            }
        }
        (this.start, this.last, this.end) = this.find_ends(source)?;
        Ok(this)
    }

    /// Memory held besides the struct itself.
    pub fn heap_size(&self) -> usize {
        self.stts.heap_size()
            + self.ctts.as_ref().map_or(0, Runs::heap_size)
            + self.stsc.heap_size()
            + self.sizes.heap_size()
            + self.offsets.heap_size()
            + self.chunk_sizes.as_ref().map_or(0, |sizes| size_of_val(&**sizes))
            + self.auxiliary.as_ref().map_or(0, Auxiliary::heap_size)
            + self.access.as_ref().map_or(0, |a| a.heap_size())
            + self.groups.iter().map(|g| size_of::<Runs>() + g.heap_size()).sum::<usize>()
    }

    /// The lowest and the highest composition offset (8.6.1.3); 0 without any.
    pub(crate) fn extreme_offsets(&self) -> (MediaTime, MediaTime) {
        let (lowest, highest) = self.ctts.as_ref().map_or((0, 0), Runs::extremes);
        (MediaTime(lowest), MediaTime(highest))
    }

    /// The lowest composition offset before the second sync sample, or 0. What is added to a film in
    /// fragments does not change it, once there is a second one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn lowest_first_offset<R: ReadAt>(&self, source: &R) -> Result<MediaTime, FormatError> {
        let mut lowest = MediaTime(0);
        let (Some(ctts), Some(table)) = (&self.ctts, self.listed_sync()) else { return Ok(lowest) };
        let end = match table.count {
            0 => return Ok(lowest),
            1 => None,
            _ => SyncSamples::listed(table, source, 1)?,
        };
        let end = end.map_or(limits::REORDER, |second| second.0.min(limits::REORDER));
        let mut pieces = ctts.pieces_from(source, 0)?;
        while let Some(piece) = pieces.next_piece()?.filter(|piece| piece.unit < end) {
            lowest = lowest.min(piece.offset());
        }
        Ok(lowest)
    }

    /// The shortest and the longest duration of a sample (8.6.1.2).
    pub(crate) fn extreme_durations(&self) -> (MediaTime, MediaTime) {
        let (shortest, longest) = self.stts.extremes();
        (MediaTime(shortest), MediaTime(longest))
    }

    /// The bounds of the composition offsets, but for outliers.
    pub(super) fn offset_bounds(&self) -> (MediaTime, MediaTime) {
        let bounds = self.ctts.as_ref().map(Runs::offset_bounds);
        bounds.map_or((MediaTime(0), MediaTime(0)), |bounds| (bounds.lowest, bounds.highest))
    }

    /// The last sample at or before this one whose offset is within the bounds.
    pub(super) fn bounded_at_or_before(&self, sample: SampleNumber) -> Option<SampleNumber> {
        let Some(ctts) = &self.ctts else { return Some(sample) };
        ctts.offset_bounds().at_or_before(sample)
    }

    /// The sample that is being decoded at `time`, clamped to the track.
    pub(crate) fn sample_at_dts<R: ReadAt>(
        &self,
        source: &R,
        time: MediaTime,
    ) -> Result<SampleNumber, FormatError> {
        let Ok(time) = u64::try_from((time - self.base).0) else { return Ok(SampleNumber::FIRST) };
        let run = self.stts.at_sum(source, time)?;
        let into = (time - run.sum).checked_div(run.value).unwrap_or(u64::from(run.count));
        Ok(SampleNumber(run.unit) + u32::try_from(into).unwrap_or(u32::MAX).min(run.count.saturating_sub(1)))
    }

    /// The sample whose decoding begins nearest to `time`; the one past the last where that is the
    /// last one's end.
    pub(crate) fn nearest<R: ReadAt>(
        &self,
        source: &R,
        time: MediaTime,
    ) -> Result<SampleNumber, FormatError> {
        let sample = self.sample_at_dts(source, time)?;
        let into = time - self.dts(source, sample)?;
        let is_nearer = into + into <= self.duration(source, sample)?;
        Ok(if is_nearer { sample } else { sample.next() })
    }

    /// Samples with their times, among them all that decode at or after `from`.
    pub(crate) fn joint_from<'a, R: ReadAt>(
        &'a self,
        source: &'a R,
        from: MediaTime,
    ) -> Result<JointRuns<'a, R>, FormatError> {
        // One tick earlier, because samples of no duration may share the time `from`.
        let first = match self.count {
            0 => SampleNumber::FIRST,
            _ => self.sample_at_dts(source, from.previous())?,
        };
        self.joint_at(source, first)
    }

    /// The samples from `first` on, with their times.
    pub(crate) fn joint_at<'a, R: ReadAt>(
        &'a self,
        source: &'a R,
        first: SampleNumber,
    ) -> Result<JointRuns<'a, R>, FormatError> {
        JointRuns::from(source, &self.stts, self.ctts.as_ref(), first, self.base)
    }

    /// The samples from `first` on, with their times, for a caller that looks up each place only
    /// once.
    pub(crate) fn joint_once_at<'a, R: ReadAt>(
        &'a self,
        source: &'a R,
        first: SampleNumber,
    ) -> Result<JointRuns<'a, R>, FormatError> {
        JointRuns::once_from(source, &self.stts, self.ctts.as_ref(), first, self.base)
    }

    /// Decode time of a sample.
    ///
    /// # Errors
    /// When there is no such sample or the file cannot be read.
    pub fn dts<R: ReadAt>(&self, source: &R, sample: SampleNumber) -> Result<MediaTime, FormatError> {
        Ok(MediaTime::of_duration(self.stts.at_unit(source, sample.0)?.sum) + self.base)
    }

    /// Decode time at which the last of some samples ends.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn decode_end_of<R: ReadAt>(
        &self,
        source: &R,
        samples: &Range<SampleNumber>,
    ) -> Result<MediaTime, FormatError> {
        if samples.end < self.end_number() { self.dts(source, samples.end) } else { Ok(self.decode_end()) }
    }

    /// Decode time at which the last sample ends.
    pub fn decode_end(&self) -> MediaTime {
        MediaTime::of_duration(self.stts.sum()) + self.base
    }

    /// Composition time of a sample.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn cts<R: ReadAt>(&self, source: &R, sample: SampleNumber) -> Result<MediaTime, FormatError> {
        let offset = match &self.ctts {
            Some(ctts) => ctts.at_unit(source, sample.0)?.offset(),
            None => MediaTime(0),
        };
        Ok(self.dts(source, sample)? + offset)
    }

    /// How long a sample is decoded.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub(crate) fn duration<R: ReadAt>(
        &self,
        source: &R,
        sample: SampleNumber,
    ) -> Result<MediaTime, FormatError> {
        Ok(MediaTime::of_duration(self.stts.at_unit(source, sample.0)?.value))
    }

    /// Bytes of some samples.
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub(crate) fn bytes<R: ReadAt>(
        &self,
        source: &R,
        samples: Range<SampleNumber>,
    ) -> Result<u64, FormatError> {
        self.sizes.bytes(source, samples.start.0..samples.end.0)
    }

    /// The number after that of the last sample.
    pub(crate) fn end_number(&self) -> SampleNumber {
        SampleNumber(self.count)
    }

    /// How many samples decode order may be from composition order, at most: as far as the offsets
    /// tell but for outliers, and no more than [`limits::REORDER`].
    pub fn reorder(&self) -> u32 {
        let (lowest, highest) = self.offset_bounds();
        let (shortest, _) = self.extreme_durations();
        // Of two samples the later one is presented first only if they are decoded closer to each
        // other than the offsets are apart.
        let apart = (highest - lowest).previous().0.max(0);
        let most = match apart {
            0 => 0,
            _ => apart.checked_div(shortest.0).unwrap_or(i64::MAX),
        };
        u32::try_from(most).unwrap_or(u32::MAX).min(limits::REORDER)
    }
}
