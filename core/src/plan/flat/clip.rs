//! Lays out a clip: the boxes of the file's top level, the `moov`, one `mdat`.

use crate::boxes::mdat_header;
use crate::extents::find_extents;
use crate::index::{Film, Index, SyncEvidence};
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::plan::part::Plan;
use crate::plan::splices::splices;
use crate::plan::treatment::{Place, Treatment};
use crate::request::Time;
use crate::seek::Clip;

use super::chunks::TrackChunks;
use super::layout::Layout;
use super::meta::holds_file_offsets;

/// Lays out a clip.
///
/// # Errors
/// When the file has something that we cannot cut, or cannot be read.
pub fn plan_clip(film: &Film<'_>, clip: &Clip) -> Result<Plan, PlanError> {
    let Film { index, source } = film;
    (0..index.tracks.len()).try_for_each(|number| check_track(index, clip, number))?;
    let extents = find_extents(film, &clip.tracks)?;
    let media_header = mdat_header(extents.len());
    let layout = Layout {
        film,
        clip: Some(clip),
        left_out: clip.tracks.iter().map(Option::is_none).collect(),
        chunks: chunks_of_tracks(film, clip)?,
        extents: &extents,
        media_header_len: media_header.len() as u64,
    };
    let mut assembly = Assembly::with_room();
    index.notes.iter().for_each(|note| assembly.note(note.clone()));
    for (track, held) in index.tracks.iter().zip(&clip.tracks) {
        if held.is_some() && track.samples.sync_evidence(source)? == SyncEvidence::Nothing {
            assembly.note(track.note_of_unknown_sync());
        }
    }
    top_level(&layout, &mut assembly)?;
    let mut assembly = layout.solve(assembly)?;
    assembly.bytes(&media_header);
    let plan = assembly.into_plan(extents, clip_key(index, clip))?;
    Ok(Plan { patches: splices(film, clip, |_| true)?, ..plan })
}

/// Refuses a clip with samples of a track that we cannot cut.
pub(in crate::plan) fn check_track(index: &Index, clip: &Clip, number: usize) -> Result<(), PlanError> {
    let held = clip.tracks.get(number).and_then(Option::as_ref).filter(|held| !held.ranges.is_empty());
    let (Some(track), Some(_)) = (index.tracks.get(number), held) else { return Ok(()) };
    if let Some(unsliced) = track.unsliced {
        return Err(unsliced.error("per-sample information of this kind is not cut yet").into());
    }
    if let Some(dref) = track.external {
        let id = track.tkhd.track_id;
        let reason = format!("the media of track {id} lies in another file; tracks= can leave it out");
        return Err(dref.error(reason).into());
    }
    Ok(())
}

fn chunks_of_tracks(film: &Film<'_>, clip: &Clip) -> Result<Vec<Option<TrackChunks>>, PlanError> {
    let mut all = Vec::new();
    for (track, held) in film.index.tracks.iter().zip(&clip.tracks) {
        let held = held.as_ref().filter(|h| !h.ranges.is_empty());
        all.push(held.map(|h| TrackChunks::of(&track.samples, &film.source, &h.ranges)).transpose()?);
    }
    Ok(all)
}

/// Appends the boxes of the file's top level that a clip keeps. The `moov` and the media follow.
fn top_level(layout: &Layout<'_>, out: &mut Assembly) -> Result<(), PlanError> {
    for header in &layout.film.index.top {
        match Treatment::of(Place::File, header.box_type) {
            Treatment::Copied => out.copy(header),
            Treatment::Metadata if holds_file_offsets(layout.film, header)? => {
                out.note(format!("left out {}: it names places in the file", header.box_type));
            }
            Treatment::Metadata => layout.tags(header, out)?,
            _ => {}
        }
    }
    Ok(())
}

/// What distinguishes this clip from others of the same file: its times, how its scenes are joined,
/// what may be seen where that decides on what it holds, and its tracks unless it has all (hint
/// tracks aside).
pub(in crate::plan) fn clip_key(index: &Index, clip: &Clip) -> String {
    let mut key = format!("{:x}", clip.timescale);
    for (n, scene) in clip.scenes.iter().enumerate() {
        let joint = match n {
            0 => '-',
            _ if clip.is_joined => '.',
            _ => '_',
        };
        key += &format!("{joint}{:x}-{:x}", scene.start.0, (scene.end - scene.start).0);
    }
    if clip.seen_from > Time::default() {
        key += &format!("w{:x}", clip.seen_from.nanos());
    }
    let mut tracks = clip.tracks.iter().zip(&index.tracks);
    if tracks.any(|(held, track)| held.is_none() && &track.handler.0 != b"hint") {
        // By index: two tracks of a broken file may have the same track ID.
        let held = clip.tracks.iter().enumerate().filter(|(_, held)| held.is_some());
        key.extend(held.map(|(n, _)| format!("-{n:x}")));
    }
    key
}
