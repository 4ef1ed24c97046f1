//! Where decoding begins in H.264 with open groups of pictures.
//!
//! A picture that follows a sync sample in decode order and precedes it in composition order may
//! refer to pictures before the sync sample. A clip presents no such picture, but its decoder gets
//! them. Most decoders conceal what they lack. Chromium ends with an error if another picture
//! refers to one of them. A gradual refresh shows remains of other pictures until it is complete.
//! The clip therefore begins at an IDR picture, if one is near, because no picture after it refers
//! to one before it. The samples from there on are hidden, and the clip lists none of them as a
//! sync sample up to where it would have begun: libavformat begins at the last sync sample before
//! the edit.

use crate::boxes::{FormatError, SyncSamples};
use crate::index::{SampleTable, Track};
use crate::limits;
use crate::numbers::SampleNumber;
use crate::source::ReadAt;
use crate::time::MediaTime;

/// The sample to begin decoding at instead of `first`: the last IDR picture up to it, or else the
/// last sync sample that no picture is reordered across, or else `first`. None is far before
/// `first`.
pub(super) fn closed_before<R: ReadAt>(
    track: &Track,
    source: &R,
    first: SampleNumber,
) -> Result<SampleNumber, FormatError> {
    let samples = &track.samples;
    let (Some(table), Some(pictures)) = (samples.listed_sync(), track.avc()) else { return Ok(first) };
    let mut chunk = samples.chunk_of(source, first)?;
    // The first slice of the sample is that of an IDR picture.
    let mut is_idr = |sample| pictures.can_begin_at(source, samples.place_of(source, &mut chunk, sample)?);
    if is_idr(first)? {
        return Ok(first);
    }
    let back = u64::from(track.mdhd.timescale).saturating_mul(limits::CLOSED_GOP_SECONDS);
    let earliest = samples.dts(source, first)? - MediaTime::of_duration(back);
    let mut closed = None;
    for sync in SyncSamples::listed_back(table, source, samples.count, first)?.take(limits::CLOSED_GOP_STEPS)
    {
        let sync = sync?;
        let is_near = sync <= first
            && samples.dts(source, sync)? >= earliest
            && samples.bytes(source, sync..first)? <= limits::CLOSED_GOP_BYTES;
        if !is_near {
            break;
        }
        if sync < first && is_idr(sync)? {
            return Ok(sync);
        }
        if closed.is_none() && !has_leading(samples, source, sync)? {
            closed = Some(sync);
        }
    }
    Ok(closed.unwrap_or(first))
}

