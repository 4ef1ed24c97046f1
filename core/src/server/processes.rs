//! What each process of a server has now.

use std::array;
use std::hash::{BuildHasher, RandomState};
use std::process;
use std::ptr;
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
    /// The place of the process that [`own_life`] names `own`, which is this one. Its first call takes
    /// one. It frees those of processes that have ended, each after `forget` has made all others
    /// forget what that process of that number had.
    pub(super) fn own(&self, own: u64, forget: impl Fn(u32)) -> Option<&Process> {
        /// The process, and where the places are that it found taken. The lock is one of the threads
        /// of this process alone: no other process waits for it.
        static WITHOUT: Mutex<(u64, usize)> = Mutex::new((0, 0));
        let find = || self.0.iter().find(|process| process.life.load(Acquire) == own);
        if let Some(process) = find() {
            return Some(process);
        }
        let mut without = WITHOUT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(process) = find() {
            return Some(process);
        }
        // To look again would ask the system about each process, for each request.
        let here = (own, ptr::from_ref(self).addr());
        if *without == here {
            return None;
        }
        forget(id_of(own));
        let mut place = None;
        for process in &self.0 {
            let life = process.life.load(Relaxed);
            // One of the same number has ended, too.
            let is_over = life != 0 && (id_of(life) == id_of(own) || !is_alive(id_of(life)));
            let is_wanted = is_over || life == 0 && place.is_none();
            // Nobody else takes it until it is clear.
            if !is_wanted || process.life.compare_exchange(life, own ^ 1, Acquire, Relaxed).is_err() {
                continue;
            }
            if is_over {
                forget(id_of(life));
            }
            process.clear();
            process.life.store(if place.is_none() { own } else { 0 }, Release);
            place = place.or(Some(process));
        }
        if place.is_none() {
            *without = here;
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
    /// Whether the place is still that process's, which it was when an answer began.
    pub(super) fn belongs_to(&self, life: u64) -> bool {
        self.life.load(Relaxed) == life
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
pub(super) fn own_life() -> u64 {
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
pub(super) fn id_of(life: u64) -> u32 {
    u32::try_from(life >> 32).unwrap_or_default()
}

/// Whether there is a process of this number. One that belongs to somebody else is.
pub(super) fn is_alive(id: u32) -> bool {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn processes_that_have_ended_have_nothing() {
        let processes = Processes::default();
        let own = processes.own(own_life(), |_| ()).unwrap();
        own.entries.store(3, Relaxed);
        own.bytes.store(1000, Relaxed);
        own.threads.store(8, Relaxed);
        own.answers.store(4, Relaxed);
        own.busy.store(1, Relaxed);
        own.waiting.store(2, Relaxed);
        processes.0[1].life.store(u64::from(ended()) << 32, Relaxed);
        processes.0[1].entries.store(99, Relaxed);
        // The first process of a machine is always there.
        processes.0[2].life.store(1 << 32, Relaxed);
        processes.0[2].bytes.store(24, Relaxed);
        let expected =
            Totals { processes: 2, answers: 4, entries: 3, bytes: 1024, threads: 8, busy: 1, waiting: 2 };
        assert_eq!(processes.totals(), expected);
        // The place is taken by the next process that comes.
        processes.0[0].life.store(1 << 32, Relaxed);
        assert_eq!(processes.own(own_life(), |_| ()).unwrap().entries.load(Relaxed), 0);
        assert_eq!(processes.0[1].life.load(Relaxed), own_life());
    }

    /// The number of a process that has ended.
    fn ended() -> u32 {
        let mut child = process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn an_earlier_process_of_the_same_number_is_forgotten() {
        let processes = Processes::default();
        let (earlier, ended) = (own_life() ^ 2, ended());
        for (place, life) in [(1, earlier), (5, earlier), (7, u64::from(ended) << 32), (9, 1 << 32)] {
            processes.0[place].life.store(life, Relaxed);
            processes.0[place].answers.store(7, Relaxed);
        }
        assert_eq!(processes.totals().answers, 21);
        let forgotten = RefCell::new(Vec::new());
        let own = processes.own(own_life(), |id| forgotten.borrow_mut().push(id)).unwrap();
        assert!(own.belongs_to(own_life()) && ptr::eq(own, &processes.0[0]));
        let forgotten = forgotten.into_inner();
        assert!(forgotten.contains(&process::id()) && forgotten.contains(&ended), "{forgotten:?}");
        assert!(!forgotten.contains(&1));
        let expected = Totals { processes: 2, answers: 7, ..Totals::default() };
        assert_eq!(processes.totals(), expected);
        assert_eq!(processes.0.iter().filter(|place| place.life.load(Relaxed) != 0).count(), 2);
        processes.own(own_life(), |_| panic!("it has its place")).unwrap();
    }

    #[test]
    fn a_process_without_a_place_looks_for_one_once() {
        let processes = Processes::default();
        processes.0.iter().for_each(|place| place.life.store(1 << 32, Relaxed));
        assert!(processes.own(own_life(), |_| ()).is_none());
        assert!(processes.own(own_life(), |_| panic!("it looks again")).is_none());
        // Elsewhere there is one.
        assert!(Processes::default().own(own_life(), |_| ()).is_some());
    }
}
