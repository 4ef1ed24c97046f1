//! A film as the server's buckets: media as buckets of the file itself where the
//! server may use sendfile, everything else as a bucket type of our own that makes
//! its bytes when it is read, a window at a time.

use std::cell::UnsafeCell;
use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::slice;

use mp4seek::virtual_file::{Piece, VirtualFile};

use crate::boundary::boundary;
use crate::drain;
use crate::ffi;
use crate::server::{self, OpenFile, Request};

/// Most bytes one read of a bucket of ours makes: what a response holds of its
/// metadata in memory. With a header it stays below the server's `FlushMaxThreshold`.
pub(crate) const WINDOW: usize = 48 << 10;
/// A stretch of the file shorter than this is read together with what is around it:
/// cheaper than a bucket and a system call of its own.
const SMALLEST_FILE_BUCKET: u64 = 8 << 10;
/// Most buckets of the file in one response: each costs a descriptor of its own while
/// the response waits for a slow client.
const MOST_FILE_BUCKETS: usize = 64;

/// Most bytes of one bucket: what the server's own functions keep to.
const LARGEST_BUCKET: u64 = if usize::BITS < 64 { 1 << 30 } else { i64::MAX.unsigned_abs() };

/// Answers with the whole film; the server's filters cut the byte ranges out of it.
pub(crate) fn send(request: &mut Request<'_>, file: OpenFile, film: VirtualFile) -> c_int {
    let source = match file.file().try_clone() {
        Ok(source) => source,
        Err(error) => {
            request.log(ffi::H264_LOG_ERROR, &format!("cannot duplicate the file's descriptor: {error}"));
            return ffi::H264_INTERNAL_SERVER_ERROR;
        }
    };
    // Without sendfile the server would copy the file too, and hold on to a worker while it does.
    let most_files = if request.uses_sendfile() { MOST_FILE_BUCKETS } else { 0 };
    let layout = layout(film.pieces(0..film.len()), most_files);
    let film = Film { references: UnsafeCell::new(0), film, source, path: request.filename().into() };
    let brigade = Brigade::new(request);
    let made = Whole::film(request, film);
    let media = Whole::file(request, file);
    for part in layout {
        match part {
            Part::Made(range) => brigade.append(&made, range),
            Part::Media(range) => brigade.append(&media, range),
        }
    }
    drop((made, media));
    drain::watch(request);
    brigade.pass(request)
}

/// Answers with a header alone.
pub(crate) fn send_nothing(request: &mut Request<'_>) -> c_int {
    Brigade::new(request).pass(request)
}

/// A run of the answer that one kind of bucket sends.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// A range of the virtual file.
    Made(Range<u64>),
    /// A range of the source file.
    Media(Range<u64>),
}

fn layout(pieces: impl Iterator<Item = Piece>, most_files: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut made, mut files) = (0..0, 0);
    for piece in pieces {
        match piece {
            Piece::File { offset, len } if len >= SMALLEST_FILE_BUCKET && files < most_files => {
                let end = made.end + len;
                if !made.is_empty() {
                    parts.push(Part::Made(made));
                }
                parts.push(Part::Media(offset..offset + len));
                (made, files) = (end..end, files + 1);
            }
            Piece::File { len, .. } => made.end += len,
            Piece::Generated(range) => made.end += range.end - range.start,
        }
    }
    if !made.is_empty() {
        parts.push(Part::Made(made));
    }
    parts
}

/// What all our buckets of one response share.
#[repr(C)]
pub(crate) struct Film {
    /// The server counts the buckets here, in the first field.
    references: UnsafeCell<c_int>,
    film: VirtualFile,
    /// A descriptor of our own: a bucket depends on no pool and can be set aside as it is.
    source: File,
    path: Box<[u8]>,
}

// A bucket may be read and destroyed on another thread than the handler's.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Film>();
};

/// The answer's body as it is handed to the filters.
struct Brigade(*mut ffi::apr_bucket_brigade);

impl Brigade {
    fn new(request: &Request<'_>) -> Self {
        // SAFETY: a live request, whose pool owns the brigade.
        Self(unsafe { ffi::h264_brigade(request.as_ptr()) })
    }

