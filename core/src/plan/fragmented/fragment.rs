//! The fragments of a segment.

use std::ops::Range;

use crate::boxes::{FormatError, TrunFields};
use crate::numbers::{Numbers, SampleNumber};
use crate::time::{Rounding, rescale};

use super::file::{FragmentedFile, View};
use super::fixed_size;

/// A `moof` and its `mdat`.
#[derive(Debug)]
pub(crate) struct Fragment {
    /// The segment that it belongs to, and which of its fragments it is.
    pub(crate) segment: usize,
    pub(crate) number: u32,
    /// Where it begins in the file.
    pub(crate) start: u64,
    /// Bytes of the `moof` and the head of the `mdat`.
    pub(crate) head: u32,
    /// Bytes of media.
    pub(crate) media: u64,
    /// The run of each track.
    pub(crate) runs: Vec<FragmentRun>,
}

impl Fragment {
    /// Where it ends in the file.
    pub(crate) fn end(&self) -> u64 {
        self.start + u64::from(self.head) + self.media
    }
}

/// The samples of a track in a fragment.
#[derive(Debug)]
pub(crate) struct FragmentRun {
    pub(crate) track_id: u32,
    pub(crate) samples: Range<SampleNumber>,
    pub(crate) bytes: u64,
    pub(crate) fields: TrunFields,
}

impl FragmentRun {
    /// Bytes of the entries of its `trun`.
    fn entries_size(&self) -> u32 {
        self.samples.count().saturating_mul(self.fields.entry_size())
    }
}

impl FragmentedFile {
    /// The fragment of a segment that a byte of the file is in, or the first.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub(crate) fn fragment_at(
        &self,
        view: &View<'_>,
        segment: usize,
        offset: u64,
    ) -> Result<Fragment, FormatError> {
        let mut start = self.segment(segment).ok_or(FormatError::Changed)?.start;
        let count = self.fragment_count(segment);
        let mut from: Vec<_> = (0..self.tracks.len()).map(|t| self.samples(segment, t).start).collect();
        for n in 0..count {
            let fragment = self.fragment(view, segment, n, &from, start)?;
            if offset < fragment.end() || n + 1 == count {
                return Ok(fragment);
            }
            start = fragment.end();
            from = fragment.runs.iter().map(|run| run.samples.end).collect();
        }
        Err(FormatError::Changed)
    }

    /// Fragment `n` of a segment, whose tracks begin with the samples `from`.
    fn fragment(
        &self,
        view: &View<'_>,
        segment: usize,
        n: u32,
        from: &[SampleNumber],
        start: u64,
    ) -> Result<Fragment, FormatError> {
        let all = self.samples(segment, self.reference);
        let end = (all.start + self.fragment_samples.saturating_mul(n + 1)).min(all.end);
        let is_last = n + 1 == self.fragment_count(segment);
        let reference = view.tracks.get(self.reference).ok_or(FormatError::Changed)?;
        let until = if is_last { 0 } else { reference.decoded_at(end)? };
        let mut runs = Vec::new();
        let mut media = 0;
        for (t, (track, from)) in self.tracks.iter().zip(from).enumerate() {
            let samples = self.samples(segment, t);
            let of = view.tracks.get(t).ok_or(FormatError::Changed)?;
            let to = if is_last {
                samples.end
            } else if t == self.reference {
                end
            } else {
                let until = rescale(until.into(), reference.media, of.media, Rounding::Up);
                of.first_at(*from, until)?.clamp(*from, samples.end)
            };
            let samples = *from..to;
            let bytes = of.samples.bytes(samples.clone())?;
            runs.push(FragmentRun { samples, bytes, track_id: track.track_id, fields: track.fields });
            media += bytes;
        }
        let entries: u32 = runs.iter().map(FragmentRun::entries_size).sum();
        let head = fixed_size(self.tracks.len()) + entries;
        Ok(Fragment { segment, number: n, start, head, media, runs })
    }
}
