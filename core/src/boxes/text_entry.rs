//! Sample descriptions of text: `tx3g` (3GPP TS 26.245, 5.16) and QuickTime's `text`.
//!
//! ```text
//! tx3g  displayFlags (32), horizontal-justification (8), vertical-justification (8),
//!       background-color-rgba (4 × 8), default-text-box (4 × 16), default-style (12 bytes)
//! text  display flags (32), justification (32), background color (3 × 16),
//!       default text box (4 × 16), reserved (64), font number (16), font face (16), reserved (24),
//!       foreground color (3 × 16)
//! ```

use super::{BoxHeader, FormatError, Reader, u16_at, u32_at};
use crate::source::ReadAt;

/// Bytes of a `SampleEntry` (8.5.2.2) before its own fields.
const SAMPLE_ENTRY: usize = 8;

/// Bytes of the fields of `tx3g`, which a font table (`ftab`) follows.
const TX3G: usize = 30;

/// Bytes of the fields of QuickTime's `text` that are read.
const QUICKTIME: usize = 43;

/// `write text vertically`, of the flags of `tx3g`.
const VERTICAL: u32 = 0x2_0000;

/// What a sample description says of how its text looks, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEntry {
    /// Where in its box a line of text stands.
    pub horizontal: Justification,
    /// Where in its box all text stands.
    pub vertical: Justification,
    /// Whether lines are written from top to bottom.
    pub is_vertical: bool,
    /// The box; an empty one says nothing.
    pub text_box: TextBox,
    /// What characters look like for which no style is given.
    pub style: TextStyle,
}

/// Where text stands in its box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Justification {
    /// At the left or at the top.
    Start,
    /// In the middle.
    Center,
    /// At the right or at the bottom.
    End,
}

impl Justification {
    /// A `horizontal-justification` or `vertical-justification`.
    fn of(value: i32) -> Self {
        match value {
            1 => Self::Center,
            -1 => Self::End,
            _ => Self::Start,
        }
    }
}

/// A `BoxRecord`, in pixels from the left and top of the track's area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextBox {
    /// Its upper edge.
    pub top: i16,
    /// Its left edge.
    pub left: i16,
    /// Its lower edge.
    pub bottom: i16,
    /// Its right edge.
    pub right: i16,
}

impl TextBox {
    /// Reads the record at `at`.
    pub(super) fn read(b: &[u8], at: usize) -> Self {
        let edge = |n: usize| i16::from_ne_bytes(u16_at(b, at + 2 * n).to_ne_bytes());
        Self { top: edge(0), left: edge(1), bottom: edge(2), right: edge(3) }
    }

    /// Whether there is no room in it.
    pub fn is_empty(&self) -> bool {
        self.bottom <= self.top || self.right <= self.left
    }
}

/// What characters look like, as far as WebVTT can say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextStyle {
    /// Bold.
    pub is_bold: bool,
    /// Italic.
    pub is_italic: bool,
    /// Underlined.
    pub is_underlined: bool,
    /// Red, green and blue.
    pub color: [u8; 3],
}

impl TextStyle {
    /// `face-style-flags`, which QuickTime has in the same bits, and a color.
    pub(super) fn of(face: u8, color: [u8; 3]) -> Self {
        let [is_bold, is_italic, is_underlined] = [1, 2, 4].map(|bit| face & bit != 0);
        Self { is_bold, is_italic, is_underlined, color }
    }

    /// The fields of a `StyleRecord` behind its range: font-ID (16), face-style-flags (8),
    /// font-size (8), text-color-rgba (4 × 8).
    pub(super) fn read(b: &[u8], at: usize) -> Self {
        let byte = |n: usize| b.get(at + n).copied().unwrap_or(0);
        Self::of(byte(2), [byte(4), byte(5), byte(6)])
    }
}

/// A QuickTime color: three numbers of 16 bits, of which the upper 8 are kept.
pub(super) fn quicktime_color(b: &[u8], at: usize) -> [u8; 3] {
    [0, 2, 4].map(|n| b.get(at + n).copied().unwrap_or(0))
}