    fn append(&self, whole: &Whole<'_>, range: Range<u64>) {
        let mut start = range.start;
        while start < range.end {
            let len = (range.end - start).min(LARGEST_BUCKET);
            // SAFETY: both live; the bucket's own type makes the copy.
            unsafe {
                ffi::h264_append_range(self.0, whole.bucket, start, len as usize);
            }
            start += len;
        }
    }

    /// Hands the body, which must be whole, to the filters. The result of the handler.
    fn pass(self, request: &mut Request<'_>) -> c_int {
        // SAFETY: a live request; the brigade is empty afterwards, and its pool's.
        let (status, aborted) = unsafe {
            ffi::h264_append_eos(request.as_ptr(), self.0);
            (ffi::h264_pass(request.as_ptr(), self.0), ffi::h264_is_aborted(request.as_ptr()) != 0)
        };
        // The server's own handler for files does not report these either.
        if status == 0 || request.status() != ffi::H264_HTTP_OK || aborted {
            ffi::H264_OK
        } else {
            ffi::H264_FILTER_ERROR
        }
    }
}

/// A bucket that is in no brigade: the others are its copies with a range each. Two
/// buckets made of one open file would each take the descriptor with them when they
/// are set aside.
struct Whole<'r> {
    bucket: *mut ffi::apr_bucket,
    request: PhantomData<&'r ffi::request_rec>,
}

impl<'r> Whole<'r> {
    fn film(request: &'r Request<'_>, film: Film) -> Self {
        let film = Box::into_raw(Box::new(film));
        // SAFETY: a live request; the bucket owns the film from here on, and `destroy` frees it.
        let bucket = unsafe { ffi::h264_shared_bucket(request.as_ptr(), &TYPE.0, film.cast()) };
        Self { bucket, request: PhantomData }
    }

    fn file(request: &'r Request<'_>, file: OpenFile) -> Self {
        // SAFETY: a live request, whose pool owns the file.
        let bucket = unsafe { ffi::h264_file_bucket(request.as_ptr(), file.into_raw()) };
        Self { bucket, request: PhantomData }
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        // SAFETY: in no brigade, and nobody else's.
        unsafe { ffi::h264_bucket_delete(self.bucket) };
    }
}

/// Our bucket type. Its `start` counts bytes of the virtual file.
#[repr(transparent)]
struct Type(ffi::h264_bucket_type);

// SAFETY: never written to, and all it points to is static.
unsafe impl Sync for Type {}

static TYPE: Type = Type(ffi::h264_bucket_type {
    name: c"H264_FILM".as_ptr(),
    functions: 5,
    is_metadata: 0,
    destroy: Some(destroy),
    read: Some(read),
    setaside: Some(ffi::apr_bucket_setaside_noop),
    split: Some(ffi::apr_bucket_shared_split),
    copy: Some(ffi::apr_bucket_shared_copy),
});

unsafe extern "C" fn destroy(film: *mut c_void) {
    // SAFETY: the data of a bucket of our type, which gives up its reference.
    boundary((), || drop(unsafe { FilmRef::from_raw(film) }));
}

unsafe extern "C" fn read(
    bucket: *mut ffi::apr_bucket,
    bytes: *mut *const c_char,
    len: *mut usize,
    _block: c_int,
) -> c_int {
    // SAFETY: a bucket of our type, and places for the two results.
    boundary(ffi::H264_EGENERAL, || unsafe { make_window(bucket, bytes, len) })
}

/// Turns the first window of a bucket of ours into bytes in memory; what is left
/// becomes the next bucket.
///
/// # Safety
/// `bucket` is of our type; `bytes` and `len` can be written to.
unsafe fn make_window(bucket: *mut ffi::apr_bucket, bytes: *mut *const c_char, len: *mut usize) -> c_int {
    // SAFETY: the caller's. The bucket holds its reference to the film until the memory has
    // taken its place.
    unsafe {
        (*bytes, *len) = (ptr::null(), 0);
        if ffi::h264_bucket_len(bucket) > WINDOW {
            let status = ffi::h264_bucket_split(bucket, WINDOW);
            if status != 0 {
                return status;
            }
        }
        let (start, window) = (ffi::h264_bucket_start(bucket), ffi::h264_bucket_len(bucket));
        let film = ManuallyDrop::new(FilmRef::from_raw(ffi::h264_bucket_data(bucket)));
        match film.become_memory(bucket, start, window) {
            Some(memory) => (*bytes, *len) = (memory, window),
            None => return ffi::H264_EGENERAL,
        }
        drop(ManuallyDrop::into_inner(film));
    }
    0
}

