//! A WebVTT file (W3C, 4.1): its header, the styles of its colors, and its cues.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::ops::{ControlFlow, Range};

use crate::limits;

/// A WebVTT file as it grows.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// What stands before the cues, and begins with `WEBVTT`; empty for just that.
    header: String,
    colors: BTreeSet<[u8; 3]>,
    cues: Vec<Cue>,
    /// Memory that the cues take, about.
    size: usize,
    /// The cues of the sample before this one.
    open: Vec<usize>,
    /// The cues of this one.
    current: Vec<usize>,
}

/// A cue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cue {
    /// When it is presented, in milliseconds.
    pub(super) period: Range<i64>,
    /// Its identifier; empty for none.
    pub(super) id: String,
    /// Its settings; empty for none.
    pub(super) settings: String,
    /// Its text, with tags and escapes, without an empty line.
    pub(super) text: String,
    /// The number by which it goes on from sample to sample (`vsid`).
    pub(super) source_id: Option<u32>,
}

impl Cue {
    /// Whether this cue is the same as another one, which ends where it begins.
    fn continues(&self, before: &Self) -> bool {
        self.period.start == before.period.end
            && (&self.id, &self.settings, &self.text, self.source_id)
                == (&before.id, &before.settings, &before.text, before.source_id)
    }
}

/// Memory of a cue besides its strings.
const CUE: usize = 128;

/// Classes that WebVTT has for colors (5.1), with no style sheet.
const NAMED: [([u8; 3], &str); 6] = [
    ([0, 255, 0], "lime"),
    ([0, 255, 255], "cyan"),
    ([255, 0, 0], "red"),
    ([255, 255, 0], "yellow"),
    ([255, 0, 255], "magenta"),
    ([0, 0, 255], "blue"),
];

impl Document {
    /// A file that begins with a header, which has no empty line at its end.
    pub(super) fn with_header(header: String) -> Self {
        Self { header, ..Self::default() }
    }

    /// The class that gives text this color. White and black have none: white is what players show
    /// text in, and black is what sample descriptions have that nobody filled in.
    pub(super) fn class_of(&mut self, color: [u8; 3]) -> Option<String> {
        if let Some((_, name)) = NAMED.iter().find(|(named, _)| *named == color) {
            return Some((*name).to_owned());
        }
        if [[0; 3], [255; 3]].contains(&color) {
            return None;
        }
        if !self.colors.contains(&color) && self.colors.len() >= limits::TEXT_COLORS {
            return None;
        }
        self.colors.insert(color);
        Some(class_name(color))
    }

    /// Begins the cues of another sample.
    pub(super) fn begin_sample(&mut self) {
        self.open = std::mem::take(&mut self.current);
    }

    /// Adds a cue of a sample. If the sample before has the same cue, and it ends where this one
    /// begins, that one goes on.
    pub(super) fn join(&mut self, cue: Cue) -> ControlFlow<()> {
        let goes_on = |n: &usize| self.cues.get(*n).is_some_and(|before| cue.continues(before));
        if let Some(n) = self.open.iter().copied().find(goes_on) {
            self.current.push(n);
            self.cues.get_mut(n).into_iter().for_each(|before| before.period.end = cue.period.end);
            return ControlFlow::Continue(());
        }
        self.current.push(self.cues.len());
        self.push(cue)
    }

    /// Adds a cue. Breaks if there is no room for it, or more.
    pub(super) fn push(&mut self, cue: Cue) -> ControlFlow<()> {
        self.size += CUE + cue.id.len() + cue.settings.len() + cue.text.len();
        if self.size > limits::VTT {
            return ControlFlow::Break(());
        }
        self.cues.push(cue);
        ControlFlow::Continue(())
    }

