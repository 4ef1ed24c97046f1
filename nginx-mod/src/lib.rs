//! mod_h264_streaming for nginx: `movie.mp4?start=61.5&end=90` is answered with a playable MP4 of
//! that part.

mod body;
mod config;
mod context;
mod directives;
mod ffi;
mod handler;
mod measures;
mod pace;
mod pool;
mod reads;
mod request;
mod target;

use std::ffi::{c_char, c_int, c_void};
use std::mem;
use std::ptr;
use std::slice;
use std::sync::Once;

use mp4seek::server::{Severity, boundary, report_panics};

use body::Progress;
use config::Section;
use context::Context;
use handler::Outcome;
use reads::OpenFile;
use request::Request;

/// Pointers that the server reads when it loads the module.
#[repr(transparent)]
pub struct Table<T>([*const T; 2]);

// SAFETY: nothing of ours writes to what it points at.
unsafe impl<T> Sync for Table<T> {}

unsafe extern "C" {
    static ngx_http_h264_streaming_module: c_void;
}

/// What `load_module` looks for.
#[unsafe(no_mangle)]
pub static ngx_modules: Table<c_void> = Table([&raw const ngx_http_h264_streaming_module, ptr::null()]);

/// Its name.
#[unsafe(no_mangle)]
pub static ngx_module_names: Table<c_char> = Table([c"ngx_http_h264_streaming_module".as_ptr(), ptr::null()]);

/// It has no place of its own among other modules.
#[unsafe(no_mangle)]
pub static ngx_module_order: Table<c_char> = Table([ptr::null(), ptr::null()]);

/// As the header says.
///
/// # Safety
/// A request of the running handler, its open file, and a place for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_begin(
    r: *mut ffi::ngx_http_request_s,
    fd: c_int,
    is_directio: c_int,
    context: *mut *mut c_void,
) -> c_int {
    boundary(
        || 500,
        || {
            // SAFETY: by the caller's promise.
            let request = unsafe { Request::new(r) };
            // SAFETY: null, or what the last call left, which is taken out before it is owned again.
            let last = unsafe {
                let last = mem::replace(&mut *context, ptr::null_mut()).cast::<Context>();
                (!last.is_null()).then(|| *Box::from_raw(last))
            };
            let outcome = match last {
                Some(Context::Planned(planned)) => handler::answer_when_planned(&request, planned),
                Some(Context::Begun(begun)) => handler::begin(&request, begun),
                Some(Context::Body(_)) => Outcome::Status(500),
                // SAFETY: by the caller's promise.
                None => match unsafe { OpenFile::new(fd, is_directio != 0) } {
                    Ok(file) => handler::answer(&request, file),
                    Err(error) => handler::fail(&request, &error),
                },
            };
            let (kept, outcome) = match outcome {
                Outcome::Declined => (None, ffi::H264_DECLINED),
                Outcome::Status(status) => return status,
                Outcome::Answered(result) => {
                    request.set_answered(result);
                    (None, ffi::H264_ANSWERED)
                }
                Outcome::NoBody => (None, ffi::H264_NO_BODY),
                Outcome::Waits(context) => (Some(context), ffi::H264_WAIT),
                Outcome::Body(body) => (Some(Context::Body(body)), ffi::H264_BODY),
            };
            if let Some(kept) = kept {
                // SAFETY: a place for a pointer, whose box `h264_drop` takes back.
                unsafe { *context = Box::into_raw(Box::new(kept)).cast() };
            }
            outcome.try_into().unwrap_or(500)
        },
    )
}

/// As the header says.
///
/// # Safety
/// A request of the running handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_begin_unopened(r: *mut ffi::ngx_http_request_s) -> c_int {
    boundary(
        || 500,
        || {
            // SAFETY: by the caller's promise.
            let request = unsafe { Request::new(r) };
            match handler::answer_unopened(&request) {
                Outcome::Declined => ffi::H264_DECLINED.try_into().unwrap_or(500),
                Outcome::Status(status) => status,
                Outcome::Answered(result) => {
                    request.set_answered(result);
                    ffi::H264_ANSWERED.try_into().unwrap_or(500)
                }
                Outcome::NoBody | Outcome::Waits(_) | Outcome::Body(_) => 500,
            }
        },
    )
}

