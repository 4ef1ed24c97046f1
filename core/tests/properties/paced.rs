//! What is sent by a time is what is presented before it.

use std::time::Duration;

use mp4seek::pace::{Pace, Schedule};
use mp4seek::virtual_file::VirtualFile;
use mp4seek::{Answer, Error, Settings};
use proptest::prelude::*;
use test_boxes::{Expanded, Film, Sample, TrackSpec, boxes, expand, expand_fragments, position};

use super::check::TICK;
use super::common::{identity, seeker};
use super::config;
use super::generate::film;

/// An answer as it is asked for, and its bytes.
fn answer(source: &Vec<u8>, query: &str) -> Option<(Box<VirtualFile>, Vec<u8>)> {
    let settings = Settings { lays_out_whole: true, ..Settings::default() };
    let file = match seeker().answer(source, &identity(source), query.as_bytes(), &settings) {
        Ok(Answer::Film(file)) => file,
        Ok(Answer::Plain(_)) | Err(Error::Empty { .. }) => return None,
        Err(error) => unreachable!("{query}: {error}"),
    };
    let mut bytes = vec![0; usize::try_from(file.len()).unwrap()];
    file.read_at(source, 0, &mut bytes).unwrap();
    Some((file, bytes))
}

/// The tracks of a clip whose media has to be there in time.
fn counted<'a>(film: &[Expanded], clip: &'a [Expanded]) -> Vec<&'a Expanded> {
    let held = |id| film.iter().find(|of| of.id == id).is_some_and(|of| of.samples.len() > 1);
    let is_played = |t: &&Expanded| matches!(&t.handler, b"vide" | b"soun") && held(t.id);
    let played: Vec<_> = clip.iter().filter(is_played).collect();
    if played.is_empty() { clip.iter().collect() } else { played }
}

/// Where in the clip the furthest of the samples ends that are shown before a time.
fn furthest(tracks: &[&Expanded], bytes: &[u8], time: f64) -> usize {
    let shown = tracks.iter().flat_map(|track| track.shown()).filter(|shown| shown.from < time);
    shown.map(|shown| position(bytes, &shown.bytes) + shown.bytes.len()).max().unwrap_or(0)
}

/// The same of samples that would be shown by then, though they are hidden: of tracks with one edit.
fn furthest_decoded(tracks: &[&Expanded], bytes: &[u8], time: f64) -> usize {
    let ends = tracks.iter().flat_map(|track| {
        let edit = track.edits.iter().find(|edit| edit.1 >= 0).unwrap();
        let waits: u64 = track.edits.iter().take_while(|edit| edit.1 < 0).map(|edit| edit.0).sum();
        let waits = waits as f64 / f64::from(track.movie_timescale);
        let shown = move |cts: i64| (cts - edit.1) as f64 / f64::from(track.timescale) + waits;
        track.samples.iter().filter(move |sample| shown(sample.cts) < time)
    });
    ends.map(|sample| position(bytes, &sample.bytes) + sample.bytes.len()).max().unwrap_or(0)
}

