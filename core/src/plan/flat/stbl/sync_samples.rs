//! Where decoding can begin: `stss` and `stps`.

use crate::boxes::{
    BoxHeader, FormatError, SyncSamples, TableHead, read_sample_numbers, stss_entry, stss_head,
};
use crate::numbers::SampleShift;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::flat::track_cut::TrackCut;
use crate::plan::part::EntryKind;
use crate::seek::SampleRange;

/// Whether what is known of the samples takes the place of the `stss` of the source.
pub(super) fn replaces_source_table(cut: &TrackCut<'_>) -> Result<bool, FormatError> {
    let samples = cut.samples();
    Ok(matches!(samples.sync, SyncSamples::All)
        || samples.pictures(&cut.film.source)?.is_some()
        || samples.is_whole(&cut.film.source)?)
}

/// Appends a list of sample numbers: `stss` (ISO/IEC 14496-12, 8.6.2), or QuickTime's `stps`. Its
/// box in the source is `header`, and in the answer `head` is before the entries.
///
/// The samples of a range between the first and `joined_until` are not listed.
pub(super) fn sample_numbers(
    cut: &TrackCut<'_>,
    header: &BoxHeader,
    head: &TableHead,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let source = &cut.film.source;
    let count = cut.samples().count;
    let table = read_sample_numbers(&mut cut.reader(), header)?;
    out.table(head, |out| {
        for SampleRange { samples, place, joined_until, .. } in cut.ranges() {
            let shift = SampleShift::between(samples.start, *place);
            let is_joined = *joined_until > samples.start;
            let first = is_joined.then_some(samples.start..samples.start.next());
            let rest = samples.start.max(*joined_until)..samples.end;
            for part in first.into_iter().chain([rest]) {
                let first = SyncSamples::listed_before(&table, source, count, part.start)?;
                let end = SyncSamples::listed_before(&table, source, count, part.end)?;
                let kind = EntryKind::SampleNumbers(table, first, shift);
                // A file may list its samples in any order, so that the end may come first.
                out.entries(end.saturating_sub(first), cut.entries(head.entry_size, kind));
            }
        }
        Ok(())
    })
}

/// Appends the `stss` of a track whose coded pictures say where decoding can begin, because the
/// file has no list, or a wrong one. With a wrong list, a reader would begin to decode in the
/// middle of what an edit hides.
pub(super) fn detected(cut: &TrackCut<'_>, out: &mut Assembly) -> Result<(), PlanError> {
    let samples = cut.samples();
    if cut.ranges().is_empty() || samples.pictures(&cut.film.source)?.is_none() {
        return Ok(());
    }
    out.table(&stss_head(), |out| {
        for sample in SampleRange::detected_sync(cut.ranges(), samples, &cut.film.source)? {
            out.bytes(&stss_entry(sample));
        }
        Ok(())
    })
}