/// Reads the fields of a `tx3g` or `text`; `None` for one that is too short.
///
/// # Errors
/// When the file cannot be read.
pub fn read_text_entry<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &BoxHeader,
) -> Result<Option<TextEntry>, FormatError> {
    let most = usize::try_from(entry.payload_len()).unwrap_or(usize::MAX);
    let b = reader.bytes(entry.payload(), most.min(SAMPLE_ENTRY + QUICKTIME))?;
    let b = b.get(SAMPLE_ENTRY..).unwrap_or_default();
    // FFmpeg writes chapters as `text` with the fields of `tx3g`.
    let has_font_table = b.get(TX3G + 4..TX3G + 8) == Some(b"ftab");
    let is_quicktime = &entry.box_type.0 == b"text" && !has_font_table;
    if b.len() < if is_quicktime { QUICKTIME } else { TX3G } {
        return Ok(None);
    }
    Ok(Some(if is_quicktime {
        TextEntry {
            horizontal: Justification::of(i32::from_ne_bytes(u32_at(b, 4).to_ne_bytes())),
            vertical: Justification::Start,
            is_vertical: false,
            text_box: TextBox::read(b, 14),
            style: TextStyle::of(b.get(33).copied().unwrap_or(0), quicktime_color(b, 37)),
        }
    } else {
        let justification = |at: usize| {
            let value = b.get(at).copied().unwrap_or(0);
            Justification::of(i8::from_ne_bytes([value]).into())
        };
        TextEntry {
            horizontal: justification(4),
            vertical: justification(5),
            is_vertical: u32_at(b, 0) & VERTICAL != 0,
            text_box: TextBox::read(b, 10),
            style: TextStyle::read(b, 22),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    const HEAD: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

    fn read(coding: &[u8; 4], fields: &[u8]) -> Option<TextEntry> {
        read_box(make_box(coding, [&HEAD, fields].concat()), read_text_entry).unwrap()
    }

    #[test]
    fn the_fields_of_tx3g_are_read() {
        let fields = [
            &[0, 2, 0, 0, 1, 255, 9, 9, 9, 9][..],
            // The box, then the style: range, font, face, size, color.
            &[0, 1, 0, 2, 0, 60, 255, 255],
            &[0, 0, 0, 0, 0, 1, 6, 18, 10, 20, 30, 255],
        ];
        let entry = read(b"tx3g", &fields.concat()).unwrap();
        assert_eq!((entry.horizontal, entry.vertical), (Justification::Center, Justification::End));
        assert!(entry.is_vertical && entry.text_box.is_empty());
        assert_eq!(entry.text_box, TextBox { top: 1, left: 2, bottom: 60, right: -1 });
        let style = entry.style;
        assert_eq!((style.is_bold, style.is_italic, style.is_underlined), (false, true, true));
        assert_eq!(style.color, [10, 20, 30]);
        assert_eq!(read(b"tx3g", &fields.concat()[..29]), None);
    }

    #[test]
    fn the_fields_of_quicktime_text_are_read() {
        let fields = [
            &[0, 2, 0, 0, 255, 255, 255, 255, 1, 1, 2, 2, 3, 3][..],
            &[0, 1, 0, 2, 0, 60, 1, 64],
            &[0; 10],
            // The face, reserved bytes, and the color.
            &[0, 1, 0, 0, 0, 255, 255, 128, 0, 0, 0],
        ];
        let entry = read(b"text", &fields.concat()).unwrap();
        assert_eq!((entry.horizontal, entry.vertical), (Justification::End, Justification::Start));
        assert!(!entry.is_vertical);
        assert_eq!(entry.text_box, TextBox { top: 1, left: 2, bottom: 60, right: 320 });
        assert!(entry.style.is_bold && !entry.style.is_italic);
        assert_eq!(entry.style.color, [255, 128, 0]);
        assert_eq!(read(b"text", &fields.concat()[..42]), None);
    }

    #[test]
    fn text_with_the_fields_of_tx3g_is_read_as_that() {
        let fields =
            [0, 0, 0, 1, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 18, 9, 8, 7, 0];
        let ftab = make_box(b"ftab", [0, 1, 0, 1, 0]);
        let fields = [&fields[..], &ftab].concat();
        let entry = read(b"text", &fields).unwrap();
        assert_eq!((entry.horizontal, entry.vertical), (Justification::End, Justification::Center));
        assert!(entry.style.is_underlined);
        assert_eq!(entry.style.color, [9, 8, 7]);
        assert_eq!(Some(entry), read(b"tx3g", &fields));
    }
}
