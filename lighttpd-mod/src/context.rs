//! What a request of ours keeps from one hook to the next.

use std::ffi::c_int;
use std::ptr;

use mp4seek::packaging::Address;
use mp4seek::server::{InProgress, Reason};
use mp4seek::source::Identity;
use mp4seek::{Answer, Error};

use crate::body::Body;
use crate::ffi;
use crate::pool::Ticket;
use crate::request::{OpenFile, Request};

/// What a request of ours keeps between hooks.
pub(crate) enum Context {
    /// An answer that is planned elsewhere.
    Planned(Planned),
    /// An answer that is being sent.
    Body(Box<Body>),
    /// An answer of which all is queued, until it has gone out or the client has.
    Sent(#[expect(dead_code, reason = "it counts until it is dropped")] Option<InProgress>),
    /// An answer that refuses the request.
    Refusal(Refusal),
}

/// What completes the server's own answer to a request that is refused.
pub(crate) struct Refusal {
    pub(crate) status: c_int,
    /// Why.
    pub(crate) code: Reason,
    /// The length of the movie that a byte range lay outside of.
    pub(crate) len: Option<u64>,
    /// A page with the reason, unless the configuration has one for this status.
    pub(crate) page: Option<String>,
}

/// A request whose answer is planned on another thread.
pub(crate) struct Planned {
    pub(crate) file: OpenFile,
    pub(crate) identity: Identity,
    pub(crate) address: Option<Address>,
    pub(crate) answer: Ticket<Result<Answer, Error>>,
}

impl Context {
    /// Takes the context out of a request.
    pub(crate) fn take_from(request: &mut Request<'_>) -> Option<Self> {
        let (raw, module) = (request.as_ptr().as_ptr(), request.module().raw);
        // SAFETY: the pointer is null or what `put_into` left there. It is taken out before it is
        // owned again.
        let context = unsafe {
            let context: *mut Self = ffi::h264_context(raw, module).cast();
            ffi::h264_set_context(raw, module, ptr::null_mut());
            (!context.is_null()).then(|| Box::from_raw(context))
        };
        context.map(|context| *context)
    }

    /// Puts the context into a request, until the request is reset. It replaces the one that was
    /// there.
    pub(crate) fn put_into(self, request: &mut Request<'_>) {
        drop(Self::take_from(request));
        let context = Box::into_raw(Box::new(self)).cast();
        // SAFETY: `take_from` takes the box back.
        unsafe { ffi::h264_set_context(request.as_ptr().as_ptr(), request.module().raw, context) };
    }
}
