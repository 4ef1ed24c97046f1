//! The movie as its `moov` describes it: the tree of its boxes, the tracks, and their sample
//! tables.
//!
//! - `node`: the tree of the boxes.
//! - `moov`: the movie header and the tracks.
//! - `track`: one track.
//! - `samples`: look-ups in the sample tables of a track.
//! - `random_access`: where decoding can begin besides at sync samples.
//! - `sync_detection`: where decoding can begin, as the samples say.
//! - `encryption`: sample auxiliary information.

mod encryption;
mod moov;
mod node;
mod random_access;
mod samples;
mod sync_detection;
mod track;

pub use encryption::{Auxiliary, AuxiliaryPlace, LocatedAuxiliary};
pub(crate) use moov::read_moov;
pub use node::Node;
pub use random_access::Access;
pub(crate) use random_access::read_descriptions;
pub(crate) use samples::read_samples;
pub use samples::{Chunk, SampleTable};
pub(crate) use sync_detection::{Dependencies, read_up_to};
pub use sync_detection::{Pictures, SyncEvidence};
pub use track::Track;
pub(crate) use track::is_text;
