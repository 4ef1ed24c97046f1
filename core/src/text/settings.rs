//! The settings of a cue (WebVTT, 4.4) for text in a box.
//!
//! The edges of the box become percentages of the video. A player places text at the bottom by
//! itself, over its controls if they are shown, so that text that stands there gets no `line`. Other
//! text at the bottom of its box begins as many rows above the box's lower edge as it has lines.
//! (`line` can name the last line, too, but Chromium then ignores the setting.)

use std::fmt::Write;

use crate::boxes::{Justification, TextBox, TextEntry};
use crate::index::{Film, Track};
use crate::seek::reference_track;

/// How much of the height of the video a row of text takes, in percent (WebVTT, 7.4: the font has a
/// twentieth of it).
const ROW: i64 = 6;

/// A text box that ends below this percentage of the height, with text at its bottom, is where
/// players put text.
const BOTTOM: i64 = 85;

/// The areas that text boxes are placed in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Frame {
    /// The size of the video, or else of the text track.
    size: (i64, i64),
    /// Where the text track is in it.
    origin: (i64, i64),
    /// The size of the text track.
    own_size: (i64, i64),
}

impl Frame {
    /// The areas of a text track and of the video that it is presented with.
    pub(super) fn of(film: &Film<'_>, track: &Track) -> Self {
        let [left, top, width, height] = track.tkhd.area().map(i64::from);
        let video = reference_track(film.index, |_| true).and_then(|n| film.index.tracks.get(n));
        let video = video.map(|video| {
            let [left, top, width, height] = video.tkhd.area().map(i64::from);
            // The origin of a turned picture is one of its other corners.
            if video.tkhd.is_quarter_turn() { [0, 0, height, width] } else { [left, top, width, height] }
        });
        let own_size = (width, height);
        match video.filter(|[_, _, width, height]| *width > 0 && *height > 0) {
            Some([x, y, width, height]) => {
                Self { size: (width, height), origin: (left - x, top - y), own_size }
            }
            None => Self { size: own_size, origin: (0, 0), own_size },
        }
    }

    /// Left, top, right and bottom of a box in percent of the video, or of the track's area if the
    /// box is empty; `None` without any.
    fn percent(&self, text_box: TextBox) -> Option<[i64; 4]> {
        let (width, height) = self.size;
        if width <= 0 || height <= 0 {
            return None;
        }
        let [left, top, right, bottom] = match text_box.is_empty() {
            false => [text_box.left, text_box.top, text_box.right, text_box.bottom].map(i64::from),
            true if self.own_size.0 > 0 && self.own_size.1 > 0 => [0, 0, self.own_size.0, self.own_size.1],
            true => return None,
        };
        let percent = |at: i64, of: i64| (200 * at + of).div_euclid(2 * of).clamp(0, 100);
        let (x, y) = self.origin;
        let edges = [
            percent(x + left, width),
            percent(y + top, height),
            percent(x + right, width),
            percent(y + bottom, height),
        ];
        // A box outside of the video says nothing.
        (edges[0] < edges[2] && edges[1] < edges[3]).then_some(edges)
    }
}

/// The settings for so many lines of text in a box; empty where players do the same without.
pub(super) fn cue_settings(
    entry: &TextEntry,
    text_box: Option<TextBox>,
    frame: &Frame,
    lines: usize,
) -> String {
    if entry.is_vertical {
        return "vertical:rl".to_owned();
    }
    let text_box = text_box.filter(|text_box| !text_box.is_empty());
    let is_silent = (entry.horizontal, entry.vertical) == (Justification::Start, Justification::Start);
    // Some writers leave all fields of a sample description zero.
    if is_silent && text_box.is_none() && entry.text_box.is_empty() {
        return String::new();
    }
    let edges = frame.percent(text_box.unwrap_or(entry.text_box)).unwrap_or([0, 0, 100, 100]);
    let mut out = String::new();
    vertical(entry.vertical, edges, i64::try_from(lines).unwrap_or(i64::MAX / ROW).min(20), &mut out);
    horizontal(entry.horizontal, edges, &mut out);
    out.trim_start().to_owned()
}

fn vertical(justification: Justification, [_, top, _, bottom]: [i64; 4], lines: i64, out: &mut String) {
    let line = match justification {
        Justification::Start => top,
        Justification::Center => (top + bottom - lines * ROW) / 2,
        Justification::End if bottom >= BOTTOM => return,
        Justification::End => bottom - lines * ROW,
    };
    let _ = match line {
        // The first line of the video, whatever its size.
        ..=1 => write!(out, " line:0"),
        _ => write!(out, " line:{line}%"),
    };
}

