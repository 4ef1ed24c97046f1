//! What a request of ours keeps from one call to the next.

use std::time::Instant;

use mp4seek::packaging::Address;
use mp4seek::source::Identity;
use mp4seek::{Answer, Error};

use crate::body::Body;
use crate::handler::Head;
use crate::pool::Ticket;
use crate::reads::OpenFile;

/// What a request of ours keeps between calls.
pub(crate) enum Context {
    /// An answer that is planned elsewhere.
    Planned(Planned),
    /// An answer whose first bytes are read elsewhere.
    Begun(Box<Begun>),
    /// An answer that is being sent.
    Body(Box<Body>),
}

/// A request whose answer is planned on another thread.
pub(crate) struct Planned {
    pub(crate) file: OpenFile,
    pub(crate) identity: Identity,
    pub(crate) address: Option<Address>,
    /// When it was first asked for.
    pub(crate) since: Instant,
    pub(crate) answer: Ticket<Result<Answer, Error>>,
}

/// An answer of which nothing is sent yet.
pub(crate) struct Begun {
    pub(crate) head: Head,
    pub(crate) body: Body,
}

impl Context {
    /// The client is gone.
    pub(crate) fn give_up(&self) {
        match self {
            Self::Planned(planned) => planned.answer.give_up(),
            Self::Begun(begun) => begun.body.give_up(),
            Self::Body(body) => body.give_up(),
        }
    }
}
