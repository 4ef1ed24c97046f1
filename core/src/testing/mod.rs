//! For tests: films made box by box, and a reader of films that is as plain as can be, so that it can judge
//! the real one. It expands every table and shares nothing with the code under test.

mod build;
mod clips;
mod damage;
mod encrypted;
mod ended;
mod expand;
mod fragments;
mod limits;
mod pictures;

pub(crate) use build::{Film, Sample, TrackSpec, full_box, make_box};
pub(crate) use expand::{Expanded, One, Shown, expand, media_end};
pub(crate) use fragments::fragments_at;

use crate::answer::DEFAULT_CACHE_SIZE;
use crate::boxes::FormatError;
use crate::fragments::MemoryPermits;
use crate::index::Index;
use crate::limits::Limits;
use crate::source::{Identity, ReadAt};
use crate::{Answer, Error, Seeker, Settings};

/// Limits at which films as short as those of tests are like films of hours.
pub(crate) const FEW: Limits = Limits {
    extents: 6,
    checkpoints: 200,
    checkpoint_stride: 2,
    batch_samples: 48,
    batch_moofs: 2,
    kept_table: 0,
    // With them, fragments are looked up as flat films are not.
    kept_chunk_sizes: usize::MAX,
};

/// A seeker within [`FEW`].
pub(crate) fn seeker() -> Seeker {
    Seeker::with_limits(DEFAULT_CACHE_SIZE, FEW)
}

/// An index within [`FEW`].
pub(crate) fn index<R: ReadAt>(film: &R, len: u64) -> Result<Index, FormatError> {
    Index::build_with(film, len, &MemoryPermits::default(), FEW)
}

/// The identity of bytes that are no file.
pub(crate) fn identity(bytes: &[u8]) -> Identity {
    let size = bytes.len() as u64;
    Identity { device: 1, inode: 1, size, mtime: 1_000_000_000, mtime_nanos: 0, ctime: 0, ctime_nanos: 0 }
}

/// What a request for `query` gets, as bytes; `None` for the file as it is.
pub(crate) fn ask(film: &[u8], query: &str) -> Result<Option<Vec<u8>>, Error> {
    let source = film.to_vec();
    let answer = seeker().answer(&source, &identity(film), query.as_bytes(), &Settings::default())?;
    let Answer::Film(file) = answer else { return Ok(None) };
    let mut out = vec![0; usize::try_from(file.len()).unwrap()];
    file.read_at(&source, 0, &mut out).unwrap();
    Ok(Some(out))
}

/// As [`ask`], for a film as it is too.
pub(crate) fn clip(film: &[u8], query: &str) -> Result<Vec<u8>, Error> {
    Ok(ask(film, query)?.unwrap_or_else(|| film.to_vec()))
}

/// Lets a track be where the first track is, of which it is a copy.
pub(crate) fn share_media(film: &mut [u8], track: usize) {
    let places: Vec<_> = (4..film.len())
        .filter(|&at| [b"stco", b"co64"].contains(&film[at..].first_chunk().unwrap_or(b"    ")))
        .collect();
    let size = u32::from_be_bytes(film[places[0] - 4..places[0]].try_into().unwrap()) as usize - 4;
    film.copy_within(places[0]..places[0] + size, places[track]);
}
