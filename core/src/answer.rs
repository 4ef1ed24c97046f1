//! The one call a server shim makes.

use std::sync::Arc;

use crate::boxes::FormatError;
use crate::cache::FilmCache;
use crate::index::Index;
use crate::limits;
use crate::plan::{Plan, plan_clip, plan_fast_start};
use crate::request::{ClipRequest, Mode, RequestError, flv_start};
use crate::seek::{Cut, SeekError, seek};
use crate::source::{Identity, Metered, ReadAt};
use crate::virtual_file::{Planned, VirtualFile};

/// What a process keeps between requests.
#[derive(Debug)]
pub struct Seeker {
    cache: FilmCache,
}

/// The byte budget of the cache where the configuration names none: small enough for
/// a prefork server's many processes, enough for hundreds of films, or for one of 24 hours in fragments of a second.
pub const DEFAULT_CACHE_SIZE: u64 = 16 << 20;

impl Default for Seeker {
    fn default() -> Self {
        Self::new(DEFAULT_CACHE_SIZE)
    }
}

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
pub enum Error {
    /// The query is not understood.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The stretch lies past the end of the film.
    #[error("{0}")]
    PastEnd(String),
    /// The file is not a film that can be cut.
    #[error(transparent)]
    Format(Arc<FormatError>),
    /// The file cannot be read.
    #[error("cannot read the film: {0}")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// The HTTP status to answer with: 400, 415, 416 or 500.
    pub fn status(&self) -> u16 {
        match self {
            Self::Request(RequestError::PastEnd) | Self::PastEnd(_) => 416,
            Self::Request(_) => 400,
            Self::Format(e) if matches!(**e, FormatError::Io { .. }) => 500,
            Self::Format(_) => 415,
            Self::Io(_) => 500,
        }
    }

    /// Whether a source that may not be kept waiting would have been: the same call with one that may
    /// is the way on.
    pub fn would_block(&self) -> bool {
        let io = match self {
            Self::Format(e) => match &**e {
                FormatError::Io { source, .. } => source,
                _ => return false,
            },
            Self::Io(e) => e,
            _ => return false,
        };
        io.kind() == std::io::ErrorKind::WouldBlock
    }
}

impl From<FormatError> for Error {
    fn from(e: FormatError) -> Self {
        Self::Format(Arc::new(e))
    }
}

impl From<SeekError> for Error {
    fn from(e: SeekError) -> Self {
        match e {
            SeekError::PastEnd { .. } => Self::PastEnd(e.to_string()),
            SeekError::Request(e) => e.into(),
            SeekError::Format(e) => e.into(),
        }
    }
}

impl Seeker {
    /// A seeker that keeps at most `cache_bytes` of indexes and plans between requests; 0 for none.
    pub fn new(cache_bytes: u64) -> Self {
        Self { cache: FilmCache::new(cache_bytes) }
    }

    /// Answers the request `query` (what stands behind the `?`, percent-encoded as
    /// it came; empty when there is none) for the open file `source`.
    ///
    /// # Errors
    /// The [`Error`] names the status to answer with and, in one line, the reason,
    /// the box and its offset. Where `source` may not be kept waiting, and would be, the error
    /// [says so](Error::would_block).
    pub fn answer(
        &self,
        source: &impl ReadAt,
        identity: &Identity,
        query: &[u8],
        settings: &Settings,
    ) -> Result<Answer, Error> {
        let known = self.cache.known_index(identity);
        if known.is_none() && is_flv(source)? {
            return answer_flv(source, identity, query);
        }
        let request = ClipRequest::parse(query, settings.mode)?;
        match self.answer_film(known, source, identity, &request) {
            Ok(film) => Ok(film),
            // Nobody asked for a cut: what we cannot read, the server can still send.
            Err(e) if !request.is_cut && !e.would_block() => Ok(Answer::Plain(Some(e.to_string()))),
            Err(e) => Err(e),
        }
    }

    fn answer_film(
        &self,
        known: Option<Arc<Index>>,
        source: &impl ReadAt,
        identity: &Identity,
        request: &ClipRequest,
    ) -> Result<Answer, Error> {
        let index = known.map_or_else(|| self.cache.index(identity, source), Ok).map_err(Error::Format)?;
        if let Some(plan) = self.cache.plan(identity, request) {
            return Ok(film(index, plan, identity));
        }
        let indexed = index.film(source);
        let metadata = index.outer_moov.size.saturating_add(index.made.len());
        let metered =
            Metered::new(&indexed, limits::READS + metadata.saturating_mul(limits::READS_OF_METADATA));
        let planned = plan(&index, &metered, request).map_err(|e| {
            if !metered.is_spent() && !indexed.is_spent() {
                return e;
            }
            let tangled = "its tables and edits are too tangled to be cut in reasonable time";
            let reason = Arc::new(FormatError::Film(tangled.into()));
            self.cache.refuse(identity, Arc::clone(&reason));
            Error::Format(reason)
        })?;
        match planned {
            Err(reason) => Ok(Answer::Plain(reason)),
            Ok(plan) => {
                let plan = Arc::new(Planned::new(plan, identity));
                self.cache.keep_plan(identity, request, Arc::clone(&plan));
                Ok(film(index, plan, identity))
            }
        }
    }
}

fn film(index: Arc<Index>, plan: Arc<Planned>, identity: &Identity) -> Answer {
    Answer::Film(Box::new(VirtualFile::film(index, plan, identity)))
}

/// The plan of the answer; or why there is none, and the server sends the file as it is.
fn plan(
    index: &Arc<Index>,
    source: &impl ReadAt,
    request: &ClipRequest,
) -> Result<Result<Plan, Option<String>>, Error> {
    Ok(match seek(index, source, request)? {
        Cut::Whole if index.is_fast_start() => Err(None),
        Cut::Whole => plan_fast_start(index, source)?.map_err(Some),
        Cut::Clip(clip) => Ok(plan_clip(index, source, &clip)?),
    })
}

/// An FLV's header and the (absent) size of the tag before the first.
const FLV_HEADER_LEN: usize = 13;

fn is_flv(source: &impl ReadAt) -> Result<bool, Error> {
    let mut start = [0; 4];
    match source.read_exact_at(&mut start, 0) {
        Ok(()) => Ok(&start == b"FLV\x01"),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// The original's answer for an FLV: its header, then the file from a byte on.
fn answer_flv(source: &impl ReadAt, identity: &Identity, query: &[u8]) -> Result<Answer, Error> {
    let from = match flv_start(query)? {
        None | Some(0) => return Ok(Answer::Plain(None)),
        Some(from) => from,
    };
    if from >= identity.size {
        return Err(Error::PastEnd(format!(
            "start {from} is at or past the end of the file, byte {}",
            identity.size
        )));
    }
    if identity.size < FLV_HEADER_LEN as u64 {
        return Err(FormatError::Film("an FLV that ends in its header".into()).into());
    }
    let mut head = vec![0; FLV_HEADER_LEN];
    source.read_exact_at(&mut head, 0)?;
    Ok(Answer::Film(Box::new(VirtualFile::tail(head, from, identity))))
}
