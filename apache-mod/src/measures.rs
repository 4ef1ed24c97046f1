//! What is counted, and where it can be read: variables for the access log, the page of mod_status,
//! and the text of OpenMetrics.
//!
//! The counts lie in memory that the children share. The first process makes it each time that it
//! has read its configuration, in the pool of that configuration. Children of an earlier
//! configuration count in memory of their own until they end.

use std::ffi::{CString, c_int};
use std::fmt::Write as _;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use mp4seek::server::{Board, Fact, OPEN_METRICS, Reason, boundary, facts_of_refusal, open_metrics};

use crate::ffi;
use crate::request::Request;

/// `SetHandler` names it.
pub(crate) const HANDLER: &[u8] = b"h264-streaming-metrics";

/// Null until a configuration has been read, and where there is no memory to share.
static BOARD: AtomicPtr<Board> = AtomicPtr::new(ptr::null_mut());

/// The counts of all children.
pub(crate) fn board() -> Option<&'static Board> {
    // SAFETY: null, or what `after_configuration` put there: zeroed memory, which is a board. A child
    // keeps it mapped for as long as it lives; so does the first process while it answers nothing.
    unsafe { BOARD.load(Ordering::Relaxed).as_ref() }
}

pub(crate) unsafe extern "C" fn after_configuration(
    pool: *mut ffi::apr_pool_t,
    _log: *mut ffi::apr_pool_t,
    _temporary: *mut ffi::apr_pool_t,
    _server: *mut ffi::server_rec,
) -> c_int {
    boundary(
        || ffi::H264_OK,
        || {
            // SAFETY: the pool of the configuration that was just read.
            let memory = unsafe { ffi::h264_shared_memory(pool, size_of::<Board>()) };
            if memory.is_null() {
                ffi::log(ffi::H264_LOG_WARNING, "there is no memory to share, and nothing is counted");
            }
            BOARD.store(memory.cast(), Ordering::Relaxed);
            ffi::H264_OK
        },
    )
}

/// Sets variables that `%<{H264_KIND}e` puts into the access log.
pub(crate) fn set_facts(request: &mut Request<'_>, facts: &[Fact]) {
    for (name, value) in facts {
        request.set_fact(name, value);
    }
}

/// Counts a request that is refused.
pub(crate) fn note_refusal(request: &mut Request<'_>, reason: Reason) {
    set_facts(request, &facts_of_refusal(reason));
    board().into_iter().for_each(|board| board.note_refusal(reason));
}

/// The page of mod_status.
pub(crate) unsafe extern "C" fn status(request: *mut ffi::request_rec, flags: c_int) -> c_int {
    boundary(
        || ffi::H264_OK,
        || {
            // SAFETY: a live request, on this thread alone; flags of the server.
            let (request, is_short) =
                unsafe { (Request::new(request), ffi::h264_is_short_status(flags) != 0) };
            if let (Some(mut request), Some(board)) = (request, board()) {
                request.write(if is_short { short_status(board) } else { page(board) }.as_bytes());
            }
            ffi::H264_OK
        },
    )
}

/// A line for each count: `H264AnswersClip: 5`.
fn short_status(board: &Board) -> String {
    let mut text = String::new();
    for (name, count) in board.lines() {
        let words = name.split(['.', '-']).map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        });
        let _ = writeln!(text, "H264{}: {count}", words.collect::<String>());
    }
    text
}

fn page(board: &Board) -> String {
    let mut text = String::from("<hr />\n<h2>mod_h264_streaming</h2>\n<table>\n");
    for (name, count) in board.lines() {
        let _ = writeln!(text, "<tr><td>{name}</td><td>{count}</td></tr>");
    }
    text + "</table>\n"
}

/// Answers a request that `SetHandler` gives to [`HANDLER`].
pub(crate) fn answer(request: &mut Request<'_>) -> c_int {
    if !request.is_get() {
        return ffi::H264_DECLINED;
    }
    let Some(board) = board() else { return ffi::H264_INTERNAL_SERVER_ERROR };
    request.set_content_type(&CString::new(OPEN_METRICS).unwrap_or_default());
    request.set_header(c"Cache-Control", c"no-store");
    request.write(open_metrics(board).as_bytes());
    ffi::H264_OK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_short_status_are_one_word() {
        let text = short_status(&Board::default());
        assert!(text.contains("H264AnswersClip: 0\n") && text.contains("H264RefusalsPastEnd: 0\n"), "{text}");
        assert!(page(&Board::default()).contains("<td>cache.bytes</td><td>0</td>"));
    }
}
