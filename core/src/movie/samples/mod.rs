//! Look-ups in a track's sample tables. Samples and chunks are counted from 0 here.
//!
//! - `table`: the tables, and the times of one sample.
//! - `read`: reads the boxes of an `stbl`.
//! - `chunks`: which chunk a sample is in, and where it lies in the file.
//! - `presented`: which samples are presented at a time.
//! - `ends`: when the presentation begins and ends.
//! - `sync`: where decoding can begin, by the boxes.
//! - `sync_from`: the same, at or after a time.
//! - `detected`: where decoding can begin, by the samples themselves.

mod chunks;
mod detected;
mod ends;
mod presented;
mod read;
mod sync;
mod sync_from;
mod table;

pub use chunks::Chunk;
pub(crate) use read::read_samples;
pub use table::SampleTable;
