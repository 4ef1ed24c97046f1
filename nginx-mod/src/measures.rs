//! What is counted, and where it can be read: variables for the access log, and the text of
//! OpenMetrics.
//!
//! The counts lie in memory that the workers share: the master makes it before it forks them, and
//! keeps it when it reads its configuration again.

use std::ffi::c_int;
use std::sync::OnceLock;

use mp4seek::http::Part;
use mp4seek::server::{
    Board, Fact, InProgress, Kind, OPEN_METRICS, Reason, TooMany, facts_of_refusal, open_metrics,
};
use mp4seek::virtual_file::VirtualFile;

use crate::ffi;
use crate::request::Request;

static BOARD: OnceLock<Option<&'static Board>> = OnceLock::new();

/// Makes the counts, before there are workers.
pub(crate) fn init() {
    BOARD.get_or_init(|| {
        // SAFETY: zeroed memory is a board, and nothing ever unmaps it.
        unsafe { ffi::h264_share(size_of::<Board>()).cast::<Board>().as_ref() }
    });
}

pub(crate) fn board() -> Option<&'static Board> {
    BOARD.get().copied().flatten()
}

/// Sets the variables of a request.
pub(crate) fn set_facts(request: &Request, facts: &[Fact]) {
    for (name, value) in facts {
        let name = name.to_bytes();
        request.set_fact(name.strip_prefix(b"H264_").unwrap_or(name), value.to_bytes());
    }
}

/// Counts a request that is refused.
pub(crate) fn note_refusal(request: &Request, reason: Reason) {
    set_facts(request, &facts_of_refusal(reason));
    board().into_iter().for_each(|board| board.note_refusal(reason));
}

/// Counts a film that the server itself sends.
pub(crate) fn note_file(request: &Request) {
    set_facts(request, &[(c"H264_KIND", c"file".to_owned())]);
    board().into_iter().for_each(|board| board.note_answer(Kind::File, None));
}

/// Counts the bytes of a body.
pub(crate) fn note_bytes(film: &VirtualFile, parts: &[Part]) {
    let Some(board) = board() else { return };
    for part in parts {
        if let Part::Range(range) = part {
            board.note_bytes(film, range);
        }
    }
}

/// Counts an answer for as long as it is sent, unless its client has as many as it may. Part of
/// another answer is counted, and never refused.
pub(crate) fn begin(request: &Request, kind: Kind) -> Result<Option<InProgress>, TooMany> {
    let most = request.section().clips_per_client.unwrap_or(0);
    let is_limited = most > 0 && kind.is_limited() && request.is_main();
    let client = is_limited.then(|| (request.client(), most));
    board().map(|board| board.begin(client)).transpose()
}

/// Answers a request for the counts.
pub(crate) fn answer(request: &Request) -> c_int {
    let Some(board) = board() else { return 500 };
    if !request.set_header(b"Cache-Control", b"no-store") {
        return 500;
    }
    request.send_text(200, OPEN_METRICS, &open_metrics(board))
}
