//! A clip as a bucket of a type of our own, which generates its bytes when it is read, a window
//! at a time. Where the server may use sendfile, the filter puts the server's own buckets of
//! the file in the place of the media.

use std::cell::{Cell, UnsafeCell};
use std::ffi::{c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};
use std::slice;

use mp4seek::pace::Pace;
use mp4seek::server::{LogLine, boundary, ends_early};
use mp4seek::virtual_file::{Batch, VirtualFile, WINDOW};

use crate::ffi;
use crate::pace::{Pacer, Permission};
use crate::request::Request;

/// Most bytes of one bucket: what the server's own functions keep to.
const LARGEST_BUCKET: u64 = if usize::BITS < 64 { 1 << 30 } else { i64::MAX.unsigned_abs() };

/// The whole clip as a body. The server's filters cut the byte ranges out of it. `begins` is the
/// first of these ranges, or all of the clip.
///
/// # Errors
/// When the first window cannot be read.
pub(crate) fn body_of(
    request: &Request<'_>,
    source: File,
    film: VirtualFile,
    begins: &Range<u64>,
    pace: Pace,
) -> io::Result<Brigade> {
    let len = film.len();
    let film = Clip {
        references: UnsafeCell::new(0),
        film,
        source,
        // Without sendfile the server would copy the file too, and hold on to a worker while it
        // does.
        sends_files: request.uses_sendfile(),
        pool: request.pool(),
        server: request.server(),
        file: Cell::new(ptr::null_mut()),
        first: Cell::new(None),
        pacer: Pacer::new(pace),
        asked: Asked {
            client: request.client().into(),
            path: request.target().into(),
            query: request.query().into(),
        },
    };
    if !request.has_no_body() {
        film.read_first(begins, request.bucket_memory())?;
    }
    let brigade = Brigade::new(request);
    let whole = Whole::clip(request, film);
    brigade.append(&whole, 0..len);
    drop(whole);
    Ok(brigade)
}

/// What all our buckets of one response share.
#[repr(C)]
pub(crate) struct Clip {
    /// The server counts the buckets here, in the first field.
    references: UnsafeCell<c_int>,
    film: VirtualFile,
    /// Ours to close: a bucket depends on no pool and can be set aside as it is.
    source: File,
    /// Whether media goes out by sendfile.
    sends_files: bool,
    /// The client's request's, which lives until the last of its buckets has been sent.
    pool: *mut ffi::apr_pool_t,
    /// The virtual host, in whose log a line about the answer belongs.
    server: *const ffi::server_rec,
    /// The server's own name for the source, once it sends from it. Null until then.
    file: Cell<*mut ffi::apr_file_t>,
    /// The first window, read before the header goes out, so that a disk that fails is an answer of
    /// its own. It is there until a bucket takes it.
    first: Cell<Option<FirstWindow>>,
    /// What holds it back, if anything does.
    pacer: Option<Pacer>,
    asked: Asked,
}

/// Memory of the server's with `len` bytes of the clip from `start` on.
struct FirstWindow {
    memory: *mut u8,
    start: u64,
    len: usize,
}

/// Who asked for what. The request may be gone when a line about its answer is written.
struct Asked {
    client: Box<[u8]>,
    path: Box<[u8]>,
    query: Box<[u8]>,
}

// SAFETY: a bucket may be read and destroyed on another thread than the handler's. The buckets of
// one response are never on two threads at once, and the pool and what is in it go with them.
unsafe impl Send for Clip {}

/// The answer's body as it is handed to the filters.
pub(crate) struct Brigade(*mut ffi::apr_bucket_brigade);

impl Brigade {
    /// A body without bytes.
    pub(crate) fn new(request: &Request<'_>) -> Self {
        Self(request.empty_body())
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
    pub(crate) fn pass(self, request: &mut Request<'_>) -> c_int {
        // SAFETY: a live request; the brigade is empty afterwards, and its pool's.
        let status = unsafe {
            ffi::h264_append_eos(request.as_ptr(), self.0);
            ffi::h264_pass(request.filters(), self.0)
        };
        // The filter of TLS reads buckets, too, and ends nothing where one cannot be read: the client
        // would take the next answer for what it lacks.
        if status != 0 {
            request.end_connection();
        }
        // The server's own handler for files does not report these either.
        if status == 0 || request.status() != ffi::H264_HTTP_OK || request.is_aborted() {
            ffi::H264_OK
        } else {
            ffi::H264_FILTER_ERROR
        }
    }
}

/// A bucket that is in no brigade: those that are are its copies with a range each.
struct Whole<'r> {
    bucket: *mut ffi::apr_bucket,
    request: PhantomData<&'r ffi::request_rec>,
}

