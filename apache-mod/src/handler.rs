//! From a request to an answer.

use std::ffi::{CString, OsStr, c_int};
use std::fmt::Display;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::sync::OnceLock;

use mp4seek::Error;
use mp4seek::http::{self, Conditions, Part, Selection, content_range, opaque_tag};
use mp4seek::pace::Pace;
use mp4seek::packaging::{Address, Route};
use mp4seek::request::LinkError;
use mp4seek::server::{
    self, Kind, Reason, Severity, VERSION, VERSION_HEADER, facts_of_answer, out_of_range, refusal_page,
    server_timing,
};
use mp4seek::source::Identity;
use mp4seek::virtual_file::{Location, VirtualFile};
use mp4seek::{Answer, Seeker};

use crate::bucket::{self, Brigade};
use crate::request::Request;
use crate::{config, ffi, measures};

/// `AddHandler` and `SetHandler` name it, as for the original module.
const HANDLER: &[u8] = b"h264-streaming.extensions";
/// The handler the server names where neither the configuration nor a media type does.
const DEFAULT_HANDLER: &[u8] = b"default-handler";
const ONLY_GET: &str = "this answers GET and HEAD";

/// Answers a request, or declines it: the server's own handler for files comes next.
pub(crate) fn handle(request: &mut Request<'_>) -> c_int {
    if request.handler() == measures::HANDLER {
        return measures::answer(request);
    }
    let Some(target) = target(request) else { return ffi::H264_DECLINED };
    // The server itself would open it, and wait.
    if request.is_device() {
        return ffi::H264_FORBIDDEN;
    }
    if !request.is_regular_file() {
        return ffi::H264_DECLINED;
    }
    let address = match target {
        Target::Film => None,
        Target::Resource(address) => Some(address),
        Target::Nothing => {
            request.log(Severity::Info, &Error::NoSuchAddress);
            return refuse(request, 404, Reason::Address, &Error::NoSuchAddress);
        }
        Target::NotForPost => {
            request.allow_get_alone();
            return refuse(request, 405, Reason::Method, &ONLY_GET);
        }
    };
    if let Err(error) = check_link(request) {
        request.log(Severity::Info, &error);
        let error = Error::from(error);
        return refuse(request, error.status(), error.reason(), &error);
    }
    let opened = open(request.filename()).and_then(|file| {
        let metadata = file.metadata()?;
        Ok((file, metadata))
    });
    let (file, metadata) = match opened {
        Ok(opened) => opened,
        Err(error) => return unopened(request, address, &error),
    };
    if !metadata.is_file() {
        // It was a regular file when the server looked. The server would open it as one, and wait
        // for its writer.
        return ffi::H264_FORBIDDEN;
    }
    answer(request, file, &metadata, address)
}

/// Says that a film cannot be opened.
fn unopened(request: &mut Request<'_>, address: Option<Address>, error: &io::Error) -> c_int {
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    // It is the server's to refuse, in its own words. But it would not try to open what is behind the
    // film. Of a film that is not for everybody it may succeed by now, and would send all of it.
    let is_ours = request.config().is_guarded() || address.is_some() && is_denied;
    if !is_ours {
        return ffi::H264_DECLINED;
    }
    request.log(Severity::Error, error);
    measures::note_refusal(request, Reason::Disk);
    match error.kind() {
        io::ErrorKind::PermissionDenied => ffi::H264_FORBIDDEN,
        io::ErrorKind::NotFound => 404,
        _ => 500,
    }
}

/// Checks the signature of a link, where one is needed.
fn check_link(request: &Request<'_>) -> Result<(), LinkError> {
    let config = request.config();
    config.keys().map_or(Ok(()), |keys| {
        server::check_link(keys, request.url_path(), request.query(), &config.parameters)
    })
}

/// What a request of ours is for.
enum Target {
    Film,
    /// What is packaged from the film.
    Resource(Address),
    /// An address behind the film where nothing is.
    Nothing,
    /// A resource, or a film that not everybody may see, by a method that it does not have.
    NotForPost,
}

