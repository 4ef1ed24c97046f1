//! An answer that is being sent.

use std::sync::atomic::Ordering::Relaxed;

use super::clients::{Clients, Place};
use super::processes::{Process, own_life};

/// Counts an answer for as long as it is sent. A server keeps it until the last byte has gone out, or
/// the client has.
#[must_use = "an answer is over when this is dropped"]
pub struct InProgress {
    pub(super) clients: &'static Clients,
    /// Of this process; `None` where there are more processes than places.
    pub(super) process: Option<&'static Process>,
    pub(super) client: Option<Place>,
    /// The process, as [`own_life`] names it. A copy of it has a copy of this, which counts nothing.
    pub(super) life: u64,
}

impl Drop for InProgress {
    fn drop(&mut self) {
        if self.life != own_life() {
            return;
        }
        // No lock is taken: a server may end a process, and drop this, in a signal handler.
        if let Some(process) = self.process.filter(|process| process.belongs_to(self.life)) {
            process.answers.fetch_sub(1, Relaxed);
        }
        if let Some(place) = self.client {
            self.clients.free(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Board;

    #[test]
    fn answers_count_while_they_are_sent() {
        let board: &'static Board = Box::leak(Box::default());
        let now = || board.totals().answers;
        let first = board.begin(None).unwrap();
        let second = board.begin(Some((b"192.0.2.1", 1))).unwrap();
        assert_eq!(now(), 2);
        assert!(board.begin(Some((b"192.0.2.1", 1))).is_err());
        // One that is refused is not sent, and those without a limit are not counted by client.
        assert_eq!(now(), 2);
        let other = board.begin(None).unwrap();
        drop((first, other));
        assert_eq!(now(), 1);
        drop(second);
        assert_eq!(now(), 0);
        let again = board.begin(Some((b"192.0.2.1", 1))).unwrap();
        let InProgress { clients, process, client, life } = &again;
        let copy = InProgress { clients, process: *process, client: *client, life: life ^ 1 };
        drop(copy);
        assert_eq!(now(), 1);
        assert!(board.begin(Some((b"192.0.2.1", 1))).is_err());
    }
}
