//! Sample descriptions of QuickTime in the form of ISO/IEC 14496-12.
//!
//! Readers of fragments know that form alone: they take fields that only QuickTime has for boxes, and
//! what ends a list of boxes there for one that is cut off.

use super::VISUAL_ENTRY;
use super::audio_entry::{self, USUAL};
use crate::boxes::nested::nested_boxes;
use crate::boxes::write::write_box;
use crate::boxes::{BOX_HEAD_SIZE, BoxType};

/// Codings whose boxes say all that their decoders have to know. Those of QuickTime alone need its
/// fields.
const CODINGS: [&[u8; 4]; 17] = [
    b"mp4a", b"enca", b"ac-3", b"ec-3", b"ac-4", b"Opus", b"fLaC", b"alac", b"samr", b"sawb", b"dtsc",
    b"dtse", b"dtsh", b"dtsl", b"mlpa", b"mha1", b"mhm1",
];

/// The content of an `stsd` whose descriptions have the form of ISO/IEC 14496-12, where this content
/// has some in that of QuickTime. What cannot be taken apart stays as it is.
pub fn usual_form(stsd: &[u8], handler: BoxType) -> Option<Vec<u8>> {
    // 8.5.2.2: version and flags, `entry_count`, then the descriptions.
    let (head, rest) = stsd.split_at_checked(8)?;
    let version = *head.first()?;
    let (entries, rest) = whole_boxes(rest);
    let written: Vec<_> = entries.iter().map(|entry| description(entry, version, handler)).collect();
    if written.iter().all(Option::is_none) {
        return None;
    }
    let mut out = head.to_vec();
    for (entry, written) in entries.iter().zip(&written) {
        match written {
            Some(content) => write_box(&mut out, &entry.box_type.0, |out| out.extend_from_slice(content)),
            None => out.extend_from_slice(entry.whole),
        }
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// The content of a description; `None` where that stays as it is.
fn description(entry: &Whole<'_>, stsd_version: u8, handler: BoxType) -> Option<Vec<u8>> {
    match &handler.0 {
        b"vide" | b"auxv" | b"pict" => {
            let (fields, boxes) = entry.content().split_at_checked(usize::try_from(VISUAL_ENTRY).ok()?)?;
            let (boxes, rest) = whole_boxes(boxes);
            let is_changed = !boxes.is_empty() && !rest.is_empty() && is_end(rest);
            is_changed.then(|| {
                [fields].into_iter().chain(boxes.iter().map(|b| b.whole)).flatten().copied().collect()
            })
        }
        b"soun" if CODINGS.contains(&&entry.box_type.0) => sound(entry.content(), stsd_version),
        _ => None,
    }
}

/// The content of a description of sound.
fn sound(content: &[u8], stsd_version: u8) -> Option<Vec<u8>> {
    let fields = audio_entry::parse(content, stsd_version);
    let (boxes, rest) = whole_boxes(content.get(usize::try_from(fields.len).ok()?..)?);
    let has_wave = boxes.iter().any(|b| &b.box_type.0 == b"wave");
    if !is_end(rest) || fields.len == USUAL && !has_wave && rest.is_empty() {
        return None;
    }
    let mut out = match fields.len {
        USUAL => content.get(..usize::try_from(USUAL).ok()?)?.to_vec(),
        _ => fields.write(content)?,
    };
    for found in &boxes {
        if &found.box_type.0 != b"wave" {
            out.extend_from_slice(found.whole);
            continue;
        }
        for inner in whole_boxes(found.content()).0 {
            // The coding once more, and an entry of it without anything.
            let is_said = matches!(&inner.box_type.0, b"frma" | b"mp4a");
            if !is_said && boxes.iter().all(|other| other.box_type != inner.box_type) {
                out.extend_from_slice(inner.whole);
            }
        }
    }
    Some(out)
}

/// Whether nothing but the end of a list of boxes of QuickTime is there: zeros.
fn is_end(bytes: &[u8]) -> bool {
    bytes.len() < BOX_HEAD_SIZE || bytes.get(4..8) == Some(&[0; 4])
}

/// A box in bytes that are in memory.
struct Whole<'b> {
    box_type: BoxType,
    /// It, with its header.
    whole: &'b [u8],
}

impl<'b> Whole<'b> {
    fn content(&self) -> &'b [u8] {
        self.whole.get(BOX_HEAD_SIZE..).unwrap_or_default()
    }
}

