//! Tables with the same number of bits for each sample, and no reliable count: `sdtp`, `stdp`,
//! `padb`.

use crate::boxes::{BoxHeader, TableHead, entries_of_samples, padb_head, read_padb};
use crate::offsets::FileOffset;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::flat::track_cut::TrackCut;
use crate::seek::SampleRange;

use super::sizes::nibbles;

/// Appends an `sdtp` (ISO/IEC 14496-12, 8.6.4) or `stdp` (8.5.3): an entry for each sample, and no
/// count.
pub(super) fn bytes(
    cut: &TrackCut<'_>,
    head: &TableHead,
    header: &BoxHeader,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let mut list = Assembly::default();
    for SampleRange { samples, .. } in cut.ranges() {
        let Some(entries) = entries_of_samples(header, head.entry_size, samples) else {
            out.note(too_short(header));
            return Ok(());
        };
        list.source(FileOffset(entries.start), entries.end - entries.start);
    }
    out.table(head, |out| {
        out.append(list);
        Ok(())
    })
}

/// Appends a `padb` (8.7.6): a count, and 4 bits for each sample.
pub(super) fn padding_bits(
    cut: &TrackCut<'_>,
    header: &BoxHeader,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let last = cut.ranges().iter().map(|r| r.samples.end.0).max().unwrap_or(0);
    let Some(table) = read_padb(&mut cut.reader(), header, last)? else {
        out.note(too_short(header));
        return Ok(());
    };
    let count = cut.clip.sample_count();
    let entries = cut.entries(table.entry_size, nibbles(table, cut.ranges()));
    out.table(&padb_head(count), |out| {
        out.entries(count.div_ceil(2), entries);
        Ok(())
    })
}

fn too_short(header: &BoxHeader) -> String {
    format!("left out {}: it has fewer entries than the track has samples", header.box_type)
}
