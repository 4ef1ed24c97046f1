//! The tables of when samples are decoded and presented: `stts` and `ctts`.

use crate::boxes::{BoxHeader, BoxType, FormatError};
use crate::index::SampleTable;
use crate::seek::TrackClip;
use crate::source::ReadAt;

use crate::plan::assembly::Assembly;
use crate::plan::part::{Entries, EntryKind};
use crate::plan::slice::RunSlice;

/// Appends the `stts`. The first and the last sample of a range may last otherwise than in the film,
/// and so do those of a lead-in.
pub(super) fn durations<R: ReadAt>(
    source: &R,
    track: usize,
    samples: &SampleTable,
    held: &TrackClip,
    out: &mut Assembly,
) -> Result<(), FormatError> {
    let stts = &samples.stts;
    let too_long = || FormatError::Film("stts: a duration of more than 32 bits".into());
    let duration = |unit, trim: u32, gap: u32| {
        let film = u32::try_from(stts.at_unit(source, unit)?.value).unwrap_or(u32::MAX);
        let lasts = film.saturating_sub(trim).checked_add(gap).and_then(|n| n.checked_mul(held.multiplier));
        lasts.ok_or_else(too_long)
    };
    let is_copied = stts.is_normal() && held.multiplier == 1;
    let mut list = Assembly::default();
    for range in &held.ranges {
        let mut units = range.samples.clone();
        if let Some(lead_in) = &range.lead_in {
            units.start += lead_in.len;
            let last = u32::from(lead_in.last_duration != lead_in.step);
            if lead_in.len > last {
                list.entry(lead_in.len - last, lead_in.step);
            }
            if last > 0 {
                list.entry(1, lead_in.last_duration);
            }
        }
        units.end -= u32::try_from(range.ending.len()).unwrap_or(0);
        let mut last = None;
        if range.gap > 0 && !units.is_empty() {
            units.end -= 1;
            let trim = if units.is_empty() { range.trim } else { 0 };
            last = Some(duration(units.end, trim, range.gap)?);
        }
        if range.trim > 0 && !units.is_empty() {
            list.entry(1, duration(units.start, range.trim, 0)?);
            units.start += 1;
        }
        let slice = RunSlice::of(stts, source, units)?;
        let made = (!is_copied).then(|| {
            let kind = EntryKind::Times(slice.clone(), held.multiplier);
            Entries { track, entry_size: 8, kind }
        });
        list.runs(source, stts, slice, made)?;
        last.into_iter().for_each(|duration| list.entry(1, duration));
        merged(&mut list, range.ending.iter().map(|sample| sample.duration));
    }
    out.list(BoxType(*b"stts"), &[0; 4], 8, list)
}

/// Appends the `ctts`, unless all offsets are 0.
pub(super) fn composition_offsets<R: ReadAt>(
    source: &R,
    track: usize,
    samples: &SampleTable,
    held: &TrackClip,
    header: &BoxHeader,
    version: u8,
    out: &mut Assembly,
) -> Result<(), FormatError> {
    let Some(ctts) = &samples.ctts else { return Ok(()) };
    let (shift, multiplier) = (held.offset_shift, held.multiplier);
    let (_, highest) = ctts.extremes();
    if highest.saturating_mul(multiplier.into()).saturating_add(shift) > i64::from(i32::MAX) {
        return Err(header.error("composition offsets too large to be moved"));
    }
    let entries = |kind| Entries { track, entry_size: 8, kind };
    let is_copied = ctts.is_normal() && shift == 0 && multiplier == 1;
    let mut list = Assembly::default();
    let mut all_zero = true;
    for range in &held.ranges {
        let mut units = range.samples.clone();
        if let Some(lead_in) = &range.lead_in {
            if lead_in.in_order {
                all_zero &= shift == 0;
                list.entry(lead_in.len, offset_field(shift));
            } else {
                all_zero = false;
                list.entries(lead_in.len, entries(EntryKind::LeadIn(*lead_in, units.start, shift)));
            }
            units.start += lead_in.len;
        }
        units.end -= u32::try_from(range.ending.len()).unwrap_or(0);
        if !units.is_empty() {
            let first = units.start;
            let slice = RunSlice::of(ctts, source, units)?;
            all_zero = all_zero
                && slice.count == 1
                && ctts.at_unit(source, first)?.offset().saturating_mul(multiplier.into()) + shift == 0;
            let made = (!is_copied).then(|| entries(EntryKind::Offsets(slice.clone(), multiplier, shift)));
            list.runs(source, ctts, slice, made)?;
        }
        let ending = || range.ending.iter().map(|sample| offset_field(sample.offset.saturating_add(shift)));
        all_zero = all_zero && ending().all(|offset| offset == 0);
        merged(&mut list, ending());
    }
    if all_zero {
        return Ok(());
    }
    out.list(header.box_type, &[version, 0, 0, 0], 8, list)
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

/// The 32 bits of a composition offset in its field. One that does not fit becomes the nearest that does.
pub(crate) fn offset_field(offset: i64) -> u32 {
    let offset = i32::try_from(offset).unwrap_or(if offset < 0 { i32::MIN } else { i32::MAX });
    u32::from_be_bytes(offset.to_be_bytes())
}
