//! From a request to an answer.

use std::ffi::c_int;
use std::fmt::Display;
use std::io;
use std::sync::Arc;

use mp4seek::http::{Conditions, Part, Selection, content_range, select};
use mp4seek::packaging::Address;
use mp4seek::request::LinkError;
use mp4seek::server::{
    self, InProgress, Kind, Reason, Severity, TooMany, VERSION, VERSION_HEADER, ends_early, facts_of_answer,
    out_of_range, refusal_page, server_timing,
};
use mp4seek::source::{Awaited, Identity, Resident};
use mp4seek::virtual_file::{Location, VirtualFile};
use mp4seek::{Answer, Error};

use crate::body::{Body, Progress};
use crate::config::Config;
use crate::context::{Context, Planned, Refusal};
use crate::ffi::{self, h264_outcome};
use crate::measures;
use crate::pace::Pacer;
use crate::pool::Outcome;
use crate::request::{OpenFile, Request};
use crate::state::State;
use crate::target::{Target, target};

const ONLY_GET: &str = "this answers GET and HEAD";

/// Takes a request that is ours, and opens nothing yet: modules after this one may
/// still refuse it.
pub(crate) fn claim(request: &mut Request<'_>) -> h264_outcome {
    if request.is_claimed() {
        return ffi::H264_GO_ON;
    }
    if target(request).is_some() {
        request.claim();
    } else if request.enter_index() {
        if target(request).is_some() {
            request.claim();
        } else {
            request.leave_index();
        }
    }
    ffi::H264_GO_ON
}

/// Begins the answer, or goes on with its body.
pub(crate) fn handle(request: &mut Request<'_>) -> h264_outcome {
    match Context::take_from(request) {
        Some(Context::Body(body)) => send_body(request, body),
        Some(Context::Planned(planned)) => answer_when_planned(request, planned),
        Some(sent @ Context::Sent(_)) => {
            sent.put_into(request);
            ffi::H264_FINISHED
        }
        _ => begin(request),
    }
}

fn begin(request: &mut Request<'_>) -> h264_outcome {
    let Some((state, worker)) = State::of(request.module()).and_then(|state| Some((state, state.worker()?)))
    else {
        return request.serve_static();
    };
    let is_film = request.path_info().is_empty() && !request.sends_file_too();
    let what = if is_film { Some(Target::Film) } else { target(request) };
    let address = match what {
        Some(Target::Film) => None,
        Some(Target::Resource(address)) => Some(address),
        Some(Target::Nothing) => return refuse_address(request, state),
        Some(Target::NotForPost) => return end_with(request, 405, Reason::Method, &ONLY_GET),
        Some(Target::NoFilm) => {
            measures::note_refusal(request, Reason::Address);
            return request.end(404);
        }
        None => return request.serve_static(),
    };
    let config = state.config(request);
    if let Err(error) = check_link(request, &config) {
        if logs(request, state, Severity::Info) {
            request.log(&error);
        }
        let error = Error::from(error);
        return end_with(request, error.status(), error.reason(), &error);
    }
    let file = match request.open() {
        Ok(file) => file,
        Err(error) => return unopened(request, state, &error),
    };
    let identity = match file.metadata() {
        Ok(metadata) => Identity::of(&metadata),
        Err(error) => return fail(request, &error),
    };
    let settings = config.settings;
    let seeker = worker.seeker();
    match seeker.answer_at(&Resident::of(&file), &identity, address, request.query(), &settings) {
        Err(error) if error.would_block() => {}
        answer => return answer_with(request, answer, address, file, &identity),
    }
    let query = request.query().to_vec();
    let builder = Arc::clone(&seeker);
    let is_blocked = move || builder.is_being_built(&identity);
    let plan = move |file: &Awaited| {
        let answer = seeker.answer_at(file, &identity, address, &query, &settings);
        // Another request has the index of the film built.
        if answer.as_ref().is_err_and(Error::would_block) { None } else { Some(answer) }
    };
    match worker.pool.run_in_turns(request, &file, plan, is_blocked) {
        Ok(answer) => answer_when_planned(request, Planned { file, identity, address, answer }),
        Err(error) => fail(request, &error),
    }
}

