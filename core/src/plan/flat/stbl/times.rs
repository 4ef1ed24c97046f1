//! When samples are decoded and presented: `stts` and `ctts`.

use std::ops::Range;

use crate::boxes::{BoxHeader, FormatError, RUN_ENTRY_SIZE, Runs, read_ctts_head, stts_head};
use crate::numbers::SampleNumber;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::flat::track_cut::TrackCut;
use crate::plan::part::EntryKind;
use crate::plan::slice::RunSlice;
use crate::seek::{LeadIn, SampleRange};
use crate::time::{ClipTime, MediaTime};

/// Appends the `stts` (ISO/IEC 14496-12, 8.6.1.2). The first and the last sample of a range may
/// have another duration than in the source, and so have those of a lead-in.
pub(super) fn durations(cut: &TrackCut<'_>, out: &mut Assembly) -> Result<(), PlanError> {
    let stts = &cut.samples().stts;
    let multiplier = cut.clip.multiplier;
    let is_copied = stts.is_normal() && multiplier == 1;
    out.table(&stts_head(), |out| {
        for range in cut.ranges() {
            if let Some(lead_in) = &range.lead_in {
                lead_in_durations(lead_in, out);
            }
            let mut samples = range.unchanged();
            let mut last = None;
            if range.gap > MediaTime(0) && !samples.is_empty() {
                samples.end = samples.end - 1;
                let trim = if samples.is_empty() { range.first_sample_trim } else { MediaTime(0) };
                last = Some(duration(cut, samples.end, trim, range.gap)?);
            }
            if range.first_sample_trim > MediaTime(0) && !samples.is_empty() {
                let first = duration(cut, samples.start, range.first_sample_trim, MediaTime(0))?;
                out.entry(1, first.duration_field());
                samples.start = samples.start.next();
            }
            let slice = RunSlice::of(stts, &cut.film.source, samples)?;
            let generated = (!is_copied)
                .then(|| cut.entries(RUN_ENTRY_SIZE, EntryKind::Times(slice.clone(), multiplier)));
            out.runs(&cut.film.source, stts, slice, generated)?;
            last.into_iter().for_each(|duration| out.entry(1, duration.duration_field()));
            merged(out, range.ending.iter().map(|sample| sample.duration.duration_field()));
        }
        Ok(())
    })
}

/// The duration in the clip of a sample that lasts shorter by `trim` and longer by `gap`. It fits
/// its field.
fn duration(
    cut: &TrackCut<'_>,
    sample: SampleNumber,
    trim: MediaTime,
    gap: MediaTime,
) -> Result<ClipTime, PlanError> {
    let source = MediaTime::of_duration(cut.samples().stts.at_unit(&cut.film.source, sample.0)?.value);
    let duration = ((source - trim).max(MediaTime(0)) + gap).in_clip(cut.clip.multiplier);
    if duration.fits_field() { Ok(duration) } else { Err(PlanError::LongDuration) }
}

/// Appends the durations of a lead-in.
fn lead_in_durations(lead_in: &LeadIn, list: &mut Assembly) {
    let last = u32::from(lead_in.last_duration != lead_in.step);
    if lead_in.len > last {
        list.entry(lead_in.len - last, lead_in.step.duration_field());
    }
    if last > 0 {
        list.entry(1, lead_in.last_duration.duration_field());
    }
}

/// Appends the `ctts` (8.6.1.3), unless all offsets are 0.
pub(super) fn composition_offsets(
    cut: &TrackCut<'_>,
    header: &BoxHeader,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let Some(ctts) = &cut.samples().ctts else { return Ok(()) };
    let shift = cut.clip.offset_shift;
    let (_, highest) = cut.samples().extreme_offsets();
    if highest.in_clip(cut.clip.multiplier) + shift > ClipTime::MAX_OFFSET {
        return Err(header.error("composition offsets too large to be moved").into());
    }
    let mut list = Assembly::default();
    let mut all_zero = true;
    for range in cut.ranges() {
        if let Some(lead_in) = &range.lead_in {
            all_zero &= lead_in_offsets(cut, range, lead_in, &mut list);
        }
        all_zero &= source_offsets(cut, ctts, range.unchanged(), &mut list)?;
        let ending = || range.ending.iter().map(|sample| (sample.offset + shift).offset_field());
        all_zero &= ending().all(|offset| offset == 0);
        merged(&mut list, ending());
    }
    if all_zero {
        return Ok(());
    }
    out.table(&read_ctts_head(&mut cut.reader(), header)?, |out| {
        out.append(list);
        Ok(())
    })
}

/// Appends the offsets of a lead-in, which begins its range. Returns whether all are 0.
fn lead_in_offsets(cut: &TrackCut<'_>, range: &SampleRange, lead_in: &LeadIn, list: &mut Assembly) -> bool {
    let shift = cut.clip.offset_shift;
    if lead_in.in_order {
        list.entry(lead_in.len, shift.offset_field());
        return shift == ClipTime(0);
    }
    let kind = EntryKind::LeadIn(*lead_in, range.samples.start, shift);
    list.entries(lead_in.len, cut.entries(RUN_ENTRY_SIZE, kind));
    false
}

/// Appends the source's own offsets, moved. Returns whether all are 0.
fn source_offsets(
    cut: &TrackCut<'_>,
    ctts: &Runs,
    samples: Range<SampleNumber>,
    list: &mut Assembly,
) -> Result<bool, FormatError> {
    if samples.is_empty() {
        return Ok(true);
    }
    let (shift, multiplier) = (cut.clip.offset_shift, cut.clip.multiplier);
    let first = samples.start;
    let slice = RunSlice::of(ctts, &cut.film.source, samples)?;
    let first_offset = || ctts.at_unit(&cut.film.source, first.0).map(|run| run.offset());
    let all_zero = slice.count == 1 && first_offset()?.in_clip(multiplier) + shift == ClipTime(0);
    let is_copied = ctts.is_normal() && shift == ClipTime(0) && multiplier == 1;
    let generated = (!is_copied)
        .then(|| cut.entries(RUN_ENTRY_SIZE, EntryKind::Offsets(slice.clone(), multiplier, shift)));
    list.runs(&cut.film.source, ctts, slice, generated)?;
    Ok(all_zero)
}

/// Appends an entry for each run of equal values. The values are fields as they are written.
fn merged(list: &mut Assembly, values: impl Iterator<Item = u32>) {
    let mut run = (0, 0);
    for value in values {
        if run.0 > 0 && run.1 != value {
            list.entry(run.0, run.1);
            run.0 = 0;
        }
        run = (run.0 + 1, value);
    }
    if run.0 > 0 {
        list.entry(run.0, run.1);
    }
}