/// A query for a clip of a film, and when it begins and ends.
fn query(film: &[Expanded], (start, length): (f64, f64), format: &str) -> String {
    let total = film.iter().flat_map(Expanded::shown).map(|s| s.to).fold(0.0, f64::max);
    let start = (start * total * 1000.0).round() / 1000.0;
    let end = start + (length * total * 1000.0).round().max(1.0) / 1000.0;
    format!("start={start}&end={end}&format={format}")
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_presented_before_a_time_is_sent_by_then(
        film in film(),
        clip in (0.0..0.95f64, 0.02..1.0f64),
        format in prop::sample::select(vec!["mp4", "fmp4"]),
        times in prop::collection::vec(0.0..1.1f64, 1..8),
    ) {
        let source = Film::build(&film);
        let of = expand(&source);
        let Some((file, bytes)) = answer(&source, &query(&of, clip, format)) else { return Ok(()) };
        let is_flat = boxes(&bytes).iter().all(|b| &b.box_type != b"moof");
        let held = if is_flat { expand(&bytes) } else { expand_fragments(&bytes) };
        let tracks = counted(&of, &held);
        let lasts = tracks.iter().flat_map(|t| t.shown()).map(|s| s.to).fold(0.0, f64::max);
        let head = boxes(&bytes).into_iter().find(|b| matches!(&b.box_type, b"mdat" | b"moof")).unwrap();
        let head = if is_flat { head.content.start } else { head.whole.start } as u64;
        let lasting = |t: &Expanded| t.samples.iter().map(|s| f64::from(s.delta) / f64::from(t.timescale)).fold(0.0, f64::max);
        let frame = of.iter().map(lasting).fold(0.0, f64::max);
        let before = |time: f64| file.presented_before(&source, Duration::from_secs_f64(time)).unwrap();

        prop_assert_eq!(before(0.0), head);
        prop_assert_eq!(before(lasts + 1e6), file.len());
        let mut times: Vec<f64> = times.into_iter().map(|time| time * lasts).collect();
        times.sort_by(f64::total_cmp);
        let mut last = head;
        for time in times {
            let end = before(time);
            prop_assert!(end >= last && end <= file.len(), "{} after {} at {}", end, last, time);
            last = end;
            let needed = furthest(&tracks, &bytes, time - TICK) as u64;
            prop_assert!(needed <= end, "{} of {} needed at {}", end, needed, time);
            // An edit that dwells, or plays again what was shown, has a time of its own.
            let is_plain = held.iter().all(|track| track.edits.iter().filter(|e| e.1 >= 0).count() == 1);
            if is_flat && is_plain && end < file.len() {
                // What lies before a picture of the film that the clip leaves out may be sent, too.
                let most = furthest_decoded(&tracks, &bytes, time + TICK + 4.0 * frame) as u64;
                prop_assert!(end <= most.max(head), "{} sent of {} at {}", end, most, time);
            }
            // And back: from there on one can play up to that time.
            let until = file.playable_until(&source, end).unwrap();
            let millis = Duration::from_millis(1);
            if end < file.len() {
                prop_assert!(until + millis > Duration::from_secs_f64(time), "{:?} for {}", until, time);
                prop_assert!(file.presented_before(&source, until + millis).unwrap() > end);
            }
        }
    }

    /// So that all of a film can be held back, where its metadata precedes its media, too.
    #[test]
    fn all_of_a_film_can_be_laid_out(film in film(), moov_first in any::<bool>()) {
        let source = Film { moov_first, ..film }.build();
        let (file, bytes) = answer(&source, "").unwrap();
        let shown = |film: &[u8]| -> Vec<_> {
            let shown = |track: &Expanded| track.shown().into_iter().map(|s| (s.bytes, s.from, s.to)).collect();
            expand(film).iter().map(shown).collect::<Vec<Vec<_>>>()
        };
        prop_assert_eq!(shown(&bytes), shown(&source));
        prop_assert_eq!(file.presented_before(&source, Duration::from_secs(1 << 30)).unwrap(), file.len());
    }

    #[test]
    fn a_range_has_its_own_start(
        film in film(),
        clip in (0.0..0.5f64, 0.5..1.0f64),
        from in 0u64..1000,
        pace in (0u32..4, prop::sample::select(vec![0u32, 0, 300, 5000])),
    ) {
        let source = Film::build(&film);
        let Some((file, _)) = answer(&source, &query(&expand(&source), clip, "mp4")) else { return Ok(()) };
        let from = from * file.len() / 1000;
        let pace = Pace { lead_in: pace.0, rate: pace.1 };
        let mut schedule = Schedule::of(pace, &file, &source, from..file.len()).unwrap();
        let mut allowed = |millis| schedule.allowed(&file, &source, Duration::from_millis(millis)).unwrap();
        let mut last = from;
        for millis in (0..5000).step_by(250) {
            let now = allowed(millis);
            prop_assert!(now >= last && now <= file.len());
            if pace.rate > 0 && millis > 0 {
                prop_assert!(now - last <= u64::from(pace.rate) / 4 + 1);
                let due = (from + u64::from(pace.rate) * millis / 1000).min(file.len());
                prop_assert!(now + 1 >= due, "{} of {} after {} ms", now, due, millis);
            }
            if !pace.is_on() {
                prop_assert_eq!(now, file.len());
            }
            if pace.rate == 0 && pace.lead_in > 0 {
                let begins = file.playable_until(&source, from).unwrap();
                let time = begins + Duration::from_millis(u64::from(pace.lead_in) * 1000 + millis);
                prop_assert_eq!(now, file.presented_before(&source, time).unwrap().max(from));
            }
            last = now;
        }
        prop_assert_eq!(allowed(1 << 40), file.len());
        // What was allowed stays so.
        prop_assert_eq!(allowed(0), file.len());
    }
}

/// Of a track that has ended, the frame that stays is needed, and not what is decoded behind it for
/// what was presented before.
#[test]
fn a_track_that_has_ended_is_sent_up_to_its_last_frame() {
    let offset = |n: u32| match n % 7 {
        0 => 1491,
        1 | 4 => 4473,
        _ => 0,
    };
    let sample = |n| Sample { delta: 1491, offset: offset(n), sync: n % 7 == 0, size: 8 };
    let video = TrackSpec::new(b"vide", b"avc1", 12_800, (0..18).map(sample).collect());
    // The last frame that is presented is the twelfth to be decoded.
    let shown = (108, 19_499, 0x10000);
    let audio = TrackSpec { timescale: 44_100, chunking: vec![1], edits: vec![], ..TrackSpec::audio(67) };
    // Also where its edit list goes on with nothing, with what is before its first frame, or with what is
    // behind its last.
    let empty = [(1000, -1, 0x10000), (1, -1, 0x10000)];
    let (before, behind) = ([(2, 0, 0x10000)], [(2, 90_000, 0x10000)]);
    for later in [&[][..], &empty, &before, &behind] {
        let edits = [&[shown], later].concat();
        let video = TrackSpec { edits, chunking: vec![1], ..video.clone() };
        let source = Film::of(vec![video, audio.clone()]).build();
        let (file, bytes) = answer(&source, "start=0.936").unwrap();
        let tracks = expand(&bytes);
        let ends = |sample: &test_boxes::One| (position(&bytes, &sample.bytes) + sample.bytes.len()) as u64;
        let last_frame = ends(tracks[0].samples.last().unwrap());
        let end = file.presented_before(&source, Duration::from_millis(60)).unwrap();
        assert_eq!(end, last_frame);
    }
}
