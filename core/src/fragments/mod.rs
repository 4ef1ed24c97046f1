//! Fragmented movies (ISO/IEC 14496-12, 8.8): the samples of all movie fragments, as the tables a
//! flat movie would have.
//!
//! The headers of the top level and the `moof` boxes are read, never the media. The result are real
//! boxes (`stts`, `ctts`, `stsc`, `stsz`, `stco`/`co64`, `stss` …), so that no later stage need
//! know about fragments. They stand nowhere in the file, so they have addresses of their own
//! ([`GENERATED`](crate::source::GENERATED)).
//!
//! All tables are generated once, to learn what they hold. Then they are dropped. What stays is one
//! short record for each [`Batch`](batch::Batch) of fragments: how many samples, chunks and table
//! entries come before it. An entry is read by reading the `moof` boxes of its batch again.
//!
//! - `walk`: goes through the boxes of the top level, and past what is damaged.
//! - `locate`: where fragments begin according to `sidx` and `mfra`, for the way past damage.
//! - `moof`, `run`: one fragment, and one run of its samples.
//! - `track`, `track_moov`, `groups`, `per_sample`, `auxiliary`: what the fragments say of one
//!   track, and what the `moov` itself does.
//! - `tables`, `track_tables`: writes that as tables.
//! - `batch`, `batches`, `kept`: generates the tables again, a batch at a time, or keeps them.
//! - `synthetic`: serves those bytes beside those of the file.
//! - `room`: how much memory they may take.
//! - `memory_permit`: one large movie at a time.

mod auxiliary;
mod batch;
mod batches;
mod groups;
mod kept;
mod locate;
mod memory_permit;
mod moof;
mod per_sample;
mod room;
mod run;
mod run_lengths;
pub(crate) mod synthetic;
mod tables;
mod track;
mod track_moov;
mod track_tables;
mod walk;

pub(crate) use memory_permit::{LOOK_UP, MemoryPermits};
pub(crate) use tables::TableLayout;
pub(crate) use track::TrackFragments;
pub(crate) use track_tables::is_replaced;
pub(crate) use walk::{Fragments, read_fragments};
