//! What unit tests and integration tests share: short limits, and requests whose answers are read
//! whole. The files that are asked for, and the plain reader that judges the answers, come from
//! `test_boxes`.

use mp4seek::answer::DEFAULT_CACHE_SIZE;
use mp4seek::boxes::FormatError;
use mp4seek::index::{FilmSource, Index};
use mp4seek::limits::Limits;
use mp4seek::source::{GENERATED, Identity, ReadAt};
use mp4seek::{Answer, Error, Seeker, Settings};

/// Limits at which films as short as those of tests are like films of hours.
pub(crate) const FEW: Limits = Limits {
    extents: 6,
    checkpoints: 200,
    checkpoint_stride: 2,
    batch_samples: 48,
    batch_moofs: 2,
    kept_table: 0,
    kept_batches: mp4seek::limits::KEPT_BATCHES,
    // With them, fragments are looked up as flat films are not.
    kept_chunk_sizes: usize::MAX,
    boxes: mp4seek::limits::FRAGMENT_BOXES,
    fragments: 1 << 21,
    reads: mp4seek::limits::READS,
};

/// A seeker within [`FEW`].
pub(crate) fn seeker() -> Seeker {
    Seeker::with_limits(DEFAULT_CACHE_SIZE, FEW)
}

/// An index within [`FEW`].
pub(crate) fn index<R: ReadAt>(film: &R, len: u64) -> Result<Index, FormatError> {
    let index = Index::build_within(film, len, FEW)?;
    assert_regenerated(film, &index);
    Ok(index)
}

/// Asserts that the tables of fragments, generated again batch by batch, are the bytes that were
/// generated first.
fn assert_regenerated<R: ReadAt>(film: &R, index: &Index) {
    let limits = Limits { kept_table: usize::MAX, ..FEW };
    let kept = Index::build_within(film, index.file_len, limits).unwrap();
    let all = |source: FilmSource<'_, R>| {
        let mut bytes = vec![0; usize::try_from(kept.generated.len()).unwrap()];
        source.read_exact_at(&mut bytes, GENERATED).unwrap();
        bytes
    };
    let (first, again) = (all(kept.film(film)), all(index.film(film)));
    assert_eq!(index.generated.len(), kept.generated.len());
    assert!(again == first, "{:?}", again.iter().zip(&first).position(|(a, b)| a != b));
    let whole = index.film(film);
    let mut seed = 1u64;
    for _ in 0..50 {
        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let from = usize::try_from(seed >> 33).unwrap() % first.len().max(1);
        let len = usize::try_from(seed & 127).unwrap().min(first.len() - from);
        let mut some = vec![0; len];
        whole.read_exact_at(&mut some, GENERATED + from as u64).unwrap();
        assert_eq!(some, &first[from..from + len]);
    }
    assert_eq!(whole.read_at(&mut [0], GENERATED + first.len() as u64).unwrap(), 0);
}

/// The identity of bytes that are no file.
pub(crate) fn identity(bytes: &[u8]) -> Identity {
    let size = bytes.len() as u64;
    Identity { device: 1, inode: 1, size, mtime: 1_000_000_000, mtime_nanos: 0, ctime: 0, ctime_nanos: 0 }
}

/// What a request for `query` gets, as bytes; `None` for the file as it is.
pub(crate) fn ask(film: &[u8], query: &str) -> Result<Option<Vec<u8>>, Error> {
    let source = film.to_vec();
    if film.windows(4).any(|w| w == b"moof") {
        let _ = index(&source, film.len() as u64);
    }
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
