//! From a request to an answer.

use std::ffi::c_int;
use std::fmt::Display;
use std::sync::OnceLock;
use std::time::Instant;

use mp4seek::http::{Conditions, Part, Selection, content_range, select};
use mp4seek::packaging::Address;
use mp4seek::server::{
    self, Kind, Reason, Severity, VERSION, VERSION_HEADER, facts_of_answer, out_of_range, refusal_page,
    server_timing,
};
use mp4seek::source::{Awaited, Identity, Resident};
use mp4seek::virtual_file::{Location, VirtualFile};
use mp4seek::{Answer, Error, Seeker};

use crate::body::{Body, Progress};
use crate::config::Section;
use crate::context::{Begun, Context, Planned};
use crate::measures;
use crate::pace::Pacer;
use crate::pool;
use crate::reads::OpenFile;
use crate::request::Request;
use crate::target::{Target, target};

const ONLY_GET: &str = "this answers GET and HEAD";

/// What becomes of a request.
pub(crate) enum Outcome {
    /// The server does with it what it does without the module.
    Declined,
    /// A status of HTTP.
    Status(c_int),
    /// The answer is sent, and the server gets this.
    Answered(c_int),
    /// The head is set, and there is nothing more to send.
    NoBody,
    /// Another thread works for it.
    Waits(Context),
    /// The head is set.
    Body(Box<Body>),
}

/// The seeker of the process. Its first request creates it, after the server has forked.
fn seeker(section: &Section) -> &'static Seeker {
    static SEEKER: OnceLock<Seeker> = OnceLock::new();
    SEEKER.get_or_init(|| Seeker::new(section.cache_size()))
}

/// What a film is asked for, where that is allowed before the film is opened: itself, or what is at
/// an address behind it.
fn asked(request: &Request) -> Result<Option<Address>, Outcome> {
    let address = match target(request) {
        None => return Err(Outcome::Declined),
        Some(Target::Film) => None,
        Some(Target::Resource(address)) => Some(address),
        Some(Target::Nothing) => {
            request.log(Severity::Info, &Error::NoSuchAddress);
            return Err(refuse(request, 404, Reason::Address, &Error::NoSuchAddress));
        }
        Some(Target::NotForPost) => return Err(refuse(request, 405, Reason::Method, &ONLY_GET)),
        Some(Target::NoFilm) => {
            measures::note_refusal(request, Reason::Address);
            return Err(Outcome::Status(404));
        }
    };
    let section = request.section();
    if let Some(keys) = section.keys() {
        let (path, query) = (request.film_url(), request.query());
        if let Err(error) = server::check_link(keys, path, query, &section.parameters) {
            request.log(Severity::Info, &error);
            let error = Error::from(error);
            return Err(refuse(request, error.status(), error.reason(), &error));
        }
    }
    Ok(address)
}

/// Answers where the server may not open the film. Its own handler of files says so of a film, and
/// knows no resource of it.
pub(crate) fn answer_unopened(request: &Request) -> Outcome {
    match asked(request) {
        // The server's own handler may succeed by now, and would send all of the film.
        Ok(None) if !request.section().is_guarded() => Outcome::Declined,
        Ok(address) => {
            if address.is_none() {
                request.log(Severity::Error, &"the film may not be opened: permissions, or disable_symlinks");
            }
            Outcome::Status(403)
        }
        Err(outcome) => outcome,
    }
}

/// Begins the answer for a film.
pub(crate) fn answer(request: &Request, file: OpenFile) -> Outcome {
    let address = match asked(request) {
        Ok(address) => address,
        Err(outcome) => return outcome,
    };
    let section = request.section();
    let identity = match file.metadata() {
        Ok(metadata) => Identity::of(&metadata),
        Err(error) => return fail(request, &error),
    };
    let source = Resident::of(&file);
    match seeker(section).answer_at(&source, &identity, address, request.query(), &section.settings()) {
        Err(error) if error.would_block() => {}
        answer => return answer_with(request, answer, address, file, &identity),
    }
    plan(request, file, identity, address, Instant::now())
}

/// Has a thread plan the answer to what was first asked for at `since`.
fn plan(
    request: &Request,
    file: OpenFile,
    identity: Identity,
    address: Option<Address>,
    since: Instant,
) -> Outcome {
    let (seeker, settings) = (seeker(request.section()), request.section().settings());
    let query = request.query().to_vec();
    let work = move |file: &Awaited| {
        let answer = seeker.answer_at(file, &identity, address, &query, &settings);
        // Another request has the index of the film built.
        if answer.as_ref().is_err_and(Error::would_block) { None } else { Some(answer) }
    };
    match pool::run_unless_blocked(request, &file, since, work) {
        Ok(answer) => answer_when_planned(request, Planned { file, identity, address, since, answer }),
        Err(error) => fail(request, &error),
    }
}

