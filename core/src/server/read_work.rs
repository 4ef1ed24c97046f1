//! A piece of work that waits for the disk, in the place of the thread that would have waited.

use std::sync::atomic::Ordering::Relaxed;

use super::processes::{Process, own_life};

/// Counts a piece of work that threads of the server itself do: first among those that wait for a
/// thread, then among those under way, until this is dropped. Any thread of the process may have it.
#[must_use = "the work is over when this is dropped"]
pub struct ReadWork {
    /// Of this process; `None` where there are more processes than places.
    process: Option<&'static Process>,
    has_begun: bool,
    /// The process, as [`own_life`] names it.
    life: u64,
}

impl ReadWork {
    pub(super) fn new(process: Option<&'static Process>) -> Self {
        let work = Self { process, has_begun: false, life: own_life() };
        work.own().into_iter().for_each(|process| {
            process.waiting.fetch_add(1, Relaxed);
        });
        work
    }

    /// A thread does it now.
    pub fn begin(&mut self) {
        if self.has_begun {
            return;
        }
        self.has_begun = true;
        if let Some(process) = self.own() {
            process.busy.fetch_add(1, Relaxed);
            process.waiting.fetch_sub(1, Relaxed);
        }
    }

    fn own(&self) -> Option<&'static Process> {
        self.process.filter(|process| process.belongs_to(self.life))
    }
}

impl Drop for ReadWork {
    fn drop(&mut self) {
        let Some(process) = self.own().filter(|_| self.life == own_life()) else { return };
        let count = if self.has_begun { &process.busy } else { &process.waiting };
        count.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use crate::server::Board;

    #[test]
    fn work_waits_and_then_is_under_way() {
        let board: &'static Board = Box::leak(Box::default());
        let now = || (board.reads(), board.totals().busy, board.totals().waiting);
        let mut first = board.queue_read();
        let second = board.queue_read();
        assert_eq!(now(), (2, 0, 2));
        first.begin();
        first.begin();
        assert_eq!(now(), (2, 1, 1));
        // What no thread has taken is over, too, where nobody takes it.
        drop(second);
        assert_eq!(now(), (2, 1, 0));
        std::thread::spawn(move || drop(first)).join().unwrap();
        assert_eq!(now(), (2, 0, 0));
    }
}
