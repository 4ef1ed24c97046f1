//! WebVTT (ISO/IEC 14496-30, clause 7): `vttC` of the sample description, and the boxes of samples.
//!
//! ```text
//! a sample  vttc for each cue, or one vtte where there is none; vtta for text between cues
//! vttc      vsid (source_ID), iden (cue_id), ctim (cue_current_time), sttg (settings), payl
//! ```

use super::nested::nested_boxes;
use super::{BoxHeader, FormatError, Reader, u32_at};
use crate::source::ReadAt;

/// Bytes of a `SampleEntry` (8.5.2.2) before the boxes in it.
const SAMPLE_ENTRY: u64 = 8;

/// A cue of a sample. Its strings are those of the file, and may hold anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VttCue<'a> {
    /// The cues of this number in neighbouring samples are one cue.
    pub source_id: Option<u32>,
    /// The identifier.
    pub id: &'a [u8],
    /// The time that the timestamps in the text count from: when the sample begins for them.
    pub current_time: Option<&'a [u8]>,
    /// The settings.
    pub settings: &'a [u8],
    /// The text.
    pub payload: &'a [u8],
}

/// The cues of a sample, up to what is no box.
pub fn read_vtt_sample(sample: &[u8]) -> impl Iterator<Item = VttCue<'_>> {
    nested_boxes(sample).filter(|(box_type, _)| &box_type.0 == b"vttc").map(|(_, vttc)| {
        let mut cue = VttCue::default();
        for (box_type, content) in nested_boxes(vttc) {
            match &box_type.0 {
                b"vsid" if content.len() >= 4 => cue.source_id = Some(u32_at(content, 0)),
                b"iden" => cue.id = content,
                b"ctim" => cue.current_time = Some(content),
                b"sttg" => cue.settings = content,
                b"payl" => cue.payload = content,
                _ => {}
            }
        }
        cue
    })
}

/// The header of the WebVTT file (`vttC`) in a sample description; empty where there is none.
///
/// # Errors
/// When the box is too large, or the file cannot be read.
pub fn read_vtt_header<R: ReadAt>(
    reader: &mut Reader<'_, R>,
    entry: &BoxHeader,
) -> Result<Vec<u8>, FormatError> {
    let (children, _) =
        reader.readable_children(entry.payload().saturating_add(SAMPLE_ENTRY), entry.end())?;
    let found = children.iter().find(|b| &b.box_type.0 == b"vttC");
    found.map_or(Ok(Vec::new()), |header| Ok(reader.payload(header, 0)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{make_box, read_box};

    #[test]
    fn the_cues_of_a_sample_are_read() {
        let first = [
            make_box(b"vsid", [0, 0, 0, 7]),
            make_box(b"iden", b"one"),
            make_box(b"ctim", b"00:01.000"),
            make_box(b"sttg", b"line:0"),
            make_box(b"payl", b"Hi"),
        ];
        let second = [make_box(b"payl", b"Ho"), b"\0\0\0\xffiden".to_vec()];
        let boxes = [
            make_box(b"vttc", first.concat()),
            make_box(b"vtta", b"NOTE"),
            make_box(b"vttc", second.concat()),
        ];
        let sample = boxes.concat();
        let cues: Vec<_> = read_vtt_sample(&sample).collect();
        let one = VttCue {
            source_id: Some(7),
            id: b"one",
            current_time: Some(b"00:01.000"),
            settings: b"line:0",
            payload: b"Hi",
        };
        assert_eq!(cues, [one, VttCue { payload: b"Ho", ..VttCue::default() }]);
        assert_eq!(read_vtt_sample(&make_box(b"vtte", [])).count(), 0);
    }

    #[test]
    fn the_header_stands_in_the_sample_description() {
        let read = |boxes: Vec<u8>| {
            let entry = make_box(b"wvtt", [&[0; 8][..], &boxes].concat());
            read_box(entry, read_vtt_header).unwrap()
        };
        let boxes = [make_box(b"vlab", b"x"), make_box(b"vttC", b"WEBVTT - Title")];
        assert_eq!(read(boxes.concat()), b"WEBVTT - Title");
        assert_eq!(read(Vec::new()), b"");
    }
}
