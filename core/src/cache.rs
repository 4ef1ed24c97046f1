//! The indexes a process keeps between requests.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::boxes::FormatError;
use crate::index::Index;
use crate::source::{Identity, ReadAt};

/// Indexes by the identity of their file, within a byte budget. A changed file has another
/// identity, so nothing stale is ever found.
#[derive(Debug)]
pub struct IndexCache {
    cache: Cache<Identity, Entry, Bytes>,
}

/// An index, or why there is none: a broken film is not read again for each request either.
type Entry = Result<Arc<Index>, Arc<FormatError>>;

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Identity, Entry> for Bytes {
    fn weight(&self, _: &Identity, entry: &Entry) -> u64 {
        let heap = entry.as_ref().map_or(0, |index| index.heap_size());
        (heap + size_of::<(Identity, Entry)>() + ENTRY_OVERHEAD) as u64
    }
}

/// What the cache itself keeps for each entry, about; also what a failure weighs.
const ENTRY_OVERHEAD: usize = 256;

/// A film of two hours takes some 50 KB, one of ten minutes 10 KB.
const TYPICAL_INDEX: u64 = 32 * 1024;

impl IndexCache {
    /// A cache that holds at most `bytes`.
    pub fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_INDEX).unwrap_or(usize::MAX).max(16);
        Self { cache: Cache::with_weighter(items, bytes, Bytes) }
    }

    /// The index of an open file, built now if it is not there. Of several first requests at
    /// once, one builds and the others wait for it.
    ///
    /// # Errors
    /// Why the file cannot be indexed.
    pub fn get<R: ReadAt>(&self, identity: &Identity, source: &R) -> Result<Arc<Index>, Arc<FormatError>> {
        let build = || match Index::build(source, identity.size) {
            Ok(index) => Ok(Ok(Arc::new(index))),
            // The disk may be better next time.
            Err(e @ FormatError::Io { .. }) => Err(Arc::new(e)),
            Err(e) => Ok(Err(Arc::new(e))),
        };
        self.cache.get_or_insert_with(identity, build).and_then(|entry| entry)
    }
}
