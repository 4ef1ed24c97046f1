//! The `stbl` of a track (ISO/IEC 14496-12, 8.5.1).

mod encryption;
mod groups;
mod per_sample;
mod sizes;
mod small;
mod sync_samples;
mod times;

use crate::boxes::{
    BoxHeader, FormatError, Reader, STSC_ENTRY_SIZE, SgpdBox, is_senc, pre_skip_field, read_grouping_type,
    sdtp_head, stdp_head, stps_head, stsc_head, stss_head,
};
use crate::index::Node;
use crate::limits;
use crate::numbers::{ChunkNumber, Numbers};
use crate::offsets::FileOffset;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::part::EntryKind;
use crate::plan::slice::ChunkSlice;
use crate::plan::treatment::{Place, Treatment};
use crate::source::ReadAt;

use super::chunks::chunk_offsets;
use super::layout::Layout;
use super::track_cut::TrackCut;

pub(super) use encryption::{cut_senc, fragment_auxiliary};
pub(super) use groups::sample_to_group;

/// Appends the `stbl` of a whole movie. What states places in the file is moved, the rest copied.
pub(super) fn moved_stbl(
    layout: &Layout<'_>,
    node: &Node,
    number: usize,
    is_wide: bool,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    out.wrap(node.header.box_type, |out| {
        for child in &node.children {
            match (&child.header.box_type.0, layout.film.index.tracks.get(number)) {
                (b"stco" | b"co64", _) => {
                    chunk_offsets(number, layout.chunk_ranges(number), is_wide, out)?;
                }
                (b"saio", Some(track)) => encryption::moved_saio(number, &track.samples, out)?,
                _ => out.copy(&child.header),
            }
        }
        Ok(())
    })
}

/// Appends the `stbl` of a clip.
pub(super) fn cut_stbl(cut: &TrackCut<'_>, node: &Node, out: &mut Assembly) -> Result<(), PlanError> {
    out.wrap(node.header.box_type, |out| {
        for child in &node.children {
            let treatment = Treatment::of(Place::SampleTable, child.header.box_type);
            if !required_table(cut, treatment, &child.header, out)? && !cut.ranges().is_empty() {
                optional_table(cut, node, treatment, &child.header, out)?;
            }
        }
        sync_samples::detected(cut, out)?;
        Ok(())
    })
}

