//! Names of files that are hard to ask for.

/// Names with characters that mean something in URLs, and with bytes that are no ASCII or no UTF-8.
pub const UNUSUAL: [&[u8]; 8] = [
    b"a film.mp4",
    b"100%.mp4",
    b"%2e.mp4",
    "фильм 映画 é.mp4".as_bytes(),
    b"caf\xe9.mp4",
    b"what?start=9.mp4",
    b"semi;colon&and=#hash+plus.mp4",
    b"quo\"te'back\\slash.mp4",
];

/// A name as it stands in the path of a URL.
pub fn escaped(name: &[u8]) -> String {
    let escape = |&b: &u8| match b {
        b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    name.iter().map(escape).collect()
}
