//! What is counted, and where it can be read: variables for the access log, the page of mod_status
//! (`status.statistics-url`), and the text of OpenMetrics.
//!
//! The counts lie in memory that the workers share: the process that reads the configuration makes it
//! before it forks them.

use std::ptr::NonNull;

use mp4seek::http::Part;
use mp4seek::server::{
    Board, Fact, InProgress, Kind, OPEN_METRICS, Reason, TooMany, facts_of_refusal, open_metrics,
};
use mp4seek::virtual_file::VirtualFile;

use crate::ffi::{self, Module, h264_outcome};
use crate::request::Request;
use crate::state::State;

/// The memory with the counts.
pub(crate) struct SharedBoard(NonNull<Board>);

impl SharedBoard {
    /// `None` where there is no memory to share.
    pub(crate) fn new() -> Option<Self> {
        // SAFETY: the call asks nothing.
        let memory = unsafe { ffi::h264_share(size_of::<Board>()) };
        NonNull::new(memory.cast()).map(Self)
    }

    /// The counts. They stay until the server unloads its modules, when nothing asks for them.
    pub(crate) fn board(&self) -> &'static Board {
        // SAFETY: zeroed memory is a board, and lives until `drop`, which the module's state calls
        // last.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for SharedBoard {
    fn drop(&mut self) {
        // SAFETY: the memory of `new`, with its size. Other processes keep theirs.
        unsafe { ffi::h264_unshare(self.0.as_ptr().cast(), size_of::<Board>()) };
    }
}

fn board(request: &Request<'_>) -> Option<&'static Board> {
    State::of(request.module()).and_then(State::board)
}

/// Sets variables that `%{H264_KIND}e` puts into the access log.
pub(crate) fn set_facts(request: &mut Request<'_>, facts: &[Fact]) {
    for (name, value) in facts {
        request.set_environment(name.to_bytes(), value.to_bytes());
    }
}

/// Counts a request that is refused.
pub(crate) fn note_refusal(request: &mut Request<'_>, reason: Reason) {
    set_facts(request, &facts_of_refusal(reason));
    board(request).into_iter().for_each(|board| board.note_refusal(reason));
}

/// Counts a film that the server itself sends.
pub(crate) fn note_file(request: &mut Request<'_>) {
    set_facts(request, &[(c"H264_KIND", c"file".to_owned())]);
    board(request).into_iter().for_each(|board| board.note_answer(Kind::File, None));
}

/// Counts the bytes of a body.
pub(crate) fn note_bytes(request: &Request<'_>, film: &VirtualFile, parts: &[Part]) {
    let Some(board) = board(request) else { return };
    for part in parts {
        if let Part::Range(range) = part {
            board.note_bytes(film, range);
        }
    }
}

/// Counts an answer for as long as it is sent, unless its client has as many as it may.
pub(crate) fn begin(request: &Request<'_>, kind: Kind) -> Result<Option<InProgress>, TooMany> {
    let Some(state) = State::of(request.module()) else { return Ok(None) };
    let most = state.config(request).clips_per_client;
    let client = (most > 0 && kind.is_limited()).then(|| (request.client(), most));
    state.board().map(|board| board.begin(client)).transpose()
}

/// Puts the counts on the page of mod_status. It is called once a second, so that the page of each
/// worker has the counts of all.
pub(crate) fn publish(module: Module<'_>) {
    let Some(board) = State::of(module).and_then(State::board) else { return };
    for (name, count) in board.lines() {
        let name = format!("h264-streaming.{name}");
        // SAFETY: the server copies the name.
        unsafe { ffi::h264_set_statistic(ffi::bytes(name.as_bytes()), count) };
    }
}

/// Answers a request for the counts.
pub(crate) fn answer(request: &mut Request<'_>) -> h264_outcome {
    // The server keeps what it has decided of conditions, and may cut the path later. So they are
    // asked about only where the answer may be ours.
    let Some(state) = State::of(request.module()).filter(|state| state.may_be_metrics(request.url_path()))
    else {
        return ffi::H264_GO_ON;
    };
    let is_asked = request.is_get() || request.is_head();
    let config = state.config(request);
    if !is_asked || request.is_claimed() || config.metrics_url.is_none_or(|url| url != request.url_path()) {
        return ffi::H264_GO_ON;
    }
    let Some(board) = state.board() else { return request.end(500) };
    request.set_header(b"Content-Type", OPEN_METRICS.as_bytes());
    request.set_header(b"Cache-Control", b"no-store");
    if request.append(open_metrics(board).as_bytes()).is_err() {
        return ffi::H264_ERROR;
    }
    request.set_status(200);
    request.finish_body();
    ffi::H264_FINISHED
}
