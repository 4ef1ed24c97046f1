//! An open file and its index, as one view.

use crate::source::ReadAt;

use super::build::Index;

/// What a clip is looked up in: the index of a file, and the file.
///
/// The file is behind a `dyn`, so that what works on a film is compiled once, whichever way a
/// server reads. The calls are as few as the reads themselves, so they cost nothing that can be
/// measured.
#[derive(Clone, Copy)]
pub struct Film<'a> {
    /// What was found when the file was indexed.
    pub index: &'a Index,
    /// The file, with the generated metadata ([`Index::film`], [`Index::film_in_order`]).
    pub source: &'a dyn ReadAt,
}
