//! From a request to an answer.

use std::ffi::c_int;
use std::fmt::Display;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::sync::OnceLock;

use mp4seek::http::{Conditions, Part, Selection, content_range, select};
use mp4seek::packaging::Address;
use mp4seek::server::{
    self, Kind, Reason, Severity, VERSION, VERSION_HEADER, facts_of_answer, out_of_range, refusal_page,
    server_timing,
};
use mp4seek::source::Identity;
use mp4seek::virtual_file::{Location, VirtualFile};
use mp4seek::{Answer, Error, Seeker};

use crate::body::Body;
use crate::config::Section;
use crate::measures;
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
    Body(Body),
}

/// The seeker of the process. Its first request creates it, after the server has forked.
fn seeker(section: &Section) -> &'static Seeker {
    static SEEKER: OnceLock<Seeker> = OnceLock::new();
    SEEKER.get_or_init(|| Seeker::new(section.cache_size()))
}

/// Begins the answer for the film that is open as `fd`.
pub(crate) fn answer(request: &Request, fd: c_int) -> Outcome {
    let address = match target(request) {
        None => return Outcome::Declined,
        Some(Target::Film) => None,
        Some(Target::Resource(address)) => Some(address),
        Some(Target::Nothing) => {
            request.log(Severity::Info, &Error::NoSuchAddress);
            return refuse(request, 404, Reason::Address, &Error::NoSuchAddress);
        }
        Some(Target::NotForPost) => return refuse(request, 405, Reason::Method, &ONLY_GET),
        Some(Target::NoFilm) => {
            measures::note_refusal(request, Reason::Address);
            return Outcome::Status(404);
        }
    };
    let section = request.section();
    let settings = section.settings();
    if let Some(keys) = section.keys() {
        let (path, query) = (request.film_url(), request.query());
        if let Err(error) = server::check_link(keys, path, query, &settings.parameters) {
            request.log(Severity::Info, &error);
            let error = Error::from(error);
            return refuse(request, error.status(), error.reason(), &error);
        }
    }
    // SAFETY: the server keeps it open until the request ends, and closes it.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    let identity = match file.metadata() {
        Ok(metadata) => Identity::of(&metadata),
        Err(error) => {
            request.log(Severity::Error, &error);
            return refuse(request, 500, Reason::Disk, &error);
        }
    };
    let seeker = seeker(section);
    let answer = match address {
        None => seeker.answer(&*file, &identity, request.query(), &settings),
        Some(address) => seeker.answer_address(&*file, &identity, address, request.query(), &settings),
    };
    match answer {
        Ok(Answer::Film(film)) => {
            note(request, &film, address, seeker);
            send(request, film, file, identity.mtime)
        }
        Ok(Answer::Plain(reason)) => {
            reason.iter().for_each(|reason| request.log(Severity::Debug, reason));
            measures::note_file(request);
            Outcome::Declined
        }
        Err(error) => {
            request.log(seeker.severity(&error, &identity), &error);
            refuse(request, error.status(), error.reason(), &error)
        }
    }
}

/// Says in the log and the counts what the answer is.
fn note(request: &Request, film: &VirtualFile, address: Option<Address>, seeker: &Seeker) {
    if request.logs(Severity::Debug) {
        film.explanation().iter().for_each(|line| request.log(Severity::Debug, line));
        film.notes().iter().for_each(|note| request.log(Severity::Debug, note));
    }
    let kind = Kind::of(film, address);
    measures::set_facts(request, &facts_of_answer(kind, film));
    if let Some(board) = measures::board() {
        board.note_answer(kind, Some(film));
        let (entries, bytes) = seeker.cache_size();
        board.note_cache(entries, bytes);
    }
}

