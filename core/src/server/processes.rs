//! What each process of a server has now.

use std::array;
use std::hash::{BuildHasher, RandomState};
use std::process;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, test_kill_process};

/// Processes whose caches are known at a time. Of further ones, only what they count is there.
const PROCESSES: usize = 1024;

/// A place for each process, in memory that all of them share.
#[repr(C)]
pub(super) struct Processes([Process; PROCESSES]);

/// What a process has now.
#[repr(C)]
#[derive(Default)]
pub(super) struct Process {
    /// Whose place it is, as [`own_life`] names it; 0 for nobody's.
    life: AtomicU64,
    /// Answers that are being sent.
    pub(super) answers: AtomicU32,
    pub(super) threads: AtomicU32,
    pub(super) busy: AtomicU32,
    pub(super) waiting: AtomicU32,
    pub(super) entries: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// What all living processes have now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) processes: u64,
    pub(super) answers: u64,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) threads: u64,
    pub(super) busy: u64,
    pub(super) waiting: u64,
}

impl Default for Processes {
    fn default() -> Self {
        Self(array::from_fn(|_| Process::default()))
    }
}

impl Processes {
    /// The place of this process. Its first call takes one that is free or belongs to a process that
    /// has ended, after `forget` has made all others forget an earlier process of the same number.
    pub(super) fn own(&self, forget: impl FnOnce(u32)) -> Option<&Process> {
        /// Of the threads of this process alone: no other process waits for it.
        static FIRST: Mutex<()> = Mutex::new(());
        let own = own_life();
        let find = || self.0.iter().find(|process| process.life.load(Acquire) == own);
        if let Some(process) = find() {
            return Some(process);
        }
        let _first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(process) = find() {
            return Some(process);
        }
        forget(id_of(own));
        let mut place = None;
        for process in &self.0 {
            let life = process.life.load(Relaxed);
            // One of the same number has ended, too.
            let is_old = life != 0 && id_of(life) == id_of(own);
            let is_free = is_old || life == 0 || !is_alive(id_of(life));
            if is_old && place.is_some() {
                process.clear();
                process.life.store(0, Relaxed);
            } else if is_free && place.is_none() {
                // Other threads find it when it is clear.
                let is_taken = process.life.compare_exchange(life, own ^ 1, Relaxed, Relaxed).is_ok();
                place = is_taken.then(|| {
                    process.clear();
                    process.life.store(own, Release);
                    process
                });
            }
        }
        place
    }

    /// What the living processes have.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let is_there = |process: &&Process| match process.life.load(Relaxed) {
            0 => false,
            life => is_alive(id_of(life)),
        };
        for process in self.0.iter().filter(is_there) {
            totals.processes += 1;
            totals.answers += u64::from(process.answers.load(Relaxed));
            totals.entries += process.entries.load(Relaxed);
            totals.bytes += process.bytes.load(Relaxed);
            totals.threads += u64::from(process.threads.load(Relaxed));
            totals.busy += u64::from(process.busy.load(Relaxed));
            totals.waiting += u64::from(process.waiting.load(Relaxed));
        }
        totals
    }
}

impl Process {
    /// Whether the place is still this process's, which it was when an answer began.
    pub(super) fn is_own(&self) -> bool {
        self.life.load(Relaxed) == own_life()
    }

    /// Forgets what an earlier process had.
    fn clear(&self) {
        for number in [&self.answers, &self.threads, &self.busy, &self.waiting] {
            number.store(0, Relaxed);
        }
        self.entries.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
    }
}

/// Names this process as its number alone cannot, which the system gives to a later process: that
/// number, and another that was drawn.
fn own_life() -> u64 {
    /// A copy of the process has another number.
    static LIFE: AtomicU64 = AtomicU64::new(0);
    let id = u64::from(process::id());
    let life = LIFE.load(Relaxed);
    if life >> 32 == id {
        return life;
    }
    let drawn = RandomState::new().hash_one(id) & u64::from(u32::MAX);
    match LIFE.compare_exchange(life, id << 32 | drawn, Relaxed, Relaxed) {
        Ok(_) => id << 32 | drawn,
        Err(other) => other,
    }
}

/// The number of the process of that name.
fn id_of(life: u64) -> u32 {
    u32::try_from(life >> 32).unwrap_or_default()
}

/// Whether there is a process of this number. One that belongs to somebody else is.
pub(super) fn is_alive(id: u32) -> bool {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_have_ended_have_nothing() {
        let processes = Processes::default();
        let own = processes.own(|_| ()).unwrap();
        own.entries.store(3, Relaxed);
        own.bytes.store(1000, Relaxed);
        own.threads.store(8, Relaxed);
        own.answers.store(4, Relaxed);
        own.busy.store(1, Relaxed);
        own.waiting.store(2, Relaxed);
        let mut child = process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        processes.0[1].life.store(u64::from(child.id()) << 32, Relaxed);
        processes.0[1].entries.store(99, Relaxed);
        // The first process of a machine is always there.
        processes.0[2].life.store(1 << 32, Relaxed);
        processes.0[2].bytes.store(24, Relaxed);
        let expected =
            Totals { processes: 2, answers: 4, entries: 3, bytes: 1024, threads: 8, busy: 1, waiting: 2 };
        assert_eq!(processes.totals(), expected);
        // The place is taken by the next process that comes.
        processes.0[0].life.store(1 << 32, Relaxed);
        assert_eq!(processes.own(|_| ()).unwrap().entries.load(Relaxed), 0);
        assert_eq!(processes.0[1].life.load(Relaxed), own_life());
    }

    #[test]
    fn an_earlier_process_of_the_same_number_is_forgotten() {
        let processes = Processes::default();
        let earlier = own_life() ^ 1;
        for place in [1, 5] {
            processes.0[place].life.store(earlier, Relaxed);
            processes.0[place].answers.store(7, Relaxed);
        }
        assert_eq!(processes.totals().answers, 14);
        let mut forgotten = None;
        assert!(processes.own(|id| forgotten = Some(id)).is_some_and(Process::is_own));
        assert_eq!(
            (forgotten, processes.totals()),
            (Some(process::id()), Totals { processes: 1, ..Totals::default() })
        );
        processes.own(|_| panic!("it has its place")).unwrap();
    }
}