/// Says that a film cannot be opened.
fn unopened(request: &mut Request<'_>, state: &State, error: &io::Error) -> h264_outcome {
    // The server's own handler may succeed by now, and would send all of the film.
    if !state.config(request).is_guarded() {
        return request.serve_static();
    }
    request.log(error);
    measures::note_refusal(request, Reason::Disk);
    request.end(if error.kind() == io::ErrorKind::NotFound { 404 } else { 403 })
}

/// Checks the signature of a link, where one is needed.
fn check_link(request: &Request<'_>, config: &Config<'_>) -> Result<(), LinkError> {
    config.keys.map_or(Ok(()), |keys| {
        server::check_link(keys, request.url_path(), request.query(), &config.settings.parameters)
    })
}

/// Refuses an address where nothing is.
fn refuse_address(request: &mut Request<'_>, state: &State) -> h264_outcome {
    if logs(request, state, Severity::Info) {
        request.log(&Error::NoSuchAddress);
    }
    end_with(request, 404, Reason::Address, &Error::NoSuchAddress)
}

/// Answers a request whose plan a thread makes, or waits for the plan.
fn answer_when_planned(request: &mut Request<'_>, planned: Planned) -> h264_outcome {
    match planned.answer.take() {
        Outcome::Pending => {
            Context::Planned(planned).put_into(request);
            ffi::H264_WAIT
        }
        Outcome::Lost => {
            drop(planned);
            begin(request)
        }
        Outcome::Done(answer) => {
            answer_with(request, answer, planned.address, planned.file, &planned.identity)
        }
        Outcome::Panicked(panic) => fail(request, &panic),
    }
}

fn answer_with(
    request: &mut Request<'_>,
    answer: Result<Answer, Error>,
    address: Option<Address>,
    file: OpenFile,
    identity: &Identity,
) -> h264_outcome {
    let Some((state, worker)) = State::of(request.module()).and_then(|state| Some((state, state.worker()?)))
    else {
        return ffi::H264_ERROR;
    };
    match answer {
        Ok(Answer::Film(film)) => {
            if logs(request, state, Severity::Debug) {
                film.explanation().iter().for_each(|line| request.log(line));
                film.notes().iter().for_each(|note| request.log(note));
            }
            let kind = Kind::of(&film, address);
            measures::set_facts(request, &facts_of_answer(kind, &film));
            if let Some(board) = state.board() {
                board.note_answer(kind, Some(&film));
                let (entries, bytes) = worker.seeker().cache_size();
                board.note_cache(entries, bytes);
            }
            send(request, film, file, identity.mtime, kind)
        }
        Ok(Answer::Plain(reason)) => {
            if let Some(reason) = reason.filter(|_| logs(request, state, Severity::Debug)) {
                request.log(&reason);
            }
            drop(file);
            measures::note_file(request);
            request.serve_static()
        }
        Err(error) => {
            if logs(request, state, worker.seeker().severity(&error, identity)) {
                request.log(&error);
            }
            end_with(request, error.status(), error.reason(), &error)
        }
    }
}

/// Whether the configuration asks for lines that matter as little as this: the server itself knows
/// no levels.
fn logs(request: &Request<'_>, state: &State, severity: Severity) -> bool {
    match severity {
        Severity::Debug => request.logs_handling(),
        Severity::Info => request.logs_handling() || state.config(request).log_client_errors,
        Severity::Warning | Severity::Error => true,
    }
}

