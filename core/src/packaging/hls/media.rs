//! Media playlists (RFC 8216bis, 4.4.3 and 4.4.4).

use std::ops::Range;

use crate::packaging::choice::{Choice, target_of};
use crate::packaging::links::Links;
use crate::packaging::rates::segment_micros;
use crate::packaging::{Form, Presentation, Rendition, Segment};

use super::VERSION;
use super::attributes::Attributes;
use super::keys::keys;

/// The media playlist of a track.
pub fn media(presentation: &Presentation, rendition: &Rendition) -> String {
    if rendition.is_webvtt() {
        return webvtt(presentation, rendition);
    }
    // Of a recording nobody knows what the next segment will be.
    let is_independent =
        !presentation.is_event() && rendition.segments.iter().all(|segment| segment.is_independent);
    let flag = if is_independent { "#EXT-X-INDEPENDENT-SEGMENTS\n" } else { "" };
    segments(presentation, rendition, flag, |segment| match presentation.form {
        Form::Ranges => Some(segment.bytes.clone()),
        Form::Segments => None,
    })
}

/// The playlist of the key frames that the segments of a video track begin with. A player shows
/// them while its viewer winds.
pub fn iframes(presentation: &Presentation, rendition: &Rendition) -> String {
    segments(presentation, rendition, "#EXT-X-I-FRAMES-ONLY\n", |segment| {
        let length = segment.first_sample_end.saturating_sub(segment.bytes.start);
        Some(match presentation.form {
            Form::Ranges => segment.bytes.start..segment.bytes.start + length,
            Form::Segments => 0..length,
        })
    })
}

/// A playlist of segments. `bytes` says which range of its resource a segment is, if not all of it.
fn segments(
    presentation: &Presentation,
    rendition: &Rendition,
    flag: &str,
    bytes: impl Fn(&Segment) -> Option<Range<u64>>,
) -> String {
    let links = Links::new(&presentation.query);
    let of_all = || Choice::new(presentation).target_duration();
    let target = match presentation.event_target {
        Some(target) if presentation.is_growing => target,
        // Nothing is added any more. It may not say less than it did, nor less than its segments last.
        target => target.unwrap_or(0).max(target_of(rendition, of_all())),
    };
    let mut text = head(target, presentation.is_event()) + flag;
    let file = links.file(&rendition.name);
    let map = Attributes::of("EXT-X-MAP");
    text += &match presentation.form {
        Form::Ranges => map.quoted("URI", &file).quoted("BYTERANGE", &byte_range(&rendition.init)).line(),
        Form::Segments => map.quoted("URI", &links.init(&rendition.name)).line(),
    };
    text.extend(keys(&rendition.track));
    for (segment, number) in rendition.segments.iter().zip(1u64..) {
        write_duration(&mut text, segment_micros(segment, rendition.timescale));
        if let Some(bytes) = bytes(segment) {
            text += "#EXT-X-BYTERANGE:";
            write_number(&mut text, bytes.end.saturating_sub(bytes.start));
            text.push('@');
            write_number(&mut text, bytes.start);
            text.push('\n');
        }
        match presentation.form {
            Form::Ranges => text += &file,
            Form::Segments => text += &links.segment(&rendition.name, number),
        }
        text.push('\n');
    }
    if !presentation.is_growing {
        text += "#EXT-X-ENDLIST\n";
    }
    text
}

/// The playlist of text: one segment, which lasts as long as the presentation.
fn webvtt(presentation: &Presentation, rendition: &Rendition) -> String {
    let duration = presentation.seconds();
    // An EVENT playlist may only be appended to. Its one segment would have to become longer.
    format!(
        "{}#EXTINF:{duration:.6},\n{}\n#EXT-X-ENDLIST\n",
        head(format_args!("{:.0}", duration.ceil().max(1.0)), false),
        Links::new(&presentation.query).text(&rendition.name),
    )
}

fn head(target: impl std::fmt::Display, is_event: bool) -> String {
    let kind = if is_event { "EVENT" } else { "VOD" };
    format!(
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-PLAYLIST-TYPE:{kind}\n"
    )
}

/// Adds a line with a duration. There is one for each segment, and `format!` takes several times as
/// long.
fn write_duration(text: &mut String, micros: u64) {
    text.push_str("#EXTINF:");
    write_number(text, micros / 1_000_000);
    text.push('.');
    let fraction = micros % 1_000_000;
    let zeros = 6 - fraction.max(1).ilog10() as usize - 1;
    text.extend(std::iter::repeat_n('0', zeros));
    write_number(text, fraction);
    text.push_str(",\n");
}

/// Adds a number in decimal.
fn write_number(text: &mut String, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut len = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        (rest, len) = (rest / 10, len + 1);
        if rest == 0 {
            break;
        }
    }
    let digits = digits.get(digits.len() - len..).unwrap_or_default();
    text.extend(digits.iter().map(|&digit| char::from(digit)));
}

/// Length and offset (4.4.4.2). The offset is never left out, so that each line stands for itself.
fn byte_range(bytes: &Range<u64>) -> String {
    format!("{}@{}", bytes.end.saturating_sub(bytes.start), bytes.start)
}
