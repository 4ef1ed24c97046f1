//! What a process keeps of films between requests.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use quick_cache::sync::{Cache, DefaultLifecycle, GuardResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::boxes::FormatError;
use crate::fragments::{LOOK_UP, MemoryPermits};
use crate::index::Index;
use crate::limits::Limits;
use crate::request::ClipRequest;
use crate::source::{Identity, ReadAt};
use crate::virtual_file::Planned;

/// Indexes of films and plans of their clips, by the identity of their file, within one byte
/// budget. A changed file has another identity, so nothing stale is ever found.
#[derive(Debug)]
pub(crate) struct FilmCache {
    cache: Cache<Key, Entry, Bytes>,
    permits: MemoryPermits,
    limits: Limits,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    film: Identity,
    /// Of a clip; of the film's index there is none.
    request: Option<ClipRequest>,
}

#[derive(Debug, Clone)]
enum Entry {
    Index(Arc<Index>),
    /// Why there is no index, and since when.
    Failure(Arc<FormatError>, Instant),
    Plan(Arc<Planned>),
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Entry> for Bytes {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let heap = match entry {
            Entry::Index(index) => index.heap_size(),
            Entry::Failure(..) => 0,
            Entry::Plan(plan) => plan.heap_size(),
        };
        let request = key.request.as_ref().map_or(0, ClipRequest::heap_size);
        (heap + request + size_of::<(Key, Entry)>() + ENTRY_OVERHEAD) as u64
    }
}

/// What the cache itself keeps for each entry, about; also what a failure weighs.
const ENTRY_OVERHEAD: usize = 256;

/// What a shard of the cache holds at least.
const SHARD: u64 = 16 << 20;

/// A film of two hours takes some 50 KB, one of ten minutes 10 KB, the plan of a clip 4 KB.
const TYPICAL_ENTRY: u64 = 16 * 1024;

/// How long a film that cannot be indexed is not looked at again: reading it for each request would cost
/// more than all others, and whoever mends it changes its identity.
const FAILURE_LIFE: Duration = Duration::from_secs(10);

/// A file that changed less than this ago may change once more without a change of its identity: file systems
/// keep times in steps of up to two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// How much of the cache is for what was asked for more than once. The rest is what a new entry has to fit
/// into once the cache is full.
const HOT: f64 = 0.7;

impl FilmCache {
    /// A cache that holds at most `bytes`, or nothing where that is 0, for films within these limits.
    pub(crate) fn new(bytes: u64, limits: Limits) -> Self {
        let items = usize::try_from(bytes / TYPICAL_ENTRY).unwrap_or(usize::MAX).max(16);
        // An index has to fit in its shard, and that of a long fragmented film is megabytes.
        let shards = usize::try_from(bytes / SHARD).unwrap_or(usize::MAX).clamp(1, 16);
        let mut options = OptionsBuilder::new();
        options.estimated_items_capacity(items).weight_capacity(bytes).shards(shards).hot_allocation(HOT);
        let options = options.build();
        let permits = MemoryPermits::default();
        let Ok(options) = options else {
            return Self { cache: Cache::with_weighter(items, bytes, Bytes), permits, limits };
        };
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { cache: Cache::with_options(options, Bytes, hasher, lifecycle), permits, limits }
    }

    /// The index of a file, where it is kept.
    pub(crate) fn known_index(&self, film: &Identity) -> Option<Arc<Index>> {
        match self.cache.get(&Key { film: *film, request: None })? {
            Entry::Index(index) => Some(index),
            _ => None,
        }
    }

    /// The index of an open file, built now if it is not there. Of several first requests at
    /// once, one builds and the others wait for it; a source that may not be kept waiting gets
    /// [`WouldBlock`](std::io::ErrorKind::WouldBlock), and one that nobody wants any more does not wait.
    ///
    /// # Errors
    /// Why the file cannot be indexed.
    pub(crate) fn index<R: ReadAt>(
        &self,
        film: &Identity,
        source: &R,
    ) -> Result<Arc<Index>, Arc<FormatError>> {
        let failed = |source| Arc::new(FormatError::Unavailable(source));
        let build = || {
            let index = Index::build_with(source, film.size, &self.permits, self.limits)
                .map(Arc::new)
                .map_err(Arc::new)?;
            index.check(source, film).map_err(failed).map(|()| index)
        };
        if !is_settled(film, SystemTime::now()) {
            return build();
        }
        let key = Key { film: *film, request: None };
        let patience = if source.may_wait() { LOOK_UP } else { Duration::ZERO };
        loop {
            let guard = match self.cache.get_value_or_guard(&key, Some(patience)) {
                GuardResult::Value(Entry::Index(index)) => return Ok(index),
                GuardResult::Value(Entry::Failure(e, since)) if is_fresh(since) => return Err(e),
                GuardResult::Value(_) => {
                    self.cache.remove_if(&key, Entry::is_stale);
                    continue;
                }
                GuardResult::Timeout if source.may_wait() => {
                    source.check_wanted().map_err(failed)?;
                    continue;
                }
                GuardResult::Timeout => return Err(failed(std::io::ErrorKind::WouldBlock.into())),
                GuardResult::Guard(guard) => guard,
            };
            let built = build();
            match &built {
                Ok(index) => drop(guard.insert(Entry::Index(Arc::clone(index)))),
                // The disk may be better next time.
                Err(e) if e.io_error().is_some() => drop(guard),
                Err(e) => drop(guard.insert(Entry::Failure(Arc::clone(e), Instant::now()))),
            }
            return built;
        }
    }

