//! Sample sizes, and other tables with as many bits for each sample.

use crate::boxes::{BoxHeader, BoxType, FormatError, SampleSizes, Table};
use crate::index::SampleTable;
use crate::plan::assembly::Assembly;
use crate::plan::flat::layout::Layout;
use crate::plan::part::{Entries, EntryKind};
use crate::seek::{SampleRange, TrackClip};

impl Layout<'_> {
    pub(super) fn sizes(
        &self,
        track: usize,
        samples: &SampleTable,
        held: &TrackClip,
        out: &mut Assembly,
    ) -> Result<(), FormatError> {
        let count = held.sample_count();
        let mut content = Assembly::default();
        content.bytes(&[0; 4]);
        match &samples.sizes {
            SampleSizes::Constant { stored, .. } => {
                content.bytes(&stored.to_be_bytes());
                content.bytes(&count.to_be_bytes());
                out.wrap(BoxType(*b"stsz"), content)
            }
            SampleSizes::Table { table, field_bits, .. } => {
                let box_type = if *field_bits == 32 { b"stsz" } else { b"stz2" };
                let field = if *field_bits == 32 { 0 } else { u32::from(*field_bits) };
                content.bytes(&field.to_be_bytes());
                content.bytes(&count.to_be_bytes());
                if *field_bits == 4 {
                    let kind = nibbles(*table, &held.ranges);
                    content.entries(count.div_ceil(2), Entries { track, entry_size: 1, kind });
                } else {
                    for SampleRange { samples, .. } in &held.ranges {
                        let len = u64::from(samples.end - samples.start) * u64::from(table.entry_size);
                        content.source(table.entry_offset(samples.start), len);
                    }
                }
                out.wrap(BoxType(*box_type), content)
            }
        }
    }
}

pub(super) fn nibbles(table: Table, ranges: &[SampleRange]) -> EntryKind {
    EntryKind::Nibbles(table, ranges.iter().map(|r| r.samples.clone()).collect())
}

/// A table with a fixed number of bytes for each sample and no count.
pub(super) fn per_sample(
    header: &BoxHeader,
    size: u64,
    held: &TrackClip,
    out: &mut Assembly,
) -> Result<(), FormatError> {
    let mut content = Assembly::default();
    content.bytes(&[0; 4]);
    for SampleRange { samples, .. } in &held.ranges {
        let start = header.payload() + 4 + u64::from(samples.start) * size;
        let len = u64::from(samples.end - samples.start) * size;
        if start + len > header.end() {
            out.note(format!(
                "left out {}: it has fewer entries than the track has samples",
                header.box_type
            ));
            return Ok(());
        }
        content.source(start, len);
    }
    out.wrap(header.box_type, content)
}