/// Appends one of the tables that each track has, even a track without samples. Returns `false` for
/// another box.
fn required_table(
    cut: &TrackCut<'_>,
    treatment: Treatment,
    header: &BoxHeader,
    out: &mut Assembly,
) -> Result<bool, PlanError> {
    match treatment {
        Treatment::Descriptions => descriptions(cut, header, out),
        Treatment::Durations => times::durations(cut, out)?,
        Treatment::CompositionOffsets => times::composition_offsets(cut, header, out)?,
        Treatment::Chunks => sample_to_chunk(cut, out)?,
        Treatment::Sizes => sizes::sizes(cut, out)?,
        Treatment::ChunkOffsets => chunk_offsets(cut.number, cut.chunks, cut.is_wide, out)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Appends one of the tables that a track may have.
fn optional_table(
    cut: &TrackCut<'_>,
    stbl: &Node,
    treatment: Treatment,
    header: &BoxHeader,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    match treatment {
        Treatment::SyncSamples if sync_samples::replaces_source_table(cut)? => {}
        Treatment::SyncSamples => sync_samples::sample_numbers(cut, header, &stss_head(), out)?,
        Treatment::PartialSyncSamples => sync_samples::sample_numbers(cut, header, &stps_head(), out)?,
        Treatment::ByteForEachSample => per_sample::bytes(cut, &sdtp_head(), header, out)?,
        Treatment::WordForEachSample => per_sample::bytes(cut, &stdp_head(), header, out)?,
        Treatment::PaddingBits => per_sample::padding_bits(cut, header, out)?,
        Treatment::GroupDescriptions => out.copy(header),
        Treatment::Groups => groups::sample_to_group(cut, header, out)?,
        Treatment::AuxiliarySizes | Treatment::AuxiliaryOffsets
            if !cut.samples().auxiliary.as_ref().is_some_and(|a| a.is_located_by(header)) =>
        {
            out.note(format!("left out {}: it is not about encryption", header.box_type));
        }
        Treatment::AuxiliarySizes => encryption::cut_auxiliary(cut, out)?,
        // `cut_auxiliary` appends it with the saiz.
        Treatment::AuxiliaryOffsets => {}
        Treatment::Encryption if is_senc(&mut cut.reader(), header)? => cut_senc(cut, header, out)?,
        Treatment::Small => small_table(cut, stbl, header, out)?,
        Treatment::LeftOut => {}
        _ => out
            .note(format!("left out {} at byte {}: not known how it is cut", header.box_type, header.offset)),
    }
    Ok(())
}

/// Appends the `stsd` (8.5.2). Where the clip skips another number of samples than the movie, the
/// `PreSkip` of Opus changes.
fn descriptions(cut: &TrackCut<'_>, header: &BoxHeader, out: &mut Assembly) {
    match (cut.clip.pre_skip, cut.track.pre_skip) {
        (Some(value), Some(at)) => out.copy_but(header, FileOffset(at), &pre_skip_field(value)),
        _ => out.copy(header),
    }
}

/// Appends the `stsc` (8.7.4).
fn sample_to_chunk(cut: &TrackCut<'_>, out: &mut Assembly) -> Result<(), PlanError> {
    out.table(&stsc_head(), |out| {
        let mut place = ChunkNumber::FIRST;
        for (range, chunks) in cut.ranges().iter().zip(cut.chunks) {
            let slice = ChunkSlice::of(cut.samples(), &cut.film.source, &range.samples, place)?;
            place = place + chunks.chunks.count();
            out.entries(slice.count(), cut.entries(STSC_ENTRY_SIZE, EntryKind::Chunks(slice)));
        }
        Ok(())
    })
}

/// Appends a table that is cut in memory. One that cannot be is left out, but not the groups of keys:
/// without them, samples would be decrypted with others.
fn small_table(
    cut: &TrackCut<'_>,
    stbl: &Node,
    header: &BoxHeader,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let mut reader = cut.reader();
    let reason = if header.payload_len() > limits::SMALL_BOX as u64 {
        format!("its {} bytes are more than we cut", header.size)
    } else if !out.has_room() {
        "there are more such tables than we cut".into()
    } else {
        let bytes = match &header.box_type.0 {
            b"csgp" => {
                let default = default_group(&mut reader, stbl, header)?;
                small::cut_csgp(reader.payload(header, 0)?, cut.ranges(), default)
            }
            _ => small::cut(header.box_type, reader.payload(header, 0)?, cut.ranges()),
        };
        out.small_table(bytes.as_deref());
        if bytes.is_some() {
            return Ok(());
        }
        "malformed, or more than we cut".into()
    };
    if &header.box_type.0 == b"csgp" && read_grouping_type(&mut reader, header)? == Some(*b"seig") {
        return Err(header.error(reason).into());
    }
    out.note(format!("left out {} at byte {}: {reason}", header.box_type, header.offset));
    Ok(())
}

/// The group of samples that a `csgp` says nothing of (8.9.2).
fn default_group(
    reader: &mut Reader<'_, impl ReadAt>,
    stbl: &Node,
    csgp: &BoxHeader,
) -> Result<u32, FormatError> {
    let grouping = read_grouping_type(reader, csgp)?;
    for sgpd in stbl.children.iter().filter(|child| &child.header.box_type.0 == b"sgpd") {
        if grouping.is_some() && read_grouping_type(reader, &sgpd.header)? == grouping {
            return Ok(SgpdBox::read(reader, &sgpd.header)?.default);
        }
    }
    Ok(0)
}
