//! Samples of `wvtt` (ISO/IEC 14496-30, clause 7) as cues.
//!
//! A cue of the file that overlaps others is in several samples, one after the other. It becomes
//! one cue again. Notes between cues (`vtta`) are left out.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::ControlFlow;

use crate::boxes::{VttCue, read_vtt_sample};
use crate::limits;

use super::document::{Cue, Document, Timestamp};
use super::markup::without_empty_lines;
use super::presented::Shown;

/// Bytes behind a `<` in which the `>` of a timestamp stands. The longest timestamp has 33, and
/// maybe some white space. A text may be nothing but `<`: looking behind each for a `>` that is
/// nowhere would take the square of its length.
const LONGEST_TIMESTAMP: usize = 64;

/// Adds the cues of a sample. Breaks if there is no room for more.
pub(super) fn add_cues(sample: &[u8], shown: &Shown, document: &mut Document) -> ControlFlow<()> {
    document.begin_sample();
    for cue in read_vtt_sample(sample).take(limits::CUES_OF_SAMPLE) {
        let text = payload(&cue, shown);
        if text.is_empty() {
            continue;
        }
        document.join(Cue {
            period: shown.period.clone(),
            id: one_line(cue.id),
            settings: one_line(cue.settings),
            text,
            source_id: cue.source_id,
        })?;
    }
    ControlFlow::Continue(())
}

/// The text of a cue, which has its tags and escapes already.
fn payload(cue: &VttCue<'_>, shown: &Shown) -> String {
    let text = String::from_utf8_lossy(cue.payload).replace("\r\n", "\n").replace(['\r', '\u{c}'], "\n");
    let text = text.replace('\0', "");
    let text = text.trim_matches('\n');
    if text.trim().is_empty() {
        return String::new();
    }
    // Where a timestamp is taken out, what was on both sides of it comes together.
    without_empty_lines(&with_timestamps(text, cue, shown).replace("-->", "--&gt;"))
}

/// A line that may stand before the text of a cue; empty if it has to be left out.
fn one_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    if text.contains("-->") || text.contains(char::is_control) { String::new() } else { text.to_owned() }
}

/// Moves the timestamps in a text, which say when the words behind them are spoken, with the clip.
/// They count from a time that the cue states for the start of its sample (`ctim`), or else in the
/// media. One that has passed when the cue begins is left out.
fn with_timestamps<'a>(text: &'a str, cue: &VttCue<'_>, shown: &Shown) -> Cow<'a, str> {
    let stated = cue.current_time.and_then(|time| parse_timestamp(std::str::from_utf8(time).ok()?));
    let shift = shown.begins.saturating_sub(stated.unwrap_or(shown.composed));
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        let found = enclosed(tag).and_then(|(time, after)| Some((parse_timestamp(time)?, after)));
        out.push_str(before);
        if let Some((time, after)) = found {
            let time = time.saturating_add(shift);
            if time > shown.period.start {
                let _ = write!(out, "<{}>", Timestamp(time));
            }
            rest = after;
        } else {
            out.push('<');
            rest = tag;
        }
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What stands before the next `>`, if that is as near as in a timestamp, and what stands behind it.
fn enclosed(tag: &str) -> Option<(&str, &str)> {
    let end = tag.bytes().take(LONGEST_TIMESTAMP).position(|byte| byte == b'>')?;
    Some((tag.get(..end)?, tag.get(end + 1..)?))
}

/// A timestamp of WebVTT (4.1) in milliseconds: hours, which may be left out, minutes, seconds and
/// three digits.
fn parse_timestamp(text: &str) -> Option<i64> {
    let (seconds, millis) = text.trim().split_once('.')?;
    let parts: Vec<_> = seconds.split(':').collect();
    let number = |digits: &str| {
        let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<i64>().ok().filter(|_| is_number)
    };
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, number(seconds)?),
        [minutes, seconds] => (0, number(minutes)?, number(seconds)?),
        _ => return None,
    };
    let millis = number(millis).filter(|_| millis.len() == 3)?;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue<'a>(text: &'a str, current_time: Option<&'a str>) -> VttCue<'a> {
        let current_time = current_time.map(str::as_bytes);
        VttCue { payload: text.as_bytes(), current_time, ..VttCue::default() }
    }

    /// A sample that is composed at 20 s of the media, and presented 5 s before the clip begins.
    fn shown() -> Shown {
        Shown { sample: crate::numbers::SampleNumber(0), period: 0..4000, begins: -5000, composed: 20_000 }
    }

    #[test]
    fn what_cannot_stand_in_a_cue_is_replaced() {
        let text = |text| payload(&cue(text, None), &shown());
        assert_eq!(text("\r\n<i>a</i>\r\n\r\n&lt;b -->\0c\n"), "<i>a</i>\n&nbsp;\n&lt;b --&gt;c");
        assert_eq!(text("\n \n"), "");
        let broken = VttCue { payload: b"a\xff", ..VttCue::default() };
        assert_eq!(payload(&broken, &shown()), "a\u{fffd}");
        assert_eq!(one_line(b" line:0 "), "line:0");
        assert_eq!((one_line(b"a\nb"), one_line(b"a --> b")), (String::new(), String::new()));
    }

    #[test]
    fn timestamps_move_with_the_clip() {
        let text = |text, current_time| payload(&cue(text, current_time), &shown());
        // They count from what the cue states, or from the start of the media.
        assert_eq!(text("a <00:17.500>b", Some("00:00:10.000")), "a <00:00:02.500>b");
        assert_eq!(text("a <00:00:27.500>b<c>c</c>", None), "a <00:00:02.500>b<c>c</c>");
        assert_eq!(text("a <00:00:24.000>b <1:00:00.000>c", None), "a b <00:59:35.000>c");
        assert_eq!(text("a --<00:00:24.000>> b", None), "a --&gt; b", "what comes together");
        for other in ["a < b", "<00:01>x", "<00:01.5>x", "<a:b.000>x", "<>", "<+1:00.000>x"] {
            assert_eq!(text(other, None), other);
        }
    }

    #[test]
    fn times_far_out_are_taken_as_far_as_they_go() {
        let far = Shown { composed: i64::MAX, ..shown() };
        assert_eq!(payload(&cue("a <00:27.500>b", None), &far), "a b");
    }

    #[test]
    fn the_end_of_a_timestamp_is_looked_for_where_it_can_stand() {
        let text = |text: &str| payload(&cue(text, Some("00:10.000")), &shown());
        let padded = |len: usize| format!("a <{:>len$}>b", "000000000:000000017.500");
        assert_eq!(text(&padded(LONGEST_TIMESTAMP - 1)), "a <00:00:02.500>b");
        assert_eq!(text(&padded(LONGEST_TIMESTAMP)), padded(LONGEST_TIMESTAMP));
        assert_eq!(text("a<ä<00:17.500>ü"), "a<ä<00:00:02.500>ü");
    }
}
