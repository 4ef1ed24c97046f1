//! Which bytes of the file a clip needs.
//!
//! - `list`: ranges of the source, in order.
//! - `steps`: the chunks of one track, one after the other.
//! - `walk`: goes through the chunks of all tracks in the order of the file.
//! - `lookup`: the extents of an answer, kept or found again by a walk.
//! - `collector`: joins ranges and closes small gaps.
//! - `find`: finds the extents of a clip.
//! - `copy`: copies small ones into memory.

mod collector;
mod copy;
mod find;
mod list;
mod lookup;
mod steps;
mod walk;

pub(crate) use copy::copy_batch;
pub use find::{each_range, find_extents};
pub use list::{Extent, ExtentList};
pub use lookup::{Extents, NEAR, Places};
