//! Small tables that few files have: `stsh`, `subs` and `csgp`. They are cut in memory.

use crate::boxes::{BoxType, CsgpBox, SubsEntries, SubsEntry, SubsWriter, read_stsh, write_sbgp, write_stsh};
use crate::limits;
use crate::seek::SampleRange;

/// Cuts an `stsh` or a `subs` to the samples of a clip. `None` when it is malformed,
/// or takes too long.
pub(super) fn cut(box_type: BoxType, payload: &[u8], ranges: &[SampleRange]) -> Option<Vec<u8>> {
    // It is gone through for each part.
    let parts = SampleRange::in_file_order(ranges).count();
    if payload.len().saturating_mul(parts) > limits::SMALL_BOX * limits::SCENES {
        return None;
    }
    match &box_type.0 {
        b"stsh" => cut_stsh(payload, ranges),
        _ => cut_subs(payload, ranges),
    }
}

/// Shadow sync samples (ISO/IEC 14496-12, 8.6.3). A pair stays if both samples are in the clip, in
/// scenes of which none goes back to what is before another.
fn cut_stsh(payload: &[u8], ranges: &[SampleRange]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    for ranges in SampleRange::in_file_order(ranges) {
        let moved = |sample| SampleRange::find(ranges, sample);
        let pairs = read_stsh(payload)?;
        kept.extend(pairs.filter_map(|(shadowed, sync)| Some((moved(shadowed)?, moved(sync)?))));
        if kept.len() > limits::SMALL_BOX / 8 {
            return None;
        }
    }
    let mut out = Vec::new();
    write_stsh(&mut out, &kept);
    Some(out)
}

/// Subsamples (8.7.7). Each entry counts its sample from that of the entry before it.
fn cut_subs(payload: &[u8], ranges: &[SampleRange]) -> Option<Vec<u8>> {
    let (head, _) = SubsEntries::of(payload)?;
    let mut kept = SubsWriter::new(head);
    for ranges in SampleRange::in_file_order(ranges) {
        let (_, entries) = SubsEntries::of(payload)?;
        for entry in entries {
            let SubsEntry { sample, parts } = entry?;
            if let Some(sample) = sample.and_then(|sample| SampleRange::find(ranges, sample)) {
                kept.push(sample, parts);
            }
        }
        if kept.len() > limits::SMALL_BOX {
            return None;
        }
    }
    let mut out = Vec::new();
    kept.write(&mut out);
    Some(out)
}

