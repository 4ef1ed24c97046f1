//! What a decrypter needs of the samples of a fragment (ISO/IEC 23001-7, 7), as the tables of a flat
//! answer say it.

use crate::boxes::BoxHeader;
use crate::index::Film;
use crate::plan::assembly::Assembly;
use crate::plan::error::PlanError;
use crate::seek::TrackClip;

use super::stbl::{fragment_auxiliary, sample_to_group};
use super::track_cut::TrackCut;

/// Appends the boxes of a `traf`: the `sbgp` cut from `keys`, the `saiz`, the `saio` and the
/// `senc`. The clip has the samples of the fragment and no others.
pub(in crate::plan) fn fragment_protection(
    film: &Film<'_>,
    number: usize,
    clip: &TrackClip,
    keys: Option<&BoxHeader>,
    out: &mut Assembly,
) -> Result<(), PlanError> {
    let Some(track) = film.index.tracks.get(number) else { return Ok(()) };
    let cut = TrackCut { film, number, track, clip, chunks: &[], is_wide: false };
    if let Some(keys) = keys {
        sample_to_group(&cut, keys, out)?;
    }
    fragment_auxiliary(&cut, out)
}
