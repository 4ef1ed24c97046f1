//! What each process of a server has now.

use std::array;
use std::process;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

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
    /// 0 for none.
    id: AtomicU32,
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
    /// The place of this process, which takes one that is free or belongs to a process that has
    /// ended.
    pub(super) fn own(&self) -> Option<&Process> {
        let own = process::id();
        if let Some(process) = self.0.iter().find(|process| process.id.load(Relaxed) == own) {
            return Some(process);
        }
        self.0.iter().find(|process| {
            let id = process.id.load(Relaxed);
            let is_free = id == 0 || !is_alive(id);
            let is_taken = is_free && process.id.compare_exchange(id, own, Relaxed, Relaxed).is_ok();
            if is_taken {
                process.clear();
            }
            is_taken
        })
    }

    /// What the living processes have.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let is_there = |process: &&Process| match process.id.load(Relaxed) {
            0 => false,
            id => is_alive(id),
        };
        for process in self.0.iter().filter(is_there) {
            totals.processes += 1;
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
    /// Forgets what an earlier process had.
    fn clear(&self) {
        for number in [&self.threads, &self.busy, &self.waiting] {
            number.store(0, Relaxed);
        }
        self.entries.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
    }
}

/// Whether there is a process of this number. One that belongs to somebody else is.
fn is_alive(id: u32) -> bool {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_have_ended_have_nothing() {
        let processes = Processes::default();
        let own = processes.own().unwrap();
        own.entries.store(3, Relaxed);
        own.bytes.store(1000, Relaxed);
        own.threads.store(8, Relaxed);
        own.busy.store(1, Relaxed);
        own.waiting.store(2, Relaxed);
        let mut child = process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        processes.0[1].id.store(child.id(), Relaxed);
        processes.0[1].entries.store(99, Relaxed);
        // The first process of a machine is always there.
        processes.0[2].id.store(1, Relaxed);
        processes.0[2].bytes.store(24, Relaxed);
        let expected = Totals { processes: 2, entries: 3, bytes: 1024, threads: 8, busy: 1, waiting: 2 };
        assert_eq!(processes.totals(), expected);
        // The place is taken by the next process that comes.
        processes.0[0].id.store(1, Relaxed);
        assert_eq!(processes.own().unwrap().entries.load(Relaxed), 0);
        assert_eq!(processes.0[1].id.load(Relaxed), process::id());
    }
}
