//! Lays out the whole file with its metadata first.

use crate::boxes::{BoxHeader, ChunkOffsets, FormatError, Order};
use crate::extents::ExtentList;
use crate::index::{Auxiliary, AuxiliaryPlace, Index, Node, SampleTable, Track};
use crate::plan::assembly::Assembly;
use crate::plan::part::Plan;
use crate::source::ReadAt;

use super::chunks::{ChunkRange, TrackChunks};
use super::layout::Layout;
use super::meta::holds_file_offsets;

/// Lays out the whole film with its metadata first. `None` with a reason when that
/// would take more than moving boxes.
///
/// # Errors
/// When the file cannot be read.
pub fn plan_fast_start<R: ReadAt>(index: &Index, source: &R) -> Result<Result<Plan, String>, FormatError> {
    if let Some(broken) =
        index.moov.children.iter().find(|n| &n.header.box_type.0 == b"trak" && n.track.is_none())
    {
        return Ok(Err(format!("a track that cannot be read, at byte {}", broken.header.offset)));
    }
    let first_media = index.top.iter().position(|b| &b.box_type.0 == b"mdat").unwrap_or(0);
    let mut before = Vec::new();
    let mut after = Vec::new();
    for (n, header) in index.top.iter().enumerate().filter(|(_, h)| **h != index.outer_moov) {
        match &header.box_type.0 {
            b"free" | b"skip" | b"wide" | b"moov" => {}
            b"meta" if holds_file_offsets(source, index, header)? => {
                return Ok(Err("a meta box with item locations".into()));
            }
            _ if n < first_media => before.push(header),
            _ => after.push(header.offset..header.end()),
        }
    }
    if let Some(meta) = find_meta_with_offsets(source, index, &index.moov)? {
        return Ok(Err(format!("a {} box with item locations", meta.box_type)));
    }
    if index.tracks.iter().any(|t| t.external.is_some()) {
        return Ok(Err("media in another file".into()));
    }
    let list = ExtentList::of(after);
    for node in index.moov.children.iter().filter(|n| find(n, b"saio").is_some()) {
        let track = node.track.and_then(|n| index.tracks.get(n));
        if !track.is_some_and(|t| can_be_moved(&t.samples, index, &list)) {
            return Ok(Err("sample auxiliary information at places that we cannot move (saio)".into()));
        }
    }
    if !all_chunks_inside(index, source, &list)? {
        return Ok(Err("samples that lie in no media box".into()));
    }
    let extents = list.into();
    let layout = Layout {
        index,
        source,
        clip: None,
        left_out: without_samples(index),
        chunks: whole_chunks(index, source)?,
        extents: &extents,
        media_header_len: 0,
    };
    let mut assembly = Assembly::default();
    for header in before {
        assembly.copy(header);
    }
    let assembly = layout.solve(assembly)?;
    Ok(Plan::new(assembly, extents, "whole".into()))
}

/// The tracks that a film would be better off without: they have no samples. All stay where none
/// has any.
fn without_samples(index: &Index) -> Vec<bool> {
    let is_empty = |track: &Track| track.samples.count == 0;
    let stay = index.tracks.iter().all(is_empty);
    index.tracks.iter().map(|track| !stay && is_empty(track)).collect()
}

/// Whether the auxiliary information of a track can be told to be where it will be: it lies in the
/// media that is sent, or in the `moov`, which is sent as well.
fn can_be_moved(samples: &SampleTable, index: &Index, extents: &ExtentList) -> bool {
    let Some(Auxiliary::Told(told)) = &samples.auxiliary else { return false };
    match &told.place {
        AuxiliaryPlace::Stretch(offset) => {
            (index.moov.header.payload()..index.moov.header.end()).contains(offset)
                || extents.holding(*offset).is_some()
        }
        AuxiliaryPlace::Chunks { bounds, .. } => {
            extents.holding(bounds.start).is_some_and(|e| bounds.end <= e.offset + e.len)
        }
    }
}

fn whole_chunks<R: ReadAt>(index: &Index, source: &R) -> Result<Vec<Option<TrackChunks>>, FormatError> {
    let of_track = |offsets: &ChunkOffsets| {
        let all = ChunkRange { chunks: 0..offsets.count(), first_offset: None };
        let order = offsets.order(source)?;
        Ok(order.map(|o| TrackChunks { ranges: vec![all], highest: o.highest }))
    };
    index.tracks.iter().map(|t| of_track(&t.samples.offsets)).collect()
}

/// Whether every chunk lies in the media that is sent, so that its offset can be told.
fn all_chunks_inside<R: ReadAt>(
    index: &Index,
    source: &R,
    extents: &ExtentList,
) -> Result<bool, FormatError> {
    for track in &index.tracks {
        let offsets = &track.samples.offsets;
        let Some(Order { lowest, highest, .. }) = offsets.order(source)? else { continue };
        let holds_both = extents.iter().any(|e| {
            let range = e.offset..e.offset + e.len;
            range.contains(&lowest) && range.contains(&highest)
        });
        if holds_both {
            continue;
        }
        let mut reader = offsets.reader(source, 1024);
        for chunk in 0..offsets.count() {
            if extents.position_of(reader.get(chunk)?).is_none() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A `meta` of the film or a track that says where in the file its items are.
fn find_meta_with_offsets<R: ReadAt>(
    source: &R,
    index: &Index,
    node: &Node,
) -> Result<Option<BoxHeader>, FormatError> {
    for child in &node.children {
        if &child.header.box_type.0 == b"meta" && holds_file_offsets(source, index, &child.header)? {
            return Ok(Some(child.header));
        }
        if child.track.is_some() {
            if let Some(found) = find_meta_with_offsets(source, index, child)? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn find<'a>(node: &'a Node, box_type: &[u8; 4]) -> Option<&'a Node> {
    if &node.header.box_type.0 == box_type {
        return Some(node);
    }
    node.children.iter().find_map(|c| find(c, box_type))
}