/// Answers a request with a regular file, cut as its query asks, or with a resource behind it; or
/// declines it: the file is sent as it is then.
pub(crate) fn answer(
    request: &mut Request<'_>,
    file: File,
    metadata: &Metadata,
    address: Option<Address>,
) -> c_int {
    let settings = request.config().settings();
    let identity = Identity::of(metadata);
    match seeker().answer_at(&file, &identity, address, request.query(), &settings) {
        Ok(Answer::Plain(reason)) => {
            if let Some(reason) = reason {
                request.log(Severity::Debug, &reason);
            }
            note_file(request);
            ffi::H264_DECLINED
        }
        Ok(Answer::Film(film)) => {
            if request.logs(Severity::Debug) {
                film.explanation().iter().for_each(|line| request.log(Severity::Debug, line));
                film.notes().iter().for_each(|note| request.log(Severity::Debug, note));
            }
            let kind = Kind::of(&film, address);
            measures::set_facts(request, &facts_of_answer(kind, &film));
            if let Some(board) = measures::board() {
                board.note_answer(kind, Some(&film));
                let (entries, bytes) = seeker().cache_size();
                board.note_cache(entries, bytes);
            }
            send(request, file, metadata, *film, kind)
        }
        Err(error) => {
            request.log(seeker().severity(&error, &identity), &error);
            refuse(request, error.status(), error.reason(), &error)
        }
    }
}

/// Counts a film that the server itself sends.
fn note_file(request: &mut Request<'_>) {
    measures::set_facts(request, &[(c"H264_KIND", c"file".to_owned())]);
    measures::board().into_iter().for_each(|board| board.note_answer(Kind::File, None));
}

/// Opens a file without waiting, whatever has taken its place by now: a FIFO would keep a worker
/// until somebody writes into it.
fn open(path: &[u8]) -> io::Result<File> {
    let open = |flags| OpenOptions::new().read(true).custom_flags(flags).open(OsStr::from_bytes(path));
    match open(libc::O_NONBLOCK | libc::O_NOCTTY) {
        // Another process has a lease on this regular file, and gives it up soon.
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => open(libc::O_NOCTTY),
        file => file,
    }
}

/// Refuses a request: with the server's error document, or a page with the reason.
fn refuse(request: &mut Request<'_>, status: u16, code: Reason, reason: &dyn Display) -> c_int {
    measures::note_refusal(request, code);
    if request.config().sends_version() {
        request.set_error_header(VERSION_HEADER, VERSION);
    }
    if let Some(value) = code.cache_control() {
        request.set_error_header(c"Cache-Control", &CString::new(value).unwrap_or_default());
    }
    if let Some(page) = refusal_page(status, reason) {
        request.set_error_page(status.into(), &CString::new(page).unwrap_or_default());
    }
    status.into()
}

/// What a request is for, if it is ours by its method, its path and the configuration.
fn target(request: &Request<'_>) -> Option<Target> {
    let config = request.config();
    if config.is_off() || !is_our_file(request) {
        return None;
    }
    if request.path_info().is_empty() {
        return match request.is_get() {
            true => Some(Target::Film),
            // The server itself would send the film.
            false => (config.holds_films() && request.is_post()).then_some(Target::NotForPost),
        };
    }
    if request.refuses_path_info() {
        return None;
    }
    match Route::of(request.path_info(), config.settings().packaging) {
        // Another handler would send all of the film.
        Route::Elsewhere if config.holds_films() => Some(Target::Nothing),
        Route::Elsewhere => None,
        Route::To(_) if request.is_post() => Some(Target::NotForPost),
        _ if !request.is_get() => None,
        Route::To(address) => Some(Target::Resource(address)),
        Route::Nowhere => Some(Target::Nothing),
    }
}

