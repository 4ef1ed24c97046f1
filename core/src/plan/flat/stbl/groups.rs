//! Sample groups: `sbgp`.

use crate::boxes::{BoxHeader, RUN_ENTRY_SIZE, Runs, read_sbgp_head};
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::flat::track_cut::TrackCut;
use crate::plan::part::EntryKind;
use crate::plan::slice::RunSlice;

/// Appends an `sbgp` (ISO/IEC 14496-12, 8.9.2).
pub(in crate::plan::flat) fn sample_to_group(
    cut: &TrackCut<'_>,
    header: &BoxHeader,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let mut groupings = cut.samples().groups.iter().enumerate();
    let is_here = |runs: &Runs| (header.payload()..=header.end()).contains(&runs.table().offset);
    let Some((n, runs)) = groupings.find(|(_, runs)| is_here(runs)) else { return Ok(()) };
    out.table(&read_sbgp_head(&mut cut.reader(), header)?, |out| {
        for range in cut.ranges() {
            let slice = RunSlice::of(runs, &cut.film.source, range.samples.clone())?;
            let generated =
                (!runs.is_normal()).then(|| cut.entries(RUN_ENTRY_SIZE, EntryKind::Group(slice.clone(), n)));
            out.runs(&cut.film.source, runs, slice, generated)?;
        }
        Ok(())
    })
}
