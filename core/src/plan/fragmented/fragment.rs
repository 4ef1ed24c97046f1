//! The `moof` and `mdat` of a segment.
//!
//! Each segment is one fragment: libavformat jumps from one entry of the index to the next, and
//! would skip further fragments between them. A player needs the first audio together with the
//! first video. So the media of the other tracks, which is little, precedes that of the reference,
//! the video, and what is needed first comes first:
//!
//! ```text
//! moof   traf of the video     trun
//!        traf of the audio     trun
//! mdat   samples of the audio, samples of the video
//! ```
//!
//! Several `trun`s in turns would do the same with less ahead. Chromium seeks wrongly in them:
//! libavformat notes where the last `trun` of a `traf` begins as the start of the fragment. Only
//! segments of very many samples have them, where one would take too much memory.

use std::ops::{ControlFlow, Range};

use crate::boxes::{FormatError, MOOF_HEAD_SIZE, TRAF_HEAD_SIZE, TRUN_HEAD_SIZE, TrunFields};
use crate::extents::{Extent, ExtentList};
use crate::index::Film;
use crate::numbers::{Numbers, SampleNumber};
use crate::offsets::MediaOffset;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::part::Plan;
use crate::time::{Rounding, rescale};

use super::file::{FragmentedFile, View};
use super::fixed_size;

/// A segment, laid out.
#[derive(Debug)]
pub(crate) struct Fragment {
    /// Its number, from 0.
    pub(crate) segment: usize,
    /// Where it begins in the file.
    pub(crate) start: u64,
    /// Bytes of the `moof` and the head of the `mdat`.
    pub(crate) head: u32,
    /// Bytes of media.
    pub(crate) media: u64,
    /// What the `traf` of each track has behind its runs. Its places are counted from the start of
    /// the `moof`.
    pub(crate) protection: Vec<Plan>,
    /// The runs in the order of their media.
    pub(crate) runs: Vec<FragmentRun>,
}

impl Fragment {
    /// Where it ends in the file.
    pub(crate) fn end(&self) -> u64 {
        self.start + u64::from(self.head) + self.media
    }

    /// The runs of a track.
    pub(crate) fn runs_of(&self, track: usize) -> impl Iterator<Item = &FragmentRun> {
        self.runs.iter().filter(move |run| run.track == track)
    }

    /// Visits where media lies in the source of which at least a byte is in these of the file.
    /// Positions are those in the file. Ends where `visit` breaks off.
    ///
    /// # Errors
    /// When the film cannot be read, and those of `visit`.
    pub(crate) fn each_extent(
        &self,
        view: &View<'_>,
        wanted: Range<MediaOffset>,
        mut visit: impl FnMut(Extent) -> Result<ControlFlow<()>, FormatError>,
    ) -> Result<(), FormatError> {
        let mut flow = ControlFlow::Continue(());
        for run in &self.runs {
            let mut position = MediaOffset(self.start + run.offset);
            let Some(track) = view.tracks.get(run.track) else { continue };
            // The runs are in the order of their media.
            if flow.is_break() || position >= wanted.end {
                break;
            }
            if run.bytes == 0 || position + run.bytes <= wanted.start {
                continue;
            }
            let mut samples = run.samples.clone();
            if wanted.start > position {
                let (near, before) = track.samples.near_byte(samples.clone(), wanted.start - position)?;
                (samples.start, position) = (near, position + before);
            }
            track.samples.each_place(samples, |range| {
                let extent = Extent { offset: range.start, len: range.end - range.start, position };
                position = extent.position_end();
                if extent.position >= wanted.end {
                    flow = ControlFlow::Break(());
                } else if position > wanted.start {
                    flow = visit(extent)?;
                }
                Ok(flow)
            })?;
        }
        Ok(())
    }
}

/// Some samples of a track whose media lies in one place of a segment.
#[derive(Debug)]
pub(crate) struct FragmentRun {
    /// Which of the file's tracks it is of.
    pub(crate) track: usize,
    pub(crate) track_id: u32,
    pub(crate) samples: Range<SampleNumber>,
    /// Where its media begins, from the start of the `moof`.
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) fields: TrunFields,
}

