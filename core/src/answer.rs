//! The one call a server shim makes.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use crate::boxes::FormatError;
use crate::cache::FilmCache;
use crate::explanation::{Summary, Work};
use crate::index::{Film, FilmSource, Index};
use crate::limits::{self, Limits};
use crate::plan::{PlanError, Segmenting, plan_clip, plan_fast_start, plan_fragmented};
use crate::poster::{self, Poster, PosterError};
use crate::request::{Asked, ClipRequest, Format, LinkError, RequestError, Restriction, Settings, flv_start};
use crate::seek::{Clip, Cut, SeekError, seek};
use crate::server::{Reason, Reports, Severity};
use crate::source::{Identity, Metered, ReadAt};
use crate::virtual_file::{Layout, Planned, VirtualFile};

/// What a process keeps between requests.
#[derive(Debug)]
pub struct Seeker {
    pub(crate) cache: FilmCache,
    reports: Reports,
}

/// The byte budget of the cache where the configuration names none: small enough for a prefork
/// server's many processes, enough for hundreds of movies, or for one of 24 hours in fragments of a
/// second.
pub const DEFAULT_CACHE_SIZE: u64 = 16 << 20;

impl Default for Seeker {
    fn default() -> Self {
        Self::new(DEFAULT_CACHE_SIZE)
    }
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
#[non_exhaustive]
pub enum Error {
    /// The query is not understood.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The link is not signed, or no longer good.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The clip would begin at or past the end of the movie.
    #[error("start {start} is at or past the end of the film, {end} seconds")]
    PastEnd {
        /// When the clip would begin, in seconds.
        start: String,
        /// When the movie ends, in seconds.
        end: String,
    },
    /// The movie presents nothing in the clip.
    #[error("the film presents nothing from {start} to {end} seconds")]
    Empty {
        /// When the clip would begin, in seconds.
        start: String,
        /// When it would end, in seconds.
        end: String,
    },
    /// The rest of an FLV would begin at or past its end.
    #[error("start {start} is at or past the end of the file, byte {end}")]
    PastEndOfFlv {
        /// The byte asked for.
        start: u64,
        /// Bytes of the file.
        end: u64,
    },
    /// The file is not a movie that can be cut.
    #[error(transparent)]
    Format(Arc<FormatError>),
    /// The answer would be larger than an MP4, or we, can say.
    #[error(transparent)]
    Plan(Arc<PlanError>),
    /// No picture can be had of the movie.
    #[error("{0}")]
    Poster(PosterError),
    /// The movie has nothing at the address behind its path.
    #[error("the film has nothing at this address")]
    NoSuchAddress,
    /// The file cannot be read.
    #[error("cannot read the film: {0}")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// The HTTP status to answer with: 400, 403, 404, 410, 415, 416 or 500.
    pub fn status(&self) -> u16 {
        match self {
            Self::Request(RequestError::PastEnd { .. })
            | Self::PastEnd { .. }
            | Self::Empty { .. }
            | Self::PastEndOfFlv { .. } => 416,
            Self::Request(RequestError::Restricted(_)) => 403,
            Self::Request(_) => 400,
            Self::Link(error) => error.status(),
            Self::NoSuchAddress => 404,
            Self::Format(e) if e.io_error().is_some() => 500,
            Self::Format(_) | Self::Plan(_) | Self::Poster(_) => 415,
            Self::Io(_) => 500,
        }
    }