/// Answers with a movie, or the part of it that was asked for.
fn send(
    request: &mut Request<'_>,
    film: Box<VirtualFile>,
    file: OpenFile,
    mtime: i64,
    kind: Kind,
) -> h264_outcome {
    let mut content_type = match film.media_type() {
        Some(media_type) => media_type.into(),
        None => request.content_type(&file).to_vec(),
    };
    if content_type.is_empty() {
        content_type = b"application/octet-stream".to_vec();
    }
    let location = film.location(request.client_target(), &request.uri(), request.query());
    if let Some(value) = film.cache_control(false, request.is_error_page()) {
        request.set_header(b"Cache-Control", value.as_bytes());
    }
    match location {
        Location::Here => {}
        Location::Also(location) => request.set_header(b"Content-Location", location.as_bytes()),
        Location::Elsewhere(location) => {
            request.set_header(b"Location", location.as_bytes());
            set_version(request);
            request.set_status(302);
            request.finish_body();
            return ffi::H264_FINISHED;
        }
    }
    let len = film.len();
    let selection = select(&conditions(request), film.etag(), mtime, len, &content_type);
    let (parts, body_len) = match selection {
        Selection::PreconditionFailed => {
            let reason = "what If-Match or If-Unmodified-Since asks for is no longer so";
            return end_with(request, 412, Reason::Precondition, &reason);
        }
        Selection::Unsatisfiable => {
            measures::note_refusal(request, Reason::Range);
            let page = refusal_page(416, &out_of_range(len));
            Context::Refusal(Refusal { status: 416, code: Reason::Range, len: Some(len), page })
                .put_into(request);
            return request.end_without_handler(416);
        }
        Selection::NotModified => {
            set_validators(request, &film, mtime);
            request.set_status(304);
            request.finish_body();
            return ffi::H264_FINISHED;
        }
        Selection::Full => {
            request.set_status(200);
            (vec![Part::Range(0..len)], len)
        }
        Selection::Single(range) => {
            request.set_status(206);
            request.set_header(b"Content-Range", content_range(Some(&range), len).as_bytes());
            (vec![Part::Range(range.clone())], range.end - range.start)
        }
        Selection::Multi(multipart) => {
            request.set_status(206);
            content_type = multipart.content_type.into_bytes();
            (multipart.parts, multipart.len)
        }
    };
    set_validators(request, &film, mtime);
    request.set_header(b"Content-Type", &content_type);
    request.set_header(b"Content-Length", body_len.to_string().as_bytes());
    let is_compressed = film.is_compressible() && request.may_be_compressed();
    if request.ranges_enabled() {
        // Of what is compressed there are no ranges.
        if !is_compressed {
            request.set_header(b"Accept-Ranges", b"bytes");
        }
        request.keep_core_ranges_off();
    }
    if request.is_head() {
        request.finish_body();
        return ffi::H264_FINISHED;
    }
    let answer = match measures::begin(request, kind) {
        Ok(answer) => answer,
        Err(error) => return refuse_one_more(request, &error),
    };
    measures::note_bytes(request, &film, &parts);
    if is_compressed {
        return send_for_compression(request, &film, &file, answer);
    }
    let pacer = pacer(request);
    send_body(request, Box::new(Body::new(film, file, parts, pacer, answer)))
}

/// Refuses a clip to a client that has as many as it may.
fn refuse_one_more(request: &mut Request<'_>, error: &TooMany) -> h264_outcome {
    if State::of(request.module()).is_some_and(|state| logs(request, state, Severity::Info)) {
        request.log(error);
    }
    end_with(request, error.status(), Reason::Clients, error)
}

/// What keeps a body to its pace. Players fetch what is behind a film, as segments, by themselves.
fn pacer(request: &Request<'_>) -> Option<Pacer> {
    if !request.path_info().is_empty() {
        return None;
    }
    let state = State::of(request.module())?;
    Pacer::new(state.config(request).pace, &state.worker()?.clock)
}

/// Sends a text at once: mod_deflate compresses only what is complete before its head is sent.
fn send_for_compression(
    request: &mut Request<'_>,
    text: &VirtualFile,
    file: &OpenFile,
    answer: Option<InProgress>,
) -> h264_outcome {
    let Ok(len) = usize::try_from(text.len()) else { return ffi::H264_ERROR };
    match request.append_with(len, |out| text.read_at(&Resident::of(file), 0, out)) {
        Ok(()) => {
            request.finish_body();
            Context::Sent(answer).put_into(request);
            ffi::H264_FINISHED
        }
        Err(error) => fail(request, &error),
    }
}

