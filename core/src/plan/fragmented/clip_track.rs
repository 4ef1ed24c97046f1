//! The samples of one track of a clip, as fragments need them: when they are decoded and presented,
//! how large they are, where they lie.
//!
//! Samples are counted from 0 in the clip. The tables of a flat answer say the same
//! (`plan/flat/stbl/times.rs`); there whole runs are copied, here any sample can be asked for.

use std::ops::{ControlFlow, Range};

use crate::boxes::{FormatError, SampleFlags, SampleSizes, SyncSamples, TrunEntry, TrunFields};
use crate::extents::each_range;
use crate::index::{SampleTable, Track};
use crate::limits;
use crate::numbers::{Numbers, SampleNumber};
use crate::offsets::FileOffset;
use crate::seek::{SampleRange, TrackClip};
use crate::source::ReadAt;
use crate::time::{ClipTime, MediaTime};

/// One track of a clip.
#[derive(Clone, Copy)]
pub(crate) struct ClipTrack<'a> {
    pub(crate) table: &'a SampleTable,
    pub(crate) clip: &'a TrackClip,
    /// Decode time of the first sample of each range.
    pub(super) starts: &'a [ClipTime],
    /// The sync samples, where the pictures show them.
    pub(super) detected: Option<&'a [SampleNumber]>,
    pub(super) source: &'a dyn ReadAt,
}

/// What [`ClipTrack`] needs besides the tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Prepared {
    pub(super) starts: Vec<ClipTime>,
    pub(super) detected: Option<Vec<SampleNumber>>,
}

impl Prepared {
    /// Looks them up.
    pub(super) fn of(track: &Track, clip: &TrackClip, source: &dyn ReadAt) -> Result<Self, FormatError> {
        let table = &track.samples;
        let mut this = Self::default();
        let mut start = ClipTime(0);
        for range in &clip.ranges {
            this.starts.push(start);
            start = start + decoded_until(table, clip, range, range.len(), &source)?;
        }
        if table.pictures(&source)?.is_some() {
            this.detected = Some(SampleRange::detected_sync(&clip.ranges, table, &source)?);
        }
        Ok(this)
    }

    /// Memory held besides the struct itself.
    pub(super) fn heap_size(&self) -> usize {
        let detected = self.detected.as_ref().map_or(0, Vec::capacity);
        self.starts.capacity() * size_of::<ClipTime>() + detected * size_of::<SampleNumber>()
    }
}

/// How long the first `len` samples of a range are decoded.
fn decoded_until<R: ReadAt>(
    table: &SampleTable,
    clip: &TrackClip,
    range: &SampleRange,
    len: u32,
    source: &R,
) -> Result<ClipTime, FormatError> {
    let mut time = ClipTime(0);
    if let Some(lead_in) = &range.lead_in {
        if len < lead_in.len {
            return Ok(lead_in.step.times(len));
        }
        time = lead_in.step.times(lead_in.len.saturating_sub(1)) + lead_in.last_duration;
    }
    let unchanged = range.unchanged();
    let until = (range.samples.start + len).min(unchanged.end);
    if until > unchanged.start {
        let mut lasts =
            table.decode_end_of(source, &(unchanged.start..until))? - table.dts(source, unchanged.start)?;
        if range.first_sample_trim > MediaTime(0) {
            lasts = lasts - range.first_sample_trim.min(table.duration(source, unchanged.start)?);
        }
        if until == unchanged.end {
            lasts = lasts + range.gap.max(MediaTime(0));
        }
        time = time + lasts.in_clip(clip.multiplier);
    }
    let retimed = (range.samples.start + len) - unchanged.end;
    let ending = range.ending.iter().take(retimed as usize);
    Ok(ending.fold(time, |time, sample| time + sample.duration))
}

impl<'a> ClipTrack<'a> {
    /// Number of samples.
    pub(crate) fn count(&self) -> SampleNumber {
        SampleNumber(self.clip.sample_count())
    }

    /// The range that holds a sample of the clip, and which of its samples that is.
    fn range_of(&self, sample: SampleNumber) -> Option<(usize, &'a SampleRange, u32)> {
        let n = self.clip.ranges.partition_point(|range| range.place <= sample).checked_sub(1)?;
        let range = self.clip.ranges.get(n)?;
        Some((n, range, sample - range.place))
    }

