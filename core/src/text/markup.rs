//! The text of a cue (WebVTT, 4.2): escapes, lines, and tags for styles.
//!
//! A cue ends at the first empty line, so that an empty line of the text is written as a no-break
//! space. `-->` cannot stand in a cue, and does not, because `>` is escaped.

use std::ops::Range;

use crate::boxes::{StyleRecord, TextStyle};

/// What an empty line of a cue becomes.
const EMPTY_LINE: &str = "&nbsp;";

/// Characters with one style.
struct StyledRange {
    characters: Range<u32>,
    style: TextStyle,
}

/// A string as the text of a cue, without the line breaks around it; empty where nothing but white
/// space is in it. `class` names the class of a color, if it has one.
pub(super) fn cue_text(
    text: &str,
    default: TextStyle,
    records: &[StyleRecord],
    mut class: impl FnMut([u8; 3]) -> Option<String>,
) -> String {
    if text.chars().all(|c| c.is_whitespace() || c.is_control()) {
        return String::new();
    }
    let before = text.chars().take_while(|&c| is_line_break(c)).count();
    let after = text.chars().rev().take_while(|&c| is_line_break(c)).count();
    let count = text.chars().count();
    let mut styles = ordered(records).into_iter().peekable();
    let mut tags = Tags::default();
    let mut out = String::with_capacity(text.len() + 16);
    let mut previous = ' ';
    for (n, c) in (0..).zip(text.chars().take(count - after)).skip(before) {
        while styles.next_if(|range| range.characters.end <= n).is_some() {}
        let style =
            styles.peek().filter(|range| range.characters.start <= n).map_or(default, |range| range.style);
        // A line break looks the same in any style.
        if !is_line_break(c) {
            tags.change(style, &mut class, &mut out);
        }
        if !(c == '\n' && previous == '\r') {
            push_escaped(c, &mut out);
        }
        previous = c;
    }
    tags.close(&mut out);
    without_empty_lines(&out)
}

/// A string as one line of a cue: the title of a chapter.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut out = String::new();
    for word in words {
        if !out.is_empty() {
            out.push(' ');
        }
        word.chars().for_each(|c| push_escaped(c, &mut out));
    }
    out
}