/// The boxes in `bytes`, up to what is none, and what is behind them.
fn whole_boxes(bytes: &[u8]) -> (Vec<Whole<'_>>, &[u8]) {
    let (mut boxes, mut rest) = (Vec::new(), bytes);
    for (box_type, content) in nested_boxes(bytes).take_while(|(box_type, _)| box_type.0 != [0; 4]) {
        let Some((whole, after)) = rest.split_at_checked(BOX_HEAD_SIZE + content.len()) else { break };
        boxes.push(Whole { box_type, whole });
        rest = after;
    }
    (boxes, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::make_box;

    fn stsd(entry: &[u8]) -> Vec<u8> {
        [&[0, 0, 0, 0, 0, 0, 0, 1][..], entry].concat()
    }

    /// The fields of a description of sound of QuickTime, with 2 channels at 48 kHz.
    fn fields(version: u8) -> Vec<u8> {
        let mut b = vec![0; [28, 44, 64][usize::from(version)]];
        (b[7], b[9]) = (1, version);
        match version {
            2 => {
                // Numbers that are always the same, and stand for nothing.
                (b[17], b[19], b[20], b[21], b[25]) = (3, 16, 0xff, 0xfe, 1);
                b[32..40].copy_from_slice(&48_000f64.to_bits().to_be_bytes());
                b[43] = 2;
            }
            _ => (b[17], b[19], b[20], b[21], b[24], b[25]) = (2, 16, 0xff, 0xfe, 187, 128),
        }
        b
    }

    /// What both say in the usual form.
    fn usual() -> Vec<u8> {
        let mut b = vec![0; 28];
        (b[7], b[17], b[19], b[24], b[25]) = (1, 2, 16, 187, 128);
        b
    }

    fn wave() -> Vec<u8> {
        let end = make_box(&[0; 4], []);
        let inner = [make_box(b"frma", b"mp4a"), make_box(b"mp4a", [0; 4]), make_box(b"esds", b"12345"), end];
        make_box(b"wave", inner.concat())
    }

    #[test]
    fn sound_of_quicktime_has_fields_and_boxes_of_the_usual_form() {
        let (chan, esds) = (make_box(b"chan", [0; 12]), make_box(b"esds", b"12345"));
        let expected = stsd(&make_box(b"mp4a", [usual(), esds, chan.clone()].concat()));
        for version in [1, 2] {
            for end in [&[][..], &[0; 4], &[0, 0, 0, 8, 0, 0, 0, 0]] {
                let entry = [&fields(version), &wave(), &chan, end].concat();
                let written = usual_form(&stsd(&make_box(b"mp4a", entry)), BoxType(*b"soun"));
                assert_eq!(written.as_ref(), Some(&expected), "{version} {end:?}");
            }
        }
        // Once is enough.
        assert_eq!(usual_form(&expected, BoxType(*b"soun")), None);
    }

    #[test]
    fn what_ends_the_boxes_of_a_picture_is_left_out() {
        let boxes = [make_box(b"avcC", [1; 9]), make_box(b"pasp", [0; 8])].concat();
        let entry = |end: &[u8]| stsd(&make_box(b"avc1", [&[7; 78][..], &boxes, end].concat()));
        assert_eq!(usual_form(&entry(&[0; 4]), BoxType(*b"vide")), Some(entry(&[])));
        assert_eq!(usual_form(&entry(&[]), BoxType(*b"vide")), None);
        // What is behind the description stays.
        let second = make_box(b"avc1", [3; 20]);
        let both = |end: &[u8]| [entry(end), second.clone()].concat();
        assert_eq!(usual_form(&both(&[0; 4]), BoxType(*b"vide")), Some(both(&[])));
    }

    #[test]
    fn what_is_in_another_form_stays() {
        let of =
            |coding: &[u8; 4], fields: &[u8], boxes: &[u8]| stsd(&make_box(coding, [fields, boxes].concat()));
        let wave = wave();
        for (what, stsd) in [
            ("fields that the decoder needs", of(b"lpcm", &fields(2), &wave)),
            ("no boxes", of(b"mp4a", &fields(1), b"\xff\xff\xff\xffxxxx")),
            ("too short", of(b"mp4a", &fields(1)[..40], b"")),
            ("the usual form", of(b"mp4a", &usual(), &make_box(b"esds", b"1"))),
            ("nothing", Vec::new()),
        ] {
            assert_eq!(usual_form(&stsd, BoxType(*b"soun")), None, "{what}");
        }
        // ISO/IEC 14496-12, 12.2.3: version 1 in an `stsd` of version 1 is the usual form.
        let mut version_1 = of(b"mp4a", &fields(1)[..28], &make_box(b"esds", b"1"));
        version_1[0] = 1;
        assert_eq!(usual_form(&version_1, BoxType(*b"soun")), None);
        assert_eq!(usual_form(&stsd(&make_box(b"raw ", [0; 90])), BoxType(*b"vide")), None);
    }
}
