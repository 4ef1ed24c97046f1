//! mod_h264_streaming for nginx: `movie.mp4?start=61.5&end=90` is answered with a playable MP4 of
//! that part.

mod body;
mod context;
mod ffi;
mod handler;
mod pace;
mod pool;
mod reads;

use std::ffi::{c_char, c_int, c_void};
use std::mem;
use std::ptr;

use mp4seek::server::boundary;

use body::Progress;
use context::Context;
use reads::OpenFile;

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
            let request = unsafe { handler::Request::new(r) };
            // SAFETY: null, or what the last call left, which is taken out before it is owned again.
            let planned = unsafe {
                let last = mem::replace(&mut *context, ptr::null_mut()).cast::<Context>();
                (!last.is_null()).then(|| *Box::from_raw(last))
            };
            let outcome = match planned {
                Some(Context::Planned(planned)) => handler::answer_when_planned(&request, planned),
                Some(Context::Body(_)) => handler::Outcome::Status(500),
                // SAFETY: by the caller's promise.
                None => match unsafe { OpenFile::new(fd, is_directio != 0) } {
                    Ok(file) => handler::answer(&request, file),
                    Err(error) => handler::fail(&request, &error),
                },
            };
            let (kept, outcome) = match outcome {
                handler::Outcome::Status(status) => return status,
                handler::Outcome::Waits(planned) => (Context::Planned(planned), ffi::H264_WAIT),
                handler::Outcome::Body(body) => (Context::Body(body), ffi::H264_BODY),
            };
            // SAFETY: a place for a pointer, whose box `h264_drop` takes back.
            unsafe { *context = Box::into_raw(Box::new(kept)).cast() };
            outcome.try_into().unwrap_or(500)
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
                unsafe { (handler::Request::new(r), &mut *context.cast::<Context>(), &mut *piece) };
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
                    request.log(true, &mp4seek::server::ends_early(&error));
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