    /// What the measures call it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Link(LinkError::Unsigned) => Reason::Unsigned,
            Self::Link(LinkError::Expired) => Reason::Expired,
            Self::Link(LinkError::Wrong) => Reason::Signature,
            Self::Request(RequestError::Restricted(_)) => Reason::Limit,
            Self::NoSuchAddress => Reason::Address,
            _ => match self.status() {
                400 => Reason::Query,
                415 => Reason::Format,
                416 => Reason::PastEnd,
                _ => Reason::Disk,
            },
        }
    }

    /// How much its line in the error log matters, where it is the first about this movie.
    fn severity(&self) -> Severity {
        match self.status() {
            400 | 403 | 404 | 410 | 416 => Severity::Info,
            415 => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Whether a source that may not be kept waiting would have been: the same call with one that
    /// may is the way on.
    pub fn would_block(&self) -> bool {
        self.io_error().is_some_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// What went wrong with the file, where that is the reason.
    fn io_error(&self) -> Option<&std::io::Error> {
        match self {
            Self::Format(e) => e.io_error(),
            Self::Io(e) => Some(e),
            _ => None,
        }
    }
}

impl From<FormatError> for Error {
    fn from(e: FormatError) -> Self {
        Self::Format(Arc::new(e))
    }
}

impl From<PlanError> for Error {
    fn from(e: PlanError) -> Self {
        match e {
            PlanError::Format(e) => e.into(),
            other => Self::Plan(Arc::new(other)),
        }
    }
}

impl From<SeekError> for Error {
    fn from(e: SeekError) -> Self {
        match e {
            SeekError::PastEnd { start, end } => Self::PastEnd { start, end },
            SeekError::Empty { start, end } => Self::Empty { start, end },
            SeekError::Request(e) => e.into(),
            SeekError::Format(e) => e.into(),
        }
    }
}

impl From<PosterError> for Error {
    fn from(e: PosterError) -> Self {
        match e {
            PosterError::Seek(e) => e.into(),
            PosterError::Format(e) => e.into(),
            other => Self::Poster(other),
        }
    }
}

impl Seeker {
    /// A seeker that keeps at most `cache_bytes` of indexes and plans between requests; 0 for none.
    pub fn new(cache_bytes: u64) -> Self {
        Self::with_limits(cache_bytes, Limits::default())
    }

    /// As [`Self::new`], for movies within these limits.
    pub fn with_limits(cache_bytes: u64, limits: Limits) -> Self {
        Self { cache: FilmCache::new(cache_bytes, limits), reports: Reports::default() }
    }

    /// Whether the index of a movie is being built, so that a source that
    /// [asks again](ReadAt::asks_again) would ask in vain.
    pub fn is_being_built(&self, movie: &Identity) -> bool {
        self.cache.is_being_built(movie)
    }

    /// How many entries the cache has, and how many bytes they take.
    pub fn cache_size(&self) -> (u64, u64) {
        self.cache.size()
    }

    /// How much a line about this `error` matters. That a movie cannot be cut is news only once,
    /// until the movie changes.
    pub fn severity(&self, error: &Error, identity: &Identity) -> Severity {
        match error.severity() {
            Severity::Warning if !self.reports.is_first(identity) => Severity::Debug,
            severity => severity,
        }
    }

    /// Answers the request `query` (what follows the `?`, percent-encoded as
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
        let is_known = known.is_some();
        let answer = self.answer_movie(known, source, identity, query, settings);
        // What is no movie may be an FLV. Looked at before, its first bytes would keep all waiting who
        // ask for a movie, and not only who builds the index.
        let may_be_flv = match &answer {
            Ok(answer) => matches!(answer, Answer::Plain(Some(_))),
            Err(e) => e.io_error().is_none(),
        };
        if !is_known && may_be_flv && is_flv(source)? {
            return answer_flv(source, identity, query, settings);
        }
        answer
    }

    fn answer_movie(
        &self,
        known: Option<Arc<Index>>,
        source: &impl ReadAt,
        identity: &Identity,
        query: &[u8],
        settings: &Settings,
    ) -> Result<Answer, Error> {
        let began = Instant::now();
        let asked = Asked::parse(query, settings)?;
        if let Some(short) = asked.short_scene {
            return Err(RequestError::Restricted(short).into());
        }
        if asked.is_poster {
            let mut poster = self.poster(known, source, identity, &asked.request)?;
            let query = (!asked.is_signed).then(|| asked.request.poster_query(settings));
            poster.name_by(query, settings);
            return Ok(Answer::Film(Box::new(poster)));
        }
        let ask = |known, request: &ClipRequest| {
            let mut answer = self.answer_request(known, source, identity, request);
            if let Ok(Answer::Film(film)) = &mut answer {
                film.name(request, asked.is_signed, settings);
            }
            answer
        };
        let answer =
            ask(known.clone(), &asked.request).and_then(|answer| unless_refused(answer, asked.refused));
        let answer = match (answer, asked.otherwise) {
            (Err(Error::PastEnd { .. }), Some(otherwise)) => ask(known, &otherwise?),
            // Of a file that is no movie, no number is a time.
            (Err(e), Some(Ok(otherwise))) if e.status() == 415 => ask(known, &otherwise),
            (answer, _) => answer,
        };
        match answer {
            Ok(Answer::Film(mut film)) => {
                film.note_time(began.elapsed());
                Ok(Answer::Film(film))
            }
            other => other,
        }
    }

    fn answer_request(
        &self,
        known: Option<Arc<Index>>,
        source: &impl ReadAt,
        identity: &Identity,
        request: &ClipRequest,
    ) -> Result<Answer, Error> {
        match self.answer_film(known, source, identity, request) {
            Ok(film) => Ok(film),
            // Nobody asked for a cut: what we cannot read, the server can still send.
            Err(e) if !request.is_cut && request.allowed.longest.is_none() && !e.would_block() => {
                Ok(Answer::Plain(Some(e.to_string())))
            }
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
        let mut work = Work { index_was_cached: known.is_some(), ..Work::default() };
        let index = known.map_or_else(|| self.cache.index(identity, source), Ok).map_err(Error::Format)?;
        if let Some(plan) = self.cache.plan(identity, request, None) {
            work.plan_was_cached = true;
            return Ok(film(index, plan, identity, request, work));
        }
        let indexed = index.film(source);
        let budget = self.budget(&index, request);
        let outcome = self.within_budget(identity, &index, &indexed, &budget, |film| plan(film, request))?;
        match outcome {
            Outcome::Plain(reason) => Ok(Answer::Plain(reason)),
            Outcome::Film(layout, summary) => {
                let mut plan = Planned::new(layout, summary, identity);
                plan.keep_metadata(&Film { index: &index, source: &indexed })?;
                let plan = Arc::new(plan);
                self.cache.keep_plan(identity, request, None, Arc::clone(&plan));
                Ok(film(index, plan, identity, request, work))
            }
        }
    }

    /// The picture that a clip begins with.
    fn poster(
        &self,
        known: Option<Arc<Index>>,
        source: &impl ReadAt,
        identity: &Identity,
        request: &ClipRequest,
    ) -> Result<VirtualFile, Error> {
        let index = known.map_or_else(|| self.cache.index(identity, source), Ok).map_err(Error::Format)?;
        let indexed = index.film(source);
        let of_film = |film: &Film<'_>| Ok(Poster::of(film, request)?);
        let budget = self.budget(&index, request);
        let poster = self.within_budget(identity, &index, &indexed, &budget, of_film)?;
        let file = VirtualFile::excerpt(poster.head, poster.frame, &poster.key, identity);
        Ok(file.of_type(poster::MEDIA_TYPE))
    }

    /// What may be read of a film for a request.
    pub(crate) fn budget(&self, index: &Index, request: &ClipRequest) -> Budget {
        let most = index.metadata_len().saturating_mul(limits::READS_OF_METADATA);
        let left = Cell::new(most.saturating_add(self.cache.limits().reads));
        Budget { left, has_scenes: !request.more.is_empty() }
    }

    /// What `plan` finds in a film. A film of which one scene takes too many reads is refused for a
    /// while. Where many scenes do, the asker chose them.
    pub(crate) fn within_budget<T>(
        &self,
        identity: &Identity,
        index: &Index,
        indexed: &FilmSource<'_, impl ReadAt>,
        budget: &Budget,
        plan: impl FnOnce(&Film<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let metered = Metered::new(indexed, &budget.left);
        plan(&Film { index, source: &metered }).inspect_err(|e| match e {
            Error::Format(reason) if matches!(**reason, FormatError::ReadBudget(_)) && !budget.has_scenes => {
                self.cache.refuse(identity, Arc::clone(reason));
            }
            _ => {}
        })
    }
}

/// An answer, if what is asked for is not refused.
pub(crate) fn unless_refused<T>(answer: T, refused: Option<Restriction>) -> Result<T, Error> {
    match refused {
        Some(refused) => Err(RequestError::from(refused).into()),
        None => Ok(answer),
    }
}

/// What may still be read of a film for one request, in all steps together.
pub(crate) struct Budget {
    left: Cell<u64>,
    has_scenes: bool,
}

fn film(
    index: Arc<Index>,
    plan: Arc<Planned>,
    identity: &Identity,
    request: &ClipRequest,
    work: Work,
) -> Answer {
    Answer::Film(Box::new(VirtualFile::film(index, plan, identity, request.into(), work)))
}

/// What is sent.
#[expect(clippy::large_enum_variant, reason = "there is one of it, which is soon taken apart")]
enum Outcome {
    /// The file as it is, and why, where that is worth a line.
    Plain(Option<String>),
    /// What is laid out, and what it holds of the movie where that is not all.
    Film(Layout, Option<Summary>),
}

/// What answers a request.
///
/// A fragmented movie is flattened even where no clip is asked for, because no form of one plays
/// and seeks in all browsers. A movie of 300 s over 150 KB/s showed:
/// - Without a `sidx` before the fragments for all of them, Chromium reads to the end before it
///   plays, even where a `mehd` says the duration.
/// - Without a `mehd`, Firefox takes what it has got for the whole movie, and seeks no farther.
/// - With both, Chromium and WebKitGTK play and seek. Firefox has to get all that lies before the
///   place it seeks to: 55 s, where a flat movie takes one.
fn plan(film: &Film<'_>, request: &ClipRequest) -> Result<Outcome, Error> {
    Ok(match seek(film, request)? {
        Cut::Whole if film.index.is_fast_start() && !request.lays_out_whole => Outcome::Plain(None),
        Cut::Whole => match plan_fast_start(film) {
            Ok(plan) => Outcome::Film(Layout::Flat(plan), None),
            Err(PlanError::NotMovable(reason)) => Outcome::Plain(Some(reason.to_string())),
            Err(e) => return Err(e.into()),
        },
        Cut::Clip(clip) => {
            let layout = lay_out(film, &clip, request)?;
            Outcome::Film(layout, Some(Summary::of(film.index, &clip)))
        }
    })
}

/// Lays out a clip in the format that is asked for.
fn lay_out(film: &Film<'_>, clip: &Clip, request: &ClipRequest) -> Result<Layout, PlanError> {
    let fragmented = || plan_fragmented(film, clip, &Segmenting::of_clip(clip)).map(Layout::Fragmented);
    if request.format == Format::Fragmented {
        return fragmented();
    }
    let plan = plan_clip(film, clip)?;
    let is_long = plan.metadata_len > LONG_METADATA && request.start.nanos() > 0;
    if request.format == Format::Auto && is_long {
        match fragmented() {
            Err(PlanError::Unfragmentable(_)) => {}
            other => return other,
        }
    }
    Ok(Layout::Flat(plan))
}

/// Metadata of a flat answer above which `auto` means a fragmented one: at 10 Mbit/s it takes a
/// quarter of a second.
const LONG_METADATA: u64 = 300 * 1024;

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
fn answer_flv(
    source: &impl ReadAt,
    identity: &Identity,
    query: &[u8],
    settings: &Settings,
) -> Result<Answer, Error> {
    let from = match flv_start(query, settings)? {
        None | Some(0) => return Ok(Answer::Plain(None)),
        Some(from) => from,
    };
    if from >= identity.size {
        return Err(Error::PastEndOfFlv { start: from, end: identity.size });
    }
    if identity.size < FLV_HEADER_LEN as u64 {
        return Err(FormatError::ShortFlv.into());
    }
    let mut head = vec![0; FLV_HEADER_LEN];
    source.read_exact_at(&mut head, 0)?;
    Ok(Answer::Film(Box::new(VirtualFile::tail(head, from, identity))))
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::{Duration, Instant, UNIX_EPOCH};

    use super::*;
    use crate::http::opaque_tag;
    use crate::testing::{Film, TrackSpec, ask, identity};

    #[test]
    fn a_number_in_t_is_a_time_only_within_the_film() {
        // Ten seconds.
        let film = Film::of(vec![TrackSpec::video(100, 10)]).build();
        let whole = ask(&film, "").unwrap();
        let clip = ask(&film, "start=5").unwrap();
        assert!(whole != clip);
        for query in ["t=5", "t=npt:5", "t=0:05"] {
            assert_eq!(ask(&film, query).unwrap(), clip, "{query}");
        }
        for query in ["t=10", "t=1700000000000", "t=1e300", "t=9:00:00", "t=TOKEN"] {
            assert_eq!(ask(&film, query).unwrap(), whole, "{query}");
        }
        assert_eq!(ask(&film, "t=99&tracks=video").unwrap(), ask(&film, "tracks=video").unwrap());
        for (query, status) in [
            ("t=npt:10", 416),
            ("t=10,20", 416),
            ("start=10", 416),
            ("t=1&start=10", 416),
            ("end=99&t=20", 400),
            ("vbegin=5&t=7", 400),
            ("t=99&tracks=9", 400),
        ] {
            assert_eq!(ask(&film, query).unwrap_err().status(), status, "{query}");
        }
        assert_eq!(ask(&film, "start=10&t=5").unwrap(), clip);
    }

    #[test]
    fn a_file_that_is_no_film_has_no_times() {
        let text = b"This is not a film. ".repeat(10);
        for query in ["", "t=1", "t=TOKEN", "mode=download"] {
            assert_eq!(ask(&text, query).unwrap(), None, "{query}");
        }
        for query in ["start=1", "t=1,2", "start=1&t=2", "t=1&tracks=1"] {
            assert_eq!(ask(&text, query).unwrap_err().status(), 415, "{query}");
        }
    }

    #[test]
    fn a_tag_is_weak_as_long_as_the_film_is_fresh() {
        let film = Film::of(vec![TrackSpec::video(100, 10)]).build();
        let seeker = Seeker::default();
        let tag = |mtime, mtime_nanos| {
            let identity = Identity { mtime, mtime_nanos, ..identity(&film) };
            let answer = seeker.answer(&film, &identity, b"start=5", &Settings::default()).unwrap();
            let Answer::Film(file) = answer else { panic!("the plain file") };
            file.etag().to_owned()
        };
        let settled = tag(1_000_000_000, 0);
        assert!(settled.starts_with("\"h264s"), "{settled}");
        assert_eq!(tag(1_000_000_000, 999_999_999), settled);
        assert_ne!(tag(1_000_000_001, 0), settled);

        // The plan is kept from the first request on. What it says of the tag is not.
        let now = i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        let soon = tag(now + 5, 0);
        assert!(soon.starts_with("W/\"h264s"), "{soon}");
        let modified = Instant::now();
        let written = tag(now - 1, 0);
        assert!(written.starts_with("W/") || modified.elapsed() > Duration::from_millis(900), "{written}");
        let is_strong = |tag: &String| !tag.starts_with("W/");
        let later = std::iter::repeat_with(|| {
            sleep(Duration::from_millis(100));
            tag(now - 1, 0)
        });
        let later = later.take(100).find(is_strong).unwrap();
        assert_eq!(opaque_tag(&written), later);
    }
}
