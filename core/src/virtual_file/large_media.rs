//! Media, and tables, that are sent from the file and not copied.

use std::ops::Range;

use crate::extents::Extent;
use crate::generate::SegmentMedia;
use crate::index::{Film, Index};
use crate::limits::METADATA_WINDOW;
use crate::offsets::{FileOffset, MediaOffset};
use crate::plan::{Content, FragmentedFile, Plan};
use crate::source::ReadAt;

use super::{Body, Layout, SLICE, SMALL, VirtualFile};

impl VirtualFile {
    /// Where in `range` media begins, no later than at `latest`, that is well sent from the file;
    /// and where it is in the source.
    pub(super) fn large_media(
        &self,
        source: &impl ReadAt,
        range: &Range<u64>,
        latest: u64,
    ) -> Option<(Range<u64>, u64)> {
        let metadata = self.generated_len();
        let place = |e: Extent| {
            // Of a file that was changed, generated extents may lie anywhere.
            let place = e.position.in_answer(metadata);
            let start = place.max(range.start);
            (start..place.saturating_add(e.len).min(range.end), (e.offset + (start - place)).0)
        };
        let is_large = |(place, _): &(Range<u64>, u64)| place.end.saturating_sub(place.start) >= SMALL;
        match &self.body {
            Body::Film(index, planned, ..) => match &planned.layout {
                Layout::Fragmented(file) => self.large_media_of_segment(index, file, source, range, latest),
                Layout::Flat(plan) if latest < metadata => large_table(index, plan, source, range, latest),
                Layout::Flat(plan) => {
                    let film = Film { index, source: &index.film_in_order(source) };
                    let position = MediaOffset::of_answer(range.start, metadata).unwrap_or_default();
                    let mut generated = self.generated();
                    let near = plan.extents.near(&film, position, &mut generated).ok()?;
                    let near = near.iter().copied().map(place);
                    near.take_while(|(place, _)| place.start <= latest).find(is_large)
                }
            },
            Body::Tail(_, rest, _) if latest >= metadata => {
                let (offset, position) = (FileOffset(rest.start), MediaOffset(0));
                let all = Extent { offset, len: rest.end - rest.start, position };
                Some(place(all)).filter(is_large)
            }
            Body::Tail(..) | Body::Text(..) => None,
        }
    }

    /// As [`Self::large_media`], in segments.
    fn large_media_of_segment(
        &self,
        index: &Index,
        file: &FragmentedFile,
        source: &impl ReadAt,
        range: &Range<u64>,
        latest: u64,
    ) -> Option<(Range<u64>, u64)> {
        let before = self.part.start;
        let (start, end) = (range.start + before, range.end + before);
        let mut media = self.segment();
        if !media.known.contains(&start) {
            let film = Film { index, source: &index.film_in_order(source) };
            *media = SegmentMedia::find(&film, file, start).ok()??;
        }
        let first = media.extents.partition_point(|extent| extent.position_end().0 <= start);
        let after = media.extents.get(first..).unwrap_or_default().iter();
        after.take_while(|extent| extent.position.0 <= latest + before).find_map(|extent| {
            let begins = extent.position.0.max(start);
            let ends = extent.position_end().0.min(end);
            let offset = (extent.offset + (begins - extent.position.0)).0;
            (ends.saturating_sub(begins) >= SMALL).then(|| (begins - before..ends - before, offset))
        })
    }
}

/// As [`VirtualFile::large_media`], in the metadata: the entries of a table that stay as they are, if
/// the disk need not be waited for.
fn large_table(
    index: &Index,
    plan: &Plan,
    source: &impl ReadAt,
    range: &Range<u64>,
    latest: u64,
) -> Option<(Range<u64>, u64)> {
    let first = plan.parts.partition_point(|part| part.start + part.len <= range.start);
    let after = plan.parts.get(first..).unwrap_or_default().iter();
    after.take_while(|part| part.start <= latest).find_map(|part| {
        let Content::Source(FileOffset(offset)) = part.content else { return None };
        let start = part.start.max(range.start);
        let end = (part.start + part.len).min(range.end).min(start.saturating_add(SLICE));
        let offset = offset + (start - part.start);
        let len = end.checked_sub(start).filter(|&len| len > METADATA_WINDOW as u64)?;
        // What was generated is in no file.
        let in_file = offset..offset.checked_add(len).filter(|&end| end <= index.file_len)?;
        source.is_at_hand(&in_file).then_some((start..end, offset))
    })
}
