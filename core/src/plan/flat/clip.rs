//! Lays out a clip.

use crate::boxes::FormatError;
use crate::extents::find_extents;
use crate::index::{Index, SyncEvidence};
use crate::plan::assembly::Assembly;
use crate::plan::part::Plan;
use crate::plan::treatment::{Place, Treatment};
use crate::seek::Clip;
use crate::source::ReadAt;

use super::chunks::TrackChunks;
use super::layout::Layout;
use super::meta::holds_file_offsets;

/// Lays out a clip.
///
/// # Errors
/// When the film has something that we cannot cut, or cannot be read.
pub fn plan_clip<R: ReadAt>(index: &Index, source: &R, clip: &Clip) -> Result<Plan, FormatError> {
    for (track, held) in index.tracks.iter().zip(&clip.tracks) {
        if held.as_ref().is_none_or(|h| h.ranges.is_empty()) {
            continue;
        }
        if let Some(unsliced) = track.unsliced {
            return Err(unsliced.error("per-sample information of this kind is not cut yet"));
        }
        if let Some(dref) = track.external {
            let id = track.tkhd.track_id;
            return Err(
                dref.error(format!("the media of track {id} lies in another file; tracks= can leave it out"))
            );
        }
    }
    let extents = find_extents(index, source, &clip.tracks)?;
    let chunks = index
        .tracks
        .iter()
        .zip(&clip.tracks)
        .map(|(track, held)| {
            let held = held.as_ref().filter(|h| !h.ranges.is_empty());
            held.map(|h| TrackChunks::of(&track.samples, source, &h.ranges)).transpose()
        })
        .collect::<Result<_, _>>()?;
    let media_header_len = if extents.len() + 8 > u64::from(u32::MAX) { 16 } else { 8 };
    let left_out = clip.tracks.iter().map(Option::is_none).collect();
    let layout =
        Layout { index, source, clip: Some(clip), left_out, chunks, extents: &extents, media_header_len };
    let mut assembly = Assembly { notes: index.notes.clone(), ..Assembly::default() };
    for (track, held) in index.tracks.iter().zip(&clip.tracks) {
        if held.is_some() && track.samples.sync_evidence(source)? == SyncEvidence::Nothing {
            assembly.note(track.untold_sync());
        }
    }
    for header in &index.top {
        match Treatment::of(Place::File, header.box_type) {
            Treatment::Copied => assembly.copy(header),
            Treatment::Metadata if holds_file_offsets(source, index, header)? => {
                assembly.note(format!("left out {}: it names places in the file", header.box_type));
            }
            Treatment::Metadata => layout.tags(header, &mut assembly)?,
            // The `moov` and the media follow; nothing else has a rule here.
            _ => {}
        }
    }
    let mut assembly = layout.solve(assembly)?;
    let mut header = Vec::new();
    if media_header_len == 8 {
        header.extend_from_slice(&u32::try_from(extents.len() + 8).unwrap_or(u32::MAX).to_be_bytes());
        header.extend_from_slice(b"mdat");
    } else {
        header.extend_from_slice(b"\0\0\0\x01mdat");
        header.extend_from_slice(&(extents.len() + 16).to_be_bytes());
    }
    assembly.bytes(&header);
    let mut key = format!("{:x}-{:x}-{:x}", clip.timescale, clip.start, clip.duration);
    if clip
        .tracks
        .iter()
        .zip(&index.tracks)
        .any(|(held, track)| held.is_none() && &track.handler.0 != b"hint")
    {
        // By place: two tracks of a broken film may have the same number.
        let held = clip.tracks.iter().enumerate().filter(|(_, held)| held.is_some());
        key.extend(held.map(|(n, _)| format!("-{n:x}")));
    }
    Plan::new(assembly, extents, key).map_err(FormatError::Film)
}
