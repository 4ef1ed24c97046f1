//! Tests of the cache.

use std::cell::Cell;
use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Instant, SystemTime};

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
    let heap = Index::build(&film, film.len() as u64).unwrap().heap_size();
    let weight = (heap + size_of::<(Key, Entry)>() + ENTRY_OVERHEAD) as u64;
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
    let key = Key::index(&identity(&broken));
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

/// A recording to which something was appended just now, and its identity then.
fn recording() -> (Vec<u8>, Identity) {
    let film = Film::of(vec![TrackSpec::video(50, 10)]).build_fragmented(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    // A clock that is ahead: the file stays young in a test of some seconds.
    let identity = Identity { mtime: now, ctime: now + 30, ..identity(&film) };
    (film, identity)
}

#[test]
fn the_index_of_a_recording_is_used_for_a_moment_while_it_is_recognised() {
    let (mut film, at) = recording();
    let cache = cache_of(1 << 20);
    let first = cache.index(&at, &film).unwrap();
    assert!(Arc::ptr_eq(&first, &cache.index(&at, &film).unwrap()));
    // Something was appended: of the state before, nothing is kept.
    let size = film.len() as u64 + 8;
    let longer = [&film[..], b"\0\0\0\x08free"].concat();
    let second = cache.index(&Identity { size, ..at }, &longer).unwrap();
    assert_eq!((second.file_len, cache.cache.len()), (size, 2));
    assert!(!Arc::ptr_eq(&first, &cache.index(&at, &film).unwrap()));
    // Another recording in its place, whose last fragment has another number.
    let second = cache.index(&at, &film).unwrap();
    let last = film.windows(4).rposition(|w| w == b"mfhd").unwrap();
    film[last + 11] ^= 1;
    let third = cache.index(&at, &film).unwrap();
    assert!(!Arc::ptr_eq(&second, &third));
    thread::sleep(YOUNG_LIFE);
    let later = cache.index(&at, &film).unwrap();
    assert!(!Arc::ptr_eq(&third, &later));
    // When nothing was written to it for a while, it is read once more, and kept.
    let settled = Identity { ctime: at.ctime - 90, ..at };
    let kept = cache.index(&settled, &film).unwrap();
    assert!(Arc::ptr_eq(&kept, &cache.index(&settled, &film).unwrap()));
    assert_eq!(cache.cache.len(), 1);
}

#[test]
fn states_of_a_recording_do_not_wait_for_each_other() {
    let (film, at) = recording();
    let longer = [&film[..], b"\0\0\0\x08free"].concat();
    let (cache, hanging) = (cache_of(1 << 20), Hanging(&film, AtomicBool::new(false), Barrier::new(2)));
    thread::scope(|threads| {
        let builds = threads.spawn(|| cache.index(&at, &hanging).is_ok());
        while !hanging.1.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        // One that may not wait is not sent away.
        let next = Identity { size: longer.len() as u64, ..at };
        assert!(cache.index(&next, &Resident(&longer, Cell::new(u64::MAX))).is_ok());
        hanging.2.wait();
        assert!(builds.join().unwrap());
    });
}

#[test]
fn of_many_requests_for_a_young_film_few_build() {
    let (recording, at) = recording();
    let flat = one_film();
    let young = Identity { ctime: at.ctime, ..identity(&flat) };
    for (film, identity) in [(&recording, at), (&flat, young)] {
        let alone = Slow(film, AtomicU32::new(0));
        Index::build(&alone, film.len() as u64).unwrap();
        let (slow, cache, ready) = (Slow(film, AtomicU32::new(0)), cache_of(1 << 20), Barrier::new(8));
        thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    ready.wait();
                    cache.index(&identity, &slow).unwrap()
                });
            }
        });
        // Who came after the first had begun may share a second.
        let most = 2 * alone.1.into_inner();
        assert!(slow.1.into_inner() <= most);
    }
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
fn one_of_many_first_requests_builds() {
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

/// A reader that asks again once another's work is done.
struct Again<'a>(&'a [u8], Instant);

impl ReadAt for Again<'_> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn asks_again(&self) -> Option<Instant> {
        Some(self.1)
    }
}

#[test]
fn who_asks_again_waits_for_nobody_and_gets_what_was_built_meanwhile() {
    let film = one_film();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    // Of a file that has just changed, too.
    for ctime in [0, i64::try_from(now).unwrap()] {
        let (cache, identity) = (cache_of(1 << 20), Identity { ctime, ..identity(&film) });
        let hanging = Hanging(&film, AtomicBool::new(false), Barrier::new(2));
        let again = Again(&film, Instant::now());
        thread::scope(|threads| {
            let builds = threads.spawn(|| cache.index(&identity, &hanging));
            while !hanging.1.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            let sent_away = cache.index(&identity, &again).unwrap_err();
            assert_eq!(sent_away.io_error().unwrap().kind(), io::ErrorKind::WouldBlock);
            assert!(cache.is_being_built(&identity));
            hanging.2.wait();
            let built = builds.join().unwrap().unwrap();
            assert!(!cache.is_being_built(&identity));
            assert!(Arc::ptr_eq(&cache.index(&identity, &again).unwrap(), &built));
        });
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
