//! The header field that names the module in an answer.

use std::ffi::CStr;

/// The name of the field.
pub const VERSION_HEADER: &CStr = c"X-Mod-H264-Streaming";

/// The value of the field.
pub const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!("version=", env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };
