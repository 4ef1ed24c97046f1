//! The tables of when samples are decoded and presented: `stts` and `ctts`.

use crate::boxes::{BoxHeader, BoxType, FormatError};
use crate::index::SampleTable;
use crate::seek::TrackClip;
use crate::source::ReadAt;

use super::{Assembly, Entries, EntryKind, RunSlice};

/// Appends the `stts`. The first and the last sample of a range may last otherwise than in the film.
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
        film.saturating_sub(trim).checked_add(gap).ok_or_else(too_long)
    };
    let mut list = Assembly::default();
    for range in &held.ranges {
        let mut units = range.samples.clone();
        let mut last = None;
        if range.gap > 0 {
            units.end -= 1;
            let trim = if units.is_empty() { range.trim } else { 0 };
            last = Some(duration(units.end, trim, range.gap)?);
        }
        if range.trim > 0 && !units.is_empty() {
            list.entry(1, duration(units.start, range.trim, 0)?);
            units.start += 1;
        }
        let slice = RunSlice::of(stts, source, units)?;
        let made = (!stts.is_normal()).then(|| {
            let kind = EntryKind::Times(slice.clone());
            Entries { track, entry_size: 8, kind }
        });
        list.runs(source, stts, slice, made)?;
        last.into_iter().for_each(|duration| list.entry(1, duration));
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
    let shift = held.offset_shift;
    let (_, highest) = ctts.extremes();
    if highest.saturating_add(shift) > i64::from(i32::MAX) {
        return Err(header.error("composition offsets too large to be moved"));
    }
    let is_copied = ctts.is_normal() && shift == 0;
    let mut list = Assembly::default();
    let mut all_zero = true;
    for range in &held.ranges {
        let slice = RunSlice::of(ctts, source, range.samples.clone())?;
        all_zero =
            all_zero && slice.count == 1 && ctts.at_unit(source, range.samples.start)?.offset() + shift == 0;
        let made = (!is_copied).then(|| {
            let kind = EntryKind::Offsets(slice.clone(), shift);
            Entries { track, entry_size: 8, kind }
        });
        list.runs(source, ctts, slice, made)?;
    }
    if all_zero {
        return Ok(());
    }
    out.list(header.box_type, &[version, 0, 0, 0], 8, list)
}