/// The headers that choose the part. HEAD has no ranges (RFC 9110, section 14.2).
fn conditions<'a>(request: &'a Request<'_>) -> Conditions<'a> {
    let ranges = request.ranges_enabled() && request.is_get();
    Conditions {
        if_match: request.header("If-Match"),
        if_none_match: request.header("If-None-Match"),
        if_modified_since: request.header("If-Modified-Since"),
        if_unmodified_since: request.header("If-Unmodified-Since"),
        range: request.header("Range").filter(|_| ranges),
        if_range: request.header("If-Range").filter(|_| ranges),
    }
}

fn set_validators(request: &mut Request<'_>, film: &VirtualFile, mtime: i64) {
    if let Some(value) = server_timing(film)
        .filter(|_| State::of(request.module()).is_some_and(|state| state.config(request).server_timing))
    {
        request.set_header(b"Server-Timing", value.as_bytes());
    }
    if request.etags_enabled() && State::of(request.module()).is_some_and(|state| state.config(request).etags)
    {
        request.set_header(b"ETag", film.etag().as_bytes());
    }
    request.set_last_modified(mtime);
    set_version(request);
}

fn set_version(request: &mut Request<'_>) {
    if State::of(request.module()).is_some_and(|state| state.config(request).version_header) {
        request.set_header(VERSION_HEADER.to_bytes(), VERSION.to_bytes());
    }
}

/// Appends what there is room for of a body, the first time and after each write.
fn send_body(request: &mut Request<'_>, mut body: Box<Body>) -> h264_outcome {
    let Some(worker) = State::of(request.module()).and_then(State::worker) else { return ffi::H264_ERROR };
    let progress = match body.top_up(request, &worker.pool) {
        Ok(progress) => progress,
        Err(error) if request.body_started() => {
            request.log(&ends_early(&error));
            return ffi::H264_ERROR;
        }
        Err(error) => return fail(request, &error),
    };
    match progress {
        // mod_deflate would compress what is finished before its head is sent; the entity tag and
        // Content-Range speak of the movie as it is.
        Progress::Ended if request.is_left_alone() || request.body_started() => {
            request.finish_body();
            Context::Sent(body.into_answer()).put_into(request);
        }
        // Until there is something to send, the status may yet become another.
        Progress::Waits if !request.body_started() => {
            Context::Body(body).put_into(request);
            return ffi::H264_WAIT;
        }
        _ => {
            request.stream_body();
            Context::Body(body).put_into(request);
        }
    }
    ffi::H264_FINISHED
}

/// Completes a refusal: the server drops all headers when it makes an error document.
pub(crate) fn complete_head(request: &mut Request<'_>) -> h264_outcome {
    match Context::take_from(request) {
        Some(Context::Refusal(Refusal { status, code, len, page })) if request.status() == status => {
            set_version(request);
            if status == 405 {
                request.set_header(b"Allow", b"GET, HEAD");
            }
            if let Some(value) = code.cache_control() {
                request.set_header(b"Cache-Control", value.as_bytes());
            }
            if let Some(len) = len {
                request.set_header(b"Content-Range", content_range(None, len).as_bytes());
            }
            if let Some(page) = page.filter(|_| request.has_default_error_page()) {
                if request.replace_body(page.as_bytes()).is_err() {
                    return ffi::H264_ERROR;
                }
            }
        }
        Some(context) => context.put_into(request),
        None => {}
    }
    ffi::H264_GO_ON
}

/// After a panic, whose line is in the log.
pub(crate) fn give_up(request: &mut Request<'_>) -> h264_outcome {
    if request.body_started() { ffi::H264_ERROR } else { request.end(500) }
}

/// Ends a request that fails for no fault of its own.
fn fail(request: &mut Request<'_>, reason: &dyn Display) -> h264_outcome {
    request.log(reason);
    end_with(request, 500, Reason::Disk, reason)
}

/// Ends a request with a status: with the configuration's error handler or document, or a page with
/// the reason.
fn end_with(request: &mut Request<'_>, status: u16, code: Reason, reason: &dyn Display) -> h264_outcome {
    measures::note_refusal(request, code);
    let page = refusal_page(status, reason);
    let status = c_int::from(status);
    Context::Refusal(Refusal { status, code, len: None, page }).put_into(request);
    request.end(status)
}
