//! Where to begin with open groups of pictures in H.264.
//!
//! Pictures that follow a sync sample in decode order and precede it in composition order may refer
//! to pictures from before it. A clip presents none of them, but its decoder is given them. Most
//! decoders conceal what they lack; Chromium ends with an error where such a picture is itself
//! referred to. The clip therefore begins at an earlier sync sample that no such pictures follow, as
//! none follows an IDR picture, if that is near. What is decoded from there on is hidden.

use crate::boxes::{FormatError, JointRuns, SyncSamples};
use crate::index::{SampleTable, Track};
use crate::limits;
use crate::source::ReadAt;

/// The sample to begin decoding at, rather than at `first`: the last sync sample not after it that no
/// picture is reordered across, where there is one not too far before. Else `first`.
pub(super) fn closed_before<R: ReadAt>(track: &Track, source: &R, first: u32) -> Result<u32, FormatError> {
    let samples = &track.samples;
    let is_h264 = matches!(&track.coding.0, b"avc1" | b"avc2" | b"avc3" | b"avc4");
    let Some(table) = samples.listed_sync().filter(|_| is_h264 && samples.ctts.is_some()) else {
        return Ok(first);
    };
    let before = SyncSamples::listed_before(table, source, first.saturating_add(1))?;
    let earliest = {
        let back = u64::from(track.mdhd.timescale).saturating_mul(limits::CLOSED_GOP_SECONDS);
        samples.dts(source, first)?.saturating_sub_unsigned(back)
    };
    for entry in (0..before).rev().take(limits::SYNC_STEPS as usize) {
        let number = SyncSamples::listed(table, source, entry)?;
        let Some(sync) = number.checked_sub(1).filter(|&sync| sync <= first) else { break };
        if samples.dts(source, sync)? < earliest
            || samples.sizes.bytes(source, sync..first)? > limits::CLOSED_GOP_BYTES
        {
            break;
        }
        if !has_leading(samples, source, sync)? {
            return Ok(sync);
        }
    }
    Ok(first)
}

/// Whether a sample after `sync` in decode order comes before it in composition order.
fn has_leading<R: ReadAt>(samples: &SampleTable, source: &R, sync: u32) -> Result<bool, FormatError> {
    let presented = samples.cts(source, sync)?;
    let mut left = samples.reorder();
    let next = sync.saturating_add(1);
    if left == 0 || next >= samples.count {
        return Ok(false);
    }
    for run in JointRuns::from(source, &samples.stts, samples.ctts.as_ref(), next, samples.base)? {
        let run = run?;
        // Within a run, samples are composed in decode order.
        if run.cts(0) < presented {
            return Ok(true);
        }
        left = left.saturating_sub(run.count);
        if left == 0 {
            break;
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Film, Sample, TrackSpec, clip, expand};

    /// Groups of 41 pictures in decode order. The first is a sync sample that no picture is reordered
    /// across. Each fourth after it is decoded before the three presented before it, and every other
    /// one of these is a sync sample.
    fn open_groups(timescale: u32) -> TrackSpec {
        let samples = (0..123).map(|n| {
            let within = n % 41;
            let (offset, sync) = match (within, within % 4) {
                (0, _) => (1, true),
                (_, 1) => (4, within % 8 == 5),
                _ => (0, false),
            };
            Sample { delta: 1, offset, sync, size: 20 }
        });
        TrackSpec::new(b"vide", b"avc1", timescale, samples.collect())
    }

    /// The sample of the film that a clip begins with, and the one that it presents first.
    fn begun(film: &TrackSpec, query: &str) -> (usize, usize) {
        let clip = expand(&clip(&Film::of(vec![film.clone()]).build(), query).unwrap()).swap_remove(0);
        let place = |bytes: &[u8]| (0..123).find(|&n| Film::sample_bytes(0, n, 20) == bytes).unwrap();
        (place(&clip.samples[0].bytes), place(&clip.shown()[0].bytes))
    }

    #[test]
    fn a_clip_begins_with_a_closed_group_if_one_is_near() {
        let film = open_groups(25);
        // Composed at 41 + 21 + 4.
        assert_eq!(begun(&film, "start=2.64"), (41, 62));
        assert_eq!(begun(&film, "start=2.8&mode=keyframe"), (41, 62));
        assert_eq!(begun(&film, "start=2.8&mode=exact").0, 41);
        // A group that is closed itself.
        assert_eq!(begun(&film, "start=1.68"), (41, 41));
    }

    #[test]
    fn it_begins_with_the_open_group_if_no_closed_one_is_near() {
        assert_eq!(begun(&open_groups(1), "start=66"), (62, 62));
        // Ten seconds before.
        assert_eq!(begun(&open_groups(1), "start=50"), (41, 46));
    }

    #[test]
    fn other_codings_tell_their_decoders_what_to_leave_out() {
        let mut film = open_groups(25);
        film.coding = *b"hvc1";
        assert_eq!(begun(&film, "start=2.64"), (62, 62));
    }
}
