//! Boxes in bytes that are in memory, such as those in a sample.

use super::{BoxType, u32_at};

/// Types and contents of the boxes in `bytes`, up to what is none.
pub(super) fn nested_boxes(bytes: &[u8]) -> impl Iterator<Item = (BoxType, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let size = u32_at(rest, 0) as usize;
        let box_type = BoxType(*rest.get(4..)?.first_chunk()?);
        let content = rest.get(8..size)?;
        rest = rest.get(size..)?;
        Some((box_type, content))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::make_box;

    #[test]
    fn boxes_are_read_up_to_what_is_none() {
        let bytes = [make_box(b"aaaa", b"xy"), make_box(b"bbbb", b"")].concat();
        let read = |bytes: &[u8]| nested_boxes(bytes).map(|(t, b)| (t.0, b.to_vec())).collect::<Vec<_>>();
        let expected = [(*b"aaaa", b"xy".to_vec()), (*b"bbbb", Vec::new())];
        assert_eq!(read(&bytes), expected);
        for junk in
            [&b"\0\0\0"[..], b"\0\0\0\0cccc", b"\0\0\0\x07cccc", b"\0\0\0\x09cccc", b"\xff\xff\xff\xffcccc"]
        {
            assert_eq!(read(&[&bytes, junk].concat()), expected, "{junk:?}");
        }
    }
}
