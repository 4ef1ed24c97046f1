//! Single boxes.

/// A box: size, type, content.
pub fn make_box(box_type: &[u8; 4], content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(box_type);
    out.extend_from_slice(content);
    out
}

/// A full box: version, no flags, then words.
pub fn full_box(box_type: &[u8; 4], version: u8, words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    flagged_box(box_type, version, 0, words)
}

/// A full box: version, flags, then words.
pub fn flagged_box(
    box_type: &[u8; 4],
    version: u8,
    flags: u32,
    words: impl IntoIterator<Item = u32>,
) -> Vec<u8> {
    let head = u32::from(version) << 24 | flags;
    make_box(box_type, self::words(std::iter::once(head).chain(words)))
}

/// A full box of a table: the count, then the entries.
pub fn table<const N: usize>(box_type: &[u8; 4], entries: &[[u32; N]]) -> Vec<u8> {
    let count = u32::try_from(entries.len()).unwrap();
    full_box(box_type, 0, std::iter::once(count).chain(entries.iter().flatten().copied()))
}

/// Words as they stand in a file.
pub fn words(words: impl IntoIterator<Item = u32>) -> Vec<u8> {
    words.into_iter().flat_map(u32::to_be_bytes).collect()
}

/// A four-character code as a word.
pub const fn fourcc(code: &[u8; 4]) -> u32 {
    u32::from_be_bytes(*code)
}
