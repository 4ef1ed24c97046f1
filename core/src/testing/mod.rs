//! What unit tests share: what integration tests use, and a reader of single boxes.

#[path = "../../tests/common/mod.rs"]
mod common;
mod read_box;
mod read_runs;

pub(crate) use common::{FEW, ask, clip, identity, index, seeker};
pub(crate) use read_box::read_box;
pub(crate) use read_runs::{read_runs, read_table, untidy_entries, values};
pub(crate) use test_boxes::{
    Expanded, Film, Sample, TrackSpec, expand, expand_fragments, fragments_at, full_box, make_box, words,
};
