//! From sample ranges to the exact layout of the answer: every box's size, every extent, the total
//! length. Entries of tables are generated when they are sent (see `generate`).

mod assembly;
mod chpl;
mod error;
mod flat;
mod fragmented;
mod part;
mod references;
mod slice;
mod splices;
mod treatment;

pub use error::{NotMovable, PlanError};
pub use flat::{plan_clip, plan_fast_start};
pub(crate) use fragmented::{ClipTrack, Fragment, FragmentRun, View};
pub use fragmented::{FragmentedFile, Held, Outline, Sap, Segmenting, Spacing, plan_fragmented};
pub use part::{Content, Entries, EntryKind, Part, Plan};
pub use slice::{ChunkEntry, ChunkRange, ChunkSlice, RunSlice};
pub use treatment::{LISTED, Place, Treatment};
