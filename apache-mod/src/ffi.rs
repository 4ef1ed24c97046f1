//! Bindings of our own narrow header (`h264_apache.h`).
#![expect(non_camel_case_types, reason = "the names of the server's headers")]
#![expect(unreachable_pub, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

/// Writes a line to the server's error log.
pub(crate) fn log(level: std::ffi::c_int, message: &str) {
    // SAFETY: no virtual host.
    unsafe { log_of_host(std::ptr::null(), level, message) };
}

/// Writes a line to the error log of a virtual host.
///
/// # Safety
/// The host is one of the configuration that the process answers with.
pub(crate) unsafe fn log_of_host(server: *const server_rec, level: std::ffi::c_int, message: &str) {
    // SAFETY: the caller's; the message is read up to its length.
    unsafe { h264_log_server(server, level, message.as_ptr().cast(), message.len()) };
}
