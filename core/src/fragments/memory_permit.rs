//! One at a time, where building an index takes much memory.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::boxes::FormatError;
use crate::limits;
use crate::source::ReadAt;

/// How often a reader that waits for another's work looks whether its own is still wanted.
pub(crate) const LOOK_UP: Duration = Duration::from_millis(100);

/// The one permit of a cache. It belongs to the cache and not to the process, because a server may
/// restart, or fork, while a thread holds the permit. That thread may hang in a read, or not exist
/// in the child.
#[derive(Debug, Default, Clone)]
pub(crate) struct MemoryPermits(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_taken: Mutex<bool>,
    returned: Condvar,
}

/// Held while an index is built that needs much memory. Such indexes are built one at a time: a few
/// of them at once would take all memory there is.
#[derive(Debug, Default)]
pub(crate) struct MemoryPermit {
    permits: MemoryPermits,
    is_held: bool,
}

/// What building an index takes memory for.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Needed {
    pub(crate) samples: u64,
    /// Bytes of auxiliary information.
    pub(crate) auxiliary: u64,
    /// Runs of samples that are in one group.
    pub(crate) groups: u64,
    /// Bytes of notes on batches.
    pub(crate) batches: u64,
}

impl Needed {
    fn bytes(&self) -> u64 {
        let Self { samples, auxiliary, groups, batches } = *self;
        // Once as they are gathered, and once as they are written.
        let twice = auxiliary.saturating_add(groups.saturating_mul(8)).saturating_mul(2);
        samples.saturating_mul(limits::MEMORY_OF_SAMPLE).saturating_add(twice).saturating_add(batches)
    }
}

impl MemoryPermits {
    fn is_taken(&self) -> MutexGuard<'_, bool> {
        // It guards nothing that could be left half done.
        self.0.is_taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryPermit {
    /// Not held yet.
    pub(crate) fn of(permits: &MemoryPermits) -> Self {
        Self { permits: permits.clone(), is_held: false }
    }

    /// Waits for the permit, if what is needed does.
    ///
    /// # Errors
    /// `WouldBlock` for a source that may not wait; why nobody wants to wait any more; `TimedOut` where
    /// the turn does not come, since another's read may never end.
    pub(crate) fn take<R: ReadAt>(&mut self, source: &R, needed: &Needed) -> Result<(), FormatError> {
        self.take_within(limits::MEMORY_TURN, source, needed)
    }

    fn take_within<R: ReadAt>(
        &mut self,
        patience: Duration,
        source: &R,
        needed: &Needed,
    ) -> Result<(), FormatError> {
        if self.is_held || needed.bytes() <= limits::MEMORY_AT_ONCE {
            return Ok(());
        }
        if !source.may_wait() {
            return Err(FormatError::Unavailable(io::ErrorKind::WouldBlock.into()));
        }
        let begun = Instant::now();
        let mut is_taken = self.permits.is_taken();
        while *is_taken {
            source.check_wanted().map_err(FormatError::Unavailable)?;
            if begun.elapsed() >= patience {
                return Err(FormatError::Unavailable(io::ErrorKind::TimedOut.into()));
            }
            let waited = self.permits.0.returned.wait_timeout(is_taken, LOOK_UP);
            is_taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *is_taken = true;
        drop(is_taken);
        self.is_held = true;
        Ok(())
    }
}

impl Drop for MemoryPermit {
    fn drop(&mut self) {
        if self.is_held {
            *self.permits.is_taken() = false;
            self.permits.0.returned.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::thread::{self, scope};

    use super::*;

    const MUCH: u64 = limits::MEMORY_AT_ONCE;

    fn samples(samples: u64) -> Needed {
        Needed { samples, ..Needed::default() }
    }

    fn take(permits: &MemoryPermits, source: &impl ReadAt) -> Result<MemoryPermit, FormatError> {
        let mut permit = MemoryPermit::of(permits);
        permit.take(source, &samples(MUCH)).map(|()| permit)
    }

    /// Runs what would never end if it did not work.
    fn in_time(body: impl FnOnce() + Send + 'static) {
        let (done, is_done) = mpsc::channel();
        let thread = thread::spawn(move || {
            body();
            done.send(()).unwrap();
        });
        let waited = is_done.recv_timeout(Duration::from_secs(60));
        assert_ne!(waited, Err(RecvTimeoutError::Timeout), "somebody waits for ever");
        thread.join().unwrap();
    }

    #[test]
    fn one_of_many_who_need_much_has_it() {
        in_time(|| {
            let (permits, holders) = (MemoryPermits::default(), AtomicU32::new(0));
            scope(|threads| {
                for _ in 0..8 {
                    threads.spawn(|| {
                        for _ in 0..50 {
                            let _permit = take(&permits, &Vec::new()).unwrap();
                            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                            thread::yield_now();
                            holders.fetch_sub(1, Ordering::SeqCst);
                        }
                    });
                }
            });
        });
    }

    #[test]
    fn little_memory_needs_no_permit_and_each_cache_has_its_own() {
        in_time(|| {
            let permits = MemoryPermits::default();
            let _held = take(&permits, &Vec::new()).unwrap();
            MemoryPermit::of(&permits).take(&Vec::new(), &samples(1)).unwrap();
            take(&MemoryPermits::default(), &Vec::new()).unwrap();
        });
    }

    struct Impatient;

    impl ReadAt for Impatient {
        fn read_at(&self, _buf: &mut [u8], _offset: u64) -> io::Result<usize> {
            Ok(0)
        }

        fn may_wait(&self) -> bool {
            false
        }
    }

    #[test]
    fn who_may_not_wait_is_sent_away() {
        in_time(|| {
            let permits = MemoryPermits::default();
            MemoryPermit::of(&permits).take(&Impatient, &samples(1)).unwrap();
            // The permit is free, but the work that it is for would take long.
            let refused = take(&permits, &Impatient).unwrap_err();
            assert_eq!(refused.io_error().unwrap().kind(), io::ErrorKind::WouldBlock);
        });
    }

    #[test]
    fn who_waits_for_one_that_hangs_gives_up() {
        in_time(|| {
            let permits = MemoryPermits::default();
            let hangs = take(&permits, &Vec::new()).unwrap();
            let mut permit = MemoryPermit::of(&permits);
            let given_up = permit.take_within(2 * LOOK_UP, &Vec::new(), &samples(MUCH)).unwrap_err();
            assert_eq!(given_up.io_error().unwrap().kind(), io::ErrorKind::TimedOut);
            drop(permit);
            assert!(*permits.is_taken(), "the permit is the other's still");
            drop(hangs);
            take(&permits, &Vec::new()).unwrap();
        });
    }

    struct Unwanted(AtomicBool);

    impl ReadAt for Unwanted {
        fn read_at(&self, _buf: &mut [u8], _offset: u64) -> io::Result<usize> {
            Ok(0)
        }

        fn check_wanted(&self) -> io::Result<()> {
            if self.0.load(Ordering::SeqCst) { Err(io::Error::other("unwanted")) } else { Ok(()) }
        }
    }

    #[test]
    fn who_is_not_wanted_any_more_does_not_wait() {
        in_time(|| {
            let (permits, source) = (MemoryPermits::default(), Unwanted(AtomicBool::new(false)));
            let held = take(&permits, &source).unwrap();
            scope(|threads| {
                let waiter = threads.spawn(|| take(&permits, &source).map(drop));
                source.0.store(true, Ordering::SeqCst);
                assert!(waiter.join().unwrap().unwrap_err().to_string().contains("unwanted"));
            });
            drop(held);
        });
    }
}
