//! From sample ranges to the exact layout of the answer: every box's size, every extent,
//! the total length. The tables themselves are made when they are sent (see `generate`).

mod assembly;
mod flat;
mod part;
mod slice;
mod treatment;

pub(crate) use flat::offset_field;
pub use flat::{plan_clip, plan_fast_start};
pub use part::{Content, Entries, EntryKind, Part, Plan};
pub use slice::{ChunkSlice, RunSlice};
pub use treatment::{LISTED, Place, Treatment};
