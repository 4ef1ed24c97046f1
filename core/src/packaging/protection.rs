//! How manifests and playlists write of keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes in base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// An identifier of 16 bytes in hexadecimal digits.
pub(super) fn hex(id: [u8; 16]) -> String {
    id.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// An identifier of 16 bytes as a UUID is written.
pub(super) fn uuid(id: [u8; 16]) -> String {
    let mut text = String::new();
    for (byte, place) in id.iter().zip(0..) {
        if [4, 6, 8, 10].contains(&place) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
