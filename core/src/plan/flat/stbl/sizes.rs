//! Sample sizes: `stsz` and `stz2`.

use crate::boxes::{SampleSizes, Table};
use crate::numbers::Numbers;
use crate::offsets::FileOffset;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::flat::track_cut::TrackCut;
use crate::plan::part::EntryKind;
use crate::seek::SampleRange;

/// Appends the `stsz` or `stz2` (ISO/IEC 14496-12, 8.7.3), whichever the source has.
pub(super) fn sizes(cut: &TrackCut<'_>, out: &mut Assembly) -> Result<(), PlanError> {
    let count = cut.clip.sample_count();
    let sizes = &cut.samples().sizes;
    out.table(&sizes.head(count), |out| {
        if let SampleSizes::Table { table, field_bits, .. } = sizes {
            if *field_bits == 4 {
                let kind = nibbles(*table, cut.ranges());
                out.entries(count.div_ceil(2), cut.entries(table.entry_size, kind));
            } else {
                for SampleRange { samples, .. } in cut.ranges() {
                    let len = u64::from(samples.count()) * u64::from(table.entry_size);
                    out.source(FileOffset(table.entry_offset(samples.start.0)), len);
                }
            }
        }
        Ok(())
    })
}

/// The entries of a table of 4 bits for each sample.
pub(super) fn nibbles(table: Table, ranges: &[SampleRange]) -> EntryKind {
    EntryKind::Nibbles(table, ranges.iter().map(|r| r.samples.clone()).collect())
}