/// Answers a request whose plan a thread makes, or waits for the plan.
pub(crate) fn answer_when_planned(request: &Request, planned: Planned) -> Outcome {
    match planned.answer.take(request) {
        pool::Outcome::Pending => Outcome::Waits(Context::Planned(planned)),
        pool::Outcome::Blocked if seeker(request.section()).is_being_built(&planned.identity) => {
            request.pause();
            Outcome::Waits(Context::Planned(planned))
        }
        pool::Outcome::Blocked => {
            let Planned { file, identity, address, since, .. } = planned;
            plan(request, file, identity, address, since)
        }
        pool::Outcome::Done(answer) => {
            answer_with(request, answer, planned.address, planned.file, &planned.identity)
        }
        pool::Outcome::Panicked(panic) => fail(request, &panic),
    }
}

fn answer_with(
    request: &Request,
    answer: Result<Answer, Error>,
    address: Option<Address>,
    file: OpenFile,
    identity: &Identity,
) -> Outcome {
    let seeker = seeker(request.section());
    match answer {
        Ok(Answer::Film(film)) => {
            let kind = Kind::of(&film, address);
            note(request, &film, kind, seeker);
            send(request, film, file, identity.mtime, kind)
        }
        Ok(Answer::Plain(reason)) => {
            reason.iter().for_each(|reason| request.log(Severity::Debug, reason));
            measures::note_file(request);
            Outcome::Declined
        }
        Err(error) => {
            request.log(seeker.severity(&error, identity), &error);
            refuse(request, error.status(), error.reason(), &error)
        }
    }
}

/// Says in the log and the counts what the answer is.
fn note(request: &Request, film: &VirtualFile, kind: Kind, seeker: &Seeker) {
    if request.logs(Severity::Debug) {
        film.explanation().iter().for_each(|line| request.log(Severity::Debug, line));
        film.notes().iter().for_each(|note| request.log(Severity::Debug, note));
    }
    measures::set_facts(request, &facts_of_answer(kind, film));
    if let Some(board) = measures::board() {
        board.note_answer(kind, Some(film));
        let (entries, bytes) = seeker.cache_size();
        board.note_cache(entries, bytes);
    }
}

/// What of a movie is sent, and how its head says so.
struct Selected {
    status: c_int,
    parts: Vec<Part>,
    len: u64,
    content_type: Vec<u8>,
    content_range: Option<String>,
}

/// The head of an answer.
pub(crate) struct Head {
    status: c_int,
    len: u64,
    mtime: i64,
    content_type: Vec<u8>,
    content_range: Option<String>,
    content_location: Option<String>,
}

/// Answers with a movie, or the part of it that was asked for.
fn send(request: &Request, film: Box<VirtualFile>, file: OpenFile, mtime: i64, kind: Kind) -> Outcome {
    let no_memory = Outcome::Status(500);
    let content_location = match film.location(request.client_target(), &request.uri(), request.query()) {
        Location::Here => None,
        Location::Also(location) => Some(location),
        Location::Elsewhere(location) => {
            let is_set = set_cache_control(request, &film)
                && request.set_head(302, Some(0), -1, b"")
                && request.set_header(b"Location", location.as_bytes())
                && set_version(request);
            return if is_set { Outcome::NoBody } else { no_memory };
        }
    };
    let selected = match selected(request, &film, mtime) {
        Ok(selected) => selected,
        Err(refusal) => return refusal,
    };
    let Selected { status, parts, len, content_type, content_range } = selected;
    let head = Head { status, len, mtime, content_type, content_range, content_location };
    if status == 304 || request.is_head() {
        return if set_answer_head(request, &film, &head) { Outcome::NoBody } else { no_memory };
    }
    let answer = match measures::begin(request, kind) {
        Ok(answer) => answer,
        Err(error) => {
            request.log(Severity::Info, &error);
            return refuse(request, error.status(), Reason::Clients, &error);
        }
    };
    measures::note_bytes(&film, &parts);
    let body = Body::new(film, file, parts, pacer(request), answer);
    begin(request, Box::new(Begun { head, body }))
}

/// Sets the head of an answer once the first bytes of its body are there: until then, the status
/// may become another.
pub(crate) fn begin(request: &Request, mut begun: Box<Begun>) -> Outcome {
    match begun.body.prepare(request) {
        Ok(Progress::Waits) => Outcome::Waits(Context::Begun(begun)),
        Ok(Progress::Piece | Progress::Paced(_)) => {
            let Begun { head, body } = *begun;
            let is_set = set_answer_head(request, body.film(), &head);
            if is_set { Outcome::Body(Box::new(body)) } else { Outcome::Status(500) }
        }
        Err(error) => fail(request, &error),
    }
}

/// Whether there was memory for all.
fn set_answer_head(request: &Request, film: &VirtualFile, head: &Head) -> bool {
    // What would be sent has a length, and none of it is said without it (RFC 9110, 8.6).
    let (len, content_type) = match head.status {
        304 => (None, b"".as_slice()),
        _ => (Some(head.len), head.content_type.as_slice()),
    };
    let is_set = set_cache_control(request, film)
        && set_optional(request, b"Content-Location", head.content_location.as_deref())
        && set_optional(request, b"Content-Range", head.content_range.as_deref())
        && request.set_head(head.status, len, head.mtime, content_type)
        && set_validators(request, film);
    if head.status != 200 || !film.is_compressible() {
        request.keep_compression_off();
    }
    is_set
}

