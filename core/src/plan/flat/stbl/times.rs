//! When samples are decoded and presented: `stts` and `ctts`.

use std::ops::Range;

use crate::boxes::{BoxHeader, BoxType, FormatError, Runs};
use crate::numbers::Numbers;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::flat::track_cut::TrackCut;
use crate::plan::part::EntryKind;
use crate::plan::slice::RunSlice;
use crate::seek::{LeadIn, SampleRange};
use crate::time::MediaTime;

/// Appends the `stts` (ISO/IEC 14496-12, 8.6.1.2). The first and the last sample of a range may
/// have another duration than in the source, and so have those of a lead-in.
pub(super) fn durations(cut: &TrackCut<'_>, out: &mut Assembly) -> Result<(), PlanError> {
    let stts = &cut.samples().stts;
    let multiplier = cut.clip.multiplier;
    let is_copied = stts.is_normal() && multiplier == 1;
    let mut list = Assembly::default();
    for range in cut.ranges() {
        if let Some(lead_in) = &range.lead_in {
            lead_in_durations(lead_in, &mut list);
        }
        let mut units = unchanged(range);
        let mut last = None;
        if range.gap > MediaTime(0) && !units.is_empty() {
            units.end -= 1;
            let trim = if units.is_empty() { range.first_sample_trim } else { MediaTime(0) };
            last = Some(duration(cut, units.end, trim, range.gap)?);
        }
        if range.first_sample_trim > MediaTime(0) && !units.is_empty() {
            list.entry(1, duration(cut, units.start, range.first_sample_trim, MediaTime(0))?);
            units.start += 1;
        }
        let slice = RunSlice::of(stts, &cut.film.source, units)?;
        let generated = (!is_copied).then(|| cut.entries(8, EntryKind::Times(slice.clone(), multiplier)));
        list.runs(&cut.film.source, stts, slice, generated)?;
        last.into_iter().for_each(|duration| list.entry(1, duration));
        merged(&mut list, range.ending.iter().map(|sample| sample.duration.duration_field()));
    }
    out.list(BoxType(*b"stts"), &[0; 4], 8, list)
}

/// The samples of a range whose times are neither a lead-in's nor those of its ending.
fn unchanged(range: &SampleRange) -> Range<u32> {
    let lead_in = range.lead_in.as_ref().map_or(0, |lead_in| lead_in.len);
    let ending = u32::try_from(range.ending.len()).unwrap_or(0);
    (range.samples.start + lead_in..range.samples.end - ending).units()
}

/// The duration of a sample in the clip, of which something was taken off or added.
fn duration(cut: &TrackCut<'_>, sample: u32, trim: MediaTime, gap: MediaTime) -> Result<u32, PlanError> {
    let source =
        u32::try_from(cut.samples().stts.at_unit(&cut.film.source, sample)?.value).unwrap_or(u32::MAX);
    let ticks = |time: MediaTime| u32::try_from(time.0).unwrap_or(u32::MAX);
    let clip = source.saturating_sub(ticks(trim)).checked_add(ticks(gap));
    let clip = clip.and_then(|ticks| ticks.checked_mul(cut.clip.multiplier));
    clip.ok_or(PlanError::LongDuration)
}

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
    let version = cut.version(header)?;
    let Some(ctts) = &cut.samples().ctts else { return Ok(()) };
    let shift = cut.clip.offset_shift.0;
    let (_, highest) = ctts.extremes();
    if highest.saturating_mul(cut.clip.multiplier.into()).saturating_add(shift) > i64::from(i32::MAX) {
        return Err(header.error("composition offsets too large to be moved").into());
    }
    let mut list = Assembly::default();
    let mut all_zero = true;
    for range in cut.ranges() {
        if let Some(lead_in) = &range.lead_in {
            all_zero &= lead_in_offsets(cut, range, lead_in, &mut list);
        }
        all_zero &= source_offsets(cut, ctts, unchanged(range), &mut list)?;
        let ending = || range.ending.iter().map(|sample| offset_field(sample.offset.0.saturating_add(shift)));
        all_zero &= ending().all(|offset| offset == 0);
        merged(&mut list, ending());
    }
    if all_zero {
        return Ok(());
    }
    out.list(header.box_type, &[version, 0, 0, 0], 8, list)
}

/// The offsets of a lead-in, which begins its range. Says whether all are 0.
fn lead_in_offsets(cut: &TrackCut<'_>, range: &SampleRange, lead_in: &LeadIn, list: &mut Assembly) -> bool {
    let shift = cut.clip.offset_shift.0;
    if lead_in.in_order {
        list.entry(lead_in.len, offset_field(shift));
        return shift == 0;
    }
    let kind = EntryKind::LeadIn(*lead_in, range.samples.start, shift);
    list.entries(lead_in.len, cut.entries(8, kind));
    false
}

/// The source's own offsets, moved. Says whether all are 0.
fn source_offsets(
    cut: &TrackCut<'_>,
    ctts: &Runs,
    units: Range<u32>,
    list: &mut Assembly,
) -> Result<bool, FormatError> {
    if units.is_empty() {
        return Ok(true);
    }
    let (shift, multiplier) = (cut.clip.offset_shift.0, cut.clip.multiplier);
    let first = units.start;
    let slice = RunSlice::of(ctts, &cut.film.source, units)?;
    let all_zero = slice.count == 1
        && ctts.at_unit(&cut.film.source, first)?.offset().saturating_mul(multiplier.into()) + shift == 0;
    let is_copied = ctts.is_normal() && shift == 0 && multiplier == 1;
    let generated =
        (!is_copied).then(|| cut.entries(8, EntryKind::Offsets(slice.clone(), multiplier, shift)));
    list.runs(&cut.film.source, ctts, slice, generated)?;
    Ok(all_zero)
}

/// Appends an entry for each run of equal values.
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

/// The 32 bits of a composition offset in its field. One that does not fit becomes the nearest that
/// does.
pub(crate) fn offset_field(offset: i64) -> u32 {
    let offset = i32::try_from(offset).unwrap_or(if offset < 0 { i32::MIN } else { i32::MAX });
    u32::from_be_bytes(offset.to_be_bytes())
}
