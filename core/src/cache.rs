//! The indexes a process keeps between requests.

use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

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

/// What a shard of the cache holds at least.
const SHARD: u64 = 16 << 20;

/// A film of two hours takes some 50 KB, one of ten minutes 10 KB.
const TYPICAL_INDEX: u64 = 32 * 1024;

impl IndexCache {
    /// A cache that holds at most `bytes`.
    pub fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_INDEX).unwrap_or(usize::MAX).max(16);
        // An index has to fit in its shard, and that of a long fragmented film is megabytes.
        let shards = usize::try_from(bytes / SHARD).unwrap_or(usize::MAX).clamp(1, 16);
        let mut options = OptionsBuilder::new();
        let options = options.estimated_items_capacity(items).weight_capacity(bytes).shards(shards).build();
        let Ok(options) = options else { return Self { cache: Cache::with_weighter(items, bytes, Bytes) } };
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { cache: Cache::with_options(options, Bytes, hasher, lifecycle) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Film, TrackSpec, identity};

    #[test]
    fn a_large_index_is_kept_while_it_fits() {
        let film = Film::of(vec![TrackSpec::video(4000, 10)]).build_fragmented(0);
        let weight = Index::build(&film, film.len() as u64).unwrap().heap_size() as u64;
        let cache = IndexCache::new(weight * 3 / 2);
        let first = cache.get(&identity(&film), &film).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.get(&identity(&film), &film).unwrap()));
    }

    #[test]
    fn the_budget_holds_and_a_changed_film_is_another() {
        let film = Film::of(vec![TrackSpec::video(50, 10)]).build();
        let weight = Index::build(&film, film.len() as u64).unwrap().heap_size() as u64 + 1000;
        let cache = IndexCache::new(weight * 20);
        for mtime in 0..1000 {
            let identity = Identity { mtime, ..identity(&film) };
            let first = cache.get(&identity, &film).unwrap();
            assert!(Arc::ptr_eq(&first, &cache.get(&identity, &film).unwrap()));
            assert!(cache.cache.weight() <= weight * 20);
        }
        assert!((5..=30).contains(&cache.cache.len()), "{}", cache.cache.len());
    }

    #[test]
    fn a_broken_film_is_read_once() {
        let broken = b"\0\0\0\x08mdat".to_vec();
        let cache = IndexCache::new(1 << 20);
        let first = cache.get(&identity(&broken), &broken).unwrap_err();
        assert!(Arc::ptr_eq(&first, &cache.get(&identity(&broken), &broken).unwrap_err()));
    }
}