/// Cuts compact sample groups (8.9.5) to the samples of a clip, where samples that they say nothing
/// of are in the group `default`. They become the `sbgp` that says the same. `None` when they are
/// malformed.
pub(super) fn cut_csgp(payload: &[u8], ranges: &[SampleRange], default: u32) -> Option<Vec<u8>> {
    let samples: Vec<_> = ranges.iter().map(|range| range.samples.clone()).collect();
    let CsgpBox { grouping, parameter, runs } = CsgpBox::read(payload, &samples, default, usize::MAX)?;
    let mut out = Vec::new();
    write_sbgp(&mut out, grouping, parameter, &runs);
    Some(out)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::numbers::SampleNumber;
    use crate::time::MediaTime;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    fn cut_words(box_type: &[u8; 4], payload: &[u8], samples: Range<u32>) -> Option<Vec<u8>> {
        cut_to(box_type, payload, [samples])
    }

    fn cut_to<const N: usize>(
        box_type: &[u8; 4],
        payload: &[u8],
        ranges: [Range<u32>; N],
    ) -> Option<Vec<u8>> {
        let mut place = SampleNumber::FIRST;
        let ranges = ranges.map(|samples| {
            let samples = SampleNumber(samples.start)..SampleNumber(samples.end);
            let range = SampleRange {
                samples,
                place,
                joined_until: SampleNumber::FIRST,
                lead_in: None,
                first_sample_trim: MediaTime(0),
                gap: MediaTime(0),
                ending: Vec::new(),
            };
            place = place + range.len();
            range
        });
        let cut = match box_type {
            b"csgp" => cut_csgp(payload, &ranges, 5),
            _ => cut(BoxType(*box_type), payload, &ranges),
        };
        cut.map(|b| b[8..].to_vec())
    }

    #[test]
    fn shadow_samples_move_with_those_they_shadow() {
        let payload = words(&[0, 3, 2, 1, 5, 4, 9, 8]);
        assert_eq!(cut_words(b"stsh", &payload, 3..9).unwrap(), words(&[0, 2, 2, 1, 6, 5]));
        assert_eq!(cut_words(b"stsh", &payload, 4..6).unwrap(), words(&[0, 0]));
        // Samples 1 and 2 become 1 and 2, 4 and 5 become 3 and 4; 9 shadows 8, which is not there.
        let apart = cut_to(b"stsh", &payload, [0..2, 3..5, 8..9]).unwrap();
        assert_eq!(apart, words(&[0, 2, 2, 1, 4, 3]));
        assert_eq!(cut_words(b"stsh", &payload[..20], 0..9), None);
    }

    #[test]
    fn subsamples_are_counted_from_the_clips_first_sample() {
        let part = [0, 9, 1, 0, 0, 0, 0, 0];
        let entry = |delta: u32, parts: u16| {
            [&delta.to_be_bytes()[..], &parts.to_be_bytes(), &part.repeat(parts.into())].concat()
        };
        let all = [words(&[0, 3]), entry(2, 1), entry(3, 2), entry(4, 0)].concat();
        // Samples 2, 5 and 9.
        assert_eq!(
            cut_words(b"subs", &all, 1..5).unwrap(),
            [words(&[0, 2]), entry(1, 1), entry(3, 2)].concat()
        );
        assert_eq!(
            cut_words(b"subs", &all, 4..20).unwrap(),
            [words(&[0, 2]), entry(1, 2), entry(4, 0)].concat()
        );
        // Sample 2 becomes 1, sample 9 becomes 4.
        assert_eq!(
            cut_to(b"subs", &all, [1..3, 7..9]).unwrap(),
            [words(&[0, 2]), entry(1, 1), entry(3, 0)].concat()
        );
        assert_eq!(cut_words(b"subs", &all[..all.len() - 3], 0..20), None);
    }

    #[test]
    fn compact_groups_become_plain_ones() {
        // Pattern lengths and counts of 8 bits, indices of 4: (1 2 2) over 7 samples, (0) over 3.
        let payload = [words(&[0x14, 0x726f_6c6c, 2]), vec![3, 7, 1, 3, 0x12, 0x20]].concat();
        let all = words(&[0, 0x726f_6c6c, 6, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 3, 0]);
        assert_eq!(cut_words(b"csgp", &payload, 0..10).unwrap(), all);
        let part = words(&[0, 0x726f_6c6c, 3, 1, 2, 1, 1, 1, 2]);
        assert_eq!(cut_words(b"csgp", &payload, 2..5).unwrap(), part);
        let apart = words(&[0, 0x726f_6c6c, 4, 1, 2, 1, 1, 1, 2, 2, 0]);
        assert_eq!(cut_to(b"csgp", &payload, [2..4, 5..6, 8..10]).unwrap(), apart);
        let going_back = words(&[0, 0x726f_6c6c, 5, 1, 2, 2, 0, 1, 2, 1, 1, 1, 2]);
        assert_eq!(cut_to(b"csgp", &payload, [5..6, 8..10, 2..5]).unwrap(), going_back);
        // Those behind the last pattern are in the default group, in the middle as at the end.
        let behind = words(&[0, 0x726f_6c6c, 4, 1, 0, 3, 5, 1, 2, 2, 5]);
        assert_eq!(cut_to(b"csgp", &payload, [9..13, 5..6, 30..32]).unwrap(), behind);
        assert_eq!(cut_words(b"csgp", &payload[..15], 0..10), None);
    }
}