/// Whether the configuration gives us this request's file.
fn is_our_file(request: &Request<'_>) -> bool {
    let config = request.config();
    let handler = request.handler();
    if handler == HANDLER {
        return true;
    }
    // Where no handler was configured, the server names the media type in its place. Any
    // other name is somebody's who owns the file. But all that answer files have been asked by now,
    // except for the server's own, which sends a film as it is whatever the name says.
    let is_nobodys = handler == DEFAULT_HANDLER || handler == media_type(request.content_type());
    (is_nobodys || config.has_guard()) && config.is_on() && config.covers(request.filename())
}

/// A content type without its parameters.
fn media_type(content_type: &[u8]) -> &[u8] {
    content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii_end()
}

/// The seeker of the process. Its first request creates it, after the server has forked.
fn seeker() -> &'static Seeker {
    static SEEKER: OnceLock<Seeker> = OnceLock::new();
    SEEKER.get_or_init(|| Seeker::new(config::cache_size()))
}

fn send(request: &mut Request<'_>, file: File, metadata: &Metadata, film: VirtualFile, kind: Kind) -> c_int {
    let status = request.discard_body();
    if status != ffi::H264_OK {
        return status;
    }
    let Ok(len) = i64::try_from(film.len()) else { return ffi::H264_INTERNAL_SERVER_ERROR };
    request.drop_place_of_file();
    let location = |target| film.location(target, request.end_of_rules(), request.query());
    match request.client_target().map_or(Location::Here, location) {
        Location::Here => {}
        Location::Also(_) if request.says_place() => {}
        Location::Also(location) => {
            request.set_header(c"Content-Location", &CString::new(location).unwrap_or_default());
        }
        Location::Elsewhere(location) => return redirect(request, &film, location),
    }
    set_head(request, len, metadata, &film);

    let mut parts: Vec<_> = iter::once(0..film.len()).collect();
    // The conditions and ranges are those of the whole answer, of which a subrequest gives a part.
    if !request.is_subrequest() {
        let unmet = request.unmet_condition();
        if unmet != ffi::H264_OK {
            match unmet {
                ffi::H264_NOT_MODIFIED => set_cache_control(request, &film),
                _ => measures::note_refusal(request, Reason::Precondition),
            }
            request.set_status(unmet);
            return Brigade::new(request).pass(request);
        }
        match select_range(request, &film) {
            Some(Selection::Unsatisfiable) => {
                let range = CString::new(content_range(None, film.len())).unwrap_or_default();
                request.set_error_header(c"Content-Range", &range);
                return refuse(request, 416, Reason::Range, &out_of_range(film.len()));
            }
            Some(Selection::NotModified) => {
                set_cache_control(request, &film);
                request.set_status(ffi::H264_NOT_MODIFIED);
                return Brigade::new(request).pass(request);
            }
            // The server would compare the date of an If-Range, which is no stronger than the tag.
            Some(Selection::Full) if opaque_tag(film.etag()) != film.etag() => request.drop_header(c"Range"),
            Some(Selection::Single(range)) => parts = vec![range],
            Some(Selection::Multi(multipart)) => {
                let is_range = |part| if let Part::Range(range) = part { Some(range) } else { None };
                parts = multipart.parts.into_iter().filter_map(is_range).collect();
            }
            _ => {}
        }
    }
    if let Some(board) = measures::board().filter(|_| !request.has_no_body()) {
        match board.begin(limited_client(request, kind)) {
            Ok(answer) => request.keep_until_sent(answer),
            Err(error) => {
                request.log(Severity::Info, &error);
                return refuse(request, error.status(), Reason::Clients, &error);
            }
        }
        parts.iter().for_each(|part| board.note_bytes(&film, part));
    }
    set_cache_control(request, &film);
    let begins = parts.first().cloned().unwrap_or(0..film.len());
    let pace = pace(request);
    match bucket::body_of(request, file, film, &begins, pace) {
        Ok(body) => {
            request.filter_body();
            if pace.is_on() {
                request.hold_back();
            }
            body.pass(request)
        }
        Err(error) => {
            request.log(Severity::Error, &error);
            refuse(request, 500, Reason::Disk, &error)
        }
    }
}

