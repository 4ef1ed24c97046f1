//! What one film's seeks need: built once, small, shared between requests.
//!
//! An index holds the shape of the `moov`, the headers that are rewritten, and for
//! each sample table its place in the file and sparse checkpoints: nothing per sample.
//!
//! - `build`: the index, and how it is built.
//! - `film`: an open file and its index.
//! - `top_level`: the boxes of the top level of a file.
//! - `other_formats`: what a file is that is no MP4.
//! - `fragmented`: completes an index from the movie fragments.
//! - `fingerprint`: whether a file is still the one that was indexed.
//! - `growth`: whether a movie is still being recorded.

mod build;
mod film;
mod fingerprint;
mod fragmented;
mod growth;
mod other_formats;
mod top_level;

pub use crate::fragments::synthetic::{FilmSource, Synthetic};
pub use crate::movie::{
    Access, Auxiliary, AuxiliaryPlace, Chunk, LocatedAuxiliary, Node, Pictures, SampleTable, SyncEvidence,
    Track,
};
pub use build::Index;
pub use film::Film;
pub use growth::Growth;