impl<'r> Whole<'r> {
    fn clip(request: &'r Request<'_>, film: Clip) -> Self {
        let film = Box::into_raw(Box::new(film));
        // SAFETY: a live request; the bucket owns the clip from here on, and `destroy` frees it.
        let bucket = unsafe { ffi::h264_shared_bucket(request.as_ptr(), &TYPE.0, film.cast()) };
        Self { bucket, request: PhantomData }
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        // SAFETY: in no brigade, and nobody else's.
        unsafe { ffi::h264_bucket_delete(self.bucket) };
    }
}

/// A bucket type of ours.
#[repr(transparent)]
pub(crate) struct BucketType(pub(crate) ffi::h264_bucket_type);

// SAFETY: never written to, and all it points to is static.
unsafe impl Sync for BucketType {}

impl BucketType {
    /// What all types whose buckets hold data have in common.
    pub(crate) const OF_DATA: ffi::h264_bucket_type = ffi::h264_bucket_type {
        name: ptr::null(),
        functions: 5,
        is_metadata: 0,
        destroy: None,
        read: None,
        setaside: Some(ffi::apr_bucket_setaside_noop),
        split: None,
        copy: None,
    };
}

/// The type of the buckets of a clip. Its `start` counts bytes of the virtual file.
static TYPE: BucketType = BucketType(ffi::h264_bucket_type {
    name: c"H264_FILM".as_ptr(),
    destroy: Some(destroy),
    read: Some(read),
    split: Some(ffi::apr_bucket_shared_split),
    copy: Some(ffi::apr_bucket_shared_copy),
    ..BucketType::OF_DATA
});

unsafe extern "C" fn destroy(film: *mut c_void) {
    // SAFETY: the data of a bucket of our type, which gives up its reference.
    boundary(|| (), || drop(unsafe { ClipRef::from_raw(film) }));
}

unsafe extern "C" fn read(
    bucket: *mut ffi::apr_bucket,
    bytes: *mut *const c_char,
    len: *mut usize,
    _block: c_int,
) -> c_int {
    // SAFETY: a bucket of our type, and places for the two results.
    boundary(|| ffi::H264_EGENERAL, || unsafe { make_window(bucket, bytes, len) })
}

/// Turns the first window of a bucket of ours into bytes in memory; what is left
/// becomes the next bucket.
///
/// # Safety
/// `bucket` is of our type; `bytes` and `len` can be written to.
unsafe fn make_window(bucket: *mut ffi::apr_bucket, bytes: *mut *const c_char, len: *mut usize) -> c_int {
    // SAFETY: the caller's. The bucket holds its reference to the clip until the memory has
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
        let film = ManuallyDrop::new(ClipRef::from_raw(ffi::h264_bucket_data(bucket)));
        match film.become_memory(bucket, start, window) {
            Some(memory) => (*bytes, *len) = (memory, window),
            None => return ffi::H264_EGENERAL,
        }
        drop(ManuallyDrop::into_inner(film));
    }
    0
}

/// A bucket's reference to the clip of its response.
pub(crate) struct ClipRef(NonNull<Clip>);

impl ClipRef {
    /// # Safety
    /// `data` is that of a bucket of our type, and the bucket's reference is now this one's.
    unsafe fn from_raw(data: *mut c_void) -> Self {
        // SAFETY: the caller's: never null, `Whole::clip` puts a box there.
        Self(unsafe { NonNull::new_unchecked(data.cast()) })
    }

    /// Takes the clip and the range out of a bucket, where it is one of our type. The bucket
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

    /// How many bytes of a bucket may be sent now.
    ///
    /// # Safety
    /// `bucket` is live and this thread's.
    pub(crate) unsafe fn permission(bucket: *const ffi::apr_bucket) -> Permission {
        // SAFETY: the caller's. The bucket keeps its reference.
        unsafe {
            match Self::take_from(bucket.cast_mut()).map(|(film, range)| (ManuallyDrop::new(film), range)) {
                Some((film, range)) => film.0.as_ref().permission(&range),
                None => Permission::All,
            }
        }
    }

