//! A track run, and what else its fragment says of its samples.

use crate::boxes::{
    BoxHeader, BoxType, FormatError, Reader, SampleDefaults, TrunBox, TrunField, most_group_runs,
};
use crate::offsets::FileOffset;
use crate::source::ReadAt;
use crate::time::MediaTime;

use super::auxiliary::FragmentAuxiliary;
use super::run_lengths::RunLengths;

/// A `trun` (8.8.8) and where its media is.
pub(crate) struct Run {
    pub(crate) track: usize,
    /// Where its media begins.
    pub(crate) offset: FileOffset,
    /// Where its media ends.
    pub(crate) end: FileOffset,
    pub(crate) trun: TrunBox,
    pub(crate) defaults: SampleDefaults,
    /// `tfdt` (8.8.12), for the first run of a fragment.
    pub(crate) decode_time: Option<MediaTime>,
    /// Time that passes before it without any sample.
    pub(crate) pause: MediaTime,
    /// What else the fragment says of its samples, for its first run.
    pub(crate) more: Option<More>,
}

/// What a fragment says of its samples, besides its runs.
pub(crate) struct More {
    pub(crate) boxes: Vec<BoxHeader>,
    pub(crate) auxiliary: Option<FragmentAuxiliary>,
    /// Samples of each run.
    pub(crate) runs: RunLengths,
    /// Boxes that may speak of samples one by one.
    pub(crate) unknown: Vec<BoxType>,
}

/// Whether a box of a `traf` or `stbl` speaks of samples one by one, and is put together from those
/// of the fragments.
pub(crate) fn is_more(header: &BoxHeader) -> bool {
    matches!(&header.box_type.0, b"sgpd" | b"sbgp" | b"csgp" | b"sdtp" | b"subs")
}

/// How many runs of samples the boxes of `count` samples may say to be in one group.
pub(crate) fn most_groups(boxes: &[BoxHeader], count: u32) -> u64 {
    boxes.iter().map(|header| most_group_runs(header).min(count.into())).sum()
}

impl More {
    /// Number of samples.
    pub(crate) fn count(&self) -> u32 {
        self.runs.sum()
    }

    /// Bytes of auxiliary information that it may have.
    pub(crate) fn most_auxiliary(&self, count: u32) -> u64 {
        if self.auxiliary.is_some() { u64::from(count) * MOST_OF_SAMPLE } else { 0 }
    }
}

/// Bytes of auxiliary information that a sample may have (8.7.8.2).
pub(crate) const MOST_OF_SAMPLE: u64 = 255;

impl Run {
    /// Number of samples.
    pub(crate) fn count(&self) -> u32 {
        self.trun.sample_count()
    }

    /// By how much its first sample is presented after it is decoded.
    pub(crate) fn first_offset<R: ReadAt>(
        &self,
        reader: &mut Reader<'_, R>,
    ) -> Result<MediaTime, FormatError> {
        if !self.trun.has(TrunField::CompositionOffset) {
            return Ok(MediaTime(0));
        }
        let mut first = MediaTime(0);
        self.trun.each_window(reader, |_, entries| {
            let offset = entries.column(TrunField::CompositionOffset, 0).next();
            first = offset.map_or(MediaTime(0), MediaTime::of_offset_field);
            false
        })?;
        Ok(first)
    }

    /// How many of its samples lie inside the file.
    pub(crate) fn complete_samples<R: ReadAt>(&self, reader: &mut Reader<'_, R>) -> Result<u32, FormatError> {
        let Some(mut left) = reader.file_len().checked_sub(self.offset.0) else { return Ok(0) };
        if self.end.0 <= reader.file_len() {
            return Ok(self.count());
        }
        if !self.trun.has(TrunField::Size) {
            let complete = left.checked_div(u64::from(self.defaults.size)).unwrap_or(u64::MAX);
            return Ok(u32::try_from(complete).unwrap_or(u32::MAX).min(self.count()));
        }
        let mut complete = 0;
        self.trun.each_window(reader, |_, entries| {
            for size in entries.column(TrunField::Size, 0) {
                match left.checked_sub(u64::from(size)) {
                    Some(rest) => left = rest,
                    None => return false,
                }
                complete += 1;
            }
            true
        })?;
        Ok(complete)
    }
}
