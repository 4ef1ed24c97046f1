//! Where the segments of a representation are.

use crate::packaging::Rendition;
use crate::packaging::links::Links;

use super::xml::Xml;

/// As byte ranges, which the segment index of the file has (ISO/IEC 23009-1, 5.3.9.2).
pub(super) fn write_base(xml: &mut Xml, rendition: &Rendition, links: &Links) {
    let range = |range: &std::ops::Range<u64>| {
        // The last byte is part of it.
        Some(format!("{}-{}", range.start, range.end.saturating_sub(1)))
    };
    xml.text("BaseURL", &links.file(&rendition.name));
    xml.open(
        "SegmentBase",
        &[
            ("timescale", Some(rendition.timescale.to_string())),
            ("indexRange", range(&rendition.index)),
            ("indexRangeExact", Some("true".to_owned())),
        ],
    );
    xml.empty("Initialization", &[("range", range(&rendition.init))]);
    xml.close();
}

/// As resources that are counted from 1, with the time of each (5.3.9.6).
pub(super) fn write_template(xml: &mut Xml, rendition: &Rendition, links: &Links) {
    xml.open(
        "SegmentTemplate",
        &[
            ("timescale", Some(rendition.timescale.to_string())),
            ("initialization", Some(links.init_template(&rendition.name))),
            ("media", Some(links.segment_template(&rendition.name))),
            ("startNumber", Some("1".to_owned())),
        ],
    );
    xml.open("SegmentTimeline", &[]);
    write_timeline(xml, rendition);
    xml.close();
    xml.close();
}

/// Segments in a row that last equally long are one line. Where one does not begin at the end of
/// the segment before, a line says when it does.
fn write_timeline(xml: &mut Xml, rendition: &Rendition) {
    let mut segments = rendition.segments.iter().peekable();
    let mut end = None;
    while let Some(first) = segments.next() {
        let duration = first.duration;
        let start = Some(first.start).filter(|start| end != Some(*start));
        let mut next = first.start.saturating_add(duration);
        let mut repeats = 0u64;
        while segments.next_if(|s| s.start == next && s.duration == duration).is_some() {
            next = next.saturating_add(duration);
            repeats += 1;
        }
        end = Some(next);
        xml.empty(
            "S",
            &[
                ("t", start.map(|start| start.to_string())),
                ("d", Some(duration.to_string())),
                ("r", (repeats > 0).then(|| repeats.to_string())),
            ],
        );
    }
}