fn horizontal(justification: Justification, [left, _, right, _]: [i64; 4], out: &mut String) {
    let (position, usual, align) = match justification {
        Justification::Start => (left, 0, " align:left"),
        Justification::Center => ((left + right) / 2, 50, ""),
        Justification::End => (right, 100, " align:right"),
    };
    if (position - usual).abs() > 1 {
        let _ = write!(out, " position:{position}%");
    }
    if right - left < 98 {
        let _ = write!(out, " size:{}%", right - left);
    }
    out.push_str(align);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boxes::TextStyle;
    use Justification::{Center, End, Start};

    const NO_BOX: TextBox = TextBox { top: 0, left: 0, bottom: 0, right: 0 };

    fn entry(horizontal: Justification, vertical: Justification, text_box: TextBox) -> TextEntry {
        let style = TextStyle { is_bold: false, is_italic: false, is_underlined: false, color: [255; 3] };
        TextEntry { horizontal, vertical, is_vertical: false, text_box, style }
    }

    /// A video of 640 × 360, and a text track of 600 × 60 at its bottom.
    const FRAME: Frame = Frame { size: (640, 360), origin: (20, 300), own_size: (600, 60) };

    /// A text track that covers a video of 200 × 100.
    const WHOLE: Frame = Frame { size: (200, 100), origin: (0, 0), own_size: (200, 100) };

    fn settings(horizontal: Justification, vertical: Justification, text_box: [i16; 4]) -> String {
        let [left, top, right, bottom] = text_box;
        cue_settings(&entry(horizontal, vertical, TextBox { top, left, bottom, right }), None, &WHOLE, 2)
    }

    #[test]
    fn text_at_the_bottom_gets_no_settings() {
        assert_eq!(settings(Center, End, [0, 0, 200, 100]), "");
        assert_eq!(cue_settings(&entry(Center, End, NO_BOX), None, &Frame::default(), 1), "");
        // The track of 600 pixels is a little narrower than the video.
        assert_eq!(cue_settings(&entry(Center, End, NO_BOX), None, &FRAME, 1), "size:94%");
    }

    #[test]
    fn what_has_no_box_and_no_justification_says_nothing() {
        assert_eq!(cue_settings(&entry(Start, Start, NO_BOX), None, &WHOLE, 1), "");
        assert_eq!(cue_settings(&entry(Start, End, NO_BOX), None, &WHOLE, 1), "align:left");
    }

    #[test]
    fn justification_places_text_in_its_box() {
        assert_eq!(settings(Start, Start, [0, 0, 200, 100]), "line:0 align:left");
        assert_eq!(settings(End, Center, [0, 0, 200, 100]), "line:44% align:right");
        assert_eq!(settings(Center, Start, [0, 10, 200, 100]), "line:10%");
        assert_eq!(settings(Center, End, [0, 0, 200, 40]), "line:28%");
        assert_eq!(settings(Center, End, [0, 0, 200, 5]), "line:0");
        assert_eq!(settings(Start, End, [20, 0, 120, 100]), "position:10% size:50% align:left");
        assert_eq!(settings(End, End, [20, 0, 120, 100]), "position:60% size:50% align:right");
        assert_eq!(settings(Center, End, [20, 0, 120, 100]), "position:35% size:50%");
    }

    #[test]
    fn the_box_of_a_sample_comes_first() {
        let top = TextBox { top: 0, left: 0, bottom: 30, right: 200 };
        let whole = TextBox { top: 0, left: 0, bottom: 100, right: 200 };
        assert_eq!(cue_settings(&entry(Center, End, whole), Some(top), &WHOLE, 1), "line:24%");
        assert_eq!(cue_settings(&entry(Center, End, top), Some(NO_BOX), &WHOLE, 1), "line:24%");
        let vertical = TextEntry { is_vertical: true, ..entry(Center, End, top) };
        assert_eq!(cue_settings(&vertical, None, &WHOLE, 1), "vertical:rl");
    }

    #[test]
    fn a_box_outside_of_the_video_says_nothing() {
        assert_eq!(settings(Center, End, [-300, 0, -100, 100]), "");
        assert_eq!(settings(Center, End, [0, i16::MAX - 1, 200, i16::MAX]), "");
        assert_eq!(settings(Center, End, [i16::MIN, i16::MIN, i16::MAX, i16::MAX]), "");
    }
}