/// The lines of a cue whose text has its tags and escapes already.
pub(super) fn without_empty_lines(text: &str) -> String {
    let lines = text.split('\n').map(|line| if line.trim().is_empty() { EMPTY_LINE } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Line breaks of plain text, and the separators that Unicode and word processors have for them.
fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn push_escaped(c: char, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        _ if is_line_break(c) => out.push('\n'),
        '\t' => out.push(c),
        _ if c.is_control() => {}
        _ => out.push(c),
    }
}

/// The styles in the order of the characters. Where they overlap, the one that begins first holds.
fn ordered(records: &[StyleRecord]) -> Vec<StyledRange> {
    let mut sorted: Vec<_> = records.iter().collect();
    sorted.sort_by_key(|record| record.characters.start);
    let mut end = 0;
    let mut out = Vec::with_capacity(sorted.len());
    for record in sorted {
        let characters = record.characters.start.max(end)..record.characters.end;
        if !characters.is_empty() {
            end = characters.end;
            out.push(StyledRange { characters, style: record.style });
        }
    }
    out
}

/// The tags that are open.
#[derive(Default)]
struct Tags {
    style: Option<TextStyle>,
    /// Their ends, the innermost last.
    ends: Vec<&'static str>,
}

impl Tags {
    /// Closes what is open and opens the tags of another style.
    fn change(
        &mut self,
        style: TextStyle,
        class: &mut impl FnMut([u8; 3]) -> Option<String>,
        out: &mut String,
    ) {
        if self.style == Some(style) {
            return;
        }
        self.close(out);
        self.style = Some(style);
        if let Some(class) = class(style.color) {
            out.push_str("<c.");
            out.push_str(&class);
            out.push('>');
            self.ends.push("</c>");
        }
        let faces = [
            (style.is_bold, "<b>", "</b>"),
            (style.is_italic, "<i>", "</i>"),
            (style.is_underlined, "<u>", "</u>"),
        ];
        for (_, begin, end) in faces.into_iter().filter(|(is_there, ..)| *is_there) {
            out.push_str(begin);
            self.ends.push(end);
        }
    }

    fn close(&mut self, out: &mut String) {
        while let Some(end) = self.ends.pop() {
            out.push_str(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: TextStyle =
        TextStyle { is_bold: false, is_italic: false, is_underlined: false, color: [255; 3] };
    const BOLD: TextStyle = TextStyle { is_bold: true, ..PLAIN };
    const ITALIC: TextStyle = TextStyle { is_italic: true, ..PLAIN };
    const RED: TextStyle = TextStyle { color: [255, 0, 0], ..PLAIN };

    fn record(characters: Range<u32>, style: TextStyle) -> StyleRecord {
        StyleRecord { characters, style }
    }

    fn text(text: &str, records: &[StyleRecord]) -> String {
        cue_text(text, PLAIN, records, |color| (color == RED.color).then(|| "red".to_owned()))
    }

    #[test]
    fn what_means_something_in_webvtt_is_escaped() {
        assert_eq!(text("a < b && c > d --> e\tf", &[]), "a &lt; b &amp;&amp; c &gt; d --&gt; e\tf");
        assert_eq!(text("a\0\u{7}b", &[]), "ab");
        assert_eq!(one_line("  a\n\n<b>\r\tc "), "a &lt;b&gt; c");
    }

    #[test]
    fn lines_break_as_in_plain_text_and_none_is_empty() {
        assert_eq!(text("a\rb\r\nc\nd\u{2028}e", &[]), "a\nb\nc\nd\ne");
        assert_eq!(text("a\n\n \nb", &[]), "a\n&nbsp;\n&nbsp;\nb");
        assert_eq!(text("a\r\n\r\nb", &[]), "a\n&nbsp;\nb");
        assert_eq!(text("\n\r\na\n\r", &[]), "a");
        assert_eq!(text(" \n\t\r\0", &[]), "");
        assert_eq!(text("", &[record(0..9, BOLD)]), "");
    }

    #[test]
    fn styles_become_tags() {
        assert_eq!(text("one two", &[record(4..7, ITALIC)]), "one <i>two</i>");
        assert_eq!(text("one two", &[record(0..3, BOLD), record(3..7, RED)]), "<b>one</b><c.red> two</c>");
        let all = TextStyle { is_bold: true, is_italic: true, is_underlined: true, color: RED.color };
        assert_eq!(text("a&b", &[record(1..2, all)]), "a<c.red><b><i><u>&amp;</u></i></b></c>b");
        // Characters are counted, not bytes, and those before the first line as well.
        assert_eq!(text("\nöäü", &[record(2..3, BOLD)]), "ö<b>ä</b>ü");
        assert_eq!(text("a\r\nb", &[record(3..4, BOLD)]), "a\n<b>b</b>");
    }

    #[test]
    fn a_default_style_holds_where_no_other_does() {
        let styled = cue_text("abc", BOLD, &[record(1..2, PLAIN)], |_| None);
        assert_eq!(styled, "<b>a</b>b<b>c</b>");
        // Tags are not closed for a line break between alike characters.
        assert_eq!(cue_text("a\nb", BOLD, &[record(1..2, PLAIN)], |_| None), "<b>a\nb</b>");
    }

    #[test]
    fn styles_out_of_order_or_past_the_end_are_taken_as_far_as_they_go() {
        assert_eq!(text("abcd", &[record(3..9, BOLD), record(0..2, ITALIC)]), "<i>ab</i>c<b>d</b>");
        assert_eq!(text("abcd", &[record(0..3, BOLD), record(1..4, ITALIC)]), "<b>abc</b><i>d</i>");
        assert_eq!(
            text("abcd", &[record(Range { start: 3, end: 1 }, BOLD), record(9..u32::MAX, ITALIC)]),
            "abcd"
        );
    }
}