    /// Makes `bucket` one of memory that holds `len` bytes of the clip from `start`. Its earlier
    /// content is not released. `None` where the source fails: a line in the log says why.
    ///
    /// # Safety
    /// `bucket` is live and this thread's.
    pub(crate) unsafe fn become_memory(
        &self,
        bucket: *mut ffi::apr_bucket,
        start: u64,
        len: usize,
    ) -> Option<*const c_char> {
        // SAFETY: the caller's; a reference keeps the clip alive.
        unsafe {
            let film = self.0.as_ref();
            let memory = match film.first.take() {
                Some(first) if (first.start, first.len) == (start, len) => first.memory,
                other => {
                    other.into_iter().for_each(FirstWindow::free);
                    film.read(start, len, ffi::h264_bucket_list(bucket)).map_err(|e| film.log(&e)).ok()?
                }
            };
            ffi::apr_bucket_heap_make(bucket, memory.cast(), len, Some(ffi::apr_bucket_free));
            Some(memory.cast())
        }
    }

    /// What of `range` is to be sent next.
    pub(crate) fn next(&self, range: &Range<u64>) -> Batch {
        // SAFETY: a reference keeps the clip alive.
        unsafe { self.0.as_ref() }.next(range)
    }

    /// Puts a bucket of the source's `media` behind `bucket`. Whether that could be done.
    ///
    /// # Safety
    /// `bucket` is live and this thread's, and in a brigade before one that keeps the clip.
    pub(crate) unsafe fn insert_media(&self, bucket: *mut ffi::apr_bucket, media: Range<u64>) -> bool {
        // SAFETY: the caller's; the request's pool lives until the brigade's last bucket is gone.
        unsafe {
            let film = self.0.as_ref();
            let mut file = film.file.get();
            let len = usize::try_from(media.end - media.start).unwrap_or(0);
            let descriptor = film.source.as_raw_fd();
            let status =
                ffi::h264_insert_file_after(bucket, &raw mut file, descriptor, media.start, len, film.pool);
            film.file.set(file);
            status == 0
        }
    }
}

impl Clip {
    fn next(&self, range: &Range<u64>) -> Batch {
        if self.sends_files {
            return self.film.next(&self.source, range, WINDOW);
        }
        let left = range.end.saturating_sub(range.start);
        Batch { generated: usize::try_from(left).map_or(WINDOW, |left| left.min(WINDOW)), media: 0..0 }
    }

    /// Reads the window that `range` begins with.
    fn read_first(&self, range: &Range<u64>, list: *mut ffi::apr_bucket_alloc_t) -> io::Result<()> {
        let len = self.next(range).generated;
        // SAFETY: the list of the request's connection, which this thread handles.
        let memory = unsafe { self.read(range.start, len, list) }?;
        self.first.set(Some(FirstWindow { memory, start: range.start, len }));
        Ok(())
    }

    /// Reads `len` bytes of the clip from `start` on, into memory of the server's.
    ///
    /// # Safety
    /// `list` is live and this thread's.
    unsafe fn read(&self, start: u64, len: usize, list: *mut ffi::apr_bucket_alloc_t) -> io::Result<*mut u8> {
        // SAFETY: the caller's; the memory is written before it is lent, and freed where it is not
        // handed out.
        unsafe {
            let memory = ffi::apr_bucket_alloc(len, list).cast::<u8>();
            if memory.is_null() {
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            memory.write_bytes(0, len);
            match self.film.read_at(&self.source, start, slice::from_raw_parts_mut(memory, len)) {
                Ok(()) => Ok(memory),
                Err(error) => {
                    ffi::apr_bucket_free(memory.cast());
                    Err(error)
                }
            }
        }
    }

    /// How many bytes of a bucket of the clip may be sent now.
    fn permission(&self, range: &Range<u64>) -> Permission {
        let Some(pacer) = &self.pacer else { return Permission::All };
        // Of a film that cannot be read, the bucket says so.
        pacer.permission(&self.film, &self.source, range).unwrap_or(Permission::All)
    }

    fn log(&self, error: &io::Error) {
        let Asked { client, path, query } = &self.asked;
        let message = ends_early(error);
        let line = LogLine { client: Some(client), path, query, message: &message };
        // SAFETY: a process keeps the configuration with which it answers.
        unsafe { ffi::log_of_host(self.server, ffi::H264_LOG_ERROR, &line.to_string()) };
    }
}

impl FirstWindow {
    fn free(self) {
        // SAFETY: `Clip::read` allocated it, and nobody else has it.
        unsafe { ffi::apr_bucket_free(self.memory.cast()) };
    }
}

impl Drop for Clip {
    fn drop(&mut self) {
        self.first.take().into_iter().for_each(FirstWindow::free);
    }
}

impl Drop for ClipRef {
    fn drop(&mut self) {
        // SAFETY: a reference given up; when none is left the box is nobody else's.
        unsafe {
            if ffi::apr_bucket_shared_destroy(self.0.as_ptr().cast()) != 0 {
                drop(Box::from_raw(self.0.as_ptr()));
            }
        }
    }
}
