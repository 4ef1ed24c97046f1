//! An answer that is being sent.

use std::process;
use std::sync::atomic::Ordering::Relaxed;

use super::processes::Process;

/// Counts an answer for as long as it is sent. A server keeps it until the last byte has gone out, or
/// the client has.
#[must_use = "an answer is over when this is dropped"]
pub struct InProgress {
    /// That sends it; `None` where there are more processes than places.
    process: Option<&'static Process>,
    /// A copy of the process has a copy of this, which counts nothing.
    owner: u32,
}

impl InProgress {
    pub(super) fn new(process: Option<&'static Process>) -> Self {
        if let Some(process) = process {
            process.answers.fetch_add(1, Relaxed);
        }
        Self { process, owner: process::id() }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        if self.owner != process::id() {
            return;
        }
        // No lock is taken: a server may end a process, and drop this, in a signal handler.
        if let Some(process) = self.process.filter(|process| process.is_own()) {
            process.answers.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Board;
    use super::*;

    #[test]
    fn answers_count_while_they_are_sent() {
        let board: &'static Board = Box::leak(Box::default());
        let now = || board.totals().answers;
        let (first, second) = (board.begin(), board.begin());
        assert_eq!(now(), 2);
        drop(first);
        assert_eq!(now(), 1);
        // As a copy of the process has it.
        drop(InProgress { process: second.process, owner: second.owner + 1 });
        assert_eq!(now(), 1);
        drop(second);
        assert_eq!(now(), 0);
    }
}
