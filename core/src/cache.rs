//! What a process keeps of movies between requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// budget. A changed file has another identity, so nothing stale is ever found. A file that changed a
/// moment ago may change once more without that: see [`Young`].
#[derive(Debug)]
pub(crate) struct FilmCache {
    cache: Cache<Key, Entry, Bytes>,
    permits: MemoryPermits,
    limits: Limits,
    /// The files whose indexes are built by readers that may wait for the disk.
    building: Mutex<Vec<Identity>>,
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
    /// The index of a file that is young.
    Young,
    /// The last state of a file of which such an index is kept.
    LastYoung,
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

    fn young(film: &Identity) -> Self {
        Self { film: *film, of: Kept::Young }
    }

    /// The same for all states of a file.
    fn last_young(film: &Identity) -> Self {
        let Identity { device, inode, .. } = *film;
        let film = Identity { device, inode, size: 0, mtime: 0, mtime_nanos: 0, ctime: 0, ctime_nanos: 0 };
        Self { film, of: Kept::LastYoung }
    }

    fn plan(film: &Identity, request: &ClipRequest, segmenting: Option<Segmenting>) -> Self {
        Self { film: *film, of: Kept::Plan(request.clone(), segmenting) }
    }

    /// Memory held besides the struct itself.
    fn heap_size(&self) -> usize {
        match &self.of {
            Kept::Index | Kept::Young | Kept::LastYoung => 0,
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
    Young(Arc<Young>),
    LastYoung(Identity),
    Plan(Arc<Planned>),
    Text(Text),
}

/// What was built of a file that may change once more without a change of its identity. It answers who
/// asked before it was begun: what they would build is no newer. Who asks later gets it only of a
/// recording, to which things are appended, and for a moment.
#[derive(Debug)]
struct Young {
    film: Identity,
    built: Result<Arc<Index>, Arc<FormatError>>,
    begun: Instant,
}

/// A text about a movie, and what of it goes into its entity tag.
type Text = (Arc<[u8]>, Arc<str>);

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Entry> for Bytes {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let heap = match entry {
            Entry::Index(index) => index.heap_size(),
            Entry::Failure(..) | Entry::LastYoung(_) => 0,
            Entry::Young(young) => size_of::<Young>() + young.built.as_ref().map_or(0, |i| i.heap_size()),
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

/// How long the index of a recording is used that was built right after something was appended. Many who
/// play it ask in a second, and something may be appended several times a second.
const YOUNG_LIFE: Duration = Duration::from_secs(1);

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
        let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        let cache = match options {
            Ok(options) => Cache::with_options(options, Bytes, hasher, lifecycle),
            Err(_) => Cache::with_weighter(items, bytes, Bytes),
        };
        Self { cache, permits, limits, building: Mutex::default() }
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
    /// one builds and the others wait for it; a source that may not be kept waiting, or that asks again,
    /// gets [`WouldBlock`](std::io::ErrorKind::WouldBlock), and one that nobody wants any more does not
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
        let asked = source.asks_again().unwrap_or_else(Instant::now);
        let waits = source.may_wait() && source.asks_again().is_none();
        let is_young = !is_settled(film, SystemTime::now());
        let key = if is_young { Key::young(film) } else { Key::index(film) };
        let patience = if waits { LOOK_UP } else { Duration::ZERO };
        loop {
            let guard = match self.cache.get_value_or_guard(&key, Some(patience)) {
                GuardResult::Value(entry) => {
                    if let Some(index) = entry.index(source, asked)? {
                        return Ok(index);
                    }
                    self.cache.remove_if(&key, |now| now.is_like(&entry));
                    continue;
                }
                GuardResult::Timeout if waits => {
                    source.check_wanted().map_err(failed)?;
                    continue;
                }
                GuardResult::Timeout => return Err(failed(std::io::ErrorKind::WouldBlock.into())),
                GuardResult::Guard(guard) => guard,
            };
            let begun = Instant::now();
            let _building = source.may_wait().then(|| Building::new(self, film));
            let built = build();
            match &built {
                // The disk may be better next time.
                Err(e) if e.io_error().is_some() => drop(guard),
                built if is_young => {
                    let young = Young { film: *film, built: built.clone(), begun };
                    drop(guard.insert(Entry::Young(Arc::new(young))));
                    self.forget_young(film, Some(film));
                    self.cache.insert(Key::last_young(film), Entry::LastYoung(*film));
                }
                Ok(index) => {
                    drop(guard.insert(Entry::Index(Arc::clone(index))));
                    self.forget_young(film, None);
                }
                Err(e) => drop(guard.insert(Entry::Failure(Arc::clone(e), Instant::now()))),
            }
            return built;
        }
    }

    /// Whether the index of a file is being built by a reader that may wait for the disk.
    pub(crate) fn is_being_built(&self, film: &Identity) -> bool {
        self.building().contains(film)
    }

    fn building(&self) -> MutexGuard<'_, Vec<Identity>> {
        // No list is left half done.
        self.building.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the index of a young state of this file, unless it is the one that is `kept`.
    fn forget_young(&self, film: &Identity, kept: Option<&Identity>) {
        let last = Key::last_young(film);
        if let Some(Entry::LastYoung(before)) = self.cache.peek(&last) {
            if kept != Some(&before) {
                self.cache.remove(&Key::young(&before));
                self.cache.remove(&last);
            }
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

/// Says of a file that its index is being built.
struct Building<'a>(&'a FilmCache, Identity);

impl<'a> Building<'a> {
    fn new(cache: &'a FilmCache, film: &Identity) -> Self {
        cache.building().push(*film);
        Self(cache, *film)
    }
}

impl Drop for Building<'_> {
    fn drop(&mut self) {
        let mut building = self.0.building();
        if let Some(place) = building.iter().position(|film| *film == self.1) {
            building.swap_remove(place);
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
    /// The index of a file that was opened before it was `asked` for; `None` where this is of no use.
    ///
    /// # Errors
    /// Why there is none, or why that cannot be told.
    fn index<R: ReadAt>(&self, source: &R, asked: Instant) -> Result<Option<Arc<Index>>, Arc<FormatError>> {
        match self {
            Self::Index(index) => Ok(Some(Arc::clone(index))),
            Self::Failure(e, since) if is_fresh(*since) => Err(Arc::clone(e)),
            Self::Young(young) => young.index(source, asked),
            Self::Failure(..) | Self::LastYoung(_) | Self::Plan(_) | Self::Text(_) => Ok(None),
        }
    }

    /// Whether this is as that one, which was of no use where an index was looked for.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Index(_), _) => false,
            (Self::Failure(_, since), _) => !is_fresh(*since),
            (Self::Young(young), Self::Young(other)) => Arc::ptr_eq(young, other),
            (Self::Young(_), _) => false,
            (Self::LastYoung(_) | Self::Plan(_) | Self::Text(_), _) => true,
        }
    }
}

impl Young {
    fn index<R: ReadAt>(&self, source: &R, asked: Instant) -> Result<Option<Arc<Index>>, Arc<FormatError>> {
        if self.begun >= asked {
            return self.built.clone().map(Some);
        }
        let index = match &self.built {
            Ok(index) if self.begun.elapsed() < YOUNG_LIFE => index,
            _ => return Ok(None),
        };
        if index.growth(&self.film, SystemTime::now()) != Growth::Growing {
            return Ok(None);
        }
        let is_known = index.recognises(source).map_err(|e| Arc::new(FormatError::Unavailable(e)))?;
        Ok(is_known.then(|| Arc::clone(index)))
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