    /// The whole file. The cues are in the order in which they begin.
    pub(super) fn finish(mut self) -> String {
        self.cues.sort_by_key(|cue| cue.period.start);
        let mut out = if self.header.is_empty() { "WEBVTT".to_owned() } else { self.header };
        out.push('\n');
        if !self.colors.is_empty() {
            out.push_str("\nSTYLE\n");
        }
        for &color in &self.colors {
            let [red, green, blue] = color;
            let class = class_name(color);
            let _ = writeln!(out, "::cue(.{class}) {{ color: #{red:02x}{green:02x}{blue:02x} }}");
        }
        for Cue { period, id, settings, text, .. } in &self.cues {
            out.push('\n');
            if !id.is_empty() {
                let _ = writeln!(out, "{id}");
            }
            let _ = write!(out, "{} --> {}", Timestamp(period.start), Timestamp(period.end));
            if !settings.is_empty() {
                let _ = write!(out, " {settings}");
            }
            let _ = writeln!(out, "\n{text}");
        }
        out
    }
}

/// A time in milliseconds as WebVTT writes it (4.1).
pub(super) struct Timestamp(pub(super) i64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.max(0);
        let (seconds, millis) = (millis / 1000, millis % 1000);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        write!(f, "{:02}:{:02}:{seconds:02}.{millis:03}", minutes / 60, minutes % 60)
    }
}

fn class_name([red, green, blue]: [u8; 3]) -> String {
    format!("color{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(period: Range<i64>, text: &str) -> Cue {
        Cue { period, id: String::new(), settings: String::new(), text: text.to_owned(), source_id: None }
    }

    #[test]
    fn cues_are_written_in_the_order_in_which_they_begin() {
        let mut document = Document::default();
        assert!(document.push(cue(3_723_004..3_600_000_000, "b")).is_continue());
        let first = Cue { id: "one".to_owned(), settings: "line:0".to_owned(), ..cue(0..1, "a\nA") };
        assert!(document.push(first).is_continue());
        let expected = "WEBVTT\n\none\n00:00:00.000 --> 00:00:00.001 line:0\na\nA\n\n\
            01:02:03.004 --> 1000:00:00.000\nb\n";
        assert_eq!(document.finish(), expected);
        assert_eq!(Document::default().finish(), "WEBVTT\n");
    }

    #[test]
    fn colors_have_classes_and_those_without_a_name_rules() {
        let mut document = Document::with_header("WEBVTT - Colors".to_owned());
        assert_eq!(document.class_of([255, 255, 0]).unwrap(), "yellow");
        assert_eq!(document.class_of([0xab, 0, 1]).unwrap(), "colorAB0001");
        assert_eq!((document.class_of([0; 3]), document.class_of([255; 3])), (None, None));
        let expected = "WEBVTT - Colors\n\nSTYLE\n::cue(.colorAB0001) { color: #ab0001 }\n";
        let mut full = Document::default();
        assert_eq!(document.finish(), expected);
        let all: Vec<_> = (0..=255).map(|red| full.class_of([red, 1, 1])).collect();
        assert_eq!(all.iter().flatten().count(), limits::TEXT_COLORS);
        assert!(full.class_of([0, 1, 1]).is_some() && all[255].is_none());
    }

    #[test]
    fn the_same_cue_goes_on_from_sample_to_sample() {
        let mut document = Document::default();
        // A gap, another text, and a sample between end a cue.
        for sample in [
            &[cue(0..1, "a"), cue(0..1, "b")][..],
            &[cue(1..2, "b"), cue(1..2, "a")],
            &[cue(2..3, "b")],
            &[cue(3..4, "a"), cue(4..5, "b")],
        ] {
            document.begin_sample();
            sample.iter().for_each(|cue| assert!(document.join(cue.clone()).is_continue()));
        }
        let expected = [cue(0..2, "a"), cue(0..3, "b"), cue(3..4, "a"), cue(4..5, "b")];
        assert_eq!(document.cues, expected);
    }

    #[test]
    fn there_is_an_end_to_a_document() {
        let mut document = Document::default();
        let long = cue(0..1, &"x".repeat(1 << 20));
        let taken = (0..100).take_while(|_| document.push(long.clone()).is_continue()).count();
        assert_eq!(taken, limits::VTT / ((1 << 20) + CUE));
        assert!(document.finish().len() < limits::VTT);
    }
}