/// As the header says.
///
/// # Safety
/// A request of the running handler, the context of [`h264_begin`], and a place for a piece.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_next(
    r: *mut ffi::ngx_http_request_s,
    context: *mut c_void,
    piece: *mut ffi::h264_piece,
) -> c_int {
    boundary(
        || 0,
        || {
            // SAFETY: by the caller's promise.
            let (request, context, piece) =
                unsafe { (Request::new(r), &mut *context.cast::<Context>(), &mut *piece) };
            let Context::Body(body) = context else { return 0 };
            let next = match body.next(&request, piece) {
                Ok(Progress::Piece) => ffi::H264_PIECE,
                Ok(Progress::Waits) => ffi::H264_READS,
                Ok(Progress::Paced(wait)) => {
                    // Not before the time has come.
                    piece.wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
                    ffi::H264_PACED
                }
                Err(error) => {
                    request.log(Severity::Error, &mp4seek::server::ends_early(&error));
                    ffi::H264_FAILED
                }
            };
            next.try_into().unwrap_or(0)
        },
    )
}

/// As the header says.
///
/// # Safety
/// The context of [`h264_begin`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_give_up(context: *const c_void) {
    // SAFETY: by the caller's promise.
    boundary(|| (), || unsafe { &*context.cast::<Context>() }.give_up());
}

/// As the header says.
///
/// # Safety
/// The context of [`h264_begin`], once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_drop(context: *mut c_void) {
    // SAFETY: by the caller's promise.
    boundary(|| (), || drop(unsafe { Box::from_raw(context.cast::<Context>()) }));
}

/// As the header says.
#[unsafe(no_mangle)]
pub extern "C" fn h264_section_new() -> *mut c_void {
    boundary(ptr::null_mut, || Box::into_raw(Box::<Section>::default()).cast())
}

/// As the header says.
///
/// # Safety
/// A section of [`h264_section_new`], once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_section_drop(section: *mut c_void) {
    // SAFETY: by the caller's promise.
    boundary(|| (), || drop(unsafe { Box::from_raw(section.cast::<Section>()) }));
}

/// As the header says.
///
/// # Safety
/// A section of [`h264_section_new`], and the directive that the server reads now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_section_set(section: *mut c_void, cf: *mut ffi::ngx_conf_s) -> c_int {
    boundary(
        || 0,
        || {
            // SAFETY: by the caller's promise.
            let (command, section) =
                unsafe { (directives::Command::new(cf), &mut *section.cast::<Section>()) };
            command.read(section).into()
        },
    )
}

/// As the header says.
///
/// # Safety
/// Two sections of [`h264_section_new`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_section_merge(wide: *const c_void, narrow: *mut c_void) -> c_int {
    boundary(
        || 0,
        || {
            // SAFETY: by the caller's promise.
            let (wide, narrow) = unsafe { (&*wide.cast::<Section>(), &mut *narrow.cast::<Section>()) };
            narrow.inherit(wide);
            1
        },
    )
}

/// As the header says.
///
/// # Safety
/// A section of [`h264_section_new`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_section_is_on(section: *const c_void) -> c_int {
    // SAFETY: by the caller's promise.
    boundary(|| 0, || unsafe { &*section.cast::<Section>() }.is_on().into())
}

/// As the header says.
///
/// # Safety
/// A section of [`h264_section_new`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_section_has_guard(section: *const c_void) -> c_int {
    boundary(
        || 1,
        || {
            // SAFETY: by the caller's promise.
            let section = unsafe { &*section.cast::<Section>() };
            (section.is_on() && section.has_guard()).into()
        },
    )
}

/// As the header says.
///
/// # Safety
/// A section of [`h264_section_new`], and bytes that stay during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_film_end(section: *const c_void, uri: ffi::h264_bytes, after: usize) -> usize {
    if uri.ptr.is_null() {
        return 0;
    }
    boundary(
        || 0,
        || {
            // SAFETY: by the caller's promise.
            let (section, uri) =
                unsafe { (&*section.cast::<Section>(), slice::from_raw_parts(uri.ptr, uri.len)) };
            section.film_end(uri, after).unwrap_or(0)
        },
    )
}

/// As the header says.
///
/// # Safety
/// A section of [`h264_section_new`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_section_is_guarded(section: *const c_void) -> c_int {
    boundary(
        || 1,
        || {
            // SAFETY: by the caller's promise.
            let section = unsafe { &*section.cast::<Section>() };
            section.is_guarded().into()
        },
    )
}

/// As the header says.
#[unsafe(no_mangle)]
pub extern "C" fn h264_init_module() {
    static ONCE: Once = Once::new();
    boundary(|| (), measures::init);
    ONCE.call_once(|| {
        report_panics(pool::note_panic);
    });
}

/// As the header says.
///
/// # Safety
/// A request of the running handler.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn h264_metrics(r: *mut ffi::ngx_http_request_s) -> c_int {
    // SAFETY: by the caller's promise.
    boundary(|| 500, || measures::answer(&unsafe { Request::new(r) }))
}