    /// Remembers for a while that clips of this film cannot be made.
    pub(crate) fn refuse(&self, film: &Identity, reason: Arc<FormatError>) {
        self.cache.insert(Key { film: *film, request: None }, Entry::Failure(reason, Instant::now()));
    }

    /// The plan of a clip of this film, where it is kept.
    pub(crate) fn plan(&self, film: &Identity, request: &ClipRequest) -> Option<Arc<Planned>> {
        match self.cache.get(&Key { film: *film, request: Some(request.clone()) })? {
            Entry::Plan(plan) => Some(plan),
            _ => None,
        }
    }

    /// Keeps the plan of a clip.
    pub(crate) fn keep_plan(&self, film: &Identity, request: &ClipRequest, plan: Arc<Planned>) {
        if is_settled(film, SystemTime::now()) {
            self.cache.insert(Key { film: *film, request: Some(request.clone()) }, Entry::Plan(plan));
        }
    }
}

impl Entry {
    /// Whether it is of no use where an index is looked for.
    fn is_stale(&self) -> bool {
        match self {
            Self::Index(_) => false,
            Self::Failure(_, since) => !is_fresh(*since),
            Self::Plan(_) => true,
        }
    }
}

fn is_fresh(failure: Instant) -> bool {
    failure.elapsed() < FAILURE_LIFE
}

