//! What `h264_nginx.h` of `ffi-headers` declares, and bytes from and to it.

#![expect(dead_code, reason = "what C calls, and outcomes that are what is left")]
#![expect(non_camel_case_types, reason = "names of C")]
#![expect(unreachable_pub, reason = "generated; the header has the comments")]

use std::slice;

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

/// Bytes of ours for the length of a call.
pub(crate) fn bytes(bytes: &[u8]) -> h264_bytes {
    h264_bytes { ptr: bytes.as_ptr(), len: bytes.len() }
}

/// Bytes of the server's, for as long as `_owner` is borrowed.
///
/// # Safety
/// The server neither changes nor frees them while `_owner` is borrowed.
pub(crate) unsafe fn slice_of<T: ?Sized>(_owner: &T, bytes: h264_bytes) -> &[u8] {
    if bytes.ptr.is_null() {
        return &[];
    }
    // SAFETY: not null, and valid for that long by the caller's promise.
    unsafe { slice::from_raw_parts(bytes.ptr, bytes.len) }
}