/// A bucket's reference to the film of its response.
pub(crate) struct FilmRef(NonNull<Film>);

impl FilmRef {
    /// # Safety
    /// `data` is that of a bucket of our type, and the bucket's reference is now this one's.
    unsafe fn from_raw(data: *mut c_void) -> Self {
        // SAFETY: the caller's: never null, `Whole::film` puts a box there.
        Self(unsafe { NonNull::new_unchecked(data.cast()) })
    }

    /// Takes the film and the range out of a bucket, where it is one of our type. The bucket
    /// must be given another type at once.
    ///
    /// # Safety
    /// `bucket` is live and this thread's.
    pub(crate) unsafe fn take_from(bucket: *mut ffi::apr_bucket) -> Option<(Self, Range<u64>)> {
        // SAFETY: the caller's.
        unsafe {
            if !ptr::eq(ffi::h264_bucket_type_of(bucket), &TYPE.0) {
                return None;
            }
            let start = ffi::h264_bucket_start(bucket);
            let range = start..start + ffi::h264_bucket_len(bucket) as u64;
            Some((Self::from_raw(ffi::h264_bucket_data(bucket)), range))
        }
    }

    /// Makes `bucket` one of memory that holds `len` bytes of the film from `start`. What it
    /// was before is not released. `None` where the source fails: a line in the log says why.
    ///
    /// # Safety
    /// `bucket` is live and this thread's.
    pub(crate) unsafe fn become_memory(
        &self,
        bucket: *mut ffi::apr_bucket,
        start: u64,
        len: usize,
    ) -> Option<*const c_char> {
        // SAFETY: the caller's; a reference keeps the film alive.
        unsafe {
            let film = self.0.as_ref();
            let memory = ffi::apr_bucket_alloc(len, ffi::h264_bucket_list(bucket)).cast::<u8>();
            if memory.is_null() {
                return None;
            }
            memory.write_bytes(0, len);
            if let Err(error) = film.film.read_at(&film.source, start, slice::from_raw_parts_mut(memory, len))
            {
                ffi::apr_bucket_free(memory.cast());
                let path = String::from_utf8_lossy(&film.path);
                server::log(ffi::H264_LOG_ERROR, &format!("{path}: the answer ends early: {error}"));
                return None;
            }
            ffi::apr_bucket_heap_make(bucket, memory.cast(), len, Some(ffi::apr_bucket_free));
            Some(memory.cast())
        }
    }
}

impl Drop for FilmRef {
    fn drop(&mut self) {
        // SAFETY: a reference given up; when none is left the box is nobody else's.
        unsafe {
            if ffi::apr_bucket_shared_destroy(self.0.as_ptr().cast()) != 0 {
                drop(Box::from_raw(self.0.as_ptr()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIG: u64 = SMALLEST_FILE_BUCKET;

    fn file(offset: u64, len: u64) -> Piece {
        Piece::File { offset, len }
    }

    #[test]
    fn media_comes_from_the_file() {
        let parts = layout([Piece::Generated(0..500), file(9_000, BIG), file(90_000, BIG)].into_iter(), 2);
        let media = |offset| Part::Media(offset..offset + BIG);
        assert_eq!(parts, [Part::Made(0..500), media(9_000), media(90_000)]);
    }

    #[test]
    fn short_stretches_are_read_with_their_neighbours() {
        let pieces = [Piece::Generated(0..500), file(9_000, BIG - 1), file(7, 3), file(0, BIG), file(1, 2)];
        let parts = layout(pieces.into_iter(), 9);
        let middle = 500 + BIG - 1 + 3;
        let end = middle + BIG;
        assert_eq!(parts, [Part::Made(0..middle), Part::Media(0..BIG), Part::Made(end..end + 2)]);
    }

    #[test]
    fn descriptors_are_bounded() {
        let parts = layout((0..1_000).map(|i| file(i * 2 * BIG, BIG)), 7);
        assert_eq!(parts.len(), 7 + 1);
        let sent = 7 * BIG;
        assert_eq!(parts.last(), Some(&Part::Made(sent..1_000 * BIG)));
    }
}