fn set_optional(request: &Request, name: &[u8], value: Option<&str>) -> bool {
    value.is_none_or(|value| request.set_header(name, value.as_bytes()))
}

/// What of a movie is sent, or a refusal.
fn selected(request: &Request, film: &VirtualFile, mtime: i64) -> Result<Selected, Outcome> {
    let content_type = match film.media_type() {
        Some(media_type) => media_type.as_bytes().to_vec(),
        None => request.content_type().to_vec(),
    };
    let film_len = film.len();
    let selection = select(&conditions(request, mtime), film.etag(), mtime, film_len, &content_type);
    let whole = Selected { status: 200, parts: Vec::new(), len: film_len, content_type, content_range: None };
    Ok(match selection {
        Selection::PreconditionFailed => {
            let reason = "what If-Match or If-Unmodified-Since asks for is no longer so";
            return Err(refuse(request, 412, Reason::Precondition, &reason));
        }
        Selection::Unsatisfiable => {
            request.set_header(b"Content-Range", content_range(None, film_len).as_bytes());
            return Err(refuse(request, 416, Reason::Range, &out_of_range(film_len)));
        }
        Selection::NotModified => Selected { status: 304, len: 0, ..whole },
        Selection::Full => Selected { parts: vec![Part::Range(0..film_len)], ..whole },
        Selection::Single(range) => Selected {
            status: 206,
            content_range: Some(content_range(Some(&range), film_len)),
            len: range.end - range.start,
            parts: vec![Part::Range(range)],
            ..whole
        },
        Selection::Multi(multipart) => Selected {
            status: 206,
            content_type: multipart.content_type.into_bytes(),
            parts: multipart.parts,
            len: multipart.len,
            ..whole
        },
    })
}

/// What keeps a body to its pace. Players fetch what is behind a film, as segments, by themselves,
/// and part of another answer is sent as that one is.
fn pacer(request: &Request) -> Option<Pacer> {
    let is_film = request.path_info().is_empty() && request.is_main();
    is_film.then(|| Pacer::new(request.section().pace())).flatten()
}

/// The headers that choose the part. HEAD has no ranges (RFC 9110, section 14.2).
fn conditions(request: &Request, mtime: i64) -> Conditions<'_> {
    if !request.is_main() || request.has_status_of_error() {
        return Conditions::default();
    }
    let most = request.max_ranges();
    // More of them than may be are none, as for the server's own files.
    let is_few = |range: &&[u8]| range.iter().filter(|&&byte| byte == b',').count() < most;
    let range = request.header("Range").filter(|_| !request.is_head()).filter(is_few);
    Conditions {
        if_match: request.header("If-Match"),
        if_none_match: request.header("If-None-Match"),
        if_modified_since: request
            .header("If-Modified-Since")
            .filter(|date| request.takes_modified_since(date, mtime)),
        if_unmodified_since: request.header("If-Unmodified-Since"),
        range,
        if_range: request.header("If-Range").filter(|_| range.is_some()),
    }
}

fn set_cache_control(request: &Request, film: &VirtualFile) -> bool {
    let value = film.cache_control(request.says_how_long(), request.is_error_page());
    set_optional(request, b"Cache-Control", value.as_deref())
}

/// Whether there was memory for all.
fn set_validators(request: &Request, film: &VirtualFile) -> bool {
    let timing = server_timing(film).filter(|_| request.section().server_timing == Some(true));
    set_optional(request, b"Server-Timing", timing.as_deref())
        && (!request.etags_enabled() || request.set_header(b"ETag", film.etag().as_bytes()))
        && (request.max_ranges() == 0 || request.set_header(b"Accept-Ranges", b"bytes"))
        && set_version(request)
}

fn set_version(request: &Request) -> bool {
    !request.section().sends_version() || request.set_header(VERSION_HEADER.to_bytes(), VERSION.to_bytes())
}

/// Ends a request with a status: with the configuration's page for it, or one with the reason.
fn refuse(request: &Request, status: u16, code: Reason, reason: &dyn Display) -> Outcome {
    measures::note_refusal(request, code);
    let is_set = set_version(request)
        && (status != 405 || request.set_header(b"Allow", b"GET, HEAD"))
        && set_optional(request, b"Cache-Control", code.cache_control());
    match refusal_page(status, reason) {
        Some(page) if is_set => Outcome::Answered(request.send_text(status.into(), "text/html", &page)),
        _ => Outcome::Status(status.into()),
    }
}

/// Ends a request that fails for no fault of its own.
pub(crate) fn fail(request: &Request, reason: &dyn Display) -> Outcome {
    request.log(Severity::Error, reason);
    refuse(request, 500, Reason::Disk, reason)
}
