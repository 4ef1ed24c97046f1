//! References from a track of an answer to others (`tref`, ISO/IEC 14496-12, 8.3.3).

use crate::boxes::{BoxHeader, without_references};
use crate::index::Film;

use super::assembly::Assembly;
use super::error::PlanError;

/// Appends a `tref` without references to tracks that the answer does not have. `is_held` says
/// whether it has a track, by its index in the film.
pub(super) fn references(
    film: &Film<'_>,
    tref: &BoxHeader,
    is_held: impl Fn(usize) -> bool,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let is_kept = |id: u32| {
        let mut tracks = film.index.tracks.iter().enumerate();
        tracks.any(|(n, track)| track.tkhd.track_id == id && is_held(n))
    };
    let kept = without_references(&mut film.index.reader(&film.source), tref, is_kept)?;
    if !kept.is_empty() {
        out.wrap(tref.box_type, |out| {
            out.bytes(&kept);
            Ok(())
        })?;
    }
    Ok(())
}
