//! Where decoding can begin, by what the boxes say.

use std::ops::Range;

use crate::boxes::{FormatError, SyncSamples, Table};
use crate::limits;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::table::SampleTable;

/// Sync samples whose composition offsets are looked at: in open groups of pictures they differ.
const SYNC_OFFSETS: usize = 8;

impl SampleTable {
    /// The sync sample to begin decoding at, so that the samples from `sample` on in decode order
    /// and from `time` on in presentation can be shown: the last one that neither decodes after
    /// `sample` nor is presented after `time`. An open GOP's leading pictures are presented before
    /// their own sync sample and need the one before. Partial sync samples (`stps`, `rap `) do as
    /// well, and samples from which all is right after a while (`roll`), if that is by `sample`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn preceding_sync<R: ReadAt>(
        &self,
        source: &R,
        sample: SampleNumber,
        time: MediaTime,
    ) -> Result<SampleNumber, FormatError> {
        let Some(table) = self.listed_sync() else {
            let found = self.preceding_picture(source, sample, time)?;
            let otherwise = if self.begins_at_first(source)? { SampleNumber::FIRST } else { sample };
            return Ok(found.map_or(otherwise, |(sample, _)| sample));
        };
        let mut nearest = None;
        let mut found = None;
        for sync in SyncSamples::listed_back(table, source, self.count, sample)?.take(limits::SYNC_STEPS) {
            let sync = sync?;
            if sync > sample {
                break;
            }
            nearest = nearest.or(Some(sync));
            if self.cts(source, sync)? <= time {
                found = Some(sync);
                break;
            }
        }
        let mut other = None;
        if let Some(access) = &self.access {
            let later = found.map_or(SampleNumber::FIRST, SampleNumber::next);
            other = access.last_in(&self.groups, source, later, sample, |at, right| {
                Ok(right <= sample && self.cts(source, at)? <= time)
            })?;
        }
        Ok(other.or(found).or(nearest).unwrap_or_default())
    }

    /// The composition time of the sync sample presented last at or before `time`, or of another
    /// that is right where decoding begins with it (or, after a gradual refresh, some samples
    /// before it).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sync_at<R: ReadAt>(&self, source: &R, time: MediaTime) -> Result<Option<MediaTime>, FormatError> {
        if self.count == 0 {
            return Ok(None);
        }
        let (lowest, _) = self.offset_bounds();
        let last = self.sample_at_dts(source, time - lowest)?;
        // A track without (usable) sync samples begins at its first sample.
        let first = || Ok(Some(self.cts(source, SampleNumber::FIRST)?).filter(|&cts| cts <= time));
        let Some(table) = self.listed_sync() else {
            return match self.preceding_picture(source, last, time)? {
                Some((_, cts)) => Ok(Some(cts)),
                None if self.begins_at_first(source)? => first(),
                None => self.on_screen(source, time),
            };
        };
        let mut found = None;
        for sync in SyncSamples::listed_back(table, source, self.count, last)?.take(limits::SYNC_STEPS) {
            let sync = sync?;
            if sync >= self.end_number() {
                break;
            }
            let cts = self.cts(source, sync)?;
            if cts <= time {
                found = Some((sync, cts));
                break;
            }
        }
        let mut best = found.map(|(_, cts)| cts);
        if let Some(access) = &self.access {
            let later = found.map_or(SampleNumber::FIRST, |(sync, _)| sync.next());
            access.last_in(&self.groups, source, later, last, |_, right| {
                let is_held = right < self.end_number();
                let cts = if is_held { self.cts(source, right)? } else { MediaTime::MAX };
                best = best.max(Some(cts).filter(|&cts| cts <= time));
                Ok(cts <= time)
            })?;
        }
        best.map_or_else(first, |cts| Ok(Some(cts)))
    }

    /// The greatest composition offset of the first sync samples among some samples, if boxes say
    /// which those are.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sync_offset<R: ReadAt>(
        &self,
        source: &R,
        among: &Range<SampleNumber>,
    ) -> Result<Option<MediaTime>, FormatError> {
        let (Some(ctts), Some(table)) = (&self.ctts, self.listed_sync()) else { return Ok(None) };
        let first = SyncSamples::listed_before(table, source, self.count, among.start)?;
        let mut greatest = None;
        for entry in (first..table.count).take(SYNC_OFFSETS) {
            let sync = SyncSamples::listed(table, source, entry)?;
            let Some(sync) = sync.filter(|sync| among.contains(sync)) else { break };
            greatest = greatest.max(Some(ctts.at_unit(source, sync.0)?.offset()));
        }
        Ok(greatest)
    }

    /// The sync samples, where boxes say which they are.
    pub(crate) fn listed_sync(&self) -> Option<&Table> {
        match &self.sync {
            // What names none, or all, says no more than a table that is missing.
            SyncSamples::Listed(table) if (1..self.count).contains(&table.count) || self.access.is_some() => {
                Some(table)
            }
            _ => None,
        }
    }

    /// Whether no table says that decoding cannot begin at `sample`. A movie may begin before its
    /// first sync sample.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn may_begin_at<R: ReadAt>(&self, source: &R, sample: SampleNumber) -> Result<bool, FormatError> {
        // Where other boxes name places, too, the table does not say all.
        let Some(table) = self.listed_sync().filter(|_| self.access.is_none()) else { return Ok(true) };
        for listed in SyncSamples::listed_from(table, source, self.count, sample)? {
            if let Some(listed) = listed? {
                return Ok(listed == sample);
            }
        }
        Ok(false)
    }

    /// Whether a table says that nothing is a sync sample.
    pub(super) fn has_no_sync(&self) -> bool {
        matches!(&self.sync, SyncSamples::Listed(table) if table.count == 0)
    }

    /// Whether there is only the first to begin at: a table says that nothing is a sync sample, and
    /// the pictures do not say that all are.
    pub(super) fn begins_at_first<R: ReadAt>(&self, source: &R) -> Result<bool, FormatError> {
        Ok(self.has_no_sync() && !self.is_whole(source)?)
    }

    /// How many samples before `sample` the file says must be decoded for it to be right (`roll`,
    /// `prol`).
    ///
    /// # Errors
    /// As [`Self::dts`].
    pub fn roll_before<R: ReadAt>(&self, source: &R, sample: SampleNumber) -> Result<u32, FormatError> {
        self.access.as_ref().map_or(Ok(0), |access| access.roll_before(&self.groups, source, sample))
    }
}