/// Answers with a movie, or the part of it that was asked for.
fn send(request: &Request, film: Box<VirtualFile>, file: ManuallyDrop<File>, mtime: i64) -> Outcome {
    let no_memory = Outcome::Status(500);
    let mut content_type = match film.media_type() {
        Some(media_type) => media_type.as_bytes().to_vec(),
        None => request.content_type().to_vec(),
    };
    if film.cache_control().is_some_and(|value| !request.set_header(b"Cache-Control", value.as_bytes())) {
        return no_memory;
    }
    match film.location(request.client_target(), request.query()) {
        Location::Here => {}
        Location::Also(location) => {
            if !request.set_header(b"Content-Location", location.as_bytes()) {
                return no_memory;
            }
        }
        Location::Elsewhere(location) => {
            let is_set = request.set_head(302, 0, -1, b"")
                && request.set_header(b"Location", location.as_bytes())
                && set_version(request);
            return if is_set { Outcome::NoBody } else { no_memory };
        }
    }
    let len = film.len();
    let (status, parts, body_len) = match select(&conditions(request), film.etag(), mtime, len, &content_type)
    {
        Selection::PreconditionFailed => {
            let reason = "what If-Match or If-Unmodified-Since asks for is no longer so";
            return refuse(request, 412, Reason::Precondition, &reason);
        }
        Selection::Unsatisfiable => {
            request.set_header(b"Content-Range", content_range(None, len).as_bytes());
            return refuse(request, 416, Reason::Range, &out_of_range(len));
        }
        Selection::NotModified => (304, Vec::new(), 0),
        Selection::Full => (200, vec![Part::Range(0..len)], len),
        Selection::Single(range) => {
            request.set_header(b"Content-Range", content_range(Some(&range), len).as_bytes());
            (206, vec![Part::Range(range.clone())], range.end - range.start)
        }
        Selection::Multi(multipart) => {
            content_type = multipart.content_type.into_bytes();
            (206, multipart.parts, multipart.len)
        }
    };
    if !request.set_head(status, body_len, mtime, &content_type) || !set_validators(request, &film) {
        return no_memory;
    }
    if status != 200 || !film.is_compressible() {
        request.keep_compression_off();
    }
    if status == 304 || request.is_head() {
        return Outcome::NoBody;
    }
    measures::note_bytes(&film, &parts);
    Outcome::Body(Body::new(film, file, parts))
}

/// The headers that choose the part. HEAD has no ranges (RFC 9110, section 14.2).
fn conditions(request: &Request) -> Conditions<'_> {
    let ranges = request.ranges_enabled() && !request.is_head();
    Conditions {
        if_match: request.header("If-Match"),
        if_none_match: request.header("If-None-Match"),
        if_modified_since: request.header("If-Modified-Since"),
        if_unmodified_since: request.header("If-Unmodified-Since"),
        range: request.header("Range").filter(|_| ranges),
        if_range: request.header("If-Range").filter(|_| ranges),
    }
}

/// Whether there was memory for all.
fn set_validators(request: &Request, film: &VirtualFile) -> bool {
    let timing = server_timing(film).filter(|_| request.section().server_timing == Some(true));
    timing.is_none_or(|value| request.set_header(b"Server-Timing", value.as_bytes()))
        && (!request.etags_enabled() || request.set_header(b"ETag", film.etag().as_bytes()))
        && (!request.ranges_enabled() || request.set_header(b"Accept-Ranges", b"bytes"))
        && set_version(request)
}

fn set_version(request: &Request) -> bool {
    !request.section().sends_version() || request.set_header(VERSION_HEADER.to_bytes(), VERSION.to_bytes())
}

/// Ends a request with a status: with the configuration's page for it, or one with the reason.
fn refuse(request: &Request, status: u16, code: Reason, reason: &dyn Display) -> Outcome {
    measures::note_refusal(request, code);
    let is_set = set_version(request) && (status != 405 || request.set_header(b"Allow", b"GET, HEAD"));
    match refusal_page(status, reason) {
        Some(page) if is_set => Outcome::Answered(request.send_text(status.into(), "text/html", &page)),
        _ => Outcome::Status(status.into()),
    }
}
