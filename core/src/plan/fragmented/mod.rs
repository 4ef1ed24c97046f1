//! Fragmented answers (ISO/IEC 14496-12, 8.8): a `moov` without samples, a `sidx`, then segments of
//! `moof` and `mdat`. All offsets follow from the numbers and the sizes of samples; nothing is
//! written before it is sent.
//!
//! - `clip_track`: the samples of one track of a clip, one by one.
//! - `presentation`: when they are presented.
//! - `segmenting`, `boundaries`: where segments begin.
//! - `file_track`: a track of the file.
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
mod segmenting;

pub use file::FragmentedFile;
pub(crate) use file::View;
pub(crate) use fragment::Fragment;
pub use planning::plan_fragmented;
pub use segmenting::{Held, Segmenting};
