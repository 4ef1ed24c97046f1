//! The one call a server shim makes.

use crate::request::Mode;
use crate::source::{Identity, ReadAt};
use crate::virtual_file::VirtualFile;

/// What a process keeps between requests.
#[derive(Debug, Default)]
pub struct Seeker {}

/// What the server's configuration says for this request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// The mode where the query names none.
    pub mode: Mode,
}

/// How a request is answered.
#[derive(Debug)]
pub enum Answer {
    /// Step aside: the server sends the file as it is. The reason, where there
    /// is one worth a line in the debug log.
    Plain(Option<String>),
    /// Send this virtual file.
    Film(Box<VirtualFile>),
}

/// Why a request cannot be answered.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    status: u16,
    message: String,
}

impl Error {
    /// The HTTP status to answer with: 400, 415, 416 or 500.
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl Seeker {
    /// A seeker whose index cache holds at most `cache_bytes`.
    pub fn new(_cache_bytes: u64) -> Self {
        Self {}
    }

    /// Answers the request `query` (what stands behind the `?`, percent-encoded as
    /// it came; empty when there is none) for the open file `source`.
    ///
    /// # Errors
    /// The [`Error`] names the status to answer with and, in one line, the reason,
    /// the box and its offset.
    pub fn answer(
        &self,
        _source: &impl ReadAt,
        _identity: &Identity,
        _query: &[u8],
        _settings: &Settings,
    ) -> Result<Answer, Error> {
        Ok(Answer::Plain(None))
    }
}
