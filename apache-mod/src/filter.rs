//! A slow client holds neither a worker nor a clip's whole metadata.
//!
//! While a handler runs, the filter that writes to the socket waits for the client as long as the
//! body has more than `FlushMaxThreshold` bytes that are not of a file, in memory or generated.
//! What is left then goes to the event MPM's write completion, where no worker waits. So the last
//! filter before that one replaces each bucket of ours by one of a single byte. When read, that
//! bucket becomes a window of memory or a bucket of the file that the server sends by sendfile,
//! followed by a bucket for the rest. The filters below use lengths only to count them.

use std::ffi::{c_char, c_int, c_void};
use std::ops::Range;
use std::ptr;

use mp4seek::server::boundary;

use crate::bucket::{BucketType, ClipRef};
use crate::ffi;

/// The filter before the one that writes to the socket.
pub(crate) unsafe extern "C" fn filter(
    filter: *mut ffi::ap_filter_t,
    brigade: *mut ffi::apr_bucket_brigade,
) -> c_int {
    // SAFETY: the server hands a filter a brigade that is this thread's.
    boundary(
        || ffi::H264_EGENERAL,
        || unsafe {
            let mut next = ffi::h264_first_bucket(brigade);
            while !next.is_null() {
                let bucket = next;
                next = ffi::h264_next_bucket(brigade, bucket);
                if let Some((film, range)) = ClipRef::take_from(bucket) {
                    let rest = Box::new(Rest { film, range, begun: false });
                    ffi::h264_bucket_become(bucket, &TYPE.0, Box::into_raw(rest).cast(), 1);
                }
            }
            ffi::h264_pass_on(filter, brigade)
        },
    )
}

/// What a bucket of one byte stands for.
struct Rest {
    film: ClipRef,
    range: Range<u64>,
    /// Whether a window before this one was generated.
    begun: bool,
}

static TYPE: BucketType = BucketType(ffi::h264_bucket_type {
    name: c"H264_REST".as_ptr(),
    destroy: Some(destroy),
    read: Some(read),
    split: Some(ffi::apr_bucket_split_notimpl),
    copy: Some(ffi::apr_bucket_copy_notimpl),
    ..BucketType::OF_DATA
});

unsafe extern "C" fn destroy(rest: *mut c_void) {
    // SAFETY: the data of a bucket of this type, which `filter` or `read` boxed.
    boundary(|| (), || drop(unsafe { Box::from_raw(rest.cast::<Rest>()) }));
}

unsafe extern "C" fn read(
    bucket: *mut ffi::apr_bucket,
    bytes: *mut *const c_char,
    len: *mut usize,
    block: c_int,
) -> c_int {
    // SAFETY: a bucket of this type, and places for the two results.
    boundary(
        || ffi::H264_EGENERAL,
        || unsafe {
            (*bytes, *len) = (ptr::null(), 0);
            let data = ffi::h264_bucket_data(bucket);
            let rest = &mut *data.cast::<Rest>();
            // Behind the last of the media, which the clip had to outlive.
            if rest.range.is_empty() {
                ffi::h264_bucket_become_empty(bucket);
                drop(Box::from_raw(data.cast::<Rest>()));
                return 0;
            }
            // The server then writes what it has first, and asks again only when that is gone:
            // there is never more than one window in memory.
            if rest.begun && block == ffi::H264_NONBLOCKING {
                return libc::EAGAIN;
            }
            let next = rest.film.next(&rest.range);
            let Some(memory) = rest.film.become_memory(bucket, rest.range.start, next.generated) else {
                return ffi::H264_EGENERAL;
            };
            (*bytes, *len) = (memory, next.generated);
            rest.range.start += next.len();
            rest.begun = true;
            // What keeps the clip has to stand behind its media.
            if rest.range.is_empty() && next.media.is_empty() {
                drop(Box::from_raw(data.cast::<Rest>()));
                return 0;
            }
            ffi::h264_insert_after(bucket, &TYPE.0, data, 1);
            if !next.media.is_empty() && !rest.film.insert_media(bucket, next.media) {
                return ffi::H264_EGENERAL;
            }
            0
        },
    )
}