/// Sets the fields of an answer.
fn set_head(request: &mut Request<'_>, len: i64, metadata: &Metadata, film: &VirtualFile) {
    let mtime = metadata.mtime().saturating_mul(1_000_000).saturating_add(metadata.mtime_nsec() / 1000);
    request.describe_body(len, mtime);
    if let Some(media_type) = film.media_type() {
        request.set_content_type(&CString::new(media_type).unwrap_or_default());
    }
    // Byte ranges of a text are those of the text as it is.
    if !film.is_compressible() || request.header(c"Range").is_some() {
        request.forbid_compression();
    }
    if request.makes_etags() {
        request.set_header(c"ETag", &CString::new(film.etag()).unwrap_or_default());
    }
    if request.config().sends_version() {
        request.set_header(VERSION_HEADER, VERSION);
    }
    if request.config().sends_timing() {
        if let Some(value) = server_timing(film) {
            request.set_header(c"Server-Timing", &CString::new(value).unwrap_or_default());
        }
    }
}

/// Says how long caches may keep the answer, whose status is known.
fn set_cache_control(request: &mut Request<'_>, film: &VirtualFile) {
    let is_error = request.status() != ffi::H264_HTTP_OK;
    if let Some(value) = film.cache_control(request.says_how_long(), is_error) {
        request.set_header(c"Cache-Control", &CString::new(value).unwrap_or_default());
    }
}

/// The client and how many clips it may have at a time, where the answer is one of those.
fn limited_client<'r>(request: &'r Request<'_>, kind: Kind) -> Option<(&'r [u8], u32)> {
    let most = request.config().clips_per_client().filter(|_| kind.is_limited() && !request.is_subrequest());
    most.map(|most| (request.client(), most))
}

/// Sends a client to where the answer is.
fn redirect(request: &mut Request<'_>, film: &VirtualFile, location: String) -> c_int {
    request.set_error_header(c"Location", &CString::new(location).unwrap_or_default());
    if let Some(value) = film.cache_control(request.says_how_long(), false) {
        request.set_error_header(c"Cache-Control", &CString::new(value).unwrap_or_default());
    }
    if request.config().sends_version() {
        request.set_error_header(VERSION_HEADER, VERSION);
    }
    ffi::H264_MOVED_TEMPORARILY
}

/// How fast the answer is sent. Players fetch what is behind a film, as segments, by themselves, and
/// a part of another answer is as fast as that.
fn pace(request: &Request<'_>) -> Pace {
    if request.is_subrequest() || !request.path_info().is_empty() {
        return Pace::default();
    }
    request.config().pace()
}

/// What a request for a byte range gets; `None` for one that asks for no range.
///
/// The server's own filter sends the parts. But its 416 lacks the `Content-Range` that tells the
/// client how long the movie is, and it takes an `If-None-Match` beside a range for a strong
/// comparison (RFC 9110, section 13.1.2, wants a weak one).
fn select_range(request: &Request<'_>, film: &VirtualFile) -> Option<Selection> {
    let conditions = Conditions {
        range: Some(request.header(c"Range")?),
        if_range: request.header(c"If-Range"),
        if_none_match: request.header(c"If-None-Match").filter(|_| request.makes_etags()),
        ..Conditions::default()
    };
    let mtime = request.last_modified();
    (request.status() == ffi::H264_HTTP_OK)
        .then(|| http::select(&conditions, film.etag(), mtime, film.len(), request.content_type()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_type_has_no_parameters() {
        assert_eq!(media_type(b"video/mp4"), b"video/mp4");
        assert_eq!(media_type(b"video/mp4 ; codecs=avc1"), b"video/mp4");
        assert_eq!(media_type(b""), b"");
    }
}
