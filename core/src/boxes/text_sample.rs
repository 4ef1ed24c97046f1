//! Samples of `tx3g` (3GPP TS 26.245, 5.17) and of QuickTime's `text`.
//!
//! ```text
//! text_length (16), the text, then boxes that modify it:
//! styl  entry-count (16), StyleRecords
//! tbox  a BoxRecord
//! encd  the encoding of the text, of QuickTime alone (32)
//! ```

use std::ops::Range;

use super::nested::nested_boxes;
use super::text_entry::{TextBox, TextStyle, quicktime_color};
use super::{u16_at, u32_at};

/// Bytes of a `StyleRecord`.
const STYLE_RECORD: usize = 12;

/// Bytes of a record of QuickTime's own kind (`ScrpSTElement`): the first character (32), height,
/// ascent and font (16 each), face (8), a free byte, size (16), color (3 × 16).
const QUICKTIME_STYLE: usize = 20;

/// A sample of text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextSample<'a> {
    /// The text; empty where nothing is shown.
    pub text: &'a [u8],
    /// The styles of some characters, in the order of the sample.
    pub styles: Vec<StyleRecord>,
    /// Where the text stands, if not where the sample description says.
    pub text_box: Option<TextBox>,
    /// The encoding that QuickTime states.
    pub encoding: Option<u32>,
}

/// The style of some characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StyleRecord {
    /// Characters of the text, counted from 0.
    pub characters: Range<u32>,
    /// Their style.
    pub style: TextStyle,
}

impl<'a> TextSample<'a> {
    /// Reads a sample. What does not fit in it is not there: the text ends with the sample, and so
    /// do the boxes.
    pub fn read(sample: &'a [u8]) -> Self {
        let Some(rest) = sample.get(2..) else { return Self::default() };
        let length = usize::from(u16_at(sample, 0)).min(rest.len());
        let (text, boxes) = rest.split_at(length);
        let mut this = Self { text, ..Self::default() };
        for (box_type, content) in nested_boxes(boxes) {
            match &box_type.0 {
                b"styl" => this.styles = read_styles(content),
                b"tbox" if content.len() >= 8 => this.text_box = Some(TextBox::read(content, 0)),
                b"encd" if content.len() >= 4 => this.encoding = Some(u32_at(content, 0)),
                _ => {}
            }
        }
        this
    }
}

/// The records of a `styl`, as many as there are.
fn read_styles(b: &[u8]) -> Vec<StyleRecord> {
    let count = usize::from(u16_at(b, 0));
    let records = b.get(2..).unwrap_or_default();
    if count > 0 && records.len() == count * QUICKTIME_STYLE {
        return quicktime_styles(records);
    }
    let record = |r: &[u8]| StyleRecord {
        characters: u16_at(r, 0).into()..u16_at(r, 2).into(),
        style: TextStyle::read(r, 4),
    };
    records.chunks_exact(STYLE_RECORD).take(count).map(record).collect()
}

/// Records of which each holds until the next one.
fn quicktime_styles(records: &[u8]) -> Vec<StyleRecord> {
    let starts = || records.chunks_exact(QUICKTIME_STYLE).map(|r| u32_at(r, 0));
    let ends = starts().skip(1).chain(std::iter::once(u32::MAX));
    let records = records.chunks_exact(QUICKTIME_STYLE).zip(ends);
    let face = |r: &[u8]| r.get(10).copied().unwrap_or(0);
    records
        .map(|(r, end)| StyleRecord {
            characters: u32_at(r, 0)..end,
            style: TextStyle::of(face(r), quicktime_color(r, 14)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::make_box;

    fn record(from: u8, to: u8, face: u8, color: [u8; 3]) -> Vec<u8> {
        [&[0, from, 0, to, 0, 1, face, 18][..], &color, &[255]].concat()
    }

    fn styles(content: &[u8]) -> Vec<(Range<u32>, bool, [u8; 3])> {
        let sample = [&[0, 0][..], &make_box(b"styl", content)].concat();
        let styles = TextSample::read(&sample).styles.into_iter();
        styles.map(|s| (s.characters, s.style.is_italic, s.style.color)).collect()
    }

    #[test]
    fn text_and_what_modifies_it_are_read() {
        let boxes = [
            make_box(b"blnk", [0; 4]),
            make_box(b"tbox", [0, 1, 0, 2, 0, 3, 0, 4]),
            make_box(b"encd", [0, 0, 1, 0]),
        ];
        let sample = [&b"\0\x02Hi"[..], &boxes.concat()].concat();
        let read = TextSample::read(&sample);
        assert_eq!((read.text, read.encoding), (&b"Hi"[..], Some(0x100)));
        assert_eq!(read.text_box, Some(TextBox { top: 1, left: 2, bottom: 3, right: 4 }));
    }

    #[test]
    fn a_length_past_the_end_ends_with_the_sample() {
        assert_eq!(TextSample::read(b"\xff\xffHi").text, b"Hi");
        for sample in [&b""[..], b"\0", b"\0\0"] {
            assert_eq!(TextSample::read(sample), TextSample::default());
        }
    }

    #[test]
    fn styles_are_read_as_far_as_they_are_there() {
        let records = [record(1, 3, 2, [1, 2, 3]), record(9, 4, 0, [4, 5, 6])].concat();
        let reversed = Range { start: 9, end: 4 };
        let expected = [(1..3, true, [1, 2, 3]), (reversed, false, [4, 5, 6])];
        assert_eq!(styles(&[&[0, 2][..], &records].concat()), expected);
        assert_eq!(styles(&[&[255, 255][..], &records, &[7]].concat()), expected);
        assert_eq!(styles(&[&[0, 1][..], &records].concat()), expected[..1]);
        assert_eq!(styles(&[0]), []);
    }

    #[test]
    fn each_style_of_quicktime_holds_until_the_next() {
        let record = |first: u8, face: u8, red: u8| {
            [&[0, 0, 0, first][..], &[0; 6], &[face, 0, 0, 18], &[red, red, 0, 0, 0, 0]].concat()
        };
        let records = [record(0, 0, 0), record(4, 2, 255)].concat();
        let expected = [(0..4, false, [0, 0, 0]), (4..u32::MAX, true, [255, 0, 0])];
        assert_eq!(styles(&[&[0, 2][..], &records].concat()), expected);
    }
}
