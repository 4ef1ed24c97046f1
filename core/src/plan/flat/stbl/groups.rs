//! Sample groups: `sbgp`.

use crate::boxes::BoxHeader;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::flat::track_cut::TrackCut;
use crate::plan::part::EntryKind;
use crate::plan::slice::RunSlice;

/// Appends an `sbgp` (ISO/IEC 14496-12, 8.9.2).
pub(super) fn sample_to_group(
    cut: &TrackCut<'_>,
    header: &BoxHeader,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let groupings = cut.samples().groups.iter().enumerate();
    let mut groupings = groupings.map(|(n, runs)| (n, runs, runs.table().offset));
    let Some((n, runs, offset)) = groupings.find(|(_, _, at)| (header.payload()..=header.end()).contains(at))
    else {
        return Ok(());
    };
    let mut list = Assembly::default();
    for range in cut.ranges() {
        let slice = RunSlice::of(runs, &cut.film.source, range.samples.clone())?;
        let generated = (!runs.is_normal()).then(|| cut.entries(8, EntryKind::Group(slice.clone(), n)));
        list.runs(&cut.film.source, runs, slice, generated)?;
    }
    // Version, flags, grouping type and its parameter stay; the count is new.
    let prefix = usize::try_from(offset - 4 - header.payload()).unwrap_or(0);
    let mut reader = cut.reader();
    out.list(header.box_type, reader.bytes(header.payload(), prefix)?, 8, list)
}
