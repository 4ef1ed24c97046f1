//! Sample auxiliary information (8.7.8 `saiz`, 8.7.9 `saio`; ISO/IEC 23001-7 `senc`): what a
//! decrypter needs for each sample.
//!
//! - `auxiliary`: what is known of it.
//! - `read`: reads the boxes.
//! - `copy`: copies what belongs to some samples.

mod auxiliary;
mod copy;
mod read;

pub use auxiliary::{Auxiliary, AuxiliaryPlace, LocatedAuxiliary};
