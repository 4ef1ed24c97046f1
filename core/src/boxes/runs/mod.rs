//! The run-length tables: `stts` (8.6.1.2), `ctts` (8.6.1.3), `stsc` (8.7.4), `sbgp` (8.9.2).
//!
//! They are never expanded. One pass leaves a checkpoint every 128 entries. A look-up is a binary
//! search over those, and over the block of entries between two of them, which a request sums up
//! only once.
//!
//! A *piece* is what one entry covers; a *run* is neighbouring pieces of equal value, which a
//! writer should have put into one entry. What we write is runs.

mod block;
mod build;
mod entry;
mod joint;
mod kind;
mod offset_bounds;
mod pieces;
mod table;

pub(super) use entry::run_fields;
pub use entry::{RUN_ENTRY_SIZE, change_run_values, put_run_entry, run_entry};
pub use joint::{JointRun, JointRuns};
pub use kind::{Run, RunKind};
pub use offset_bounds::OffsetBounds;
pub use pieces::Pieces;
pub use table::Runs;