/// Whether a sample after `sync` in decode order comes before it in composition order.
fn has_leading<R: ReadAt>(
    samples: &SampleTable,
    source: &R,
    sync: SampleNumber,
) -> Result<bool, FormatError> {
    let presented = samples.cts(source, sync)?;
    let reordered = samples.reorder();
    let next = sync.next();
    if reordered == 0 || next >= samples.end_number() {
        return Ok(false);
    }
    for sample in samples.joint_at(source, next)?.samples().take(reordered as usize) {
        if sample?.cts(0) < presented {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use crate::request::{Restrictions, Settings, Window};
    use crate::testing::{Film, Sample, TrackSpec, clip, expand, identity, make_box};
    use crate::{Answer, Seeker};

    /// Units of an IDR picture and of another.
    const IDR: u8 = 0x65;
    const OTHER: u8 = 0x41;

    /// Groups of 41 pictures in decode order. The first is a sync sample that no picture is
    /// reordered across. Each fourth after it is decoded before the three presented before it, and
    /// every other one of these is a sync sample. `idr` says which samples are IDR pictures.
    fn open_groups(timescale: u32, idr: &[usize]) -> Vec<u8> {
        let samples = (0..123).map(|n| {
            let within = n % 41;
            let (offset, sync) = match (within, within % 4) {
                (0, _) => (1, true),
                (_, 1) => (4, within % 8 == 5),
                _ => (0, false),
            };
            Sample { delta: 1, offset, sync, size: 20 }
        });
        let mut track = TrackSpec::new(b"vide", b"avc1", timescale, samples.collect());
        let configuration = make_box(b"avcC", vec![0, 0, 0, 0, 0xff, 0, 0, 0]);
        track.in_entry = vec![vec![0; 50], configuration];
        let mut film = Film::of(vec![track]).build();
        for n in 0..123 {
            let name = Film::sample_bytes(0, n, 20);
            let at = film.windows(name.len()).position(|w| w == name).unwrap();
            let unit = if idr.contains(&n) { IDR } else { OTHER };
            film[at..at + 5].copy_from_slice(&[0, 0, 0, 16, unit]);
            film[at + 5] = u8::try_from(n).unwrap();
        }
        film
    }

    /// The sample of the file that a clip begins with, and the one that it presents first.
    fn begun(film: &[u8], query: &str) -> (u8, u8) {
        let clip = expand(&clip(film, query).unwrap()).swap_remove(0);
        (clip.samples[0].bytes[5], clip.shown()[0].bytes[5])
    }

    #[test]
    fn a_clip_begins_with_an_idr_picture_if_one_is_near() {
        let film = open_groups(25, &[0, 82]);
        // Sample 62 is a sync sample, composed at 66.
        assert_eq!(begun(&film, "start=2.64"), (0, 62));
        assert_eq!(begun(&film, "start=2.8&mode=keyframe"), (0, 62));
        assert_eq!(begun(&film, "start=3.32"), (82, 82));
        assert_eq!(begun(&open_groups(25, &[0, 54]), "start=2.64"), (54, 62));
    }

    #[test]
    fn no_sync_sample_is_hidden_behind_an_idr_picture() {
        let clip = clip(&open_groups(25, &[0, 82]), "start=2.64").unwrap();
        let listed = expand(&clip)[0].boxes[b"stss"][8..].to_vec();
        let listed: Vec<_> = listed.chunks_exact(4).map(|n| n[3]).collect();
        assert_eq!(listed, [1, 71, 79, 83, 88, 96, 104, 112, 120]);
    }

    #[test]
    fn a_closed_group_begins_the_clip_where_there_is_no_idr_picture() {
        let film = open_groups(25, &[]);
        assert_eq!(begun(&film, "start=2.64"), (41, 62));
        assert_eq!(begun(&film, "start=2.8&mode=keyframe"), (41, 62));
        assert_eq!(begun(&film, "start=1.68"), (41, 41));
    }

    #[test]
    fn what_may_not_be_seen_is_not_near() {
        let begun = |window: &str, query: &str| {
            let window = Window::from_directive(window.as_bytes());
            let restrictions = Restrictions { window, ..Restrictions::default() };
            let settings = Settings { restrictions, ..Settings::default() };
            let film = open_groups(25, &[0, 82]);
            let answer = Seeker::default().answer(&film, &identity(&film), query.as_bytes(), &settings);
            let Ok(Answer::Film(file)) = answer else { panic!("{answer:?}") };
            let mut clip = vec![0; usize::try_from(file.len()).unwrap()];
            file.read_at(&film, 0, &mut clip).unwrap();
            (expand(&clip)[0].samples[0].bytes[5], file.etag().to_owned())
        };
        let in_window = begun("2-", "start=2.64&mode=keyframe");
        let (exact, whole) = (begun("2-", "start=2.64&mode=exact"), begun("0-", "start=2.64&mode=keyframe"));
        assert_eq!((in_window.0, exact.0, whole.0), (62, 0, 0));
        // Other bytes have another tag.
        assert!(in_window.1 != exact.1 && in_window.1 != whole.1, "{in_window:?} {exact:?} {whole:?}");
    }

    #[test]
    fn nothing_farther_than_ten_seconds_is_near() {
        let film = open_groups(1, &[0, 41, 82]);
        assert_eq!(begun(&film, "start=66"), (62, 62));
        assert_eq!(begun(&film, "start=50"), (41, 46));
    }

    #[test]
    fn other_codings_tell_their_decoders_what_to_leave_out() {
        let mut film = open_groups(25, &[0]);
        let at = film.windows(4).position(|w| w == b"avcC").unwrap();
        film[at..at + 4].copy_from_slice(b"hvcC");
        assert_eq!(begun(&film, "start=2.64"), (62, 62));
    }
}