    /// Decode time of a sample; of the sample after the last, when that ends.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn dts(&self, sample: SampleNumber) -> Result<ClipTime, FormatError> {
        let Some((n, range, at)) = self.range_of(sample) else { return Ok(ClipTime(0)) };
        let start = self.starts.get(n).copied().unwrap_or_default();
        Ok(start + decoded_until(self.table, self.clip, range, at, &self.source)?)
    }

    /// Composition time of a sample.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn cts(&self, sample: SampleNumber) -> Result<ClipTime, FormatError> {
        let mut offset = ClipTime(0);
        self.each_time(sample..sample.next(), |entry| offset = entry.signed_offset())?;
        Ok(self.dts(sample)? + offset)
    }

    /// Visits where some samples lie in the file, in their order, until that breaks off.
    ///
    /// # Errors
    /// When the file cannot be read, and those of `visit`.
    pub(crate) fn each_place(
        &self,
        samples: Range<SampleNumber>,
        mut visit: impl FnMut(Range<FileOffset>) -> Result<ControlFlow<()>, FormatError>,
    ) -> Result<(), FormatError> {
        let mut flow = ControlFlow::Continue(());
        self.each_part(samples, |_, part| {
            if flow.is_break() {
                return Ok(());
            }
            each_range(self.table, &self.source, part, |range| {
                flow = visit(range)?;
                Ok(flow)
            })
        })
    }

    /// Visits the ranges of the clip that hold some samples, with the part of each in numbers of
    /// the file.
    pub(super) fn each_part(
        &self,
        samples: Range<SampleNumber>,
        mut visit: impl FnMut(&SampleRange, Range<SampleNumber>) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let first = self.range_of(samples.start).map_or(0, |(n, ..)| n);
        for range in self.clip.ranges.get(first..).unwrap_or_default() {
            if range.place >= samples.end {
                break;
            }
            let from = samples.start.max(range.place) - range.place;
            let to = (samples.end - range.place).min(range.len());
            if from < to {
                visit(range, range.samples.start + from..range.samples.start + to)?;
            }
        }
        Ok(())
    }

    /// Visits the entries of a run of these samples, with the fields that `fields` names.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn each_entry(
        &self,
        samples: Range<SampleNumber>,
        fields: TrunFields,
        mut visit: impl FnMut(&TrunEntry),
    ) -> Result<(), FormatError> {
        let sync = if fields.flags { self.sync_in(&samples)? } else { Vec::new() };
        let mut sync = sync.into_iter().peekable();
        let mut sample = samples.start;
        let mut sizes = Vec::new();
        if fields.size {
            sizes.reserve_exact(samples.count() as usize);
            self.each_part(samples.clone(), |_, part| {
                let mut reader = self.table.sizes.reader(&self.source, part.units());
                reader.each(part.count(), |size| sizes.push(size))
            })?;
        }
        let mut sizes = sizes.into_iter();
        self.each_time(samples, |times| {
            let is_sync = sync.next_if_eq(&sample).is_some();
            let flags = if is_sync { SampleFlags::SYNC } else { SampleFlags::NON_SYNC };
            visit(&TrunEntry { size: sizes.next().unwrap_or(0), flags, ..times });
            sample = sample.next();
        })
    }

    /// Visits durations and composition offsets of some samples.
    pub(super) fn each_time(
        &self,
        samples: Range<SampleNumber>,
        mut visit: impl FnMut(TrunEntry),
    ) -> Result<(), FormatError> {
        self.each_part(samples, |range, part| {
            let hidden = range.lead_in.map_or(0, |lead_in| lead_in.len);
            let from = part.start - range.samples.start;
            let shown = range.samples.start + hidden;
            if part.start < shown {
                self.lead_in_times(range, from..(part.end.min(shown) - range.samples.start), &mut visit)?;
            }
            let unchanged = range.unchanged();
            let own = part.start.max(unchanged.start)..part.end.min(unchanged.end);
            if own.start < own.end {
                self.own_times(range, own, &mut visit)?;
            }
            let from = part.start.max(unchanged.end) - unchanged.end;
            let to = part.end - unchanged.end;
            let shift = self.clip.offset_shift;
            for sample in range.ending.get(from as usize..to as usize).unwrap_or_default() {
                let offset = (sample.offset + shift).offset_field();
                visit(TrunEntry { duration: sample.duration.duration_field(), offset, ..<_>::default() });
            }
            Ok(())
        })
    }

    /// Times of samples that a lead-in gives, counted from the start of the range.
    fn lead_in_times(
        &self,
        range: &SampleRange,
        part: Range<u32>,
        visit: &mut impl FnMut(TrunEntry),
    ) -> Result<(), FormatError> {
        let Some(lead_in) = &range.lead_in else { return Ok(()) };
        let shift = self.clip.offset_shift;
        let mut n = part.start;
        let mut put = |offset: ClipTime| {
            let is_last = n + 1 == lead_in.len;
            let duration = if is_last { lead_in.last_duration } else { lead_in.step }.duration_field();
            visit(TrunEntry { duration, offset: (offset + shift).offset_field(), ..<_>::default() });
            n += 1;
        };
        if lead_in.in_order {
            part.for_each(|_| put(ClipTime(0)));
            return Ok(());
        }
        lead_in.each_offset(self.table, &self.source, range.samples.start, part, put)
    }

    /// Times of samples that are the file's own, but for the first and the last of the range.
    fn own_times(
        &self,
        range: &SampleRange,
        part: Range<SampleNumber>,
        visit: &mut impl FnMut(TrunEntry),
    ) -> Result<(), FormatError> {
        let (shift, multiplier) = (self.clip.offset_shift, self.clip.multiplier);
        let unchanged = range.unchanged();
        for run in self.table.joint_once_at(&self.source, part.start)? {
            let run = run?;
            if run.sample >= part.end {
                return Ok(());
            }
            let offset = (run.offset.in_clip(multiplier) + shift).offset_field();
            for sample in (run.sample..run.end().min(part.end)).each() {
                let trim = if sample == unchanged.start { range.first_sample_trim } else { MediaTime(0) };
                let gap = if sample.next() == unchanged.end { range.gap } else { MediaTime(0) };
                let lasts = (run.delta - trim).max(MediaTime(0)) + gap.max(MediaTime(0));
                let duration = lasts.in_clip(multiplier).duration_field();
                visit(TrunEntry { duration, offset, ..<_>::default() });
            }
        }
        Ok(())
    }

    /// Whether all samples have the first sample description.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn has_one_description(&self) -> Result<bool, FormatError> {
        for range in &self.clip.ranges {
            let first = self.table.chunk_of(&self.source, range.samples.start)?;
            let last = self.table.chunk_of(&self.source, range.samples.end - 1)?;
            for run in self.table.stsc.pieces_from(&self.source, first.number.0)? {
                let run = run?;
                if run.unit > last.number.0 {
                    break;
                }
                if run.description_index() != 1 {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The samples among these that decoding can begin at.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn sync_in(&self, samples: &Range<SampleNumber>) -> Result<Vec<SampleNumber>, FormatError> {
        if let Some(detected) = self.detected {
            let from = detected.partition_point(|sync| *sync < samples.start);
            let to = detected.partition_point(|sync| *sync < samples.end);
            return Ok(detected.get(from..to).unwrap_or_default().to_vec());
        }
        let SyncSamples::Listed(table) = self.listed()? else { return Ok(samples.clone().each().collect()) };
        let mut found = Vec::new();
        self.each_part(samples.clone(), |range, part| {
            let mut put = |sample: SampleNumber| found.push(range.place + (sample - range.samples.start));
            if part.start == range.samples.start && range.joined_until > part.start {
                put(part.start);
            }
            let from = part.start.max(range.joined_until);
            let listed = SyncSamples::listed_from(&table, &self.source, self.table.count, from)?;
            // A table in order has no more entries for them, however often others name one sample.
            for listed in listed.take(part.count() as usize) {
                match listed? {
                    Some(sync) if sync >= part.end => break,
                    Some(sync) if sync >= from => put(sync),
                    _ => {}
                }
            }
            Ok(())
        })?;
        found.dedup();
        Ok(found)
    }

    /// The first sample from `from` on that decoding can begin at.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn next_sync(&self, from: SampleNumber) -> Result<Option<SampleNumber>, FormatError> {
        if let Some(detected) = self.detected {
            return Ok(detected.get(detected.partition_point(|sync| *sync < from)).copied());
        }
        let SyncSamples::Listed(table) = self.listed()? else {
            return Ok(Some(from).filter(|from| *from < self.count()));
        };
        let first = self.range_of(from).map_or(0, |(n, ..)| n);
        for range in self.clip.ranges.get(first..).unwrap_or_default() {
            let start = range.samples.start + (from.max(range.place) - range.place);
            if start == range.samples.start && range.joined_until > start {
                return Ok(Some(range.place));
            }
            let start = start.max(range.joined_until);
            let listed = SyncSamples::listed_from(&table, &self.source, self.table.count, start)?;
            for listed in listed.take(limits::SYNC_STEPS) {
                match listed? {
                    Some(sync) if sync >= range.samples.end => break,
                    Some(sync) if sync >= start => {
                        return Ok(Some(range.place + (sync - range.samples.start)));
                    }
                    _ => {}
                }
            }
        }
        Ok(None)
    }

    /// The list of sync samples, where it is to be believed.
    pub(super) fn listed(&self) -> Result<SyncSamples, FormatError> {
        Ok(match self.table.sync {
            SyncSamples::Listed(table) if !self.table.is_whole(&self.source)? => SyncSamples::Listed(table),
            _ => SyncSamples::All,
        })
    }

    /// Which fields the entries of this track's runs have: those that are not the same for all.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn fields(&self) -> Result<TrunFields, FormatError> {
        let is_changed = |range: &SampleRange| {
            range.lead_in.is_some()
                || range.first_sample_trim > MediaTime(0)
                || range.gap > MediaTime(0)
                || !range.ending.is_empty()
        };
        let is_changed = self.clip.ranges.iter().any(is_changed);
        let (shortest, longest) = self.table.extreme_durations();
        Ok(TrunFields {
            duration: is_changed || shortest != longest,
            size: !matches!(self.table.sizes, SampleSizes::Constant { .. }),
            flags: self.detected.is_some() || matches!(self.listed()?, SyncSamples::Listed(_)),
            offset: is_changed || self.table.ctts.is_some() || self.clip.offset_shift != ClipTime(0),
        })
    }
}
