//! Finds boxes in bytes.

use std::ops::Range;

/// A box among others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its type.
    pub box_type: [u8; 4],
    /// All of it.
    pub whole: Range<usize>,
    /// What comes after its header.
    pub content: Range<usize>,
}

/// The boxes in `bytes`, which hold nothing else.
///
/// # Panics
/// Where they do.
pub fn boxes(bytes: &[u8]) -> Vec<Located> {
    let mut out = Vec::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let (header_len, size) = match u32_at(bytes, at) {
            0 => (8, bytes.len() - at),
            1 => (16, usize::try_from(u64_at(bytes, at + 8)).unwrap()),
            size => (8, size as usize),
        };
        let box_type = *bytes[at + 4..].first_chunk().unwrap();
        out.push(Located { box_type, whole: at..at + size, content: at + header_len..at + size });
        at += size;
    }
    assert_eq!(at, bytes.len(), "bytes after the last box");
    out
}

/// Types and contents of the boxes in `bytes`.
pub fn content(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    boxes(bytes).into_iter().map(|b| (b.box_type, &bytes[b.content]))
}

/// The content of the first box of a type.
pub fn find<'a>(bytes: &'a [u8], box_type: &[u8; 4]) -> Option<&'a [u8]> {
    content(bytes).find(|(found, _)| found == box_type).map(|(_, content)| content)
}

/// Where these bytes stand first: a box's type, a sample.
///
/// # Panics
/// If they do not.
pub fn position(bytes: &[u8], what: &[u8]) -> usize {
    let found = bytes.windows(what.len()).position(|w| w == what);
    found.unwrap_or_else(|| panic!("no {}", what.escape_ascii()))
}

/// A big-endian word.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(*bytes[at..].first_chunk().unwrap())
}

/// A big-endian double word.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(*bytes[at..].first_chunk().unwrap())
}