impl FragmentRun {
    /// Bytes of its `trun`.
    pub(crate) fn size(&self) -> u32 {
        TRUN_HEAD_SIZE.saturating_add(self.samples.count().saturating_mul(self.fields.entry_size()))
    }
}

impl FragmentedFile {
    /// Lays out a segment.
    ///
    /// # Errors
    /// When the film cannot be read.
    pub(crate) fn fragment(&self, view: &View<'_>, segment: usize) -> Result<Fragment, FormatError> {
        let start = self.segment(segment).ok_or(FormatError::Changed)?.start;
        let (tracks, turns) = (self.tracks.len(), self.turns(segment));
        let entries = |t: usize| {
            let fields = self.tracks.get(t).map_or(0, |track| track.fields.entry_size());
            self.samples(segment, t).count().saturating_mul(fields)
        };
        let mut head = fixed_size(tracks, turns) + (0..tracks).map(entries).sum::<u32>();
        let mut protection = Vec::new();
        let mut at = MOOF_HEAD_SIZE;
        for t in 0..tracks {
            let boxes = self.protection(&view.film, segment, t)?;
            let len = u32::try_from(boxes.len()).unwrap_or(u32::MAX);
            let runs = turns.saturating_mul(TRUN_HEAD_SIZE).saturating_add(entries(t));
            at = at.saturating_add(TRAF_HEAD_SIZE).saturating_add(runs);
            let plan = boxes.into_plan_at(at.into(), ExtentList::default().into(), String::new());
            protection.push(plan.map_err(|_| FormatError::Changed)?);
            // Of a source that was changed, they may be longer than they were laid out.
            (at, head) = (at.saturating_add(len), head.saturating_add(len));
        }
        let mut this = Fragment { segment, start, head, media: 0, protection, runs: Vec::new() };
        let mut from: Vec<_> = (0..tracks).map(|t| self.samples(segment, t).start).collect();
        for turn in 0..turns {
            self.add_turn(view, turn, &mut from, &mut this)?;
        }
        Ok(this)
    }

    /// What the `traf` of a track in a segment has behind its runs.
    pub(super) fn protection(
        &self,
        film: &Film<'_>,
        segment: usize,
        track: usize,
    ) -> Result<Assembly, FormatError> {
        let of = self.tracks.get(track).ok_or(FormatError::Changed)?;
        of.protection(film, &self.samples(segment, track)).map_err(|e| match e {
            PlanError::Format(e) => e,
            // It was laid out before.
            _ => FormatError::Changed,
        })
    }

    /// Adds a run of each track, which begin with the samples `from`.
    fn add_turn(
        &self,
        view: &View<'_>,
        turn: u32,
        from: &mut [SampleNumber],
        out: &mut Fragment,
    ) -> Result<(), FormatError> {
        let all = self.samples(out.segment, self.reference);
        let end = (all.start + self.run_samples.saturating_mul(turn + 1)).min(all.end);
        let is_last = turn + 1 == self.turns(out.segment);
        let reference = view.tracks.get(self.reference).ok_or(FormatError::Changed)?;
        let until = if is_last { 0 } else { reference.decoded_at(end)? };
        let others = (0..self.tracks.len()).filter(|t| *t != self.reference);
        for t in others.chain([self.reference]) {
            let (Some(track), Some(from)) = (self.tracks.get(t), from.get_mut(t)) else { continue };
            let last = self.samples(out.segment, t).end;
            let of = view.tracks.get(t).ok_or(FormatError::Changed)?;
            let to = if is_last {
                last
            } else if t == self.reference {
                end
            } else {
                let until = rescale(until.into(), reference.media, of.media, Rounding::Up);
                of.first_at(*from, until)?.clamp(*from, last)
            };
            let samples = *from..to;
            *from = to;
            let bytes = of.samples.bytes(samples.clone())?;
            let offset = u64::from(out.head) + out.media;
            let (track_id, fields) = (track.track_id, track.fields);
            out.runs.push(FragmentRun { track: t, track_id, samples, offset, bytes, fields });
            out.media += bytes;
        }
        Ok(())
    }
}
