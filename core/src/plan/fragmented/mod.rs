//! Fragmented answers (ISO/IEC 14496-12, 8.8): a `moov` without samples, a `sidx`, then segments of
//! `moof` and `mdat`. All offsets follow from the numbers and the sizes of samples; nothing is
//! written before it is sent.
//!
//! - `clip_track`, `sizes`: the samples of one track of a clip, one by one.
//! - `presentation`: when they are presented.
//! - `segmenting`, `boundaries`: where segments begin.
//! - `file_track`: a track of the file.
//! - `protection`: what a decrypter needs of them.
//! - `head`: `ftyp` and `moov`.
//! - `file`, `fragment`: the layout.
//! - `planning`: how it comes about.

mod boundaries;
mod clip_track;
mod file;
mod file_track;
mod fragment;
mod head;
mod planning;
mod presentation;
mod protection;
mod sap;
mod segmenting;
mod sizes;

pub use boundaries::Spacing;
pub(crate) use clip_track::ClipTrack;
pub use file::FragmentedFile;
pub(crate) use file::View;
pub(crate) use fragment::{Fragment, FragmentRun};
pub use planning::{Outline, plan_fragmented};
pub use sap::Sap;
pub use segmenting::{Held, Segmenting};

use crate::boxes::{MDAT_HEAD_SIZE, MOOF_HEAD_SIZE, TRAF_HEAD_SIZE, TRUN_HEAD_SIZE};

/// Bytes of a segment of so many tracks and turns, without the entries of its runs and its media.
pub(super) fn fixed_size(tracks: usize, turns: u32) -> u32 {
    let runs = TRUN_HEAD_SIZE.saturating_mul(turns);
    let tracks = u32::try_from(tracks).unwrap_or(u32::MAX);
    tracks.saturating_mul(TRAF_HEAD_SIZE.saturating_add(runs)).saturating_add(MOOF_HEAD_SIZE + MDAT_HEAD_SIZE)
}