fn is_settled(film: &Identity, now: SystemTime) -> bool {
    let changed = u64::try_from(film.ctime).map_or(SystemTime::UNIX_EPOCH, |seconds| {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(now)
    });
    now.duration_since(changed).is_ok_and(|age| age > SETTLED)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::thread;

    use super::*;
    use crate::testing::{Film, TrackSpec, identity};

    fn cache_of(bytes: u64) -> FilmCache {
        FilmCache::new(bytes, Limits::default())
    }

    fn one_film() -> Vec<u8> {
        Film::of(vec![TrackSpec::video(50, 10)]).build()
    }

    #[test]
    fn a_large_index_is_kept_while_it_fits() {
        let film = Film::of(vec![TrackSpec::video(4000, 10)]).build_fragmented(0);
        let weight = Index::build(&film, film.len() as u64).unwrap().heap_size() as u64;
        let cache = cache_of(weight * 3 / 2);
        let first = cache.index(&identity(&film), &film).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.index(&identity(&film), &film).unwrap()));
    }

    #[test]
    fn the_budget_holds_and_a_changed_film_is_another() {
        let film = one_film();
        let weight = Index::build(&film, film.len() as u64).unwrap().heap_size() as u64 + 1000;
        let cache = cache_of(weight * 20);
        for mtime in 0..1000 {
            let identity = Identity { mtime, ..identity(&film) };
            let first = cache.index(&identity, &film).unwrap();
            assert!(Arc::ptr_eq(&first, &cache.index(&identity, &film).unwrap()));
            assert!(cache.cache.weight() <= weight * 20);
        }
        assert!((5..=30).contains(&cache.cache.len()), "{}", cache.cache.len());
    }

    #[test]
    fn a_large_index_finds_room_in_a_full_cache() {
        let (small, large) = (one_film(), Film::of(vec![TrackSpec::video(20_000, 10)]).build());
        let weight = |film: &Vec<u8>| Index::build(film, film.len() as u64).unwrap().heap_size() as u64;
        let cache = cache_of(weight(&large) * 5);
        for mtime in 0..5 * weight(&large) / weight(&small) {
            let identity = Identity { mtime: i64::try_from(mtime).unwrap(), ..identity(&small) };
            for _ in 0..3 {
                cache.index(&identity, &small).unwrap();
            }
        }
        let first = cache.index(&identity(&large), &large).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.index(&identity(&large), &large).unwrap()));
    }

    #[test]
    fn without_a_budget_nothing_is_kept() {
        let film = one_film();
        let cache = cache_of(0);
        let first = cache.index(&identity(&film), &film).unwrap();
        assert!(!Arc::ptr_eq(&first, &cache.index(&identity(&film), &film).unwrap()));
        assert_eq!((cache.cache.len(), cache.cache.weight()), (0, 0));
    }

    #[test]
    fn a_broken_film_is_read_once_in_a_while() {
        let broken = b"\0\0\0\x08mdat".to_vec();
        let cache = cache_of(1 << 20);
        let first = cache.index(&identity(&broken), &broken).unwrap_err();
        assert!(Arc::ptr_eq(&first, &cache.index(&identity(&broken), &broken).unwrap_err()));
        let Some(long_ago) = Instant::now().checked_sub(FAILURE_LIFE) else { return };
        let key = Key { film: identity(&broken), request: None };
        cache.cache.insert(key, Entry::Failure(Arc::clone(&first), long_ago));
        let later = cache.index(&identity(&broken), &broken).unwrap_err();
        assert!(!Arc::ptr_eq(&first, &later));
        assert!(Arc::ptr_eq(&later, &cache.index(&identity(&broken), &broken).unwrap_err()));
    }

    #[test]
    fn a_film_that_was_written_just_now_is_read_each_time() {
        let film = one_film();
        let cache = cache_of(1 << 20);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let at = |ctime: u64| Identity { ctime: i64::try_from(ctime).unwrap(), ..identity(&film) };
        for fresh in [at(now), at(now + 1000)] {
            let first = cache.index(&fresh, &film).unwrap();
            assert!(!Arc::ptr_eq(&first, &cache.index(&fresh, &film).unwrap()));
        }
        let first = cache.index(&at(now - 60), &film).unwrap();
        assert!(Arc::ptr_eq(&first, &cache.index(&at(now - 60), &film).unwrap()));
    }

    /// A disk that is slow, and counts those who begin with the file.
    struct Slow<'a>(&'a [u8], AtomicU32);

    impl ReadAt for Slow<'_> {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            if offset == 0 {
                self.1.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(300));
            }
            self.0.read_at(buf, offset)
        }
    }

    #[test]
    fn of_many_first_requests_one_builds() {
        let film = one_film();
        let alone = Slow(&film, AtomicU32::new(0));
        Index::build(&alone, film.len() as u64).unwrap();
        let (slow, cache, ready) = (Slow(&film, AtomicU32::new(0)), cache_of(1 << 20), Barrier::new(8));
        let built: Vec<_> = thread::scope(|threads| {
            let get = || {
                ready.wait();
                cache.index(&identity(&film), &slow).unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| threads.spawn(get)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(built.iter().all(|index| Arc::ptr_eq(index, &built[0])));
        assert_eq!(slow.1.into_inner(), alone.1.into_inner());
    }

    /// A file that is in memory up to a point.
    struct Resident<'a>(&'a [u8], Cell<u64>);

    impl ReadAt for Resident<'_> {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            if offset >= self.1.get() {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                self.0.read_at(buf, offset)
            }
        }

        fn may_wait(&self) -> bool {
            false
        }
    }

    /// A reader that nobody waits for from some moment on.
    struct Leaving<'a>(&'a [u8], &'a AtomicBool);

    impl ReadAt for Leaving<'_> {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            self.0.read_at(buf, offset)
        }

        fn check_wanted(&self) -> io::Result<()> {
            if self.1.load(Ordering::Relaxed) { Err(io::Error::other("left")) } else { Ok(()) }
        }
    }

    /// A disk that does not answer before it is told to.
    struct Hanging<'a>(&'a [u8], AtomicBool, Barrier);

    impl ReadAt for Hanging<'_> {
        fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
            if !self.1.swap(true, Ordering::Relaxed) {
                self.2.wait();
            }
            self.0.read_at(buf, offset)
        }
    }

    #[test]
    fn who_leaves_does_not_wait_for_anothers_read_that_hangs() {
        let film = one_film();
        let (cache, leaves) = (cache_of(1 << 20), AtomicBool::new(false));
        let hanging = Hanging(&film, AtomicBool::new(false), Barrier::new(2));
        thread::scope(|threads| {
            let builds = threads.spawn(|| cache.index(&identity(&film), &hanging).is_ok());
            while !hanging.1.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            let stays = threads.spawn(|| cache.index(&identity(&film), &film).is_ok());
            let waits = threads.spawn(|| cache.index(&identity(&film), &Leaving(&film, &leaves)).map(drop));
            leaves.store(true, Ordering::Relaxed);
            assert!(waits.join().unwrap().unwrap_err().to_string().contains("left"));
            hanging.2.wait();
            assert!(builds.join().unwrap() && stays.join().unwrap());
        });
    }

    fn would_block(result: Result<Arc<Index>, Arc<FormatError>>) -> bool {
        result.is_err_and(|e| e.io_error().is_some_and(|io| io.kind() == io::ErrorKind::WouldBlock))
    }

    #[test]
    fn who_may_not_wait_is_told_so_and_nothing_is_kept_of_it() {
        let film = one_film();
        let cache = cache_of(1 << 20);
        let source = Resident(&film, Cell::new(0));
        assert!(would_block(cache.index(&identity(&film), &source)));
        source.1.set(u64::MAX);
        assert!(cache.index(&identity(&film), &source).is_ok());

        // Nor does it wait while another builds.
        let (cache, slow) = (cache_of(1 << 20), Slow(&film, AtomicU32::new(0)));
        thread::scope(|threads| {
            threads.spawn(|| cache.index(&identity(&film), &slow).unwrap());
            while slow.1.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            let asked = Instant::now();
            assert!(would_block(cache.index(&identity(&film), &source)));
            assert!(asked.elapsed() < Duration::from_millis(250));
        });
    }
}
