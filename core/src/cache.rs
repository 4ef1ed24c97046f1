//! What a process keeps of movies between requests.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use quick_cache::sync::{Cache, DefaultLifecycle, GuardResult};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::boxes::FormatError;
use crate::fragments::{LOOK_UP, MemoryPermits};
use crate::index::{Growth, Index};
use crate::limits::Limits;
use crate::packaging::Address;
use crate::plan::Segmenting;
use crate::request::{ClipRequest, Form, Name};
use crate::source::{Identity, ReadAt};
use crate::virtual_file::Planned;

/// Indexes of movies and plans of their clips, by the identity of their file, within one byte
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
    of: Kept,
}

/// What is kept of a movie.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kept {
    Index,
    /// The plan of a clip, or of the file of one of its tracks.
    Plan(ClipRequest, Option<Segmenting>),
    Text(TextKey),
}

/// What a text about a movie follows from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TextKey {
    pub(crate) address: Address,
    pub(crate) request: ClipRequest,
    /// What its links carry on.
    pub(crate) query: Box<[u8]>,
    /// The name by which they ask for one of several scenes.
    pub(crate) scene: Name,
    /// How long segments last, in seconds, and how they are addressed.
    pub(crate) segments: (u32, Form),
    pub(crate) growth: Growth,
}

impl Key {
    fn index(film: &Identity) -> Self {
        Self { film: *film, of: Kept::Index }
    }

    fn plan(film: &Identity, request: &ClipRequest, segmenting: Option<Segmenting>) -> Self {
        Self { film: *film, of: Kept::Plan(request.clone(), segmenting) }
    }

    /// Memory held besides the struct itself.
    fn heap_size(&self) -> usize {
        match &self.of {
            Kept::Index => 0,
            Kept::Plan(request, _) => request.heap_size(),
            Kept::Text(text) => text.query.len() + text.request.heap_size(),
        }
    }
}

#[derive(Debug, Clone)]
enum Entry {
    Index(Arc<Index>),
    /// Why there is no index, and since when.
    Failure(Arc<FormatError>, Instant),
    Plan(Arc<Planned>),
    Text(Text),
}

/// A text about a movie, and what of it goes into its entity tag.
type Text = (Arc<[u8]>, Arc<str>);

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Entry> for Bytes {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let heap = match entry {
            Entry::Index(index) => index.heap_size(),
            Entry::Failure(..) => 0,
            Entry::Plan(plan) => plan.heap_size(),
            Entry::Text((text, tag)) => text.len() + tag.len(),
        };
        (heap + key.heap_size() + size_of::<(Key, Entry)>() + ENTRY_OVERHEAD) as u64
    }
}

/// What the cache itself keeps for each entry, about; also what a failure weighs.
const ENTRY_OVERHEAD: usize = 256;

/// What a shard of the cache holds at least.
const SHARD: u64 = 16 << 20;

/// A movie of two hours takes some 50 KB, one of ten minutes 10 KB, the plan of a clip 4 KB.
const TYPICAL_ENTRY: u64 = 16 * 1024;

/// How long a movie that cannot be indexed is not looked at again: reading it for each request
/// would cost more than all others, and whoever mends it changes its identity.
const FAILURE_LIFE: Duration = Duration::from_secs(10);

/// A file that changed less than this ago may change once more without a change of its identity:
/// file systems keep times in steps of up to two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// How much of the cache is for what was asked for more than once. The rest is what a new entry has
/// to fit into once the cache is full.
const HOT: f64 = 0.7;

impl FilmCache {
    /// A cache that holds at most `bytes`, or nothing where that is 0, for movies within these
    /// limits.
    pub(crate) fn new(bytes: u64, limits: Limits) -> Self {
        let items = usize::try_from(bytes / TYPICAL_ENTRY).unwrap_or(usize::MAX).max(16);
        // An index has to fit in its shard, and that of a long fragmented movie is megabytes.
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

    /// How many entries there are, and how many bytes they take.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.cache.len() as u64, self.cache.weight())
    }

    /// The limits that movies are within.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The index of a file, where it is kept.
    pub(crate) fn known_index(&self, film: &Identity) -> Option<Arc<Index>> {
        match self.cache.get(&Key::index(film))? {
            Entry::Index(index) => Some(index),
            _ => None,
        }
    }

    /// The index of an open file, built now if it is not there. Of several first requests at once,
    /// one builds and the others wait for it; a source that may not be kept waiting gets
    /// [`WouldBlock`](std::io::ErrorKind::WouldBlock), and one that nobody wants any more does not
    /// wait.
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
        let key = Key::index(film);
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

    /// Remembers for a while that clips of this movie cannot be made.
    pub(crate) fn refuse(&self, film: &Identity, reason: Arc<FormatError>) {
        self.cache.insert(Key::index(film), Entry::Failure(reason, Instant::now()));
    }

    /// The plan of a clip of this movie, or of the file of one of its tracks, where it is kept.
    pub(crate) fn plan(
        &self,
        film: &Identity,
        request: &ClipRequest,
        segmenting: Option<Segmenting>,
    ) -> Option<Arc<Planned>> {
        match self.cache.get(&Key::plan(film, request, segmenting))? {
            Entry::Plan(plan) => Some(plan),
            _ => None,
        }
    }

    /// Keeps such a plan.
    pub(crate) fn keep_plan(
        &self,
        film: &Identity,
        request: &ClipRequest,
        segmenting: Option<Segmenting>,
        plan: Arc<Planned>,
    ) {
        if is_settled(film, SystemTime::now()) {
            self.cache.insert(Key::plan(film, request, segmenting), Entry::Plan(plan));
        }
    }

    /// A text, where it is kept.
    pub(crate) fn text(&self, place: &Place) -> Option<Text> {
        match self.cache.get(&place.0)? {
            Entry::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Keeps a text.
    pub(crate) fn keep_text(&self, place: Place, text: &Text) {
        if is_settled(&place.0.film, SystemTime::now()) {
            self.cache.insert(place.0, Entry::Text(text.clone()));
        }
    }
}

/// Where a text is kept.
pub(crate) struct Place(Key);

impl Place {
    /// That of a text about this movie.
    pub(crate) fn of(film: &Identity, text: TextKey) -> Self {
        Self(Key { film: *film, of: Kept::Text(text) })
    }
}

impl Entry {
    /// Whether it is of no use where an index is looked for.
    fn is_stale(&self) -> bool {
        match self {
            Self::Index(_) => false,
            Self::Failure(_, since) => !is_fresh(*since),
            Self::Plan(_) | Self::Text(_) => true,
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
mod tests;
